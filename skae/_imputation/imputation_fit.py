"""The fit of the networks of an imputer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skae._checkpoints.trainings import Trainings
from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import fit_several
from skae._fitting.splits import split
from skae._imputation.error_sample import ErrorSample
from skae._imputation.imputation import Imputation
from skae._utils.random_state import own_random_state

# Largest number of rows on which errors are measured.
_MEASURED_ROWS = 2000


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

    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Weights with mean 1.

    draws : bool, default=True
        Whether errors can be drawn later.
    """

    def __init__(
        self,
        X: Matrix,
        policy: FitPolicy,
        n_networks: int,
        trainings: Trainings,
        report: EpochReport,
        *,
        sample_weight: np.ndarray | None = None,
        draws: bool = True,
    ):
        self.X, self.policy, self.n_networks, self.draws = X, policy, n_networks, draws
        self.trainings, self.report, self.sample_weight = trainings, report, sample_weight
        self.random = own_random_state(trainings.random_state)

    def run(self) -> tuple[Imputation, list[NetworkFit]]:
        """Train all networks."""
        fits = fit_several(
            ((prepared, None) for prepared in self._prepared()),
            self.n_networks,
            *(self.X, self.policy, self.trainings, self.report),
        )
        networks = [fit.network for fit in fits]
        if not self.draws:
            return Imputation(networks), fits
        return Imputation.with_errors_of(networks, self._error_sample(fits)), fits

    def _prepared(self) -> Iterator[Prepared]:
        gaussian = None  # the same for all networks, which have the same rows
        for _ in range(self.n_networks):
            prepared = prepare(
                self.X,
                self.policy,
                int(self.random.randint(2**31 - 1)),
                sample_weight=self.sample_weight,
                takes_missing=True,
                gaussian=gaussian,
            )
            gaussian = prepared.gaussian
            yield prepared

    def _error_sample(self, fits: list[NetworkFit]) -> ErrorSample:
        """Return the rows on which errors are measured when they are asked for."""
        prepared = fits[0].prepared
        n_rows = prepared.X.shape[0]
        chosen = np.sort(self.random.permutation(n_rows)[:_MEASURED_ROWS])
        weight = prepared.sample_weight.cpu().numpy().astype(np.float64)
        return ErrorSample(
            X=np.array(densify(prepared.X[chosen])),
            weight=weight[chosen] / weight.mean(),
            held_out=np.array([self._held_out(fit)[chosen] for fit in fits]),
            n_rows=n_rows,
            simplicity=prepared.linear_part.simplicity,
            seed=int(self.random.randint(2**31 - 1)),
            device=str(self.policy.device),
        )

    def _held_out(self, fit: NetworkFit) -> np.ndarray:
        """Return the mask of the rows that a network was not trained on."""
        prepared, n_rows = fit.prepared, fit.prepared.X.shape[0]
        held_out = np.zeros(n_rows, dtype=bool)
        if self.policy.early_stopping and not prepared.takes_folds:
            training, validation = split(
                n_rows, self.policy.validation_fraction, prepared.seeds.split
            )
            held_out[validation] = True
            held_out[training] = False  # with very few rows, both are all rows
        return held_out
