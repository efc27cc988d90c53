"""The base class of all estimators: common parameters, and validation of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from skae._data.matrix import MatrixLike
from skae._data.sources import blocks, is_source, joined
from skae._fitting.progress import CallbackSupportMixin
from skae._network.fitted_network import FittedNetwork
from skae._tables.table_form import AS_VALUES, TableForm
from skae._tables.validation import validate_rows
from skae._training.callbacks import CallbacksLike
from skae._utils.checks import LARGEST
from skae._utils.named_parts import NamedPartsMixin
from skae._utils.random_state import RandomStateLike
from skae._utils.sklearn_private import (
    Interval,
    StrOptions,
    feature_names_in,
    in_wanted_container,
)
from skae.architectures import ARCHITECTURES, Architecture
from skae.columns import COLUMN_RULES, Columns, TableColumns
from skae.estimators._saving import SavingMixin
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, Loss

# Larger rates and noise levels leave the range of float32 after a few products.
_LARGEST_RATE = 1e30

# What the parameters ``loss`` and ``optimizer`` may be.
LossLike = str | Loss | Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | dict[str, Any]
OptimizerLike = str | type[torch.optim.Optimizer]


class BaseAutoencoder(SavingMixin, CallbackSupportMixin, NamedPartsMixin):
    """Base class of all estimators.

    It holds the common parameters and the validation of rows. Add only what all estimators need;
    anything else belongs in the estimator that needs it.
    """

    _part_registries = {
        "kind": KINDS,
        "architecture": ARCHITECTURES,
        "columns": COLUMN_RULES,
        "loss": LOSSES,
    }

    n_features_in_: int
    sample_shape_: tuple[int, ...]
    n_components_: int
    kind_: Kind
    architecture_: Architecture
    columns_: TableColumns | None = None
    mean_: np.ndarray
    scale_: float | np.ndarray
    device_: str
    precision_: str
    batch_size_: int
    learning_rate_: float
    n_epochs_: int
    history_: pd.DataFrame

    _parameter_constraints: dict = {
        "n_components": [
            StrOptions({"auto"}),
            Interval(Integral, 1, LARGEST, closed="both"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "kind": "no_validation",  # resolve_part has better error messages
        "architecture": "no_validation",
        "columns": "no_validation",
        "loss": "no_validation",
        "init": [StrOptions({"pca", "random"})],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, LARGEST, closed="both")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, LARGEST, closed="both")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, _LARGEST_RATE, closed="right")],
        "optimizer": "no_validation",
        "optimizer_params": "no_validation",  # resolve_optimizer has better error messages
        "weight_decay": [Interval(Real, 0, _LARGEST_RATE, closed="both")],
        "jitter": [StrOptions({"auto"}), Interval(Real, 0, _LARGEST_RATE, closed="both")],
        "early_stopping": ["boolean"],
        "validation_fraction": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither")],
        "patience": [None, Interval(Integral, 1, LARGEST, closed="both")],
        "device": [str, torch.device],
        "precision": [StrOptions({"auto", "float32", "float64", "bfloat16"})],
        "checkpoint": [None, str, os.PathLike],
        "callbacks": "no_validation",  # checked_callbacks has better error messages
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # Whether features without any observed value are allowed.
    _keeps_empty_features = False

    def __init__(
        self,
        n_components: int | float | str = "auto",
        *,
        kind: str | Kind = "undercomplete",
        architecture: str | Architecture = "dense",
        columns: str | Columns | None = "from_dtype",
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
        checkpoint: str | os.PathLike | None = None,
        callbacks: CallbacksLike = None,
        verbose: int = 0,
        random_state: RandomStateLike = None,
    ):
        self.n_components = n_components
        self.kind = kind
        self.architecture = architecture
        self.columns = columns
        self.loss = loss
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.optimizer_params = optimizer_params
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

    def _set(self, attributes: Mapping[str, Any]) -> None:
        """Set fitted attributes."""
        for name, value in attributes.items():
            setattr(self, name, value)

    def _fitted_networks(self) -> list[FittedNetwork]:
        """Return the fitted networks, also for other packages of skae."""
        raise NotImplementedError

    def _takes_missing(self) -> bool:
        """Return whether the fitted networks accept missing values."""
        return self._fitted_networks()[0].spec.takes_missing

    def _shaped(self, rows: np.ndarray) -> np.ndarray:
        """Return rows in the sample shape of the training rows."""
        if self.columns_ is not None:
            return rows
        return rows.reshape(len(rows), *self.sample_shape_)

    def _framed(self, rows: np.ndarray, X: MatrixLike, form: TableForm = AS_VALUES) -> Any:
        """Return rebuilt rows as the frame that ``set_output`` asks for, or as they are.

        Frames have the names of the features of `fit`, and the index of `X` if it is a frame.
        Samples with several axes, such as images, stay arrays. Tables whose columns are not all
        numbers have the columns of `fit` again.
        """
        if self.columns_ is not None:
            return form.table(self.columns_, rows, getattr(X, "index", None))
        form.check_numbers(type(self).__name__)
        if rows.ndim != 2:
            return rows
        return in_wanted_container(self, rows, X, feature_names_in(self, None))

    def _of_rows(self, function: Callable, X: MatrixLike) -> Any:
        """Validate rows after the fit, and return the results of a function for them.

        The function must treat each row independently. Rows that come in batches are processed
        block by block, so that only a few blocks are in memory at a time.
        """
        if not is_source(X):
            return function(self._validate_again(X))
        return joined(function(self._validate_again(block)) for block in blocks(X))

    def _validate_again(self, X: MatrixLike) -> Any:
        """Validate rows that a method receives after the fit."""
        check_is_fitted(self)
        return validate_rows(self, X, reset=False)

    def __sklearn_tags__(self) -> Any:
        """State that sparse matrices and NaN are accepted."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
