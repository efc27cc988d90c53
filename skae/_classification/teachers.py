"""Simple classifiers that teach the network, and share in its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from skae._data.scaling import LIMIT

# Number of neighbours of a row.
N_NEIGHBOURS = 10
# Smallest probability of a class that a teacher can give.
LEAST = 1e-6


@dataclass(frozen=True)
class Teachers:
    r"""A logistic regression, and label spreading among principal components, as plain data.

    Rows are those that the network receives: scaled, with missing values filled. The teachers'
    probabilities are averaged geometrically, and so are the result and the probabilities of the
    network.

    Parameters
    ----------
    coefficients : ndarray of shape (n_features, n_classes), dtype float32
        Weights of the logistic regression.

    intercept : ndarray of shape (n_classes,), dtype float32
        Its constants.

    axes : ndarray of shape (n_features, n_axes), dtype float32
        Principal axes.

    origin : ndarray of shape (n_axes,), dtype float32
        Principal components of the mean row, which are subtracted.

    references : ndarray of shape (n_references, n_axes), dtype float32
        Principal components of training rows, among which neighbours are searched.

    sizes : tuple of int
        Numbers of components, in ascending order: in each of these spaces labels were spread.

    spread : ndarray of shape (n_sizes, n_references, n_classes), dtype float32
        Class probabilities of the references by each space.

    weights : ndarray of shape (1 + n_sizes,), dtype float32
        Weights of the logistic regression and of each space, with a sum of 1.

    class_weight : ndarray of shape (n_classes,), dtype float32
        Factors of the probabilities, as in the network's objective.

    network_weight : float
        Weight of the network beside the teachers, from 0 to 1.
    """

    coefficients: np.ndarray
    intercept: np.ndarray
    axes: np.ndarray
    origin: np.ndarray
    references: np.ndarray
    sizes: tuple[int, ...]
    spread: np.ndarray
    weights: np.ndarray
    class_weight: np.ndarray
    network_weight: float


class Blend(nn.Module):
    """The mean of a network's logits and those of its teachers.

    Parameters
    ----------
    teachers : Teachers
        The teachers.

    like : torch.Tensor
        A tensor with the dtype and the device of the rows.
    """

    coefficients: torch.Tensor
    intercept: torch.Tensor
    axes: torch.Tensor
    origin: torch.Tensor
    references: torch.Tensor
    spread: torch.Tensor
    weights: torch.Tensor
    class_logs: torch.Tensor

    def __init__(self, teachers: Teachers, like: torch.Tensor):
        super().__init__()
        self.sizes, self.network_weight = teachers.sizes, teachers.network_weight
        arrays = {
            "class_logs": np.log(np.maximum(teachers.class_weight, LEAST)),
            **{name: getattr(teachers, name) for name in _ARRAYS},
        }
        for name, values in arrays.items():
            self.register_buffer(name, torch.from_numpy(values).to(like))

    def forward(self, rows: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_samples, n_classes).

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_features)
            Scaled rows without missing values.

        logits : torch.Tensor of shape (n_samples, n_classes)
            The logits of the network.
        """
        taught = self.taught(rows) + self.class_logs
        return self.network_weight * logits.log_softmax(1) + (1 - self.network_weight) * taught

    def taught(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the weighted mean of the logarithms of the teachers' probabilities."""
        logs = (torch.stack(self.each(rows)) + LEAST).log()
        return (self.weights[:, None, None] * logs).sum(0)

    def each(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return the probabilities by each teacher."""
        rows = rows.clamp(-LIMIT, LIMIT)  # squared distances stay finite
        found = [(rows @ self.coefficients + self.intercept).softmax(1)]
        codes, start = rows @ self.axes - self.origin, 0
        distances = codes.new_zeros(())
        for size, table in zip(self.sizes, self.spread, strict=True):
            some = slice(start, size)  # squared distances are sums over the components
            distances = distances + _squared(codes[:, some], self.references[:, some])
            found.append(self._of_neighbours(codes[:, :size], distances, table))
            start = size
        return found

    def _of_neighbours(
        self, codes: torch.Tensor, distances: torch.Tensor, table: torch.Tensor
    ) -> torch.Tensor:
        n_neighbours = min(N_NEIGHBOURS, len(self.references))
        index = distances.topk(n_neighbours, dim=1, largest=False).indices
        near = self.references[:, : codes.shape[1]][index]
        exact = (codes[:, None] - near).square().sum(2)  # without the rounding of products
        reach = exact.amax(1, keepdim=True).clamp_min(torch.finfo(exact.dtype).tiny)
        weights = (-exact / reach).exp()
        found = (weights[:, :, None] * table[index]).sum(1)
        return found / weights.sum(1, keepdim=True)


_ARRAYS = ("coefficients", "intercept", "axes", "origin", "references", "spread", "weights")


def _squared(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return squared distances, up to a term that is the same for a row."""
    return others.square().sum(1) - 2 * rows @ others.T
