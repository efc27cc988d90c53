"""
All kinds on one data set: what each is good at
===============================================

Every kind of autoencoder rebuilds rows from codes. They differ in what else they are after. Here
all of them are fitted to the same digits, and measured by what each of them is for.
"""

# %%
# Six kinds, and PCA
# ------------------
# ``KINDS`` holds them by their names. The codes have 16 values, but 64 for the sparse kind and 128
# for the overcomplete one. Sparse codes are made by ``topk``: at most 16 of the 64 values are not
# zero. The overcomplete and the denoising kind are shown corrupted rows in training. For the
# variational kind, ``loss="bce"`` takes a pixel as the probability of ink.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from skae import AutoencoderTransformer
from skae.corruptions import Gaussian
from skae.kinds import KINDS, Denoising, Overcomplete, Sparse

X_train, X_test = train_test_split(load_digits().data / 16, test_size=0.25, random_state=0)
noise = np.random.default_rng(0).normal(scale=0.3, size=X_test.shape)

sizes = {"sparse": 64, "overcomplete": 128}
given = {
    "sparse": Sparse("topk", k=16),
    "overcomplete": Overcomplete(corruption="masking"),
    "denoising": Denoising(Gaussian(level=0.3, relative=False)),
}
fitted = {"PCA": PCA(16, random_state=0).fit(X_train)}
for name in KINDS:
    fitted[name] = AutoencoderTransformer(
        sizes.get(name, 16),
        kind=given.get(name, name),
        loss="bce" if name == "variational" else "mse",
        random_state=0,
    ).fit(X_train)

# %%
# Five questions
# --------------
# - How much of the variance of held-out rows is explained?
# - How much of it is explained if noise is added to what the encoder is shown?
# - How far do codes move under that noise, in units of their own standard deviations?
# - How many values of a code are not zero?
# - How far is a sample from the nearest held-out digit? Samples of the variational kind are drawn
#   from the distribution it was trained towards, those of the others from a mixture of Gaussians
#   that is fitted to the codes, and those of PCA from a single one. Training digits are 1.2 away;
#   what is farther is less of a digit, what is nearer is blurred.


def rebuilt(model, X):
    """Return the reconstructions of rows."""
    return model.inverse_transform(model.transform(X))


def explained(X):
    """Return the share of the variance of held-out rows that reconstructions explain."""
    return 1 - np.square(X - X_test).sum() / np.square(X_test - X_train.mean(0)).sum()


def drawn(model, n=500):
    """Return new rows; those of PCA from a Gaussian for each component."""
    if hasattr(model, "sample"):
        return model.sample(n, random_state=0)
    deviations = np.sqrt(model.explained_variance_)
    codes = np.random.default_rng(0).normal(size=(n, len(deviations))) * deviations
    return model.inverse_transform(codes)


nearest = NearestNeighbors(n_neighbors=1).fit(X_test)
figures = {}
for name, model in fitted.items():
    codes, moved = model.transform(X_test), model.transform(X_test + noise)
    scale = np.sqrt(codes.var(axis=0).mean())
    figures[name] = {
        "explained\nvariance": explained(rebuilt(model, X_test)),
        "the same,\nwith noise": explained(rebuilt(model, X_test + noise)),
        "movement\nof codes": np.sqrt(np.square(moved - codes).mean()) / scale,
        "values\nnot zero": np.count_nonzero(codes) / len(codes),
        "distance\nof samples": nearest.kneighbors(drawn(model))[0].mean(),
    }
between = nearest.kneighbors(X_train)[0].mean()
print(f"training digits are {between:.2f} away from the nearest that was held out")

# %%
# The picture
# -----------
# The first held-out digits, not chosen ones, and their reconstructions from rows with noise; below
# each kind's name the size of its code. The best of a column is bold; of the samples, those that
# are as far away as training digits.
#
# A sparse code rebuilds best, as it chooses which 16 of its 64 directions to use, and by the same
# choice it loses most under noise. The denoising kind is the one to give noisy rows to. Codes of
# the contractive kind move least. Samples of the variational kind are as far from held-out digits
# as training digits are; of the variance, it explains least. The plain, undercomplete kind
# explains nearly as much as the sparse one, with a code that is a quarter as long.


def strip(X, n_shown=9):
    """Return the first rows as images side by side."""
    return np.hstack([np.pad(x.reshape(8, 8), 1) for x in np.clip(X[:n_shown], 0, 1)])


lines = {"original": X_test, "with noise": X_test + noise}
lines |= {name: rebuilt(model, X_test + noise) for name, model in fitted.items()}
figure, ax = plt.subplots(figsize=(12, 6), layout="constrained")
ax.imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
labels = [
    f"{name}\n{fitted[name].transform(X_test[:1]).shape[1]} values" if name in fitted else name
    for name in lines
]
ax.set_yticks(4.5 + 10 * np.arange(len(lines)), labels=labels)
ax.set_xticks([])
ax.tick_params(length=0)
ax.spines[:].set_visible(False)


def most_like_training(values):
    return min(values, key=lambda value: abs(value - between))


better = (max, max, min, lambda values: None, most_like_training)
for column, (title, best_of) in enumerate(zip(figures["PCA"], better, strict=True)):
    x = 99 + 17 * column
    ax.text(x, 10, title, ha="center", va="center", clip_on=False)
    values = [round(line[title], 2) for line in figures.values()]
    for row, value in enumerate(values):
        weight = "bold" if value == best_of(values) else "normal"
        text = f"{value:.0f}" if title.startswith("values") else f"{value:.2f}"
        ax.text(x, 24.5 + 10 * row, text, ha="center", va="center", weight=weight)
ax.set_xlim(-0.5, 176)
plt.show()
