"""The overcomplete kind."""

from __future__ import annotations

import warnings

from skae.corruptions import CorruptionLike
from skae.kinds.interface import Setting
from skae.kinds.kind import Kind

# The decay from which an autoencoder of digits no longer rebuilt pixels in any order: 0.01 and 0
# explained 0.94 of them, 1 still 0.88, 10 only 0.29 (examples/plot_overcomplete.py).
_ENOUGH_DECAY = 10.0
# What n_components="auto" adds to the features, at most.
_MOST_ADDED = 512


class Overcomplete(Kind):
    r"""A code larger than the data, held back by something else than its size.

    The objective is that of :class:`Undercomplete`. A code of more values than the data have can
    hold a copy of them, so that the reconstruction is perfect and the code says nothing new [1]_.
    What keeps it from that is a corruption, a strong decay of the weights or a penalty; without
    a corruption, and with a ``weight_decay`` below 10, `fit` warns. It warns as well where the
    code is not larger than the data. There is no start at PCA, which would be that copy.

    Parameters
    ----------
    corruption : None, str, Corruption or callable, default=None
        What is done in training to the rows that the encoder is shown, see
        :mod:`skae.corruptions`.

    References
    ----------
    .. [1] Y. Bengio, "Learning deep architectures for AI", Foundations and Trends in Machine
       Learning 2(1), 2009, section 4.6.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.kinds import Overcomplete
    >>> X = load_iris().data
    >>> kind = Overcomplete(corruption="masking")
    >>> ae = AutoencoderTransformer(n_components=12, kind=kind, max_epochs=5)
    >>> ae.fit_transform(X).shape
    (150, 12)
    """

    def __init__(self, corruption: CorruptionLike = None):
        self.corruption = corruption

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return twice the features, at most 512 more than there are."""
        return n_features + min(n_features, _MOST_ADDED)

    def takes_linear_path(self, n_components: int, n_features: int) -> bool:
        """Return False: a start at PCA would be the identity."""
        return False

    def check(self, setting: Setting) -> None:
        """Warn if the code is not larger than the data, or if nothing holds it back."""
        n_components, n_features = setting.n_components, setting.n_features
        if n_components <= n_features:
            _warn(
                f"n_components={n_components} is not larger than the {n_features} features of X, "
                f"so the code is not overcomplete: give at least {n_features + 1}, 'auto' (twice "
                f"the features), or kind='undercomplete', which starts at PCA."
            )
        elif self.corruption is None and setting.weight_decay < _ENOUGH_DECAY:
            _warn(
                f"A code of {n_components} values can hold a copy of {n_features} features, and "
                f"weight_decay={setting.weight_decay:g} does not keep this one from it: give "
                f"kind=Overcomplete(corruption='masking'), a weight_decay of {_ENOUGH_DECAY:g} or "
                f"more, or kind='sparse'."
            )


def _warn(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=3)
