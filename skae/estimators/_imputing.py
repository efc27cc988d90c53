"""What the estimators that fill in missing values have in common."""

from __future__ import annotations

from numbers import Integral

from skae._utils.checks import LARGEST
from skae._utils.sklearn_private import Interval
from skae.corruptions import Missing
from skae.estimators._base import BaseAutoencoder
from skae.kinds import Denoising


def hidden_again() -> Denoising:
    """Return the kind that "auto" stands for."""
    return Denoising(Missing(), emphasis=1.0)


class ImputingAutoencoder(BaseAutoencoder):
    """Base class of estimators whose networks fill in what is missing.

    :class:`~skae._imputation.imputation.ImputationFit` leaves ``_imputation`` on them.
    """

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "n_estimators": [Interval(Integral, 1, LARGEST, closed="both")],
    }
    _parameter_constraints.pop("warm_start")
    _keeps_empty_features = True

    def _wanted_components(self, kind, filling_rank):
        return filling_rank if isinstance(self.n_components, str) else self.n_components

    def _fitted_networks(self):
        """Return the fitted networks: what other parts of skae may compute with."""
        return self._imputation.networks

    def _takes_missing(self) -> bool:
        return True

    def __sklearn_is_fitted__(self):
        """Return whether there are networks: what a fit sets first."""
        return hasattr(self, "_imputation")
