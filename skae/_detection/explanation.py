"""What each feature contributes to the score of a member of an ensemble."""

from __future__ import annotations

import numpy as np
import torch

from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._data.views import rows_at
from skae._detection.attribution import integrated_gradients, nearest, replacement_differences
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import array_dtype
from skae.scores import Score

# Training rows that other rows may be compared with, and how many each row is compared with, by
# all networks together.
_N_BASELINES, _N_NEAREST = 64, 4


def baselines_of(fitted: FittedNetwork, X: Matrix, device: str) -> np.ndarray:
    """Return some training rows of a network, scaled and complete, to compare other rows with.

    Parameters
    ----------
    fitted : FittedNetwork
        The network.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Its training rows.

    device : str
        Device on which missing values are filled.

    Returns
    -------
    ndarray of shape (at most 64, n_features)
    """
    # Always the same rows, and no draws from the generator of the fit.
    chosen = np.random.RandomState(0).permutation(X.shape[0])[:_N_BASELINES]
    network = fitted.network(device)
    like = next(network.parameters())
    rows = fitted.scaling.apply(densify(rows_at(X, np.sort(chosen))[:]), array_dtype(like.dtype))
    with torch.no_grad():
        filled = FittingBatches(like.device).call(network.filled, torch.from_numpy(rows))
    return filled.cpu().numpy()


@torch.inference_mode(False)
@torch.enable_grad()
def contributions_of(
    score: Score,
    network: AutoencoderNetwork,
    X: torch.Tensor,
    baselines: np.ndarray | None,
    group_of: np.ndarray,
    batches: FittingBatches,
    n_members: int = 1,
) -> torch.Tensor:
    """Return what each group of features contributes to the score, more than in baseline rows.

    Each row is compared with the nearest baselines.

    Parameters
    ----------
    score : Score
        A fitted score. If it has no gradients, features are replaced by those of the baselines.

    network : AutoencoderNetwork
        The network.

    X : torch.Tensor of shape (n_samples, n_features)
        Scaled rows.

    baselines : ndarray of shape (n_baselines, n_features) or None
        Scaled rows; None means the mean row.

    group_of : ndarray of shape (n_features,)
        Number of the group of each feature, from 0.

    batches : FittingBatches
        Computes the score.

    n_members : int, default=1
        Number of networks of the ensemble, which share the comparisons.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_groups), dtype float64, on the CPU
        Missing values contribute nothing.
    """
    X = X.clone()  # outside of inference mode, so that gradients can be computed

    def scored(rows: torch.Tensor) -> torch.Tensor:
        return score(network, rows)

    if baselines is None:
        compared = network.features.mean.to(X)[None]
    else:
        compared = torch.from_numpy(baselines).to(X)
    gradients = has_gradients(score, network, compared[:1])
    compared = nearest(X, compared, max(1, _N_NEAREST // n_members))
    if not gradients:
        return replacement_differences(scored, X, compared, group_of, batches)
    of_features = integrated_gradients(scored, X, compared, batches)
    sums = torch.zeros(len(X), int(group_of.max()) + 1, dtype=torch.float64)
    return sums.index_add_(1, torch.from_numpy(group_of), of_features)


def has_gradients(score: Score, network: AutoencoderNetwork, rows: torch.Tensor) -> bool:
    """Return whether torch can differentiate all parts of a score."""
    rows = rows.clone().requires_grad_()
    codes = network.encode(rows)
    try:
        parts = [score.of_features(network, rows, codes), score.of_code(network, rows, codes)]
        sums = [part.sum() for part in (*parts, score(network, rows)) if part is not None]
        for total in sums:
            torch.autograd.grad(total, rows, retain_graph=True)
    except (RuntimeError, TypeError):  # such as that of numpy() on a tensor with gradients
        return False
    return True
