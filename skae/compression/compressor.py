"""Lossy compression of rows by the codes of a transformer."""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_array, check_is_fitted

from skae._data.containers import as_matrix_like
from skae._data.matrix import MatrixLike
from skae._utils.checks import is_number
from skae._utils.naming import naming
from skae._utils.parameter_names import ParameterNamesMixin
from skae.compression.container import Contents, check_claims, pack, unpack
from skae.compression.entropy_coder import EntropyCoder, import_constriction
from skae.compression.quantiser import dequantise, quantise, step_for
from skae.compression.rows import CheckedRows, as_dtype, check_rows

# Number of rows whose reconstructions are part of the fingerprint of a model.
_ROWS_OF_A_FINGERPRINT = 8


class Compressor(ParameterNamesMixin):
    r"""Lossy compression of rows by the codes of a transformer.

    Each latent value is quantised to the nearest multiple of `step`, and a range coder encodes the
    resulting integers, with probabilities estimated from the codes of the training rows. A row
    takes approximately

    .. math:: -\sum_i \log_2 p_i \left( \left\lfloor z_i / \Delta \right\rceil \right)

    bits, with its code `z`, the step :math:`\Delta` and the frequency :math:`p_i` of each integer
    among the training rows. The loss comes from the transformer and from quantisation: a larger
    step takes fewer bits and has a larger error. The integers are decoded exactly.

    Any transformer with an inverse works. For :class:`~skae.kinds.Compressive`, which is trained
    with a quantisation step of 1, use a step of 1; for PCA the step is in the units of `X`.

    Parameters
    ----------
    transformer : estimator
        An estimator with ``transform`` and ``inverse_transform``. A fitted one is copied as it is;
        an unfitted one is cloned and fitted to `X`.

    step : float, default=1.0
        Quantisation step: the distance between neighbouring quantised values, in units of the code.

    rate : float or None, default=None
        Target rate on the training rows, in bits per value of `X` (per pixel of an image). If
        given, the step is chosen to reach it, and `step` is ignored; the chosen step is ``step_``.

    clip : bool, default=True
        Whether to clip each feature of a reconstruction to its range in the training rows.

    Attributes
    ----------
    transformer_ : estimator
        The fitted transformer.

    step_ : float
        The quantisation step.

    bits_per_component_ : ndarray of shape (n_components,), dtype float64
        Mean number of bits of each latent value over the training rows.

    rate_ : float
        Bits per value of the training rows, without the header.

    fingerprint_ : str
        Sixteen hexadecimal digits that identify the fitted model.

    n_features_in_ : int
        Number of features seen in `fit`.

    See Also
    --------
    rate_distortion_curve : Rates and errors for several steps.

    Notes
    -----
    The compressed data consist of a header of 28 bytes plus four for each axis of a row, the
    integers that lie far outside the range of the training rows, the encoded integers, and a
    checksum of four bytes. The header contains the number of rows, their shape and dtype, and a
    fingerprint of the model, but not the model: decompression needs a copy of the fitted
    compressor. There is one header per call, so many rows take fewer bytes in one call than one by
    one.

    References
    ----------
    .. [1] G. N. N. Martin, "Range encoding: an algorithm for removing redundancy from a digitised
       message", Video and Data Recording Conference, 1979.
    .. [2] R. Bamler, "Understanding entropy coding with asymmetric numeral systems (ANS): a
       statistician's perspective", 2022 (the library constriction).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.compression import Compressor
    >>> X = load_digits().data.astype("uint8")
    >>> compressor = Compressor(PCA(20), step=8.0).fit(X[:1500])
    >>> data = compressor.compress(X[1500:])
    >>> X[1500:].nbytes // len(data)
    14
    >>> reconstructed = compressor.decompress(data)
    >>> reconstructed.shape, reconstructed.dtype
    ((297, 64), dtype('uint8'))
    """

    def __init__(
        self, transformer: Any, step: float = 1.0, rate: float | None = None, clip: bool = True
    ):
        self.transformer = transformer
        self.step = step
        self.rate = rate
        self.clip = clip

    def __sklearn_tags__(self) -> Any:
        """State that sparse rows are accepted if the transformer accepts them."""
        tags = super().__sklearn_tags__()
        if isinstance(self.transformer, BaseEstimator):
            tags.input_tags.sparse = get_tags(self.transformer).input_tags.sparse
        return tags

    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Fit the transformer unless it is fitted, choose the step, and estimate the probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Training rows, in any form that the transformer accepts.

        y : None
            Ignored.

        Returns
        -------
        self : Compressor
            The fitted compressor.

        Raises
        ------
        TypeError
            If `transformer` lacks a method.

        ValueError
            If a parameter is invalid, if no step reaches the rate, or if the step is too small for
            the probabilities to be estimated.

        ImportError
            If constriction is not installed.
        """
        self._check_parameters()
        import_constriction()
        rows = check_rows(X)
        self._set_transformer(self._fitted_transformer(X), rows)
        return self._fit_coder(self._codes(rows))

    def _check_parameters(self) -> None:
        methods = ("fit", "transform", "inverse_transform")
        missing = [name for name in methods if not hasattr(self.transformer, name)]
        if missing or isinstance(self.transformer, type):
            raise TypeError(
                f"transformer must have {' and '.join(methods)}, such as "
                f"skae.AutoencoderTransformer(), got {self.transformer!r}"
                + (f" without {' and '.join(missing)}." if missing else ", a class.")
            )
        check_positive(self.step, "step")
        if self.rate is not None:
            check_positive(self.rate, "rate")
        if not isinstance(self.clip, bool):
            raise ValueError(f"clip must be True or False, got {self.clip!r}.")

    def _fitted_transformer(self, X: MatrixLike) -> Any:
        try:
            check_is_fitted(self.transformer)
        except NotFittedError:
            return clone(self.transformer).fit(X)
        # A copy, since fitting the transformer again would change how bytes are decoded.
        return copy.deepcopy(self.transformer)

    def _set_transformer(self, transformer: Any, rows: CheckedRows) -> None:
        """Set the fitted transformer and the ranges of the training rows."""
        self.transformer_ = transformer
        self.n_features_in_ = rows.n_features
        self._lows, self._highs = rows.ranges()

    def _codes(self, rows: CheckedRows) -> np.ndarray:
        codes = self.transformer_.transform(rows.values)
        codes = codes.toarray() if hasattr(codes, "toarray") else np.asarray(codes)
        if codes.ndim != 2 or not np.isfinite(codes).all():
            raise ValueError(
                f"transform of {type(self.transformer_).__name__} must return finite codes of "
                f"shape (n_samples, n_components), got "
                + (f"shape {codes.shape}." if codes.ndim != 2 else "some that are not finite.")
            )
        return codes

    def _fit_coder(self, codes: np.ndarray) -> Self:
        """Choose the step, and estimate the probabilities from the codes of the training rows."""
        self.step_ = float(self.step)
        if self.rate is not None:
            self.step_ = step_for(float(self.rate) * self.n_features_in_, codes)
        symbols = quantise(codes, self.step_)
        try:
            self._coder = EntropyCoder(symbols)
        except ValueError as error:
            asked = f"step={self.step_:g}"
            if self.rate is not None:
                asked = f"rate={self.rate!r}, for which {asked},"
            raise ValueError(f"{asked} is not possible: {error}") from error
        self.bits_per_component_ = self._coder.bits(symbols) / len(symbols)
        self.rate_ = float(self.bits_per_component_.sum() / self.n_features_in_)
        # Integer codes would overflow.
        self._code_dtype = np.dtype(codes.dtype if codes.dtype.kind == "f" else np.float64)
        self.fingerprint_ = self._fingerprint(symbols[:_ROWS_OF_A_FINGERPRINT]).hex()
        return self

    def _fingerprint(self, symbols: np.ndarray) -> bytes:
        """Return eight bytes of a digest of the probabilities and of some reconstructions."""
        digest = hashlib.sha256(np.ascontiguousarray(self._reconstruct(symbols)).tobytes())
        digest.update(self._coder.lows.tobytes())
        for table in self._coder.tables:
            digest.update(table.tobytes())
        return digest.digest()[:8]

    def _reconstruct(self, symbols: np.ndarray) -> np.ndarray:
        """Return the reconstructions of quantised codes as rows."""
        codes = dequantise(symbols, self.step_, self._code_dtype)
        rows = np.asarray(self.transformer_.inverse_transform(codes))
        rows = rows.reshape(len(symbols), self.n_features_in_)
        return np.clip(rows, self._lows, self._highs) if self.clip else rows

    def quantize(self, X: MatrixLike) -> np.ndarray:
        """Return the quantised codes of rows as integers, as they are encoded.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        symbols : ndarray of shape (n_samples, n_components), dtype int64
            Codes in units of ``step_``, rounded to the nearest integer, halves to the even one.
        """
        check_is_fitted(self)
        return quantise(self._codes(check_rows(X, self)), self.step_)

    def dequantize(self, symbols: ArrayLike) -> np.ndarray:
        """Return the reconstructions of quantised codes.

        Parameters
        ----------
        symbols : array-like of int of shape (n_samples, n_components)
            Quantised codes, as :meth:`quantize` returns them.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Reconstructions as floating-point rows, without the dtype and the shape of the original
            rows.
        """
        check_is_fitted(self)
        with naming("symbols"):
            return self._reconstruct(self._checked_symbols(as_matrix_like(symbols)))

    def _checked_symbols(self, symbols: Any) -> np.ndarray:
        symbols, n_components = check_array(symbols), len(self.bits_per_component_)
        if symbols.dtype.kind not in "iu" or symbols.shape[1] != n_components:
            raise ValueError(
                f"symbols must be integers of shape (n_samples, {n_components}), as quantize "
                f"returns them, got {symbols.dtype} of shape {symbols.shape}."
            )
        return symbols

    def compress(self, X: MatrixLike) -> bytes:
        """Return the rows as compressed bytes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        data : bytes
            Compressed rows, for :meth:`decompress`.
        """
        check_is_fitted(self)
        rows = check_rows(X, self)
        return self._to_bytes(rows, quantise(self._codes(rows), self.step_))

    def _to_bytes(self, rows: CheckedRows, symbols: np.ndarray) -> bytes:
        words, escaped = self._coder.encode(symbols)
        fingerprint = bytes.fromhex(self.fingerprint_)
        return pack(
            Contents(len(symbols), rows.sample_shape, rows.dtype, fingerprint, words, escaped)
        )

    def decompress(self, data: bytes | bytearray | memoryview) -> np.ndarray:
        """Return the reconstructions of compressed rows.

        Parameters
        ----------
        data : bytes
            Result of :meth:`compress` of this compressor or of a copy.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            Reconstructions with the shape and the dtype of the original rows. For integer dtypes
            they are rounded and clipped to the range of the dtype.

        Raises
        ------
        ValueError
            If the bytes are cut off, damaged, not from skae, or written by another model.
        """
        contents, symbols = self._read(data)
        return as_dtype(self._reconstruct(symbols), contents.dtype).reshape(
            -1, *contents.sample_shape
        )

    def decompress_symbols(self, data: bytes | bytearray | memoryview) -> np.ndarray:
        """Return the quantised codes of compressed rows, exactly as they were encoded.

        Parameters
        ----------
        data : bytes
            Result of :meth:`compress`.

        Returns
        -------
        symbols : ndarray of shape (n_samples, n_components), dtype int64
            Codes in units of ``step_``.

        Raises
        ------
        ValueError
            If the bytes are cut off, damaged, not from skae, or written by another model.
        """
        return self._read(data)[1]

    def _read(self, data: bytes | bytearray | memoryview) -> tuple[Contents, np.ndarray]:
        check_is_fitted(self)
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(
                f"data must be bytes, as Compressor.compress returns them, got "
                f"{type(data).__name__}."
            )
        contents = unpack(bytes(data), bytes.fromhex(self.fingerprint_))
        check_claims(contents, self.n_features_in_, self._coder.least_bits())
        try:
            symbols = self._coder.decode(contents.words, contents.escaped, contents.n_rows)
        except ValueError as error:
            raise ValueError(f"The bytes contain invalid codes: {error}.") from error
        return contents, symbols


def check_positive(value: object, name: str) -> None:
    """Raise an error if the value is not a finite number above zero."""
    if not is_number(value) or value <= 0:
        raise ValueError(f"{name} must be a number above 0, got {value!r}.")
