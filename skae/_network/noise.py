"""The noise of jitter: of mean 0 and variance 1, from as few draws as possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

# Values that one draw of 64 bits gives.
_PER_DRAW = 8


def noise(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return noise of mean 0 and variance 1, in the shape of `X`.

    On a CPU, drawing normal numbers takes up to a sixth of a training step. Only the variance of
    the noise matters, so it is uniform there, with 256 values, of which each draw gives eight.
    """
    if X.device.type != "cpu":
        return torch.randn(X.shape, generator=generator, device=X.device, dtype=X.dtype)
    draws = torch.empty(-(-X.numel() // _PER_DRAW), dtype=torch.int64)
    _draw(draws, generator)
    return _of_bytes(draws.view(torch.uint8)[: X.numel()].view(X.shape), X.dtype)


def noise_of_several(
    X: torch.Tensor, generators: Sequence[torch.Generator], sizes: Sequence[int]
) -> torch.Tensor:
    """Return the noise that each of several networks would draw for its own rows.

    Parameters
    ----------
    X : torch.Tensor of shape (n_networks, n_rows, n_features)
        Rows of each network, of which the first ones are its own, and the others only fill up.

    generators, sizes : sequence of torch.Generator, sequence of int
        The generator of each network, and the number of its own rows.

    Returns
    -------
    torch.Tensor of the shape of `X`
        Finite for rows that only fill up.
    """
    n_networks, n_rows, n_features = X.shape
    if X.device.type != "cpu":
        drawn = torch.zeros_like(X)
        for of_network, generator, size in zip(drawn, generators, sizes, strict=True):
            of_network[:size] = noise(of_network[:size], generator)
        return drawn
    draws = torch.zeros(n_networks, -(-n_rows * n_features // _PER_DRAW), dtype=torch.int64)
    for of_network, generator, size in zip(draws, generators, sizes, strict=True):
        _draw(of_network[: -(-size * n_features // _PER_DRAW)], generator)
    values = draws.view(torch.uint8)[:, : n_rows * n_features]
    return _of_bytes(values.view(X.shape), X.dtype)


def _draw(draws: torch.Tensor, generator: torch.Generator) -> None:
    draws.random_(torch.iinfo(torch.int64).min, None, generator=generator)


def _of_bytes(values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return values.to(dtype).sub_(127.5).div_(math.sqrt((256**2 - 1) / 12))
