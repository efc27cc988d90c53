"""From rows with missing values to networks that fill them."""

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

# Rows, and the smallest share of their known values, that errors are measured on; folds of these.
_MEASURED_ROWS, _SMALLEST_SHARE, _N_FOLDS = 2000, 0.1, 4
# Rows that are filled at once.
_ROWS_AT_ONCE = 512
# A feature with few known values has its error drawn towards that of the others.
_PRIOR_VALUES = 5.0


@dataclass(frozen=True)
class Imputation:
    """Networks that fill missing values together.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one; all have the same scaling and the same filling.

    error_ratio : ndarray of shape (n_features,), dtype float64, or None
        How large the errors of the networks are, as a multiple of those of the filling. None where
        none are to be drawn.
    """

    networks: list[FittedNetwork]
    error_ratio: np.ndarray | None

    def means(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions of rows, in the units of `X`, float64."""
        return mean_reconstruction(self.networks, X, device)

    def errors(self, X: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        r"""Return errors of missing values, drawn from what known values leave open of them.

        With a row :math:`x'` drawn from the normal distribution of the filling, and
        :math:`\hat{x}'_m` the conditional mean of those of its entries that are missing in `X`,
        :math:`x'_m - \hat{x}'_m` has just the conditional covariance (Journel's conditional
        simulation [1]_). It is multiplied by what the networks err more, or less.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows, NaN where a value is missing.

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
        Validated rows, NaN where a value is missing.

    policy : FitPolicy
        What the estimator decided.

    n_networks : int
        How many networks are trained.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Is given each epoch.

    draws : bool, default=True
        Whether errors are to be drawn. To prepare that takes as long as several linear fits.
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
        gaussian = None  # the same rows have the same
        for _ in range(self.n_networks):
            seed = int(self.random.randint(2**31 - 1))
            prepared = prepare(self.X, self.policy, seed, takes_missing=True, gaussian=gaussian)
            gaussian = prepared.gaussian
            yield fit_network(prepared, self.trainings, self.report)

    def _error_ratio(self, fits: list[NetworkFit]) -> np.ndarray:
        """Return the errors of hidden values over those that the normal distribution expects.

        Of rows it was fitted to, it expects too little. What it errs on others is found by
        leaving out one fold after the other; what the networks do better, on the rows that each
        held out: those that it trained on would promise too much.
        """
        first = fits[0].network
        chosen = np.sort(self.random.permutation(self.X.shape[0])[:_MEASURED_ROWS])
        X = first.scaling.apply(densify(self.X[chosen]), np.float32)
        share = max(_SMALLEST_SHARE, np.isnan(X).mean())
        hidden = ~np.isnan(X) & (self.random.uniform(size=X.shape) < share)
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
        """Return which of some rows a network did not train on; all where it trained on all."""
        policy = self.policy
        if not policy.early_stopping:
            return np.arange(len(chosen))
        _, held_out = split(self.X.shape[0], policy.validation_fraction, fit.prepared.seeds.split)
        rows = np.flatnonzero(np.isin(chosen, held_out))
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
        """Return errors of fillings that did not know the row, and those they expect."""
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
    """Return the ratio of squared errors for each feature, drawn towards that of all."""
    found, expected = np.square(found), np.square(expected)
    n_hidden = max(1, np.count_nonzero(found))
    unit = max(expected.sum() / n_hidden, np.finfo(np.float32).tiny)
    overall = found.sum() / max(expected.sum(), np.finfo(np.float32).tiny)
    prior = _PRIOR_VALUES * unit
    return (found.sum(axis=0) + prior * overall) / (expected.sum(axis=0) + prior)


def filled_rows(filling: Filling, X: np.ndarray) -> np.ndarray:
    """Return scaled rows with conditional means in the place of NaN, float64."""
    parts = torch.from_numpy(X).split(_ROWS_AT_ONCE)
    return torch.cat([filling(part) for part in parts]).double().numpy()


def filling_errors(filling: Filling, missing: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Return errors of conditional means, drawn from a distribution, zero for known values.

    Parameters
    ----------
    filling : Filling
        The distribution.

    missing : ndarray of shape (n_samples, n_features), dtype bool
        Which values are missing.

    generator : torch.Generator
        On the CPU.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64
        In scaled units.
    """
    rows = filling.draw(len(missing), generator).numpy()
    return rows - filled_rows(filling, np.where(missing, np.nan, rows))
