"""Groups of windows that share no point, for the calibration of a detector."""

from __future__ import annotations

import numpy as np

from skae._utils.checks import check_size, is_auto
from skae.series.windows import Windows

# With "auto", about so many blocks in all, which allow a false positive rate of 2%, of at least so
# many window lengths each, since the windows across the borders, one length for each, are lost.
_N_BLOCKS, _LENGTHS_OF_A_BLOCK = 50, 5


def block_groups(windows: Windows, block_length: int | str = "auto") -> np.ndarray:
    """Return groups of windows such that windows of different groups share no point.

    Each series is cut into blocks of consecutive points. The windows within a block are a group;
    those that reach across a border are in none. Overlapping windows are nearly copies of each
    other: if they stand on both sides of a split, validation and calibration rows look more
    normal than new windows are, and thresholds are too low. So leave out windows without a group,
    and give the groups of the others to the ``fit`` of a detector or to ``GroupKFold``.

    Parameters
    ----------
    windows : Windows
        Windows of :func:`sliding_windows`.

    block_length : int or "auto", default="auto"
        Smallest number of points of a block, at least the length of a window. "auto" makes about
        50 blocks in all, of at least five window lengths. A series that is shorter is one block.

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
    series, start = windows.series, windows.start
    for i, n_points in enumerate(sizes):
        of_one = series == i
        blocks = _blocks(start[of_one], windows.length, int(n_points), block)
        groups[of_one] = np.where(blocks < 0, -1, n_groups + blocks)
        n_groups += blocks.max() + 1
    if n_groups < 2:
        raise ValueError(
            f"block_length={block} puts all windows of the {sizes[0]} points into one group: "
            f"choose shorter blocks or shorter windows, or give more points. A block must hold a "
            f"window, {windows.length} points."
        )
    return groups


def _blocks(start: np.ndarray, length: int, n_points: int, block: int) -> np.ndarray:
    """Return the block of each window of a series, or -1; blocks have nearly equal size."""
    n_blocks = max(1, n_points // block)
    borders = np.arange(1, n_blocks) * n_points // n_blocks
    first = np.searchsorted(borders, start, side="right")
    inside = first == np.searchsorted(borders, start + length - 1, side="right")
    # Without gaps in the numbers, should no window fit into a block since steps are large.
    numbers = np.unique(first[inside], return_inverse=True)[1]
    blocks = np.full(len(start), -1)
    blocks[inside] = numbers
    return blocks
