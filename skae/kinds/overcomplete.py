"""The overcomplete kind."""

from __future__ import annotations

import warnings

from skae.corruptions import CorruptionLike
from skae.kinds.interface import Setting
from skae.kinds.kind import Kind

# Weight decay that keeps an overcomplete autoencoder from copying its input. The explained fraction
# of the variance of digits with shuffled pixels, which have no structure to learn, was 0.94 with a
# weight decay of 0 or 0.01, 0.88 with 1, and 0.29 with 10 (examples/plot_overcomplete.py).
_ENOUGH_DECAY = 10.0
# Largest difference between n_components="auto" and the number of features.
_MOST_ADDED = 512


class Overcomplete(Kind):
    r"""Autoencoder with a code larger than the data, regularised by other means than its size.

    The objective is that of :class:`Undercomplete`. A code with at least as many values as the
    data have features can be a copy of the input, with a perfect reconstruction and no learned
    structure [1]_. A corruption, a strong weight decay or a penalty prevents this; `fit` warns if
    there is no corruption and ``weight_decay`` is below 10. It also warns if the code is not larger
    than the data. The network does not start at PCA, which would be that copy.

    Parameters
    ----------
    corruption : None, str, Corruption or callable, default="gaussian"
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`. None is
        for a strong weight decay, or for copies.

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

    def __init__(self, corruption: CorruptionLike = "gaussian"):
        self.corruption = corruption

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return twice the number of features, at most 512 more than the number of features."""
        return n_features + min(n_features, _MOST_ADDED)

    def takes_linear_path(self, n_components: int, n_features: int) -> bool:
        """Return False: a start at PCA would be the identity."""
        return False

    def check(self, setting: Setting) -> None:
        """Warn if the code is not larger than the data, or if nothing regularises it."""
        n_components, n_features = setting.n_components, setting.n_features
        if n_components <= n_features:
            _warn(
                f"n_components={n_components} is not larger than the {n_features} features of X, "
                f"so the code is not overcomplete: give at least {n_features + 1}, 'auto' (twice "
                f"the features), or kind='undercomplete', which starts at PCA."
            )
        elif self.corruption is None and setting.weight_decay < _ENOUGH_DECAY:
            _warn(
                f"A code of {n_components} values can be a copy of {n_features} features, and "
                f"weight_decay={setting.weight_decay:g} does not prevent this: give "
                f"kind=Overcomplete(corruption='masking'), a weight_decay of {_ENOUGH_DECAY:g} or "
                f"more, or kind='sparse'."
            )


def _warn(sentence: str) -> None:
    warnings.warn(sentence, UserWarning, stacklevel=3)
