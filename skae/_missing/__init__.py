"""Imputation of missing values by a normal distribution."""
