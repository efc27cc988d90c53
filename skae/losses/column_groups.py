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

    All methods take whole rows in scaled units, and return blocks whose columns are in the order of
    ``features`` or of ``columns``.

    Parameters
    ----------
    columns : ndarray of shape (n_columns,), dtype int
        Indices of the columns.

    features : ndarray of shape (n_features,), dtype int
        Indices of their features.

    centre, scale : ndarray of shape (n_features,)
        Scaling of these features.
    """

    has_scale = False

    def __init__(
        self, columns: np.ndarray, features: np.ndarray, centre: np.ndarray, scale: np.ndarray
    ):
        self.columns, self.features = columns, features
        self.constants = Constants(columns=columns, features=features, centre=centre, scale=scale)

    def of_group(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the features of the group."""
        return rows.index_select(1, self.constants.at("features", rows))

    def encoded(self, block: torch.Tensor) -> torch.Tensor:
        """Bring scaled features of the group to the units of their encoding."""
        scale, centre = (self.constants.at(name, block) for name in ("scale", "centre"))
        return torch.addcmul(centre, block, scale)

    def scaled(self, block: torch.Tensor) -> torch.Tensor:
        """Scale encoded features of the group."""
        return (block - self.constants.at("centre", block)) / self.constants.at("scale", block)

    @abstractmethod
    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, n_features)."""

    @abstractmethod
    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into scaled reconstructions, (n_samples, n_features)."""

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
    """Columns of one feature each, with a loss of entries, such as numbers and booleans."""

    def __init__(self, loss: Loss, columns: np.ndarray, *rest: np.ndarray):
        super().__init__(columns, *rest)
        self.loss = loss
        self.has_scale = loss.has_scale

    def _own(self, block: torch.Tensor) -> torch.Tensor:
        """Return features in the units of the loss."""
        return block if self.loss.rescales else self.encoded(block)

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, n_features)."""
        return self.loss.output(self._own(self.of_group(linear)), self.of_group(residual))

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into scaled reconstructions, (n_samples, n_features)."""
        own = self.loss.reconstruction(self.of_group(output))
        return own if self.loss.rescales else self.scaled(own)

    def losses(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column; half of it for numbers, which is in nats."""
        losses = self.loss.elementwise(self.of_group(output), self._own(self.of_group(target)))
        return 0.5 * losses if self.loss.rescales else losses

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return differences of numbers, and signed deviance residuals of others."""
        difference = self.of_group(target) - self.reconstruction(output)
        if self.loss.rescales:
            return difference
        return deviance_residual(self.losses(output, target)) * difference.sign()

    def errors(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return squared errors of numbers, and losses of others."""
        if not self.loss.rescales:
            return self.losses(output, target)
        return torch.square(self.reconstruction(output) - self.of_group(target))

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability (density) of each column, (n_samples, n_columns)."""
        if log_scale is not None:
            log_scale = log_scale[self.constants.at("columns", output)]
        target = self._own(self.of_group(target))
        return self.loss.log_likelihood(self.of_group(output), target, log_scale)

    def baseline(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return variances of numbers, and mean losses of others, of shape (n_columns,)."""
        target, weights = self._own(self.of_group(rows)), self.weights_of(weights)
        mean = (weights * target).sum(0).expand(target.shape)
        if self.loss.rescales:
            return (weights * torch.square(target - mean)).sum(0)
        return (weights * self.loss.elementwise(self.loss.output_of(mean), target)).sum(0)


class LevelGroup(ColumnGroup):
    """Columns of several features each, or with a loss of whole columns.

    Parameters
    ----------
    loss : ColumnLoss
        The loss.

    columns, features, centre, scale : ndarray
        As in :class:`ColumnGroup`.

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
        super().__init__(columns, features, centre, scale)
        self.loss = loss
        modelled = sizes - loss.n_unmodelled
        starts = np.cumsum(sizes) - sizes
        steps = np.arange(modelled.max())
        valid = steps < modelled[:, None]
        places = np.where(valid, starts[:, None] + steps, starts[:, None])
        self.shape = valid.shape
        # Where each feature of the group is in a flattened block; others follow after the block.
        back = np.full(len(features), -1)
        back[places[valid]] = np.flatnonzero(valid)
        others = np.flatnonzero(back < 0)
        back[others] = valid.size + np.arange(len(others))
        self.constants = Constants(
            **self.constants.arrays, valid=valid, places=places.ravel(), back=back, others=others
        )

    def _block(self, own: torch.Tensor) -> torch.Tensor:
        """Return features of the group as a block of (n_samples, n_columns, n_places)."""
        return own.index_select(1, self.constants.at("places", own)).unflatten(1, self.shape)

    def _flat(self, block: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """Return features from a block, with those that the loss does not see from elsewhere."""
        others = others.index_select(1, self.constants.at("others", others))
        joined = torch.cat([block.flatten(1), others], dim=1)
        return joined.index_select(1, self.constants.at("back", block))

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path and the decoder's nonlinear part, (n_samples, n_features)."""
        linear = self.of_group(linear)
        block = self.loss.output(
            self._block(self.encoded(linear)),
            self._block(self.of_group(residual)),
            self.constants.at("valid", linear),
        )
        return self._flat(block, linear)

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into scaled reconstructions, (n_samples, n_features)."""
        output = self.of_group(output)
        block = self.loss.reconstruction(self._block(output), self.constants.at("valid", output))
        return self.scaled(self._flat(block, self.encoded(output)))

    def losses(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each column, (n_samples, n_columns)."""
        return self.loss.losses(*self._both(output, target))

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return deviance residuals in the place of the first feature of each column."""
        block = target.new_zeros(len(target), *self.shape)
        block[..., 0] = deviance_residual(self.losses(output, target))
        if self.shape[1] == 1:
            difference = self.of_group(target) - self.reconstruction(output)
            block[..., 0] = block[..., 0] * self._block(difference)[..., 0].sign()
        return self._flat(block, self.of_group(target))

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability of each column, (n_samples, n_columns)."""
        return self.loss.log_likelihood(*self._both(output, target))

    def _both(
        self, output: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        target = self._block(self.encoded(self.of_group(target)))
        return self._block(self.of_group(output)), target, self.constants.at("valid", output)

    def baseline(self, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return mean losses of constant predictions, of shape (n_columns,)."""
        target = self._block(self.encoded(self.of_group(rows)))
        valid = self.constants.at("valid", rows)
        return self.loss.baseline(target, self.weights_of(weights), valid)
