"""Trainings that a killed fit can take up again."""
