"""The autoencoder as a detector of outliers and novelties."""

from __future__ import annotations

from collections import ChainMap
from numbers import Integral, Real

import numpy as np
import pandas as pd
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from skae._data.moments import robust_scaling
from skae._data.scaling import saturated
from skae._data.spooling import at_hand
from skae._data.validation import output_dtype, validate_labels, validate_X
from skae._detection.calibration import benjamini_hochberg
from skae._detection.ensemble_fitting import EnsembleFit
from skae._fitting import defaults
from skae._fitting.trainings import trainings_of
from skae._utils.checks import LARGEST, is_number
from skae._utils.sklearn_private import Interval, StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Dense
from skae.corruptions import Gaussian
from skae.estimators._all_or_nothing import all_or_nothing
from skae.estimators._base import BaseAutoencoder
from skae.kinds import KINDS, Denoising
from skae.losses import LOSSES
from skae.scores import SCORES, Joint, Residual, resolve_score

# Values of the code of a network that is regularised by noise, and needs no bottleneck.
_WIDE_CODE = 64
# Share of the training rows that "auto" calls outliers in any case.
_LEAST_CONTAMINATION = 0.01


def _noise_of_many_strengths() -> Denoising:
    """Return the kind that "auto" stands for."""
    return Denoising(Gaussian(level=(0.02, 0.5)))


def _one_wide_layer() -> Dense:
    """Return the architecture that "auto" stands for."""
    return Dense(hidden_layer_sizes=(256,))


class AutoencoderOutlierDetector(OutlierMixin, BaseAutoencoder):
    r"""Outlier and novelty detection by autoencoders: IsolationForest's interface.

    Networks learn to rebuild normal rows :math:`x` as :math:`\hat{x}`. What is anomalous about a
    row is read from its residual :math:`r = x - \hat{x}` and its code, measured against those of
    normal rows: a large error counts where errors are small. Thresholds and p-values come from
    rows that were held out from training.

    With ``novelty=False`` the training rows may hold outliers. The networks are then trained on
    the three quarters of the rows that are the closest by a robust mean and covariance (as the
    minimum covariance determinant [1]_), so that outliers do not teach them.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto", default="auto"
        Size of the code, as in :class:`AutoencoderTransformer`. "auto" means 64 for kinds that
        corrupt the rows and so need no bottleneck, and what the kind asks for otherwise.

    kind : str or Kind, default="auto"
        What makes the code a good code, by name or as an object of :mod:`skae.kinds`. "auto"
        means ``Denoising(Gaussian(level=(0.02, 0.5)))``, which removes noise of all strengths in
        between.

    architecture : str or Architecture, default="auto"
        What encoder and decoder are made of, by name or as an object of
        :mod:`skae.architectures`. "auto" means ``Dense(hidden_layer_sizes=(256,))``.

    scoring : str or Score, default="auto"
        What counts as anomalous, by name or as an object of :mod:`skae.scores`: the Mahalanobis
        length of the residual ("residual"), of residual and code ("joint") or of the code
        ("latent"); the mean squared error ("reconstruction"); or minus the evidence lower bound
        ("elbo"), for ``kind="variational"``. "auto" means "residual" with ``novelty=True`` and
        "joint" otherwise.

    novelty : bool, default=False
        True where all training rows are normal, and new rows are to be judged. False where
        outliers are to be found among the training rows.

    contamination : "auto" or float in (0, 0.5], default="auto"
        Where `predict` draws the line. A float is the share of the training rows to be called
        outliers. "auto" calls a row an outlier where the cube root of its anomaly score, which is
        nearly normal, is more than three robust standard deviations above the median of the rows
        held out, and at least a hundredth of the training rows. :meth:`set_threshold` can ask for
        a rate of false alarms instead.

    n_estimators : int, default=1
        Number of networks, whose scores are averaged. With fewer than 500 rows there are at
        least five: each leaves out another fifth of the rows.

    standardize : bool or "robust", default=True
        Whether each feature is divided by its standard deviation, since features of unlike units
        would count unlike. "robust" takes medians and interquartile ranges instead of means and
        standard deviations. With False one number divides all features.

    loss : {"mse", "mae", "huber", "bce"}, Loss or callable, default="mse"
        What counts as a good reconstruction in training, as in :class:`AutoencoderTransformer`.
        "bce" takes `X` in [0, 1] as it is, without standardising.

    init : {"pca", "random"}, default="random"
        "pca" starts at PCA where the code is not larger than the data. A network that starts
        there rebuilds what is far away in the directions of PCA, outliers as well.

    max_epochs : int or "auto", default="auto"
        Number of passes over the training rows. "auto" means as many as make 800 batches, 300
        with fewer than 500 rows.

    batch_size : int or "auto", default="auto"
        Rows in a batch. "auto" means a tenth of the training rows, at least 32 and at most 128.

    learning_rate : float or "auto", default="auto"
        Highest learning rate. "auto" means 0.0025.

    optimizer : {"adamw", "adam", "rmsprop", "sgd"} or class, default="adamw"
        The optimizer, by name or as a class of :mod:`torch.optim`.

    weight_decay : float, default=0.01
        Decay of the weights, as the optimizer understands it.

    jitter : float or "auto", default="auto"
        Noise on what the encoder is shown, as in :class:`AutoencoderTransformer`.

    early_stopping : bool, default=False
        Whether some more rows are held out to say which weights are best. If False, the last
        weights are kept.

    validation_fraction : float in (0, 1) or "auto", default="auto"
        Share of the rows that ``early_stopping=True`` holds out.

    patience : int or None, default=None
        With ``early_stopping=True``, end the training after so many epochs without a better
        validation loss.

    device : str, default="auto"
        Where to compute: "cpu", "cuda", "cuda:1", "mps"; "auto" takes a GPU where there is one.

    precision : {"auto", "float32", "float64", "bfloat16"}, default="auto"
        In which precision to train, as in :class:`AutoencoderTransformer`.

    checkpoint : str, path-like or None, default=None
        File that `fit` goes on from after a crash, as in :class:`AutoencoderTransformer`.

    callbacks : list of skorch.callbacks.Callback or None, default=None
        Called during the training of each network, with skorch's net.

    verbose : int, default=0
        1 prints a line for each epoch.

    random_state : int, RandomState instance or None, default=None
        Decides the rows held out, the first weights, the order of the rows and all noise. The
        global generators of numpy and torch are neither read nor changed, also with None.

    Attributes
    ----------
    offset_ : float
        ``decision_function(X) = score_samples(X) - offset_``.

    calibration_scores_ : ndarray of shape (n_held_out,), dtype float64
        What ``score_samples`` gives for the rows held out, by networks that were not trained on
        them, in ascending order. With fewer than ten rows none are held out, and these are all.

    history_ : pandas.DataFrame
        A row for each epoch of each network, with the columns `epoch`, `train_loss`,
        `valid_loss`, `learning_rate`, `seconds` and `network`.

    n_components_, kind_, architecture_, scoring_ : int, Kind, Architecture, Score
        What "auto" stood for.

    n_epochs_, batch_size_, learning_rate_, device_, precision_ : int, int, float, str, str
        What was used.

    sample_shape_ : tuple of int
        Shape of one sample as `fit` was given it.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where `X` had names that are all strings.

    See Also
    --------
    sklearn.ensemble.IsolationForest : Outliers by how few random cuts set them apart.
    skae.plotting.FeatureContributionsDisplay : Why a row is an outlier.
    skae.plotting.ScoreDistributionDisplay : Scores and the threshold.

    Notes
    -----
    With many rows, a fifth of them (at most 5,000) is held out from all networks; with fewer than
    500, the networks take turns, and each row is judged by the one that does not know it. With
    ``novelty=False`` the rows held out may hold outliers as well. False alarms are then rarer
    than asked for, not more frequent.

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
        "kind": ChainMap({"auto": _noise_of_many_strengths}, KINDS),
        "architecture": ChainMap({"auto": _one_wide_layer}, ARCHITECTURES),
        "loss": LOSSES,
        "scoring": SCORES,
    }
    _stored_as = "AutoencoderOutlierDetector"
    _parameter_constraints: dict = {
        **BaseAutoencoder._parameter_constraints,
        "scoring": "no_validation",  # resolve_score has the better sentences
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "n_estimators": [Interval(Integral, 1, LARGEST, closed="both")],
        "standardize": ["boolean", StrOptions({"robust"})],
    }
    del _parameter_constraints["warm_start"]
    _selects_by_training_rows = False
    _auto_batch_size = staticmethod(defaults.detector_batch_size)
    _auto_epochs = staticmethod(defaults.detector_epochs)
    _auto_learning_rate = staticmethod(defaults.detector_learning_rate)

    def __init__(
        self,
        n_components="auto",
        *,
        kind="auto",
        architecture="auto",
        scoring="auto",
        novelty=False,
        contamination="auto",
        n_estimators=1,
        standardize=True,
        loss="mse",
        init="random",
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        optimizer="adamw",
        weight_decay=0.01,
        jitter="auto",
        early_stopping=False,
        validation_fraction="auto",
        patience=None,
        device="auto",
        precision="auto",
        checkpoint=None,
        callbacks=None,
        verbose=0,
        random_state=None,
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
    def fit(self, X, y=None):
        """Fit the networks, and what their scores are judged by.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows, as in :meth:`AutoencoderTransformer.fit`.

        y : array-like of shape (n_samples,), default=None
            What is known of some rows: -1 for an anomaly, 1 for a normal row, 0 for all others.
            Networks learn to rebuild known anomalies badly, and known normal rows always well.
            Without any -1 in it `y` is ignored, as by other detectors, and so it is where it
            holds other values.

        Returns
        -------
        self : AutoencoderOutlierDetector
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or `X` is not as described, or if the training diverges.
        """
        X = validate_X(self, X, reset=True, min_samples=2)
        labels = validate_labels(y, X)
        with trainings_of(self, X, y=labels) as trainings:
            vars(self).update(EnsembleFit(self, X, self._score(), labels, trainings).run())
            self._training_scores = self._score_rows(X)
        if self.contamination != "auto":
            return self.set_threshold(contamination=self.contamination)
        least = np.quantile(self._training_scores, _LEAST_CONTAMINATION)
        self.offset_ = max(-self._calibration.auto_threshold(), float(least))
        return self

    def fit_predict(self, X, y=None):
        """Fit, and return which of the training rows are outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        y : array-like of shape (n_samples,), default=None
            As in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype int64
            -1 for outliers and 1 for all others.
        """
        X = at_hand(X)
        return self.fit(X, y).predict(X)

    def score_samples(self, X):
        """Return minus the anomaly score of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), dtype float64
            Higher is more normal; finite however far away a row is. See :mod:`skae.scores` for
            the formulas.
        """
        return self._of_rows(self._score_rows, X)

    def decision_function(self, X):
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

    def predict(self, X):
        """Return which rows are outliers.

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

    def p_values(self, X):
        r"""Return how likely a normal row is to be as anomalous as each of these.

        .. math:: p(x) = \frac{1 + \#\{i : a_i \ge a(x)\}}{n + 1}

        by the anomaly scores of the `n` rows held out. For rows that come from where the training
        rows come from, :math:`P(p(x) \le \alpha) \le \alpha`, whatever the network is worth; this
        is exact with 500 training rows or more, and nearly so with fewer [1]_.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            New rows. Those of the training set look more normal than they are.

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

    def select(self, X, fdr=0.1):
        """Return which rows are outliers, so that few of those named are false alarms.

        The procedure of Benjamini and Hochberg on :meth:`p_values`. The more rows are asked for
        and the fewer were held out, the less can be told: with `n` rows held out and `m` rows of
        which `k` are outliers, ``(n + 1) * fdr * k`` must be at least `m`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            New rows.

        fdr : float in (0, 1), default=0.1
            Largest expected share of normal rows among those selected.

        Returns
        -------
        selected : ndarray of shape (n_samples,), dtype bool
            True for outliers.
        """
        if not _is_share(fdr):
            raise ValueError(f"fdr must be a number in (0, 1), got {fdr!r}.")
        return benjamini_hochberg(self.p_values(X), fdr)

    def set_threshold(self, *, contamination=None, false_positive_rate=None):
        """Move the line that `predict` draws, without fitting again.

        Parameters
        ----------
        contamination : float in (0, 0.5], default=None
            Share of the training rows to be called outliers.

        false_positive_rate : float in (0, 1), default=None
            Largest probability with which a new normal row is called an outlier, by the rows held
            out. Training rows look more normal than new ones, so `contamination` says less of
            those.

        Returns
        -------
        self : AutoencoderOutlierDetector
            With another ``offset_``.

        Raises
        ------
        ValueError
            If not exactly one is given, if it is out of range, or if too few rows were held out
            to tell so small a rate.
        """
        check_is_fitted(self)
        rate = self._one_rate(contamination, false_positive_rate)
        if contamination is not None:
            self.offset_ = float(np.percentile(self._training_scores, 100.0 * rate))
        else:
            self.offset_ = -self._calibration.threshold(rate)
        return self

    def feature_contributions(self, X):
        """Return how much each feature adds to the anomaly score of each row.

        Residuals count for their own feature, by the symmetric root of their inverse covariance
        [1]_. What the code adds is shared out by integrated gradients [2]_ along the way from
        the mean row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        contributions : pandas.DataFrame of shape (n_samples, n_features), dtype float64
            With the names of the features, or `x0`, `x1`, and so on, and the index of `X` if it
            has one. Each row adds up to ``-score_samples``. What a code adds may be negative.

        References
        ----------
        .. [1] P. H. Garthwaite and I. Koch, "Evaluating the contributions of individual variables
           to a quadratic form", Australian and New Zealand Journal of Statistics 58(1), 2016.
        .. [2] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks",
           ICML 2017.
        """
        contributions = self._of_rows(
            lambda rows: self._ensemble.contributions(rows, self.device), X
        )
        names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(contributions, columns=names, index=index)

    def reconstruct(self, X):
        """Return what the networks expect in the place of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Rows.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, ...)
            Mean of the reconstructions, float32 for float32 `X` and float64 otherwise.
        """
        return self._of_rows(self._reconstruct_rows, X)

    def _score(self):
        """Return the score that `scoring` stands for."""
        if isinstance(self.scoring, str) and self.scoring == "auto":
            return Residual() if self.novelty else Joint()
        return resolve_score(self.scoring)

    def _reconstruct_rows(self, X) -> np.ndarray:
        reconstruction = self._ensemble.reconstruct(X, self.device)
        return self._shaped(saturated(reconstruction, output_dtype(X)))

    def _score_rows(self, X) -> np.ndarray:
        return -self._ensemble.scores(X, self.device).mean(axis=0)

    def _one_rate(self, contamination, false_positive_rate) -> float:
        """Return the one of two rates that is given."""
        if (contamination is None) == (false_positive_rate is None):
            raise ValueError(
                f"set_threshold needs either contamination or false_positive_rate, got "
                f"contamination={contamination!r} and false_positive_rate={false_positive_rate!r}."
            )
        if contamination is None:
            if not _is_share(false_positive_rate):
                raise ValueError(
                    f"false_positive_rate must be a number in (0, 1), got {false_positive_rate!r}."
                )
            return false_positive_rate
        if not (_is_share(contamination) and contamination <= 0.5):
            raise ValueError(f"contamination must be a number in (0, 0.5], got {contamination!r}.")
        return contamination

    def _wanted_components(self, kind, filling_rank):
        wide = kind.corruption is not None and isinstance(self.n_components, str)
        return _WIDE_CODE if wide else self.n_components

    def _scaling(self, moments, X, loss):
        if self.standardize == "robust" and loss.rescales:
            return robust_scaling(X, moments)
        return moments.scaling(rescales=loss.rescales, each=bool(self.standardize), limited=True)

    def _fitted_networks(self):
        """Return the fitted networks: what other parts of skae may compute with."""
        return [member.network for member in self._ensemble.members]

    def _takes_missing(self) -> bool:
        """Return whether the fitted networks know of missing values."""
        return self._ensemble.members[0].network.filling_rank is not None

    def __sklearn_is_fitted__(self):
        """Return whether there are networks: what a fit sets first."""
        return hasattr(self, "_ensemble")


def _is_share(value) -> bool:
    return is_number(value) and 0 < value < 1
