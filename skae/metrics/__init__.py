"""Scores of fitted estimators, of skae and of others, in one definition for all."""

from skae.metrics.explained_variance import explained_variance_scorer

__all__ = ["explained_variance_scorer"]
