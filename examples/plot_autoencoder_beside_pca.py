"""
Comparison of an autoencoder with PCA
=====================================

How much of the variance of held-out rows does a code of 2, 4, 8 or 16 values explain? PCA is the
best linear map; an autoencoder is initialised as PCA and trained further. Both are used in the same
pipeline, and evaluated by the same measure: the explained fraction of the variance of held-out
rows.

As a script, it accepts your own table (csv, parquet, npy, npz) and, with ``--target``, the column
of its labels::

    python examples/plot_autoencoder_beside_pca.py table.csv --target class
"""

# %%
# The data
# --------
# Without a file, the 1,797 handwritten digits of scikit-learn, 8 x 8 pixels each.
import argparse
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skae import AutoencoderTransformer
from skae.metrics import explained_variance_scorer


def read_table(path, target=None):
    """Return the rows of a file, the labels or None, and a name."""
    path = Path(path)
    if path.suffix == ".csv":
        table = pd.read_csv(path)
    elif path.suffix == ".parquet":
        table = pd.read_parquet(path)
    elif path.suffix == ".npy":
        table = pd.DataFrame(flat(np.load(path)))
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            names = list(arrays)
            table = pd.DataFrame(flat(arrays["X"] if "X" in names else arrays[names[0]]))
            if target is not None:
                table[target] = arrays[target]
    else:
        raise SystemExit(f"{path}: expected a csv, parquet, npy or npz file")
    table = table.dropna()
    y = None if target is None else table.pop(target).to_numpy()
    X = table.select_dtypes("number").to_numpy(dtype=np.float32)
    return X, y, path.stem


def flat(array):
    """Return samples of any shape as rows."""
    return array.reshape(len(array), -1)


arguments = argparse.ArgumentParser()
arguments.add_argument("file", nargs="?", help="csv, parquet, npy or npz; default: digits")
arguments.add_argument("--target", help="column (or npz array) with labels")
arguments.add_argument("--output", default="autoencoder_beside_pca.png", help="picture to write")
chosen = arguments.parse_args(sys.argv[1:])

if chosen.file is None:
    X, y = load_digits(return_X_y=True)
    name, scaler = "digits", FunctionTransformer()  # pixels have the same unit
else:
    X, y, name = read_table(chosen.file, chosen.target)
    scaler = StandardScaler()  # columns of a table usually do not

labels = np.zeros(len(X)) if y is None else y
X_train, X_test, y_train, y_test = train_test_split(X, labels, test_size=0.25, random_state=0)

# %%
# PCA and the autoencoder, for several code sizes
# -----------------------------------------------
# The explained fraction of the variance is computed in the same way for both.


def measure(reducer):
    """Fit a pipeline, and return its scores on held-out rows."""
    pipeline = make_pipeline(scaler, reducer)
    start = time.perf_counter()
    codes = pipeline.fit_transform(X_train)
    seconds = time.perf_counter() - start
    accuracy = np.nan
    if y is not None:
        neighbour = KNeighborsClassifier(n_neighbors=1).fit(codes, y_train)
        accuracy = neighbour.score(pipeline.transform(X_test), y_test)
    return {
        "explained variance": explained_variance_scorer(reducer, pipeline[0].transform(X_test)),
        "1-NN accuracy": accuracy,
        "seconds": seconds,
    }


sizes = [size for size in (2, 4, 8, 16) if size < min(X_train.shape)]
fitted, rows = {}, []
for size in sizes:
    for method, reducer in (
        ("PCA", PCA(size, random_state=0)),
        ("autoencoder", AutoencoderTransformer(size, random_state=0)),
    ):
        rows.append({"components": size, "method": method, **measure(reducer)})
        fitted[method, size] = reducer

table = pd.DataFrame(rows).set_index(["components", "method"])
print(f"{name}: {X_train.shape[0]} rows to train on, {X_test.shape[0]} held out")
print(table.dropna(axis=1).round(3).to_string())

# %%
# Figure
# ------
# Above: both curves, and held-out rows reconstructed from codes of 8 values. Below: codes of
# held-out rows with two values.
COLOURS = {"PCA": "tab:orange", "autoencoder": "tab:blue"}
X_test_scaled = make_pipeline(scaler).fit(X_train).transform(X_test)


def draw_curves(axes, column):
    """Draw a column of the table against the code size."""
    for method, colour in COLOURS.items():
        values = table.xs(method, level="method")[column]
        axes.plot(values.index, values, "o-", color=colour, label=method)
    axes.set(xlabel="components", ylabel=f"{column} (held out)", xscale="log")
    axes.set_xticks(sizes, labels=[str(size) for size in sizes])
    axes.minorticks_off()
    axes.legend(frameon=False)


def draw_reconstructions(axes, size, n_shown=8):
    """Draw held-out rows and their reconstructions: images for digits, otherwise curves."""
    shown = X_test_scaled[:n_shown]
    versions = {"held out": shown}
    for method in COLOURS:
        reducer = fitted[method, size]
        versions[method] = reducer.inverse_transform(reducer.transform(shown))
    if chosen.file is None:
        strips = [
            np.hstack([np.pad(row.reshape(8, 8), 1) for row in rows]) for rows in versions.values()
        ]
        axes.imshow(np.vstack(strips), cmap="gray_r", vmin=0, vmax=16)
        axes.set_yticks([4.5, 14.5, 24.5], labels=list(versions))
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    else:
        for (label, rows), colour in zip(
            versions.items(), ["black", *COLOURS.values()], strict=True
        ):
            axes.plot(rows[0], color=colour, label=label, lw=2 if label == "held out" else 1.2)
        axes.set(xlabel="feature of the first held-out row", ylabel="value (standardised)")
        axes.legend(frameon=False)
    axes.set_title(f"reconstructed from {size} values", fontsize=11)


def draw_codes(axes, method):
    """Draw codes of two values, coloured by class if there are labels."""
    codes = fitted[method, sizes[0]].transform(X_test_scaled)
    classes = np.unique(y_test, return_inverse=True)[1]
    axes.scatter(*codes[:, :2].T, c=classes, cmap="tab10", s=14, linewidths=0)
    if y is not None:
        for label in np.unique(y_test)[:20]:
            centre = np.median(codes[y_test == label, :2], axis=0)
            axes.text(*centre, str(label), ha="center", va="center", fontsize=15, weight="bold")
    accuracy = table.loc[(sizes[0], method), "1-NN accuracy"]
    note = "" if y is None else f" (1-NN accuracy {accuracy:.2f})"
    axes.set_title(f"{method}, 2 components{note}", fontsize=11)
    axes.set_xticks([])
    axes.set_yticks([])


figure = plt.figure(figsize=(11, 8), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[1, 1.25])
left, right = upper.subplots(1, 2, width_ratios=[1, 1.5])
draw_curves(left, "explained variance")
draw_reconstructions(right, sizes[min(2, len(sizes) - 1)])
for axes, method in zip(lower.subplots(1, 2), COLOURS, strict=True):
    draw_codes(axes, method)
if __name__ == "__main__" and "sphinx_gallery" not in sys.modules:
    figure.savefig(chosen.output, dpi=110)
    print(f"picture: {chosen.output}")
plt.show()
