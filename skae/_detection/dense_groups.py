"""Dense groups of rows outside of a robust core, which are normal rows of another sort."""

from __future__ import annotations

import numpy as np

from skae._detection.core import core_rows, robustly_standardised

# Neighbours whose distances tell how dense rows are; fewer among few rows.
_MOST_NEIGHBOURS, _FEWEST_NEIGHBOURS, _ROWS_OF_NEIGHBOUR = 10, 4, 15
# Rows outside of the core that are compared with as many rows of the core.
_MOST_ROWS = 4000
# A row is dense if its neighbours are as near as those of this fraction of the rows of the core.
_DENSE = 0.9
# A group is large if it has this fraction of all rows. If the core itself consists of groups, half
# the size of a typical one suffices, but never less than the smallest fraction.
_LARGE, _OF_TYPICAL, _SMALLEST = 0.1, 0.5, 0.05
# Largest absolute value of a standardised column, for distances between rows.
_FARTHEST = 20.0


def core_with_groups(rows: np.ndarray, fraction: float) -> np.ndarray:
    """Return a mask of :func:`core_rows`, and of large dense groups of rows outside of this core.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows, some of which may be outliers.

    fraction : float in (0, 1)
        Fraction of the rows in the core without groups.
    """
    standard = np.clip(robustly_standardised(rows), -_FARTHEST, _FARTHEST)
    return with_dense_groups(standard, core_rows(rows, fraction))


def with_dense_groups(rows: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return a core together with the large dense groups of rows outside of it.

    A core that is nearest to one centre leaves out whole clusters, rarer categories, and the ends
    of curves. Their rows are as near to each other as those of the core, in contrast to scattered
    outliers. Small groups are left out, since outliers may be alike.

    Dense rows are those whose k-th nearest neighbour is as near as that of most rows of the core;
    dense rows nearer to each other than this distance belong to one group, as in DBSCAN [1]_.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Standardised rows.

    core : ndarray of shape (n_samples,), dtype bool
        Mask of the core.

    Returns
    -------
    ndarray of shape (n_samples,), dtype bool
        Mask of the larger core.

    References
    ----------
    .. [1] M. Ester, H.-P. Kriegel, J. Sander and X. Xu, "A density-based algorithm for discovering
       clusters in large spatial databases with noise", KDD 1996.
    """
    outside = np.flatnonzero(~core)
    if len(outside) <= max(_MOST_NEIGHBOURS, _SMALLEST * len(rows)):
        return core
    random = np.random.RandomState(0)
    some = _some(outside, _MOST_ROWS, random)
    inside = _some(np.flatnonzero(core), len(some), random)
    n_neighbors = max(_FEWEST_NEIGHBOURS, min(_MOST_NEIGHBOURS, len(some) // _ROWS_OF_NEIGHBOUR))
    of_core = _neighbours(rows[inside], n_neighbors)
    reach = float(np.quantile(of_core[0][:, -1], _DENSE))
    sizes = _sizes(_groups(*of_core, reach)) / len(inside) * core.mean()
    group = _groups(*_neighbours(rows[some], n_neighbors), reach)
    of_group = _sizes(group) / len(some) * (1 - core.mean())
    taken = np.isin(group, np.flatnonzero(of_group >= _least_size(sizes)))
    return core | _within_reach(rows, outside, some[taken], reach)


def _some(places: np.ndarray, most: int, random: np.random.RandomState) -> np.ndarray:
    return places if len(places) <= most else np.sort(random.choice(places, most, replace=False))


def _neighbours(rows: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and places of the nearest other rows, each (n_rows, n_neighbors)."""
    from sklearn.neighbors import NearestNeighbors  # slow to import

    return NearestNeighbors(n_neighbors=n_neighbors).fit(rows).kneighbors()


def _groups(distances: np.ndarray, neighbours: np.ndarray, reach: float) -> np.ndarray:
    """Return the number of the group of each row; -1 for rows that are not dense."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n_rows, dense = len(distances), distances[:, -1] <= reach
    joined = (distances <= reach) & dense[:, None] & dense[neighbours]
    ends = np.nonzero(joined)[0], neighbours[joined]
    graph = csr_matrix((np.ones(len(ends[0])), ends), shape=(n_rows, n_rows))
    return np.where(dense, connected_components(graph, directed=False)[1], -1)


def _sizes(group: np.ndarray) -> np.ndarray:
    """Return the number of rows of each group."""
    return np.bincount(group[group >= 0])


def _least_size(of_core: np.ndarray) -> float:
    """Return the fraction of all rows that makes a group large, given those of the core."""
    if not of_core.sum():
        return _LARGE
    sizes = np.sort(of_core)[::-1]
    typical = sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)]
    return max(_SMALLEST, min(_LARGE, _OF_TYPICAL * float(typical)))


def _within_reach(
    rows: np.ndarray, outside: np.ndarray, taken: np.ndarray, reach: float
) -> np.ndarray:
    """Return a mask of the rows outside of the core that belong to a group or are next to it."""
    from sklearn.neighbors import NearestNeighbors

    mask = np.zeros(len(rows), dtype=bool)
    if len(taken):
        nearest = NearestNeighbors(n_neighbors=1).fit(rows[taken]).kneighbors(rows[outside])[0]
        mask[outside] = nearest[:, 0] <= reach
    return mask
