"""Labels, pseudo-labels and the training of classifiers."""
