"""Systems of linear equations, of which each row takes a part of its own."""

from __future__ import annotations

import torch

# Largest number of entries of the matrices that are factorised at once.
_MOST_ENTRIES = 2**22


def solved_parts(matrix: torch.Tensor, right: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the solutions x of ``A[o, o] x[o] = b[o]``, with other columns `o` for each row.

    Parameters
    ----------
    matrix : torch.Tensor of shape (n_columns, n_columns), dtype float64
        `A`, symmetric and positive definite.

    right : torch.Tensor of shape (n_samples, n_columns), dtype float64
        `b` of each row.

    chosen : torch.Tensor of shape (n_samples, n_columns), dtype bool
        Mask of the columns `o` of each row.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_columns), dtype float64
        Zero outside of `o`. The solution of a row does not depend on the others.
    """
    if torch.compiler.is_compiling():  # an exported graph has one shape for all rows
        return _solved(matrix[None], right, chosen)
    solutions = torch.zeros_like(right)
    sizes = _sizes(chosen)
    for size in sizes[sizes > 0].unique().tolist():
        rows = torch.nonzero(sizes == size)[:, 0]
        for some in rows.split(max(1, _MOST_ENTRIES // size**2)):
            solutions[some] = _gathered(matrix, right[some], chosen[some], size)
    return solutions


def _sizes(chosen: torch.Tensor) -> torch.Tensor:
    """Return the size of the system of each row: a power of two, or the number of columns.

    Systems are padded to a few sizes, so that many are solved at once.
    """
    counts = chosen.sum(1)
    powers = 2 ** torch.ceil(torch.log2(counts.clamp_min(1).double())).long()
    return torch.where(counts > 0, powers.clamp_max(chosen.shape[1]), 0)


def _gathered(
    matrix: torch.Tensor, right: torch.Tensor, chosen: torch.Tensor, size: int
) -> torch.Tensor:
    """Return the solutions of rows with at most `size` chosen columns."""
    order = torch.argsort(~chosen, dim=1, stable=True)[:, :size]
    parts = matrix[order[:, :, None], order[:, None, :]]
    solved = _solved(parts, right.gather(1, order), chosen.gather(1, order))
    return torch.zeros_like(right).scatter(1, order, solved)


def _solved(matrices: torch.Tensor, right: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return solutions of systems that are the identity outside of the chosen columns."""
    identity = torch.eye(right.shape[1], dtype=right.dtype)
    both = chosen[:, :, None] & chosen[:, None, :]
    lower = torch.linalg.cholesky(torch.where(both, matrices, identity))
    return torch.cholesky_solve(torch.where(chosen, right, 0.0)[:, :, None], lower)[:, :, 0]
