"""The normal distribution that fills missing values."""
