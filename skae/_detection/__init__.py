"""Ensembles, scores, streams and explanations of anomaly detectors."""
