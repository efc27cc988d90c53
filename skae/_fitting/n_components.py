"""How large the code is."""

from __future__ import annotations

from numbers import Integral

from skae._start.principal_axes import PrincipalAxes
from skae.kinds import Kind

# "auto" goes by the number of components that PCA needs for this share of the variance.
_AUTO_SHARE = 0.9


def resolve_n_components(
    n_components: int | float | str, axes: PrincipalAxes | None, n_features: int, kind: Kind
) -> int:
    """Return the size of the code.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto"
        An integer stands for itself, a float for as many components as PCA needs to hold that
        share of the variance. "auto" is the kind's to decide.

    axes : PrincipalAxes or None
        Those of the data; not needed for an integer.

    n_features : int
        Number of features.

    kind : Kind
        What the code is to be good for.
    """
    if isinstance(n_components, Integral):
        return int(n_components)
    if n_components == "auto":
        return kind.auto_n_components(axes.n_needed(_AUTO_SHARE), n_features)
    return axes.n_needed(float(n_components))
