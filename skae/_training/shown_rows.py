"""The rows of a training as skorch's callbacks expect them: with a shape, a length and an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike
from skorch.dataset import Dataset

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork

# Rows of which predictions are computed at a time.
_ROWS_AT_ONCE = 1024


class ShownRows:
    """The scaled rows of some batches, without copying them.

    Parameters
    ----------
    batches : Batches
        The batches; their order is that of their index, not the one that is drawn in training.
    """

    def __init__(self, batches: Batches):
        self._batches = batches
        self.shape = (len(batches.index), batches.rows.shape[1])
        self.ndim = 2
        self.dtype = np.dtype(str(batches.rows.dtype).removeprefix("torch."))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        places = np.arange(len(self))[rows]
        found = self._taken(torch.from_numpy(np.atleast_1d(places))).cpu().numpy()
        return found if places.ndim else found[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)

    def split(self, n_rows: int) -> Iterator[torch.Tensor]:
        """Yield all rows, `n_rows` at a time, on their device."""
        for places in torch.arange(len(self)).split(n_rows):
            yield self._taken(places)

    def _taken(self, places: torch.Tensor) -> torch.Tensor:
        index = self._batches.index
        return self._batches.rows.take(index.index_select(0, places.to(index.device)))


class ShownDataset(Dataset):
    """The rows of some batches with their targets, a dataset of skorch.

    Parameters
    ----------
    batches : Batches
        The batches.

    network : AutoencoderNetwork
        The network. The targets of an autoencoder are the rows themselves, with missing values
        filled by the network; those of a classifier are the numbers of the classes, -1 without a
        label.
    """

    def __init__(self, batches: Batches, network: AutoencoderNetwork):
        self.X = ShownRows(batches)
        self._batches, self._network = batches, network

    @property
    def y(self) -> np.ndarray:
        """The targets."""
        return self._targets(slice(None))

    def __len__(self) -> int:
        return len(self._batches.index)

    def __getitem__(self, i: Any) -> tuple[np.ndarray, np.ndarray]:
        places = np.arange(len(self))[i]
        targets = self._targets(np.atleast_1d(places))
        return self.X[i], targets if places.ndim else targets[0]

    def _targets(self, places: Any) -> np.ndarray:
        targets = self._batches.targets
        if targets is None:
            with torch.no_grad():
                rows = torch.from_numpy(self.X[places]).to(self._batches.index.device)
                return self._network.filled(rows).cpu().numpy()
        index = self._batches.index.cpu()[places]
        return class_numbers(targets.index_select(0, index.to(targets.device))).cpu().numpy()


def shown_dataset(batches: Batches | None, network: AutoencoderNetwork) -> ShownDataset | None:
    """Return the dataset of some batches, if there are any."""
    return None if batches is None else ShownDataset(batches, network)


def shown_batch(
    batch: tuple[torch.Tensor, ...], network: AutoencoderNetwork
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows of a batch and their targets, as in :class:`ShownDataset`."""
    X, _, *targets = batch
    if targets:
        return X, class_numbers(targets[0])
    with torch.no_grad():
        return X, network.filled(X)


def class_numbers(targets: torch.Tensor) -> torch.Tensor:
    """Return the number of the most probable class of each row, -1 if none is known."""
    return torch.where(targets.sum(1) > 0, targets.argmax(1), -1)


def row_batches(X: Any, device: torch.device, dtype: torch.dtype) -> Iterator[torch.Tensor]:
    """Yield scaled rows on a device, from anything that a callback may ask predictions for.

    Parameters
    ----------
    X : ShownDataset, ShownRows, ndarray or torch.Tensor of shape (n_samples, n_features)
        Scaled rows.

    device, dtype : torch.device, torch.dtype
        Where and how the network computes.
    """
    rows = X.X if isinstance(X, Dataset) else X
    if not isinstance(rows, ShownRows | torch.Tensor):
        rows = torch.as_tensor(np.asarray(rows))
    for part in rows.split(_ROWS_AT_ONCE):
        yield part.to(device, dtype)
