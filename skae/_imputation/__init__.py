"""Imputed values and their errors."""
