"""The base class of estimators with one network: codes, reconstructions and their errors."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from skae._checkpoints.trainings import Trainings
from skae._data.matrix import Matrix, MatrixLike
from skae._data.moments import Moments
from skae._data.spooling import at_hand
from skae._data.validation import known_features, n_known, output_dtype, validate_codes
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare, prepare_again
from skae._fitting.prepared import Prepared
from skae._generation.code_density import CodeDensity
from skae._network.fitted_network import FittedNetwork
from skae._tables.table_form import TableForm
from skae._training.callbacks import CallbacksLike
from skae._utils.random_state import RandomStateLike
from skae.architectures import Architecture
from skae.columns import Columns
from skae.estimators._base import BaseAutoencoder, LossLike, OptimizerLike
from skae.kinds import Kind

# Entries of dense codes that are converted to sparse ones at once.
_DENSE_ENTRIES = 2**22


class OneNetworkAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseAutoencoder):
    """Base class of the estimators that fit one network, and encode and decode with it.

    It derives from ``TransformerMixin``, since ``set_output`` wraps methods of such classes only.
    """

    # How rows are returned is no metadata of theirs.
    __metadata_request__inverse_transform = {"probabilities": UNUSED, "clip": UNUSED}
    best_epoch_: int
    loss_: float
    _fitted: FittedNetwork
    _code_density: CodeDensity

    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "undercomplete",
        architecture: str | Architecture = "dense",
        columns: str | Columns = "from_dtype",
        loss: LossLike = "mse",
        init: str = "pca",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        optimizer: OptimizerLike = "adamw",
        optimizer_params: dict[str, Any] | None = None,
        weight_decay: float = 0.01,
        jitter: float | str = "auto",
        early_stopping: bool = True,
        validation_fraction: float | str = "auto",
        patience: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        warm_start: bool = False,
        checkpoint: str | os.PathLike | None = None,
        callbacks: CallbacksLike = None,
        verbose: int = 0,
        random_state: RandomStateLike = None,
    ):
        super().__init__(
            n_components,
            kind=kind,
            architecture=architecture,
            columns=columns,
            loss=loss,
            init=init,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            optimizer_params=optimizer_params,
            weight_decay=weight_decay,
            jitter=jitter,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            device=device,
            precision=precision,
            checkpoint=checkpoint,
            callbacks=callbacks,
            verbose=verbose,
            random_state=random_state,
        )
        self.warm_start = warm_start

    def fit_transform(
        self, X: MatrixLike, y: ArrayLike | None = None, **fit_params: Any
    ) -> np.ndarray | sp.csr_matrix:
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

    def transform(self, X: MatrixLike) -> np.ndarray | sp.csr_matrix:
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
        return self._of_rows(self._codes, X)

    def inverse_transform(
        self, X: MatrixLike, *, probabilities: bool = False, clip: bool = False
    ) -> Any:
        """Return the reconstructions of latent codes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            Latent codes.

        probabilities : bool, default=False
            Of a table with columns that are no numbers: whether to return the probability of each
            level, instead of the most probable level.

        clip : bool, default=False
            Of such a table: whether numbers are clipped to the range of the training rows.

        Returns
        -------
        X_original : ndarray or data frame of shape (n_samples, ...)
            Reconstructions in the units of the training rows, with the dtype of the codes and the
            axes of ``sample_shape_``. Rows are a data frame if ``set_output`` asks for frames: with
            the names of the features of ``fit``, and the index of `X` if it is a frame of pandas.
            If ``fit`` saw a table with columns that are no numbers, a frame with its columns.
        """
        check_is_fitted(self)
        rows, form = at_hand(X), TableForm(probabilities, clip)
        return self._framed(self._decode(validate_codes(self, rows)), rows, form)

    def reconstruct(self, X: MatrixLike, *, probabilities: bool = False, clip: bool = False) -> Any:
        """Return the reconstructions of the rows, as ``inverse_transform(transform(X))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        probabilities : bool, default=False
            Of a table with columns that are no numbers: whether to return the probability of each
            level, instead of the most probable level.

        clip : bool, default=False
            Of such a table: whether numbers are clipped to the range of the training rows.

        Returns
        -------
        X_reconstructed : ndarray or data frame of shape (n_samples, ...)
            Reconstructions, float32 for float32 `X` and float64 otherwise. Rows are a data frame if
            ``set_output`` asks for frames, as in :meth:`inverse_transform`.
        """
        form = TableForm(probabilities, clip)
        return self._framed(self._of_rows(self._reconstruct, X), X, form)

    def score_samples(self, X: MatrixLike) -> np.ndarray:
        r"""Return minus the mean squared reconstruction error of each row.

        .. math:: s(x) = -\frac{1}{d} \lVert x - \hat{x} \rVert^2

        in squared units of `X`, whatever the training loss. For rows with missing values, the mean
        is over the observed values; it is 0 if there are none.

        For a table with columns that are no numbers, it is the mean over the known columns of
        their explained fraction in this row: 1 minus the error of the column over the mean error
        of a constant prediction. The error of a number is the squared one, that of other columns
        the cross-entropy or deviance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), dtype float64
            Higher is more normal. At most 0 (1 for such a table); minus infinity if a squared error
            exceeds the range of float64.
        """
        return self._of_rows(self._score_rows, X)

    def _score_rows(self, X: Matrix) -> np.ndarray:
        if self.columns_ is not None:
            return self._fitted.explained_fractions(X, self.device)
        known = n_known(X) if self._takes_missing() else X.shape[1]
        with np.errstate(over="ignore", under="ignore"):
            # Squared last: the square of a scale may overflow, and zero times infinity is NaN.
            return -np.square(np.sqrt(self._squared_errors(X) / known) * np.float64(self.scale_))

    def _prepare(
        self, X: Matrix, weight: np.ndarray | None, trainings: Trainings, *, goes_on: bool
    ) -> Prepared:
        """Return the prepared fit of validated rows, from PCA or from the last fit's network."""
        policy, random_state = FitPolicy.of(self), trainings.random_state
        if not goes_on:
            return prepare(X, policy, random_state, sample_weight=weight)
        mean = self._mean_of(X, weight)
        return prepare_again(X, policy, random_state, self._fitted, mean, sample_weight=weight)

    def _mean_of(self, X: Matrix, weight: np.ndarray | None) -> np.ndarray:
        """Return the mean of other rows; features without a known value keep the earlier one."""
        return np.where(known_features(X), Moments.of(X, weight).mean, self.mean_)

    def _take(self, fit: NetworkFit) -> None:
        """Set the fitted attributes, which replace those of an earlier fit."""
        for name in getattr(self, "_of_kind", ()):  # the kind may have changed
            self.__dict__.pop(name, None)
        self._set({**fit.attributes, "_code_density": CodeDensity(fit.code_sample)})

    def _fitted_networks(self) -> list[FittedNetwork]:
        return [self._fitted]

    def _codes(self, X: Matrix) -> np.ndarray | sp.csr_matrix:
        """Return the codes of validated rows, as ``transform`` returns them."""
        return self._encode_sparse(X) if self.kind_.sparse_output else self._encode(X)

    def _encode(self, X: Matrix) -> np.ndarray:
        """Return the codes of validated rows."""
        return self._fitted.encode(X, self.device, output_dtype(X))

    def _encode_sparse(self, X: Matrix) -> sp.csr_matrix:
        """Return the codes of validated rows as a CSR matrix, converted block by block."""
        step = max(1, _DENSE_ENTRIES // self.n_components_)
        blocks = (self._encode(X[i : i + step]) for i in range(0, X.shape[0], step))
        return sp.vstack([sp.csr_matrix(block) for block in blocks], format="csr")

    def _decode(self, Z: np.ndarray) -> np.ndarray:
        """Return the reconstructions of validated codes, in the shape of the training rows."""
        return self._shaped(self._fitted.decode(Z, self.device, output_dtype(Z)))

    def _reconstruct(self, X: Matrix) -> np.ndarray:
        """Return the reconstructions of validated rows."""
        reconstruction = np.empty(X.shape, dtype=output_dtype(X))
        for rows, block in self._fitted.reconstructions(X, self.device, reconstruction.dtype):
            reconstruction[rows] = block
        return self._shaped(reconstruction)

    def _squared_errors(self, X: Matrix) -> np.ndarray:
        """Return ``||(x - x_hat) / scale||^2`` over the observed values of each row, float64.

        The rows are validated. Squares in units of `X` could overflow.
        """
        return self._fitted.squared_errors(X, self.device)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there is a fitted network."""
        return hasattr(self, "_fitted")
