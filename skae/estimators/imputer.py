"""Autoencoder for the imputation of missing values."""

from __future__ import annotations

import math
import os
import warnings
from collections import ChainMap
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils.validation import check_is_fitted

from skae._checkpoints.trainings import trainings_of
from skae._data.blocks import dense_blocks, densify
from skae._data.matrix import Matrix, MatrixLike
from skae._data.scaling import saturated
from skae._data.spooling import at_hand
from skae._data.validation import (
    features_with_missing,
    has_missing,
    known_features,
    output_dtype,
    validate_sample_weight,
)
from skae._data.views import Converted, rows_at
from skae._fitting.scaling_rules import one_scale_within_limits, own_scales
from skae._imputation.imputation import Draw
from skae._tables.completed_table import (
    bounds_of_features,
    completed_table,
    missing_columns,
    with_indicator,
)
from skae._tables.validation import validate_rows
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import check_size
from skae._utils.naming import naming
from skae._utils.random_state import RandomStateLike, own_random_state
from skae._utils.sklearn_private import feature_names_in, fit_context
from skae.architectures import ARCHITECTURES, Architecture
from skae.columns import COLUMN_RULES, Columns, TableColumns
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import LossLike, OptimizerLike
from skae.estimators._imputing import ImputingAutoencoder, hidden_again
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES

# Entries of the rows that are imputed at once.
_ENTRIES_AT_ONCE = 2**22


class AutoencoderImputer(TransformerMixin, ImputingAutoencoder):
    r"""Imputation of missing values by autoencoders, with the interface of IterativeImputer.

    A missing value is replaced by its conditional mean given the observed values of its row. A
    normal distribution, fitted to the observed values by expectation maximisation, gives the linear
    part of this mean. Networks receive the linear prediction and the mask of observed values, and
    learn to correct it: for training, a random fraction of the observed values of each row is
    hidden, and the loss counts these values only. Each network keeps the weights with the smallest
    validation loss, which are those of the linear prediction if training does not improve on it.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the latent code. "auto" means the number of factors of the normal distribution: the
        number of features if there are at most 40, and at most 32 factors otherwise. The network is
        then initialised as the linear conditional mean.

    kind : str or Kind, default="auto"
        The kind of autoencoder: a name or an object of :mod:`skae.kinds`. "auto" means
        ``Denoising(Missing(), emphasis=1)``, which hides observed values, with a loss that counts
        these values only; in a table whose columns are not all numbers, ``Missing((0, 0.7))``.
        Without a :class:`~skae.corruptions.Missing` corruption the networks
        learn to reconstruct the observed values in their input.

    architecture : str or Architecture, default="dense"
        The architecture of encoder and decoder: a name or an object of :mod:`skae.architectures`.

    columns : "from_dtype" or Columns, default="from_dtype"
        What the columns of a data frame are, as in :class:`AutoencoderTransformer`.

    missing_values : int, float or np.nan, default=np.nan
        The value that stands for a missing value. If it is not NaN, rows with NaN raise an error.

    add_indicator : bool, default=False
        Whether to append the columns of a :class:`~sklearn.impute.MissingIndicator` to those of the
        data.

    keep_empty_features : bool, default=False
        If True, features without any observed value in `fit` are kept, and their missing values
        filled with 0; if False, they are dropped, with a warning.

    sample_posterior : bool, default=False
        Whether to draw missing values from their conditional distribution instead of replacing them
        by its mean. For multiple imputation, repeat this with several `random_state`, or call
        :meth:`sample`.

    min_value, max_value : float or array-like of shape (n_features,), default=-inf, inf
        Bounds of the imputed values. The index of a Series must name the features, in any order.

    n_estimators : int, default=4
        Number of networks, whose imputations are averaged. Each has its own validation rows.

    standardize : bool, default=True
        Whether to divide each feature by its standard deviation. With False, all features are
        divided by the same number, and those with a large variance count most.

    loss : {"mse", "mae", "huber", "bce"}, Loss, callable or dict, default="mse"
        The training loss. "mse" estimates the conditional mean, "mae" the conditional median. "bce"
        requires `X` in [0, 1] and does not standardise it.

    init : {"pca", "random"}, default="pca"
        "pca" initialises the network as the conditional mean under the normal distribution. If the
        code has fewer values than there are features, it is projected on the principal axes.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows, as in :class:`AutoencoderTransformer`.

    batch_size : int or "auto", default="auto"
        Number of rows in a batch, as in :class:`AutoencoderTransformer`.

    learning_rate : float or "auto", default="auto"
        Highest learning rate of the schedule, as in :class:`AutoencoderTransformer`.

    optimizer : {"adamw", "adam", "rmsprop", "sgd"} or class, default="adamw"
        The optimizer: a name or a class of :mod:`torch.optim`.

    optimizer_params : dict or None, default=None
        Further parameters of the optimizer, such as ``{"betas": (0.9, 0.99)}`` of "adamw". "sgd"
        has a momentum of 0.9 unless given here.

    weight_decay : float, default=0.01
        Weight decay, decoupled from the gradients as in AdamW for every
        optimizer.

    jitter : float or "auto", default="auto"
        Noise added to the encoder's input, as in :class:`AutoencoderTransformer`.

    early_stopping : bool, default=True
        Whether to hold out validation rows and keep the weights with the smallest validation loss.

    validation_fraction : float in (0, 1) or "auto", default=0.1
        Fraction of the rows that is held out for validation, as in :class:`AutoencoderTransformer`.

    patience : int or None, default=40
        Stop training after this number of epochs without an improvement of the validation loss.

    device : str, default="auto"
        Device to compute on, as in :class:`AutoencoderTransformer`.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Floating-point precision, as in :class:`AutoencoderTransformer`.

    checkpoint : str, path-like or None, default=None
        File from which `fit` continues after a crash, as in :class:`AutoencoderTransformer`.

    callbacks : Callback, list of Callback or (str, Callback), or None, default=None
        Callbacks of :mod:`skorch.callbacks`, called during the training of each network. See the
        user guide on watching and steering a fit.

    verbose : int, default=0
        With 1, print a line for each epoch, which also goes to the logger "skae" at the level INFO.

    random_state : int, RandomState instance or None, default=None
        Determines the networks, and the draws with `sample_posterior`.

    Attributes
    ----------
    indicator_ : MissingIndicator or None
        The indicator of missing values with ``add_indicator=True``, None otherwise.

    history_ : pandas.DataFrame
        One row per epoch and network, with the columns of :class:`AutoencoderTransformer` and the
        number of the network.

    n_components_, kind_, architecture_, batch_size_, learning_rate_, n_epochs_
        The values used by `fit`.

    mean_ : ndarray of shape (n_kept_features,), dtype float64
        Mean of the observed values of each feature.

    scale_ : float or ndarray of shape (n_kept_features,)
        The numbers by which centred features are divided.

    device_, precision_ : str
        The values used by `fit`.

    sample_shape_ : tuple of int
        Shape of one imputed sample.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, set if all names in `X` are strings.

    columns_ : TableColumns or None
        The columns of `fit` if some of them are no numbers, with their levels and dtypes. Then
        ``mean_`` and ``scale_`` are those of the encoded features: numbers, indicators of levels
        and logarithms of counts.

    See Also
    --------
    sklearn.impute.IterativeImputer : Imputation by one regression per feature.
    sklearn.impute.KNNImputer : Imputation by the mean of the nearest rows.

    Notes
    -----
    Values are assumed to be missing at random: whether a value is missing may depend on observed
    values, but not on the missing value itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.impute import SimpleImputer
    >>> from skae import AutoencoderImputer
    >>> X = load_iris().data
    >>> missing = np.random.default_rng(0).random(X.shape) < 0.3
    >>> incomplete = np.where(missing, np.nan, X)
    >>> imputer = AutoencoderImputer(n_estimators=1, random_state=0)
    >>> error = imputer.fit_transform(incomplete)[missing] - X[missing]
    >>> by_mean = SimpleImputer().fit_transform(incomplete)[missing] - X[missing]
    >>> bool((error**2).mean() < 0.5 * (by_mean**2).mean())
    True
    """

    _part_registries = {
        "kind": ChainMap[str, Any]({"auto": hidden_again}, KINDS),
        "architecture": ARCHITECTURES,
        "columns": COLUMN_RULES,
        "loss": LOSSES,
    }
    indicator_: MissingIndicator | None

    _stored_as = "AutoencoderImputer"
    _parameter_constraints: dict = {
        **ImputingAutoencoder._parameter_constraints,
        "missing_values": "no_validation",  # _checked_marker has better error messages
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
        "sample_posterior": ["boolean"],
        "min_value": [Real, "array-like"],
        "max_value": [Real, "array-like"],
        "standardize": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "auto",
        architecture: str | Architecture = "dense",
        columns: str | Columns = "from_dtype",
        missing_values: float = np.nan,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        sample_posterior: bool = False,
        min_value: ArrayLike = -np.inf,
        max_value: ArrayLike = np.inf,
        n_estimators: int = 4,
        standardize: bool = True,
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
        validation_fraction: float | str = 0.1,
        patience: int | None = 40,
        device: str = "auto",
        precision: str = "auto",
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
        self.missing_values = missing_values
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.sample_posterior = sample_posterior
        self.min_value = min_value
        self.max_value = max_value
        self.n_estimators = n_estimators
        self.standardize = standardize

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the networks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows that may have missing values, also in batches, as in
            :meth:`AutoencoderTransformer.fit`. Entries that a sparse matrix does not store are
            zeros, as everywhere in scikit-learn.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in the normal distribution, the networks and the errors of draws.
            Rows with weight zero are ignored.

        Returns
        -------
        self : AutoencoderImputer
            The fitted imputer.

        Warns
        -----
        UserWarning
            If features without any observed value are dropped.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, if no feature has an observed value, or if training
            diverges.
        """
        X = self._incomplete(X, reset=True)
        weight = validate_sample_weight(sample_weight, X)
        counted = X if weight is None else rows_at(X, np.flatnonzero(weight))
        self._kept = known_features(counted)
        self._refuse_empty_features()
        if not self._kept.all():
            self.sample_shape_ = (int(self._kept.sum()),)
        self._bounds = self._checked_bounds()
        with trainings_of(self, X, sample_weight=weight) as trainings:
            scaling = own_scales if self.standardize else one_scale_within_limits
            self._fit_networks(
                self._of_kept(X), trainings, scaling, sample_weight=weight, draws=True
            )
            random = own_random_state(trainings.random_state)
        self._draws_seed = int(random.randint(2**31 - 1))
        self.indicator_ = None
        if self.add_indicator:
            with_missing = features_with_missing(X)
            if self.columns_ is not None:
                with_missing = with_missing[self.columns_.first_features]
            missing = np.where(with_missing, np.nan, 0.0)
            self.indicator_ = MissingIndicator(error_on_new=False).fit(missing[None])
        return self

    def fit_transform(self, X: MatrixLike, y: object = None, **fit_params: Any) -> np.ndarray:
        """Fit, and return the rows with imputed values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in :meth:`fit`.

        y : None
            Ignored.

        **fit_params : dict
            Other parameters of :meth:`fit`.

        Returns
        -------
        X_imputed : ndarray of shape (n_samples, n_kept_features) or (n_samples, ...)
            As :meth:`transform` returns them.
        """
        return super().fit_transform(at_hand(X), y, **fit_params)

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the rows with imputed values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows: those of `fit` or new ones.

        Returns
        -------
        X_imputed : ndarray or data frame of shape (n_samples, n_kept_features) or (n_samples, ...)
            Observed values unchanged, missing values imputed; float32 for float32 `X` and float64
            otherwise. A frame with the columns of `X` if some of them are no numbers. With
            ``add_indicator=True`` the columns of the indicator follow. A row does not depend on the
            other rows of `X`, except with ``sample_posterior=True``.
        """
        check_is_fitted(self)
        if self.columns_ is not None:
            return self._completed_table(X, self.columns_)
        if self.sample_posterior:  # the draws of a row depend on the preceding rows
            return self._completed(self._validate_again(X))
        return self._of_rows(self._completed, X)

    def _completed_table(self, X: MatrixLike, table: TableColumns) -> Any:
        """Return a table with imputed values, and the columns of the indicator."""
        rows, random, draw = self._validate_again(X), None, None
        if self.sample_posterior:
            random = np.random.RandomState(self._draws_seed)
            (draw,) = self._imputation.draws(1, random)
        completed = completed_table(table, X, rows, self._imputed(rows, draw), random)
        if self.indicator_ is None:
            return completed
        return with_indicator(completed, missing_columns(table, rows), self.indicator_, table.names)

    def _completed(self, X: Matrix) -> np.ndarray:
        """Return validated rows with imputed values, and the columns of the indicator."""
        draws: list[Draw | None] = [None]
        if self.sample_posterior:
            draws = [*self._imputation.draws(1, np.random.RandomState(self._draws_seed))]
        imputed = self._imputed(X, draws[0])
        if self.indicator_ is not None:
            return np.hstack([imputed, self._indicated(X, self.indicator_).astype(imputed.dtype)])
        return imputed.reshape(len(imputed), *self._imputed_shape())

    @staticmethod
    def _indicated(X: Matrix, indicator: MissingIndicator) -> np.ndarray:
        return np.concatenate([indicator.transform(block) for _, block in dense_blocks(X)])

    def sample(
        self, X: MatrixLike, n_draws: int = 5, random_state: RandomStateLike = None
    ) -> np.ndarray | list[Any]:
        """Return several imputations of each row, drawn from their conditional distribution.

        Analyse each of the completed data sets by itself, and pool the results by Rubin's rules
        [1]_: the variation between them reflects the uncertainty about the missing values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        n_draws : int, default=5
            Number of imputations.

        random_state : int, RandomState instance or None, default=None
            Random generator of the draws.

        Returns
        -------
        X_imputed : ndarray of shape (n_draws, n_samples, n_kept_features) or (n_draws, ...)
            Imputed rows, without the columns of the indicator. Observed values are the same in all
            of them. For a table with columns that are no numbers, a list of `n_draws` frames.

        References
        ----------
        .. [1] D. B. Rubin, "Multiple imputation for nonresponse in surveys", Wiley, 1987.
        """
        rows = self._validate_again(X)
        check_size(n_draws, "n_draws")
        random = own_random_state(random_state)
        drawn = self._imputation.draws(int(n_draws), random)
        imputed = (self._imputed(rows, draw) for draw in drawn)
        if self.columns_ is not None:
            table = self.columns_
            return [completed_table(table, X, rows, values, random) for values in imputed]
        draws = np.stack(list(imputed))
        return draws.reshape(*draws.shape[:2], *self._imputed_shape())

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that :meth:`transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features; None means ``feature_names_in_``, or x0, x1, ... if there are
            none.

        Returns
        -------
        feature_names_out : ndarray of str
            Names of the features that are kept, followed by those of the indicator.
        """
        check_is_fitted(self)
        names = feature_names_in(self, input_features)
        of_all = self.keep_empty_features or self.columns_ is not None
        kept = names if of_all else names[self._kept]
        if self.indicator_ is None:
            return kept
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def _imputed(self, X: Matrix, draw: Draw | None) -> np.ndarray:
        """Return the imputed rows, with drawn errors if there is a draw."""
        n_columns = X.shape[1] if self.keep_empty_features else int(self._kept.sum())
        imputed = np.empty((X.shape[0], n_columns), dtype=output_dtype(X))
        for rows, block in dense_blocks(X, _ENTRIES_AT_ONCE):
            imputed[rows] = self._imputed_block(block, imputed.dtype, draw)
        return imputed

    def _imputed_block(self, dense: np.ndarray, dtype: np.dtype, draw: Draw | None) -> np.ndarray:
        kept = dense[:, self._kept]
        imputed = kept.astype(dtype)
        missing = np.isnan(kept)
        incomplete = missing.any(axis=1)
        if incomplete.any():
            rows = kept[incomplete]
            values = self._imputation.means(rows, self.device)
            if draw is not None:
                values = values + draw.errors(rows)
            values = saturated(np.clip(values, *self._bounds), imputed.dtype)
            imputed[incomplete] = np.where(missing[incomplete], values, rows)
        if self.keep_empty_features and not self._kept.all():
            filled = np.where(np.isnan(dense), 0.0, dense).astype(imputed.dtype)
            filled[:, self._kept] = imputed
            return filled
        return imputed

    def _imputed_shape(self) -> tuple[int, ...]:
        dropped = not self._kept.all()
        if dropped and self.keep_empty_features:
            return (self.n_features_in_,)
        return self.sample_shape_

    def _incomplete(self, X: MatrixLike, *, reset: bool = False) -> Any:
        """Return validated rows with NaN for missing values."""
        marker = _checked_marker(self.missing_values)
        with naming("missing_values"):
            nan_is_missing = math.isnan(marker)
        X = validate_rows(self, X, reset=reset, min_samples=2 if reset else 1)
        if nan_is_missing:
            return X
        if self.columns_ is not None:
            raise ValueError(
                f"missing_values={marker!r} marks missing values of numbers, but X has columns "
                f"that are no numbers: replace the marker, X.replace({marker!r}, None), and leave "
                f"missing_values at numpy.nan."
            )
        if has_missing(X):
            raise ValueError(
                f"Input X contains NaN, but missing_values={marker!r} marks missing values: "
                f"replace NaN by this value, or use missing_values=np.nan."
            )
        return Converted(X, lambda rows: _without(densify(rows), marker))

    def _of_kept(self, X: Matrix) -> Matrix:
        """Return rows without the features that have no observed value."""
        if self._kept.all():
            return X
        if sp.issparse(X):
            return X[:, self._kept]
        kept = np.flatnonzero(self._kept)
        return Converted(X, lambda rows: rows.take(kept, axis=1))

    def _validate_again(self, X: MatrixLike) -> Any:
        check_is_fitted(self)
        return self._incomplete(X)

    def _refuse_empty_features(self) -> None:
        n_empty = int((~self._kept).sum())
        if not self._kept.any():
            raise ValueError("X has no known value at all: there is nothing to learn from.")
        if n_empty and len(self.sample_shape_) > 1:
            raise ValueError(
                f"X has no known value in {n_empty} places of its samples of shape "
                f"{self.sample_shape_}, and they cannot be dropped: set them to 0 first, or "
                f"pass X with two axes."
            )
        if n_empty and not self.keep_empty_features:
            empty = feature_names_in(self, None)[~self._kept].tolist()
            warnings.warn(
                f"Skipping features without any observed value: {empty}. keep_empty_features=True "
                f"keeps them, filled with 0.",
                UserWarning,
                stacklevel=2,
            )

    def _checked_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the validated bounds of the features that are kept."""
        bounds: list[np.ndarray] = []
        for name in ("min_value", "max_value"):
            with naming(name):
                value = np.asarray(self._in_order(name), dtype=np.float64)
            if value.shape not in ((), (self.n_features_in_,)) or np.isnan(value).any():
                raise ValueError(
                    f"{name} must be a number, or one number for each of the {self.n_features_in_} "
                    f"features, got {getattr(self, name)!r}."
                )
            of_columns = np.broadcast_to(value, self.n_features_in_)
            if self.columns_ is not None:
                of_columns = bounds_of_features(self.columns_, of_columns, least=not bounds)
            bounds.append(of_columns[self._kept])
        if not (bounds[0] <= bounds[1]).all():
            raise ValueError("min_value must not be above max_value, but it is for some features.")
        return bounds[0], bounds[1]

    def _in_order(self, name: str) -> Any:
        """Return a bound; a series in the order of the features that its index names."""
        bound = getattr(self, name)
        if not isinstance(bound, pd.Series):
            return bound
        features = list(getattr(self, "feature_names_in_", range(self.n_features_in_)))
        if sorted(map(str, bound.index)) == sorted(map(str, features)):
            return [bound[feature] for feature in features]
        if bound.index.equals(pd.RangeIndex(self.n_features_in_)):
            return bound
        raise ValueError(
            f"{name} is a Series, whose index must hold the name of each of the "
            f"{self.n_features_in_} features once, {features[:9]}, got {list(bound.index[:9])}."
        )

    def __sklearn_tags__(self) -> Any:
        """State that dtypes are preserved, and NaN is accepted if it marks missing values."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = _is_nan(self.missing_values)
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _is_nan(marker: Any) -> bool:
    return isinstance(marker, Real) and bool(marker != marker)


def _checked_marker(marker: Any) -> float:
    """Return the number that marks missing values; refuse what is no number."""
    if isinstance(marker, Real):
        number: Any = marker
        return number
    remedy = "leave it at numpy.nan: None and pandas.NA in X are missing values already"
    if isinstance(marker, str):
        remedy = f"replace the text first, X.replace({marker!r}, numpy.nan).astype(float)"
    raise ValueError(f"missing_values must be a number, got {marker!r}: {remedy}.")


def _without(rows: np.ndarray, marker: float) -> np.ndarray:
    """Return rows with NaN instead of the marker of missing values."""
    return np.where(rows == marker, np.nan, rows)
