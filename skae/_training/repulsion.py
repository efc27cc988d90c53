"""The penalty on known anomalies that the network rebuilds too well."""

from __future__ import annotations

import torch
from torch.nn.functional import softplus

# Known anomalies in each batch, the weight of their penalty, and the factor by which their loss
# should exceed that of normal rows.
MOST_REPELLED = 64
_WEIGHT = 0.3
_MARGIN = 30.0


def repulsion(loss: torch.Tensor, losses: torch.Tensor) -> torch.Tensor:
    """Return a penalty on small losses of known anomalies.

    ``weight * |loss| * mean(softplus(margin + (loss - loss of the row) / |loss|))``: falls
    as the loss of such a row grows, until it is about `margin` times that of normal rows.

    Parameters
    ----------
    loss : torch.Tensor of shape ()
        The mean loss of a batch of normal rows.

    losses : torch.Tensor of shape (n_samples,)
        The losses of known anomalies.
    """
    unit = loss.abs() + torch.finfo(loss.dtype).tiny
    return _WEIGHT * unit * softplus(_MARGIN + (loss - losses) / unit).mean()
