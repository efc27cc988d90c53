"""Calibration, attribution and ensembles of anomaly detectors."""
