"""Checkpoints from which a killed fit resumes."""
