"""The mean squared reconstruction error."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.score import Score, n_known, residuals


class Reconstruction(Score):
    r"""Mean squared reconstruction error, the textbook anomaly score.

    .. math:: a(x) = \frac{1}{d} \lVert x - \hat{x} \rVert^2

    All features have the same weight, whether their reconstruction errors are large in every row
    or only in anomalies. It does not detect rows that are far from all others but have a small
    reconstruction error. With missing values it is the mean over the known ones.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 2.0, 3.0]
    >>> detector = AutoencoderOutlierDetector(scoring="reconstruction", random_state=0).fit(X)
    >>> far, near = detector.score_samples([[1.0, -2.0, 3.0], [1.0, 2.0, 3.0]])
    >>> bool(far < near)
    True
    """

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Estimate nothing."""
        self.by_known_ = True
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared errors, divided by the number of known values."""
        return residuals(network, X, codes).square() / n_known(X, self.known(network, X))

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None."""
        return None
