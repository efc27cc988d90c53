"""Pictures of what estimators say: one file per display.

They need matplotlib, which ``pip install "skae[plots]"`` brings along.
"""

from skae.plotting.feature_contributions import FeatureContributionsDisplay
from skae.plotting.score_distribution import ScoreDistributionDisplay

__all__ = ["FeatureContributionsDisplay", "ScoreDistributionDisplay"]
