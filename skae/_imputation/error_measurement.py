"""Measurement of the errors of imputed values, on values that are hidden for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from skae._data.rows import Rows
from skae._imputation.bootstrap import Bootstrap, filled_rows, filling_by
from skae._imputation.error_sample import ErrorSample
from skae._missing.filling import Filling
from skae._missing.gaussian_fit import fit_gaussian
from skae._network.fitted_network import FittedNetwork, mean_reconstruction
from skae._runtime.threads import threads_for

# Fraction of the known values that are hidden in a trial, number of hidden values over all trials,
# and the largest number of trials.
_HIDDEN_FRACTION, _HIDDEN_VALUES, _MOST_TRIALS = 0.1, 2000, 20
# Folds of the cross-validation, with fewer rows than this and with more.
_FEW_ROWS, _FOLDS_OF_FEW, _FOLDS = 500, 10, 4
# The error ratio of a feature is shrunk towards that of all features, and that towards one, as if
# there were this many additional values.
_PRIOR_VALUES = 5.0


@dataclass(frozen=True)
class Trials:
    """Rows with hidden values.

    ``index`` (n_trials,) are the places of the rows in the sample, ``shown`` and ``known``
    (n_trials, n_features) scaled rows without and with the hidden values. ``weight``, of the same
    shape, is zero except for hidden values. The weights of a value in several trials add up to the
    weight of its row.
    """

    index: np.ndarray
    shown: np.ndarray
    known: np.ndarray
    weight: np.ndarray


class ErrorMeasurement:
    """Measurement of the errors of networks, relative to those that a distribution expects.

    For the rows that it was fitted to, the distribution expects errors that are too small, so its
    own errors are measured by cross-validation, unless there are many rows. The errors of the
    networks, relative to the distribution, are measured on their validation rows, since they are
    too small on training rows.

    Parameters
    ----------
    networks : list of FittedNetwork
        All have the same scaling and the same filling.

    sample : ErrorSample
        The rows.
    """

    def __init__(self, networks: list[FittedNetwork], sample: ErrorSample):
        self.networks, self.sample = networks, sample
        self.random = np.random.RandomState(sample.seed)
        self.scaling = networks[0].scaling
        self.rows = Rows(sample.X, self.scaling, torch.device("cpu"), torch.float32)
        self.weight = torch.from_numpy(sample.weight).float()

    def run(self) -> tuple[np.ndarray, Bootstrap]:
        """Return the ratio of errors for each feature, and the bootstrap of the distribution."""
        with threads_for(len(self.rows), self.rows.shape[1] ** 2):
            return self._measured()

    def _measured(self) -> tuple[np.ndarray, Bootstrap]:
        sample = self.sample
        trials = self._trials()
        bootstrap = Bootstrap.of(
            self.rows,
            self.weight,
            sample.n_rows,
            trials.weight.sum() / self.rows.shape[1] + _PRIOR_VALUES,
            sample.simplicity,
            self.random,
        )
        filled = filled_rows(filling_of(self.networks[0]), trials.shown)
        expected = bootstrap.expected_squares(trials.shown, filled)
        left_out = self._filled_by_others(trials) if sample.is_whole else filled
        # Each relative to its own variance, which depends on what is known of the row.
        relative = np.square(trials.known - left_out) / expected
        of_filling = error_ratio(relative, np.ones(relative.shape), trials.weight)
        return np.sqrt(of_filling * self._ratio_of_networks(trials, filled)), bootstrap

    def _trials(self) -> Trials:
        X = self.scaling.apply(self.sample.X, np.float32)
        known = ~np.isnan(X)
        n_hidden = _HIDDEN_FRACTION * np.count_nonzero(known)
        n_trials = int(np.clip(math.ceil(_HIDDEN_VALUES / n_hidden), 1, _MOST_TRIALS))
        hidden = np.tile(known, (n_trials, 1)) & (
            self.random.uniform(size=(n_trials * len(X), X.shape[1])) < _HIDDEN_FRACTION
        )
        times = hidden.reshape(n_trials, *X.shape).sum(axis=0)
        used = np.flatnonzero(hidden.any(axis=1))
        index, hidden = used % len(X), hidden[used]
        weight = hidden * (self.sample.weight[:, None] / np.maximum(times, 1))[index]
        shown = np.where(hidden, np.nan, X[index])
        return Trials(index, shown, np.nan_to_num(X[index]).astype(np.float64), weight)

    def _filled_by_others(self, trials: Trials) -> np.ndarray:
        """Return the rows filled by distributions that are fitted without them."""
        n_rows = len(self.rows)
        n_folds = min(n_rows, _FOLDS_OF_FEW if n_rows < _FEW_ROWS else _FOLDS)
        filled = np.empty(trials.shown.shape)
        for fold in np.array_split(self.random.permutation(n_rows), n_folds):
            weight = self.weight.clone()
            weight[torch.from_numpy(fold)] = 0
            seed = int(self.random.randint(2**31 - 1))
            gaussian, _ = fit_gaussian(self.rows, weight, seed, self.sample.simplicity)
            here = np.isin(trials.index, fold)
            if here.any():
                filled[here] = filled_rows(filling_by(gaussian), trials.shown[here])
        return filled

    def _ratio_of_networks(self, trials: Trials, filled: np.ndarray) -> np.ndarray:
        """Return squared errors of the networks relative to those of their filling."""
        held_out = self.sample.held_out
        unseen = held_out.any(axis=0)
        # Without validation rows, errors on training rows must do.
        judged = held_out if unseen.any() else np.ones_like(held_out)
        found, of_same, weights = [], [], []
        for network, rows in zip(self.networks, judged, strict=True):
            here = np.flatnonzero(rows[trials.index])
            if not len(here):
                continue
            means = self._scaled_means(network, trials.shown[here])
            found.append(np.square(trials.known[here] - means))
            of_same.append(np.square(trials.known[here] - filled[here]))
            weights.append(trials.weight[here] / judged.sum(axis=0)[trials.index[here], None])
        if not found:
            return np.ones(trials.shown.shape[1])
        ratio = error_ratio(*map(np.concatenate, (found, of_same, weights)))
        return ratio if unseen.any() else np.maximum(ratio, 1.0)

    def _scaled_means(self, network: FittedNetwork, shown: np.ndarray) -> np.ndarray:
        means = mean_reconstruction([network], self.scaling.undo(shown), self.sample.device)
        return self.scaling.apply(means, np.float64)


def filling_of(fitted: FittedNetwork) -> Filling:
    """Return the filling of missing values of a network, on the CPU."""
    missing = fitted.network("cpu").missing
    assert missing is not None  # networks of imputers take missing values
    return missing.filling


def error_ratio(found: np.ndarray, expected: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the ratio of squared errors of each feature to expected ones.

    The ratio of a feature is shrunk towards that of all features, and that towards one, by prior
    values as large as expected: without any value it is one.

    Parameters
    ----------
    found, expected : ndarray of shape (n_samples, n_features)
        Squared errors.

    weight : ndarray of shape (n_samples, n_features)
        Weights of the entries; those of a value add up to the weight of its row, 1 on average.
    """
    n_values = weight.sum(axis=0)
    found, expected = (weight * found).sum(axis=0), (weight * expected).sum(axis=0)
    tiny = np.finfo(np.float32).tiny
    relative = n_values * found / np.maximum(expected, tiny)  # in units of an expected value
    overall = (relative.sum() + _PRIOR_VALUES) / (n_values.sum() + _PRIOR_VALUES)
    return (relative + _PRIOR_VALUES * overall) / (n_values + _PRIOR_VALUES)
