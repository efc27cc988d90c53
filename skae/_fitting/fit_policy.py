"""The policy of a fit: the parameters of its estimator, resolved, and the rules of its role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from skae._fitting import defaults
from skae._fitting.scaling_rules import ScalingRule, one_scale
from skae._fitting.table_loss import ColumnLosses
from skae._runtime.device import resolve_device
from skae._training.callbacks import NamedCallback, checked_callbacks
from skae._training.optimizer import OptimizerMaker, resolve_optimizer
from skae._utils.named_parts import resolve_part
from skae.architectures import Architecture
from skae.columns import TableColumns
from skae.kinds import Kind
from skae.losses import COLUMN_LOSSES, LOSSES, MSE, ColumnLoss, FunctionLoss, Loss


@dataclass(frozen=True)
class FitPolicy:
    """The parameters and rules that a fit takes from its estimator.

    An estimator makes its policy inside ``fit`` and hands it down; the policy is neither stored
    nor pickled. The first parameters are those of the estimators, with names replaced by objects;
    the others are the rules that differ between the estimators.

    Parameters
    ----------
    kind, architecture, loss : Kind, Architecture, Loss
        The parts.

    n_components : int, float in (0, 1), "auto" or "filling rank"
        Size of the latent code. "filling rank" means the rank of the normal distribution that
        fills missing values.

    init, max_epochs, batch_size, learning_rate, weight_decay, jitter, early_stopping, \
    validation_fraction, patience, precision : object
        As in the estimators.

    optimizer : type or callable
        A class of ``torch.optim``, or one with some of its parameters.

    device : torch.device
        The device to compute on.

    callbacks : list of Callback or (str, Callback)
        The user's callbacks.

    sample_shape : tuple of int
        Shape of one sample.

    verbose : int, default=0
        As in the estimators.

    rules : defaults.Rules, default=defaults.GENERAL
        The rules for "auto".

    scaling : ScalingRule, default=one_scale
        The rule for the scaling in front of the network.

    validates_on_training_rows : bool, default=True
        Whether training rows choose the best weights if there are no validation rows.

    table : TableColumns or None, default=None
        The columns of a table that are not all numbers; None for numbers.

    column_losses : mapping of str to Loss or ColumnLoss
        Losses of single columns of the table.
    """

    kind: Kind
    architecture: Architecture
    loss: Loss
    n_components: int | float | str
    init: str
    max_epochs: int | str
    batch_size: int | str
    learning_rate: float | str
    optimizer: OptimizerMaker
    weight_decay: float
    jitter: float | str
    early_stopping: bool
    validation_fraction: float | str
    patience: int | None
    device: torch.device
    precision: str
    callbacks: list[NamedCallback]
    sample_shape: tuple[int, ...]
    verbose: int = 0
    rules: defaults.Rules = defaults.GENERAL
    scaling: ScalingRule = one_scale
    validates_on_training_rows: bool = True
    table: TableColumns | None = None
    column_losses: ColumnLosses = field(default_factory=dict)

    @classmethod
    def of(cls, estimator: Any, **of_role: Any) -> FitPolicy:
        """Return the policy of an estimator that has seen the shape of a sample.

        Parameters
        ----------
        estimator : BaseAutoencoder
            The estimator whose parameters are read.

        **of_role : dict
            Parameters of the policy, by name, that the estimator sets itself.

        Raises
        ------
        ValueError, TypeError
            If a part, the optimizer, the device or a callback is not valid.
        """
        same = (
            *("n_components", "init", "max_epochs", "batch_size", "learning_rate"),
            *("weight_decay", "jitter", "early_stopping", "validation_fraction", "patience"),
            *("precision", "verbose"),
        )
        known = {name: getattr(estimator, name) for name in same}
        known |= resolve_parts(estimator)._asdict()
        table = getattr(estimator, "columns_", None)
        known |= {
            "table": table,
            "column_losses": resolve_column_losses(estimator.loss, table),
            "optimizer": resolve_optimizer(estimator.optimizer, estimator.optimizer_params),
            "callbacks": checked_callbacks(estimator.callbacks),
            "device": resolve_device(estimator.device),
            "sample_shape": estimator.sample_shape_ if table is None else (table.n_features,),
        }
        return cls(**{**known, **of_role})


class Parts(NamedTuple):
    """The parts of an estimator as objects."""

    kind: Kind
    architecture: Architecture
    loss: Loss


def resolve_parts(estimator: Any) -> Parts:
    """Return the kind, the architecture and the loss that the parameters stand for."""
    loss = MSE() if isinstance(estimator.loss, dict) else estimator.loss
    if callable(loss) and not isinstance(loss, Loss | type):
        loss = FunctionLoss(loss)
    known = estimator._part_registries
    return Parts(
        kind=resolve_part(estimator.kind, "kind", known["kind"], Kind).resolved(),
        architecture=resolve_part(
            estimator.architecture, "architecture", known["architecture"], Architecture
        ),
        loss=resolve_part(loss, "loss", known["loss"], Loss),
    )


def resolve_column_losses(loss: Any, table: TableColumns | None) -> ColumnLosses:
    """Return the losses of single columns, if the parameter ``loss`` is a dictionary of them.

    Raises
    ------
    ValueError
        If a column is unknown, or cannot have this loss.
    """
    if not isinstance(loss, dict):
        return {}
    if table is None:
        raise ValueError(
            f"loss={loss!r} has a loss for single columns, but X holds numbers only: give one loss "
            f"for all features, or say what the columns are, columns=Columns(numeric=[...])."
        )
    return {str(name): _loss_of_column(name, value, table) for name, value in loss.items()}


def _loss_of_column(name: Any, value: Any, table: TableColumns) -> Loss | ColumnLoss:
    column = next((c for c in table.columns if str(c.name) == str(name)), None)
    if column is None:
        known = [str(c.name) for c in table.columns[:9]]
        raise ValueError(f"loss names the column {name!r}, but the columns of X are {known}.")
    where = f"loss of column {name!r}"
    if column.role != "number":
        known_losses: Any = {**LOSSES, **COLUMN_LOSSES}
        of_role = known_losses[column.loss]
        return resolve_part(value, where, {column.loss: of_role}, of_role)
    if callable(value) and not isinstance(value, Loss | type):
        value = FunctionLoss(value)
    loss = resolve_part(value, where, LOSSES, Loss)
    if not loss.rescales:
        raise ValueError(
            f"{where} cannot be {loss!r}, which is not for numbers of any size: name a loss such "
            f"as 'huber', or give the column another role with columns=Columns(...)."
        )
    return loss
