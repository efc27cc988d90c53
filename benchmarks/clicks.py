"""Clicks of new users: recall@20 and NDCG@20 of hidden clicks, beside EASE and popularity.

    python benchmarks/clicks.py           two simulated tables of 1,500 users and 300 items

A fifth of the clicks of users that were not in the fit is hidden. EASE is the closed form of the
best linear item-item model without a diagonal (H. Steck, "Embarrassingly shallow autoencoders for
sparse data", WWW 2019), with three penalties.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import scipy.sparse as sp
from machine import machine

from skae import AutoencoderRecommender
from skae._recommendation.hiding import hide_some
from skae._recommendation.ranking import best_items, ndcg

N_RANKED = 20


def simulated(seed: int, n_users: int = 1500, n_items: int = 300, rank: int = 8) -> np.ndarray:
    """Return clicks drawn without replacement by tastes and popularity."""
    random = np.random.default_rng(seed)
    tastes = random.normal(size=(n_users, rank)) @ random.normal(size=(rank, n_items))
    chances = np.exp(1.8 * tastes / rank**0.5 + random.normal(size=n_items))
    clicks = np.zeros((n_users, n_items))
    for user, weights in enumerate(chances / chances.sum(axis=1, keepdims=True)):
        chosen = random.choice(n_items, random.integers(10, 40), replace=False, p=weights)
        clicks[user, chosen] = 1
    return clicks


def ease(clicks: np.ndarray, penalty: float) -> np.ndarray:
    """Return the item-item weights of EASE."""
    inverse = np.linalg.inv(clicks.T @ clicks + penalty * np.eye(clicks.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def quality(scores: np.ndarray, shown: sp.csr_matrix, hidden: sp.csr_matrix) -> dict[str, float]:
    """Return recall@20 and NDCG@20."""
    items, _ = best_items(scores, shown, N_RANKED)
    found = np.take_along_axis(hidden.toarray(), items, axis=1).sum(axis=1)
    most = np.minimum(N_RANKED, np.diff(hidden.indptr))
    return {"recall@20": (found / most).mean(), "NDCG@20": ndcg(items, hidden).mean()}


def main() -> None:
    """Print one row for each method and table."""
    print(machine())
    results = []
    for seed in (0, 1):
        clicks = simulated(seed)
        old, (shown, hidden) = clicks[:1200], hide_some(sp.csr_matrix(clicks[1200:]))
        start = time.perf_counter()
        model = AutoencoderRecommender(feedback="implicit", random_state=0).fit(old)
        seconds = time.perf_counter() - start
        scores = {"skae": model.predict_all(shown)}
        scores["popularity"] = np.tile(old.sum(axis=0), (shown.shape[0], 1))
        for penalty in (30, 100, 300):
            scores[f"EASE {penalty}"] = shown @ ease(old, penalty)
        for name, given in scores.items():
            found = {"seed": seed, "method": name, **quality(given, shown, hidden)}
            results.append({**found, "seconds": seconds if name == "skae" else np.nan})
    print(pd.DataFrame(results).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
