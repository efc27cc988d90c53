"""The base class of the estimators that predict missing values."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from skae._checkpoints.trainings import Trainings
from skae._data.matrix import Matrix
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.progress import EpochReport
from skae._fitting.scaling_rules import ScalingRule
from skae._fitting.several_fits import common_attributes
from skae._imputation.imputation import Imputation
from skae._imputation.imputation_fit import ImputationFit
from skae._network.fitted_network import FittedNetwork
from skae._utils.checks import LARGEST, is_auto
from skae._utils.sklearn_private import Interval
from skae.corruptions import Missing
from skae.estimators._base import BaseAutoencoder
from skae.kinds import Denoising


def hidden_again() -> Denoising:
    """Return the default kind, which hides some observed values again in training."""
    return Denoising(Missing(), emphasis=1.0)


def hidden_again_in_tables() -> Denoising:
    """Return the default kind for tables whose columns are not all numbers.

    The level of a column often follows from one or two others, which should not be hidden as well.
    """
    return Denoising(Missing((0.0, 0.7)), emphasis=1.0)


class ImputingAutoencoder(BaseAutoencoder):
    """Base class of estimators whose networks predict missing values."""

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "n_estimators": [Interval(Integral, 1, LARGEST, closed="both")],
    }
    _keeps_empty_features = True
    _imputation: Imputation
    n_estimators: int

    def _fit_networks(
        self,
        X: Matrix,
        trainings: Trainings,
        scaling: ScalingRule,
        *,
        sample_weight: np.ndarray | None = None,
        draws: bool,
    ) -> None:
        """Fit the networks to validated rows, and set the fitted attributes.

        Parameters
        ----------
        X : ndarray, CSR matrix or view of shape (n_samples, n_features)
            Validated rows, with NaN for missing values.

        trainings : Trainings
            Runs the trainings.

        scaling : ScalingRule
            The rule for the scaling in front of the networks.

        sample_weight : ndarray of shape (n_samples,) or None, default=None
            Weights with mean 1.

        draws : bool
            Whether errors of imputed values can be drawn later.
        """
        n_components = "filling rank" if is_auto(self.n_components) else self.n_components
        of_role: dict[str, Any] = {"n_components": n_components, "scaling": scaling}
        if self.columns_ is not None and is_auto(self.kind):
            of_role["kind"] = hidden_again_in_tables().resolved()
        policy = FitPolicy.of(self, **of_role)
        fit = ImputationFit(
            X,
            policy,
            self.n_estimators,
            trainings,
            EpochReport(self),
            sample_weight=sample_weight,
            draws=draws,
        )
        self._keep(*fit.run())

    def _keep(self, imputation: Imputation, fits: list[NetworkFit]) -> None:
        """Set the fitted attributes."""
        self._set(
            {
                **common_attributes(fits),
                "mean_": fits[0].prepared.mean,
                "scale_": fits[0].network.scaling.scale,
                "_imputation": imputation,
            }
        )

    def _fitted_networks(self) -> list[FittedNetwork]:
        return self._imputation.networks

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there are fitted networks."""
        return hasattr(self, "_imputation")
