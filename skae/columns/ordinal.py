"""Columns of ordered categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skae.columns.column import LevelColumn


@dataclass(frozen=True)
class Ordinal(LevelColumn):
    """A column of ordered categories: features say whether a value is above each level."""

    role = "ordinal"
    loss = "cumulative_logits"

    @property
    def n_features(self) -> int:
        """One for each level but the last, and one for levels that are not known."""
        return self.n_levels

    @property
    def feature_names(self) -> list[str]:
        """Names of the features."""
        above = [f"{self.name}>{level}" for level in self.level_names[:-1]]
        return [*above, f"{self.name}_unknown"]

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return whether values are above each level; unknown ones count as in the middle."""
        unseen = self.is_unseen(codes)
        within = np.where(unseen, self.n_levels // 2, codes)
        above = (within[:, None] > np.arange(self.n_levels - 1)).astype(np.float64)
        features = np.column_stack([above, unseen.astype(np.float64)])
        features[np.isnan(codes)] = np.nan
        return features

    def level_probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the differences of neighbouring probabilities of values above levels."""
        above = np.clip(features[:, :-1].astype(np.float64), 0.0, 1.0)
        above = np.minimum.accumulate(above, axis=1)
        ends = np.ones((len(above), 1)), np.zeros((len(above), 1))
        return -np.diff(np.hstack([ends[0], above, ends[1]]), axis=1)

    def scales(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return deviations times the root of their number: the column counts as one."""
        floor = np.sqrt(self._least())
        factor = np.r_[np.full(self.n_levels - 1, np.sqrt(max(1, self.n_levels - 1))), 1.0]
        return np.maximum(deviation, floor) * factor
