"""How the learning rate runs over the epochs."""

from __future__ import annotations

import math

# Share of the batches in which the rate rises, and the factor it starts from.
_WARM_UP, _START = 0.1, 0.04


def one_cycle(done: float) -> float:
    """Return the factor of the learning rate when this share of the batches is done.

    Rises on a half cosine from 0.04 to 1 and falls on another to 0 [1]_.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks
       using large learning rates", 2018, arXiv:1708.07120.
    """
    if done < _WARM_UP:
        return _START + (1 - _START) * _half_cosine(done / _WARM_UP)
    return 1 - _half_cosine((done - _WARM_UP) / (1 - _WARM_UP))


def constant(done: float) -> float:
    """Return 1: the rate stays."""
    return 1.0


def _half_cosine(x: float) -> float:
    """Rise from 0 to 1 as x does."""
    return 0.5 - 0.5 * math.cos(math.pi * x)
