"""
Comparison of all kinds on one data set
=======================================

Every kind of autoencoder reconstructs rows from codes, but each has another purpose. Here all of
them are fitted to the same digits, and evaluated for each of these purposes.
"""

# %%
# Six kinds, and PCA
# ------------------
# ``KINDS`` contains them by name. The codes have 16 values, but 64 for the sparse kind and 128 for
# the overcomplete one. The sparse kind uses ``topk``: at most 16 of the 64 values are not zero. The
# overcomplete and the denoising kind are trained on corrupted rows. For the variational kind,
# ``loss="bce"`` treats a pixel as the probability of ink.
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
# Five measures
# -------------
# - The explained fraction of the variance of held-out rows.
# - The same, with noise added to the input of the encoder.
# - The movement of codes under that noise, in units of their standard deviations.
# - The number of nonzero values of a code.
# - The distance of samples from the nearest held-out digit. Samples of the variational kind are
#   drawn from the prior, those of the other kinds from a mixture of Gaussians that is fitted to the
#   codes, and those of PCA from a single Gaussian. The distance of training digits is 1.2; samples
#   with a larger distance are less realistic, those with a smaller distance are blurred.


def reconstructed(model, X):
    """Return the reconstructions of rows."""
    return model.inverse_transform(model.transform(X))


def explained(X):
    """Return the fraction of the variance of held-out rows that reconstructions explain."""
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
        "explained\nvariance": explained(reconstructed(model, X_test)),
        "the same,\nwith noise": explained(reconstructed(model, X_test + noise)),
        "movement\nof codes": np.sqrt(np.square(moved - codes).mean()) / scale,
        "values\nnot zero": np.count_nonzero(codes) / len(codes),
        "distance\nof samples": nearest.kneighbors(drawn(model))[0].mean(),
    }
between = nearest.kneighbors(X_train)[0].mean()
print(f"mean distance of training digits from the nearest held-out digit: {between:.2f}")

# %%
# Figure
# ------
# The first held-out digits, without selection, and their reconstructions from rows with noise;
# below the name of each kind is its code size. The best value of each column is bold; for samples,
# the distance that is closest to that of training digits.
#
# The sparse kind has the smallest reconstruction error, since it selects 16 of its 64 directions
# for each row, but for the same reason it is most sensitive to noise. The denoising kind is best
# for noisy rows. Codes of the contractive kind move least. Samples of the variational kind have the
# same distance from held-out digits as training digits, but it explains the smallest fraction of
# the variance. The undercomplete kind explains nearly as much as the sparse one, with a quarter of
# the code size.


def strip(X, n_shown=9):
    """Return the first rows as images side by side."""
    return np.hstack([np.pad(x.reshape(8, 8), 1) for x in np.clip(X[:n_shown], 0, 1)])


lines = {"original": X_test, "with noise": X_test + noise}
lines |= {name: reconstructed(model, X_test + noise) for name, model in fitted.items()}
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
