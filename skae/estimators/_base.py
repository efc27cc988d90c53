"""The base of all estimators: shared parameters, fitting, and inference."""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import check_is_fitted

from skae._data.moments import Moments
from skae._data.scaling import Scaling
from skae._data.sources import blocks, is_source, joined
from skae._data.validation import output_dtype, validate_X
from skae._fitting import defaults
from skae._fitting.fitting import Fit
from skae._fitting.progress import CallbackSupportMixin
from skae._fitting.trainings import Trainings
from skae._network.fitted_network import FittedNetwork
from skae._utils.checks import LARGEST
from skae._utils.named_parts import NamedPartsMixin
from skae._utils.sklearn_private import Interval, StrOptions
from skae.architectures import ARCHITECTURES
from skae.estimators._saving import SavingMixin
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, Loss

# Entries of the dense codes that are made sparse at once.
_DENSE_ENTRIES = 2**22
# Rates and strengths of noise beyond are out of the range of float32 after a few products.
_LARGEST_RATE = 1e30


class BaseAutoencoder(SavingMixin, CallbackSupportMixin, NamedPartsMixin):
    """Base class of all estimators.

    It holds the parameters that all share, and the single path from `X` to a fitted network
    and from a network to arrays. Think twice before adding to it: what belongs to one role
    belongs into the estimator of that role.
    """

    _part_registries = {"kind": KINDS, "architecture": ARCHITECTURES, "loss": LOSSES}

    _parameter_constraints: dict = {
        "n_components": [
            StrOptions({"auto"}),
            Interval(Integral, 1, LARGEST, closed="both"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "kind": "no_validation",  # resolve_part has the better sentences
        "architecture": "no_validation",
        "loss": "no_validation",
        "init": [StrOptions({"pca", "random"})],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, LARGEST, closed="both")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, LARGEST, closed="both")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, _LARGEST_RATE, closed="right")],
        "optimizer": "no_validation",
        "weight_decay": [Interval(Real, 0, _LARGEST_RATE, closed="both")],
        "jitter": [StrOptions({"auto"}), Interval(Real, 0, _LARGEST_RATE, closed="both")],
        "early_stopping": ["boolean"],
        "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither")],
        "patience": [None, Interval(Integral, 1, LARGEST, closed="both")],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "float64", "bfloat16"})],
        "warm_start": ["boolean"],
        "checkpoint": [None, str, os.PathLike],
        "callbacks": [None, list, tuple],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Whether features without any known value are no error.
    _keeps_empty_features = False
    # Whether the best weights are chosen by training rows where none are held out.
    _selects_by_training_rows = True
    _auto_batch_size = staticmethod(defaults.auto_batch_size)
    _auto_epochs = staticmethod(defaults.auto_epochs)
    _auto_learning_rate = staticmethod(defaults.auto_learning_rate)

    def __init__(
        self,
        n_components="auto",
        *,
        kind="undercomplete",
        architecture="dense",
        loss="mse",
        init="pca",
        max_epochs="auto",
        batch_size="auto",
        learning_rate="auto",
        optimizer="adamw",
        weight_decay=0.01,
        jitter="auto",
        early_stopping=True,
        validation_fraction="auto",
        patience=None,
        device="auto",
        precision="auto",
        warm_start=False,
        checkpoint=None,
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.kind = kind
        self.architecture = architecture
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
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _fit(self, X, weight, trainings: Trainings, previous: dict | None, *, one_pass=False):
        """Fit a network, and only then let the estimator know of it."""
        fit = Fit(self, X, trainings, weight, previous)
        if one_pass:
            fit.train_once()
        else:
            fit.train()
        if fit.interruption is not None:
            trainings.interrupt(f"interrupted the training {fit.interruption}")
        return self._take(fit.attributes())

    def _take(self, attributes: dict):
        """Take what a fit leaves here."""
        for name in getattr(self, "_of_kind", ()):  # the kind may be another one now
            vars(self).pop(name, None)
        vars(self).update(attributes)
        return self

    def _wanted_components(self, kind: Kind, filling_rank: int | None) -> int | float | str:
        """Return the size of the code as it was asked for, or as suits what fills its gaps."""
        return self.n_components

    def _scaling(self, moments: Moments, X, loss: Loss) -> Scaling:
        """Return what is to stand between `X` and the network."""
        return moments.scaling(rescales=loss.rescales)

    def _fitted_networks(self) -> list[FittedNetwork]:
        """Return the fitted networks: what other parts of skae may compute with."""
        return [self._fitted]

    def _encode(self, X) -> np.ndarray:
        """Return the codes of validated rows."""
        return self._fitted.encode(X, self.device, output_dtype(X))

    def _encode_sparse(self, X) -> sp.csr_matrix:
        """Return the codes of validated rows as a CSR matrix, never all of them as dense ones."""
        step = max(1, _DENSE_ENTRIES // self.n_components_)
        blocks = (self._encode(X[i : i + step]) for i in range(0, X.shape[0], step))
        return sp.vstack([sp.csr_matrix(block) for block in blocks], format="csr")

    def _decode(self, Z: np.ndarray) -> np.ndarray:
        """Return the reconstructions of validated codes, in the shape that fit was given."""
        return self._shaped(self._fitted.decode(Z, self.device, output_dtype(Z)))

    def _shaped(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in the shape that fit was given."""
        return rows.reshape(len(rows), *self.sample_shape_)

    def _reconstruct(self, X) -> np.ndarray:
        """Return the reconstructions of validated rows."""
        reconstruction = np.empty(X.shape, dtype=output_dtype(X))
        for rows, block in self._fitted.reconstructions(X, self.device, reconstruction.dtype):
            reconstruction[rows] = block
        return self._shaped(reconstruction)

    def _squared_errors(self, X) -> np.ndarray:
        """Return ``||(x - x_hat) / scale||^2`` of each validated row, in float64.

        Over its known values.
        In units of the scale, since squares in units of `X` may be out of range.
        """
        return self._fitted.squared_errors(X, self.device)

    def _of_rows(self, function: Callable, X):
        """Return what a function makes of rows that come after the fit.

        Of a source block by block, so that the rows of few blocks are in memory at a time. For
        functions that look at each row by itself.
        """
        check_is_fitted(self)
        if not is_source(X):
            return function(self._validate_again(X))
        return joined(function(self._validate_again(block)) for block in blocks(X))

    def _validate_again(self, X):
        """Validate rows that come after the fit."""
        check_is_fitted(self)
        return validate_X(self, X, reset=False)

    def _takes_missing(self) -> bool:
        """Return whether the fitted network knows of missing values."""
        return self._fitted.filling_rank is not None

    def __sklearn_is_fitted__(self):
        """Return whether there is a network: what a fit sets last."""
        return hasattr(self, "_fitted")

    def __sklearn_tags__(self):
        """State what goes in and what comes out."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
