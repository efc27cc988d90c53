"""The columns of a table as a fit saw them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from skae.columns.boolean import Boolean
from skae.columns.categorical import Categorical
from skae.columns.column import Column
from skae.columns.count import Count
from skae.columns.number import Number
from skae.columns.ordinal import Ordinal

# Rows that are encoded at once: few enough that what is made on the way stays in fast memory.
_BLOCK = 2048
# The sorts of columns by name.
COLUMNS: dict[str, type[Column]] = {
    "number": Number,
    "boolean": Boolean,
    "categorical": Categorical,
    "ordinal": Ordinal,
    "count": Count,
}


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table as a fit saw them: from codes to features, and back.

    Parameters
    ----------
    columns : tuple of Column
        The columns.

    container : {"pandas", "polars", "pyarrow", "numpy"}
        What the table was; tables come back as the same.
    """

    columns: tuple[Column, ...]
    container: str

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.columns)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of features of each column, of shape (n_columns,)."""
        return np.array([column.n_features for column in self.columns])

    @cached_property
    def n_features(self) -> int:
        """Number of features of all columns."""
        return int(self.sizes.sum())

    @cached_property
    def names(self) -> np.ndarray:
        """Names of the columns, an array of objects."""
        names = np.empty(self.n_columns, dtype=object)
        names[:] = [column.name for column in self.columns]
        return names

    @property
    def feature_names(self) -> list[str]:
        """Names of the features."""
        return [name for column in self.columns for name in column.feature_names]

    @cached_property
    def first_features(self) -> np.ndarray:
        """Index of the first feature of each column, of shape (n_columns,)."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """The features of each column."""
        pairs = zip(self.first_features, self.sizes, strict=True)
        return tuple(slice(int(first), int(first + size)) for first, size in pairs)

    @cached_property
    def column_of_feature(self) -> np.ndarray:
        """Index of the column of each feature, of shape (n_features,)."""
        return np.repeat(np.arange(self.n_columns), self.sizes)

    @cached_property
    def is_number(self) -> np.ndarray:
        """Mask of the features that are columns of numbers, of shape (n_features,)."""
        return np.array([c.role == "number" for c in self.columns])[self.column_of_feature]

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the features of codes, of shape (n_samples, n_features), float64."""
        features = np.empty((len(codes), self.n_features))
        for first in range(0, len(codes), _BLOCK):
            rows = slice(first, first + _BLOCK)
            for j, (column, span) in enumerate(self._each()):
                features[rows, span] = column.encode(codes[rows, j])
        return features

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Return the most probable codes, of shape (n_samples, n_columns), float64."""
        return self._columns([c.decode(features[:, span]) for c, span in self._each()])

    def draw(self, features: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return codes that are drawn by their probabilities, of shape (n_samples, n_columns)."""
        return self._columns(
            [column.draw(features[:, span], random_state) for column, span in self._each()]
        )

    def clip(self, codes: np.ndarray) -> np.ndarray:
        """Return codes within the ranges of the fit."""
        return self._columns([c.clip(codes[:, j]) for j, c in enumerate(self.columns)])

    def is_unseen(self, codes: np.ndarray) -> np.ndarray:
        """Return a mask of the levels that the fit did not see, (n_samples, n_columns)."""
        return self._columns([c.is_unseen(codes[:, j]) for j, c in enumerate(self.columns)])

    def probabilities(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probability of each level, and the numbers, by name."""
        found: dict[str, np.ndarray] = {}
        for column, span in self._each():
            found |= column.probabilities(features[:, span])
        return found

    def scales(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return the unit of each feature, with which PCA is factor analysis of mixed data.

        Parameters
        ----------
        mean, deviation : ndarray of shape (n_features,)
            Mean and standard deviation of the features.
        """
        return np.concatenate([c.scales(mean[span], deviation[span]) for c, span in self._each()])

    def plain(self) -> dict[str, Any]:
        """Return the columns as values that JSON has."""
        return {"container": self.container, "columns": [c.plain() for c in self.columns]}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the columns from what :meth:`plain` returned, after JSON."""
        columns = []
        for given in plain["columns"]:
            fields: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in given.items()
            }
            columns.append(COLUMNS[fields.pop("role")](**fields))
        return cls(tuple(columns), str(plain["container"]))

    def _each(self) -> zip:
        return zip(self.columns, self.spans, strict=True)

    def _columns(self, arrays: list[np.ndarray]) -> np.ndarray:
        return np.stack(arrays, axis=1)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields; what follows from them is computed again."""
        return {"columns": self.columns, "container": self.container}
