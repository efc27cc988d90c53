"""The first weights of a network: the start at PCA."""
