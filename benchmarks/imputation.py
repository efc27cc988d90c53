"""Benchmark of imputers on tables with removed and with naturally missing values.

    SKAE_DATA=folder python benchmarks/imputation.py                   all, minutes
    SKAE_DATA=folder python benchmarks/imputation.py Half Draws        some parts
    SKAE_DATA=folder python benchmarks/imputation.py --save            also into the documentation
    python benchmarks/imputation.py --quick                            a trial: 200 rows, one mask
    python benchmarks/imputation.py Half --only skae --set patience=40

Without the folder, only the tables of scikit-learn are used.
"""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import numpy as np
import pandas as pd
from draws_of_few_rows import coverage, rubin
from incomplete import IMPUTERS, at_random, complete_tables, depending_on_others, filled, quietly
from machine import machine
from missing_by_nature import downstream
from sections import save, section
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from skae import AutoencoderImputer

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "imputation.md"
# With this number of draws, a further draw lies within their range with probability 0.9.
N_DRAWS = 19


def errors(mechanism, settings, random_rows: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return root mean squared errors with seconds, and mean absolute errors of all imputers."""
    squared, absolute = [], []
    for name, X in complete_tables(settings.quick, random_rows=random_rows):
        figures = {imputer: [] for imputer in settings.only}
        for seed in range(settings.masks):
            missing = mechanism(X, np.random.default_rng(seed))
            incomplete = np.where(missing, np.nan, X)
            for imputer in settings.only:
                made = IMPUTERS[imputer](seed)
                if imputer == "skae":
                    made.set_params(**settings.given)
                rows, seconds = filled(made, incomplete)
                error = (rows - X)[missing]
                figures[imputer].append(
                    (np.sqrt(np.square(error).mean()), np.abs(error).mean(), seconds)
                )
            print(name, seed, {i: np.round(f[-1], 3) for i, f in figures.items()}, flush=True)
        squared.append([name, "{} x {}".format(*X.shape), *_rmse_cells(figures)])
        medians = [f"{np.median(np.array(f)[:, 1]):.3f}" for f in figures.values()]
        absolute.append([name, *medians])
    compared = "skae" in settings.only and len(settings.only) > 1
    columns = [*settings.only, "skae first"] if compared else settings.only
    return (
        pd.DataFrame(squared, columns=["table", "size", *columns]),
        pd.DataFrame(absolute, columns=["table", *settings.only]),
    )


def _rmse_cells(figures: dict[str, list]) -> list[str]:
    """Return the medians of each imputer, and the number of masks on which skae is best."""
    medians = {name: np.median(values, axis=0) for name, values in figures.items()}
    cells = [f"{median[0]:.3f}, {median[2]:.2g} s" for median in medians.values()]
    if "skae" in figures and len(figures) > 1:
        each = np.array([[mask[0] for mask in values] for values in figures.values()])
        first = each.argmin(axis=0) == list(figures).index("skae")
        cells.append(f"{first.sum()} of {first.size}")
    return cells


def draws(settings) -> pd.DataFrame:
    """Return how often the range of draws contains the missing value, and its mean width."""
    lines = []
    for name, X in complete_tables(settings.quick):
        found = []
        for seed in range(settings.masks):
            missing = at_random(0.5)(X, np.random.default_rng(seed))
            incomplete = np.where(missing, np.nan, X)
            found.append([*_by_iterative(incomplete, seed), *_by_skae(incomplete, seed)])
            found[-1] = [
                figure
                for drawn in (found[-1][:N_DRAWS], found[-1][N_DRAWS:])
                for figure in _coverage(np.array(drawn)[:, missing], X[missing])
            ]
            print(name, seed, np.round(found[-1], 3), flush=True)
        lines.append([name, *np.median(found, axis=0)])
    columns = ["iterative: held", "width", "skae: held", "width"]
    return pd.DataFrame(lines, columns=["table", *columns])


def _by_iterative(X: np.ndarray, seed: int) -> list[np.ndarray]:
    with quietly():
        return [
            IterativeImputer(sample_posterior=True, random_state=100 * seed + i).fit_transform(X)
            for i in range(N_DRAWS)
        ]


def _by_skae(X: np.ndarray, seed: int) -> list[np.ndarray]:
    imputer = AutoencoderImputer(random_state=seed).fit(X)
    return list(imputer.sample(X, n_draws=N_DRAWS, random_state=seed))


def _coverage(drawn: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    return ((low <= true) & (true <= high)).mean(), (high - low).mean()


def of_masks(settings) -> str:
    """Return a description of the number of masks."""
    return "One mask." if settings.masks == 1 else f"Medians of {settings.masks} masks."


def error_part(caption: str, mechanism, random_rows: bool = False):
    """Return a part that measures errors."""

    def part(settings) -> str:
        squared, absolute = errors(mechanism, settings, random_rows)
        last = section("Mean absolute error, on which few rows far away weigh less:", absolute)
        return "\n\n".join([section(f"{caption} {of_masks(settings)}", squared), last])

    return part


PARTS = {
    "Half": error_part(
        "Half of the values missing completely at random.", at_random(0.5), random_rows=True
    ),
    "Fifth": error_part("A fifth of the values missing completely at random.", at_random(0.2)),
    "Depending": error_part(
        "Half of the values of two thirds of the columns missing, depending on the other third.",
        depending_on_others,
    ),
    "Draws": lambda settings: section(
        f"The range of {N_DRAWS} draws of each missing value (`sample` of skae, "
        "`sample_posterior=True` of IterativeImputer), half of the values missing: how many of "
        "them it holds, where 0.9 is right, and its mean width in standard deviations. "
        + of_masks(settings),
        draws(settings).round(3),
    ),
    "Coverage": lambda settings: section(
        "The same on simulated normal tables of four columns, by number of rows and fraction of "
        "missing values.",
        coverage(settings.quick),
    ),
    "Rubin": lambda settings: section(
        "How many intervals of 95% by Rubin's rules, from 20 draws, hold the coefficients of a "
        "regression on two columns. 60 simulated tables.",
        rubin(settings.quick),
    ),
    "Nature": lambda settings: section(
        "Accuracy of two classifiers behind each imputer, in percent, on tables whose values are "
        "missing by nature, cross-validated; in brackets the standard error of the difference to "
        "skae over the folds. The last line gives the incomplete rows to the boosted trees.",
        downstream(settings.quick, settings.only),
    ),
}


def literal(text: str):
    """Return the value of a parameter given on the command line."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parsed() -> argparse.Namespace:
    """Return the parsed arguments of the command line."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    arguments.add_argument("--only", nargs="+", default=list(IMPUTERS), help="imputers")
    arguments.add_argument("--masks", type=int, default=3)
    arguments.add_argument("--set", nargs="*", default=[], help="parameters of skae's imputer")
    arguments.add_argument("--quick", action="store_true", help="200 rows, one mask")
    arguments.add_argument("--save", action="store_true", help="write the page that the docs show")
    settings = arguments.parse_args()
    settings.given = {name: literal(v) for name, v in (pair.split("=") for pair in settings.set)}
    settings.masks = 1 if settings.quick else settings.masks
    return settings


if __name__ == "__main__":
    settings = parsed()
    for name in settings.parts:
        text = PARTS[name](settings)
        if name == "Half":  # the first on the page
            text += f"\n\n{machine()}"
        print(f"**{name}.** {text}\n", flush=True)
        if settings.save:
            save(PAGE, PARTS, {name: text})
