"""Imputed values, their errors, and ratings."""
