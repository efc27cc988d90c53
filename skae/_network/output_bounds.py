"""The bounds of a decoder's output, found by a test pass."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._utils.torch_draws import torch_draws

_N_ROWS = 32
# Codes are multiplied by these numbers, so that the outputs come close to their bounds.
_SIZES = (1.0, 30.0, 1000.0)
# Outputs this close to a bound touch it.
_CLOSE = 1e-2


class OutputBounds(NamedTuple):
    """The bounds of a decoder's output.

    ``name`` is what the decoder ends in. ``certain`` is False if the bounds were only measured, so
    that training may move them.
    """

    name: str
    low: float
    high: float
    certain: bool = True


_BETWEEN_0_AND_1 = (nn.Sigmoid, nn.Hardsigmoid, nn.Softmax, nn.Softmax2d)
_BETWEEN_MINUS_1_AND_1 = (nn.Tanh, nn.Softsign)
_ABOVE_0 = (nn.ReLU, nn.Softplus)
_MODULES: dict[type[nn.Module], tuple[float, float]] = {
    **dict.fromkeys(_BETWEEN_0_AND_1, (0.0, 1.0)),
    **dict.fromkeys(_BETWEEN_MINUS_1_AND_1, (-1.0, 1.0)),
    **dict.fromkeys(_ABOVE_0, (0.0, math.inf)),
    nn.ReLU6: (0.0, 6.0),
}
_FUNCTIONS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], float, float]] = {
    "sigmoid": (torch.sigmoid, 0.0, 1.0),
    "softmax": (lambda X: functional.softmax(X, dim=-1), 0.0, 1.0),
    "tanh": (torch.tanh, -1.0, 1.0),
    "relu": (torch.relu, 0.0, math.inf),
}
# Layers whose outputs have no bounds.
_UNBOUNDED = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)


def output_bounds(network: AutoencoderNetwork, *, of_user: bool) -> OutputBounds | None:
    """Return the bounds of the outputs of a decoder that is alone, without a linear path.

    Parameters
    ----------
    network : AutoencoderNetwork
        A network with its first weights.

    of_user : bool
        Whether the decoder is the user's own module. Its outputs are also measured.

    Returns
    -------
    OutputBounds or None
        None if the decoder has no bounds, or none that a test pass shows.
    """
    decoder = network.decoder
    if decoder is None or network.linear_decoder is not None:
        return None
    like = next(network.parameters())
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(_N_ROWS, network.n_components, generator=generator).to(like)
    training = decoder.training
    decoder.eval()
    try:
        with torch.no_grad(), torch_draws(0) if of_user else contextlib.nullcontext():
            calls: list[tuple[nn.Module, Any, Any]] = []
            with _recorded(decoder, calls):
                output = decoder(codes).flatten(1)
            found, is_known = _of_last_step(calls, output)
            if found is not None or is_known or not of_user:
                return found
            return _measured(torch.cat([decoder(size * codes).flatten(1) for size in _SIZES]))
    finally:
        decoder.train(training)


@contextlib.contextmanager
def _recorded(module: nn.Module, calls: list[tuple[nn.Module, Any, Any]]) -> Iterator[None]:
    """Record layer, input and output of each call of a layer without further layers inside."""
    hooks = [
        layer.register_forward_hook(
            lambda layer, inputs, output: calls.append((layer, inputs, output))
        )
        for layer in module.modules()
        if not any(True for _ in layer.children())
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _of_last_step(
    calls: list[tuple[nn.Module, Any, Any]], output: torch.Tensor
) -> tuple[OutputBounds | None, bool]:
    """Return the bounds from what computes the output, and whether this is known."""
    for layer, inputs, result in reversed(calls):
        if not isinstance(result, torch.Tensor) or result.numel() != output.numel():
            return None, False
        if not torch.equal(result.reshape(output.shape), output):
            return _of_function(result, output), False
        for kind, (low, high) in _MODULES.items():
            if isinstance(layer, kind):
                return OutputBounds(f"nn.{kind.__name__}()", low, high), True
        if isinstance(layer, nn.Hardtanh):
            return OutputBounds("nn.Hardtanh()", layer.min_val, layer.max_val), True
        if isinstance(layer, _UNBOUNDED):
            return None, True
        if not (len(inputs) == 1 and _only_reshapes(inputs[0], output)):
            return None, False
    return None, False


def _only_reshapes(given: Any, output: torch.Tensor) -> bool:
    is_as_large = isinstance(given, torch.Tensor) and given.numel() == output.numel()
    return is_as_large and torch.equal(given.reshape(output.shape), output)


def _of_function(result: torch.Tensor, output: torch.Tensor) -> OutputBounds | None:
    """Return the bounds of the function that turns the last layer's result into the output."""
    for name, (function, low, high) in _FUNCTIONS.items():
        if torch.allclose(function(result).reshape(output.shape), output, rtol=1e-5, atol=1e-6):
            return OutputBounds(f"torch.{name}", low, high)
    return None


def _measured(outputs: torch.Tensor) -> OutputBounds | None:
    """Return bounds of 0 or -1, and 1, if outputs come close to both and never exceed them."""
    low, high = float(outputs.min()), float(outputs.max())
    for bound in (0.0, -1.0):
        if bound <= low <= bound + _CLOSE and 1 - _CLOSE <= high <= 1:
            return OutputBounds("an unknown function", bound, 1.0, certain=False)
    return None
