"""Methods for latent codes, reconstructions and reconstruction errors."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skae._data.spooling import at_hand
from skae._data.validation import n_known, validate_codes


class ReconstructionMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Methods for latent codes, reconstructions and reconstruction errors.

    It derives from ``TransformerMixin``, since ``set_output`` wraps methods of such classes only.
    """

    def fit_transform(self, X, y=None, **fit_params):
        """Fit, and return the latent codes of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in ``fit``.

        y : array-like of shape (n_samples,), default=None
            As in ``fit``.

        **fit_params : dict
            Other parameters of ``fit``.

        Returns
        -------
        Z : ndarray or CSR matrix of shape (n_samples, n_components)
            As ``transform`` returns them.
        """
        return super().fit_transform(at_hand(X), y, **fit_params)

    def transform(self, X):
        """Return the latent codes of the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        Z : ndarray or CSR matrix of shape (n_samples, n_components)
            Latent codes, float32 for float32 `X` and float64 otherwise. The code of a row does not
            depend on the other rows of `X`. Sparse with ``kind=Sparse(sparse_output=True)``.
        """
        check_is_fitted(self)
        encode = self._encode_sparse if self.kind_.sparse_output else self._encode
        return self._of_rows(encode, X)

    def inverse_transform(self, X):
        """Return the reconstructions of latent codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Latent codes.

        Returns
        -------
        X_original : ndarray of shape (n_samples, ...)
            Reconstructions in the units of the training rows, with the dtype of the codes and the
            axes of ``sample_shape_``.
        """
        check_is_fitted(self)
        return self._decode(validate_codes(self, at_hand(X)))

    def reconstruct(self, X):
        """Return the reconstructions of the rows, as ``inverse_transform(transform(X))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, ...)
            Reconstructions, float32 for float32 `X` and float64 otherwise.
        """
        return self._of_rows(self._reconstruct, X)

    def score_samples(self, X):
        r"""Return minus the mean squared reconstruction error of each row.

        .. math:: s(x) = -\frac{1}{d} \lVert x - \hat{x} \rVert^2

        in squared units of `X`, whatever the training loss. For rows with missing values, the mean
        is over the observed values; it is 0 if there are none.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), dtype float64
            Higher is more normal. At most 0; minus infinity if a squared error exceeds the range of
            float64.
        """
        return self._of_rows(self._score_rows, X)

    def _score_rows(self, X) -> np.ndarray:
        known = n_known(X) if self._takes_missing() else X.shape[1]
        with np.errstate(over="ignore", under="ignore"):
            # The root first: zero times the square of a scale that is out of range is no number.
            return -np.square(np.sqrt(self._squared_errors(X) / known) * np.float64(self.scale_))
