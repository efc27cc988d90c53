"""The networks of an imputer, and draws of the errors of imputed values."""

from __future__ import annotations

from typing import Self

import numpy as np

from skae._data.matrix import Matrix
from skae._imputation.bootstrap import Bootstrap
from skae._imputation.draw import Draw
from skae._imputation.error_measurement import ErrorMeasurement, filling_of
from skae._imputation.error_sample import ErrorSample
from skae._network.fitted_network import FittedNetwork, mean_reconstruction


class Imputation:
    """Networks whose mean reconstruction fills missing values.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one network; all have the same scaling and the same filling.

    error_ratio : ndarray of shape (n_features,), dtype float64, or None, default=None
        Errors of the networks relative to those of the filling. None if no errors are drawn.

    bootstrap : Bootstrap or None, default=None
        Draws of the parameters of the filling. None if no errors are drawn, and in files of
        earlier versions, whose draws take the parameters for known.
    """

    def __init__(
        self,
        networks: list[FittedNetwork],
        error_ratio: np.ndarray | None = None,
        bootstrap: Bootstrap | None = None,
    ):
        self.networks = networks
        self._error_ratio, self._bootstrap = error_ratio, bootstrap
        self._sample: ErrorSample | None = None

    @classmethod
    def with_errors_of(cls, networks: list[FittedNetwork], sample: ErrorSample) -> Self:
        """Return an imputation that measures errors on a sample, once somebody asks for them."""
        imputation = cls(networks)
        imputation._sample = sample
        return imputation

    @property
    def error_ratio(self) -> np.ndarray | None:
        """Errors of the networks relative to those of the filling."""
        self._measure()
        return self._error_ratio

    @property
    def bootstrap(self) -> Bootstrap | None:
        """Draws of the parameters of the filling."""
        self._measure()
        return self._bootstrap

    def _measure(self) -> None:
        sample = self._sample  # another thread may measure the same meanwhile
        if sample is not None:
            self._error_ratio, self._bootstrap = ErrorMeasurement(self.networks, sample).run()
            self._sample = None

    def means(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions of rows, in the units of `X`, float64."""
        return mean_reconstruction(self.networks, X, device)

    def draws(self, n_draws: int, random_state: np.random.RandomState) -> list[Draw]:
        """Return several draws of all errors, each with parameters of its own.

        With more draws than distributions in the bootstrap, their parameters are used again.
        """
        error_ratio, bootstrap = self.error_ratio, self.bootstrap
        assert error_ratio is not None  # of a recommender, no errors are drawn
        scaling, filling = self.networks[0].scaling, filling_of(self.networks[0])
        if bootstrap is None:
            one = Draw(scaling, filling, filling, 0.0, error_ratio, random_state)
            return [one] * n_draws
        order = random_state.permutation(len(bootstrap))
        return [
            Draw(
                scaling=scaling,
                filling=filling,
                drawn=bootstrap.filling(int(i)),
                shrinkage=bootstrap.shrinkage,
                error_ratio=error_ratio * bootstrap.ratio[i],
                random_state=random_state,
            )
            for i in np.resize(order, n_draws)
        ]
