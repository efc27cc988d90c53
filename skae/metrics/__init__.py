"""Scores of fitted estimators and of their samples, of skae and of others, in one definition."""

from skae.metrics.explained_variance import explained_variance_scorer
from skae.metrics.synthetic_report import SyntheticReport, synthetic_report

__all__ = ["SyntheticReport", "explained_variance_scorer", "synthetic_report"]
