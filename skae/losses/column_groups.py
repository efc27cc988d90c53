"""Columns of a table that have the same loss, computed at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

from skae.losses.column_loss import ColumnLoss
from skae.losses.loss import Loss

# Smaller losses have the residual of this one: the gradient of a root is infinite at zero.
_SMALLEST_LOSS = 1e-6


class Constants:
    """Arrays as tensors on the device of other tensors; floats in their dtype.

    Parameters
    ----------
    **arrays : ndarray
        The arrays by name.
    """

    def __init__(self, **arrays: np.ndarray):
        self.arrays = arrays
        self._tensors: dict[tuple[str, torch.device, torch.dtype], torch.Tensor] = {}

    def at(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """Return an array as a tensor on the device of `like`, and in its dtype if it is float."""
        key = name, like.device, like.dtype
        if key not in self._tensors:
            tensor = torch.from_numpy(np.ascontiguousarray(self.arrays[name]))
            dtype = like.dtype if tensor.is_floating_point() else tensor.dtype
            self._tensors[key] = tensor.to(like.device, dtype)
        return self._tensors[key]


class ColumnGroup(ABC):
    """Columns with the same loss.

    Rows are whole rows in scaled units. The output of a group is a block of ``width`` columns in an
    order of its own, which only the group reads.

    Parameters
    ----------
    columns : ndarray of shape (n_columns,), dtype int
        Indices of the columns.

    features : ndarray of shape (n_features,), dtype int
        Indices of their features.
    """

    has_scale = False
    width: int
    constants: Constants

    def __init__(self, columns: np.ndarray, features: np.ndarray):
        self.columns, self.features = columns, features

    @abstractmethod
    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, width)."""

    @abstractmethod
    def output_alone(self, residual: torch.Tensor) -> torch.Tensor:
        """Return the output of a decoder without a linear path, (n_samples, width)."""

    @abstractmethod
    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the group into scaled reconstructions, (n_samples, n_features)."""

    @abstractmethod
    def losses(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column, (n_samples, n_columns)."""

    def errors(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the errors by which the explained fraction is measured, as :meth:`losses`."""
        return self.losses(output, target)

    @abstractmethod
    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return deviance residuals, as ``ByColumn.residual``, (n_samples, n_features)."""

    @abstractmethod
    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability (density) of each column, (n_samples, n_columns)."""

    @abstractmethod
    def baseline(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return mean errors of the best constant predictions, of shape (n_columns,).

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_features)
            Scaled rows without NaN.

        weights : torch.Tensor of shape (n_samples, n_columns)
            Weights of the values of all columns of the table; each adds up to 1.
        """

    def weights_of(self, weights: torch.Tensor) -> torch.Tensor:
        """Return the weights of the columns of the group."""
        return weights.index_select(1, self.constants.at("columns", weights))


def deviance_residual(losses: torch.Tensor) -> torch.Tensor:
    """Return the root of twice the losses; its gradient is finite where they are 0."""
    return (2 * losses).clamp_min(_SMALLEST_LOSS).sqrt()


class EntryGroup(ColumnGroup):
    """Columns of one feature each, with a loss of entries, such as numbers and booleans.

    Parameters
    ----------
    loss : Loss
        The loss. It works in scaled units if it rescales, and otherwise in those of the encoding.

    columns, features : ndarray
        As in :class:`ColumnGroup`.

    centre, scale : ndarray of shape (n_all_features,)
        Scaling of all features of the table.
    """

    def __init__(
        self,
        loss: Loss,
        columns: np.ndarray,
        features: np.ndarray,
        centre: np.ndarray,
        scale: np.ndarray,
    ):
        super().__init__(columns, features)
        self.loss, self.has_scale, self.width = loss, loss.has_scale, len(features)
        self.constants = Constants(
            columns=columns, features=features, centre=centre[features], scale=scale[features]
        )

    def _own(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the features of the group, in the units of the loss."""
        block = rows.index_select(1, self.constants.at("features", rows))
        if self.loss.rescales:
            return block
        scale, centre = (self.constants.at(name, block) for name in ("scale", "centre"))
        return torch.addcmul(centre, block, scale)

    def _scaled(self, block: torch.Tensor) -> torch.Tensor:
        if self.loss.rescales:
            return block
        return (block - self.constants.at("centre", block)) / self.constants.at("scale", block)

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, width)."""
        return self.loss.output(self._own(linear), self.output_alone(residual))

    def output_alone(self, residual: torch.Tensor) -> torch.Tensor:
        """Return the output of a decoder without a linear path, (n_samples, width)."""
        return residual.index_select(1, self.constants.at("features", residual))

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the group into scaled reconstructions, (n_samples, n_features)."""
        return self._scaled(self.loss.reconstruction(output))

    def losses(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column; half of it for numbers, which is in nats."""
        losses = self.loss.elementwise(output, self._own(target))
        return 0.5 * losses if self.loss.rescales else losses

    def errors(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return squared errors of numbers, and losses of others."""
        if not self.loss.rescales:
            return self.losses(output, target)
        return torch.square(self.loss.reconstruction(output) - self._own(target))

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return differences of numbers, and signed deviance residuals of others."""
        difference = self._own(target) - self.loss.reconstruction(output)
        if self.loss.rescales:
            return difference
        return deviance_residual(self.losses(output, target)) * difference.sign()

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability (density) of each column, (n_samples, n_columns)."""
        if log_scale is not None:
            log_scale = log_scale[self.constants.at("columns", output)]
        return self.loss.log_likelihood(output, self._own(target), log_scale)

    def baseline(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return variances of numbers, and mean losses of others, of shape (n_columns,)."""
        target, weights = self._own(rows), self.weights_of(weights)
        mean = (weights * target).sum(0).expand(target.shape)
        if self.loss.rescales:
            return (weights * torch.square(target - mean)).sum(0)
        return (weights * self.loss.elementwise(self.loss.output_of(mean), target)).sum(0)


class LevelGroup(ColumnGroup):
    """Columns of several features each, or with a loss of whole columns.

    The output is the block of the loss, flattened, and the features that the loss does not see.

    Parameters
    ----------
    loss : ColumnLoss
        The loss.

    columns, features, centre, scale : ndarray
        As in :class:`EntryGroup`.

    sizes : ndarray of shape (n_columns,), dtype int
        Number of features of each column.
    """

    def __init__(
        self,
        loss: ColumnLoss,
        columns: np.ndarray,
        features: np.ndarray,
        centre: np.ndarray,
        scale: np.ndarray,
        sizes: np.ndarray,
    ):
        super().__init__(columns, features)
        self.loss = loss
        modelled = sizes - loss.n_unmodelled
        starts = np.cumsum(sizes) - sizes
        steps = np.arange(modelled.max())
        valid = steps < modelled[:, None]
        places = np.where(valid, starts[:, None] + steps, starts[:, None])
        self.shape, self.n_places = valid.shape, valid.size
        # Where each feature of the group is in the output.
        back = np.full(len(features), -1)
        back[places[valid]] = np.flatnonzero(valid)
        others = np.flatnonzero(back < 0)
        back[others] = valid.size + np.arange(len(others))
        self.width = valid.size + len(others)
        places, others = features[places.ravel()], features[others]
        self.constants = Constants(
            columns=columns,
            valid=valid,
            places=places,
            others=others,
            back=back,
            centre=centre[places],
            scale=scale[places],
            centre_in_order=centre[features],
            scale_in_order=scale[features],
        )

    def _encoded(self, rows: torch.Tensor) -> torch.Tensor:
        """Return features as a block of (n_samples, n_columns, n_places), in encoded units."""
        block = rows.index_select(1, self.constants.at("places", rows))
        scale, centre = (self.constants.at(name, block) for name in ("scale", "centre"))
        return torch.addcmul(centre, block, scale).unflatten(1, self.shape)

    def _block(self, output: torch.Tensor) -> torch.Tensor:
        return output[:, : self.n_places].unflatten(1, self.shape)

    def _in_order(self, block: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return the features of the group from a block and those that the loss does not see."""
        joined = torch.cat([block.flatten(1), others], dim=1)
        return joined.index_select(1, self.constants.at("back", block))

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, width)."""
        places = self.constants.at("places", residual)
        residual = residual.index_select(1, places).unflatten(1, self.shape)
        valid = self.constants.at("valid", linear)
        block = self.loss.output(self._encoded(linear), residual, valid)
        others = linear.index_select(1, self.constants.at("others", linear))
        return torch.cat([block.flatten(1), others], dim=1)

    def output_alone(self, residual: torch.Tensor) -> torch.Tensor:
        """Return the output of a decoder without a linear path, (n_samples, width)."""
        places, others = (self.constants.at(name, residual) for name in ("places", "others"))
        return residual.index_select(1, torch.cat([places, others]))

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the group into scaled reconstructions, (n_samples, n_features)."""
        block = self.loss.reconstruction(self._block(output), self.constants.at("valid", output))
        centre, scale = (
            self.constants.at(f"{name}_in_order", output) for name in ("centre", "scale")
        )
        scaled = (self._in_order(block, output[:, self.n_places :]) - centre) / scale
        seen = self.constants.at("back", output) < self.n_places
        return torch.where(seen, scaled, self._in_order(block, output[:, self.n_places :]))

    def losses(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column, (n_samples, n_columns)."""
        valid = self.constants.at("valid", output)
        return self.loss.losses(self._block(output), self._encoded(target), valid)

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return deviance residuals in the place of the first feature of each column."""
        block = target.new_zeros(len(target), *self.shape)
        block[..., 0] = deviance_residual(self.losses(output, target))
        if self.shape[1] == 1:
            valid = self.constants.at("valid", output)
            reconstruction = self.loss.reconstruction(self._block(output), valid)
            difference = self._encoded(target) - reconstruction
            block[..., 0] = block[..., 0] * difference[..., 0].sign()
        others = target.index_select(1, self.constants.at("others", target))
        return self._in_order(block, others)

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability of each column, (n_samples, n_columns)."""
        valid = self.constants.at("valid", output)
        return self.loss.log_likelihood(self._block(output), self._encoded(target), valid)

    def baseline(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return mean losses of constant predictions, of shape (n_columns,)."""
        valid = self.constants.at("valid", rows)
        return self.loss.baseline(self._encoded(rows), self.weights_of(weights), valid)
