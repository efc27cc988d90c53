"""Autoencoder for outlier and novelty detection."""

from __future__ import annotations

import os
from collections import ChainMap
from numbers import Integral, Real
from typing import Any, Self, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from skae._checkpoints.trainings import trainings_of
from skae._data.matrix import Matrix, MatrixLike
from skae._data.scaling import saturated
from skae._data.spooling import at_hand
from skae._data.validation import (
    output_dtype,
    validate_labels,
    validate_sample_weight,
    validate_X,
)
from skae._data.views import rows_at
from skae._detection.calibration import Calibration, discoveries
from skae._detection.ensemble import Ensemble
from skae._detection.ensemble_fitting import EnsembleFit, FittedEnsemble, KnownRows
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
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import LARGEST, is_auto, is_number
from skae._utils.feature_groups import FeatureGroups, GroupsLike, column_names
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import Interval, StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Architecture, Dense
from skae.corruptions import Gaussian
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import BaseAutoencoder, LossLike, OptimizerLike
from skae.estimators._set_output import SetOutputMixin
from skae.kinds import KINDS, Denoising, Kind
from skae.losses import LOSSES
from skae.scores import SCORES, Joint, Residual, Score, resolve_score

# The rules for `standardize`.
_SCALING_RULES: dict[bool | str, ScalingRule] = {
    True: own_scales,
    False: one_scale_within_limits,
    "robust": robust_scales,
}
# Size of the code of a network that is regularised by noise, and needs no bottleneck.
_WIDE_CODE = 64
# With contamination="auto", at least this fraction of the training rows are outliers.
_LEAST_CONTAMINATION = 0.01


def _noise_of_many_strengths() -> Denoising:
    """Return the default kind."""
    noise = Gaussian(level=(0.02, 0.5), relative=True, clip=None)
    return Denoising(noise, balance=False)


def _one_wide_layer() -> Dense:
    """Return the default architecture."""
    return Dense(hidden_layer_sizes=(256,))


class AutoencoderOutlierDetector(SetOutputMixin, OutlierMixin, BaseAutoencoder):
    r"""Outlier and novelty detection by autoencoders, with the interface of IsolationForest.

    Networks learn to reconstruct normal rows :math:`x` as :math:`\hat{x}`. The anomaly score of a
    row compares its residual :math:`r = x - \hat{x}` and its latent code with those of normal rows,
    so that an error counts more in features that are usually reconstructed well. Thresholds and
    p-values come from calibration rows, which are held out from training.

    With ``novelty=False`` the training rows may contain outliers. The networks then train only on
    the three quarters of the rows with the smallest Mahalanobis distance under a robust mean and
    covariance (as in the minimum covariance determinant [1]_), so that they do not learn to
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
        of each feature.

    architecture : str or Architecture, default="auto"
        The architecture of encoder and decoder: a name or an object of :mod:`skae.architectures`.
        "auto" means ``Dense(hidden_layer_sizes=(256,))``.

    scoring : str or Score, default="auto"
        The anomaly score: a name or an object of :mod:`skae.scores`. The names are the Mahalanobis
        distance of the residual ("residual"), of residual and code ("joint") or of the code
        ("latent"); the mean squared reconstruction error ("reconstruction"); and minus the evidence
        lower bound ("elbo"), for ``kind="variational"``. "auto" means "residual" with
        ``novelty=True`` and "joint" otherwise.

    novelty : bool, default=False
        True if all training rows are normal and the task is to find novelties among new rows. False
        if the training rows may contain outliers.

    contamination : "auto" or float in (0, 0.5], default="auto"
        Sets the threshold of `predict`. A float is the fraction of the training rows to label as
        outliers. "auto" labels a row as an outlier if the cube root of its anomaly score, whose
        distribution is nearly normal, is more than three robust standard deviations above the
        median of the calibration rows; it labels at least a hundredth of the training rows.
        :meth:`set_threshold` sets the threshold by a false positive rate instead.

    n_estimators : int, default=1
        Number of networks, whose scores are averaged. With fewer than 500 rows there are at least
        five, each trained on another four fifths of the rows.

    standardize : bool or "robust", default=True
        Whether to divide each feature by its standard deviation, so that features count alike
        whatever their units. "robust" uses medians and interquartile ranges instead of means and
        standard deviations. With False, all features are divided by the same number.

    loss : {"mse", "mae", "huber", "bce"}, Loss or callable, default="mse"
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

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outlier detection by random trees.
    skae.plotting.FeatureContributionsDisplay : Contributions of features to an anomaly score.
    skae.plotting.ScoreDistributionDisplay : Distribution of the anomaly scores, with the threshold.

    Notes
    -----
    With 500 rows or more, a fifth of them (at most 5,000) is held out from all networks for
    calibration; with fewer, calibration is cross-validated: each row is scored by a network that
    was not trained on it. With ``novelty=False`` the calibration rows may contain outliers as well.
    The false positive rate is then lower than requested, not higher.

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

    _stored_as = "AutoencoderOutlierDetector"
    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "scoring": "no_validation",  # resolve_score has better error messages
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "n_estimators": [Interval(Integral, 1, LARGEST, closed="both")],
        "standardize": ["boolean", StrOptions({"robust"})],
    }

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "auto",
        architecture: str | Architecture = "auto",
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
        self.scoring = scoring
        self.novelty = novelty
        self.contamination = contamination
        self.n_estimators = n_estimators
        self.standardize = standardize

    @all_or_nothing
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Fit the networks, and calibrate their anomaly scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in :meth:`AutoencoderTransformer.fit`.

        y : array-like of shape (n_samples,), default=None
            Labels of some rows: -1 for a known anomaly, 1 for a known normal row, 0 for all others.
            The networks learn to reconstruct known anomalies badly, and always train on known
            normal rows. `y` is ignored, as by other detectors, if it contains no -1 or any other
            value.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the training of the networks. Rows with weight zero are ignored.
            In the statistics of scores, thresholds and p-values, all other rows count the same:
            weighted p-values would not be valid.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or `X` is invalid, or if training diverges.
        """
        X = validate_X(self, X, reset=True, min_samples=2)
        labels = validate_labels(y, X)
        weight = validate_sample_weight(sample_weight, X)
        if weight is not None and not weight.all():
            counted = np.flatnonzero(weight)
            X, weight = rows_at(X, counted), weight[counted]
            labels = validate_labels(labels[counted], X)
        with trainings_of(self, X, y=labels, sample_weight=weight) as trainings:
            rows = KnownRows(X, labels, self.novelty, weight)
            policy, report = self._policy(), EpochReport(self)
            score, n_networks = self._score(), self.n_estimators
            fit = EnsembleFit(rows, policy, score, n_networks, trainings, report).run()
            self._take(fit, score)
            self._training_scores = self._score_rows(X)
        if not isinstance(self.contamination, str):
            return self.set_threshold(contamination=self.contamination)
        least = np.quantile(self._training_scores, _LEAST_CONTAMINATION)
        self.offset_ = max(-self._calibration.auto_threshold(), float(least))
        return self

    def fit_predict(
        self,
        X: MatrixLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> np.ndarray:
        """Fit, and return the labels of the training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        y, sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int64
            -1 for outliers and 1 for all others.
        """
        X = at_hand(X)
        return self.fit(X, y, sample_weight).predict(X)

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
        """
        return self._of_rows(
            lambda rows: self._calibration.p_values(self._ensemble.scores(rows, self.device)), X
        )

    def select(self, X: MatrixLike, fdr: float = 0.1) -> np.ndarray:
        """Return which rows are outliers, with a bound on the false discovery rate.

        Applies the procedure of Benjamini and Hochberg to :meth:`p_values`. It finds fewer outliers
        the more rows are tested and the fewer calibration rows there are: with `n` calibration rows
        and `m` tested rows, `k` of them outliers, ``(n + 1) * fdr * k`` must be at least `m`.

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
        """
        if not _is_fraction(fdr):
            raise ValueError(f"fdr must be a number in (0, 1), got {fdr!r}.")
        return discoveries(self.p_values(X), fdr)

    def set_threshold(
        self, *, contamination: float | None = None, false_positive_rate: float | None = None
    ) -> Self:
        """Change the threshold of `predict`, without fitting again.

        Parameters
        ----------
        contamination : float in (0, 0.5], default=None
            Fraction of the training rows to label as outliers.

        false_positive_rate : float in (0, 1), default=None
            Largest probability that a new normal row is labelled as an outlier, estimated from the
            calibration rows. `contamination` does not bound this probability, since training rows
            look more normal than new ones.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The detector, with the new ``offset_``.

        Raises
        ------
        ValueError
            If not exactly one of them is given, if it is out of range, or if there are too few
            calibration rows for such a small rate.
        """
        check_is_fitted(self)
        rate = self._one_rate(contamination, false_positive_rate)
        if contamination is not None:
            self.offset_ = float(np.percentile(self._training_scores, 100.0 * rate))
        else:
            self.offset_ = -self._calibration.threshold(rate)
        return self

    def feature_contributions(self, X: MatrixLike, *, groups: GroupsLike = None) -> pd.DataFrame:
        r"""Return the contribution of each feature to the anomaly score of each row.

        The contributions are integrated gradients [1]_ of the whole score, so that a fault is
        traced to the feature that caused it, even if it disturbs the reconstructions of others.
        A row is compared with :math:`K` training rows :math:`b_k`, at most 16 for each network:

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
        contributions = self._of_rows(
            lambda rows: self._ensemble.contributions(rows, self.device, grouped.group_of), X
        )
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(contributions, columns=grouped.names, index=index)

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

    def _score(self) -> Score:
        """Return the score object for `scoring`."""
        if is_auto(self.scoring):
            return Residual() if self.novelty else Joint()
        return resolve_score(self.scoring)

    def _column_names(self) -> pd.Index:
        """Return the names of the features, or their places in samples with several axes."""
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
        return -self._ensemble.scores(X, self.device).mean(axis=0)

    def _one_rate(self, contamination: float | None, false_positive_rate: float | None) -> float:
        """Return the rate that is given; refuse both or neither."""
        if (contamination is None) == (false_positive_rate is None):
            raise ValueError(
                f"set_threshold needs either contamination or false_positive_rate, got "
                f"contamination={contamination!r} and false_positive_rate={false_positive_rate!r}."
            )
        if contamination is None:
            if not _is_fraction(false_positive_rate):
                raise ValueError(
                    f"false_positive_rate must be a number in (0, 1), got {false_positive_rate!r}."
                )
            return false_positive_rate
        if not (_is_fraction(contamination) and contamination <= 0.5):
            raise ValueError(f"contamination must be a number in (0, 0.5], got {contamination!r}.")
        return contamination

    def _policy(self) -> FitPolicy:
        """Return the policy: a wide code with corruption, and the scaling of `standardize`."""
        n_components = self.n_components
        if is_auto(n_components) and resolve_parts(self).kind.corruption is not None:
            n_components = _WIDE_CODE
        scaling = _SCALING_RULES[self.standardize]
        return FitPolicy.of(
            self,
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


def _is_fraction(value: object) -> TypeGuard[float]:
    return is_number(value) and 0 < value < 1
