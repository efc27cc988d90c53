"""One look at a network before it is trained: whether shapes fit, and how much work it is."""

from __future__ import annotations

import math

import torch
from torch import nn

from skae.architectures.layers import TiedLinear

_N_ROWS = 2
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
# Layers whose work is counted; that of others is small, or unknown.
_COUNTED = (
    nn.Linear,
    TiedLinear,
    nn.RNNBase,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    *_TRANSPOSED,
)


def probe(network) -> int:
    """Pass two rows of zeros through encoder and decoder.

    Parameters
    ----------
    network : AutoencoderNetwork
        With all its parts, on the CPU.

    Returns
    -------
    n_multiplications : int
        Multiplications with weights that a forward pass of one row takes at once: all of them,
        but those of a single step where steps come one after the other.

    Raises
    ------
    ValueError
        If encoder or decoder do not take what they are given, give another shape than asked, or
        have no weights.
    """
    shape = network.sample_shape
    parameter = next(network.parameters(), None)
    if parameter is None:
        raise ValueError("Neither encoder nor decoder have weights, so there is nothing to train.")
    zeros = {"dtype": parameter.dtype, "device": parameter.device}
    n_outputs = network.kind.n_encoder_outputs(network.n_components)
    total = _pass(network.encoder, "encoder", torch.zeros(_N_ROWS, *shape, **zeros), (n_outputs,))
    if network.decoder is not None:
        codes = torch.zeros(_N_ROWS, network.n_components, **zeros)
        total += _pass(network.decoder, "decoder", codes, shape)
    for linear_map in (network.linear_encoder, network.linear_decoder):
        total += 0 if linear_map is None else linear_map.weight.numel()
    return total


def _pass(module: nn.Module, role: str, batch: torch.Tensor, wanted: tuple[int, ...]) -> int:
    """Pass a batch through a module and return its multiplications for one row."""
    counts: list[int] = []
    hooks = [
        layer.register_forward_hook(lambda *call: counts.append(_count(*call)), with_kwargs=True)
        for layer in module.modules()
        if isinstance(layer, _COUNTED)
    ]
    training = module.training
    module.eval()
    name = f"The {role} ({type(module).__name__})"
    try:
        with torch.no_grad():
            output = module(batch)
    except Exception as error:
        raise ValueError(
            f"{name} failed on a probe batch of shape {tuple(batch.shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    _check_output(output, name, batch, wanted)
    return sum(counts) // len(batch)


def _check_output(output, name: str, batch: torch.Tensor, wanted: tuple[int, ...]) -> None:
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"{name} must return a tensor, got {type(output).__name__}.")
    expected = (len(batch), *wanted)
    flat = (len(batch), math.prod(wanted))
    if tuple(output.shape) not in (expected, flat):
        raise ValueError(
            f"{name} was given a probe batch of shape {tuple(batch.shape)} and must return the "
            f"shape {expected}, got {tuple(output.shape)}."
        )


def _count(layer: nn.Module, inputs: tuple, named_inputs: dict, output) -> int:
    """Return the multiplications of one call of a layer with its weights."""
    values = next(iter([*inputs, *named_inputs.values()]))
    if isinstance(layer, nn.RNNBase):
        # Steps wait for one another, so what threads can share is the work of one.
        n_rows = values.shape[0 if layer.batch_first else 1]
        return n_rows * sum(w.numel() for w in layer.parameters() if w.ndim > 1)
    if isinstance(layer, _TRANSPOSED):
        return values.numel() * layer.weight[0].numel()
    return output.numel() * layer.weight[0].numel()
