"""Displays of fitted estimators, one file per display.

They need matplotlib, which ``pip install "skae[plots]"`` installs.
"""

from skae.plotting.codes import CodesDisplay
from skae.plotting.explained_variance import ExplainedVarianceDisplay
from skae.plotting.feature_contributions import FeatureContributionsDisplay
from skae.plotting.latent_traversal import LatentTraversalDisplay
from skae.plotting.rate_distortion import RateDistortionDisplay
from skae.plotting.reconstructions import ReconstructionsDisplay
from skae.plotting.score_distribution import ScoreDistributionDisplay
from skae.plotting.training_curve import TrainingCurveDisplay

__all__ = [
    "CodesDisplay",
    "ExplainedVarianceDisplay",
    "FeatureContributionsDisplay",
    "LatentTraversalDisplay",
    "RateDistortionDisplay",
    "ReconstructionsDisplay",
    "ScoreDistributionDisplay",
    "TrainingCurveDisplay",
]
