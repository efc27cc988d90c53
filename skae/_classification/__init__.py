"""Labels, pseudo-labels and the training of a classifier."""
