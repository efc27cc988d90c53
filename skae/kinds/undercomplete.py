"""The undercomplete kind."""

from __future__ import annotations

from skae.corruptions import CorruptionLike
from skae.kinds.interface import Setting
from skae.kinds.kind import Kind


class Undercomplete(Kind):
    r"""Plain autoencoder with a latent code smaller than the data.

    With `d` features, a code of `k <= d` values and the reconstruction :math:`\hat{x}`, the
    objective of one sample under ``loss="mse"`` is

    .. math:: \frac{1}{d} \lVert x - \hat{x} \rVert^2 .

    With a linear encoder and decoder, its minimum spans the principal subspace [1]_.

    Parameters
    ----------
    corruption : None, str, Corruption or callable, default=None
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`.

    References
    ----------
    .. [1] P. Baldi and K. Hornik, "Neural networks and principal component analysis: learning
       from examples without local minima", Neural Networks 2(1), 1989.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.kinds import Undercomplete
    >>> X = load_iris().data
    >>> ae = AutoencoderTransformer(n_components=2, kind=Undercomplete(), max_epochs=5)
    >>> ae.fit_transform(X).shape
    (150, 2)
    """

    def __init__(self, corruption: CorruptionLike = None):
        self.corruption = corruption

    def check(self, setting: Setting) -> None:
        """Refuse a code that is larger than the data."""
        n_components, n_features = setting.n_components, setting.n_features
        if n_components > n_features:
            raise ValueError(
                f"n_components={n_components} is larger than the {n_features} features of X, but "
                f"kind='undercomplete' needs a code of at most that size: give n_components "
                f"between 1 and {n_features}, or kind='overcomplete' for a larger code."
            )
