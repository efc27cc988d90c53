"""The autoencoder as a detector of outliers and novelties."""
from __future__ import annotations
from numbers import Integral, Real
import numpy as np
import pandas as pd
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted
from skae._sklearn_private import Interval, StrOptions, fit_context
from skae.architectures import ARCHITECTURES, Dense
from skae.base import BaseAutoencoder
from skae.base.calibration import benjamini_hochberg
from skae.base.ensemble_fitting import EnsembleFit
from skae.base.validation import validate_X
from skae.corruptions import Gaussian
from skae.kinds import KINDS, Denoising
from skae.losses import LOSSES
from skae.named_parts import resolve_part
from skae.scores import SCORES, Score
from skae.training import defaults

def _auto_kind():
    return Denoising(Gaussian(level=(0.02, 0.5)))

def _auto_architecture():
    return Dense(hidden_layer_sizes=(256,))

class AutoencoderOutlierDetector(OutlierMixin, BaseAutoencoder):
    _part_registries = {
        "kind": {**KINDS, "auto": _auto_kind},
        "architecture": {**ARCHITECTURES, "auto": _auto_architecture},
        "loss": LOSSES,
        "scoring": SCORES,
    }
    _parameter_constraints = {
        **BaseAutoencoder._parameter_constraints,
        "scoring": "no_validation",
        "novelty": ["boolean"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 0.5, closed="right")],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "standardize": ["boolean", StrOptions({"robust"})],
    }
    del _parameter_constraints["warm_start"]
    _selects_by_training_rows = False
    _auto_batch_size = staticmethod(defaults.detector_batch_size)
    _auto_epochs = staticmethod(defaults.detector_epochs)

    def __init__(self, n_components="auto", *, kind="auto", architecture="auto", scoring="residual", novelty=False, contamination="auto", n_estimators=1, standardize=True, loss="mse", init="random", max_epochs="auto", batch_size="auto", learning_rate="auto", optimizer="adamw", weight_decay=0.01, jitter="auto", early_stopping=False, validation_fraction="auto", patience=None, device="auto", precision="auto", callbacks=None, verbose=0, random_state=None):
        self.n_components = n_components
        self.kind = kind
        self.architecture = architecture
        self.scoring = scoring
        self.novelty = novelty
        self.contamination = contamination
        self.n_estimators = n_estimators
        self.standardize = standardize
        self.loss = loss
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.weight_decay = weight_decay
        self.jitter = jitter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.precision = precision
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        X = validate_X(self, X, reset=True, min_samples=2)
        score = resolve_part(self.scoring, "scoring", SCORES, Score)
        labels = np.zeros(X.shape[0], int)
        vars(self).update(EnsembleFit(self, X, score, labels).run())
        if self.contamination == "auto":
            self.offset_ = -self._calibration.auto_threshold()
        elif self.novelty:
            self.offset_ = -self._calibration.threshold(self.contamination)
        else:
            self.offset_ = float(np.percentile(-self._scores(X).mean(axis=0), 100.0 * self.contamination))
        return self

    def _scores(self, X):
        return self._ensemble.scores(X, self.device)

    def score_samples(self, X):
        return -self._scores(self._validate_again(X)).mean(axis=0)

    def decision_function(self, X):
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X):
        return self._calibration.p_values(self._scores(self._validate_again(X)))

    def select(self, X, fdr=0.1):
        return benjamini_hochberg(self.p_values(X), fdr)

    def set_threshold(self, *, contamination=None, false_positive_rate=None):
        self.offset_ = -self._calibration.threshold(false_positive_rate)
        return self

    def feature_contributions(self, X):
        X = self._validate_again(X)
        return pd.DataFrame(self._ensemble.contributions(X, self.device))

    def _wanted_components(self, kind):
        if self.n_components == "auto" and kind.corruption is not None:
            return 64
        return self.n_components

    def _scaling(self, moments, X, loss):
        return moments.scaling(rescales=loss.rescales, each=True)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_ensemble")
