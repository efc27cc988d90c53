"""
Features for a classifier with few labels
=========================================

An autoencoder needs no labels, so it can learn from all rows, and a classifier can learn from the
codes of the few labelled rows. Is that better than PCA, or than the pixels themselves?
"""

# %%
# Three pipelines
# ---------------
# Digits of 8 x 8 pixels, a third of them held out, and a linear classifier on their features: 64
# pixels, or a code by PCA or by an autoencoder.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.33, random_state=0)


def accuracy(features, X, y):
    """Return the accuracy on held-out rows of a linear classifier of features of rows."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return classifier.fit(features(X), y).score(features(X_test), y_test)


# %%
# Code size
# ---------
# All training rows have labels. Codes are fitted without them.
sizes = (2, 4, 8, 16, 32)
fitted = {
    (name, size): reducer(size, random_state=0).fit(X_train)
    for size in sizes
    for name, reducer in {"PCA": PCA, "autoencoder": AutoencoderTransformer}.items()
}
by_size = {name: [] for name in ("PCA", "autoencoder")}
for (name, _), reducer in fitted.items():
    by_size[name].append(accuracy(reducer.transform, X_train, y_train))
of_pixels = accuracy(np.asarray, X_train, y_train)

print(f"{'numbers':12}" + "".join(f"{size:6}" for size in sizes))
for name, values in by_size.items():
    print(f"{name:12}" + "".join(f"{value:6.3f}" for value in values))
print(f"64 pixels   {of_pixels:6.3f}")

# %%
# Number of labels
# ----------------
# Codes of eight values are fitted to all training rows; the classifier is fitted to a random subset
# of the labels, in ten repetitions.
n_labels = (20, 50, 100, 200, 500)
described = {
    "PCA": fitted["PCA", 8].transform,
    "autoencoder": fitted["autoencoder", 8].transform,
    "64 pixels": np.asarray,
}
by_labels = {name: np.empty((len(n_labels), 10)) for name in described}
for i, n in enumerate(n_labels):
    for draw in range(10):
        chosen, _ = train_test_split(
            np.arange(len(y_train)), train_size=n, stratify=y_train, random_state=draw
        )
        for name, features in described.items():
            by_labels[name][i, draw] = accuracy(features, X_train[chosen], y_train[chosen])
for name, values in by_labels.items():
    means = ", ".join(
        f"{n}: {value:.3f}" for n, value in zip(n_labels, values.mean(1), strict=True)
    )
    print(f"{name:12} {means}")

# %%
# Figure
# ------
# Left: with a code of two to eight values, the accuracy is higher for an autoencoder than for PCA.
# From sixteen values on PCA is as good, and with enough labels nothing is better than all pixels.
# Right: with up to a hundred labels, eight values that were learned from all rows are better than
# 64 pixels, since the classifier has fewer parameters. With 500 labels the pixels are better.
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
colours = {"PCA": "C0", "autoencoder": "C1", "64 pixels": "0.5"}
for name, values in by_size.items():
    axes[0].plot(sizes, values, "o-", color=colours[name], label=name)
axes[0].axhline(of_pixels, color="0.5", linestyle="--", label="64 pixels")
axes[0].set(xlabel="numbers in the code", ylabel="accuracy", title="all 1,203 labels")
axes[0].set_xscale("log", base=2)
axes[0].set_xticks(sizes, sizes)
for name, values in by_labels.items():
    style = "--" if name == "64 pixels" else "-"
    axes[1].plot(n_labels, values.mean(1), "o" + style, color=colours[name], label=name)
    low, high = np.quantile(values, (0.1, 0.9), axis=1)
    axes[1].fill_between(n_labels, low, high, color=colours[name], alpha=0.15, linewidth=0)
axes[1].set(xlabel="labels", title="codes of 8 numbers; bands: 8 of 10 draws")
axes[1].set_xscale("log")
axes[1].set_xticks(n_labels, n_labels)
axes[1].minorticks_off()
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False, loc="lower right")
plt.show()
