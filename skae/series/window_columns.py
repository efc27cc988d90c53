"""Names of the columns of windows: step and channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from skae._utils.checks import check_size, is_integer


def window_columns(length: int, channels: int | Sequence[Any] | None = None) -> pd.MultiIndex:
    """Return the step and the channel of each column of windows.

    Methods that return one column for each value of a sample, such as ``feature_contributions``,
    have them in the order of ``X.reshape(len(X), -1)``. Column ``j`` of the window that starts at
    point ``start`` is the value of channel ``columns[j][1]`` at point ``start + columns[j][0]``.

    Parameters
    ----------
    length : int
        Number of points of a window.

    channels : int, sequence or None, default=None
        Names of the channels, such as ``windows.channels``, or their number. None means one
        channel.

    Returns
    -------
    columns : pandas.MultiIndex of length * n_channels
        Its levels are "step" and "channel".

    Examples
    --------
    >>> from skae.series import window_columns
    >>> window_columns(2, ["load", "heat"]).tolist()
    [(0, 'load'), (0, 'heat'), (1, 'load'), (1, 'heat')]
    """
    length = check_size(length, "length")
    names = channel_names(channels)
    return pd.MultiIndex.from_product([range(length), names], names=["step", "channel"])


def channel_names(channels: int | Sequence[Any] | None) -> list[Any]:
    """Return the names of channels, which are numbered from 0 if only their number is given."""
    if channels is None:
        return [0]
    if is_integer(channels):
        return list(range(check_size(channels, "channels")))
    if isinstance(channels, int | str) or not hasattr(channels, "__len__") or not len(channels):
        raise ValueError(
            f"channels must be the names of the channels or their number, got {channels!r}."
        )
    return list(channels)
