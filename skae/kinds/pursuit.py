"""Subspace pursuit: sparse coding for a linear decoder."""

from __future__ import annotations

import torch

# Ridge penalty relative to the mean squared norm of the columns, since columns may be collinear.
_RIDGE = 1e-4


def subspace_pursuit(
    code: torch.Tensor, target: torch.Tensor, columns: torch.Tensor, k: int, n_steps: int
) -> torch.Tensor:
    """Return codes with at most `k` active values and smaller reconstruction errors than `code`.

    Each step merges the `k` active columns with the `k` columns that correlate most with the
    residual, fits the row by least squares on all of them, and keeps the `k` with the largest
    contributions; the final values are the least-squares fit on these (Dai and Milenkovic [1]_).
    The code of a row does not depend on other rows.

    Parameters
    ----------
    code : torch.Tensor of shape (n_samples, n_components)
        Initial codes; the `k` largest values of each are the active ones.

    target : torch.Tensor of shape (n_samples, n_features)
        Rows minus the decoder's bias.

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
    norms = gram.diagonal().sqrt().clamp_min(torch.finfo(gram.dtype).tiny)
    n_more = min(k, code.shape[1] - k)
    active = torch.topk(code.abs(), k, dim=1).indices
    values = _fit(gram, products, active)
    for _ in range(n_steps if n_more else 0):
        residual = products - _full(products, active, values) @ gram
        gain = (residual / norms).abs().scatter(1, active, -1.0)
        both = torch.cat([active, torch.topk(gain, n_more, dim=1).indices], dim=1)
        contribution = _fit(gram, products, both).abs() * norms[both]
        active = both.gather(1, torch.topk(contribution, k, dim=1).indices)
        values = _fit(gram, products, active)
    return _full(products, active, values)


def _fit(gram: torch.Tensor, products: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the least-squares coefficients of each row on its chosen columns."""
    grams = gram[chosen[:, :, None], chosen[:, None, :]]
    ridge = _RIDGE * grams.diagonal(dim1=1, dim2=2).mean(1) + torch.finfo(gram.dtype).tiny
    identity = torch.eye(chosen.shape[1], dtype=grams.dtype, device=grams.device)
    roots = torch.linalg.cholesky(grams + ridge[:, None, None] * identity)
    return torch.cholesky_solve(products.gather(1, chosen)[:, :, None], roots)[:, :, 0]


def _full(like: torch.Tensor, active: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(like).scatter(1, active, values)
