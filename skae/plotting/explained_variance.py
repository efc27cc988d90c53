"""How much of the variance is rebuilt from codes of so many values."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA

from skae._utils.checks import is_size
from skae._utils.random_state import own_random_state
from skae.plotting.canvas import axes_for, written_name
from skae.plotting.checks import check_numbers, listed
from skae.plotting.matrices import as_matrix

_SIZE = (6.4, 4.0)
# Sizes nearer to each other, as a share of the axis, would have labels that overlap.
_LEAST_DISTANCE = 0.06


class ExplainedVarianceDisplay:
    r"""The share of the variance that is rebuilt, against the size of the code.

    .. math:: 1 - \frac{\sum \lVert x - \hat{x} \rVert^2}{\sum \lVert x - \mu \rVert^2}

    with the mean :math:`\mu` of the training rows. PCA stands beside it: on its own training rows,
    no linear map explains more.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    n_components : array-like of shape (n_sizes,)
        Sizes of the code, all different.

    explained_variance : array-like of shape (n_sizes,)
        The share that the estimator explains with each of them; at most 1.

    pca_explained_variance : array-like of shape (n_sizes,), default=None
        The same of PCA. None draws no line.

    estimator_name : str, default=None
        What the legend calls the estimator; None means "autoencoder".

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The shares of the estimator.

    pca_line_ : matplotlib.lines.Line2D or None
        Those of PCA.

    legend_ : matplotlib.legend.Legend
        Which line is which.

    ax_ : matplotlib.axes.Axes
        The axes with the lines.

    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    LatentTraversalDisplay : What the values of a code stand for.

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
        self, n_components, explained_variance, pca_explained_variance=None, *, estimator_name=None
    ):
        self.n_components = n_components
        self.explained_variance = explained_variance
        self.pca_explained_variance = pca_explained_variance
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        X_test=None,
        *,
        n_components=(1, 2, 4, 8, 16),
        ax=None,
        random_state=None,
        **line_kw,
    ):
        """Fit the estimator with codes of each size, and draw what it explains.

        Parameters
        ----------
        estimator : AutoencoderTransformer
            What is cloned for each size; it need not be fitted. Other estimators with the
            parameter ``n_components``, ``transform`` and ``inverse_transform`` will do as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Rows to fit.

        X_test : as `X`, default=None
            Rows whose explained variance is drawn; None takes those of `X`.

        n_components : sequence of int, default=(1, 2, 4, 8, 16)
            Sizes of the code, all different. Those above the number of rows or features of `X`
            are left out: PCA has no more components.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        random_state : int, RandomState instance or None, default=None
            Given to each clone, and to PCA. None leaves to the clones what the estimator has.

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
            If `n_components` are not different positive integers, or none that `X` has room for,
            if `X_test` has other features than `X`, or if the rows do not vary.

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
        sizes = _with_room(sizes, *train.shape)
        mean = train.mean(axis=0)
        _check_variance(test, mean, "X" if X_test is None else "X_test")
        pca = _pca_shares(train, test, sizes, random_state)
        # Before the fits: minutes of them are not lost to axes that are none.
        ax = axes_for(ax, _SIZE)
        fitted = (_clone(estimator, size, random_state).fit(X) for size in sizes)
        X_test = X if X_test is None else X_test
        shares = np.array([_share(each, X_test, test, mean) for each in fitted])
        name = type(estimator).__name__
        return cls(sizes, shares, pca, estimator_name=name).plot(ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

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
            `pca_explained_variance` are not as many finite numbers.

        ImportError
            If matplotlib is not installed.
        """
        sizes = _different_sizes(self.n_components)
        shares = _check_shares(self.explained_variance, "explained_variance", sizes)
        pca = self.pca_explained_variance
        if pca is not None:
            pca = _check_shares(pca, "pca_explained_variance", sizes)
        ax = axes_for(ax, _SIZE)
        order = np.argsort(sizes)
        name = "autoencoder" if self.estimator_name is None else written_name(self.estimator_name)
        look = {"color": "C0", "marker": "o", "label": name, **line_kw}
        (self.line_,) = ax.plot(sizes[order], shares[order], **look)
        self.pca_line_ = None
        if pca is not None:
            look = {"color": "C1", "linestyle": "--", "marker": "s", "label": "PCA"}
            (self.pca_line_,) = ax.plot(sizes[order], pca[order], **look)
        _furnish(ax, sizes[order])
        self.legend_ = ax.legend(loc="lower right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _clone(estimator, size: int, random_state):
    """Return an estimator with codes of a size, not fitted."""
    parameters = {"n_components": int(size)}
    if random_state is not None and "random_state" in estimator.get_params(deep=False):
        parameters["random_state"] = random_state
    return clone(estimator).set_params(**parameters)


def _share(estimator, X, rows: np.ndarray, mean: np.ndarray) -> float:
    """Return the explained share of the variance of `X`, whose plain numbers are `rows`."""
    rebuilt = as_matrix(estimator.inverse_transform(as_matrix(estimator.transform(X))))
    return float(1 - np.square(rows - rebuilt).sum() / np.square(rows - mean).sum())


def _pca_shares(train, test, sizes: np.ndarray, random_state) -> np.ndarray:
    """Return the share that PCA explains with each size."""
    # Its randomized solver would draw from the global generator of numpy.
    rng = own_random_state(random_state)
    pca = PCA(int(sizes.max()), random_state=rng).fit(train)
    # Components are orthonormal, so each adds the square of its value to what is rebuilt.
    rebuilt = np.square(pca.transform(test)).sum(axis=0).cumsum()
    return rebuilt[sizes - 1] / np.square(test - pca.mean_).sum()


def _furnish(ax, sizes: np.ndarray) -> None:
    """Name the axes, and write the sizes at theirs as far as there is room."""
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
    """Return the sizes, given in their order, that have room for a label, the largest first."""
    places = np.log2(sizes)
    distance = _LEAST_DISTANCE * (places[-1] - places[0])
    shown = [len(sizes) - 1]
    for i in range(len(sizes) - 2, -1, -1):
        if places[shown[-1]] - places[i] >= distance:
            shown.append(i)
    return {int(sizes[i]) for i in shown}


def _check_estimator(estimator) -> None:
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


def _different_sizes(values) -> np.ndarray:
    """Return sizes of codes as an array of shape (n_sizes,)."""
    sizes = listed(values)
    if not sizes or not all(map(is_size, sizes)) or len(set(sizes)) < len(sizes):
        raise ValueError(
            f"n_components must be a sequence of different integers >= 1, got {values!r}."
        )
    return np.array(sizes, dtype=int)


def _with_room(sizes: np.ndarray, n_samples: int, n_features: int) -> np.ndarray:
    """Return the sizes that rows have room for, in their order."""
    room = min(n_samples, n_features)
    if sizes.min() > room:
        raise ValueError(
            f"n_components must hold a size of at most {room}, as X has {n_samples} rows and "
            f"{n_features} features, got {sizes.tolist()}."
        )
    return np.sort(sizes[sizes <= room])


def _check_variance(rows: np.ndarray, mean: np.ndarray, name: str) -> None:
    # The mean of equal rows is theirs but for its last digits.
    if np.abs(rows - mean).max() <= 1e-12 * np.abs(rows).max():
        raise ValueError(
            f"{name} must vary, got {len(rows)} rows that are all at the mean of X: there is no "
            f"variance to explain."
        )


def _check_shares(values, name: str, sizes: np.ndarray) -> np.ndarray:
    """Return shares as an array of shape (n_sizes,)."""
    shares = check_numbers(values, name)
    if len(shares) != len(sizes):
        raise ValueError(
            f"{name} must hold one value for each of {len(sizes)} n_components, got {len(shares)}."
        )
    return shares
