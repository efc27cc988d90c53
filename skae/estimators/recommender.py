"""Autoencoder for recommendation, by matrix factorisation."""

from __future__ import annotations

import os
from collections import ChainMap
from functools import partial
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skae._checkpoints.trainings import trainings_of
from skae._data.matrix import MatrixLike
from skae._data.moments import Moments
from skae._data.scaling import Scaling, saturated
from skae._data.validation import output_dtype, validate_X
from skae._imputation.ratings import Ratings, known_entries, shrunk_means
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import check_size, is_number
from skae._utils.naming import naming
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Architecture, Dense
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import LossLike, OptimizerLike
from skae.estimators._explained_variance import explained_fraction
from skae.estimators._imputing import ImputingAutoencoder, hidden_again
from skae.estimators._set_output import SetOutputMixin
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, Loss

# Rows in a block of predictions.
_ROWS_AT_ONCE = 1024


def _one_layer() -> Dense:
    """Return the default architecture."""
    return Dense(hidden_layer_sizes=(128,))


class AutoencoderRecommender(SetOutputMixin, ImputingAutoencoder):
    r"""Matrix factorisation by autoencoders: ratings of users for items.

    Predicts the missing entries of a table in which few entries are observed. As in AutoRec [1]_,
    the networks receive the rows (users) or the columns (items) of the table, with the mask of the
    observed entries. They are initialised as a linear factorisation with biases,

    .. math:: \hat{r}_{ui} = \mu_i + f_i^T z_u,

    where the factors :math:`z_u` of a row are their conditional mean given its observed entries
    (probabilistic PCA [2]_), and the bias of a row is one of its factors. Training hides some of
    the observed entries and predicts them. Each network keeps the weights with the smallest
    validation loss.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the latent code. "auto" means the number of factors (1 to 32) that best predicts a
        hidden tenth of the observed entries, or the number of columns if there are at most 40.

    by : {"user", "item"}, default="user"
        Whether the networks receive the rows ("user") or the columns ("item") of the table. With
        "user", ratings of new users can be predicted. "item" often has the smaller error if items
        have more ratings than users.

    rating_range : "observed", tuple of two floats or None, default="observed"
        The range to which predictions are clipped: that of the observed ratings, a pair (low,
        high), or None for no clipping.

    kind : str or Kind, default="auto"
        The kind of autoencoder: a name or an object of :mod:`skae.kinds`. "auto" means
        ``Denoising(Missing(), emphasis=1)``, which hides observed entries, with a loss that counts
        these entries only.

    architecture : str or Architecture, default="auto"
        The architecture of encoder and decoder: a name or an object of :mod:`skae.architectures`.
        "auto" means ``Dense(hidden_layer_sizes=(128,))``.

    n_estimators : int, default=1
        Number of networks, whose predictions are averaged.

    loss : {"mse", "mae", "huber", "bce"}, Loss or callable, default="mse"
        The training loss, as in :class:`AutoencoderTransformer`.

    init : {"pca", "random"}, default="pca"
        "pca" initialises the network as the linear factorisation.

    max_epochs, batch_size, learning_rate : "auto" or number, default="auto"
        As in :class:`AutoencoderTransformer`.

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

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Fraction of the rows that is held out for validation, as in :class:`AutoencoderTransformer`.

    patience : int or None, default=10
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
        Determines the validation rows, the initial weights, the order of the rows and all noise.

    Attributes
    ----------
    rating_range_ : tuple of two floats
        The range to which predictions are clipped.

    biases_ : ndarray of shape (n_items,) by user, (n_users,) by item, dtype float64
        Mean rating of each column of the networks' input. Means of few ratings are shrunk towards
        the mean of all ratings.

    history_ : pandas.DataFrame
        One row per epoch and network, with the columns of :class:`AutoencoderTransformer`.

    n_components_, kind_, architecture_, batch_size_, learning_rate_, n_epochs_
        The values used by `fit`.

    device_, precision_ : str
        The values used by `fit`.

    n_features_in_ : int
        Number of items.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the items, set if all names in the table are strings.

    See Also
    --------
    AutoencoderImputer : Imputation for tables whose features have different units.
    sklearn.decomposition.NMF : Factorisation that treats missing entries as zeros.

    Notes
    -----
    The fitted recommender stores the observed ratings, since predictions for the users of `fit`
    depend on them.

    `fit` takes no `sample_weight`: with ``by="item"`` the rows that are trained on are items, so
    that weights of users would have no meaning, and zero would not stand for a missing user.

    References
    ----------
    .. [1] S. Sedhain, A. K. Menon, S. Sanner and L. Xie, "AutoRec: autoencoders meet
       collaborative filtering", WWW companion 2015.
    .. [2] A. Ilin and T. Raiko, "Practical approaches to principal component analysis in the
       presence of missing values", Journal of Machine Learning Research 11, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderRecommender
    >>> rng = np.random.default_rng(0)
    >>> ratings = 3 + rng.normal(size=(200, 2)) @ rng.normal(size=(2, 50))
    >>> known = rng.random(ratings.shape) < 0.3
    >>> recommender = AutoencoderRecommender(rating_range=None, random_state=0)
    >>> recommender = recommender.fit(np.where(known, ratings, np.nan))
    >>> error = (recommender.predict_all() - ratings)[~known]
    >>> bool(np.sqrt(np.mean(error**2)) < 0.2 * ratings.std())
    True
    """

    _part_registries = {
        "kind": ChainMap[str, Any]({"auto": hidden_again}, KINDS),
        "architecture": ChainMap[str, Any]({"auto": _one_layer}, ARCHITECTURES),
        "loss": LOSSES,
    }
    _stored_as = "AutoencoderRecommender"
    _parameter_constraints: dict = {
        **ImputingAutoencoder._parameter_constraints,
        "by": [StrOptions({"user", "item"})],
        "rating_range": "no_validation",  # _checked_range has better error messages
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        by: str = "user",
        rating_range: tuple[float, float] | str | None = "observed",
        kind: str | Kind = "auto",
        architecture: str | Architecture = "auto",
        n_estimators: int = 1,
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
        patience: int | None = 10,
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
        self.by = by
        self.rating_range = rating_range
        self.n_estimators = n_estimators

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Factorise a table of ratings.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items)
            Ratings. In a dense table NaN stands for a missing rating, and 0 is a rating like any
            other. In a sparse matrix, entries that are not stored are missing, and stored zeros are
            ratings. Rows may come in batches, as in :meth:`AutoencoderTransformer.fit`; the
            observed ratings are kept in memory.

        y : None
            Ignored.

        Returns
        -------
        self : AutoencoderRecommender
            The fitted recommender.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, if there are fewer than two observed ratings, or if
            training diverges.
        """
        entries = self._entries(X, reset=True)
        if entries.nnz < 2:
            raise ValueError(
                f"X must hold at least two known ratings, got {entries.nnz} in a table of "
                f"{entries.shape[0]} users and {entries.shape[1]} items."
            )
        self.rating_range_ = self._checked_range(entries.data)
        self._known = entries
        shown = entries if self.by == "user" else entries.T.tocsr()
        self.sample_shape_ = shown.shape[1:]
        self.biases_ = shrunk_means(shown)
        with trainings_of(self, entries) as trainings:
            scaling = partial(_scaling_of_ratings, self.biases_)
            self._fit_networks(Ratings(shown), trainings, scaling, draws=False)
        return self

    def predict_all(self, X: MatrixLike | None = None) -> Any:
        """Return the predicted ratings of all users for all items.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items) or None, default=None
            Observed ratings of the users, as in :meth:`fit`; None means those of `fit`. With
            ``by="item"`` the ratings may be new, but users and items must be those of `fit`.

        Returns
        -------
        ratings : ndarray or data frame of shape (n_users, n_items)
            Predictions for all entries, including the observed ones: float32 for float32 ratings,
            float64 otherwise. A data frame if :meth:`set_output` asks for frames: with the names of
            the items, and the index of `X` if it is a frame of pandas.
        """
        entries = self._entries_again(X)
        if self.by == "item":
            return self._framed(self._predicted(entries.T.tocsr()).T, X)
        return self._framed(self._predicted(entries), X)

    def predict_ratings(self, users: ArrayLike, items: ArrayLike) -> np.ndarray:
        """Return the predicted ratings of pairs of one user and one item of `fit`.

        Parameters
        ----------
        users, items : array-like of int of shape (n_pairs,)
            Rows and columns of the table.

        Returns
        -------
        ratings : ndarray of shape (n_pairs,)
            Predictions.
        """
        check_is_fitted(self)
        users = _checked_index(users, self._known.shape[0], "users")
        items = _checked_index(items, self._known.shape[1], "items")
        if len(users) != len(items):
            raise ValueError(
                f"users and items must have the same length, got {len(users)} and {len(items)}."
            )
        by_user = self.by == "user"
        shown = self._known if by_user else self._known.T.tocsr()
        rows, columns = (users, items) if by_user else (items, users)
        wanted, place = np.unique(rows, return_inverse=True)
        ratings = np.empty(len(rows), dtype=output_dtype(self._known))
        for start in range(0, len(wanted), _ROWS_AT_ONCE):
            block = self._predicted(shown[wanted[start : start + _ROWS_AT_ONCE]])
            here = (place >= start) & (place < start + _ROWS_AT_ONCE)
            ratings[here] = block[place[here] - start, columns[here]]
        return ratings

    def recommend(self, users: ArrayLike, n_items: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the items with the highest predicted ratings that the user has not rated.

        Parameters
        ----------
        users : array-like of int of shape (n_users,)
            Rows of the table of `fit`.

        n_items : int, default=10
            Number of items for each user.

        Returns
        -------
        items : ndarray of shape (n_users, n_items), dtype int64
            Columns of the table, the best first, padded with -1 if the user has rated all other
            items.

        ratings : ndarray of shape (n_users, n_items)
            Predicted ratings of these items, NaN for -1.
        """
        check_is_fitted(self)
        users = _checked_index(users, self._known.shape[0], "users")
        most = self._known.shape[1]
        check_size(n_items, "n_items")
        n_items = min(int(n_items), most)
        pairs = np.repeat(users, most), np.tile(np.arange(most), len(users))
        ratings = self.predict_ratings(*pairs).reshape(len(users), most)
        rated = self._known[users]
        ratings[np.repeat(np.arange(len(users)), np.diff(rated.indptr)), rated.indices] = np.nan
        items = np.argsort(-ratings, axis=1, kind="stable")[:, :n_items]
        ratings = np.take_along_axis(ratings, items, axis=1)
        return np.where(np.isnan(ratings), -1, items), ratings

    def score(self, X: MatrixLike, y: object = None) -> float:
        r"""Return the explained fraction of the variance of ratings.

        .. math:: 1 - \frac{\sum (r_{ui} - \hat{r}_{ui})^2}{\sum (r_{ui} - \bar{r})^2}

        over the observed entries of `X`, with the mean :math:`\bar{r}` of the ratings of `fit`. The
        predictions are based on the ratings of `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items)
            Ratings of the users of `fit`, for example held-out ones.

        y : None
            Ignored.

        Returns
        -------
        score : float
            At most 1; higher is better.
        """
        check_is_fitted(self)
        entries = self._entries(X, reset=False)
        if entries.shape != self._known.shape:
            raise ValueError(
                f"X must be a table of the {self._known.shape[0]} users of fit, got "
                f"{entries.shape[0]}."
            )
        rated = entries.tocoo()
        # In units of the largest rating, since squares and sums may be out of range.
        unit = np.float64(np.abs(self._known.data).max()) or 1.0
        ratings, predicted = rated.data / unit, self.predict_ratings(rated.row, rated.col) / unit
        away = ratings - (self._known.data / unit).mean()
        squares = float(np.square(ratings - predicted).sum()), float(np.square(away).sum())
        return explained_fraction(*squares)

    def _predicted(self, shown: Any) -> np.ndarray:
        """Return the clipped predictions for rows of the inputs of the networks."""
        low, high = self.rating_range_
        predicted = np.empty(shown.shape, dtype=output_dtype(shown))
        for start in range(0, shown.shape[0], _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            block = self._imputation.means(Ratings(shown[rows]), self.device)
            predicted[rows] = saturated(block, predicted.dtype)
        return np.clip(predicted, low, high, out=predicted)

    def _entries(self, X: MatrixLike, *, reset: bool) -> sp.csr_matrix:
        """Return the observed entries of a validated table."""
        X = validate_X(self, X, reset=reset, min_samples=2 if reset else 1)
        if reset and len(self.sample_shape_) > 1:
            raise ValueError(f"X must be a table of users and items, got {X.ndim + 1} axes.")
        return known_entries(X)

    def _entries_again(self, X: MatrixLike | None) -> sp.csr_matrix:
        check_is_fitted(self)
        if X is None:
            return self._known
        entries = self._entries(X, reset=False)
        if self.by == "item" and entries.shape != self._known.shape:
            raise ValueError(
                f"by='item' predicts ratings of the {self._known.shape[0]} users of fit only, got "
                f"{entries.shape[0]} users: use by='user' for new users."
            )
        return entries

    def _checked_range(self, ratings: np.ndarray) -> tuple[float, float]:
        """Return the limits to which predictions are clipped."""
        given: Any = self.rating_range
        if given is None:
            return -np.inf, np.inf
        if isinstance(given, str) and given == "observed":
            return float(ratings.min()), float(ratings.max())
        pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(is_number, given))
        if not pair or given[0] >= given[1]:
            raise ValueError(
                f"rating_range must be 'observed', None or a pair (low, high) with low < high, "
                f"such as (1, 5), got {given!r}."
            )
        return float(given[0]), float(given[1])


def _scaling_of_ratings(biases: np.ndarray, moments: Moments, X: Any, loss: Loss) -> Scaling:
    """Return the scaling that subtracts the biases instead of the means, if the loss rescales."""
    if not loss.rescales:
        return moments.scaling(rescales=False)
    unit = np.float64(np.abs(X.data).max()) or 1.0
    return Scaling(biases, float(np.std(X.data / unit) * unit) or 1.0)


def _checked_index(index: ArrayLike, length: int, name: str) -> np.ndarray:
    """Return row or column indices of the table; refuse invalid ones."""
    with naming(name):
        index = np.atleast_1d(np.asarray(index))
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be integers in one dimension, got dtype {index.dtype} and shape "
            f"{index.shape}."
        )
    outside = index[(index < 0) | (index >= length)]
    if len(outside):
        raise ValueError(f"{name} must be in 0 ... {length - 1}, got {outside[0]}.")
    return index.astype(np.int64)
