"""Validation of X, and its rows in blocks and batches."""
