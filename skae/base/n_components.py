"""How large the code is."""

from __future__ import annotations

from numbers import Integral

from skae.training.principal_axes import PrincipalAxes

# "auto" takes as many components as PCA needs for this share of the variance, at most this many.
_AUTO_SHARE, _AUTO_MOST = 0.9, 64


def resolve_n_components(
    n_components: int | float | str, axes: PrincipalAxes | None, n_features: int
) -> int:
    """Return the size of the code.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto"
        An integer stands for itself, a float for as many components as PCA needs to hold that
        share of the variance. "auto" means a share of 0.9, but at most half of the features
        (rounded up) and at most 64.

    axes : PrincipalAxes or None
        Those of the data; not needed for an integer.

    n_features : int
        Number of features.
    """
    if isinstance(n_components, Integral):
        return int(n_components)
    if n_components == "auto":
        return min(axes.n_needed(_AUTO_SHARE), (n_features + 1) // 2, _AUTO_MOST)
    return axes.n_needed(float(n_components))
