"""Contributions of features to a function of rows, compared with baseline rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from skae._runtime.memory import FittingBatches

Function = Callable[[torch.Tensor], torch.Tensor]

# Points of the Gauss-Legendre rule on the line from each baseline to a row.
_N_STEPS = 8
# Rows for which a function is called at once.
_MOST_POINTS = 256


def nearest(X: torch.Tensor, baselines: torch.Tensor, n: int) -> torch.Tensor:
    """Return the baselines nearest to each row, by the sum of absolute differences.

    They differ from the row in little else than what is unusual about it. Compared with a row of
    another group of normal rows, all features would differ.

    Parameters
    ----------
    X : torch.Tensor of shape (n_samples, n_features)
        Rows; missing values do not count.

    baselines : torch.Tensor of shape (n_baselines, n_features)
        Complete rows.

    n : int
        Number of baselines for each row.

    Returns
    -------
    torch.Tensor of shape (n_samples, at most n, n_features)
    """
    n = min(n, len(baselines))
    far = [torch.nan_to_num(X - baseline).abs().sum(1) for baseline in baselines]
    return baselines[torch.stack(far, dim=1).topk(n, dim=1, largest=False).indices]


def integrated_gradients(
    function: Function, X: torch.Tensor, baselines: torch.Tensor, batches: FittingBatches
) -> torch.Tensor:
    r"""Return the contributions of the features to ``function(X)``, compared with baseline rows.

    .. math:: \frac{1}{K} \sum_{k=1}^{K} (x_j - b_{kj})
              \int_0^1 \frac{\partial f}{\partial x_j}(b_k + t (x - b_k)) \, dt

    with the baselines :math:`b_k` of each row, by the Gauss-Legendre rule (Sundararajan et al.
    [1]_; several baselines as in [2]_). They add up to :math:`f(x)` minus the mean of
    :math:`f(b_k)`, up to the error of the rule. All features of a row change together on the way,
    so the contribution of several features is their sum.

    Parameters
    ----------
    function : callable
        Differentiable function from rows to one number for each.

    X : torch.Tensor of shape (n_samples, n_features)
        Rows. Missing values stay missing, also on the way, and have no contribution.

    baselines : torch.Tensor of shape (..., n_baselines, n_features)
        Complete rows, the same for all rows or those that each is compared with.

    batches : FittingBatches
        Calls the function.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_features), dtype float64, on the CPU

    References
    ----------
    .. [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML
       2017.
    .. [2] G. Erion, J. D. Janizek, P. Sturmfels, S. M. Lundberg and S.-I. Lee, "Improving
       performance of deep learning models with axiomatic attribution priors and expected
       gradients", Nature Machine Intelligence 3, 2021.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_N_STEPS)
    places = torch.from_numpy((nodes + 1) / 2).to(X)[:, None, None]
    shares = torch.from_numpy(weights / 2)[:, None, None]
    n_at_once = _n_at_once(batches, _N_STEPS)
    found = torch.zeros(X.shape, dtype=torch.float64)
    # Row by row: with others in a batch, the last digits would depend on them.
    for contributions, row, own in zip(found, X, _of_rows(X, baselines), strict=True):
        for some in own.split(n_at_once):
            points = (some + places * (row - some)).flatten(0, 1)
            slopes = batches.call(partial(_gradient, function), points).cpu().double()
            mean = (slopes.unflatten(0, (_N_STEPS, len(some))) * shares).sum(0)
            contributions += (mean * (row - some).cpu().double()).sum(0) / len(own)
    return found.masked_fill_(torch.isnan(X).cpu(), 0.0)


def _of_rows(X: torch.Tensor, baselines: torch.Tensor) -> torch.Tensor:
    """Return the baselines of each row, which may be the same for all rows."""
    return baselines.expand(len(X), *baselines.shape) if baselines.ndim == 2 else baselines


def _n_at_once(batches: FittingBatches, n_points: int) -> int:
    """Return how many times so many rows are in memory at once: few if rows are wide."""
    return max(1, min(batches.most_rows, _MOST_POINTS) // n_points)


def _gradient(function: Function, points: torch.Tensor) -> torch.Tensor:
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(function(points).sum(), points)
    return gradient


def replacement_differences(
    function: Function,
    X: torch.Tensor,
    baselines: torch.Tensor,
    group_of: np.ndarray,
    batches: FittingBatches,
) -> torch.Tensor:
    r"""Return how the function changes if groups of features are replaced, without gradients.

    .. math:: \frac{1}{2 K} \sum_{k=1}^{K} \left( f(x) - f(x \text{ with } x_g := b_{kg})
              + f(b_k \text{ with } b_{kg} := x_g) - f(b_k) \right)

    the mean of the first and the last change on the way from a baseline to a row. For quadratic
    functions these are Shapley values, and add up to :math:`f(x)` minus the mean of :math:`f(b_k)`
    (Lundberg and Lee [1]_). If they add up to more than that, they are scaled down to it.

    Parameters
    ----------
    function : callable
        Function from rows to one number for each.

    X : torch.Tensor of shape (n_samples, n_features)
        Rows. Missing values stay missing, also in the baselines, and have no contribution.

    baselines : torch.Tensor of shape (..., n_baselines, n_features)
        Complete rows, the same for all rows or those that each is compared with.

    group_of : ndarray of shape (n_features,)
        Number of the group of each feature, from 0.

    batches : FittingBatches
        Calls the function.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_groups), dtype float64, on the CPU

    References
    ----------
    .. [1] S. M. Lundberg and S.-I. Lee, "A unified approach to interpreting model predictions",
       NeurIPS 2017.
    """

    @torch.no_grad()
    def values(rows: torch.Tensor) -> torch.Tensor:
        return batches.call(lambda part: function(part).cpu().double(), rows)

    group = torch.from_numpy(group_of).to(X.device)
    numbers = torch.arange(int(group_of.max()) + 1, device=X.device)
    found = []
    for row, own in zip(X, _of_rows(X, baselines), strict=True):
        known = ~torch.isnan(row)
        given = torch.where(known, own, torch.nan)
        apart = values(row[None]) - values(given)
        changes = []
        for some in numbers.split(_n_at_once(batches, len(own))):
            of_group = ((some[:, None] == group) & known)[:, None]
            without = values(torch.where(of_group, given, row).flatten(0, 1))
            alone = values(torch.where(of_group, row, given).flatten(0, 1))
            changes.append((alone - without).unflatten(0, (len(some), len(own))).mean(1))
        # The parts that do not depend on the group: f(x) and minus f(b).
        found.append(_at_most((torch.cat(changes) + apart.mean()) / 2, apart.mean()))
    return torch.stack(found)


def _at_most(changes: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """Return changes that are scaled down if they add up to more than the total."""
    found = changes.sum()
    return changes * (total / found) if 0 < total < found else changes


def added_up(contributions: np.ndarray, totals: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return contributions that add up to the totals, in the same order of size.

    What they lack, which is mainly the mean of the baselines, is shared evenly by all that are
    known. If contributions are not finite, the whole total is.

    Parameters
    ----------
    contributions : ndarray of shape (n_samples, n)
        Contributions.

    totals : ndarray of shape (n_samples,)
        Finite numbers.

    known : ndarray of shape (n_samples, n), dtype bool
        False for those of missing values, which get nothing unless all values are missing.
    """
    finite = np.isfinite(contributions).all(axis=1)
    contributions = np.where(finite[:, None], contributions, 0.0)
    known = known | ~known.any(axis=1, keepdims=True)
    rest = (totals - contributions.sum(axis=1)) / known.sum(axis=1)
    return contributions + np.where(known, rest[:, None], 0.0)


def known_groups(rows: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """Return which groups of each row have a value that is not missing, (n_samples, n_groups)."""
    known = np.zeros((group_of.max() + 1, len(rows)), dtype=bool)
    np.logical_or.at(known, group_of, ~np.isnan(rows).T)
    return known.T
