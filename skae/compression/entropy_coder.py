"""Entropy coding of integers, with a histogram for each column."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

# Largest number of values of a column with their own probability; other values are escaped.
_MOST_SYMBOLS = 4096
# Largest fraction of escaped values among the rows from which probabilities are estimated.
_MOST_ESCAPED = 0.01
# Weight of the smooth prior distribution of each histogram, in rows.
_PRIOR_ROWS = 8.0
# Smallest probability of an escape. It costs 0.0004 bits per value and ensures that every value
# takes some bits, which limits the number of rows that a given number of bytes can declare.
_LEAST_ESCAPE = 2.0**-12
# The variance of a logistic distribution of scale one is pi^2 / 3.
_LOGISTIC_DEVIATION = np.pi / np.sqrt(3)
# Neighbouring floats beyond this number are more than one apart.
LARGEST_SYMBOL = 2**53


class EntropyCoder:
    r"""Range coder with a probability distribution for each column.

    The probability of a value in a column is

    .. math:: p(v) = \frac{n_v + 8 \, q(v)}{n + 8}

    with its count :math:`n_v` in the `n` training rows and the probability `q` of [v - 1/2, v +
    1/2] under the logistic distribution with the mean and variance of the column. Without this
    prior, values that do not occur in the training rows could not be encoded. Values far outside
    the range of the training rows are encoded as an escape, and stored separately as plain
    integers.

    Parameters
    ----------
    symbols : ndarray of shape (n_samples, n_columns), dtype int64
        Training rows.

    Attributes
    ----------
    lows : ndarray of shape (n_columns,), dtype int64
        Smallest value of each column with its own probability.

    tables : list of ndarray of shape (n_values + 1,), dtype float32
        Probabilities of each column: those of its values in ascending order, then that of an
        escape.

    Raises
    ------
    ValueError
        If more than a hundredth of the values would be escaped.
    """

    def __init__(self, symbols: np.ndarray):
        self.lows = np.empty(symbols.shape[1], dtype=np.int64)
        self.tables = []
        n_escaped = 0
        for j, column in enumerate(symbols.T):
            self.lows[j], high = _range(column)
            inside = column[(column >= self.lows[j]) & (column <= high)]
            n_escaped += len(column) - len(inside)
            self.tables.append(_table(column, inside, int(self.lows[j]), high))
        if n_escaped > _MOST_ESCAPED * symbols.size:
            raise ValueError(
                f"the step is too small for these codes: {n_escaped} of {symbols.size} values are "
                f"outside the {_MOST_SYMBOLS} integers per column that can have a probability. "
                f"Use a larger step."
            )

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.tables)

    def least_bits(self) -> float:
        """Return the smallest number of bits of a row."""
        return float(-sum(np.log2(np.float64(table.max() / table.sum())) for table in self.tables))

    def bits(self, symbols: np.ndarray) -> np.ndarray:
        """Return the number of bits of each column, a float64 array of shape (n_columns,).

        For escaped values it counts the escape only, not the integer that is stored separately.
        """
        indices = self._indices(symbols)
        return np.array(
            [
                -np.log2(table[index].astype(np.float64) / table.sum(dtype=np.float64)).sum()
                for table, index in zip(self.tables, indices.T, strict=True)
            ]
        )

    def encode(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the encoded rows and the escaped values.

        Parameters
        ----------
        symbols : ndarray of shape (n_samples, n_columns), dtype int64
            Rows.

        Returns
        -------
        words : ndarray of shape (n_words,), dtype uint32
            Output of the range coder, column by column.

        escaped : ndarray of shape (n_escaped,), dtype int64
            Escaped values, in the same order.
        """
        stream = import_constriction().stream
        encoder = stream.queue.RangeEncoder()
        indices = self._indices(symbols)
        escapes = indices == [len(table) - 1 for table in self.tables]
        for table, index in zip(self.tables, indices.T, strict=True):
            encoder.encode(np.ascontiguousarray(index, dtype=np.int32), _model(stream, table))
        return encoder.get_compressed(), symbols.T[escapes.T]

    def decode(self, words: np.ndarray, escaped: np.ndarray, n_rows: int) -> np.ndarray:
        """Return the rows from which :meth:`encode` made the words.

        Parameters
        ----------
        words : ndarray of shape (n_words,), dtype uint32
            Output of :meth:`encode`.

        escaped : ndarray of shape (n_escaped,), dtype int64
            Escaped values, as returned by :meth:`encode`.

        n_rows : int
            Number of rows.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), dtype int64

        Raises
        ------
        ValueError
            If the words are not valid output of the coder, or if the number of escapes does not
            match the number of escaped values.
        """
        stream = import_constriction().stream
        decoder = stream.queue.RangeDecoder(words)
        symbols = np.empty((n_rows, self.n_columns), dtype=np.int64)
        escapes = np.empty((n_rows, self.n_columns), dtype=bool)
        for j, table in enumerate(self.tables):
            try:
                index = decoder.decode(_model(stream, table), n_rows)
            except (AssertionError, ValueError) as error:
                raise ValueError("the range coder cannot decode them") from error
            symbols[:, j] = self.lows[j] + index
            escapes[:, j] = index == len(table) - 1
        if not decoder.maybe_exhausted():
            raise ValueError("they encode more than these rows")
        if escapes.sum() != len(escaped):
            raise ValueError(
                f"{escapes.sum()} values are escaped, but {len(escaped)} escaped values follow"
            )
        symbols.T[escapes.T] = escaped
        return symbols

    def _indices(self, symbols: np.ndarray) -> np.ndarray:
        """Return the index of each value in the table of its column, the last one for escapes."""
        last = np.array([len(table) - 1 for table in self.tables])
        indices = symbols - self.lows
        return np.where((indices < 0) | (indices > last), last, indices)


def import_constriction() -> Any:
    """Return the module constriction.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import constriction
    except ImportError as error:
        raise ImportError(
            "Compression needs constriction, which is not installed: "
            'pip install "skae[compression]"'
        ) from error
    return constriction


def _model(stream: Any, table: np.ndarray) -> Any:
    return stream.model.Categorical(table, perfect=False)


def _range(column: np.ndarray) -> tuple[int, int]:
    """Return the smallest and the largest value with their own probability.

    They extend the range of the column by a quarter on each side. If that range is too large, they
    are centred at the median of the column.
    """
    low, high = int(column.min()), int(column.max())
    margin = 1 + (high - low) // 4
    middle = int(np.median(column))
    half = _MOST_SYMBOLS // 2
    return max(low - margin, middle - half), min(high + margin, middle + half - 1)


def _table(column: np.ndarray, inside: np.ndarray, low: int, high: int) -> np.ndarray:
    counts = np.bincount(inside - low, minlength=high - low + 1)
    # If a column consists of two distant groups, no value may lie around its median.
    known = inside if len(inside) else np.array([low, high])
    scale = max(float(known.std()), 0.1) / _LOGISTIC_DEVIATION
    edges = (np.arange(low, high + 2) - 0.5 - float(known.mean())) / scale
    # Above the mean, use the upper tail: differences of numbers close to one lose precision.
    prior = np.abs(np.diff(np.where(edges > 0, -expit(-edges), expit(edges))))
    crossing = (edges[:-1] <= 0) & (edges[1:] > 0)
    prior[crossing] = np.diff(expit(edges))[crossing]
    n_outside = len(column) - len(inside) + _PRIOR_ROWS * max(0.0, 1 - prior.sum())
    weights = np.append(counts + _PRIOR_ROWS * prior, n_outside) / (len(column) + _PRIOR_ROWS)
    weights[-1] = max(weights[-1], _LEAST_ESCAPE)
    return (weights / weights.sum()).astype(np.float32)
