"""Columns of categories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skae.columns.column import LevelColumn, free_name


@dataclass(frozen=True)
class Categorical(LevelColumn):
    """A column of categories: an indicator of each level, and one of levels that are not known."""

    role = "categorical"
    loss = "categorical_cross_entropy"

    @property
    def n_features(self) -> int:
        """One for each level, and one for others."""
        return self.n_levels + 1

    @property
    def feature_names(self) -> list[str]:
        """Names of the features."""
        names = self.level_names
        return [f"{self.name}_{level}" for level in (*names, free_name("unknown", names))]

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return indicators of shape (n_samples, n_levels + 1)."""
        indicators = (codes[:, None] == np.arange(self.n_features)).astype(np.float64)
        indicators[np.isnan(codes)] = np.nan
        return indicators

    def level_probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return predicted indicators, clipped and normalised."""
        positive = np.clip(features[:, :-1].astype(np.float64), 0.0, None)
        total = positive.sum(axis=1, keepdims=True)
        uniform = np.full_like(positive, 1 / self.n_levels)
        return np.where(total > 0, positive / np.where(total > 0, total, 1.0), uniform)

    def scales(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return the roots of the frequencies (Pagès 2004)."""
        return np.sqrt(np.maximum(mean, self._least()))
