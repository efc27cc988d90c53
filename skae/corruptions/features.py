"""Statistics of the features of the training rows, for corruptions."""

from __future__ import annotations

import math

import numpy as np
import torch

from skae._utils.table_features import TableFeatures

# A value for each feature, or one for all.
Values = float | np.ndarray | torch.Tensor

# Fractions of the features that have the smallest and the largest value of all in bounded rows:
# nearly all pixels are black in some image, fewer are ever white.
_PART_AT_LOW, _PART_AT_HIGH = 0.5, 0.25
# Values that differ by less than this fraction of the range are the same value.
_ROUNDING = 1e-5

# Up to this size of centre and scale, float32 can represent rows in units of X, and their squares.
_MODERATE = 1e18


class Features(torch.nn.Module):
    """Statistics of the features of the training rows.

    Buffers are in the scaled units of the network, ``scaled = (X - centre) / scale``. Before
    :meth:`set` is called, scaled units are those of `X`. `centre` and `scale` belong to the scaling
    of a fit; they are float64, since float32 may not be able to represent them, and not buffers.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample, such as (64,), (1, 28, 28) or (140, 1).

    channel_axis : {0, -1, "auto"} or None, default=None
        Axis of the channels, if any; "auto" if the architecture does not use it.

    columns : TableFeatures or None, default=None
        Which features belong to one column of a table. Random choices are then made for columns,
        not for features.

    Attributes
    ----------
    mean, deviation : torch.Tensor of shape (n_features,)
        Mean and standard deviation of each feature.

    low, high : torch.Tensor of shape (n_features,)
        Smallest and largest value of each feature.

    centre : torch.Tensor of shape (n_features,), dtype float64, on the CPU
        Subtracted from `X`, in units of `X`.

    scale : torch.Tensor of shape (n_features,), dtype float64, on the CPU
        Divisor, in units of `X`.
    """

    mean: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    deviation: torch.Tensor

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        channel_axis: int | str | None = None,
        columns: TableFeatures | None = None,
    ):
        super().__init__()
        self.sample_shape, self.channel_axis = tuple(sample_shape), channel_axis
        self.column = self.is_number = None
        if columns is not None:
            self.column = torch.from_numpy(np.ascontiguousarray(columns.column))
            self.is_number = torch.from_numpy(np.ascontiguousarray(columns.is_number))
        n_features = math.prod(self.sample_shape)
        for name in ("mean", "low", "high"):
            self.register_buffer(name, torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.set_units(0.0, 1.0)

    def set(
        self,
        *,
        mean: Values,
        deviation: Values,
        low: Values,
        high: Values,
        centre: Values,
        scale: Values,
    ) -> None:
        """Set all statistics, given in units of `X`.

        Parameters
        ----------
        mean, deviation, low, high, centre : array-like of shape (n_features,) or float
            As the attributes of the same name.

        scale : array-like of shape (n_features,) or float
            As the attribute of the same name.
        """
        # In float64, as rows are scaled: far from zero, subtracting the centre in float32 would
        # cancel all digits.
        self.set_units(centre, scale)
        for name, value in {"mean": mean, "low": low, "high": high}.items():
            getattr(self, name).copy_((_as_float64(value) - self.centre) / self.scale)
        self.deviation.copy_(_as_float64(deviation) / self.scale)

    def set_units(self, centre: Values, scale: Values) -> None:
        """Set centre and scale alone.

        Parameters
        ----------
        centre, scale : array-like of shape (n_features,) or float
            As the attributes of the same name.
        """
        shape = (math.prod(self.sample_shape),)
        self.centre = _as_float64(centre).expand(shape).clone()
        self.scale = _as_float64(scale).expand(shape).clone()

    def bounds(self) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the common bounds of all features, if the rows have such bounds.

        Rows are bounded, as images from 0 to 255 are, if at least half of the features that vary
        share the smallest value of all, and a quarter share the largest.

        Returns
        -------
        low, high : torch.Tensor of shape (n_features,)
            The same two numbers in the scaled units of each feature; or None instead of both.
        """
        if self.column is not None:  # indicators of levels are between 0 and 1, but no pixels
            return None
        low, high = (self.unscaled(ends.double()) for ends in (self.low, self.high))
        varies = high > low
        if int(varies.sum()) < 2:
            return None
        low, high = low[varies], high[varies]
        floor, top = low.min(), high.max()
        rounding = _ROUNDING * (top - floor)
        at_floor, at_top = (low <= floor + rounding).sum(), (high >= top - rounding).sum()
        fewest = (max(2.0, part * len(low)) for part in (_PART_AT_LOW, _PART_AT_HIGH))
        if not all(n >= least for n, least in zip((at_floor, at_top), fewest, strict=True)):
            return None
        return self.scaled(floor), self.scaled(top)

    @property
    def n_columns(self) -> int:
        """Number of columns: of features, unless some belong together."""
        return len(self.mean) if self.column is None else int(self.column[-1]) + 1

    def of_columns(self, values: torch.Tensor) -> torch.Tensor:
        """Return values of columns, of shape (n_samples, n_columns), for all their features."""
        return values if self.column is None else values[:, self.column.to(values.device)]

    def uniform(self, X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a uniform random number in [0, 1) for each value: the same for a whole column.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Rows.

        generator : torch.Generator
            Source of the numbers, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features), dtype float32
        """
        shape = (len(X), self.n_columns)
        draws = torch.rand(shape, generator=generator, device=X.device, dtype=torch.float32)
        return self.of_columns(draws)

    def of_numbers(self, changed: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        """Return changed rows in which columns that are no numbers stay as they are in `X`."""
        if self.is_number is None:
            return changed
        return torch.where(self.is_number.to(X.device), changed, X)

    def scaled(self, value: float | torch.Tensor) -> torch.Tensor:
        """Bring a number or a tensor from the units of `X` to scaled units.

        Parameters
        ----------
        value : float or torch.Tensor whose last axis, if any, has n_features values or 1
            In units of `X`.

        Returns
        -------
        torch.Tensor of shape (n_features,), or of `value` broadcast to it
        """
        centre, scale = self._units_on(self.mean.device)
        scaled = (torch.as_tensor(value, dtype=centre.dtype, device=centre.device) - centre) / scale
        return scaled.to(self.mean.dtype)

    def unscaled(self, X: torch.Tensor) -> torch.Tensor:
        """Bring scaled rows, or one of them, back to the units of `X`.

        The dtype stays if it can represent these units, and is float64 otherwise.
        """
        centre, scale = self._units_on(X.device)
        rows = X * scale + centre
        extremes = max(float(self.centre.abs().max()), float(self.scale.max()))
        moderate = extremes < _MODERATE and float(self.scale.min()) > 1 / _MODERATE
        return rows.to(X.dtype) if moderate else rows

    def _units_on(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Return centre and scale on a device, in float64 if the device supports it."""
        dtype = torch.float32 if device.type == "mps" else torch.float64
        return self.centre.to(device, dtype), self.scale.to(device, dtype)


def _as_float64(value: Values) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().to(torch.float64)
    return torch.tensor(value, dtype=torch.float64)
