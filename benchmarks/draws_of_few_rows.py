"""Draws of imputers on simulated tables: how many values they hold, and Rubin's rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
from incomplete import quietly
from scipy import stats
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from skae import AutoencoderImputer

FRACTIONS = (0.1, 0.3, 0.5)
# Tables for each number of rows.
TABLES = {20: 60, 40: 40, 80: 20, 300: 8}
COEFFICIENTS = np.array([1.0, 1.0, -0.5])


def with_holes(X: np.ndarray, fraction: float, random) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with missing values, none in the first two rows, and their mask."""
    missing = random.uniform(size=X.shape) < fraction
    missing[:2] = False
    return np.where(missing, np.nan, X), missing


def by_skae(X: np.ndarray, seed: int, n_draws: int) -> np.ndarray:
    """Return draws of this imputer."""
    return AutoencoderImputer(random_state=seed).fit(X).sample(X, n_draws, random_state=seed)


def by_iterative(X: np.ndarray, seed: int, n_draws: int) -> np.ndarray:
    """Return draws of scikit-learn's imputer."""
    with quietly():
        return np.array(
            [
                IterativeImputer(sample_posterior=True, random_state=100 * seed + i).fit_transform(
                    X
                )
                for i in range(n_draws)
            ]
        )


IMPUTERS = {"iterative": by_iterative, "skae": by_skae}


def coverage(quick: bool) -> pd.DataFrame:
    """Return how many values the range of 19 draws holds, where 0.9 is right."""
    lines = []
    for n_rows, n_tables in TABLES.items():
        for fraction in FRACTIONS:
            held = {name: [] for name in IMPUTERS}
            for seed in range(2 if quick else n_tables):
                random = np.random.RandomState(seed)
                X = random.randn(n_rows, 2) @ random.randn(2, 4) + 0.6 * random.randn(n_rows, 4)
                incomplete, missing = with_holes(X, fraction, random)
                for name, imputer in IMPUTERS.items():
                    drawn, values = imputer(incomplete, seed, 19)[:, missing], X[missing]
                    held[name].append((drawn.min(axis=0) <= values) & (values <= drawn.max(axis=0)))
            lines.append([n_rows, fraction, *(np.concatenate(h).mean() for h in held.values())])
            print("coverage", np.round(lines[-1], 3), flush=True)
    return pd.DataFrame(lines, columns=["rows", "missing", *IMPUTERS]).round(3)


def rubin(quick: bool) -> pd.DataFrame:
    """Return how many intervals of 95% hold the coefficients of a regression."""
    lines = []
    for n_rows in TABLES:
        for fraction in FRACTIONS:
            held = {name: [] for name in IMPUTERS}
            for seed in range(2 if quick else 60):
                incomplete = _regression(n_rows, fraction, seed)
                for name, imputer in IMPUTERS.items():
                    held[name].append(within(imputer(incomplete, seed, 20)))
            lines.append([n_rows, fraction, *(np.mean(h) for h in held.values())])
            print("rubin", np.round(lines[-1], 3), flush=True)
    return pd.DataFrame(lines, columns=["rows", "missing", *IMPUTERS]).round(3)


def _regression(n_rows: int, fraction: float, seed: int) -> np.ndarray:
    random = np.random.RandomState(seed)
    first = random.randn(n_rows)
    second = 0.6 * first + 0.8 * random.randn(n_rows)
    y = 1 + first - 0.5 * second + random.randn(n_rows)
    return with_holes(np.column_stack([first, second, y]), fraction, random)[0]


def within(draws: np.ndarray) -> np.ndarray:
    """Return whether the pooled intervals hold the coefficients (Barnard and Rubin, 1999)."""
    estimates, variances = zip(*map(least_squares, draws), strict=True)
    m, free = len(draws), draws.shape[1] - 3
    between = (1 + 1 / m) * np.var(estimates, axis=0, ddof=1)
    total = np.mean(variances, axis=0) + between
    fraction = np.maximum(between / total, 1e-9)
    observed = (free + 1) / (free + 3) * free * (1 - fraction)
    degrees = 1 / (fraction**2 / (m - 1) + 1 / np.maximum(observed, 1e-9))
    half = stats.t.ppf(0.975, degrees) * np.sqrt(total)
    return np.abs(np.mean(estimates, axis=0) - COEFFICIENTS) <= half


def least_squares(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients of the last column on the others, and their variances."""
    X = np.column_stack([np.ones(len(table)), table[:, :-1]])
    inverse = np.linalg.inv(X.T @ X)
    coefficients = inverse @ X.T @ table[:, -1]
    residual = table[:, -1] - X @ coefficients
    return coefficients, np.diag(inverse) * (residual @ residual) / (len(X) - 3)
