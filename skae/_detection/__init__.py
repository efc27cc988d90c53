"""What a detector knows beside its networks."""
