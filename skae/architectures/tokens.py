"""Tokens of samples and blocks of attention, the layers of the transformer."""

from __future__ import annotations

import math

import torch
from torch import nn

from skae.architectures.layers import Dropout, linear
from skae.architectures.memory import check_memory

# Standard deviation of the initial position embeddings, as usual for transformers.
_DEVIATION = 0.02
# Hidden units of the feedforward layer of each block, in multiples of d_model.
_EXPANSION = 2


class Patches(nn.Module):
    """Splits images or series into patches; as a module, it joins the patches again.

    A series is treated as an image of height 1.

    Parameters
    ----------
    n_channels : int
        Channels of a sample.

    space : tuple of int
        Sizes of the other axes, one or two.

    sides : tuple of int
        Sizes of a patch along these axes.
    """

    def __init__(self, n_channels: int, space: tuple[int, ...], sides: tuple[int, ...]):
        super().__init__()
        self.n_channels, self.space = n_channels, space
        self.height, self.width = (1, *space)[-2:]
        self.sides = (1, *sides)[-2:]
        self.grid = (-(-self.height // self.sides[0]), -(-self.width // self.sides[1]))
        self.n_tokens = self.grid[0] * self.grid[1]
        self.token_size = n_channels * self.sides[0] * self.sides[1]

    def split(self, X: torch.Tensor) -> torch.Tensor:
        """Return the patches of samples of shape (n_samples, n_channels, *space).

        Returns
        -------
        torch.Tensor of shape (n_samples, n_tokens, token_size)
        """
        (rows, columns), (p, q) = self.grid, self.sides
        X = X.reshape(-1, self.n_channels, self.height, self.width)
        X = nn.functional.pad(X, (0, columns * q - self.width, 0, rows * p - self.height))
        X = X.reshape(-1, self.n_channels, rows, p, columns, q)
        return X.permute(0, 2, 4, 1, 3, 5).reshape(-1, self.n_tokens, self.token_size)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the samples of patches, of shape (n_samples, n_channels, *space)."""
        (rows, columns), (p, q) = self.grid, self.sides
        X = tokens.reshape(-1, rows, columns, self.n_channels, p, q).permute(0, 3, 1, 4, 2, 5)
        X = X.reshape(-1, self.n_channels, rows * p, columns * q)
        return X[:, :, : self.height, : self.width].reshape(-1, self.n_channels, *self.space)


class SplitPatches(nn.Module):
    """Map from samples, channels first, to their patches, without weights."""

    def __init__(self, patches: Patches):
        super().__init__()
        self.patches = patches

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return patches of shape (n_samples, n_tokens, token_size)."""
        return self.patches.split(X)


class PatchTokens(nn.Module):
    """Map from samples to tokens: a linear map of each patch."""

    def __init__(self, patches: Patches, d_model: int, generator: torch.Generator):
        super().__init__()
        self.patches = patches
        self.map = linear(patches.token_size, d_model, generator)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return tokens of shape (n_samples, n_tokens, d_model)."""
        return self.map(self.patches.split(X))


class FeatureTokens(nn.Module):
    """Map from rows to tokens ``x_j w_j + b_j``; the position embeddings serve as `b`."""

    def __init__(self, n_features: int, d_model: int, generator: torch.Generator):
        super().__init__()
        check_memory(n_features * d_model)
        weight = torch.empty(n_features, d_model).uniform_(-1, 1, generator=generator)
        self.vectors = nn.Parameter(weight)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return tokens of shape (n_samples, n_features, d_model)."""
        return X[..., None] * self.vectors


class TokenEncoder(nn.Module):
    """Map from samples, by their tokens, to one vector each.

    Parameters
    ----------
    embedding : torch.nn.Module
        Map from samples to tokens of shape (n_samples, n_tokens, d_model).

    n_tokens, d_model, n_heads, n_layers : int
        Sizes.

    pooling : {"token", "mean"}
        Output vector: an additional class token, or the mean of all tokens.

    dropout : float
        Dropout probability of the outputs of attention and feedforward layers.

    generator : torch.Generator
        Source of randomness of the initial weights.
    """

    def __init__(
        self,
        embedding: nn.Module,
        n_tokens: int,
        d_model: int,
        *,
        n_heads: int,
        n_layers: int,
        pooling: str,
        dropout: float,
        generator: torch.Generator,
    ):
        super().__init__()
        self.embedding = embedding
        self.positions = _normal((n_tokens, d_model), generator)
        self.token = _normal((1, d_model), generator) if pooling == "token" else None
        self.blocks = nn.Sequential(
            *(Block(d_model, n_heads, dropout, generator) for _ in range(n_layers))
        )
        self.norm = nn.LayerNorm(d_model)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return vectors of shape (n_samples, d_model)."""
        tokens = self.embedding(X) + self.positions
        if self.token is not None:
            tokens = torch.cat([self.token.expand(tokens.shape[0], 1, -1), tokens], dim=1)
        tokens = self.norm(self.blocks(tokens))
        return tokens.mean(1) if self.token is None else tokens[:, 0]


class Block(nn.Module):
    """Attention and a feedforward layer, each with layer normalisation and a skip connection."""

    def __init__(self, d_model: int, n_heads: int, dropout: float, generator: torch.Generator):
        super().__init__()
        self.attention_norm, self.layer_norm = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attention = Attention(d_model, n_heads, generator)
        self.layer = nn.Sequential(
            linear(d_model, _EXPANSION * d_model, generator),
            nn.GELU(),
            linear(_EXPANSION * d_model, d_model, generator),
        )
        self.dropout = Dropout(dropout)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the same shape, (n_samples, n_tokens, d_model)."""
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens)))
        return tokens + self.dropout(self.layer(self.layer_norm(tokens)))


class Attention(nn.Module):
    r"""Multi-head self-attention, :math:`\text{softmax}(Q K^T / \sqrt{d}) V`.

    Implemented here since torch's fused attention has no second derivative, which contractive
    autoencoders need.
    """

    def __init__(self, d_model: int, n_heads: int, generator: torch.Generator):
        super().__init__()
        self.n_heads = n_heads
        self.queries_keys_values = linear(d_model, 3 * d_model, generator)
        self.out = linear(d_model, d_model, generator)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return tokens of the same shape, (n_samples, n_tokens, d_model)."""
        n_samples, n_tokens, d_model = tokens.shape
        heads = self.queries_keys_values(tokens).reshape(
            n_samples, n_tokens, 3, self.n_heads, d_model // self.n_heads
        )
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)
        similarity = queries @ keys.transpose(-1, -2) / math.sqrt(d_model // self.n_heads)
        mixed = similarity.softmax(-1) @ values
        return self.out(mixed.transpose(1, 2).reshape(n_samples, n_tokens, d_model))


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> nn.Parameter:
    check_memory(math.prod(shape))
    return nn.Parameter(torch.empty(shape).normal_(0, _DEVIATION, generator=generator))
