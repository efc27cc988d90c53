"""Gaussian noise."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import torch

from skae._utils.checks import is_auto, is_number
from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import is_range, uniform
from skae.corruptions.features import Features


class Gaussian(Corruption):
    r"""Gaussian noise on every entry.

    Described in [1]_.

    .. math:: \tilde{x}_j = x_j + \lambda \sigma_j \varepsilon_j, \quad
       \varepsilon_j \sim \mathcal{N}(0, 1),

    with the level :math:`\lambda` and the unit :math:`\sigma_j` of feature `j`. The defaults are
    for noise whose strength is unknown; give what you know.

    Parameters
    ----------
    level : float or pair of float, default=(0.05, 1.0)
        Standard deviation of the noise. With a pair ``(low, high)``, the standard deviation is
        drawn log-uniformly from that range for each row, so that the network learns to remove
        noise of every strength.

    relative : bool or "auto", default="auto"
        Unit of `level`. With True it is the standard deviation of each feature over the training
        rows, so that a constant feature gets no noise; with False it is that of `X`, the same for
        all features. With "auto", it is the distance between the bounds if all features have the
        same bounds, as pixels from 0 to 255. Otherwise it is, at random for each row, the standard
        deviation of each feature, or the root of their mean square for all features, after the
        scaling of the fit.

    clip : "auto", None, "range" or pair of float, default="auto"
        Range to which corrupted values are clipped: none, that of all entries of the training rows
        (one range for all features, since pixels in the corner of an image may have almost none
        of their own), or ``(low, high)`` in units of `X`. With "auto", half of the rows are clipped
        to the bounds if all features have the same bounds, and none otherwise.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders", Journal of Machine Learning Research 11, 2010, section 3.3.
    """

    def __init__(
        self,
        level: float | tuple[float, float] = (0.05, 1.0),
        relative: bool | str = "auto",
        clip: str | tuple[float, float] | None = "auto",
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
        if not (isinstance(self.relative, bool) or is_auto(self.relative)):
            raise ValueError(
                f"relative of Gaussian must be True, False or 'auto', got {self.relative!r}."
            )
        if not (self.clip is None or is_auto(self.clip) or self._clips_to_range()):
            _check_bounds(self.clip)

    def varies(self) -> bool:
        """Return whether the level is a range."""
        return is_range(self.level)

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with noise."""
        noise = torch.randn(X.shape, generator=generator, device=X.device, dtype=X.dtype)
        unit = self._unit(X, features, generator)
        noisy = X + noise * (unit * self._levels(X, generator)).to(X.dtype)
        noisy = features.of_numbers(noisy, X)
        bounds = self._bounds(features)
        if bounds is None:
            return noisy
        clipped = torch.clamp(noisy, *(bound.to(X.dtype) for bound in bounds))
        if not is_auto(self.clip):
            return clipped
        return torch.where(uniform(X[:, :1], generator) < 0.5, clipped, noisy)

    def _unit(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the unit of the noise, of shape (n_features,) or (n_samples, n_features)."""
        of_each = features.deviation
        if not is_auto(self.relative):
            return of_each if self.relative else (1 / features.scale).to(X.device, X.dtype)
        bounds = features.bounds()
        if bounds is not None:
            return bounds[1] - bounds[0]
        of_all = of_each.square().mean().sqrt()
        return torch.where(uniform(X[:, :1], generator) < 0.5, of_each, of_all)

    def _has_range_of_levels(self) -> bool:
        level = self.level
        if not (is_range(level) and len(level) == 2):
            return False
        return all(_is_level(bound) for bound in level) and level[0] < level[1]

    def _levels(self, X: torch.Tensor, generator: torch.Generator) -> float | torch.Tensor:
        """Return the level, or one for each row, of shape (n_samples, 1)."""
        level: Any = self.level
        if not is_range(level):
            return level
        low, high = (math.log(bound) for bound in level)
        position = torch.rand(len(X), 1, generator=generator, device=X.device, dtype=torch.float64)
        return torch.exp(low + (high - low) * position)

    def _clips_to_range(self) -> bool:
        return isinstance(self.clip, str) and self.clip == "range"

    def _bounds(self, features: Features) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the scaled values to which some or all rows are clipped."""
        ends: Any = self.clip
        if ends is None or is_auto(ends):
            return None if ends is None else features.bounds()
        if self._clips_to_range():
            ends = features.unscaled(features.low).min(), features.unscaled(features.high).max()
        return features.scaled(ends[0]), features.scaled(ends[1])


def _is_level(value: object) -> bool:
    return is_number(value) and value > 0


def _check_bounds(clip: Any) -> None:
    # An infinite bound clips nothing; NaN fails the comparison.
    pair = is_range(clip) and len(clip) == 2 and all(isinstance(bound, Real) for bound in clip)
    if not (pair and -math.inf <= clip[0] < clip[1]):
        raise ValueError(
            f"clip of Gaussian must be 'auto', None, 'range' or a pair (low, high) of numbers in "
            f"units of X with low < high, got {clip!r}."
        )
