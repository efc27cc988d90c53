"""Features that belong to one column of a table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class TableFeatures(NamedTuple):
    """Which features belong to one column of a table, and which columns are numbers.

    ``column`` holds the index of the column of each feature, ``is_number`` whether that column is a
    number; both have shape (n_features,).
    """

    column: np.ndarray
    is_number: np.ndarray
