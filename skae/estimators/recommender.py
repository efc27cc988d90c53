"""Autoencoder for recommendation, by matrix factorisation."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skae._checkpoints.trainings import Trainings, trainings_of
from skae._data.matrix import MatrixLike
from skae._data.scaling import saturated
from skae._data.validation import output_dtype
from skae._fitting.fit_policy import FitPolicy, resolve_parts
from skae._fitting.progress import EpochReport
from skae._imputation.imputation import Imputation
from skae._recommendation.click_fitting import (
    N_RANKED,
    RULES,
    click_rank,
    dense_with_dropout,
    fit_clicks,
    hidden_clicks,
)
from skae._recommendation.clicks import clicks_of, popularity
from skae._recommendation.hiding import hide_some
from skae._recommendation.names import check_names, named_items, names_of, positions
from skae._recommendation.ranking import best_items, ndcg
from skae._recommendation.ratings import (
    Ratings,
    checked_range,
    known_entries,
    row_offsets,
    scaling_of_ratings,
    shifted,
    shrunk_means,
)
from skae._recommendation.tables import refuse_long_table, warn_of_ratings
from skae._tables.validation import validate_rows
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import check_boolean, check_size, is_auto
from skae._utils.named_parts import Registry
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Architecture, Dense
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import LossLike, OptimizerLike
from skae.estimators._explained_variance import explained_fraction
from skae.estimators._imputing import ImputingAutoencoder, hidden_again
from skae.estimators._set_output import SetOutputMixin
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, MSE, Multinomial

# Rows in a block of predictions.
_ROWS_AT_ONCE = 1024


def _one_layer() -> Dense:
    """Return the default architecture for ratings."""
    return Dense(hidden_layer_sizes=(128,))


def _with_auto(kind: Any, architecture: Any, loss: Any) -> dict[str, Registry]:
    """Return the registries of parts with "auto"."""
    return {
        "kind": ChainMap[str, Any]({"auto": kind}, KINDS),
        "architecture": ChainMap[str, Any]({"auto": architecture}, ARCHITECTURES),
        "loss": ChainMap[str, Any]({"auto": loss}, LOSSES),
    }


_REGISTRIES = {
    "explicit": _with_auto(hidden_again, _one_layer, MSE),
    "implicit": _with_auto(hidden_clicks, dense_with_dropout, Multinomial),
}


class _ByFeedback:
    """The parts by name, with what "auto" means for the feedback of a recommender."""

    def __get__(self, estimator: Any, owner: type | None = None) -> dict[str, Registry]:
        feedback = "explicit" if estimator is None else str(estimator.feedback)
        return _REGISTRIES.get(feedback, _REGISTRIES["explicit"])


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

    feedback : {"explicit", "implicit"}, default="explicit"
        What the entries of the table are. "explicit": ratings. "implicit": clicks, purchases or
        plays, of which only what was chosen is known. Every entry above zero is a click, everything
        else is unknown; the networks predict the item of a click, with a multinomial likelihood
        [3]_. Then `kind` "auto" is ``Denoising(Masking(0.5, fill=0.0), emphasis=1)``, which hides
        half of the clicks, `architecture` "auto" is
        ``Dense(hidden_layer_sizes=(128,), dropout=0.3)``, and `loss` "auto" is "multinomial", the
        only one.

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

    loss : {"auto", "mse", "mae", "huber", "bce", "multinomial"}, Loss or callable, default="auto"
        The training loss, as in :class:`AutoencoderTransformer`. "auto" is "mse" for ratings.

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
        Weight decay, decoupled from the gradients as in AdamW for every optimizer.

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

    user_names_in_, item_names_in_ : ndarray
        Labels of the rows and columns of the data frame of `fit`, if they are strings, or integers
        that do not count from zero.

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
    .. [3] D. Liang, R. G. Krishnan, M. D. Hoffman and T. Jebara, "Variational autoencoders for
       collaborative filtering", WWW 2018.

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

    _part_registries = _ByFeedback()
    _stored_as = "AutoencoderRecommender"
    _parameter_constraints: dict = {
        **ImputingAutoencoder._parameter_constraints,
        "by": [StrOptions({"user", "item"})],
        "feedback": [StrOptions({"explicit", "implicit"})],
        "rating_range": "no_validation",  # checked_range has better error messages
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        feedback: str = "explicit",
        by: str = "user",
        rating_range: tuple[float, float] | str | None = "observed",
        kind: str | Kind = "auto",
        architecture: str | Architecture = "auto",
        n_estimators: int = 1,
        loss: LossLike = "auto",
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
            columns=None,  # its columns are items
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
        self.feedback = feedback
        self.by = by
        self.rating_range = rating_range
        self.n_estimators = n_estimators

    def set_params(self, **params: Any) -> Self:
        """Set parameters, as in every estimator, `feedback` first: "auto" depends on it.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : AutoencoderRecommender
            This estimator.
        """
        if "feedback" in params:
            self.feedback = params.pop("feedback")
        return super().set_params(**params)

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Factorise a table of ratings or clicks.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items)
            Ratings. In a dense table NaN stands for a missing rating, and 0 is a rating like any
            other. In a sparse matrix, entries that are not stored are missing, and stored zeros are
            ratings. With ``feedback="implicit"``, clicks: every entry above zero is a click,
            and zeros, stored or not, and NaN are unknown. Rows may come in batches, as in
            :meth:`AutoencoderTransformer.fit`; the observed entries are kept in memory.

        y : None
            Ignored.

        Returns
        -------
        self : AutoencoderRecommender
            The fitted recommender.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, if there are fewer than two observed entries, or if
            training diverges.
        """
        users, items = names_of(X)
        entries = self._entries(X, reset=True)
        if entries.nnz < 2:
            raise ValueError(
                f"X must hold at least two known {self._called}, got {entries.nnz} in a table of "
                f"{entries.shape[0]} users and {entries.shape[1]} items."
            )
        self._known = entries
        self._set_names(users, items)
        if hasattr(self, "_row_offsets"):  # of an earlier fit
            del self._row_offsets
        with trainings_of(self, entries) as trainings:
            if self.feedback == "implicit":
                self._fit_clicks(entries, trainings)
            else:
                self._fit_ratings(entries, trainings)
        return self

    def _fit_ratings(self, entries: sp.csr_matrix, trainings: Trainings) -> None:
        if isinstance(resolve_parts(self).loss, Multinomial):
            raise ValueError(
                "loss='multinomial' is for clicks, and ratings are no counts: use loss='mse' for "
                "ratings, or feedback='implicit' for clicks."
            )
        warn_of_ratings(entries)
        self.rating_range_ = checked_range(self.rating_range, entries.data)
        shown = entries
        if self.by == "item":
            shown = entries.T.tocsr()
            self._row_offsets = row_offsets(shown)
            shown = shifted(shown, self._row_offsets)
        self.sample_shape_ = shown.shape[1:]
        self.biases_ = shrunk_means(shown)
        scaling = partial(scaling_of_ratings, self.biases_)
        self._fit_networks(Ratings(shown), trainings, scaling, draws=False)

    def _fit_clicks(self, clicks: sp.csr_matrix, trainings: Trainings) -> None:
        self._check_for_clicks()
        n_components = click_rank(clicks) if is_auto(self.n_components) else self.n_components
        policy = FitPolicy.of(self, n_components=n_components, rules=RULES)
        self.rating_range_ = (0.0, 1.0)
        self.biases_ = popularity(clicks)
        report = EpochReport(self)
        fits = fit_clicks(clicks, policy, self.n_estimators, trainings, report)
        self._keep(Imputation([fit.network for fit in fits], None), fits)

    def _check_for_clicks(self) -> None:
        """Refuse parameters that mean nothing for clicks."""
        kind, _, loss = resolve_parts(self)
        if not isinstance(loss, Multinomial):
            raise ValueError(
                f"feedback='implicit' has the multinomial likelihood, got loss={self.loss!r}: "
                f"use loss='auto'."
            )
        if self.rating_range != "observed":
            raise ValueError(
                f"feedback='implicit' predicts probabilities and no ratings, got "
                f"rating_range={self.rating_range!r}: leave it at its default 'observed'."
            )
        if self.by != "user":
            raise ValueError(
                f"feedback='implicit' distributes the clicks of a user over the items, got "
                f"by={self.by!r}: use by='user'."
            )
        if kind.makes_missing():
            raise ValueError(
                f"feedback='implicit' takes what is unknown for zero and not for missing, got "
                f"kind={self.kind!r}: use kind='auto', or hide clicks with Masking(fill=0.0)."
            )

    def predict_all(self, X: MatrixLike | None = None) -> Any:
        """Return the predicted ratings of all users for all items.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items) or None, default=None
            Observed ratings or clicks of other users, as in :meth:`fit`; None means those of `fit`.
            With ``by="item"`` only None is possible.

        Returns
        -------
        ratings : ndarray or data frame of shape (n_users, n_items)
            Predictions for all entries, including the observed ones: float32 for float32 ratings,
            float64 otherwise. With ``feedback="implicit"``, the probability that a click of the
            user is one on the item; each row adds up to 1.
            A data frame if :meth:`set_output` asks for frames: with the names of the items, and the
            index of `X` if it is a frame of pandas.
        """
        entries = self._entries_again(X)
        if self.by == "item":
            return self._framed(self._predicted(entries.T.tocsr(), self._offsets).T, X)
        return self._framed(self._predicted(entries), X)

    def predict_ratings(self, users: ArrayLike, items: ArrayLike) -> np.ndarray:
        """Return the predicted ratings of pairs of one user and one item of `fit`.

        Parameters
        ----------
        users, items : array-like of shape (n_pairs,)
            Names, the labels of the data frame of `fit`, or positions in the table. Integers are
            positions unless the labels are integers.

        Returns
        -------
        ratings : ndarray of shape (n_pairs,)
            Predictions.
        """
        check_is_fitted(self)
        users, items = self._positions(users, "users"), self._positions(items, "items")
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
            chosen = wanted[start : start + _ROWS_AT_ONCE]
            offsets = None if self._offsets is None else self._offsets[chosen]
            block = self._predicted(shown[chosen], offsets)
            here = (place >= start) & (place < start + _ROWS_AT_ONCE)
            ratings[here] = block[place[here] - start, columns[here]]
        return ratings

    def recommend(
        self,
        users: ArrayLike | None = None,
        n_items: int = 10,
        *,
        X: MatrixLike | None = None,
        exclude_known: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the items with the highest predictions for each user.

        Parameters
        ----------
        users : array-like of shape (n_users,) or None, default=None
            Users of `fit`: names, the labels of its data frame, or positions. Integers are
            positions unless the labels are integers. None means all, or those of `X`.

        n_items : int, default=10
            Number of items for each user.

        X : {array-like, sparse matrix} of shape (n_users, n_items) or None, default=None
            Observed ratings or clicks of other users, in place of `users`.

        exclude_known : bool, default=True
            Whether to leave out items that the user has rated or clicked.

        Returns
        -------
        items : ndarray of shape (n_users, n_items)
            Names of the items if the columns of `fit` had names, padded with None; otherwise their
            positions, of dtype int64, padded with -1. The best come first. The padding stands
            where all other items are known.

        ratings : ndarray of shape (n_users, n_items)
            Predictions for these items, NaN for the padding.
        """
        check_is_fitted(self)
        check_size(n_items, "n_items")
        exclude_known = check_boolean(exclude_known, "exclude_known")
        if X is None:
            chosen = np.arange(self._known.shape[0])
            if users is not None:
                chosen = self._positions(users, "users")
            entries = self._known[chosen]
        elif users is None:
            entries, chosen = self._entries_again(X), None
        else:
            raise ValueError("users are those of fit, and X has the rows of others: give only one.")
        items, ratings = self._ranked(entries, chosen, int(n_items), exclude_known)
        return named_items(items, self._names("item")), ratings

    def score(self, X: MatrixLike, y: object = None, *, users: ArrayLike | None = None) -> float:
        r"""Return how well hidden entries are predicted.

        For ratings, this is the explained fraction of their variance,

        .. math:: 1 - \frac{\sum (r_{ui} - \hat{r}_{ui})^2}{\sum (r_{ui} - \bar{r})^2},

        with the mean :math:`\bar{r}` of the ratings of `fit`. With ``feedback="implicit"`` it is
        the normalised discounted cumulative gain of the first 20 recommended items, NDCG@20,
        averaged over users.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_users, n_items)
            Rows of users, whom `fit` need not know. A fifth of the entries of each user is hidden,
            at least one if there are two, and predicted from the others. Which ones depends on `X`
            alone. This is what a search with cross-validation measures.

        y : None
            Ignored.

        users : array-like of shape (n_users,) or None, default=None
            Users of `fit`, by name or position, to whom the rows of `X` belong. Then all entries of
            `X`, which `fit` did not see, are predicted from the entries of `fit`. With
            ``by="item"`` this is the only possibility.

        Returns
        -------
        score : float
            At most 1; higher is better.
        """
        check_is_fitted(self)
        if X is None:
            raise ValueError("X must be a table of entries that are to be predicted, got None.")
        if users is None:
            shown, hidden = hide_some(self._entries_again(X))
            chosen = None
        else:
            chosen, hidden = self._positions(users, "users"), self._entries(X, reset=False)
            if hidden.shape[0] != len(chosen):
                raise ValueError(
                    f"X must have a row for each of the {len(chosen)} users, got {hidden.shape[0]}."
                )
            shown = self._known[chosen]
        if not hidden.nnz:
            raise ValueError(
                f"X must hold {self._called} to be predicted: at least two of one user, or one "
                f"with users=... for users of fit."
            )
        if self.feedback == "implicit":
            items, _ = self._ranked(shown, chosen, N_RANKED, True)
            return float(ndcg(items, hidden).mean())
        return self._explained(hidden, shown, chosen)

    def _explained(
        self, hidden: sp.csr_matrix, shown: sp.csr_matrix, chosen: np.ndarray | None
    ) -> float:
        """Return the explained fraction of the variance of hidden ratings."""
        squares = np.zeros(2)
        # In units of the largest rating, since squares and sums may be out of range.
        unit = np.float64(np.abs(self._known.data).max()) or 1.0
        mean = (self._known.data / unit).mean()
        for rows, predicted in self._blocks(shown, chosen):
            true = hidden[rows].tocoo()
            ratings, guessed = true.data / unit, predicted[true.row, true.col] / unit
            squares += np.square(ratings - guessed).sum(), np.square(ratings - mean).sum()
        return explained_fraction(*map(float, squares))

    def _ranked(
        self, entries: sp.csr_matrix, chosen: np.ndarray | None, n_items: int, exclude: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the best items of users, and their predictions."""
        shape = entries.shape[0], min(n_items, entries.shape[1])
        items, ratings = np.empty(shape, np.int64), np.empty(shape, output_dtype(entries))
        for rows, predicted in self._blocks(entries, chosen):
            known = entries[rows] if exclude else None
            items[rows], ratings[rows] = best_items(predicted, known, shape[1])
        return items, ratings

    def _blocks(
        self, entries: sp.csr_matrix, chosen: np.ndarray | None
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (rows, predictions for all items), for users of `fit` or for new ones (None)."""
        most = entries.shape[1]
        for start in range(0, entries.shape[0], _ROWS_AT_ONCE):
            rows = slice(start, min(start + _ROWS_AT_ONCE, entries.shape[0]))
            if self.by == "user":
                yield rows, self._predicted(entries[rows])
            else:
                assert chosen is not None  # by="item" refuses new users
                yield rows, self._predicted_by_item(chosen[rows], most)

    def _predicted_by_item(self, users: np.ndarray, n_items: int) -> np.ndarray:
        """Return the predictions for users of `fit`, a block of items at a time."""
        shown = self._known.T.tocsr()
        predicted = np.empty((len(users), n_items), dtype=output_dtype(shown))
        for start in range(0, n_items, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            offsets = None if self._offsets is None else self._offsets[rows]
            predicted[:, rows] = self._predicted(shown[rows], offsets)[:, users].T
        return predicted

    def _predicted(self, shown: sp.csr_matrix, offsets: np.ndarray | None = None) -> np.ndarray:
        """Return the clipped predictions for rows of the table that the networks receive."""
        low, high = self.rating_range_
        if offsets is None:
            offsets = np.zeros(shown.shape[0])
        predicted = np.empty(shown.shape, dtype=output_dtype(shown))
        for start in range(0, shown.shape[0], _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            block = shown[rows]
            if self.feedback == "implicit":
                means = self._imputation.means(block, self.device)
                means[np.diff(block.indptr) == 0] = self.biases_
            else:
                known = Ratings(shifted(block, offsets[rows]))
                means = self._imputation.means(known, self.device) + offsets[rows, None]
            predicted[rows] = saturated(means, predicted.dtype)
        return np.clip(predicted, low, high, out=predicted)

    def _entries(self, X: MatrixLike, *, reset: bool) -> sp.csr_matrix:
        """Return the observed entries of a validated table."""
        if reset:
            refuse_long_table(X)
        else:
            check_names(names_of(X)[1], self._names("item"))
        X = validate_rows(self, X, reset=reset, min_samples=2 if reset else 1)
        if reset and len(self.sample_shape_) > 1:
            raise ValueError(f"X must be a table of users and items, got {X.ndim + 1} axes.")
        if reset and not hasattr(self, "feature_names_in_"):
            refuse_long_table(X)
        return clicks_of(X) if self.feedback == "implicit" else known_entries(X)

    def _entries_again(self, X: MatrixLike | None) -> sp.csr_matrix:
        """Return the observed entries of other users, or those of `fit` for None."""
        check_is_fitted(self)
        if X is None:
            return self._known
        entries = self._entries(X, reset=False)
        if self.by == "item":
            raise ValueError(
                f"by='item' predicts ratings of the {self._known.shape[0]} users of fit only, got "
                f"a table of {entries.shape[0]} users: use by='user' for new users, or name users "
                f"of fit by their labels or positions."
            )
        return entries

    @property
    def _called(self) -> str:
        """What the entries of a table are."""
        return "clicks" if self.feedback == "implicit" else "ratings"

    @property
    def _offsets(self) -> np.ndarray | None:
        """Offsets of the items, with ``by="item"``; files of older versions have none."""
        return getattr(self, "_row_offsets", None)

    def _names(self, of: str) -> np.ndarray | None:
        return getattr(self, f"{of}_names_in_", None)

    def _set_names(self, users: np.ndarray | None, items: np.ndarray | None) -> None:
        for name, values in (("user_names_in_", users), ("item_names_in_", items)):
            if hasattr(self, name):  # of an earlier fit
                delattr(self, name)
            if values is not None:
                setattr(self, name, values)

    def _positions(self, wanted: ArrayLike, what: str) -> np.ndarray:
        """Return the positions of users or items of `fit`."""
        length = self._known.shape[what == "items"]
        return positions(wanted, self._names(what.removesuffix("s")), length, what)

    def _takes_missing(self) -> bool:
        return True
