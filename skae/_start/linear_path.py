"""The linear path of a network: `V` of ``V x + f(x)`` and `W` of ``W z + g(z)``."""

from __future__ import annotations

import math

import torch

from skae._network.autoencoder_network import AutoencoderNetwork
from skae.kinds.interface import LinearStart

# Ridge penalty, as a fraction of the mean variance of the codes.
_RIDGE = 1e-3


def set_linear_path(
    network: AutoencoderNetwork,
    axes: torch.Tensor,
    start: LinearStart,
    mean: torch.Tensor,
    residual_scale: float,
) -> None:
    """Set ``V = diag(start.encode) axes`` and ``W = axes^T diag(start.decode)``, centred.

    PCA's residual may be a thousandth of the data or nearly all of it. The residual network of the
    decoder therefore computes in units of PCA's residual, so that the same learning rate suits
    both.

    Parameters
    ----------
    network : AutoencoderNetwork
        A network with a linear path.

    axes : torch.Tensor of shape (n_components, n_features)
        Orthonormal rows.

    start : LinearStart
        The factors and offsets of the kind. With tied weights, ``encode`` is taken as 1.

    mean : torch.Tensor of shape (n_features,)
        Mean of the data.

    residual_scale : float
        Root mean square of PCA's residual over the features.
    """
    encoder, decoder = network.linear_encoder, network.linear_decoder
    assert encoder is not None
    assert decoder is not None
    with torch.no_grad():
        encode = torch.ones_like(start.encode) if network.tied else start.encode
        weight = axes * encode[:, None]
        encoder.weight.copy_(weight)
        encoder.bias.copy_(-weight @ mean)
        if start.encode_offset is not None:
            encoder.bias.add_(start.encode_offset)
        if not network.tied:
            decoder.weight.copy_((axes * start.decode[:, None]).T)
        decoder.bias.copy_(mean)
        if start.rest is not None:
            assert network.encoder_rest is not None
            network.encoder_rest.copy_(start.rest)
        network.residual_scale.fill_(residual_scale)
        if network.log_scale is not None:
            network.log_scale.fill_(math.log(start.scale or residual_scale))
        for name, values in (start.state or {}).items():
            assert network.state is not None
            network.state.get_parameter(name).copy_(values)


def fit_linear_decoder(network: AutoencoderNetwork, X: torch.Tensor, weight: torch.Tensor) -> None:
    """Set the linear path of the decoder to the least squares fit of the rows on their codes.

    Parameters
    ----------
    network : AutoencoderNetwork
        A network with a linear path.

    X : torch.Tensor of shape (n_samples, n_features)
        Rows.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row.
    """
    decoder = network.linear_decoder
    assert decoder is not None
    network.eval()  # in training mode, the kind would treat the rows as a training batch
    with torch.no_grad():
        codes, X = network.first_code(X).double(), X.double()
        fraction = (weight.double() / weight.double().sum())[:, None]
        mean_code, mean = (fraction * codes).sum(0), (fraction * X).sum(0)
        codes = codes - mean_code
        gram = (fraction * codes).T @ codes
        ridge = _RIDGE * gram.diagonal().mean() + torch.finfo(gram.dtype).tiny
        gram.diagonal().add_(ridge)
        solution = torch.linalg.solve(gram, (fraction * codes).T @ (X - mean))
        decoder.weight.copy_(solution.T)
        decoder.bias.copy_(mean - mean_code @ solution)
    network.train()


def start_error(
    network: AutoencoderNetwork, X: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return the root mean squared reconstruction error of corrupted rows."""
    with torch.no_grad():
        shown = network.kind.corrupt(X, network.features, generator)
        return (network.decode(network.encode(shown)) - X).square().mean().sqrt()
