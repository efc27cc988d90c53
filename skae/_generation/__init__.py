"""Sampling, posteriors and bounds of the likelihood."""
