"""Conformal calibration of anomaly scores: p-values, thresholds, discoveries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

# "auto": a row is an outlier when the cube root of its score is more than this many robust standard
# deviations above the median.
_AUTO_DEVIATIONS = 3.0
# Relative rounding error of products of rates.
_ROUNDING = 1e-12
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
    """

    members: tuple[int, ...]
    scores: np.ndarray


class Calibration:
    """Scores of calibration rows, which no network was trained on.

    Parameters
    ----------
    groups : list of HeldOut
        One group if all networks have the same calibration rows; a group for each fold
        of cross-validation otherwise.
    """

    def __init__(self, groups: list[HeldOut]):
        self.groups = groups
        self.scores = np.sort(np.concatenate([group.scores for group in groups]))

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        r"""Return conformal p-values.

        .. math:: p(x) = \frac{1 + \#\{i : s_i \ge s(x)\}}{n + 1}

        where the networks that score row `i` and `x` were trained on neither (Vovk et al. [1]_;
        with several folds these are the cross-conformal p-values of [2]_).

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
        """
        at_least = np.zeros(scores.shape[1])
        for group in self.groups:
            of_group = scores[list(group.members)].mean(axis=0)
            at_least += len(group.scores) - np.searchsorted(group.scores, of_group, side="left")
        return (1 + at_least) / (len(self.scores) + 1)

    def threshold(self, rate: float) -> float:
        """Return the score that a new normal row exceeds with a probability of at most `rate`.

        It is the ``floor(rate * (n + 1))``-th largest of the `n` calibration scores.

        Raises
        ------
        ValueError
            If there are too few calibration rows for so small a rate.
        """
        n_scores = len(self.scores)
        n_above = min(int(np.floor(rate * (n_scores + 1) + _ROUNDING)), n_scores)
        if n_above == 0:
            raise ValueError(
                f"false_positive_rate={rate:g} cannot be estimated from {n_scores} calibration "
                f"rows: use at least {1 / (n_scores + 1):.2g}, or fit more rows."
            )
        return float(self.scores[-n_above])

    def auto_threshold(self) -> float:
        """Return the score above which "auto" calls rows outliers.

        Cube roots of squared distances are nearly normal (Wilson and Hilferty [1]_). The threshold
        is three standard deviations above their median; the standard deviation is estimated from
        median and lower quartile, which outliers change little. Negative scores take no root.

        References
        ----------
        .. [1] E. B. Wilson and M. M. Hilferty, "The distribution of chi-square", Proceedings of
           the National Academy of Sciences 17(12), 1931.
        """
        if self.scores[0] < 0:
            return _beyond(self.scores)
        # Of scores that are all the same, rounding must not leave most above the threshold.
        return max(_beyond(np.cbrt(self.scores)) ** 3, float(np.median(self.scores)))


def _beyond(values: np.ndarray) -> float:
    """Return the value that is three robust standard deviations above the median."""
    lower, middle = np.quantile(values, [0.25, 0.5])
    return float(middle + _AUTO_DEVIATIONS * (middle - lower) / _NORMAL_QUARTILE)


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
