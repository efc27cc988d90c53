"""Autoencoder for outlier and novelty detection."""

from __future__ import annotations

import os
from collections import ChainMap
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from skae._calibration.alarm_rate import asked_rate, is_fraction
from skae._calibration.calibration import Calibration, HeldOut
from skae._calibration.contamination import auto_offset, offset_of_fraction
from skae._calibration.drift import DriftReport
from skae._calibration.selection import selected
from skae._checkpoints.trainings import Trainings, trainings_of, weights_of
from skae._data.blocks import densify
from skae._data.matrix import Matrix, MatrixLike
from skae._data.scaling import saturated
from skae._data.spooling import at_hand
from skae._data.validation import (
    has_missing,
    output_dtype,
    validate_groups,
    validate_sample_weight,
)
from skae._data.views import rows_at
from skae._detection.alerts import Leading, alert_frame
from skae._detection.ensemble import Ensemble
from skae._detection.ensemble_fitting import EnsembleFit, FittedEnsemble, KnownRows
from skae._detection.labels import LabelMeaning, Mark, check_normal_rows, labels_of
from skae._detection.scales import warn_of_unknown_rows, with_known_values
from skae._detection.stream import Stream
from skae._detection.stream_fitting import Continuation, StreamFit
from skae._fitting import defaults
from skae._fitting.fit_policy import FitPolicy, resolve_parts
from skae._fitting.progress import EpochReport
from skae._fitting.scaling_rules import (
    ScalingRule,
    one_scale_within_limits,
    own_scales,
    robust_scales,
)
from skae._fitting.several_fits import common_attributes
from skae._network.fitted_network import FittedNetwork
from skae._tables.validation import validate_rows
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import LARGEST, check_size, is_auto
from skae._utils.feature_groups import FeatureGroups, GroupsLike, column_names
from skae._utils.naming import naming
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import Interval, StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Architecture, Dense
from skae.columns import Columns
from skae.corruptions import Gaussian, Mixed
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import BaseAutoencoder, LossLike, OptimizerLike
from skae.estimators._set_output import SetOutputMixin
from skae.kinds import KINDS, Denoising, Kind
from skae.losses import LOSSES
from skae.scores import SCORES, ResidualNeighbours, Score, resolve_score

# The rules for `standardize`.
_SCALING_RULES: dict[bool | str, ScalingRule] = {
    True: own_scales,
    False: one_scale_within_limits,
    "robust": robust_scales,
}
# With learning_rate="auto", the constant learning rate of partial_fit. That of `fit` is the highest
# one of a schedule; it would undo what a network has learned by smaller ones.
_RATE_OF_PARTIAL_FIT = 0.0005
# Size of the code of a network that is regularised by noise, and needs no bottleneck.
_WIDE_CODE = 64
# Outliers among the training rows may be alike, and near to each other.
_NEIGHBOURS_OF_CONTAMINATED = 5


def _noise_of_many_strengths() -> Denoising:
    """Return the default kind."""
    noise = Gaussian(level=(0.02, 0.5), relative=True, clip=None)
    return Denoising(noise, balance=False)


def _hidden_or_swapped() -> Denoising:
    """Return the default kind for tables whose columns are not all numbers.

    Gaussian noise leaves categories alone, and a network that sees a category can copy it.
    """
    return Denoising(Mixed(("masking", "swap")), balance=False)


def _one_wide_layer() -> Dense:
    """Return the default architecture."""
    return Dense(hidden_layer_sizes=(256,))


class AutoencoderOutlierDetector(SetOutputMixin, OutlierMixin, BaseAutoencoder):
    r"""Outlier and novelty detection by autoencoders, with the interface of IsolationForest.

    Networks learn to reconstruct normal rows :math:`x` as :math:`\hat{x}`. The anomaly score of a
    row compares its residual :math:`r = x - \hat{x}` with those of normal rows, so that an error
    counts more in features that are usually reconstructed well, and its distance to the nearest
    training rows with theirs. Thresholds and p-values come from calibration rows, which are held
    out from training.

    Say first what the training rows are. ``novelty=True``: they are normal, and the task is to find
    unusual new rows. Then set the threshold by the false alarms that you can bear,
    ``set_threshold(false_positive_rate=0.01)``. ``novelty=False``, the default: some of them, few
    or many, may be outliers themselves. Then keep ``contamination="auto"``, or give the fraction of
    outliers if you know it.

    With ``novelty=False``, the networks train only on the three quarters of the rows with the
    smallest Mahalanobis distance under a robust mean and covariance (as in the minimum covariance
    determinant [1]_) and on large dense groups of other rows, so that they do not learn to
    reconstruct outliers.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the latent code, as in :class:`AutoencoderTransformer`. "auto" means 64 for kinds
        that corrupt the rows, which need no bottleneck, and the default of the kind otherwise.

    kind : str or Kind, default="auto"
        The kind of autoencoder: a name or an object of :mod:`skae.kinds`. "auto" means
        ``Denoising(Gaussian((0.02, 0.5), relative=True, clip=None), balance=False)``, which learns
        to remove Gaussian noise whose standard deviation lies between these two fractions of that
        of each feature. In a table whose columns are not all numbers it means
        ``Denoising(Mixed(("masking", "swap")), balance=False)``.

    architecture : str or Architecture, default="auto"
        The architecture of encoder and decoder: a name or an object of :mod:`skae.architectures`.
        "auto" means ``Dense(hidden_layer_sizes=(256,))``.

    columns : "from_dtype" or Columns, default="from_dtype"
        What the columns of a data frame are, as in :class:`AutoencoderTransformer`.

    scoring : str or Score, default="auto"
        The anomaly score: a name or an object of :mod:`skae.scores`. The names are the Mahalanobis
        distance of the residual ("residual"), of residual and code ("joint") or of the code
        ("latent"); the mean squared reconstruction error ("reconstruction"); minus the evidence
        lower bound ("elbo"), for ``kind="variational"``; the distance to the nearest training row
        ("neighbours"); and this distance and that of the residual together
        ("residual_neighbours"). "auto" means ``ResidualNeighbours(1)`` with ``novelty=True``, and
        ``ResidualNeighbours(5)`` otherwise.

    novelty : bool, default=False
        True if all training rows are normal and the task is to find novelties among new rows. False
        if the training rows may contain outliers.

    contamination : "auto" or float in (0, 0.5], default="auto"
        Sets the threshold of `predict`. A float is the fraction of the training rows to label as
        outliers: ``round(contamination * n)`` rows, at least one. Rows with equal scores are
        labelled together. "auto" with ``novelty=True`` labels about a hundredth of new normal rows
        as outliers. With ``novelty=False`` it labels a row if the cube root of its anomaly score,
        whose distribution is nearly normal, is more than three robust standard deviations above the
        median of the calibration rows; it labels at least a hundredth of the training rows, unless
        equal scores prevent it, and warns if it labels more than a tenth. :meth:`set_threshold`
        sets the threshold by a false positive rate, or by a budget of alarms, instead.

    n_estimators : int, default=1
        Number of networks, whose scores are averaged. With fewer than 500 rows there are at least
        five, each trained on another four fifths of the rows.

    standardize : bool or "robust", default=True
        Whether to divide each feature by its standard deviation, so that features count alike
        whatever their units. "robust" uses medians and interquartile ranges instead of means and
        standard deviations. With False, all features are divided by the same number.

    loss : {"mse", "mae", "huber", "bce"}, Loss, callable or dict, default="mse"
        The training loss, as in :class:`AutoencoderTransformer`. "bce" requires `X` in [0, 1] and
        does not standardise it.

    init : {"pca", "random"}, default="random"
        "pca" initialises the network as PCA if the code has no more values than there are features.
        Such a network also reconstructs outliers well if they lie in the directions of the
        principal components.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows. "auto" chooses it so that about 800 batches are
        processed, or 300 with fewer than 500 rows.

    batch_size : int or "auto", default="auto"
        Number of rows in a batch. "auto" means a tenth of the training rows, at least 32 and at
        most 128.

    learning_rate : float or "auto", default="auto"
        Highest learning rate. "auto" means 0.0025.

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

    early_stopping : bool, default=False
        Whether to hold out validation rows, in addition to the calibration rows, and keep the
        weights with the smallest validation loss. If False, the last weights are kept.

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Fraction of the rows that ``early_stopping=True`` holds out for validation.

    patience : int or None, default=None
        With ``early_stopping=True``, stop training after this number of epochs without an
        improvement of the validation loss.

    device : str, default="auto"
        Device to compute on: "cpu", "cuda", "cuda:1", "mps"; "auto" means a GPU if there is one.

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
        Determines the calibration rows, the initial weights, the order of the rows and all noise.
        The global random generators of numpy and torch are neither used nor changed, not even with
        None.

    anomaly_label : int, float, str, bool or None, default=None
        The value of `y` that marks a known anomaly, such as 1 in labels of 0 and 1. By default `y`
        is ignored. Values that are neither this one nor `normal_label`, NaN and None included,
        leave a row without a label: `novelty` states what such rows are.

    normal_label : int, float, str, bool or None, default=None
        The value of `y` that marks a row known to be normal.

    warm_start : bool, default=False
        Whether `fit` continues from the networks of an earlier fit. The calibration rows must be
        new to the networks: either `X` is new, or it is the same table and `random_state` an
        integer, so that the same rows are held out again.

    Attributes
    ----------
    offset_ : float
        The threshold: ``decision_function(X) = score_samples(X) - offset_``.

    calibration_scores_ : ndarray of shape (n_held_out,), dtype float64
        Scores of the calibration rows as of ``score_samples``, in ascending order, computed by
        networks that were not trained on them. With fewer than ten rows none are held out, and
        these are the scores of all training rows.

    history_ : pandas.DataFrame
        One row per epoch and network, with the columns of :class:`AutoencoderTransformer` and the
        number of the network.

    n_components_, kind_, architecture_, scoring_ : int, Kind, Architecture, Score
        The values used by `fit`, in place of "auto".

    n_epochs_, batch_size_, learning_rate_, device_, precision_ : int, int, float, str, str
        The values used by `fit`.

    sample_shape_ : tuple of int
        Shape of one sample in `fit`.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, set if all names in `X` are strings.

    columns_ : TableColumns or None
        The columns of `fit` if some of them are no numbers, with their levels and dtypes.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outlier detection by random trees.
    skae.plotting.FeatureContributionsDisplay : Contributions of features to an anomaly score.
    skae.plotting.ScoreDistributionDisplay : Distribution of the anomaly scores, with the threshold.

    Notes
    -----
    With 500 rows or more, a fifth of them (at most 100,000) is held out from all networks for
    calibration; with fewer, calibration is cross-validated: each row is scored by a network that
    was not trained on it. If `fit` receives `groups`, this holds for groups in place of rows. With
    `validation_set` no training rows are held out. With ``novelty=False`` the calibration rows may
    contain outliers as well. The false positive rate is then lower than requested, not higher; see
    `outlier_fraction` of :meth:`set_threshold`.

    References
    ----------
    .. [1] P. J. Rousseeuw and K. Van Driessen, "A fast algorithm for the minimum covariance
       determinant estimator", Technometrics 41(3), 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderOutlierDetector
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-3, 3, 600)
    >>> X = np.column_stack([x, np.sin(x)]) + 0.05 * rng.normal(size=(600, 2))
    >>> detector = AutoencoderOutlierDetector(novelty=True, random_state=0).fit(X)
    >>> detector.predict([[1.5, 1.0], [1.5, -1.0]])
    array([ 1, -1])
    >>> detector.p_values([[1.5, -1.0]]) < 0.01
    array([ True])
    >>> detector = detector.set_threshold(false_positive_rate=0.1)
    >>> bool((detector.predict(X) == -1).mean() < 0.15)
    True
    """

    _part_registries = {
        "kind": ChainMap[str, Any]({"auto": _noise_of_many_strengths}, KINDS),
        "architecture": ChainMap[str, Any]({"auto": _one_wide_layer}, ARCHITECTURES),
        "loss": LOSSES,
        "scoring": SCORES,
    }
    offset_: float
    calibration_scores_: np.ndarray
    scoring_: Score
    _ensemble: Ensemble
    _calibration: Calibration
    _training_scores: np.ndarray
    _stream: Stream
    _optimizer_states: list[dict | None]
    _threshold_asked: dict[str, float]

    _stored_as = "AutoencoderOutlierDetector"
    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "scoring": "no_validation",  # resolve_score has better error messages
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "n_estimators": [Interval(Integral, 1, LARGEST, closed="both")],
        "standardize": ["boolean", StrOptions({"robust"})],
        "anomaly_label": [Real, str, "boolean", None],
        "normal_label": [Real, str, "boolean", None],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "auto",
        architecture: str | Architecture = "auto",
        columns: str | Columns = "from_dtype",
        scoring: str | Score = "auto",
        novelty: bool = False,
        contamination: float | str = "auto",
        n_estimators: int = 1,
        standardize: bool | str = True,
        loss: LossLike = "mse",
        init: str = "random",
        max_epochs: int | str = "auto",
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        optimizer: OptimizerLike = "adamw",
        optimizer_params: dict[str, Any] | None = None,
        weight_decay: float = 0.01,
        jitter: float | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float | str = "auto",
        patience: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        checkpoint: str | os.PathLike | None = None,
        callbacks: CallbacksLike = None,
        verbose: int = 0,
        random_state: RandomStateLike = None,
        anomaly_label: Mark = None,
        normal_label: Mark = None,
        warm_start: bool = False,
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
        self.scoring = scoring
        self.novelty = novelty
        self.contamination = contamination
        self.n_estimators = n_estimators
        self.standardize = standardize
        self.anomaly_label = anomaly_label
        self.normal_label = normal_label
        self.warm_start = warm_start

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        validation_set: MatrixLike | None = None,
    ) -> Self:
        """Fit the networks, and calibrate their anomaly scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in :meth:`AutoencoderTransformer.fit`.

        y : array-like of shape (n_samples,), default=None
            Ignored, as by other detectors, unless `anomaly_label` or `normal_label` is set. Then
            it marks known anomalies, which the networks learn to reconstruct badly, and known
            normal rows, on which they always train.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the training of the networks. Rows with weight zero are ignored.
            In the statistics of scores, thresholds and p-values, all other rows count the same:
            weighted p-values would not be valid.

        groups : array-like of shape (n_samples,), default=None
            The group of each row, such as its machine, customer or day, if rows of a group resemble
            each other and new rows are those of new groups. Whole groups are then held out for
            calibration and early stopping. With fewer than 500 groups at least five networks are
            trained (with fewer groups, at least one for each), and each leaves out other groups.
            Each group counts the same in thresholds and p-values.

        validation_set : {array-like, sparse matrix} of shape (n_rows, ...), default=None
            Calibration rows, which no network is trained on, such as rows of a later time than `X`.
            All rows of `X` are then training rows. They count as independent rows, and should be
            normal. None means that some of `X` are held out.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, or if training diverges.
        """
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        X = validate_rows(self, X, reset=not goes_on, min_samples=2)
        start = self._fitted_networks() if goes_on else []
        labels, groups = labels_of(y, X, self._label_meaning()), validate_groups(groups, X)
        weight = validate_sample_weight(sample_weight, X)
        if weight is not None and not weight.all():
            counted = np.flatnonzero(weight)
            X, weight = rows_at(X, counted), weight[counted]
            labels = labels[counted]
            groups = None if groups is None else groups[counted]
        check_normal_rows(labels)
        calibration = self._validated_set(validation_set, X)
        others = {"y": labels, "sample_weight": weight, "groups": groups}
        given = calibration is not None
        if start:
            others["weights to continue from"] = np.concatenate([*map(weights_of, start)])
        with trainings_of(self, X, **others, validation_set=given) as trainings:
            rows = KnownRows(X, labels, self.novelty, weight, groups, calibration)
            policy, report = self._policy(), EpochReport(self)
            score, n_networks = self._score(), self.n_estimators
            fit = EnsembleFit(rows, policy, score, n_networks, trainings, report, start)
            self._take(fit.run(), score)
            self._training_scores = self._score_rows(X)
        for name in ("_stream", "_optimizer_states", "_threshold_asked"):
            self.__dict__.pop(name, None)
        return self._with_threshold()

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: MatrixLike, y: ArrayLike | None = None) -> Self:
        """Take a batch of a stream: train for one pass, and calibrate again.

        A fifth of the rows is not trained on but kept for calibration, in total the last 5,000 at
        most. The pass is over the other rows of the batch and of those before, again the last 5,000
        at most; rows wait for it until there are a hundred. With ``learning_rate="auto"`` the
        learning rate is 0.0005.

        The rule for the threshold is applied again: the last one of :meth:`set_threshold`,
        otherwise `contamination`, which is then a fraction of the calibration rows.

        The first call computes the scaling, the first weights and the size of the code from its
        rows, so pass several hundred rows to it. It makes `n_estimators` networks, whatever the
        number of rows. After :meth:`fit` the networks of that fit go on, with its calibration
        scores until as many rows of the stream are kept.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows as in :meth:`fit`. With ``novelty=False``, the networks train only on the robust
            core of the batch and the calibration rows.

        y : array-like of shape (n_samples,), default=None
            As in :meth:`fit`, ignored unless `anomaly_label` or `normal_label` is set. The networks
            learn to reconstruct confirmed anomalies badly, at most the last 1,000 of all batches.
            If rows of earlier batches turn out to be anomalies, pass them again with labels: they
            are removed from the kept rows. A batch may hold anomalies only.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The fitted detector.

        Notes
        -----
        The detector keeps up to 5,000 training rows and 5,000 calibration rows, fewer if there are
        more than 1,677 features, and a saved file contains them. If the distribution drifts,
        calibration rows of the past make thresholds and p-values lag behind; see
        :meth:`drift_report` and :meth:`calibrate`.

        Examples
        --------
        >>> import numpy as np
        >>> from skae import AutoencoderOutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> detector = AutoencoderOutlierDetector(novelty=True, random_state=0)
        >>> for _ in range(5):
        ...     x = rng.normal(size=500)
        ...     batch = np.column_stack([x, 2 * x]) + 0.1 * rng.normal(size=(500, 2))
        ...     detector = detector.partial_fit(batch)
        >>> detector.predict([[1, 2], [1, -2]])
        array([ 1, -1])
        """
        first = not self.__sklearn_is_fitted__()
        X = validate_rows(self, X, reset=first, min_samples=2 if first else 1)
        labels = labels_of(y, X, self._label_meaning(), warns=False)
        if first:
            check_normal_rows(labels)
        trainings, score = Trainings(self.random_state), self._score()
        policy = self._policy()
        if is_auto(policy.learning_rate):
            policy = replace(policy, learning_rate=_RATE_OF_PARTIAL_FIT)
        done = StreamFit(
            KnownRows(densify(X[:]).astype(np.float64), labels, self.novelty),
            *(policy, score, self.n_estimators, trainings, EpochReport(self)),
            *self._so_far(X.shape[1]),
        ).take()
        if done.fits:
            self._take(FittedEnsemble(done.ensemble, done.calibration, done.fits), score)
        self._stream, self._optimizer_states = done.stream, done.optimizer_states
        return self._calibrated(done.calibration)

    def _so_far(self, n_features: int) -> tuple[Stream, Continuation]:
        """Return what is kept of a stream, and the networks."""
        if not self.__sklearn_is_fitted__():
            return Stream.empty(n_features), Continuation(None, None, [])
        stream = getattr(self, "_stream", None)
        if stream is None:
            stream = Stream.empty(n_features, self._calibration.scores)
        states = getattr(self, "_optimizer_states", [])
        return stream, Continuation(self._ensemble, self.history_, states)

    @all_or_nothing
    def calibrate(self, X: MatrixLike, groups: ArrayLike | None = None) -> Self:
        """Renew the thresholds and p-values from new normal rows, without training.

        If normal rows have drifted since the fit, the false alarm rate is no longer the one that
        was asked for. With recent normal rows as calibration rows, it is again. The rule for the
        threshold stays: the last one of :meth:`set_threshold`, otherwise `contamination`, which is
        then a fraction of these rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Normal rows that no network was trained on, in place of all calibration rows so far. A
            few outliers among them make p-values too large rather than too small.

        groups : array-like of shape (n_samples,), default=None
            The group of each row, as in :meth:`fit`.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The detector, with new ``offset_`` and ``calibration_scores_``.

        Raises
        ------
        NotFittedError
            If the detector is not fitted.
        ValueError
            If there are too few rows for the false positive rate that was asked for.

        See Also
        --------
        drift_report : Whether a new calibration is needed.
        """
        X = at_hand(X)
        rows = self._validate_again(X)
        if rows.shape[0] < 2:
            raise ValueError("calibrate needs at least two rows, got 1.")
        numbers = validate_groups(groups, rows)
        known = np.flatnonzero(with_known_values(rows))
        scores = self._ensemble.scores(rows_at(rows, known), self.device).mean(axis=0)
        of_known = None if numbers is None else numbers[known]
        held_out = HeldOut.of(range(len(self._ensemble)), scores, of_known)
        if hasattr(self, "_stream"):
            self._stream = self._stream.calibrated_on(densify(rows[:]).astype(np.float64))
        return self._calibrated(Calibration([held_out]))

    def _calibrated(self, calibration: Calibration) -> Self:
        """Set a new calibration, and the threshold by the rule that was asked for."""
        self._calibration = calibration
        self.calibration_scores_ = -calibration.scores[::-1]
        self._training_scores = -calibration.scores
        return self._with_threshold()

    def drift_report(self, X: MatrixLike, level: float = 0.01) -> DriftReport:
        """Test whether recent rows are more anomalous than the calibration rows.

        The p-values of rows from the distribution of the calibration rows are uniform. If they are
        smaller, either many of the rows are anomalies, or normal rows have changed. The test takes
        the number of calibration rows into account. It assumes independent rows: consecutive rows
        of a sensor resemble each other, so pass every hundredth, for instance.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Recent rows, better hundreds than tens, that were not used for training.

        level : float in (0, 1), default=0.01
            Largest probability of reporting a drift if there is none. It is that of one call; of a
            hundred calls at a level of 0.01 one is expected to report a drift.

        Returns
        -------
        report : DriftReport
            Its attributes are ``drifted``, ``p_value`` of the test, ``mean_p_value``,
            ``small_fraction`` (the fraction of p-values of at most 0.05), ``n_rows``,
            ``n_calibration_rows`` and ``level``. ``print(report)`` says it in a sentence.

        See Also
        --------
        calibrate : Renew thresholds and p-values.
        """
        if not is_fraction(level):
            raise ValueError(f"level must be a number in (0, 1), got {level!r}.")
        return DriftReport.of(self.p_values(X), self._calibration.size, level)

    def fit_predict(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        validation_set: MatrixLike | None = None,
    ) -> np.ndarray:
        """Fit, and return the labels of the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        y, sample_weight, groups : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        validation_set : {array-like, sparse matrix} of shape (n_rows, ...), default=None
            As in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int64
            -1 for outliers and 1 for all others.
        """
        X = at_hand(X)
        return self.fit(X, y, sample_weight, groups, validation_set).predict(X)

    def score_samples(self, X: MatrixLike) -> np.ndarray:
        """Return minus the anomaly score of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), dtype float64
            Higher is more normal. Always finite, even for rows far from the training rows. See
            :mod:`skae.scores` for the formulas.
        """
        return self._of_rows(self._score_rows, X)

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return ``score_samples(X) - offset_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,), dtype float64
            Below 0 for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Return whether each row is an outlier (-1) or not (1).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int64
            -1 for outliers and 1 for all others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: MatrixLike) -> np.ndarray:
        r"""Return conformal p-values of the rows.

        Each estimates the probability that a normal row has at least this anomaly score:

        .. math:: p(x) = \frac{1 + \#\{i : a_i \ge a(x)\}}{n + 1}

        with the anomaly scores :math:`a_i` of the `n` calibration rows. For rows from the
        distribution of the training rows, :math:`P(p(x) \le \alpha) \le \alpha`, however well or
        badly the network reconstructs them. This holds exactly with 500 training rows or more, and
        approximately with fewer [1]_.

        After a fit with `groups`, the calibration rows of a group weigh one together, and `n` is
        the number of groups. Then :math:`P(p(x) \le \alpha) \le \alpha` for a row of a new group,
        however much the rows of a group resemble each other [2]_.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            New rows. The p-values of training rows are too large.

        Returns
        -------
        p_values : ndarray of shape (n_samples,), dtype float64
            In (0, 1], at least ``1 / (n + 1)``.

        References
        ----------
        .. [1] V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial
           Intelligence 74, 2015.
        .. [2] R. Dunn, L. Wasserman and A. Ramdas, "Distribution-free prediction sets for two-layer
           hierarchical models", Journal of the American Statistical Association 118, 2023.
        """
        return self._of_rows(lambda rows: self._calibration.p_values(self._scores(rows)), X)

    def select(self, X: MatrixLike, fdr: float = 0.1) -> np.ndarray:
        """Return which rows are outliers, with a bound on the false discovery rate.

        Applies the procedure of Benjamini and Hochberg to :meth:`p_values`. It finds fewer outliers
        the more rows are tested and the fewer calibration rows there are: with `n` calibration rows
        and `m` tested rows, `k` of them outliers, ``(n + 1) * fdr * k`` must be at least `m`. The
        bound holds for rows that are independent of each other, not for several rows of one group.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            New rows.

        fdr : float in (0, 1), default=0.1
            Largest expected fraction of normal rows among the selected ones.

        Returns
        -------
        selected : ndarray of shape (n_samples,), dtype bool
            True for outliers.

        Warns
        -----
        UserWarning
            If no row is selected because the smallest possible p-value, ``1 / (n + 1)``, is too
            large; the warning says how many calibration rows are needed.
        """
        if not is_fraction(fdr):
            raise ValueError(f"fdr must be a number in (0, 1), got {fdr!r}.")
        return selected(self.p_values(X), fdr, self._calibration)

    def set_threshold(
        self,
        *,
        contamination: float | None = None,
        false_positive_rate: float | None = None,
        n_alarms: float | None = None,
        n_rows: float | None = None,
        outlier_fraction: float | None = None,
    ) -> Self:
        r"""Change the threshold of `predict`, without fitting again.

        Give `contamination`, or `false_positive_rate`, or `n_alarms` with `n_rows`.

        Parameters
        ----------
        contamination : float in (0, 0.5], default=None
            Fraction of the training rows to label as outliers: ``round(contamination * n)`` of
            them, at least one. Rows with equal scores are labelled together; then it is the nearest
            possible number.

        false_positive_rate : float in (0, 1), default=None
            Largest probability that a new normal row is labelled as an outlier, estimated from the
            calibration rows. `contamination` does not bound this probability, since training rows
            look more normal than new ones.

        n_alarms, n_rows : float, default=None
            A budget: of `n_rows` new rows that are like the calibration rows, at most `n_alarms`
            are labelled as outliers, on average over such samples. Anomalies that are more frequent
            than among the calibration rows raise further alarms.

        outlier_fraction : float in [0, 0.5], default=None
            With `false_positive_rate`: the largest fraction :math:`\epsilon` of the calibration
            rows that may be outliers. So many of the largest scores are left out, which otherwise
            raise the threshold. See the notes for what is then guaranteed.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The detector, with the new ``offset_``.

        Raises
        ------
        ValueError
            If the arguments do not go together, if one is out of range, or if there are too few
            calibration rows for such a small rate; the error says how many are needed.

        Warns
        -----
        UserWarning
            If equal scores make the number of outliers differ much from `contamination`, or if
            there are too few groups for such a small rate.

        Notes
        -----
        The probability that a new normal row is labelled as an outlier, on average over calibration
        rows, is at most the `false_positive_rate` :math:`\alpha`, if the calibration rows are
        normal, or if their outliers have higher scores than normal rows usually have. Then they
        only raise the threshold.

        With `outlier_fraction` :math:`\epsilon`, it is at most :math:`\alpha` if at least a
        fraction of :math:`\epsilon` are outliers, and they have the highest scores; and at most
        about :math:`\alpha + \epsilon / (1 - \epsilon)` if at most a fraction of
        :math:`\epsilon` are outliers, whatever their scores. It is above :math:`\alpha` if many
        outliers look normal, or if there are fewer than :math:`\epsilon`.

        After a fit with `groups`, rows of a new group are meant, and the bound is
        :math:`\alpha + 1 / (k + 1)` for `k` groups; the rate is usually close to
        :math:`\alpha`. Only groups can tell how groups differ, whatever their number of rows.
        """
        check_is_fitted(self)
        asked = asked_rate(contamination, false_positive_rate, n_alarms, n_rows, outlier_fraction)
        if asked is None:
            assert contamination is not None
            self.offset_ = offset_of_fraction(self._training_scores, contamination)
        else:
            self.offset_ = -self._calibration.threshold(asked.rate, asked.outliers, asked.asked)
        given = {
            "contamination": contamination,
            "false_positive_rate": false_positive_rate,
            "n_alarms": n_alarms,
            "n_rows": n_rows,
            "outlier_fraction": outlier_fraction,
        }
        self._threshold_asked = {name: float(v) for name, v in given.items() if v is not None}
        return self

    def _with_threshold(self) -> Self:
        """Apply the rule of the last `set_threshold`, otherwise that of `contamination`."""
        asked = getattr(self, "_threshold_asked", None)
        if asked is not None:
            return self.set_threshold(**asked)
        if not isinstance(self.contamination, str):
            return self.set_threshold(contamination=self.contamination)
        threshold = self._calibration.auto_threshold(normal=self.novelty)
        self.offset_ = auto_offset(self._training_scores, threshold, self.novelty)
        return self

    def feature_contributions(self, X: MatrixLike, *, groups: GroupsLike = None) -> pd.DataFrame:
        r"""Return the contribution of each feature to the anomaly score of each row.

        The contributions are integrated gradients [1]_ of the whole score, so that a fault is
        traced to the feature that caused it, even if it disturbs the reconstructions of others.
        A row is compared with the :math:`K` training rows :math:`b_k` nearest to it, at most 4 of
        64 that each network keeps:

        .. math:: c_j = \frac{1}{K} \sum_{k=1}^{K} (x_j - b_{kj})
                  \int_0^1 \frac{\partial a}{\partial x_j}(b_k + t (x - b_k)) \, dt

        They add up to the score minus the mean score of these rows [2]_. The rest, this mean and a
        small numerical error, is shared evenly by all known features, so that it does not change
        their order. Missing values contribute nothing.

        For a score of your own that torch cannot differentiate, the contribution of a feature is by
        how much the score falls on average if its value is replaced by those of the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        groups : dict, callable or sequence, default=None
            Features that have one contribution together, such as the dummies of a categorical
            column or the steps of a channel: a dictionary of columns by the names of groups, where
            columns in no group stay alone; a function from the name of a column to that of its
            group; or a list with the name of the group of each column. Use it for dummies: to move
            a row to another category changes two of them at once, and the contribution of a single
            one says little.

        Returns
        -------
        contributions : pandas.DataFrame of shape (n_samples, n_features), dtype float64
            One column for each feature or group; the index is that of `X` if it has one. Each row
            sums to ``-score_samples``. Contributions are negative where a feature makes the row
            more normal than training rows. The columns are the names of the features, or `x0`, `x1`
            and so on; for samples with several axes a :class:`~pandas.MultiIndex` with the levels
            "step" and "channel", or "row", "column" and "channel".

        Raises
        ------
        ValueError
            If `groups` names unknown columns, or a column twice.

        References
        ----------
        .. [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks",
           ICML 2017.
        .. [2] G. Erion, J. D. Janizek, P. Sturmfels, S. M. Lundberg and S.-I. Lee, "Improving
           performance of deep learning models with axiomatic attribution priors and expected
           gradients", Nature Machine Intelligence 3, 2021.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skae import AutoencoderOutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> job = rng.choice(["clerk", "driver"], 200)
        >>> pay = 30 + 20 * (job == "clerk") + rng.normal(size=200)
        >>> X = pd.get_dummies(pd.DataFrame({"pay": pay, "job": job}), dtype=float)
        >>> detector = AutoencoderOutlierDetector(novelty=True, max_epochs=20, random_state=0).fit(
        ...     X
        ... )
        >>> groups = {"job": ["job_clerk", "job_driver"]}
        >>> contributions = detector.feature_contributions(X[:1].assign(pay=90), groups=groups)
        >>> contributions.columns.to_list(), contributions.idxmax(axis=1)[0]
        (['pay', 'job'], 'pay')
        """
        check_is_fitted(self)
        grouped = FeatureGroups.of(groups, self._column_names())
        group_of = grouped.group_of
        if self.columns_ is not None:
            group_of = group_of[self.columns_.column_of_feature]
        contributions = self._of_rows(
            lambda rows: self._ensemble.contributions(rows, self.device, group_of), X
        )
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(contributions, columns=grouped.names, index=index)

    def alerts(
        self, X: MatrixLike, *, n_features: int = 3, only_outliers: bool = True
    ) -> pd.DataFrame:
        """Return the outliers among rows, what is unusual about each, and what was expected.

        The expected value of a feature is the one that agrees with the other features of the row,
        whatever its own value: the fixed point of its reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        n_features : int, default=3
            Number of features to report for each row: those with the largest contributions to its
            score.

        only_outliers : bool, default=True
            Whether to return only rows that `predict` labels as outliers.

        Returns
        -------
        alerts : pandas.DataFrame of shape (n_alerts, 2 + 3 * n_features)
            One row for each alert, the highest anomaly score first, with the index of `X` if it is
            a data frame and its position otherwise. The columns are `anomaly_score`, `p_value`, and
            for each feature its name, value and expected value: `feature_1`, `value_1`,
            `expected_1`, and so on.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skae import AutoencoderOutlierDetector
        >>> rng = np.random.default_rng(0)
        >>> load = rng.uniform(1, 2, 600)
        >>> X = pd.DataFrame({"load": load, "power": 3 * load, "noise": rng.normal(size=600)})
        >>> detector = AutoencoderOutlierDetector(novelty=True, random_state=0).fit(X)
        >>> alert = detector.alerts(X[:5].assign(power=[9, *X["power"][1:5]])).loc[0]
        >>> alert["feature_1"], float(alert["value_1"])
        ('power', 9.0)
        """
        n_features = check_size(n_features, "n_features")
        index = X.index if isinstance(X, pd.DataFrame) else None
        X = at_hand(X)
        scores, p_values, labels = -self.score_samples(X), self.p_values(X), self.predict(X)
        chosen = np.flatnonzero(labels == -1) if only_outliers else np.arange(len(labels))
        rows = densify(rows_at(self._validate_again(X), chosen)[:]).astype(np.float64)
        of = (rows, self._ensemble, self.device, n_features)
        table = self.columns_
        leading = Leading.of(*of) if table is None else Leading.of_table(table, *of)
        index = pd.Index(chosen) if index is None else index[chosen]
        names = self._column_names()
        return alert_frame(scores[chosen], p_values[chosen], leading, names, index)

    def reconstruct(self, X: MatrixLike) -> Any:
        """Return the mean of the networks' reconstructions of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray or data frame of shape (n_samples, ...)
            Reconstructions, float32 for float32 `X` and float64 otherwise. Rows are a data frame if
            :meth:`set_output` asks for frames: with the names of the features of `fit`, and the
            index of `X` if it is a frame of pandas.
        """
        return self._framed(self._of_rows(self._reconstruct_rows, X), X)

    def _label_meaning(self) -> LabelMeaning:
        """Return which values of y mark rows."""
        return LabelMeaning(self.anomaly_label, self.normal_label)

    def _score(self) -> Score:
        """Return the score object for `scoring`."""
        if is_auto(self.scoring):
            n_neighbors = 1 if self.novelty else _NEIGHBOURS_OF_CONTAMINATED
            return ResidualNeighbours(n_neighbors)
        return resolve_score(self.scoring)

    def _column_names(self) -> pd.Index:
        """Return the names of the features, or their places in samples with several axes."""
        if self.columns_ is not None:
            return pd.Index(self.columns_.names)
        shape, channel_axis = self._fitted_networks()[0].spec.axes_of_sample()
        return column_names(
            getattr(self, "feature_names_in_", None),
            self.sample_shape_,
            channel_axis if shape == self.sample_shape_ else "auto",
        )

    def _reconstruct_rows(self, X: Matrix) -> np.ndarray:
        reconstruction = self._ensemble.reconstruct(X, self.device)
        return self._shaped(saturated(reconstruction, output_dtype(X)))

    def _score_rows(self, X: Matrix) -> np.ndarray:
        return -self._scores(X).mean(axis=0)

    def _scores(self, X: Matrix) -> np.ndarray:
        """Return the anomaly scores of rows by each network, (n_networks, n_samples)."""
        if self._takes_missing():
            warn_of_unknown_rows(X)
        return self._ensemble.scores(X, self.device)

    def _validated_set(self, validation_set: MatrixLike | None, X: Matrix) -> Matrix | None:
        """Return the calibration rows that the user gives, as validated as `X`."""
        if validation_set is None:
            return None
        incomplete = has_missing(X) or resolve_parts(self).kind.makes_missing()
        with naming("validation_set"):
            return validate_rows(self, validation_set, reset=False, missing_allowed=incomplete)

    def _policy(self) -> FitPolicy:
        """Return the policy: a wide code with corruption, and the scaling of `standardize`."""
        n_components = self.n_components
        if is_auto(n_components) and resolve_parts(self).kind.corruption is not None:
            n_components = _WIDE_CODE
        scaling = _SCALING_RULES[self.standardize]
        of_role: dict[str, Any] = {}
        if self.columns_ is not None and is_auto(self.kind):
            of_role["kind"] = _hidden_or_swapped().resolved()
        return FitPolicy.of(
            self,
            **of_role,
            n_components=n_components,
            scaling=scaling,
            rules=defaults.DETECTOR,
            validates_on_training_rows=False,
        )

    def _take(self, fit: FittedEnsemble, score: Score) -> None:
        self._set(
            {
                **common_attributes(fit.fits),
                "_ensemble": fit.ensemble,
                "_calibration": fit.calibration,
                "calibration_scores_": -fit.calibration.scores[::-1],
                "scoring_": score,
            }
        )

    def _fitted_networks(self) -> list[FittedNetwork]:
        """Return the fitted networks, also for other packages of skae."""
        return [member.network for member in self._ensemble.members]

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether there are fitted networks."""
        return hasattr(self, "_ensemble")
