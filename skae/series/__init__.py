"""Long time series: windows for estimators, scores of points, and incidents."""

from skae.series.blocks import block_groups
from skae.series.incidents import IncidentReport, incidents
from skae.series.leading_channels import leading_channels
from skae.series.point_scores import point_scores
from skae.series.window_columns import window_columns
from skae.series.windows import Windows, sliding_windows

__all__ = [
    "IncidentReport",
    "Windows",
    "block_groups",
    "incidents",
    "leading_channels",
    "point_scores",
    "sliding_windows",
    "window_columns",
]
