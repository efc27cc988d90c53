"""Several networks of the same shape that are trained in one pass, with the same numbers."""
