"""The fit of networks to clicks, and the size of their code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

from skae._checkpoints.trainings import Trainings
from skae._fitting import defaults
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import fit_several
from skae._recommendation.hiding import hide_some
from skae._recommendation.ranking import best_items, ndcg
from skae._utils.random_state import own_random_state
from skae.architectures import Dense
from skae.corruptions import Masking
from skae.kinds import Denoising

# Code sizes that "auto" compares, the number of users it compares them on, and of ranked items.
_SIZES, _MOST_USERS, N_RANKED = (2, 4, 8, 16, 32, 64), 2000, 20


def hidden_clicks() -> Denoising:
    """Return the default kind for clicks, which hides half of the clicks and predicts them."""
    return Denoising(Masking(fraction=0.5, fill=0.0), emphasis=1.0)


def dense_with_dropout() -> Dense:
    """Return the default architecture for clicks."""
    return Dense(hidden_layer_sizes=(128,), dropout=0.3)


def _learning_rate(batch_size: int, n_components: int) -> float:
    """Return 0.001 for all sizes: with more, networks overfit clicks within a few epochs."""
    return 0.001


RULES = defaults.Rules(defaults.auto_batch_size, defaults.auto_epochs, _learning_rate)


def fit_clicks(
    clicks: sp.csr_matrix,
    policy: FitPolicy,
    n_networks: int,
    trainings: Trainings,
    report: EpochReport,
) -> list[NetworkFit]:
    """Train networks on the rows with clicks.

    Parameters
    ----------
    clicks : csr_matrix of shape (n_users, n_items)
        Ones for clicks.

    policy : FitPolicy
        The policy of the estimator.

    n_networks : int
        Number of networks to train.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch.
    """
    rows = clicks[np.diff(clicks.indptr) > 0]
    random = own_random_state(trainings.random_state)

    def prepared() -> Iterator[tuple[Prepared, None]]:
        for _ in range(n_networks):
            yield prepare(rows, policy, int(random.randint(2**31 - 1))), None

    return fit_several(prepared(), n_networks, rows, policy, trainings, report)


def click_rank(clicks: sp.csr_matrix) -> int:
    """Return the number of singular vectors that rank hidden clicks best, by their NDCG.

    Hidden is a fifth of the clicks of each user, and the singular vectors are those of the others.
    """
    sizes = [size for size in _SIZES if size < min(clicks.shape)] or [1]
    shown, hidden = hide_some(clicks)
    _, _, axes = randomized_svd(shown, sizes[-1], random_state=0)
    some = np.flatnonzero(np.diff(hidden.indptr))[:_MOST_USERS]
    if not len(some):
        return sizes[0]
    shown, hidden, n_ranked = shown[some], hidden[some], min(N_RANKED, clicks.shape[1])
    codes = shown @ axes.T

    def quality(size: int) -> float:
        items, _ = best_items(codes[:, :size] @ axes[:size], shown, n_ranked)
        return float(ndcg(items, hidden).mean())

    return max(sizes, key=quality)
