"""The Mahalanobis length of the code."""

from __future__ import annotations

from skae.scores.scatter import Scatter
from skae.scores.score import Score


class Latent(Score):
    r"""Squared Mahalanobis length of the code.

    .. math:: a(x) = \frac{1}{k} (z - \mu_z)^T \Sigma_z^{-1} (z - \mu_z)

    with the mean and the shrunk covariance of the codes of normal rows. What is far from them in
    the directions that the network knows; what it does not know goes unseen.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the codes.
    """

    scatters = {"scatter_": "code"}

    def fit(self, residuals, codes):
        """Learn the scatter of the codes."""
        self.scatter_ = Scatter.of(codes.numpy())
        return self

    def of_features(self, network, X, codes):
        """Return None."""
        return None

    def of_code(self, network, X, codes):
        """Return the squared length, over the size of the code."""
        return self.scatter_.lengths(codes.cpu().double()) / codes.shape[1]
