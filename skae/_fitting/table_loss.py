"""Scaling and loss of a table whose columns are not all numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._data.scaling import LIMIT, Scaling
from skae.columns import TableColumns
from skae.losses import COLUMN_LOSSES, LOSSES, ByColumn, ColumnLoss, Loss

# Largest number of rows from which the losses of constant predictions are computed.
_ROWS_OF_BASELINES = 50_000

# Losses of one column, by its name.
ColumnLosses = Mapping[str, Loss | ColumnLoss]


def table_scaling(table: TableColumns, moments: Moments, of_numbers: Scaling) -> Scaling:
    """Return the scaling that turns PCA into factor analysis of mixed data.

    Each number has unit variance, and each indicator of a level is divided by the root of its
    frequency (Pagès 2004), so that all columns together weigh the same.

    Parameters
    ----------
    table : TableColumns
        The columns.

    moments : Moments
        Moments of the encoded rows.

    of_numbers : Scaling
        The scaling that the estimator chooses for numbers. If it divides all features by one
        number, each column of numbers is standardised instead.
    """
    centre = moments.mean.copy()
    scale = table.scales(moments.mean, moments.deviations)
    if np.ndim(of_numbers.scale):
        numbers = table.is_number
        centre[numbers] = of_numbers.centre[numbers]
        scale[numbers] = np.asarray(of_numbers.scale)[numbers]
    return Scaling(centre, scale, LIMIT)


def table_loss(
    table: TableColumns,
    of_numbers: Loss,
    of_columns: ColumnLosses,
    rows: Rows,
    weight: torch.Tensor,
    scaling: Scaling,
) -> ByColumn:
    """Return the loss of a table, in which each column counts once.

    Parameters
    ----------
    table : TableColumns
        The columns.

    of_numbers : Loss
        The loss of columns of numbers.

    of_columns : mapping of str to Loss or ColumnLoss
        Losses of single columns by name, instead of those that follow from their sort.

    rows : Rows
        The scaled rows.

    weight : torch.Tensor of shape (n_samples,)
        Their weights.

    scaling : Scaling
        The scaling of the rows.
    """
    losses: list[Loss | ColumnLoss] = []
    index = []
    for column in table.columns:
        loss = of_columns.get(str(column.name))
        if loss is None:
            loss = of_numbers if column.role == "number" else _default(column.loss)
        place = next((i for i, known in enumerate(losses) if _is_same(known, loss)), len(losses))
        if place == len(losses):
            losses.append(loss)
        index.append(place)
    made = ByColumn(
        losses,
        np.array(index),
        np.array([column.n_features for column in table.columns]),
        scaling.centre,
        np.broadcast_to(scaling.scale, scaling.centre.shape).copy(),
    )
    step = max(1, -(-len(rows) // _ROWS_OF_BASELINES))
    some = torch.arange(0, len(rows), step, device=rows.device)
    return made.with_baseline(rows.take(some), weight[some])


def _default(name: str) -> Loss | ColumnLoss:
    return LOSSES[name]() if name in LOSSES else COLUMN_LOSSES[name]()


def _is_same(a: Loss | ColumnLoss, b: Loss | ColumnLoss) -> bool:
    return type(a) is type(b) and a.get_params(deep=False) == b.get_params(deep=False)
