"""Groups of windows that share no point, for the calibration of a detector."""

from __future__ import annotations

import numpy as np

from skae._utils.checks import check_size, is_auto
from skae.series.windows import Windows

# With "auto", about so many blocks in all, of at least so many window lengths each, since the
# windows across the borders, one length for each border, are lost.
_N_BLOCKS, _LENGTHS_OF_A_BLOCK = 20, 5


def block_groups(windows: Windows, block_length: int | str = "auto") -> np.ndarray:
    """Return groups of windows such that windows of different groups share no point.

    Each series is cut into blocks of consecutive points. The windows within a block are a group;
    those that reach across a border are in none. Overlapping windows are nearly copies of each
    other: if they stand on both sides of a split, validation and calibration rows look more
    normal than new windows are, and thresholds are too low.

    Parameters
    ----------
    windows : Windows
        Windows of :func:`sliding_windows`.

    block_length : int or "auto", default="auto"
        Smallest number of points of a block, at least the length of a window. "auto" makes about
        20 blocks in all, of at least five window lengths. A series that is shorter is one block.

    Returns
    -------
    groups : ndarray of shape (n_windows,), dtype int64
        The group of each window, from 0 on, or -1 for windows across a border.

    Raises
    ------
    ValueError
        If all windows would be in one group.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.series import block_groups, sliding_windows
    >>> windows = sliding_windows(np.arange(9), length=3)
    >>> block_groups(windows, block_length=4)
    array([ 0,  0, -1, -1,  1,  1,  1])
    """
    if not isinstance(windows, Windows):
        raise TypeError(
            f"windows must be the return value of sliding_windows, got {type(windows).__name__}."
        )
    sizes = np.atleast_1d(windows.n_points)
    if is_auto(block_length):
        block = max(int(sizes.sum()) // _N_BLOCKS, _LENGTHS_OF_A_BLOCK * windows.length)
    else:
        block = check_size(block_length, "block_length", low=windows.length, instead="'auto' or ")
    groups, n_groups = np.full(len(windows), -1), 0
    series, first = windows.series, windows.start
    for i, n_points in enumerate(sizes):
        rows = np.flatnonzero(series == i)
        borders = _borders(int(n_points), block)
        of_first = np.searchsorted(borders, first[rows], side="right")
        of_last = np.searchsorted(borders, first[rows] + windows.length - 1, side="right")
        inside = of_first == of_last
        _, numbers = np.unique(of_first[inside], return_inverse=True)
        groups[rows[inside]] = n_groups + numbers
        n_groups = groups.max() + 1
    if n_groups < 2:
        raise ValueError(
            f"block_length={block} puts all windows into one group: choose a smaller one, from "
            f"{windows.length} to {int(sizes.sum()) // 2}, or shorter windows."
        )
    return groups


def _borders(n_points: int, block: int) -> np.ndarray:
    """Return the first points of all blocks but the first, blocks of nearly equal size."""
    n_blocks = max(1, n_points // block)
    return np.arange(1, n_blocks) * n_points // n_blocks
