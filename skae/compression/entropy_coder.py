"""Whole numbers as bytes, each column by a histogram of its own."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

# Values of a column that have a probability of their own; others are escaped.
_MOST_SYMBOLS = 4096
# Share of the values that may be escaped where the probabilities are learned.
_MOST_ESCAPED = 0.01
# Rows that the smooth distribution under each histogram counts for.
_PRIOR_ROWS = 8.0
# The probability of an escape is at least this. It costs 0.0004 bits for each value, and makes
# every value cost something: so many bytes can not claim to be any number of rows.
_LEAST_ESCAPE = 2.0**-12
# The variance of a logistic distribution of scale one is pi^2 / 3.
_LOGISTIC_DEVIATION = np.pi / np.sqrt(3)
# Beyond it, neighbouring floats are more than one apart.
LARGEST_SYMBOL = 2**53


class EntropyCoder:
    r"""A range coder with a distribution for each column.

    The probability of a value in a column is

    .. math:: p(v) = \frac{n_v + 8 \, q(v)}{n + 8}

    with its number :math:`n_v` in the `n` rows the coder has learned from, and the mass `q` that
    the logistic distribution of the same mean and variance has in [v - 1/2, v + 1/2]: otherwise a
    value that happened not to occur could not be coded. What lies far outside of the rows is coded
    as an escape, and stands behind the others as a plain number.

    Parameters
    ----------
    symbols : ndarray of shape (n_samples, n_columns), dtype int64
        Rows to learn from.

    Attributes
    ----------
    lows : ndarray of shape (n_columns,), dtype int64
        The smallest value of each column with a probability of its own.

    tables : list of ndarray of shape (n_values + 1,), dtype float32
        Probabilities of each column: of its smallest value, of the next ones, of an escape.

    Raises
    ------
    ValueError
        If more than a hundredth of the values would have to be escaped.
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
                f"not among the {_MOST_SYMBOLS} of their columns that can have a probability. "
                f"Give a larger step."
            )

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.tables)

    def least_bits(self) -> float:
        """Return how many bits a row takes at least."""
        return float(-sum(np.log2(np.float64(table.max() / table.sum())) for table in self.tables))

    def bits(self, symbols: np.ndarray) -> np.ndarray:
        """Return how many bits each column takes, a float64 array of shape (n_columns,).

        Escaped values count with their escape alone, not with the number behind the others.
        """
        indices = self._indices(symbols)
        return np.array(
            [
                -np.log2(table[index].astype(np.float64) / table.sum(dtype=np.float64)).sum()
                for table, index in zip(self.tables, indices.T, strict=True)
            ]
        )

    def encode(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows as words, and what is escaped.

        Parameters
        ----------
        symbols : ndarray of shape (n_samples, n_columns), dtype int64
            Rows.

        Returns
        -------
        words : ndarray of shape (n_words,), dtype uint32
            What the range coder wrote, column by column.

        escaped : ndarray of shape (n_escaped,), dtype int64
            The values that are escaped, in the same order.
        """
        stream = import_constriction().stream
        encoder = stream.queue.RangeEncoder()
        indices = self._indices(symbols)
        escapes = indices == [len(table) - 1 for table in self.tables]
        for table, index in zip(self.tables, indices.T, strict=True):
            encoder.encode(np.ascontiguousarray(index, dtype=np.int32), _model(stream, table))
        return encoder.get_compressed(), symbols.T[escapes.T]

    def decode(self, words: np.ndarray, escaped: np.ndarray, n_rows: int) -> np.ndarray:
        """Return the rows that :meth:`encode` was given.

        Parameters
        ----------
        words : ndarray of shape (n_words,), dtype uint32
            As :meth:`encode` returned them.

        escaped : ndarray of shape (n_escaped,), dtype int64
            The same.

        n_rows : int
            Number of rows.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), dtype int64

        Raises
        ------
        ValueError
            If the words are not what the coder writes, or if more or fewer values are escaped.
        """
        stream = import_constriction().stream
        decoder = stream.queue.RangeDecoder(words)
        symbols = np.empty((n_rows, self.n_columns), dtype=np.int64)
        escapes = np.empty((n_rows, self.n_columns), dtype=bool)
        for j, table in enumerate(self.tables):
            try:
                index = decoder.decode(_model(stream, table), n_rows)
            except (AssertionError, ValueError) as error:
                raise ValueError("the range coder can not read it") from error
            symbols[:, j] = self.lows[j] + index
            escapes[:, j] = index == len(table) - 1
        if not decoder.maybe_exhausted():
            raise ValueError("the range coder finds more than these rows in it")
        if escapes.sum() != len(escaped):
            raise ValueError(f"{escapes.sum()} values are escaped, but {len(escaped)} are there")
        symbols.T[escapes.T] = escaped
        return symbols

    def _indices(self, symbols: np.ndarray) -> np.ndarray:
        """Return where each value stands in the table of its column, the last place for escapes."""
        last = np.array([len(table) - 1 for table in self.tables])
        indices = symbols - self.lows
        return np.where((indices < 0) | (indices > last), last, indices)


def import_constriction():
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


def _model(stream, table: np.ndarray):
    return stream.model.Categorical(table, perfect=False)


def _range(column: np.ndarray) -> tuple[int, int]:
    """Return the smallest and the largest value that get a probability of their own.

    A quarter more than the column has on each side; around its median, where that is too much.
    """
    low, high = int(column.min()), int(column.max())
    margin = 1 + (high - low) // 4
    middle = int(np.median(column))
    half = _MOST_SYMBOLS // 2
    return max(low - margin, middle - half), min(high + margin, middle + half - 1)


def _table(column: np.ndarray, inside: np.ndarray, low: int, high: int) -> np.ndarray:
    counts = np.bincount(inside - low, minlength=high - low + 1)
    # Around the median of a column in two far groups, there may be nothing.
    known = inside if len(inside) else np.array([low, high])
    scale = max(float(known.std()), 0.1) / _LOGISTIC_DEVIATION
    edges = (np.arange(low, high + 2) - 0.5 - float(known.mean())) / scale
    # The upper half by the other tail: near one, differences lose their digits.
    prior = np.abs(np.diff(np.where(edges > 0, -expit(-edges), expit(edges))))
    crossing = (edges[:-1] <= 0) & (edges[1:] > 0)
    prior[crossing] = np.diff(expit(edges))[crossing]
    n_outside = len(column) - len(inside) + _PRIOR_ROWS * max(0.0, 1 - prior.sum())
    weights = np.append(counts + _PRIOR_ROWS * prior, n_outside) / (len(column) + _PRIOR_ROWS)
    weights[-1] = max(weights[-1], _LEAST_ESCAPE)
    return (weights / weights.sum()).astype(np.float32)
