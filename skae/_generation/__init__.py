"""Sampling, posteriors and bounds of the log-likelihood."""
