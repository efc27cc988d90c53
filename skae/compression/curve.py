"""What is lost at which rate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skae.compression.compressor import Compressor, check_positive
from skae.compression.quantiser import quantise
from skae.compression.rows import CheckedRows, as_dtype, check_rows

# Steps that are taken where none are given, in standard deviations of the code.
_STEPS = tuple(2.0 ** (i / 2) for i in range(-4, 5))


def rate_distortion_curve(transformer, X, X_test=None, *, steps=None, clip=True, data_range=None):
    r"""Compress rows with several steps, and return their rates and errors.

    For each step, the probabilities are learned from `X`, and the rows of `X_test` are compressed
    and decompressed. The distortion is the mean squared error

    .. math:: \text{MSE} = \frac{1}{n d} \sum \lVert x - \hat{x} \rVert^2, \qquad
              \text{PSNR} = 10 \log_{10} \frac{r^2}{\text{MSE}}

    over all numbers of all rows, with the range `r` of the data.

    Parameters
    ----------
    transformer : estimator
        Has ``transform`` and ``inverse_transform``. One that is fitted is taken as it is; one that
        is not is cloned and fitted to `X`.

    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
        Training rows.

    X_test : as `X`, default=None
        Rows that are compressed; None takes those of `X`.

    steps : sequence of float, default=None
        Steps as in :class:`Compressor`. None takes nine from a quarter to four times the root
        mean square deviation of the values of the code.

    clip : bool, default=True
        As in :class:`Compressor`.

    data_range : float, default=None
        The range `r`: 255 for pixels in bytes, 1 for pixels in [0, 1]. None takes the difference of
        the largest and the smallest number of `X`.

    Returns
    -------
    curve : DataFrame
        A row for each step, with the columns `step`; `n_bytes`, the length of the bytes; `rate`,
        bits for each number of `X_test`, of all bytes, the header included; `mse`, in squared units
        of `X`; and `psnr`, in decibels.

    Raises
    ------
    ValueError
        If a step is not a number above 0, or the rows are not as the transformer wants them.

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
    base._take(base._fitted_transformer(X), train)
    test = train if X_test is None else check_rows(X_test, base, "X_test")
    codes = base._codes(train)
    test_codes = codes if X_test is None else base._codes(test)
    if steps is None:
        steps = np.sqrt(codes.var(axis=0, dtype=np.float64).mean()) * np.array(_STEPS)
    if data_range is None:
        data_range = float(np.max(base._highs) - np.min(base._lows))
    lines = [_line(base, float(step), codes, test, test_codes) for step in steps]
    curve = pd.DataFrame(lines, columns=["step", "n_bytes", "rate", "mse"])
    with np.errstate(divide="ignore", over="ignore"):
        return curve.assign(psnr=10 * np.log10(np.square(np.float64(data_range)) / curve["mse"]))


def _checked_steps(steps) -> list:
    try:
        steps = list(steps)
    except TypeError:
        steps = []
    if not steps:
        raise ValueError("steps must be a sequence of one or more numbers above 0, or None.")
    for step in steps:
        check_positive(step, "each of steps")
    return steps


def _line(compressor: Compressor, step: float, codes, test: CheckedRows, test_codes) -> list:
    compressor.set_params(step=step)._learn(codes)
    data = compressor._written(test, quantise(test_codes, step))
    rebuilt = as_dtype(compressor._rebuilt(compressor.decompress_symbols(data)), test.dtype)
    error = _mean_squared_error(test.numbers, rebuilt)
    return [step, len(data), 8 * len(data) / rebuilt.size, error]


def _mean_squared_error(X, rebuilt: np.ndarray) -> float:
    """Return the mean over all entries, without a dense copy of all of `X`."""
    total = 0.0
    for start in range(0, len(rebuilt), 1024):
        block = X[start : start + 1024]
        block = block.toarray() if hasattr(block, "toarray") else block
        difference = block.astype(np.float64) - rebuilt[start : start + 1024]
        total += float(np.square(difference).sum())
    return total / rebuilt.size
