"""A fitted network as plain data, and what it computes."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch

from skae._data.blocks import densify
from skae._data.scaling import Scaling
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.head import HeadPlan
from skae._runtime.device import device_at_hand
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import array_dtype, tensor_dtype
from skae._runtime.threads import paced, threads_for
from skae.architectures.architecture import Architecture
from skae.architectures.memory import NetworkTooLargeError
from skae.kinds.kind import Kind
from skae.losses.loss import Loss

# Every batch of inference has the same number of rows, the last one padded: matrix products of
# other shapes take other paths through the processor, and a row's code would depend, in the last
# digit, on how many others are asked for with it. More rows where they take little work, fewer
# where a sample is large.
_ROWS, _MOST_ROWS, _LITTLE_WORK, _MOST_ENTRIES = 256, 512, 1e5, 2**22
# Up to so many batches are computed on one thread.
_FEW_BATCHES = 4
# Entries that are scaled at once: several batches where a sample is small.
_BLOCK_ENTRIES = 2**18


def batch_rows(n_features: int, n_multiplications: int) -> int:
    """Return the number of rows in a batch of inference.

    Parameters
    ----------
    n_features : int
        Size of a sample.

    n_multiplications : int
        Multiplications that a sample takes on its way through the network.
    """
    n_rows = _MOST_ROWS if n_multiplications < _LITTLE_WORK else _ROWS
    return max(1, min(n_rows, _MOST_ENTRIES // n_features))


class FittedNetwork:
    """Weights as arrays, the configuration they belong to, and inference with them.

    The torch module is built when it is needed and is no part of the state that is pickled or
    copied, so the state is safe to send and works on machines without the device of the fit.

    Parameters
    ----------
    kind, architecture, loss : Kind, Architecture, Loss
        The parts.

    n_features, n_components : int
        Size of a sample and of its code.

    linear_path : bool
        Whether the network has one.

    scaling : Scaling
        What stands between `X` and the network.

    precision : {"float32", "bfloat16", "float64"}
        That of training; inference computes bfloat16 networks in float32.

    weights : dict of str to ndarray
        The state of the network.

    filling_rank : int or None
        Rank of the distribution that missing values are filled by; None where none may be
        missing.
    head : HeadPlan or None
        What stands on the code, for a classifier.
    """

    def __init__(
        self,
        *,
        kind: Kind,
        architecture: Architecture,
        loss: Loss,
        n_features: int,
        n_components: int,
        linear_path: bool,
        scaling: Scaling,
        precision: str,
        weights: dict[str, np.ndarray] | None = None,
        filling_rank: int | None = None,
        head: HeadPlan | None = None,
    ):
        self.kind, self.architecture, self.loss = kind, architecture, loss
        self.n_features, self.n_components = n_features, n_components
        self.linear_path, self.scaling, self.precision = linear_path, scaling, precision
        self.weights, self.filling_rank, self.head = weights, filling_rank, head
        self._forget_networks()

    def __getstate__(self):
        hidden = ("_networks", "_lock")
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def __setstate__(self, state):
        vars(self).update(state)
        self._forget_networks()

    def _forget_networks(self):
        self._networks: dict[torch.device, AutoencoderNetwork] = {}
        self._lock = threading.Lock()

    def set_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Take these weights, and forget networks that hold others."""
        self.weights = {name: tensor.cpu().numpy().copy() for name, tensor in weights.items()}
        self._forget_networks()

    def new_network(
        self,
        device: torch.device,
        generator: torch.Generator | None = None,
        *,
        without_weights: bool = False,
    ) -> AutoencoderNetwork:
        """Return a network of its own, with the weights if there are any, else drawn ones."""
        network = self._built(generator or torch.Generator()).to(tensor_dtype(self.precision))
        network.features.set_units(self.scaling.centre, self.scaling.scale)
        if self.weights is not None and not without_weights:
            network.load_state_dict({n: torch.from_numpy(w) for n, w in self.weights.items()})
        return network.to(device)

    def _built(self, generator: torch.Generator) -> AutoencoderNetwork:
        try:
            return self._network(generator)
        except NetworkTooLargeError as error:
            head = "" if self.head is None else f", head_layer_sizes={self.head.hidden_layer_sizes}"
            raise ValueError(
                f"n_components={self.n_components}, architecture={self.architecture!r}{head} make "
                f"a network that does not fit into memory: {error}. Choose smaller sizes."
            ) from error

    def _network(self, generator: torch.Generator) -> AutoencoderNetwork:
        return AutoencoderNetwork(
            self.n_features,
            self.n_components,
            kind=self.kind,
            architecture=self.architecture,
            loss=self.loss,
            linear_path=self.linear_path,
            generator=generator,
            filling_rank=self.filling_rank,
            head=self.head,
        )

    def network(self, device: str) -> AutoencoderNetwork:
        """Return the network for inference on this device, or on the CPU where it is missing."""
        at_hand = device_at_hand(device)
        with self._lock:
            if at_hand not in self._networks:
                self._networks[at_hand] = self.new_network(at_hand).eval().requires_grad_(False)
            return self._networks[at_hand]

    def encode(self, X, device: str, dtype: np.dtype) -> np.ndarray:
        """Return the codes of the rows of `X`, of shape (n_samples, n_components)."""
        codes = np.empty((X.shape[0], self.n_components), dtype=dtype)
        network = self.network(device)
        for rows, block in self.computed(network.encode, X, network):
            codes[rows] = block
        return codes

    def filled(self, X, device: str, dtype: np.dtype) -> np.ndarray:
        """Return rows with conditional means in the place of missing values, in X's units."""
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

    def reconstructions(self, X, device: str, dtype=np.float64):
        """Yield (rows, reconstruction of these rows) in the units of `X`."""
        network = self.network(device)
        for rows, block in self.computed(lambda x: network.decode(network.encode(x)), X, network):
            yield rows, self.scaling.undo(block, dtype)

    def squared_errors(self, X, device: str) -> np.ndarray:
        """Return ``||(x - x_hat) / scale||^2`` of each row, of shape (n_samples,), in float64.

        Over the values that are known.
        """
        errors = np.empty(X.shape[0])
        network = self.network(device)
        for rows, block in self.computed(lambda x: _squared_errors(network, x), X, network):
            errors[rows] = block
        return errors

    def computed(self, function: Callable, X, network: AutoencoderNetwork, *, scale: bool = True):
        """Yield (rows, what a function makes of these rows), with smaller batches where need be.

        Parameters
        ----------
        function : callable
            From a tensor of scaled rows, on the device, to one or several tensors with as many
            rows. It is called again, with fewer rows, where the memory of the device does not
            suffice.

        X : ndarray or CSR matrix of shape (n_samples, n)
            Rows, or codes.

        network : AutoencoderNetwork
            That of the device.

        scale : bool, default=True
            Whether the rows are to be scaled.

        Yields
        ------
        rows : slice
            Which rows.

        results : ndarray or tuple of ndarray
            What the function returned.
        """
        n_rows = batch_rows(self.n_features, network.work.in_all)
        # To look whether threads pay takes as long as a few batches.
        at_once = network.work.at_once if X.shape[0] > _FEW_BATCHES * n_rows else 0
        like = next(network.parameters())
        fitting = FittingBatches(like.device)
        with threads_for(n_rows, at_once), torch.inference_mode():
            batches = self._padded_batches(X, n_rows, array_dtype(like.dtype), scale)
            for rows, batch in paced(batches):
                yield rows, _rows_of(fitting.call(function, batch), rows)

    def _padded_batches(self, X, n_rows: int, dtype: np.dtype, scale: bool):
        """Yield (rows, tensor of these rows and padding), all of one shape."""
        step = n_rows * max(1, _BLOCK_ENTRIES // (n_rows * X.shape[1]))
        for start in range(0, X.shape[0], step):
            block = densify(X[start : start + step])
            block = self.scaling.apply(block, dtype) if scale else block.astype(dtype)
            for first in range(0, len(block), n_rows):
                batch = block[first : first + n_rows]
                rows = slice(start + first, start + first + len(batch))
                yield rows, torch.from_numpy(_padded(batch, n_rows))


def mean_reconstruction(networks: list[FittedNetwork], X, device: str) -> np.ndarray:
    """Return the mean of what several networks make of rows, in the units of `X`, float64."""
    mean = np.zeros(X.shape)
    for network in networks:
        for rows, block in network.reconstructions(X, device):
            mean[rows] += block / len(networks)
    return mean


def _squared_errors(network: AutoencoderNetwork, X: torch.Tensor) -> torch.Tensor:
    residual = X - network.decode(network.encode(X))
    if network.missing is not None:
        residual = residual.masked_fill(torch.isnan(X), 0.0)
    if residual.device.type == "mps":  # which has no float64
        residual = residual.cpu()
    # In float64, squares of what float32 holds are not out of range.
    return torch.linalg.vector_norm(residual, dim=1, dtype=torch.float64).square()


def _rows_of(results, rows: slice):
    """Return the rows of padded results that are not padding, as arrays."""
    if isinstance(results, tuple):
        return tuple(_rows_of(result, rows) for result in results)
    return results[: rows.stop - rows.start].cpu().numpy()


def _padded(batch: np.ndarray, n_rows: int) -> np.ndarray:
    """Return a batch of `n_rows` rows, those that are missing filled with zeros."""
    if len(batch) == n_rows:
        return batch
    return np.concatenate([batch, np.zeros((n_rows - len(batch), batch.shape[1]), batch.dtype)])
