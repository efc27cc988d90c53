"""A test pass through a network before training, which checks shapes and counts work."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import nn

from skae._runtime.threads import threads_for
from skae.architectures.layers import TiedLinear

_N_ROWS = 2
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
# Layers whose multiplications are counted; those of other layers are few or unknown.
_COUNTED = (
    nn.Linear,
    TiedLinear,
    nn.RNNBase,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    *_TRANSPOSED,
)


class Work(NamedTuple):
    """The multiplications with weights in a forward pass of one row.

    ``in_all`` counts all of them. ``at_once`` counts those that can run in parallel: in a recurrent
    layer, those of a single step.
    """

    in_all: int
    at_once: int

    def __add__(self, other: Work) -> Work:  # type: ignore[override]  # tuples would be joined
        return Work(self.in_all + other.in_all, self.at_once + other.at_once)


def probe(network: Any) -> Work:
    """Check encoder and decoder with two rows of zeros, and count their work.

    Parameters
    ----------
    network : AutoencoderNetwork
        The complete network, on the CPU.

    Returns
    -------
    Work
        The work of a forward pass of one row.

    Raises
    ------
    ValueError
        If encoder or decoder fails, returns a wrong shape, or if neither has weights.
    """
    shape = network.sample_shape
    parameter = next(network.parameters(), None)
    if parameter is None:
        raise ValueError("Neither encoder nor decoder has weights, so there is nothing to train.")
    zeros = {"dtype": parameter.dtype, "device": parameter.device}
    n_outputs = network.kind.n_encoder_outputs(network.n_components)
    rows = torch.zeros(_N_ROWS, *network.encoder_shape, **zeros)
    total = _pass(network.encoder, "encoder", rows, (n_outputs,))
    if network.decoder is not None:
        codes = torch.zeros(_N_ROWS, network.n_components, **zeros)
        total += _pass(network.decoder, "decoder", codes, shape)
    for linear_map in (network.linear_encoder, network.linear_decoder):
        if linear_map is not None:
            total += Work(linear_map.weight.numel(), linear_map.weight.numel())
    if network.missing is not None:
        count = network.missing.filling.n_multiplications
        total += Work(count, count)
    return total


def _pass(module: nn.Module, role: str, batch: torch.Tensor, wanted: tuple[int, ...]) -> Work:
    """Pass a batch through a module and return its work for one row."""
    counts: list[Work] = []
    hooks = [
        layer.register_forward_hook(lambda *call: counts.append(_count(*call)), with_kwargs=True)
        for layer in module.modules()
        if isinstance(layer, _COUNTED)
    ]
    training = module.training
    module.eval()
    name = f"The {role} ({type(module).__name__})"
    try:
        # The work is not known yet, and two rows need no threads.
        with torch.no_grad(), threads_for(_N_ROWS, 0):
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
    return Work(*(sum(count) // len(batch) for count in zip(Work(0, 0), *counts, strict=True)))


def _check_output(output: object, name: str, batch: torch.Tensor, wanted: tuple[int, ...]) -> None:
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"{name} must return a tensor, got {type(output).__name__}.")
    expected = (len(batch), *wanted)
    flat = (len(batch), math.prod(wanted))
    if tuple(output.shape) not in (expected, flat):
        raise ValueError(
            f"{name} was given a probe batch of shape {tuple(batch.shape)} and must return the "
            f"shape {expected}, got {tuple(output.shape)}."
        )


def _count(layer: nn.Module, inputs: tuple, named_inputs: dict, output: Any) -> Work:
    """Return the multiplications with a layer's weights in one call."""
    values = next(iter([*inputs, *named_inputs.values()]))
    if isinstance(layer, nn.RNNBase):
        # Steps run one after the other, so only the work within a step can run in parallel.
        rows, steps = (0, 1) if layer.batch_first else (1, 0)
        of_a_step = sum(w.numel() for w in layer.parameters() if w.ndim > 1)
        of_a_step *= values.shape[rows]
        return Work(of_a_step * values.shape[steps], of_a_step)
    weight: Any = layer.weight
    of_an_entry = weight[0].numel()
    if isinstance(layer, _TRANSPOSED):
        count = values.numel() * of_an_entry
    else:
        count = output.numel() * of_an_entry
    return Work(count, count)
