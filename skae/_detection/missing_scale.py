"""Anomaly scores of rows with missing values, brought to the scale of complete rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from skae._data.blocks import dense_blocks
from skae._data.matrix import Matrix

# Rows that determine location and spread at a number of missing values: numbers with fewer rows
# are pooled with their neighbours.
_FEWEST_ROWS = 50
# Location and spread are smoothed over so many neighbours on both sides. The smoothed values count
# as much as those of so many rows; the kernel counts no more than so many rows of a group.
_NEIGHBOURS, _ROWS_OF_SMOOTHED, _MOST_ROWS = 2, 1000, 400
# Roots farther from the median count as if they were so many robust standard deviations away.
_FENCE = 4.0
# Smallest spread, relative to that of all rows.
_SMALLEST_SPREAD = 1e-3
_NORMAL_QUARTILE = 0.6744897501960817


@dataclass(frozen=True)
class MissingScale:
    r"""Brings the scores of rows to one scale, whatever number of their values is missing.

    With the median :math:`\mu_m` of the cube roots `c` of the scores of calibration rows with `m`
    missing values, and their spread :math:`\sigma_m` on the same side of it, the cube root becomes

    .. math:: \mu_0 + (c - \mu_m) \frac{\sigma_0}{\sigma_m}

    Cube roots of mean squares are nearly normal, whatever the number of squares (Wilson and
    Hilferty [1]_), so medians and spreads suffice. The result increases with the score. Scores at
    the smallest number of missing values stay as they are. Scores that may be negative take no
    root.

    Parameters
    ----------
    location : ndarray of shape (n_features + 1,), dtype float64
        :math:`\mu_m` for each number of missing values.

    above, below : ndarray of shape (n_features + 1,), dtype float64
        Factors of the distance from the median on each side, :math:`\sigma_0 / \sigma_m`; below it
        at most so large that no root becomes negative.

    root : bool
        Whether cube roots are taken.

    lowest : float
        Score of a row without any known value: that of the most ordinary calibration row, so that
        its p-value is 1.

    References
    ----------
    .. [1] E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proceedings of the
       National Academy of Sciences 17(12), 1931.
    """

    location: np.ndarray
    above: np.ndarray
    below: np.ndarray
    root: bool
    lowest: float

    @classmethod
    def of(cls, scores: np.ndarray, n_missing: np.ndarray, n_features: int) -> MissingScale:
        """Estimate the scale from the scores of calibration rows.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
            Scores by networks that were not trained on the rows.

        n_missing : ndarray of shape (n_samples,)
            Their numbers of missing values; at least one row must have a known value.

        n_features : int
            Number of features.
        """
        some_known = n_missing < n_features
        scores, n_missing = scores[some_known], n_missing[some_known]
        root = bool(scores.min() >= 0)
        roots = np.cbrt(scores) if root else scores
        location, spread_below, spread_above = _smoothed(roots, n_missing, n_features)
        above, below = spread_above[0] / spread_above, spread_below[0] / spread_below
        if root:
            tiny = np.finfo(float).tiny
            below = np.minimum(below, (location[0] + tiny) / (location + tiny))
        scale = cls(location, above, below, root, 0.0)
        return replace(scale, lowest=float(scale.apply(scores, n_missing).min()))

    def apply(self, scores: np.ndarray, n_missing: np.ndarray) -> np.ndarray:
        """Return :meth:`scaled` of arrays."""
        return self.scaled(torch.from_numpy(scores), torch.from_numpy(n_missing)).numpy()

    def scaled(self, scores: torch.Tensor, n_missing: torch.Tensor) -> torch.Tensor:
        """Return scores on the scale of complete rows.

        Parameters
        ----------
        scores : torch.Tensor of shape (..., n_samples), dtype float64
            Scores of rows.

        n_missing : torch.Tensor of shape (n_samples,), dtype int64
            Numbers of missing values.
        """
        location, above, below = map(torch.from_numpy, (self.location, self.above, self.below))
        away = self._root(scores) - location[n_missing]
        found = location[0] + away * torch.where(away < 0, below[n_missing], above[n_missing])
        found = found**3 if self.root else found
        none_known = n_missing == len(self.location) - 1
        return torch.where(none_known, torch.tensor(self.lowest, dtype=torch.float64), found)

    def of_features(self, contributions: torch.Tensor, n_missing: torch.Tensor) -> torch.Tensor:
        """Return contributions of features to scores, changed so that they add up to scaled ones.

        What they lack or exceed is shared in proportion to their sizes.

        Parameters
        ----------
        contributions : torch.Tensor of shape (n_samples, n_features), dtype float64
            They add up to the scores.

        n_missing : torch.Tensor of shape (n_samples,), dtype int64
            Numbers of missing values.
        """
        sums = contributions.sum(1)
        rest = self.scaled(sums, n_missing) - sums
        sizes = contributions.abs()
        total = sizes.sum(1, keepdim=True)
        parts = torch.where(total > 0, sizes / total, torch.ones_like(sizes) / sizes.shape[1])
        return contributions + rest[:, None] * parts

    def _root(self, scores: torch.Tensor) -> torch.Tensor:
        if not self.root:
            return scores
        third = torch.tensor(1 / 3, dtype=torch.float64)  # an exported graph has its digits
        return scores.sign() * scores.abs() ** third


def numbers_of_missing(X: Matrix) -> np.ndarray:
    """Return the number of missing values of each row, of shape (n_samples,), int64."""
    return np.concatenate([np.isnan(block).sum(axis=1) for _, block in dense_blocks(X)])


def _smoothed(
    roots: np.ndarray, n_missing: np.ndarray, n_features: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the location, and the spread below and above it, for each number of missing values.

    They change little from one number to the next, so a line through those of neighbouring groups
    has a smaller error than those of few rows. Outside of the numbers that rows have, the nearest
    number counts.
    """
    groups = _groups(n_missing)
    size = np.array([len(group) for group in groups])
    place = np.array([n_missing[group].mean() for group in groups])
    smallest = _SMALLEST_SPREAD * np.ptp(np.quantile(roots, [0.25, 0.75])) or 1.0
    own = np.array([_location_and_spreads(roots[group]) for group in groups])
    own[:, 1:] = np.log(np.maximum(own[:, 1:], smallest))
    trust = (size / (size + _ROWS_OF_SMOOTHED))[:, None]
    both = trust * own + (1 - trust) * _on_lines(place, np.minimum(size, _MOST_ROWS), own)
    location, *logs = (np.interp(np.arange(n_features + 1), place, of) for of in both.T)
    return location, np.exp(logs[0]), np.exp(logs[1])


def _groups(n_missing: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each number of missing values; of several, if they have few rows."""
    order = np.argsort(n_missing, kind="stable")
    cuts = [0]
    for end in np.flatnonzero(np.diff(n_missing[order])) + 1:  # where another number begins
        if min(end - cuts[-1], len(order) - end) >= _FEWEST_ROWS:
            cuts.append(int(end))
    return np.split(order, cuts[1:])


def _location_and_spreads(roots: np.ndarray) -> tuple[float, float, float]:
    """Return the median, and the standard deviations from it below and above.

    Far roots contribute to these as if they were at a fence.
    """
    middle = float(np.median(roots))
    below, above = middle - roots[roots <= middle], roots[roots >= middle] - middle
    return middle, _deviation(below), _deviation(above)


def _deviation(away: np.ndarray) -> float:
    fence = _FENCE * np.median(away) / _NORMAL_QUARTILE
    return float(np.sqrt(np.square(np.minimum(away, fence)).mean()))


def _on_lines(place: np.ndarray, weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return at each place the value of a line through the values of the nearest places."""
    smooth = np.empty_like(values)
    index = np.arange(len(place))
    for i in index:
        kernel = weight * np.maximum(1 - np.abs(index - i) / (_NEIGHBOURS + 1), 0)
        away = place - kernel @ place / kernel.sum()
        means = kernel @ values / kernel.sum()
        slopes = (kernel * away) @ values / max(kernel @ away**2, np.finfo(float).tiny)
        smooth[i] = means + slopes * away[i]
    return smooth
