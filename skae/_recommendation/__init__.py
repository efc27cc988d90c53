"""What a recommender knows beside its networks: ratings, clicks, names, hidden entries, ranks."""
