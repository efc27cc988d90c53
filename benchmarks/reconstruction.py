"""Benchmark of the reconstruction error of the default autoencoder, relative to PCA.

Prints, for each table and code size, the squared error on the held-out 25% of the rows divided by
that of PCA with the same code size, and the seconds of the fit; then the geometric mean, the worst
ratio and the median time.

    SKAE_DATA=folder python benchmarks/reconstruction.py            all tables
    SKAE_DATA=folder python benchmarks/reconstruction.py --fashion  Fashion-MNIST, with peak memory
    python benchmarks/reconstruction.py --only digits wine --codes 8 --epochs 50
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from sklearn.decomposition import PCA
from tables import fashion_mnist, split_and_standardise, tables

from skae import AutoencoderTransformer

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "reconstruction.md"


def squared_error(reducer, X: np.ndarray) -> float:
    """Return the mean over rows and features of the squared error of the reconstructions."""
    return float(np.square(X - reducer.inverse_transform(reducer.transform(X))).mean())


def compare(train: np.ndarray, test: np.ndarray, size: int, **parameters) -> dict:
    """Fit both and return the results on held-out rows."""
    pca = PCA(size, random_state=0).fit(train)
    start = time.perf_counter()
    autoencoder = AutoencoderTransformer(size, random_state=0, **parameters).fit(train)
    seconds = time.perf_counter() - start
    error, pca_error = squared_error(autoencoder, test), squared_error(pca, test)
    return {
        "rows": len(train),
        "features": train.shape[1],
        "code": size,
        "pca error": pca_error,
        "ratio": error / max(pca_error, 1e-12),
        "epochs": autoencoder.n_epochs_,
        "best epoch": autoencoder.best_epoch_,
        "seconds": seconds,
    }


def run_tables(only: list[str] | None, codes: list[int], **parameters) -> pd.DataFrame:
    """Compare on all tables, printing line by line."""
    rows = []
    for name, X in tables():
        if only and name not in only:
            continue
        train, test = split_and_standardise(X)
        for size in (size for size in codes if size < min(train.shape)):
            rows.append({"table": name, **compare(train, test, size, **parameters)})
            figures = [f"{k}={v:.4g}" for k, v in rows[-1].items() if k != "table"]
            print(f"{name:20s}", *figures, flush=True)
    return pd.DataFrame(rows)


def summarise(results: pd.DataFrame) -> str:
    """Return a summary of the table in a sentence."""
    ratios = results["ratio"].clip(lower=1e-3)
    small = results["rows"] < 200
    means = {
        label: np.exp(np.log(ratios[chosen]).mean()) if chosen.any() else float("nan")
        for label, chosen in (("all", ratios > 0), ("small", small), ("other", ~small))
    }
    return (
        f"{len(results)} pairs of table and code size: geometric mean {means['all']:.3f} "
        f"(fewer than 200 rows {means['small']:.3f}, others {means['other']:.3f}), "
        f"worst {results['ratio'].max():.4f}, median fit {results['seconds'].median():.2f} s, "
        f"longest {results['seconds'].max():.1f} s. {machine()}"
    )


def page(results: pd.DataFrame) -> str:
    """Return the results as the page that the docs show."""
    ratios = results.pivot(index="table", columns="code", values="ratio")
    sizes = results.groupby("table")[["rows", "features"]].first()
    seconds = results.groupby("table")["seconds"].median()
    order = results["table"].unique()
    header = ["table", "rows", "features", *(f"code {code}" for code in ratios), "seconds"]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for name in order:
        cells = ["" if np.isnan(ratio) else f"{ratio:.3f}" for ratio in ratios.loc[name]]
        line = [name, *map(str, sizes.loc[name]), *cells, f"{seconds[name]:.1f}"]
        lines.append("| " + " | ".join(line) + " |")
    return (
        "Squared error of the default `AutoencoderTransformer` on the held-out quarter of rows, "
        "divided by that of PCA with the same code size; standardised tables, at most 10,000 rows. "
        "Seconds are the median over the code sizes.\n\n"
        f"{summarise(results)}\n\n" + "\n".join(lines) + "\n"
    )


def run_fashion(codes: list[int], **parameters) -> None:
    """Compare on 60,000 images of 784 pixels."""
    images = fashion_mnist()
    if images is None:
        raise SystemExit("SKAE_DATA names no folder with fashion_mnist.npz")
    for size in codes:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        autoencoder = AutoencoderTransformer(size, random_state=0, **parameters).fit(images[0])
        seconds = time.perf_counter() - start
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        pca = PCA(size, random_state=0).fit(images[0])
        error, pca_error = squared_error(autoencoder, images[1]), squared_error(pca, images[1])
        print(
            f"Fashion-MNIST, code {size}: squared error per image {784 * error:.2f}, PCA "
            f"{784 * pca_error:.2f}, ratio {error / pca_error:.3f}, {seconds:.1f} s, "
            f"{autoencoder.n_epochs_} epochs, peak memory {peak:.0f} MB above "
            f"{images[0].nbytes / 2**20:.0f} MB of data. {machine()}",
            flush=True,
        )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="*", help="names of tables")
    arguments.add_argument("--codes", nargs="*", type=int)
    arguments.add_argument("--epochs", type=int)
    arguments.add_argument("--fashion", action="store_true")
    arguments.add_argument("--save", action="store_true", help="write the page that the docs show")
    chosen = arguments.parse_args()
    parameters = {} if chosen.epochs is None else {"max_epochs": chosen.epochs}
    if chosen.fashion:
        run_fashion(chosen.codes or [32], **parameters)
    else:
        results = run_tables(chosen.only, chosen.codes or [2, 4, 8, 16, 32], **parameters)
        print(summarise(results))
        if chosen.save:
            RESULTS.write_text(page(results))
