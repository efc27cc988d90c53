"""The base classes of columns: from the values of a column to features, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

# A unit of indicators that is at least this fraction of a row's frequency, as by Laplace.
_LAPLACE = 0.5


class Factor(NamedTuple):
    """Values of a column as the place of each in an array of all that occur; -1 is missing."""

    places: np.ndarray
    values: np.ndarray


def as_objects(codes: np.ndarray, kind: type) -> np.ndarray:
    """Return codes as Python's integers or booleans, None where they are missing."""
    objects = np.full(len(codes), None, dtype=object)
    known = ~np.isnan(codes)
    objects[known] = [kind(code) for code in codes[known]]
    return objects


def free_name(name: str, taken: list[str]) -> str:
    """Return a name that no level has, with underscores if need be."""
    while name in taken:
        name += "_"
    return name


@dataclass(frozen=True)
class Column(ABC):
    """A column of a table as ``fit`` saw it.

    A *code* is one number for each value: the number itself, or the place of a level. *Features*
    are what a network sees of the column. Both are float64, and NaN for a missing value.

    Parameters
    ----------
    name : str or int
        Name of the column, its place in an array.

    dtype : str
        Name of the dtype in its container.

    n_rows : int
        Number of rows of the fit.
    """

    name: Hashable
    dtype: str
    n_rows: int

    role: ClassVar[str]
    loss: ClassVar[str]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return 1

    @property
    def feature_names(self) -> list[str]:
        """Names of the features."""
        return [str(self.name)]

    @abstractmethod
    def codes(self, values: np.ndarray | Factor) -> np.ndarray:
        """Return the codes of values, of shape (n_samples,).

        Parameters
        ----------
        values : ndarray of float64, or Factor
            As :mod:`skae._tables.frames` reads them.

        Raises
        ------
        ValueError
            If a value cannot be one of this column, naming it.
        """

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the features of codes, of shape (n_samples, n_features)."""
        return codes[:, None]

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Return the codes of predicted features, the most probable ones."""
        return features[:, 0].astype(np.float64)

    def draw(self, features: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return codes that are drawn by their predicted probabilities."""
        return self.decode(features)

    def clip(self, codes: np.ndarray) -> np.ndarray:
        """Return codes within the range of the fit."""
        return codes

    @abstractmethod
    def values(self, codes: np.ndarray) -> np.ndarray:
        """Return the values of codes: numbers, booleans, or an array of objects."""

    def is_unseen(self, codes: np.ndarray) -> np.ndarray:
        """Return a mask of the levels that ``fit`` did not see."""
        return np.zeros(len(codes), dtype=bool)

    def probabilities(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the predicted probability of each level by its name, or the number."""
        return {str(self.name): self.decode(features)}

    def scales(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return the unit of each feature, with which PCA is factor analysis of mixed data."""
        return np.where(deviation > 0, deviation, 1.0)

    def plain(self) -> dict[str, Any]:
        """Return the fields as values that JSON has."""
        return {"role": self.role, **{f.name: getattr(self, f.name) for f in fields(self)}}


@dataclass(frozen=True)
class LevelColumn(Column):
    """A column with levels, such as categories.

    Parameters
    ----------
    levels : tuple
        The levels, without rare ones.

    rare : tuple
        Rare levels, which are one level together, the last. The most frequent is the first.

    categories : tuple or None
        All categories of the dtype, in its order; None if the dtype has none.

    unknown : {"surprise", "error", "missing", "infrequent"}
        What a level is that the fit did not see.
    """

    levels: tuple = ()
    rare: tuple = ()
    categories: tuple | None = None
    unknown: str = "surprise"

    @property
    def n_levels(self) -> int:
        """Number of levels; rare ones are one together."""
        return len(self.levels) + bool(self.rare)

    @property
    def level_names(self) -> list[str]:
        """Names of the levels."""
        names = [*map(str, self.levels)]
        return [*names, *([free_name("infrequent", names)] if self.rare else [])]

    def codes(self, values: np.ndarray | Factor) -> np.ndarray:
        """Return the place of the level of each value; `n_levels` for one that is not known."""
        assert isinstance(values, Factor)  # as frames read levels
        place = {level: i for i, level in enumerate(self.levels)}
        place |= dict.fromkeys(self.rare, len(self.levels))
        found = np.array([place.get(value, np.nan) for value in (*values.values, None)])
        new = [i for i, value in enumerate(values.values) if value not in place]
        if new:
            used, rows = np.unique(values.places, return_index=True)
            first = dict(zip(used.tolist(), rows.tolist(), strict=True))
            for i in new:
                if i in first:  # not a category that no row has
                    found[i] = self._new(values.values[i], first[i], place)
        return found[values.places]

    def _new(self, value: Any, row: int, place: dict) -> float:
        """Return the code of a level that ``fit`` did not see."""
        where = f"column {self.name!r} holds {value!r} in row {row}"
        if isinstance(value, str) != isinstance(next(iter(place), value), str):
            kind = "text" if isinstance(value, str) else "a number"
            other = "numbers" if isinstance(value, str) else "text"
            raise ValueError(
                f"{where}, {kind}, but it held {other} in fit, such as {next(iter(place))!r}: "
                f"convert the column."
            )
        if self.unknown == "error":
            raise ValueError(
                f"{where}, which fit did not see; known are {self.level_names[:9]}. Use "
                f"columns=Columns(unknown='surprise') to accept such values."
            )
        if self.unknown == "missing":
            return np.nan
        if self.unknown == "infrequent" and self.rare:
            return len(self.levels)
        return self.n_levels

    def is_unseen(self, codes: np.ndarray) -> np.ndarray:
        """Return a mask of the levels that ``fit`` did not see."""
        return codes == self.n_levels

    @abstractmethod
    def level_probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return the probabilities of the levels, of shape (n_samples, n_levels)."""

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Return the most probable level of each row."""
        return self.level_probabilities(features).argmax(axis=1).astype(np.float64)

    def draw(self, features: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return levels that are drawn by their probabilities."""
        cumulated = np.cumsum(self.level_probabilities(features), axis=1)
        draws = random_state.random_sample(len(features))[:, None] * cumulated[:, -1:]
        drawn = (cumulated <= draws).sum(axis=1)
        return np.minimum(drawn, self.n_levels - 1).astype(np.float64)

    def probabilities(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the predicted probability of each level by its name."""
        of_levels = self.level_probabilities(features).T
        return {f"{self.name}_{n}": p for n, p in zip(self.level_names, of_levels, strict=True)}

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Return the level of each code; the most frequent of the rare ones stands for all."""
        found = np.empty(self.n_levels + 2, dtype=object)
        found[: len(self.levels)] = self.levels
        if self.rare:
            found[len(self.levels)] = self.rare[0]
        missing = np.isnan(codes)
        return found[np.where(missing, self.n_levels + 1, codes).astype(np.intp)]

    def _least(self) -> float:
        """Return the smallest frequency of a level, of which units are the root."""
        return _LAPLACE / max(1, self.n_rows)
