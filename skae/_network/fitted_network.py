"""A fitted network as plain data, and its inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike

from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._data.scaling import Scaling
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import network_with
from skae._network.network_spec import NetworkSpec
from skae._runtime.device import device_at_hand
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import array_dtype
from skae._runtime.threads import paced, threads_for

# All batches of inference have the same number of rows; the last one is padded. Matrix products of
# different shapes are rounded differently, so the last digit of a row's code would depend on the
# number of rows beside it. Batches are larger if a row takes few multiplications, and smaller if a
# sample is large.
_ROWS, _MOST_ROWS, _LITTLE_WORK, _MOST_ENTRIES = 256, 512, 1e5, 2**22
# Up to this many batches are computed on one thread.
_FEW_BATCHES = 4
# Entries that are scaled at once, which is several batches of small samples.
_BLOCK_ENTRIES = 2**18


def batch_rows(n_features: int, n_multiplications: int) -> int:
    """Return the number of rows in a batch of inference.

    Parameters
    ----------
    n_features : int
        Size of a sample.

    n_multiplications : int
        Multiplications of a forward pass of one sample.
    """
    n_rows = _MOST_ROWS if n_multiplications < _LITTLE_WORK else _ROWS
    return max(1, min(n_rows, _MOST_ENTRIES // n_features))


class FittedNetwork:
    """A specification with its weights as arrays, and inference with them.

    Pickles and copies do not include the torch module, so they also work on machines without the
    device of the fit. The module is rebuilt when it is needed.

    Parameters
    ----------
    spec : NetworkSpec
        The specification of the network.

    weights : dict of str to ndarray
        The state of the network.
    """

    def __init__(self, spec: NetworkSpec, weights: dict[str, np.ndarray]):
        self.spec, self.weights = spec, weights
        self._forget_networks()

    @classmethod
    def of(cls, spec: NetworkSpec, network: AutoencoderNetwork) -> FittedNetwork:
        """Return a fitted network that keeps the trained module for inference."""
        fitted = cls(spec, arrays_of(network.state_dict()))
        network.draw_from(None)
        network.zero_grad()  # gradients take as much memory as the weights
        device = next(network.parameters()).device
        fitted._networks[device] = network.eval().requires_grad_(False)
        return fitted

    def __getstate__(self) -> dict[str, Any]:
        return {"spec": self.spec, "weights": self.weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.spec, self.weights = state["spec"], state["weights"]
        self._forget_networks()

    def _forget_networks(self) -> None:
        self._networks: dict[torch.device, AutoencoderNetwork] = {}

    @property
    def n_features(self) -> int:
        """Size of a sample."""
        return self.spec.n_features

    @property
    def n_components(self) -> int:
        """Size of the latent code."""
        return self.spec.n_components

    @property
    def scaling(self) -> Scaling:
        """The scaling in front of the network."""
        return self.spec.scaling

    def network(self, device: str) -> AutoencoderNetwork:
        """Return the network for inference, on this device or on the CPU if it is not available."""
        # By the name that its weights give it: "cuda" is "cuda:0" there, and "cpu:0" is "cpu".
        at_hand = torch.empty(0, device=device_at_hand(device)).device
        if at_hand not in self._networks:
            network = network_with(self.spec, self.weights, at_hand).eval().requires_grad_(False)
            # Threads that come at the same time build one each, and all use the first. A lock could
            # be held in a forked process by a thread that does not exist there.
            self._networks.setdefault(at_hand, network)
        return self._networks[at_hand]

    def encode(self, X: Matrix, device: str, dtype: np.dtype) -> np.ndarray:
        """Return the codes of the rows of `X`, of shape (n_samples, n_components)."""
        codes = np.empty((X.shape[0], self.n_components), dtype=dtype)
        network = self.network(device)
        for rows, block in self.computed(network.encode, X, network):
            codes[rows] = block
        return codes

    def filled(self, X: Matrix, device: str, dtype: np.dtype) -> np.ndarray:
        """Return rows with conditional means instead of missing values, in X's units."""
        filled = np.empty(X.shape, dtype=dtype)
        network = self.network(device)
        for rows, block in self.computed(network.filled, X, network):
            filled[rows] = self.scaling.undo(block, dtype)
        return filled

    def decode(self, Z: np.ndarray, device: str, dtype: np.dtype) -> np.ndarray:
        """Return the reconstructions of codes, of shape (n_samples, n_features), in X's units."""
        X = np.empty((Z.shape[0], self.n_features), dtype=dtype)
        network = self.network(device)
        for rows, block in self.computed(network.decode, Z, network, scale=False):
            X[rows] = self.scaling.undo(block, dtype)
        return X

    def reconstructions(
        self, X: Matrix, device: str, dtype: DTypeLike = np.float64
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (rows, reconstruction of these rows) in the units of `X`."""
        network = self.network(device)
        for rows, block in self.computed(lambda x: network.decode(network.encode(x)), X, network):
            yield rows, self.scaling.undo(block, dtype)

    def squared_errors(self, X: Matrix, device: str) -> np.ndarray:
        """Return ``||(x - x_hat) / scale||^2`` of each row, of shape (n_samples,), in float64.

        The sums are over observed values.
        """
        errors = np.empty(X.shape[0])
        network = self.network(device)
        for rows, block in self.computed(lambda x: _squared_errors(network, x), X, network):
            errors[rows] = block
        return errors

    def explained_fractions(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean explained fraction over the known columns of each row, in float64.

        For tables whose columns are not all numbers; see ``ByColumn.explained``.
        """
        fractions = np.empty(X.shape[0])
        network = self.network(device)
        for rows, block in self.computed(lambda x: _explained(network, x), X, network):
            fractions[rows] = block
        return fractions

    def computed(
        self, function: Callable, X: Matrix, network: AutoencoderNetwork, *, scale: bool = True
    ) -> Iterator[tuple[slice, Any]]:
        """Yield (rows, results of a function for these rows), with smaller batches if necessary.

        Parameters
        ----------
        function : callable
            Maps a tensor of scaled rows, on the device, to one or several tensors with as many
            rows. If the device has too little memory, it is called again with fewer rows.

        X : ndarray or CSR matrix of shape (n_samples, n)
            Rows, or codes.

        network : AutoencoderNetwork
            The network on the device.

        scale : bool, default=True
            Whether to scale the rows.

        Yields
        ------
        rows : slice
            The place of the rows in `X`.

        results : ndarray or tuple of ndarray
            The results of the function.
        """
        n_rows = batch_rows(self.n_features, network.work.in_all)
        # Measuring whether threads are faster takes as long as a few batches.
        at_once = network.work.at_once if X.shape[0] > _FEW_BATCHES * n_rows else 0
        like = next(network.parameters())
        fitting = FittingBatches(like.device)
        with threads_for(n_rows, at_once), torch.inference_mode():
            batches = self._padded_batches(X, n_rows, array_dtype(like.dtype), scale)
            for rows, batch in paced(batches):
                yield rows, _rows_of(fitting.call(function, batch), rows)

    def _padded_batches(
        self, X: Matrix, n_rows: int, dtype: DTypeLike, scale: bool
    ) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield (rows, tensor of these rows with padding); all tensors have the same shape."""
        step = n_rows * max(1, _BLOCK_ENTRIES // (n_rows * X.shape[1]))
        for start in range(0, X.shape[0], step):
            block = densify(X[start : start + step])
            block = self.scaling.apply(block, dtype) if scale else block.astype(dtype)
            for first in range(0, len(block), n_rows):
                batch = block[first : first + n_rows]
                rows = slice(start + first, start + first + len(batch))
                yield rows, torch.from_numpy(_padded(batch, n_rows))


def arrays_of(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Return copies of the weights as arrays on the CPU."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in weights.items()}


def mean_reconstruction(networks: list[FittedNetwork], X: Matrix, device: str) -> np.ndarray:
    """Return the mean of the reconstructions of several networks, in the units of `X`, float64."""
    mean = np.zeros(X.shape)
    for network in networks:
        for rows, block in network.reconstructions(X, device):
            mean[rows] += block / len(networks)
    return mean


def _squared_errors(network: AutoencoderNetwork, X: torch.Tensor) -> torch.Tensor:
    residual = X - network.decode(network.encode(X))
    if network.missing is not None:
        residual = residual.masked_fill(torch.isnan(X), 0.0)
    if residual.device.type == "mps":  # it does not support float64
        residual = residual.cpu()
    # In float64, squares of float32 numbers are within range.
    return torch.linalg.vector_norm(residual, dim=1, dtype=torch.float64).square()


def _explained(network: AutoencoderNetwork, X: torch.Tensor) -> torch.Tensor:
    loss: Any = network.loss
    output = network.decoder_output(network.encode(X))
    missing = loss.of_entries(torch.isnan(X))
    fractions = loss.explained(output, network.filled(X)).masked_fill(missing, 0.0)
    return fractions.double().sum(1) / (~missing).sum(1).clamp_min(1)


def _rows_of(results: Any, rows: slice) -> Any:
    """Return the results without those of the padding, as arrays."""
    if isinstance(results, tuple):
        return tuple(_rows_of(result, rows) for result in results)
    return results[: rows.stop - rows.start].cpu().numpy()


def _padded(batch: np.ndarray, n_rows: int) -> np.ndarray:
    """Return a batch of `n_rows` rows, padded with rows of zeros."""
    if len(batch) == n_rows:
        return batch
    return np.concatenate([batch, np.zeros((n_rows - len(batch), batch.shape[1]), batch.dtype)])
