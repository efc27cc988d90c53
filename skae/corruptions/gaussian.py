"""Gaussian noise."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch

from skae._utils.checks import is_number
from skae.corruptions.corruption import Corruption
from skae.corruptions.features import Features


class Gaussian(Corruption):
    r"""Gaussian noise on every entry.

    Described in [1]_.

    .. math:: \tilde{x}_j = x_j + \lambda \sigma_j \varepsilon_j, \quad
       \varepsilon_j \sim \mathcal{N}(0, 1),

    with the level :math:`\lambda` and the standard deviation :math:`\sigma_j` of feature `j` over
    the training rows; :math:`\sigma_j = 1` with ``relative=False``.

    Parameters
    ----------
    level : float or pair of float, default=0.3
        Standard deviation of the noise. With a pair ``(low, high)``, the standard deviation is
        drawn log-uniformly from that range for each row, so that the network learns to remove
        noise of every strength.

    relative : bool, default=True
        Whether `level` is in standard deviations of each feature, so that a constant feature gets
        no noise. Otherwise it is in units of `X`, the same for all features.

    clip : None, "range" or pair of float, default=None
        Range to which corrupted values are clipped: none, that of all entries of the training rows
        (one range for all features, since pixels in the corner of an image may have almost none
        of their own), or ``(low, high)`` in units of `X`.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders", Journal of Machine Learning Research 11, 2010, section 3.3.
    """

    def __init__(
        self,
        level: float | tuple[float, float] = 0.3,
        relative: bool = True,
        clip: str | tuple[float, float] | None = None,
    ):
        self.level = level
        self.relative = relative
        self.clip = clip

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse parameters out of range."""
        if not (_is_level(self.level) or self._has_range_of_levels()):
            raise ValueError(
                f"level of Gaussian must be a finite number > 0, or a pair (low, high) of such "
                f"numbers with low < high, got {self.level!r}."
            )
        if not isinstance(self.relative, bool):
            raise ValueError(f"relative of Gaussian must be True or False, got {self.relative!r}.")
        if not (self.clip is None or self._clips_to_range() or _is_range(self.clip)):
            raise ValueError(
                f"clip of Gaussian must be None, 'range' or a pair (low, high) of numbers in units "
                f"of X with low < high, got {self.clip!r}."
            )

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with noise."""
        noise = torch.randn(X.shape, generator=generator, device=X.device, dtype=X.dtype)
        unit = features.deviation if self.relative else (1 / features.scale).to(X.device, X.dtype)
        noisy = X + noise * (unit * self._levels(X, generator)).to(X.dtype)
        if self.clip is None:
            return noisy
        bounds = self._bounds(self.clip, features)
        low, high = (features.scaled(bound).to(X.dtype) for bound in bounds)
        return torch.clamp(noisy, low, high)

    def _has_range_of_levels(self) -> bool:
        level = self.level
        if not (isinstance(level, tuple | list) and len(level) == 2):
            return False
        return all(_is_level(bound) for bound in level) and level[0] < level[1]

    def _levels(self, X: torch.Tensor, generator: torch.Generator) -> float | torch.Tensor:
        """Return the level, or one for each row, of shape (n_samples, 1)."""
        if not isinstance(self.level, tuple | list):
            return self.level
        low, high = (math.log(bound) for bound in self.level)
        position = torch.rand(len(X), 1, generator=generator, device=X.device, dtype=torch.float64)
        return torch.exp(low + (high - low) * position)

    def _clips_to_range(self) -> bool:
        return isinstance(self.clip, str) and self.clip == "range"

    @staticmethod
    def _bounds(clip: str | tuple[float, float], features: Features) -> tuple[Any, Any]:
        if not isinstance(clip, str):
            return clip
        return features.unscaled(features.low).min(), features.unscaled(features.high).max()


def _is_level(value: object) -> bool:
    return is_number(value) and value > 0


def _is_range(value: object) -> bool:
    if not (isinstance(value, tuple | list) and len(value) == 2):
        return False
    low, high = value
    # An infinite bound clips nothing; NaN fails the comparison.
    return all(isinstance(bound, Real) for bound in value) and -math.inf <= low < high
