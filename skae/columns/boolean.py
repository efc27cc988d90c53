"""Columns of booleans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skae.columns.column import Column, Factor, as_objects


@dataclass(frozen=True)
class Boolean(Column):
    """A column of booleans: a network predicts the probability of True."""

    role = "boolean"
    loss = "bce"

    def codes(self, values: np.ndarray | Factor) -> np.ndarray:
        """Return 0 and 1; refuse all else."""
        if isinstance(values, Factor):
            raise ValueError(
                f"column {self.name!r} holds text, such as {values.values[0]!r}, but it is one of "
                f"booleans: convert it, for example with .map({{'yes': True, 'no': False}})."
            )
        wrong = np.flatnonzero(~np.isin(values, [0, 1]) & ~np.isnan(values))
        if len(wrong):
            raise ValueError(
                f"column {self.name!r} is one of booleans, but holds {values[wrong[0]]:g} in row "
                f"{wrong[0]}: True and False are 1 and 0."
            )
        return values

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Return 1 where the probability is above a half."""
        return (features[:, 0] > 0.5).astype(np.float64)

    def draw(self, features: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return 1 with the predicted probability."""
        return (random_state.random_sample(len(features)) < features[:, 0]).astype(np.float64)

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Return the codes, which the dtype turns into booleans, or objects."""
        return as_objects(codes, bool) if self.dtype == "object" else codes

    def probabilities(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probability of True."""
        return {str(self.name): np.clip(features[:, 0].astype(np.float64), 0.0, 1.0)}
