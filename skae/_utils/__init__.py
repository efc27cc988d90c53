"""Checks, names, named parts, random state, and private names of scikit-learn."""
