"""Thresholds, p-values and false alarms of a detector, from the scores of calibration rows."""
