"""The axis of the channels of a sample with several axes, from its shape."""

from __future__ import annotations

# Numbers of channels of grey images, of red, green and blue, and of these with an opacity.
_CHANNELS_OF_IMAGES = (1, 3, 4)
# Samples of at least so many rows and as many columns are images, not series.
_LEAST_SIDE = 8


class UnclearChannelsError(ValueError):
    """The shape of a sample does not say which axis holds its channels.

    Parameters
    ----------
    readings : dict of {0, -1, None} to str
        What a sample may be, by the axis of its channels.
    """

    def __init__(self, readings: dict[int | None, str]):
        super().__init__(_listed(list(readings.values())))
        self.with_axes = _listed([f"{what} (channel_axis={a})" for a, what in readings.items()])


def channel_axis_of(shape: tuple[int, ...]) -> int | None:
    """Return the axis of the channels of an image or a series: 0, -1, or None without one.

    With three axes, an axis of 1, 3 or 4 beside two larger ones holds the channels. With two axes,
    equal sides of at least 8 are those of a grey image, and any other sample is a series,
    (n_steps, n_channels), with more than twice as many steps as channels.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample, with one to three axes.

    Raises
    ------
    UnclearChannelsError
        If the sample may be read in several ways.
    """
    if len(shape) == 1:
        return None
    if len(shape) == 2:
        return _axis_of_two(shape)
    axes = [axis for axis in (0, -1) if _is_channels(shape, axis)]
    ends = (shape[0], shape[-1])
    both = shape[1] >= _LEAST_SIDE and all(end in _CHANNELS_OF_IMAGES for end in ends)
    if len(axes) != 1 or both:
        raise UnclearChannelsError(_readings_of_images(shape))
    return axes[0]


def is_rather_last(shape: tuple[int, ...]) -> bool:
    """Return whether a shape with three axes is that of an image with its channels last."""
    return len(shape) == 3 and _is_channels(shape, -1)


def given_channel_axis_of(shape: tuple[int, ...]) -> int | None:
    """Return the axis of the channels of a shape that the user gives for flat rows.

    Unlike that of an array, it may have the channels first wherever :func:`channel_axis_of` finds
    no other axis, unless its last axis is the smallest, or the axes are of similar size.
    """
    if len(shape) == 2 and shape[1] > 2 * shape[0]:
        return 0
    try:
        return channel_axis_of(shape)
    except UnclearChannelsError:
        if len(shape) == 3 and shape[-1] >= min(shape[:-1]):
            return 0
        raise


def _axis_of_two(shape: tuple[int, ...]) -> int | None:
    n_steps, n_channels = shape
    if n_steps == n_channels >= _LEAST_SIDE:
        return None
    if n_channels == 1:  # such as a row of a table, of any length
        return -1
    if n_steps <= 2 * n_channels:
        raise UnclearChannelsError(
            {
                None: f"a grey image of {n_steps} x {n_channels} pixels",
                -1: f"a series of {n_steps} steps, {n_channels} channels each",
                0: f"a series of {n_channels} steps, {n_steps} channels each",
            }
        )
    return -1


def _is_channels(shape: tuple[int, ...], axis: int) -> bool:
    """Return whether an axis is of 1, 3 or 4 beside two larger ones."""
    others = shape[1:] if axis == 0 else shape[:-1]
    return shape[axis] in _CHANNELS_OF_IMAGES and min(others) > shape[axis]


def _readings_of_images(shape: tuple[int, ...]) -> dict[int | None, str]:
    first, middle, last = shape
    return {
        0: f"an image of {middle} x {last} pixels, {first} channels",
        -1: f"an image of {first} x {middle} pixels, {last} channels",
    }


def _listed(words: list[str]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}"
