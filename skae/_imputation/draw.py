"""A draw of the errors of imputed values from their conditional distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from skae._data.scaling import Scaling
from skae._imputation.bootstrap import ROWS_AT_ONCE, drawn_errors, filled_rows
from skae._missing.filling import Filling
from skae._runtime.threads import threads_for


@dataclass(frozen=True)
class Draw:
    r"""Errors of the missing values of all rows, under the same draw of the parameters.

    The parameters of the normal distribution are uncertain, so they are drawn first, as for a
    proper imputation [1]_, here by the bootstrap [2]_: the conditional mean moves by the difference
    between the drawn distribution and the fitted one. With a row :math:`x'` drawn from the drawn
    distribution, and :math:`\hat{x}'_m` the conditional mean of those of its entries that are
    missing in a given row, :math:`x'_m - \hat{x}'_m` has exactly the conditional covariance
    (Journel's conditional simulation [3]_). The sum of both is multiplied by the error ratio of the
    networks.

    Parameters
    ----------
    scaling : Scaling
        The scaling of the networks.

    filling : Filling
        The filling by the fitted distribution, on the CPU.

    drawn : Filling
        The filling by the drawn distribution, on the CPU.

    shrinkage : float
        Factor of the difference between both.

    error_ratio : ndarray of shape (n_features,)
        Errors of the networks relative to those of the filling.

    random_state : RandomState
        Source of the draws.

    References
    ----------
    .. [1] D. B. Rubin, "Multiple imputation for nonresponse in surveys", Wiley, 1987.
    .. [2] J. Honaker and G. King, "What to do about missing values in time-series cross-section
       data", American Journal of Political Science 54(2), 2010.
    .. [3] A. G. Journel, "Geostatistics for conditional simulation of ore bodies", Economic Geology
       69(5), 1974.
    """

    scaling: Scaling
    filling: Filling
    drawn: Filling
    shrinkage: float
    error_ratio: np.ndarray
    random_state: np.random.RandomState

    def errors(self, X: np.ndarray) -> np.ndarray:
        """Return errors of missing values, drawn from their conditional distribution.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows, with NaN for missing values.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype float64
            In the units of `X`; zero for known values.
        """
        generator = torch.Generator().manual_seed(int(self.random_state.randint(2**31 - 1)))
        scaled = self.scaling.apply(X, np.float32)
        with threads_for(ROWS_AT_ONCE, self.filling.n_multiplications):
            errors = drawn_errors(self.drawn, np.isnan(X), generator)
            if self.drawn is not self.filling:
                shift = filled_rows(self.drawn, scaled) - filled_rows(self.filling, scaled)
                errors += self.shrinkage * shift
        return errors * self.error_ratio * self.scaling.scale
