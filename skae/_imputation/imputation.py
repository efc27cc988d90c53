"""The networks of an imputer, and the errors of imputed values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from skae._checkpoints.trainings import Trainings
from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._fitting.fit_network import fit_network
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import until_interrupted
from skae._fitting.splits import split
from skae._missing.filling import Filling
from skae._network.fitted_network import FittedNetwork, mean_reconstruction
from skae._utils.random_state import own_random_state

# Rows on which errors are measured, smallest fraction of hidden values in them, and folds.
_MEASURED_ROWS, _SMALLEST_FRACTION, _N_FOLDS = 2000, 0.1, 4
# Rows in a batch of the filling.
_ROWS_AT_ONCE = 512
# The error ratio of a feature is shrunk towards that of all features, as if it had this many
# additional values.
_PRIOR_VALUES = 5.0


@dataclass(frozen=True)
class Imputation:
    """Networks whose mean reconstruction fills missing values.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one network; all have the same scaling and the same filling.

    error_ratio : ndarray of shape (n_features,), dtype float64, or None
        Errors of the networks relative to those of the filling. None if no errors are drawn.
    """

    networks: list[FittedNetwork]
    error_ratio: np.ndarray | None

    def means(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions of rows, in the units of `X`, float64."""
        return mean_reconstruction(self.networks, X, device)

    def errors(self, X: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        r"""Return errors of missing values, drawn from their conditional distribution.

        With a row :math:`x'` drawn from the normal distribution of the filling, and
        :math:`\hat{x}'_m` the conditional mean of those of its entries that are missing in `X`,
        :math:`x'_m - \hat{x}'_m` has exactly the conditional covariance (Journel's conditional
        simulation [1]_). It is multiplied by the error ratio of the networks.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows, with NaN for missing values.

        random_state : RandomState
            Source of the draws.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype float64
            In the units of `X`; zero for known values.

        References
        ----------
        .. [1] A. G. Journel, "Geostatistics for conditional simulation of ore bodies", Economic
           Geology 69(5), 1974.
        """
        first = self.networks[0]
        generator = torch.Generator().manual_seed(int(random_state.randint(2**31 - 1)))
        filling = _filling_of(first)
        errors = filling_errors(filling, np.isnan(X), generator)
        return errors * self.error_ratio * first.scaling.scale


class ImputationFit:
    """One fit of the networks of an imputer.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows, with NaN for missing values.

    policy : FitPolicy
        The policy of the estimator.

    n_networks : int
        Number of networks to train.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch.

    draws : bool, default=True
        Whether errors can be drawn later. Preparing this takes as long as several linear fits.
    """

    def __init__(
        self,
        X: Matrix,
        policy: FitPolicy,
        n_networks: int,
        trainings: Trainings,
        report: EpochReport,
        *,
        draws: bool = True,
    ):
        self.X, self.policy, self.n_networks, self.draws = X, policy, n_networks, draws
        self.trainings, self.report = trainings, report
        self.random = own_random_state(trainings.random_state)

    def run(self) -> tuple[Imputation, list[NetworkFit]]:
        """Train all networks, and measure their errors."""
        fits = until_interrupted(self._fits(), self.n_networks, self.trainings)
        error_ratio = self._error_ratio(fits) if self.draws else None
        return Imputation([fit.network for fit in fits], error_ratio), fits

    def _fits(self) -> Iterator[NetworkFit]:
        gaussian = None  # the same for all networks, which have the same rows
        for _ in range(self.n_networks):
            seed = int(self.random.randint(2**31 - 1))
            prepared = prepare(self.X, self.policy, seed, takes_missing=True, gaussian=gaussian)
            gaussian = prepared.gaussian
            yield fit_network(prepared, self.trainings, self.report)

    def _error_ratio(self, fits: list[NetworkFit]) -> np.ndarray:
        """Return the ratio of errors of hidden values to those that the distribution expects.

        For the rows that it was fitted to, the distribution expects errors that are too small, so
        its own errors are measured by cross-validation. The errors of the networks, relative to the
        distribution, are measured on their validation rows, since they are too small on training
        rows.
        """
        first = fits[0].network
        chosen = np.sort(self.random.permutation(self.X.shape[0])[:_MEASURED_ROWS])
        X = first.scaling.apply(densify(self.X[chosen]), np.float32)
        fraction = max(_SMALLEST_FRACTION, np.isnan(X).mean())
        hidden = ~np.isnan(X) & (self.random.uniform(size=X.shape) < fraction)
        shown = np.where(hidden, np.nan, X)
        known = np.where(hidden, X, 0.0).astype(np.float64)
        filling = _filling_of(first)
        of_filling = known - np.where(hidden, filled_rows(filling, shown), 0.0)
        of_networks, of_same = [], []
        for fit in fits:
            rows = self._held_out(fit, chosen)
            means = self._scaled_means(fit.network, shown[rows])
            of_networks.append(known[rows] - np.where(hidden[rows], means, 0.0))
            of_same.append(of_filling[rows])
        left_out, expected = self._errors_left_out(fits[0].prepared, chosen, shown, hidden, known)
        of_rows = _ratio(np.concatenate(of_networks), np.concatenate(of_same))
        ratio = _ratio(left_out, expected) * of_rows
        return np.sqrt(ratio)

    def _held_out(self, fit: NetworkFit, chosen: np.ndarray) -> np.ndarray:
        """Return which of some rows were validation rows of a fit; all if it had none."""
        policy = self.policy
        if not policy.early_stopping:
            return np.arange(len(chosen))
        _, validation = split(self.X.shape[0], policy.validation_fraction, fit.prepared.seeds.split)
        rows = np.flatnonzero(np.isin(chosen, validation))
        return rows if len(rows) else np.arange(len(chosen))

    def _scaled_means(self, fitted: FittedNetwork, shown: np.ndarray) -> np.ndarray:
        rows = fitted.scaling.undo(shown)
        means = mean_reconstruction([fitted], rows, str(self.policy.device))
        return fitted.scaling.apply(means, np.float64)

    def _errors_left_out(
        self,
        prepared: Prepared,
        chosen: np.ndarray,
        shown: np.ndarray,
        hidden: np.ndarray,
        known: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return cross-validated errors of the filling, and the errors that it expects."""
        found, expected = np.zeros(shown.shape), np.zeros(shown.shape)
        generator = torch.Generator().manual_seed(int(self.random.randint(2**31 - 1)))
        for fold in np.array_split(self.random.permutation(len(chosen)), _N_FOLDS):
            filling = prepared.filling_without(chosen[fold])
            found[fold] = known[fold] - np.where(hidden[fold], filled_rows(filling, shown[fold]), 0)
            drawn = filling_errors(filling, np.isnan(shown[fold]), generator)
            expected[fold] = np.where(hidden[fold], drawn, 0.0)
        return found, expected


def _filling_of(fitted: FittedNetwork) -> Filling:
    missing = fitted.network("cpu").missing
    assert missing is not None  # networks of imputers take missing values
    return missing.filling


def _ratio(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the ratio of squared errors per feature, shrunk towards that of all features."""
    found, expected = np.square(found), np.square(expected)
    n_hidden = max(1, np.count_nonzero(found))
    unit = max(expected.sum() / n_hidden, np.finfo(np.float32).tiny)
    overall = found.sum() / max(expected.sum(), np.finfo(np.float32).tiny)
    prior = _PRIOR_VALUES * unit
    return (found.sum(axis=0) + prior * overall) / (expected.sum(axis=0) + prior)


def filled_rows(filling: Filling, X: np.ndarray) -> np.ndarray:
    """Return scaled rows with conditional means instead of NaN, float64."""
    parts = torch.from_numpy(X).split(_ROWS_AT_ONCE)
    return torch.cat([filling(part) for part in parts]).double().numpy()


def filling_errors(filling: Filling, missing: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Return errors of conditional means, drawn from a distribution; zero for known values.

    Parameters
    ----------
    filling : Filling
        The distribution.

    missing : ndarray of shape (n_samples, n_features), dtype bool
        Mask of the missing values.

    generator : torch.Generator
        Source of the draws, on the CPU.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64
        Errors in scaled units.
    """
    rows = filling.draw(len(missing), generator).numpy()
    return rows - filled_rows(filling, np.where(missing, np.nan, rows))
