"""Fit of a normal distribution to rows with missing values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._missing.covariance_model import CovarianceModel
from skae._missing.factor_model import FactorModel
from skae._missing.filling import FilledRows, Filling, NormalDistribution
from skae._missing.sample import Sample

# Up to this many features, a full covariance is fitted; with more features, a factor model.
MOST_FEATURES = 40
# Limits of the number of rows: an iteration takes at most about 0.1 s for covariances, and the rows
# take at most a quarter of a gigabyte for factor models.
_COVARIANCE_WORK, _FEWEST_ROWS, _MOST_ROWS = 2e8, 1000, 20_000
_FACTOR_NUMBERS = 2**25
# Cross-validation of the complexity of the model: the fraction of known values that are hidden in a
# trial, the total number of hidden values over all trials, and the largest number of trials.
_HIDDEN_FRACTION, _HIDDEN_VALUES, _MOST_TRIALS = 0.1, 2000, 8
# Shrinkage of the covariance for draws, for which cross-validation would take long.
_SHRINKAGE = 0.01
# Weight of the prior for the deviation of a feature, in numbers of values.
_PRIOR_VALUES = 2.0


def fit_gaussian(
    rows: Rows, weight: torch.Tensor, seed: int, simplicity: float | None = None
) -> tuple[NormalDistribution, float]:
    """Fit a normal distribution to the known entries of rows.

    Up to 40 features get a covariance that is shrunk towards its diagonal; more features get a
    factor model with the same noise variance for all features. The shrinkage, or the number of
    factors, is chosen by the prediction error of a tenth of the known entries, which are hidden.

    Parameters
    ----------
    rows : Rows
        Scaled rows, with NaN for missing values.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row.

    seed : int
        Seed of the choice of rows, if not all are used, and of hidden entries.

    simplicity : float or None
        Shrinkage or number of factors chosen by an earlier call; None chooses it here.

    Returns
    -------
    gaussian : NormalDistribution
        The distribution.

    simplicity : float
        The shrinkage or the number of factors.
    """
    generator = torch.Generator().manual_seed(seed)
    n_features = rows.shape[1]
    model: Any = CovarianceModel if n_features <= MOST_FEATURES else FactorModel
    index = _some_rows(weight, most_rows(n_features), generator)
    sample, mean, deviation = _standardised(rows.take(index), weight[index])
    if simplicity is None:
        simplicity = _chosen(model, sample, generator)
    fitted = model.fit(sample, simplicity, generator, model.n_iterations)
    factor, noise = fitted.factors()
    gaussian = NormalDistribution(mean + deviation * fitted.mean, deviation, factor, noise)
    return gaussian, simplicity


def conditional_means(X: np.ndarray, seed: int) -> np.ndarray:
    """Return rows with missing values filled by conditional means of a normal distribution.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), dtype float64
        Rows, with NaN for missing values.

    seed : int
        As in :func:`fit_gaussian`.

    Returns
    -------
    ndarray of the same shape and dtype
    """
    scaling, rows, filling = _fitted_filling(X, seed, None)
    return np.where(np.isnan(X), _all_filled(rows, filling, scaling), X)


def conditional_draws(X: np.ndarray, seed: int) -> np.ndarray:
    """Return rows with missing values drawn from a normal distribution, given the known ones.

    Unlike with conditional means, the covariance of the result is that of complete rows. A draw is
    a conditional mean plus the error of the conditional mean of a random row that misses the same
    values.

    Parameters
    ----------
    X, seed : ndarray of shape (n_samples, n_features), int
        As of :func:`conditional_means`. A column without any known value becomes zero.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64
    """
    missing = np.isnan(X)
    X = np.where(missing.all(axis=0), 0.0, X)
    few = X.shape[1] <= MOST_FEATURES
    scaling, rows, filling = _fitted_filling(X, seed, _SHRINKAGE if few else None)
    random = filling.draw(len(X), torch.Generator().manual_seed(seed)).numpy()
    unscaled = Scaling(np.zeros(X.shape[1]), 1.0)
    hidden = Rows(np.where(missing, np.nan, random), unscaled, rows.device, torch.float64)
    errors = (random - _all_filled(hidden, filling, unscaled)) * scaling.scale
    return np.where(np.isnan(X), _all_filled(rows, filling, scaling) + errors, X)


def _fitted_filling(
    X: np.ndarray, seed: int, simplicity: float | None
) -> tuple[Scaling, Rows, Filling]:
    """Return scaled rows, and the filling by a normal distribution that is fitted to them."""
    scaling = Moments.of(X).scaling(rescales=True, each=True)
    rows = Rows(X, scaling, torch.device("cpu"), torch.float64)
    gaussian, _ = fit_gaussian(rows, torch.ones(len(rows)), seed, simplicity)
    filling = Filling(X.shape[1], gaussian.factor.shape[1]).double()
    filling.set(gaussian)
    return scaling, rows, filling


def _all_filled(rows: Rows, filling: Filling, scaling: Scaling) -> np.ndarray:
    """Return rows with conditional means, in the units of `X`."""
    filled = FilledRows(rows, filling).blocks()
    return np.concatenate([scaling.undo(block.numpy()) for _, block in filled])


def most_rows(n_features: int) -> int:
    """Return the largest number of rows that the distribution is fitted to."""
    if n_features > MOST_FEATURES:
        return max(_FEWEST_ROWS, _FACTOR_NUMBERS // n_features)
    return int(min(max(_FEWEST_ROWS, _COVARIANCE_WORK / n_features**3), _MOST_ROWS))


def _some_rows(weight: torch.Tensor, n_rows: int, generator: torch.Generator) -> torch.Tensor:
    """Return indices of rows with positive weights, at most `n_rows`, drawn at random."""
    eligible = torch.nonzero(weight)[:, 0].cpu()
    if len(eligible) > n_rows:
        chosen = torch.randperm(len(eligible), generator=generator)[:n_rows]
        eligible = eligible[chosen.sort().values]
    return eligible.to(weight.device)


def _standardised(
    X: torch.Tensor, weight: torch.Tensor
) -> tuple[Sample, torch.Tensor, torch.Tensor]:
    """Return standardised rows, and the means and standard deviations of the features."""
    wide = torch.float32 if X.device.type == "mps" else torch.float64
    X, weight = X.to(wide), weight.to(wide)
    known = (~torch.isnan(X)).to(wide)
    count = weight @ known
    mean = (weight @ torch.nan_to_num(X)) / count.clamp_min(torch.finfo(wide).tiny)
    away = torch.where(known > 0, X - mean, 0.0)
    deviation = _deviations((weight @ away.square() / count.clamp_min(1)).sqrt(), count)
    return Sample(away / deviation, known, weight / weight.mean()), mean, deviation


def _deviations(deviation: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Return positive deviations; those of few values are shrunk towards the typical deviation.

    The shrinkage is on a logarithmic scale.
    """
    varies = deviation > 0
    logs = deviation.clamp_min(torch.finfo(deviation.dtype).tiny).log()
    typical = logs[varies].median() if varies.any() else logs.new_zeros(())
    drawn = (count * logs + _PRIOR_VALUES * typical) / (count + _PRIOR_VALUES)
    return torch.where(varies, drawn, typical).exp()


def _chosen(model: Any, sample: Sample, generator: torch.Generator) -> float:
    """Return the shrinkage or number of factors that predicts hidden entries best."""
    n_hidden = _HIDDEN_FRACTION * float(sample.known.sum())
    n_trials = min(max(1, math.ceil(_HIDDEN_VALUES / max(1.0, n_hidden))), _MOST_TRIALS)
    trials = []
    for _ in range(n_trials):
        hidden = torch.rand(sample.known.shape, generator=generator).to(sample.known.device)
        trials.append((hidden < _HIDDEN_FRACTION).to(sample.known.dtype) * sample.known)
    best, smallest = model.choices[0], torch.inf
    fitted = [None] * n_trials
    for choice in model.choices:
        for i, hidden in enumerate(trials):
            rest = sample.hiding(hidden)
            fitted[i] = model.fit(rest, choice, generator, model.n_trial_iterations, fitted[i])
        error = sum(map(_error, fitted, trials, [sample] * n_trials))
        if error >= smallest:
            break
        best, smallest = choice, error
    return best


def _error(fitted: Any, hidden: torch.Tensor, sample: Sample) -> float:
    """Return the sum of the squared errors of hidden entries."""
    errors = (fitted.predict(sample.hiding(hidden)) - sample.values).square()
    return float(sample.weight @ (errors * hidden).sum(1))
