"""Explained variance against the size of the latent code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae._data.matrix import MatrixLike
from skae._utils.checks import is_size
from skae._utils.random_state import RandomStateLike, own_random_state
from skae.plotting.canvas import axes_for, format_name
from skae.plotting.checks import as_list, check_numbers
from skae.plotting.matrices import as_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (6.4, 4.0)
# Labels of sizes that are closer together than this fraction of the axis would overlap.
_LEAST_DISTANCE = 0.06


class ExplainedVarianceDisplay:
    r"""Explained fraction of the variance, against the size of the latent code.

    .. math:: 1 - \frac{\sum \lVert x - \hat{x} \rVert^2}{\sum \lVert x - \mu \rVert^2}

    with the mean :math:`\mu` of the training rows. PCA is drawn for comparison: on its training
    rows, no linear map explains more.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    n_components : array-like of shape (n_sizes,)
        Sizes of the latent code, all different.

    explained_variance : array-like of shape (n_sizes,)
        Fraction of the variance that the estimator explains with each size; at most 1.

    pca_explained_variance : array-like of shape (n_sizes,), default=None
        Fraction of the variance that PCA explains with each size. None draws no line for PCA.

    estimator_name : str, default=None
        Name of the estimator in the legend; None means "autoencoder".

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The line of the estimator.

    pca_line_ : matplotlib.lines.Line2D or None
        The line of PCA.

    legend_ : matplotlib.legend.Legend
        The legend.

    ax_ : matplotlib.axes.Axes
        The axes with the lines.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    LatentTraversalDisplay : Effect of each latent value on the reconstruction.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import ExplainedVarianceDisplay
    >>> X = load_digits().data
    >>> display = ExplainedVarianceDisplay.from_estimator(
    ...     AutoencoderTransformer(max_epochs=10),
    ...     X[:1200],
    ...     X[1200:],
    ...     n_components=(2, 4),
    ...     random_state=0,
    ... )
    >>> bool((display.explained_variance > display.pca_explained_variance).all())
    True
    """

    def __init__(
        self,
        n_components: ArrayLike,
        explained_variance: ArrayLike,
        pca_explained_variance: ArrayLike | None = None,
        *,
        estimator_name: str | None = None,
    ):
        self.n_components = n_components
        self.explained_variance = explained_variance
        self.pca_explained_variance = pca_explained_variance
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        X_test: MatrixLike | None = None,
        *,
        n_components: Sequence[int] = (1, 2, 4, 8, 16),
        ax: Axes | None = None,
        random_state: RandomStateLike = None,
        **line_kw: Any,
    ) -> Self:
        """Fit the estimator with each code size, and draw the explained variance.

        Parameters
        ----------
        estimator : AutoencoderTransformer
            The estimator, which is cloned for each size and need not be fitted. Other estimators
            with the parameter ``n_components``, ``transform`` and ``inverse_transform`` work as
            well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Training rows.

        X_test : as `X`, default=None
            Rows whose explained variance is drawn; None means those of `X`.

        n_components : sequence of int, default=(1, 2, 4, 8, 16)
            Sizes of the latent code, all different. Sizes above the number of rows or features of
            `X` are ignored, since PCA cannot have more components.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        random_state : int, RandomState instance or None, default=None
            Passed to each clone and to PCA. With None, the clones keep the `random_state` of the
            estimator.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the line of the estimator.

        Returns
        -------
        ExplainedVarianceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no parameter ``n_components`` or lacks a method.

        ValueError
            If `n_components` are not different positive integers, if all of them exceed the number
            of rows or features of `X`, if `X_test` does not have the features of `X`, or if the
            rows do not vary.

        ImportError
            If matplotlib is not installed.
        """
        _check_estimator(estimator)
        sizes = _different_sizes(n_components)
        train = as_matrix(X)
        test = train if X_test is None else as_matrix(X_test, "X_test")
        if test.shape[1] != train.shape[1]:
            raise ValueError(
                f"X_test must have the {train.shape[1]} features of X, got {test.shape[1]}."
            )
        sizes = _feasible_sizes(sizes, *train.shape)
        mean = train.mean(axis=0)
        _check_variance(test, mean, "X" if X_test is None else "X_test")
        pca = _pca_explained_fractions(train, test, sizes, random_state)
        # Check the axes before the fits, which may take minutes.
        ax = axes_for(ax, _SIZE)
        fitted = (_clone(estimator, size, random_state).fit(X) for size in sizes)
        X_test = X if X_test is None else X_test
        fractions = np.array([_explained_fraction(each, X_test, test, mean) for each in fitted])
        name = type(estimator).__name__
        return cls(sizes, fractions, pca, estimator_name=name).plot(ax, **line_kw)

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the line of the estimator.

        Returns
        -------
        ExplainedVarianceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `n_components` are not different positive integers, or if `explained_variance` or
            `pca_explained_variance` does not have one finite number for each of them.

        ImportError
            If matplotlib is not installed.
        """
        sizes = _different_sizes(self.n_components)
        fractions = _check_fractions(self.explained_variance, "explained_variance", sizes)
        pca = self.pca_explained_variance
        if pca is not None:
            pca = _check_fractions(pca, "pca_explained_variance", sizes)
        ax = axes_for(ax, _SIZE)
        order = np.argsort(sizes)
        name = "autoencoder" if self.estimator_name is None else format_name(self.estimator_name)
        style = {"color": "C0", "marker": "o", "label": name, **line_kw}
        (self.line_,) = ax.plot(sizes[order], fractions[order], **style)
        self.pca_line_ = None
        if pca is not None:
            style = {"color": "C1", "linestyle": "--", "marker": "s", "label": "PCA"}
            (self.pca_line_,) = ax.plot(sizes[order], pca[order], **style)
        _format_axes(ax, sizes[order])
        self.legend_ = ax.legend(loc="lower right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _clone(estimator: Any, size: int, random_state: RandomStateLike) -> Any:
    """Return an unfitted clone with this code size."""
    parameters: dict[str, Any] = {"n_components": int(size)}
    if random_state is not None and "random_state" in estimator.get_params(deep=False):
        parameters["random_state"] = random_state
    return clone(estimator).set_params(**parameters)


def _explained_fraction(estimator: Any, X: MatrixLike, rows: np.ndarray, mean: np.ndarray) -> float:
    """Return the explained fraction of the variance of `X`; `rows` is `X` as a plain array."""
    reconstructed = as_matrix(estimator.inverse_transform(as_matrix(estimator.transform(X))))
    return float(1 - np.square(rows - reconstructed).sum() / np.square(rows - mean).sum())


def _pca_explained_fractions(
    train: np.ndarray, test: np.ndarray, sizes: np.ndarray, random_state: RandomStateLike
) -> np.ndarray:
    """Return the fraction of the variance that PCA explains with each size."""
    # Without a generator, PCA's randomized solver would use the global one of numpy.
    rng = own_random_state(random_state)
    pca = PCA(int(sizes.max()), random_state=rng).fit(train)
    # Components are orthonormal, so each adds the square of its value to the explained variance.
    reconstructed = np.square(pca.transform(test)).sum(axis=0).cumsum()
    return reconstructed[sizes - 1] / np.square(test - pca.mean_).sum()


def _format_axes(ax: Axes, sizes: np.ndarray) -> None:
    """Label the axes, and write as many sizes as fit."""
    from matplotlib.ticker import PercentFormatter

    ax.set_xscale("log", base=2)
    shown = _labelled(sizes)
    ax.set_xticks(sizes, labels=[str(size) if size in shown else "" for size in sizes])
    ax.set_xlabel("size of the code")
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    ax.set_ylabel("explained variance")
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _labelled(sizes: np.ndarray) -> set[int]:
    """Return which of the ascending sizes get a label that overlaps no other, largest first."""
    places = np.log2(sizes)
    distance = _LEAST_DISTANCE * (places[-1] - places[0])
    shown = [len(sizes) - 1]
    for i in range(len(sizes) - 2, -1, -1):
        if places[shown[-1]] - places[i] >= distance:
            shown.append(i)
    return {int(sizes[i]) for i in shown}


def _check_estimator(estimator: Any) -> None:
    missing = [
        name
        for name in ("get_params", "fit", "transform", "inverse_transform")
        if isinstance(estimator, type) or not hasattr(estimator, name)
    ]
    if not missing and "n_components" not in estimator.get_params(deep=False):
        missing = ["the parameter n_components"]
    if missing:
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(
            f"estimator must be a transformer with n_components and inverse_transform, such as "
            f"skae.AutoencoderTransformer(), got {kind} without {' and '.join(missing)}."
        )


def _different_sizes(values: Any) -> np.ndarray:
    """Return sizes of codes as an array of shape (n_sizes,)."""
    sizes = as_list(values)
    if not sizes or not all(map(is_size, sizes)) or len(set(sizes)) < len(sizes):
        raise ValueError(
            f"n_components must be a sequence of different integers >= 1, got {values!r}."
        )
    return np.array(sizes, dtype=int)


def _feasible_sizes(sizes: np.ndarray, n_samples: int, n_features: int) -> np.ndarray:
    """Return the sizes that are at most the number of rows and features, in ascending order."""
    largest = min(n_samples, n_features)
    if sizes.min() > largest:
        raise ValueError(
            f"n_components must contain a size of at most {largest}, since X has {n_samples} rows "
            f"and {n_features} features, got {sizes.tolist()}."
        )
    return np.sort(sizes[sizes <= largest])


def _check_variance(rows: np.ndarray, mean: np.ndarray, name: str) -> None:
    # Rounding makes the mean of equal rows differ from them in its last digits.
    if np.abs(rows - mean).max() <= 1e-12 * np.abs(rows).max():
        raise ValueError(
            f"{name} must vary, got {len(rows)} rows that are all at the mean of X: there is no "
            f"variance to explain."
        )


def _check_fractions(values: Any, name: str, sizes: np.ndarray) -> np.ndarray:
    """Return explained fractions as an array of shape (n_sizes,)."""
    fractions = check_numbers(values, name)
    if len(fractions) != len(sizes):
        raise ValueError(
            f"{name} must have one value for each of {len(sizes)} n_components, got "
            f"{len(fractions)}."
        )
    return fractions
