"""Autoencoder for semi-supervised classification."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skae._checkpoints.trainings import trainings_of, weights_of
from skae._classification.classifier_fitting import (
    EarlierFit,
    LabelledRows,
    class_logits,
    fit_classifier,
)
from skae._classification.labels import class_numbers, class_weights, known_labels
from skae._classification.teachers import Teachers
from skae._data.matrix import Matrix, MatrixLike
from skae._data.validation import checked_weight, validate_sample_weight
from skae._data.views import rows_at
from skae._fitting.fit_policy import FitPolicy, resolve_parts
from skae._fitting.progress import EpochReport
from skae._network.head import HeadPlan
from skae._tables.validation import validate_rows
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import check_sizes, is_auto
from skae._utils.naming import naming
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import Interval, StrOptions, fit_context
from skae.architectures import Architecture
from skae.columns import Columns
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import LossLike, OptimizerLike
from skae.estimators._one_network import OneNetworkAutoencoder
from skae.kinds import Kind

# With up to this many features, the default code is as large as a row: a smaller one of one or two
# values could separate few classes.
_FEW_FEATURES = 4


class AutoencoderClassifier(ClassifierMixin, OneNetworkAutoencoder):
    r"""Classification by an autoencoder that also learns from rows without labels.

    A classification head on the latent code consists of a linear map and a small dense network `h`,

    .. math:: z = \text{encode}(x), \qquad P(y = k \mid x) = \text{softmax}_k(A z + b + h(z)),

    and is trained together with encoder and decoder. The objective of one row is

    .. math:: (1 - w) \, \ell(x, \hat{x}) - w \, c \sum_k t_k \log P(y = k \mid x)

    with the loss :math:`\ell` of the autoencoder per feature and ``classification_weight``
    :math:`w`. For a row with a label, `t` is 1 at its class and 0 elsewhere. Rows whose label is
    the value `unlabelled` have none: they are reconstructed, and take part in the classification
    through pseudo-labels. The autoencoder is first trained alone. Then several teachers, a logistic
    regression on the rows and label spreading [1]_ among the nearest neighbours, of the codes and
    of 2 to 64 principal components, give each row without a label class probabilities,

    .. math:: t \propto \prod_i p_i^{w_i}, \qquad w_i \propto e^{n_i / 2},

    where :math:`n_i` is the number of labels that teacher `i` finds while they are hidden from it.
    They are weighted by their certainty [2]_: :math:`c = 1 - H(t) / \log K`. All `c` are then
    divided by their mean. Predictions are the geometric mean of those of the network and of the
    teachers without the codes. The network weighs a half plus half the weight of its codes.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the latent code, as in :class:`AutoencoderTransformer`. With four features or fewer,
        however, "auto" means the number of features for kinds that would otherwise halve it.

    kind : str or Kind, default="undercomplete"
        The kind of autoencoder: a name or an object of :mod:`skae.kinds`.

    architecture : str or Architecture, default="dense"
        The architecture of encoder and decoder: a name or an object of :mod:`skae.architectures`.

    columns : "from_dtype" or Columns, default="from_dtype"
        What the columns of a data frame are, as in :class:`AutoencoderTransformer`.

    unlabelled : int, str, np.nan or None, default=None
        The value in `y` of rows without a label, such as -1. np.nan stands for all missing values:
        NaN, None and pandas.NA. With None, every value of `y` is a class.

    head_layer_sizes : tuple of int, default=(128,)
        Sizes of the hidden layers of `h`. With () the head is linear.

    classification_weight : float in (0, 1], default=0.5
        Weight `w` of the classification in the objective. With 1, the objective has no
        reconstruction loss.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn: a dict with the weight of each label; "balanced"
        for ``n_labelled / (n_classes * n_of_the_class)``; or None for equal weights of all rows.

    pseudo_labels : bool, default=True
        Whether rows without a label take part in the classification through pseudo-labels, and
        their teachers share in the predictions. If False, the network predicts alone; rows without
        a label are reconstructed only, and rows with a label are repeated in each pass until they
        are a quarter of all rows.

    loss : {"mse", "mae", "huber", "bce"}, Loss, callable or dict, default="mse"
        The reconstruction loss, as in :class:`AutoencoderTransformer`.

    init : {"pca", "random"}, default="pca"
        Initialisation of encoder and decoder, as in :class:`AutoencoderTransformer`. The head
        initially gives all classes the same probability.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows, as in :class:`AutoencoderTransformer`. If some rows
        have no label, training runs twice for this number of passes.

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
        Whether to hold out labelled rows for validation and keep the weights with the smallest
        cross-entropy of their classes. If False, the last weights are kept. If some rows have no
        label and fewer than 2,000 have one, no row is held out unless `validation_fraction` is a
        number.

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Fraction of the labelled rows that is held out for validation. "auto" means 0.1. With fewer
        than 500 rows, all of them labelled, it means four-fold cross-validation, as in
        :class:`AutoencoderTransformer`.

    patience : int or None, default=None
        Stop training after this number of epochs without an improvement of the validation loss.

    device : str, default="auto"
        Device to compute on: "cpu", "cuda", "cuda:1", "mps"; "auto" means a GPU if there is one.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        Floating-point precision, as in :class:`AutoencoderTransformer`.

    warm_start : bool, default=False
        Whether `fit` continues from the weights of the previous fit. The classes must be the same.

    checkpoint : str, path-like or None, default=None
        File from which `fit` continues after a crash, as in :class:`AutoencoderTransformer`.

    callbacks : Callback, list of Callback or (str, Callback), or None, default=None
        Callbacks of :mod:`skorch.callbacks`, called during the training with labels. See the
        user guide on watching and steering a fit.

    verbose : int, default=0
        With 1, print a line for each epoch, which also goes to the logger "skae" at the level INFO.

    random_state : int, RandomState instance or None, default=None
        Determines the validation rows, the initial weights, the order of the rows and all noise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.

    n_components_ : int
        Size of the latent code.

    history_ : pandas.DataFrame
        One row per epoch of the training with labels, as in :class:`AutoencoderTransformer`:
        `train_loss` is the objective, with the term `train_cross_entropy`, and `valid_loss` the
        cross-entropy of the validation rows.

    loss_ : float
        The cross-entropy of the validation rows at the best epoch; without validation rows, the
        objective on the training rows in the last epoch.

    n_epochs_, best_epoch_ : int
        Number of epochs that were run, and the one whose weights were kept.

    mean_ : ndarray of shape (n_features,), dtype float64
        Mean of the training rows.

    scale_ : float
        The number by which all centred features are divided internally.

    kind_, architecture_ : Kind, Architecture
        The kind and the architecture used by `fit`.

    batch_size_, learning_rate_, device_, precision_ : int, float, str, str
        The values used by `fit`.

    sample_shape_ : tuple of int
        Shape of one sample in `fit`.

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
    AutoencoderTransformer : Autoencoder without a classification head.
    sklearn.semi_supervised.LabelSpreading : Label propagation among the rows themselves.
    sklearn.semi_supervised.SelfTrainingClassifier : Self-training with any classifier.

    References
    ----------
    .. [1] D. Zhou, O. Bousquet, T. N. Lal, J. Weston and B. Schölkopf, "Learning with local and
       global consistency", NIPS 2003.
    .. [2] A. Iscen, G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep
       semi-supervised learning", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> few = np.full(1200, -1)
    >>> few[:50] = y[:50]
    >>> classifier = AutoencoderClassifier(unlabelled=-1, max_epochs=20, random_state=0)
    >>> classifier = classifier.fit(X[:1200], few)
    >>> bool(classifier.score(X[1200:], y[1200:]) > 0.8)
    True
    >>> classifier.predict_proba(X[1200:]).shape, classifier.transform(X[1200:]).shape
    ((597, 10), (597, 21))
    """

    classes_: np.ndarray
    _teachers: Teachers | None = None  # files of earlier versions have none

    _stored_as = "AutoencoderClassifier"
    _parameter_constraints: dict = {
        **OneNetworkAutoencoder._parameter_constraints,
        "unlabelled": [Real, str, None],
        "head_layer_sizes": "no_validation",  # check_sizes has better error messages
        "classification_weight": [Interval(Real, 0, 1, closed="right")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "pseudo_labels": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "undercomplete",
        architecture: str | Architecture = "dense",
        columns: str | Columns = "from_dtype",
        unlabelled: int | float | str | None = None,
        head_layer_sizes: Sequence[int] = (128,),
        classification_weight: float = 0.5,
        class_weight: dict | str | None = None,
        pseudo_labels: bool = True,
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
            warm_start=warm_start,
            checkpoint=checkpoint,
            callbacks=callbacks,
            verbose=verbose,
            random_state=random_state,
        )
        self.unlabelled = unlabelled
        self.head_layer_sizes = head_layer_sizes
        self.classification_weight = classification_weight
        self.class_weight = class_weight
        self.pseudo_labels = pseudo_labels

    def __sklearn_tags__(self) -> Any:
        """State that the dtype of floating point input is kept in the codes."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the autoencoder and its classification head.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in :meth:`AutoencoderTransformer.fit`.

        y : array-like of shape (n_samples,)
            Labels: integers, booleans or strings, and the value `unlabelled` for rows without a
            label.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, in both the reconstruction and the classification loss. Rows of
            weight zero are ignored.

        Returns
        -------
        self : AutoencoderClassifier
            The fitted classifier.

        Warns
        -----
        UserWarning
            If -1 stands beside two or more other labels, and `unlabelled` is None.

        Raises
        ------
        ValueError
            If a parameter, `X` or `y` is invalid, if no row has a label, or if training diverges.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        check_sizes(self.head_layer_sizes, "head_layer_sizes of AutoencoderClassifier")
        X = validate_rows(self, X, reset=not goes_on, min_samples=2)
        classes, numbers = class_numbers(y, X, self.unlabelled)
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"With warm_start=True, y must have the classes of the last fit, {self.classes_}, "
                f"got {classes}."
            )
        weight = validate_sample_weight(sample_weight, X)
        if weight is not None and not weight.all():
            kept = np.flatnonzero(weight)
            X, numbers, weight = rows_at(X, kept), numbers[kept], weight[kept]
        of_classes = class_weights(self.class_weight, classes, numbers)
        others: dict[str, object] = {"sample_weight": weight, "weights to continue from": None}
        if goes_on:
            others["weights to continue from"] = weights_of(self._fitted)
        with trainings_of(self, X, y=numbers, classes=classes, **others) as trainings:
            fit, teachers = fit_classifier(
                LabelledRows(X, weight, numbers, of_classes),
                self._policy(),
                trainings,
                EpochReport(self, {"classes_": classes}),
                head=self._head_plan(len(classes)),
                pseudo_labels=self.pseudo_labels,
                earlier=EarlierFit(self._fitted, self._mean_of(X, weight), True)
                if goes_on
                else None,
            )
            trainings.warn_of_interruption(fit.interruption)
            self._take(fit)
            self.classes_, self._teachers = classes, teachers
            return self

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Return the most likely class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Labels, out of ``classes_``.
        """
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: the fraction of the rows whose class is predicted correctly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        y : array-like of shape (n_samples,)
            Labels of the rows. Rows with the value `unlabelled` are left out.

        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        score : float
            From 0 to 1.
        """
        predicted = self.predict(X)
        if sample_weight is not None:
            sample_weight = checked_weight(sample_weight, predicted)
        with naming("y"), np.errstate(invalid="ignore"):
            given: np.ndarray = column_or_1d(y)
            check_consistent_length(predicted, given)
            known, labels = known_labels(given, self.unlabelled)
            weight = None if sample_weight is None else sample_weight[known]
            return float(accuracy_score(labels, predicted[known], sample_weight=weight))

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), dtype float64
            In the order of ``classes_``; each row sums to one.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Return the logarithms of the class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        logarithms : ndarray of shape (n_samples, n_classes), dtype float64
            Finite even where :meth:`predict_proba` is zero.
        """
        return log_softmax(self._logits(X), axis=1)

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the logits of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples, n_classes) or (n_samples,), dtype float64
            Higher is more likely. With two classes, one number: the second logit minus the first,
            which is above 0 for the second class.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def _policy(self) -> FitPolicy:
        n_components = self._code_size()
        return FitPolicy.of(self, n_components=n_components, validates_on_training_rows=False)

    def _code_size(self) -> int | float | str:
        """Return the size of the code; for "auto" and few features, their number."""
        if not is_auto(self.n_components):
            return self.n_components
        kind, n = resolve_parts(self).kind, self.n_features_in_
        few = n <= _FEW_FEATURES and kind.auto_n_components(n, n) < n
        return n if few else self.n_components

    def _earlier(self, X: Matrix, weight: np.ndarray | None) -> EarlierFit:
        """Return the fit that goes on, with the mean of the rows of this one."""
        return EarlierFit(self._fitted, self._mean_of(X, weight), True)

    def _head_plan(self, n_classes: int) -> HeadPlan:
        sizes, weight = tuple(self.head_layer_sizes), float(self.classification_weight)
        return HeadPlan(n_classes, sizes, weight)

    def _logits(self, X: MatrixLike) -> np.ndarray:
        return self._of_rows(lambda rows: self._logits_of(rows), X)

    def _logits_of(self, rows: Matrix) -> np.ndarray:
        return class_logits(self._fitted, self._teachers, rows, self.device)
