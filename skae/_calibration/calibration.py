"""Conformal calibration of anomaly scores: p-values, thresholds, discoveries."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.stats import false_discovery_control

from skae._calibration.folds import enough_rows

# "auto": a row is an outlier when the cube root of its score is more than this many robust standard
# deviations above the median.
_AUTO_DEVIATIONS = 3.0
# Largest ratio of the deviations above and below the median.
_MOST_SKEWED = 3.0
# The false positive rate of "auto" if the calibration rows are known to be normal.
_AUTO_RATE = 0.01
# Relative rounding error of products of rates.
_ROUNDING = 1e-12
# The largest number of rows that messages speak of.
_MOST = 1e15
_NORMAL_QUARTILE = 0.6744897501960817


@dataclass(frozen=True)
class HeldOut:
    """Scores of calibration rows, by the networks that were not trained on them.

    Parameters
    ----------
    members : tuple of int
        Places of these networks in the ensemble.

    scores : ndarray of shape (n_rows,)
        Their mean scores, in ascending order.

    weights : ndarray of shape (n_rows,) or None, default=None
        Weight of each row in the same order: one over the number of rows of its group, so that
        groups count alike. None means 1 for each row.
    """

    members: tuple[int, ...]
    scores: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def of(
        cls, members: Iterable[int], scores: np.ndarray, groups: np.ndarray | None = None
    ) -> Self:
        """Return the scores of calibration rows in any order.

        Parameters
        ----------
        members : iterable of int
            Places of the networks that were not trained on the rows.

        scores : ndarray of shape (n_rows,)
            Their mean scores.

        groups : ndarray of shape (n_rows,) or None, default=None
            Group of each row, if only groups of rows are exchangeable.
        """
        order = np.argsort(scores, kind="stable")
        if groups is None:
            return cls(tuple(members), scores[order])
        number, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
        return cls(tuple(members), scores[order], 1.0 / sizes[number][order])

    @property
    def weight_of_each(self) -> np.ndarray:
        """Weight of each row, (n_rows,)."""
        return np.ones(len(self.scores)) if self.weights is None else self.weights

    def weight_beyond(self) -> np.ndarray:
        """Return the total weight of the rows from each place on, (n_rows + 1,); the last is 0."""
        return np.append(np.cumsum(self.weight_of_each[::-1])[::-1], 0.0)


class Calibration:
    """Scores of calibration rows, which no network was trained on.

    Parameters
    ----------
    groups : list of HeldOut
        One group if all networks have the same calibration rows; a group for each fold
        of cross-validation otherwise.

    Attributes
    ----------
    scores : ndarray of shape (n_rows,)
        All scores, in ascending order.

    size : int
        Number of what is exchangeable: rows, or the groups that rows belong to.

    unit : str
        "rows" or "groups".
    """

    def __init__(self, groups: list[HeldOut]):
        self.groups = groups
        scores = np.concatenate([group.scores for group in groups])
        order = np.argsort(scores, kind="stable")
        self.scores = scores[order]
        self.unit = "rows" if groups[0].weights is None else "groups"
        self._weights = np.concatenate([group.weight_of_each for group in groups])[order]
        self._weight_beyond = [group.weight_beyond() for group in groups]
        self.size = round(self._weights.sum())

    @property
    def smallest_p_value(self) -> float:
        """The p-value of a row with a higher score than all calibration rows."""
        return 1 / (self.size + 1)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        r"""Return conformal p-values.

        .. math:: p(x) = \frac{1 + \sum_{i : s_i \ge s(x)} w_i}{1 + \sum_i w_i}

        where the networks that score row `i` and `x` were trained on neither (Vovk et al. [1]_;
        with several folds these are the cross-conformal p-values of [2]_). The weights are 1 if
        rows are exchangeable. If only groups of rows are, such as machines, the rows of each group
        weigh 1 together: then the p-value of a row of a new group is valid, however much the rows
        of a group depend on each other [3]_.

        Parameters
        ----------
        scores : ndarray of shape (n_members, n_samples)
            Scores by each network.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float64

        References
        ----------
        .. [1] V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world",
           Springer 2005.
        .. [2] V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial
           Intelligence 74, 2015.
        .. [3] R. Dunn, L. Wasserman and A. Ramdas, "Distribution-free prediction sets for two-layer
           hierarchical models", Journal of the American Statistical Association 118, 2023.
        """
        at_least = np.zeros(scores.shape[1])
        for group, beyond in zip(self.groups, self._weight_beyond, strict=True):
            of_group = scores[list(group.members)].mean(axis=0)
            at_least += beyond[np.searchsorted(group.scores, of_group, side="left")]
        return np.minimum((1 + at_least) / (self.size + 1), 1.0)

    def threshold(self, rate: float, outliers: float = 0.0, asked: str | None = None) -> float:
        """Return the score that a new normal row exceeds with a probability of at most `rate`.

        It is the ``floor(rate * (n + 1))``-th largest of the `n` calibration scores. Weighted
        scores, whose weights are first scaled to a mean of 1, count by their weights: then the rate
        is estimated, and may be above `rate` by at most ``1 / (size + 1)``.

        Parameters
        ----------
        rate : float in (0, 1)
            Largest rate.

        outliers : float in [0, 1), default=0
            Fraction of the calibration rows that are outliers. So many of the largest scores are
            left out.

        asked : str or None, default=None
            What the user asked for, in messages. None means the false positive rate.

        Raises
        ------
        ValueError
            If there are too few calibration rows for so small a rate.
        """
        asked = asked or f"false_positive_rate={rate:g}"
        n_scores = len(self.scores)
        n_left_out = int(np.floor(outliers * n_scores + _ROUNDING))
        n_above = min(rate * (n_scores - n_left_out + 1) + _ROUNDING, n_scores - n_left_out)
        needed = math.ceil(min(1 / max(rate, 1 / _MOST) - 1, _MOST) / (1 - outliers) - _ROUNDING)
        if n_above < 1:
            least = _rounded_up(1 / (n_scores - n_left_out + 1))
            raise ValueError(
                f"{asked} cannot be estimated from {n_scores - n_left_out} calibration rows: use "
                f"at least {least}, or {enough_rows(needed, self.unit)}."
            )
        if self.unit == "groups" and rate < self.smallest_p_value:
            warnings.warn(
                f"{asked} is a smaller rate than {self.size} groups of calibration rows can tell: "
                f"of the rows of a new group, up to {rate + self.smallest_p_value:.2g} may be "
                f"labelled as outliers on average. For a better estimate "
                f"{enough_rows(needed, self.unit)}.",
                UserWarning,
                stacklevel=2,
            )
        weights = self._weights * (n_scores / self._weights.sum())
        beyond = np.cumsum(weights[::-1])[::-1] - weights
        below = beyond <= n_left_out + n_above - 1 + _ROUNDING * n_scores
        return float(self.scores[np.argmax(below)])

    def auto_threshold(self, *, normal: bool = False) -> float:
        """Return the score above which "auto" calls rows outliers.

        If the calibration rows are normal, it is the score that a hundredth of them exceed, or none
        of fewer than a hundred.

        If there may be outliers among them, their number is not known. Cube roots of squared
        distances are nearly normal (Wilson and Hilferty [1]_), so the threshold is three standard
        deviations above their median. The standard deviation is estimated from the quartiles, which
        outliers change little: from the lower one, or from the upper one if this is larger, since
        normal rows may have heavy tails. It is at most three times the lower one, since the upper
        quartile is that of outliers if these are many. Negative scores take no root.

        Parameters
        ----------
        normal : bool, default=False
            Whether the calibration rows are known to be normal.

        References
        ----------
        .. [1] E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proceedings of
           the National Academy of Sciences 17(12), 1931.
        """
        if normal:
            return self.threshold(max(_AUTO_RATE, self.smallest_p_value))
        if self.scores[0] < 0:
            return _beyond(self.scores)
        # Of scores that are all the same, rounding must not leave most above the threshold.
        return max(_beyond(np.cbrt(self.scores)) ** 3, float(np.median(self.scores)))


def _beyond(values: np.ndarray) -> float:
    """Return the value that is three robust standard deviations above the median."""
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    below = middle - lower
    deviation = np.clip(upper - middle, below, _MOST_SKEWED * below) / _NORMAL_QUARTILE
    return float(middle + _AUTO_DEVIATIONS * deviation)


def _rounded_up(rate: float) -> str:
    """Return a rate with two digits that is not below it."""
    digits = 1 - math.floor(math.log10(rate))
    return f"{math.ceil(rate * 10**digits * (1 - _ROUNDING)) / 10**digits:.2g}"


def discoveries(p_values: np.ndarray, fdr: float) -> np.ndarray:
    """Return which hypotheses the procedure of Benjamini and Hochberg [1]_ rejects.

    For conformal p-values that share their calibration rows the rate holds as well (Bates et
    al. [2]_).

    Parameters
    ----------
    p_values : ndarray of shape (n_hypotheses,)
        One for each hypothesis.

    fdr : float in (0, 1)
        Largest expected fraction of false discoveries among all.

    Returns
    -------
    ndarray of shape (n_hypotheses,), dtype bool

    References
    ----------
    .. [1] Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the
       Royal Statistical Society B 57(1), 1995.
    .. [2] S. Bates, E. Candes, L. Lei, Y. Romano and M. Sesia, "Testing for outliers with
       conformal p-values", Annals of Statistics 51(1), 2023.
    """
    return false_discovery_control(p_values) <= fdr * (1 + _ROUNDING)
