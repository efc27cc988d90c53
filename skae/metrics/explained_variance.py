"""The explained fraction of the variance, of any transformer that goes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.pipeline import Pipeline


def explained_variance_scorer(estimator: Any, X: Any, y: object = None) -> float:
    r"""Return the fraction of the variance that the code of a transformer explains.

    .. math:: 1 - \frac{\sum \lVert x - \hat{x} \rVert^2}{\sum \lVert x - \mu \rVert^2}

    with the reconstructions :math:`\hat{x}` that ``inverse_transform(transform(X))`` returns. It is
    a scorer: pass it as `scoring` to ``GridSearchCV`` or ``cross_val_score``. Scores of estimators
    that differ, such as an autoencoder and PCA, are comparable, which those of their own methods
    ``score`` are not: that of PCA is a log-likelihood.

    Parameters
    ----------
    estimator : object
        A fitted transformer with ``inverse_transform``: one of scikit-learn, of skae, or a pipeline
        of such.

    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
        Rows. Missing values are left out of both sums.

    y : None
        Ignored.

    Returns
    -------
    score : float
        At most 1; higher is better. The mean :math:`\mu` is that of the training rows if the
        estimator, or the first step of a pipeline, has it as ``mean_``. PCA, ``StandardScaler`` and
        :class:`~skae.AutoencoderTransformer` do; the ``score`` of the latter is the same number.
        For others (NMF, for example) it is the mean of `X`, and their scores are lower where the
        rows of a fold have another mean than the training rows: shuffle the folds.

    Raises
    ------
    TypeError
        If the estimator has no ``transform`` or no ``inverse_transform``.

    ValueError
        If reconstructions have another shape than `X`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import Pipeline
    >>> from skae import AutoencoderTransformer
    >>> from skae.metrics import explained_variance_scorer
    >>> ae = AutoencoderTransformer(4, max_epochs=20, random_state=0)
    >>> pipeline = Pipeline([("reduce", ae)])
    >>> grid = {"reduce": [ae, PCA(4, random_state=0)]}
    >>> search = GridSearchCV(pipeline, grid, scoring=explained_variance_scorer, cv=2)
    >>> search.fit(load_digits().data).best_params_["reduce"] is not None
    True
    >>> bool(search.cv_results_["mean_test_score"][0] > search.cv_results_["mean_test_score"][1])
    True
    """
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"explained_variance_scorer needs an estimator with transform and "
                f"inverse_transform, but {type(estimator).__name__} has no {method}."
            )
    rows = _rows(X)
    reconstructed = _rows(estimator.inverse_transform(estimator.transform(X)))
    if reconstructed.shape != rows.shape:
        raise ValueError(
            f"X holds {rows.shape[1]} values in each of {rows.shape[0]} rows, but the "
            f"reconstructions of {type(estimator).__name__} have shape {reconstructed.shape}."
        )
    away = rows - _mean(estimator, rows)
    residual = rows - reconstructed
    # In units of the largest deviation, since squares of large numbers would be infinite.
    unit = np.nanmax(np.abs(away), initial=0.0) or 1.0
    errors, distances = (float(np.nansum(np.square(part / unit))) for part in (residual, away))
    if distances == 0:
        return 1.0 if errors == 0 else 0.0
    return 1 - errors / distances


def _rows(X: Any) -> np.ndarray:
    """Return samples as dense rows of float64."""
    values = np.asarray(X.toarray() if sp.issparse(X) else X, dtype=np.float64)
    return values.reshape(len(values), -1)


def _mean(estimator: Any, rows: np.ndarray) -> np.ndarray:
    """Return the mean of the training rows, or of the rows if the estimator does not have it."""
    while isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        estimator = steps[0] if steps else None
    mean = getattr(estimator, "mean_", None)
    if isinstance(mean, np.ndarray) and mean.shape == rows.shape[1:]:
        return mean
    known = np.maximum(np.count_nonzero(~np.isnan(rows), axis=0), 1)
    return np.nansum(rows, axis=0) / known
