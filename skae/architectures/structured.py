"""The base class of architectures for images and time series."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from sklearn.base import clone
from torch import nn

from skae._utils.channel_axis import UnclearChannelsError, channel_axis_of, given_channel_axis_of
from skae._utils.checks import check_sizes, is_auto, is_size
from skae._utils.named_parts import with_own_numbers
from skae.architectures.architecture import Architecture

# Axis of the channels of a batch, by that of a sample.
_AXIS_OF_BATCH: dict[int | str | None, int | None] = {0: 1, -1: -1, None: None}


class Structured(Architecture):
    """Base class of architectures for images and series.

    Subclasses have the parameters `input_shape`, the shape of one sample or "auto", and
    `channel_axis`, the axis of its channels: 0 for the first, -1 for the last, None for none, and
    "auto" for the axis that the shape shows. For `input_shape`, "auto" is the shape of the samples
    of an `X` with more than two axes, and a series with one channel for rows of a table.
    """

    # Allowed numbers of axes of a sample besides its channels; None for any number.
    n_space_axes: tuple[int, ...] | None = (1, 2)
    input_shape: tuple[int, ...] | str
    channel_axis: int | str | None

    def sample_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return `input_shape`, with "auto" resolved; refuse samples of another shape."""
        self._check_channel_axis()
        if is_auto(self.input_shape):
            shape = given if len(given) > 1 else self._series_of(given)
            self._check_axes(shape, f"X holds samples of shape {shape}")
            self.channel_axis_of(shape)
            return shape
        shape = self._input_shape()
        name = type(self).__name__
        if len(given) > 1 and without_ones(given) != without_ones(shape):
            raise ValueError(
                f"X holds samples of shape {given}, but input_shape of {name} is {shape}: bring "
                f"the axes of X into this order with numpy.moveaxis, or change input_shape."
            )
        if math.prod(given) != math.prod(shape):
            raise ValueError(
                f"input_shape={shape} of {name} has {math.prod(shape)} values, but X has "
                f"{math.prod(given)} features: give a shape whose product is {math.prod(given)}."
            )
        return shape

    def channel_axis_of(self, sample_shape: tuple[int, ...]) -> int | str | None:
        """Return `channel_axis`, with "auto" resolved.

        Raises
        ------
        ValueError
            If it is "auto", and the shape may be read in several ways.
        """
        if not is_auto(self.channel_axis):
            return self.channel_axis
        if self.n_space_axes == (1,):
            return -1
        find = channel_axis_of if is_auto(self.input_shape) else given_channel_axis_of
        try:
            return find(sample_shape)
        except UnclearChannelsError as readings:
            name = type(self).__name__
            raise ValueError(
                f"{name} cannot tell which axis of samples of shape {tuple(sample_shape)} holds "
                f"the channels. A sample may be {readings.with_axes}: give channel_axis of {name}."
            ) from None

    def with_mask(
        self, sample_shape: tuple[int, ...]
    ) -> tuple[Architecture, tuple[int, ...]] | None:
        """Return the architecture of an encoder with twice the channels, see the base class."""
        channel_axis = self.channel_axis_of(sample_shape)
        if channel_axis is None and self.n_space_axes is not None:
            return clone(self).set_params(channel_axis=0), (2, *sample_shape)
        if channel_axis == -1:
            return self, (*sample_shape[:-1], 2 * sample_shape[-1])
        return super().with_mask(sample_shape)

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Architecture:
        """Return this architecture with its shape resolved, and numbers that torch accepts."""
        resolved = with_own_numbers(self).set_params(input_shape=tuple(sample_shape))
        return resolved.set_params(channel_axis=resolved.channel_axis_of(sample_shape))

    def build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        *,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and a decoder, see :meth:`Architecture.build`."""
        resolved = self.resolved(sample_shape, n_samples=0)
        resolved.check()
        return resolved._build(sample_shape, n_components, n_encoder_outputs, generator)

    def check(self) -> None:
        """Refuse parameters out of range; "auto" is resolved already."""

    @abstractmethod
    def _build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and a decoder; parameters are checked and resolved already."""

    def _space(self, sample_shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Return the number of channels and the sizes of the other axes; no "auto" is left."""
        assert not is_auto(self.channel_axis)
        if self.channel_axis is None:
            return 1, tuple(sample_shape)
        space = sample_shape[1:] if self.channel_axis == 0 else sample_shape[:-1]
        return sample_shape[-1 if self.channel_axis == -1 else 0], tuple(space)

    def _series_of(self, given: tuple[int, ...]) -> tuple[int, ...]:
        if self.channel_axis is None or (is_auto(self.channel_axis) and self.n_space_axes is None):
            return given
        return (1, *given) if self.channel_axis == 0 else (*given, 1)

    def _check_channel_axis(self) -> None:
        axis = self.channel_axis
        if axis is not None and not is_auto(axis) and not is_size(axis, -1, 0):
            raise ValueError(
                f"channel_axis of {type(self).__name__} must be 'auto', 0, -1 or None, got "
                f"{axis!r}."
            )

    def _input_shape(self) -> tuple[int, ...]:
        shape = check_sizes(
            self.input_shape,
            f"input_shape of {type(self).__name__}",
            instead="'auto' or ",
            example=self._example(),
        )
        self._check_axes(shape, f"got input_shape={shape}")
        self.channel_axis_of(shape)
        return shape

    def _check_axes(self, shape: tuple[int, ...], got: str) -> None:
        if self.n_space_axes is None:
            return
        channels = 0 if self.channel_axis is None else 1
        wanted = [n + channels for n in self.n_space_axes]
        if len(shape) not in wanted:
            raise ValueError(
                f"{type(self).__name__} with channel_axis={self.channel_axis!r} takes samples of "
                f"{' or '.join(map(str, wanted))} axes, such as {self._example()}, but {got}."
            )

    def _example(self) -> tuple[int, ...]:
        space: tuple[int, ...] = (140,) if self.n_space_axes == (1,) else (28, 28)
        if self.channel_axis is None:
            return space
        return (1, *space) if self.channel_axis == 0 else (*space, 1)


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without its axes of size 1, which do not change the order of values."""
    return tuple(side for side in shape if side != 1)


class MoveChannels(nn.Module):
    """Move the axis of the channels of a batch.

    Parameters
    ----------
    source, target : int or None
        Old and new axis of the channels; None adds, or removes, an axis with one channel.
    """

    def __init__(self, source: int | None, target: int | None):
        super().__init__()
        self.source, self.target = source, target

    @classmethod
    def bringing(cls, position: int, channel_axis: int | str | None) -> MoveChannels:
        """Return the module that moves channels from `channel_axis` to a position."""
        return cls(_AXIS_OF_BATCH[channel_axis], position)

    @classmethod
    def back(cls, position: int, channel_axis: int | str | None) -> MoveChannels:
        """Return the module that moves channels back to `channel_axis`."""
        return cls(position, _AXIS_OF_BATCH[channel_axis])

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return a view of the batch."""
        if self.source is None:
            assert self.target is not None  # only a position of the data may be none
            return X.unsqueeze(self.target)
        if self.target is None:
            return X.squeeze(self.source)
        return X.movedim(self.source, self.target)
