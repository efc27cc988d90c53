"""The loss of a table: one loss for each column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch

from skae._utils.table_features import TableFeatures
from skae.losses.column_groups import ColumnGroup, Constants, EntryGroup, LevelGroup
from skae.losses.column_loss import ColumnLoss
from skae.losses.loss import Loss

# Where a baseline is not larger, a column has a single value, up to rounding.
_CONSTANT = 1e-9


class ByColumn(Loss):
    r"""Loss of a table whose columns are not all numbers; each column counts once.

    All losses are in nats: minus the log-likelihood of the column, up to a constant. That of a
    number is half of its loss in units of its standard deviation, as for a normal distribution of
    unit variance.

    The explained fraction of a column is relative to the best constant prediction, such as the
    frequencies of a categorical column:

    .. math:: 1 - \ell_c(x) / \bar\ell_c, \quad
       \bar\ell_c = \min_\theta \operatorname{mean}_i \ell_c(x_i, \theta)

    Parameters
    ----------
    losses : list of Loss or ColumnLoss
        The losses that columns have.

    loss_of_column : ndarray of shape (n_columns,), dtype int
        Index in `losses` for each column.

    sizes : ndarray of shape (n_columns,), dtype int
        Number of features of each column.

    centre, scale : ndarray of shape (n_features,)
        The scaling in front of the network.

    baseline : ndarray of shape (n_columns,) or None, default=None
        Mean error of the best constant prediction of each column; None is 1.
    """

    def __init__(
        self,
        losses: list[Loss | ColumnLoss],
        loss_of_column: np.ndarray,
        sizes: np.ndarray,
        centre: np.ndarray,
        scale: np.ndarray,
        baseline: np.ndarray | None = None,
    ):
        self.losses = losses
        self.loss_of_column = loss_of_column
        self.sizes = sizes
        self.centre = centre
        self.scale = scale
        self.baseline = baseline

    @property
    def has_scale(self) -> bool:  # type: ignore[override]
        """Whether the likelihood of some columns has a learned scale."""
        return any(group.has_scale for group in self._groups)

    @property
    def scale_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """One learned scale for each column."""
        return (len(self.sizes),)

    @property
    def distribution(self) -> str | None:  # type: ignore[override]
        """Name of the distribution, if all columns have one."""
        named = [getattr(loss, "distribution", "") is not None for loss in self.losses]
        return "by column" if all(named) else None

    @cached_property
    def table_columns(self) -> TableFeatures:  # type: ignore[override]
        """Which features belong to one column, and which columns are numbers."""
        plain = [isinstance(loss, Loss) and loss.rescales for loss in self.losses]
        return TableFeatures(
            np.repeat(np.arange(len(self.sizes)), self.sizes),
            np.repeat(np.array(plain)[self.loss_of_column], self.sizes),
        )

    @cached_property
    def _groups(self) -> list[ColumnGroup]:
        """The groups of columns with the same loss."""
        return [
            self._group(loss, np.flatnonzero(self.loss_of_column == number))
            for number, loss in enumerate(self.losses)
        ]

    def _group(self, loss: Loss | ColumnLoss, columns: np.ndarray) -> ColumnGroup:
        features = np.flatnonzero(np.isin(self.table_columns.column, columns))
        place = (columns, features, self.centre, self.scale)
        if isinstance(loss, ColumnLoss):
            return LevelGroup(loss, *place, self.sizes[columns])
        return EntryGroup(loss, *place)

    @cached_property
    def _constants(self) -> Constants:
        """Baselines, and the places of features and columns when the groups are joined."""
        columns, features = (
            np.argsort(np.concatenate([getattr(group, name) for group in self._groups]))
            for name in ("columns", "features")
        )
        baseline = np.ones(len(self.sizes)) if self.baseline is None else self.baseline
        return Constants(
            columns=columns,
            features=features,
            column_of_feature=self.table_columns.column,
            baseline=baseline,
        )

    def __getstate__(self) -> dict:
        """Return the parameters; what follows from them is computed again."""
        return self.get_params(deep=False)

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, group by group."""
        residual = residual.expand(linear.shape)
        return torch.cat([group.output(linear, residual) for group in self._groups], dim=1)

    def output_alone(self, residual: torch.Tensor) -> torch.Tensor:
        """Return the output of a decoder without a linear path, group by group."""
        return torch.cat([group.output_alone(residual) for group in self._groups], dim=1)

    def _each(self, output: torch.Tensor) -> Iterator[tuple[ColumnGroup, torch.Tensor]]:
        """Yield each group and its own output."""
        widths = [group.width for group in self._groups]
        return zip(self._groups, output.split(widths, dim=1), strict=True)

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into a reconstruction, in scaled units."""
        return self._joined([group.reconstruction(own) for group, own in self._each(output)])

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column in nats, of shape (n_samples, n_columns)."""
        return self._by_column([group.losses(own, target) for group, own in self._each(output)])

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        r"""Return deviance residuals, in scaled units (McCullagh and Nelder 1989, section 2.4).

        For a number it is the difference. Otherwise it is the root of twice the loss, with the sign
        of the difference for booleans and counts. A column of levels has its residual in the place
        of its first feature. Only the indicator of levels that `fit` did not see differs from 0
        among its other features: its residual is its scaled value.
        """
        return self._joined([group.residual(own, target) for group, own in self._each(output)])

    def explained(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the explained fraction of each column in each row, (n_samples, n_columns).

        It is 1 for a perfect prediction, and 0 on average for the best constant one. Of numbers,
        it is that of the squared error, whatever their loss.
        """
        losses = self._by_column([group.errors(own, target) for group, own in self._each(output)])
        baseline = self._constants.at("baseline", losses)
        varies, relative = baseline > _CONSTANT, losses / baseline.clamp_min(_CONSTANT)
        return 1 - torch.where(varies, relative, (losses > _CONSTANT).to(losses))

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability (density) of each column, (n_samples, n_columns)."""
        return self._by_column(
            [group.log_likelihood(own, target, log_scale) for group, own in self._each(output)]
        )

    def of_entries(self, mask: torch.Tensor) -> torch.Tensor:
        """Return a mask of the columns in which some feature is marked."""
        index = self._constants.at("column_of_feature", mask)
        found = torch.zeros(len(mask), len(self.sizes), dtype=torch.uint8, device=mask.device)
        return found.index_add_(1, index, mask.to(torch.uint8)) > 0

    def with_baseline(self, rows: torch.Tensor, weight: torch.Tensor) -> ByColumn:
        """Return this loss with baselines from scaled rows that may have NaN.

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        weight : torch.Tensor of shape (n_samples,)
            Their weights.
        """
        rows, known = rows.double(), ~self.of_entries(torch.isnan(rows))
        weights = known * weight.double()[:, None]
        weights = weights / weights.sum(0).clamp_min(torch.finfo(torch.float64).tiny)
        found = [group.baseline(torch.nan_to_num(rows), weights) for group in self._groups]
        columns = np.concatenate([group.columns for group in self._groups])
        baseline = np.empty(len(self.sizes))
        baseline[columns] = torch.cat(found).cpu().numpy()
        return ByColumn(
            self.losses, self.loss_of_column, self.sizes, self.centre, self.scale, baseline
        )

    def _joined(self, blocks: list[torch.Tensor]) -> torch.Tensor:
        """Return features of all groups in the order of the table."""
        return torch.cat(blocks, dim=1).index_select(1, self._constants.at("features", blocks[0]))

    def _by_column(self, blocks: list[torch.Tensor]) -> torch.Tensor:
        """Return one value per column, in the order of the table."""
        return torch.cat(blocks, dim=1).index_select(1, self._constants.at("columns", blocks[0]))
