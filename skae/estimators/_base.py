"""The base class of all estimators: common parameters, and validation of rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from skae._data.sources import blocks, is_source, joined
from skae._data.validation import validate_X
from skae._fitting.progress import CallbackSupportMixin
from skae._network.fitted_network import FittedNetwork
from skae._utils.checks import LARGEST
from skae._utils.named_parts import NamedPartsMixin
from skae._utils.sklearn_private import Interval, StrOptions
from skae.architectures import ARCHITECTURES
from skae.estimators._saving import SavingMixin
from skae.kinds import KINDS
from skae.losses import LOSSES

# Larger rates and noise levels leave the range of float32 after a few products.
_LARGEST_RATE = 1e30


class BaseAutoencoder(SavingMixin, CallbackSupportMixin, NamedPartsMixin):
    """Base class of all estimators.

    It holds the common parameters and the validation of rows. Add only what all estimators need;
    anything else belongs in the estimator that needs it.
    """

    _part_registries = {"kind": KINDS, "architecture": ARCHITECTURES, "loss": LOSSES}

    _parameter_constraints: dict = {
        "n_components": [
            StrOptions({"auto"}),
            Interval(Integral, 1, LARGEST, closed="both"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "kind": "no_validation",  # resolve_part has better error messages
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
        "checkpoint": [None, str, os.PathLike],
        "callbacks": [None, list, tuple],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Whether features without any observed value are allowed.
    _keeps_empty_features = False

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
        self.checkpoint = checkpoint
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _fitted_networks(self) -> list[FittedNetwork]:
        """Return the fitted networks, also for other packages of skae."""
        raise NotImplementedError

    def _takes_missing(self) -> bool:
        """Return whether the fitted networks accept missing values."""
        return self._fitted_networks()[0].spec.takes_missing

    def _shaped(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in the sample shape of the training rows."""
        return rows.reshape(len(rows), *self.sample_shape_)

    def _of_rows(self, function: Callable, X):
        """Validate rows after the fit, and return the results of a function for them.

        The function must treat each row independently. Rows that come in batches are processed
        block by block, so that only a few blocks are in memory at a time.
        """
        if not is_source(X):
            return function(self._validate_again(X))
        return joined(function(self._validate_again(block)) for block in blocks(X))

    def _validate_again(self, X):
        """Validate rows that a method receives after the fit."""
        check_is_fitted(self)
        return validate_X(self, X, reset=False)

    def __sklearn_tags__(self):
        """State that sparse matrices and NaN are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
