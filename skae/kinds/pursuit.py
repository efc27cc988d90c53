"""Better sparse codes for a linear decoder: subspace pursuit."""

from __future__ import annotations

import torch

# Added to the squares of the columns, as a share, where columns may be nearly the same.
_RIDGE = 1e-4


def subspace_pursuit(
    code: torch.Tensor, target: torch.Tensor, columns: torch.Tensor, k: int, n_steps: int
) -> torch.Tensor:
    """Return codes of at most `k` active values that rebuild rows better than the given ones.

    Each step joins the `k` active columns and the `k` others that go best with what is left of
    the row, fits the row by all of them, and keeps the `k` that contribute most; at the end the
    row is fitted by those (Dai and Milenkovic [1]_). A row does not depend on the others.

    Parameters
    ----------
    code : torch.Tensor of shape (n_samples, n_components)
        Where to start: its `k` largest values are taken as active.

    target : torch.Tensor of shape (n_samples, n_features)
        Rows without the decoder's bias.

    columns : torch.Tensor of shape (n_features, n_components)
        The weights of the decoder.

    k : int
        Number of active values.

    n_steps : int
        Number of steps.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_components)

    References
    ----------
    .. [1] W. Dai and O. Milenkovic, "Subspace pursuit for compressive sensing signal
       reconstruction", IEEE Transactions on Information Theory 55(5), 2009.
    """
    gram, products = columns.T @ columns, target @ columns
    lengths = gram.diagonal().sqrt().clamp_min(torch.finfo(gram.dtype).tiny)
    n_more = min(k, code.shape[1] - k)
    active = torch.topk(code.abs(), k, dim=1).indices
    values = _fit(gram, products, active)
    for _ in range(n_steps if n_more else 0):
        left_over = products - _full(products, active, values) @ gram
        gain = (left_over / lengths).abs().scatter(1, active, -1.0)
        both = torch.cat([active, torch.topk(gain, n_more, dim=1).indices], dim=1)
        contribution = _fit(gram, products, both).abs() * lengths[both]
        active = both.gather(1, torch.topk(contribution, k, dim=1).indices)
        values = _fit(gram, products, active)
    return _full(products, active, values)


def _fit(gram: torch.Tensor, products: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the least squares fit of each row by its chosen columns."""
    grams = gram[chosen[:, :, None], chosen[:, None, :]]
    ridge = _RIDGE * grams.diagonal(dim1=1, dim2=2).mean(1) + torch.finfo(gram.dtype).tiny
    one = torch.eye(chosen.shape[1], dtype=grams.dtype, device=grams.device)
    roots = torch.linalg.cholesky(grams + ridge[:, None, None] * one)
    return torch.cholesky_solve(products.gather(1, chosen)[:, :, None], roots)[:, :, 0]


def _full(like: torch.Tensor, active: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(like).scatter(1, active, values)
