"""Rate-distortion curve of a transformer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skae._data.matrix import MatrixLike
from skae.compression.compressor import Compressor, check_positive
from skae.compression.quantiser import quantise
from skae.compression.rows import CheckedRows, as_dtype, check_rows

# Default quantisation steps, in standard deviations of the code.
_STEPS = tuple(2.0 ** (i / 2) for i in range(-4, 5))


def rate_distortion_curve(
    transformer: Any,
    X: MatrixLike,
    X_test: MatrixLike | None = None,
    *,
    steps: Iterable[float] | None = None,
    clip: bool = True,
    data_range: float | None = None,
) -> pd.DataFrame:
    r"""Compress rows with several quantisation steps, and return the rates and the errors.

    For each step, the probabilities are estimated from `X`, and the rows of `X_test` are compressed
    and decompressed. The distortion is the mean squared error

    .. math:: \text{MSE} = \frac{1}{n d} \sum \lVert x - \hat{x} \rVert^2, \qquad
              \text{PSNR} = 10 \log_{10} \frac{r^2}{\text{MSE}}

    over all values of all rows, with the range `r` of the data.

    Parameters
    ----------
    transformer : estimator
        An estimator with ``transform`` and ``inverse_transform``. A fitted one is used as it is; an
        unfitted one is cloned and fitted to `X`.

    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
        Training rows.

    X_test : as `X`, default=None
        Rows to compress; None means those of `X`.

    steps : sequence of float, default=None
        Steps as in :class:`Compressor`. None means nine steps from a quarter to four times the
        standard deviation of the latent values (the square root of their mean variance).

    clip : bool, default=True
        As in :class:`Compressor`.

    data_range : float, default=None
        The range `r`: 255 for 8-bit pixels, 1 for pixels in [0, 1]. None means the difference
        between the largest and the smallest value of `X`.

    Returns
    -------
    curve : DataFrame
        One row per step, with the columns `step`; `n_bytes`, the number of bytes; `rate`, the bits
        per value of `X_test`, including the header; `mse`, in squared units of `X`; and `psnr`, in
        decibels.

    Raises
    ------
    ValueError
        If a step is not a number above 0, or if the transformer does not accept the rows.

    ImportError
        If constriction is not installed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.compression import rate_distortion_curve
    >>> X = load_digits().data / 16
    >>> curve = rate_distortion_curve(PCA(30), X[:1500], X[1500:], steps=(0.2, 0.8))
    >>> list(curve.columns)
    ['step', 'n_bytes', 'rate', 'mse', 'psnr']
    >>> bool(curve.rate[0] > curve.rate[1]), bool(curve.psnr[0] > curve.psnr[1])
    (True, True)
    """
    if steps is not None:
        steps = _checked_steps(steps)
    if data_range is not None:
        check_positive(data_range, "data_range")
    base = Compressor(transformer, clip=clip)
    base._check_parameters()
    train = check_rows(X)
    base._set_transformer(base._fitted_transformer(X), train)
    test = train if X_test is None else check_rows(X_test, base, "X_test")
    codes = base._codes(train)
    test_codes = codes if X_test is None else base._codes(test)
    if steps is None:
        steps = np.sqrt(codes.var(axis=0, dtype=np.float64).mean()) * np.array(_STEPS)
    if data_range is None:
        data_range = float(np.max(base._highs) - np.min(base._lows))
    rows = [_curve_row(base, float(step), codes, test, test_codes) for step in steps]
    curve = pd.DataFrame(rows, columns=["step", "n_bytes", "rate", "mse"])
    with np.errstate(divide="ignore", over="ignore"):
        return curve.assign(psnr=10 * np.log10(np.square(np.float64(data_range)) / curve["mse"]))


def _checked_steps(steps: Any) -> list:
    try:
        steps = list(steps)
    except TypeError:
        steps = []
    if not steps:
        raise ValueError("steps must be a sequence of one or more numbers above 0, or None.")
    for step in steps:
        check_positive(step, "each of steps")
    return steps


def _curve_row(
    compressor: Compressor,
    step: float,
    codes: np.ndarray,
    test: CheckedRows,
    test_codes: np.ndarray,
) -> list:
    compressor.set_params(step=step)._fit_coder(codes)
    data = compressor._to_bytes(test, quantise(test_codes, step))
    reconstructed = as_dtype(
        compressor._reconstruct(compressor.decompress_symbols(data)), test.dtype
    )
    error = _mean_squared_error(test.numbers, reconstructed)
    return [step, len(data), 8 * len(data) / reconstructed.size, error]


def _mean_squared_error(X: Any, reconstructed: np.ndarray) -> float:
    """Return the mean over all entries, without a dense copy of the whole of `X`."""
    total = 0.0
    for start in range(0, len(reconstructed), 1024):
        block = X[start : start + 1024]
        block = block.toarray() if hasattr(block, "toarray") else block
        difference = block.astype(np.float64) - reconstructed[start : start + 1024]
        total += float(np.square(difference).sum())
    return total / reconstructed.size
