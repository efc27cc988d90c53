"""
Denoising: removal of noise and filling of gaps
===============================================

A denoising autoencoder learns to reconstruct clean rows from corrupted ones. Then ``reconstruct``
removes the corruption of the training: here noise on every pixel, or a dark square in a random
position. It is compared with PCA, which keeps the directions of largest variance.
"""

# %%
# Data and two corruptions
# ------------------------
# Digits of 8 x 8 pixels in [0, 1]. The noise has a standard deviation of 0.4, and noisy values are
# clipped to [0, 1]. The square hides 4 x 4 pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.corruptions import Gaussian, Occlusion
from skae.kinds import Denoising

X_train, X_test = train_test_split(load_digits().data / 16, test_size=0.25, random_state=0)
rng = np.random.default_rng(0)

noisy = np.clip(X_test + rng.normal(scale=0.4, size=X_test.shape), 0, 1)

hidden = np.zeros((len(X_test), 8, 8), dtype=bool)
for image, (top, left) in zip(hidden, rng.integers(0, 5, size=(len(X_test), 2)), strict=True):
    image[top : top + 4, left : left + 4] = True
hidden = hidden.reshape(len(X_test), -1)
occluded = np.where(hidden, 0.0, X_test)

# %%
# Two denoisers
# -------------
# The corruptions in training are the same as in the test. ``emphasis=0.5`` gives the pixels outside
# the square half of the weight in the loss.
kinds = {
    "noise": Denoising(Gaussian(level=0.4, relative=False, clip=(0, 1))),
    "square": Denoising(Occlusion(size=4, fill=0.0, sample_shape=(8, 8)), emphasis=0.5),
}
shown = {"noise": noisy, "square": occluded}
counted = {"noise": np.ones_like(hidden), "square": hidden}
reconstructed = {}
for name, kind in kinds.items():
    autoencoder = AutoencoderTransformer(32, kind=kind, random_state=0).fit(X_train)
    reconstructed[name, "autoencoder"] = autoencoder.reconstruct(shown[name])

# %%
# For PCA, the best of four sizes is selected on the test rows themselves.


def error(name, X):
    """Return the root mean squared error of all pixels, or of those in the square."""
    return np.sqrt(np.mean(np.square(X - X_test)[counted[name]]))


for name, X in shown.items():
    candidates = []
    for size in (4, 8, 12, 16):
        pca = PCA(size, random_state=0).fit(X_train)
        candidates.append(pca.inverse_transform(pca.transform(X)))
    reconstructed[name, "PCA"] = min(candidates, key=lambda X, name=name: error(name, X))

# %%
# Figure
# ------
# The number is the root mean squared error over all held-out rows: of all pixels on the left, of
# those inside the square on the right. The figure shows the first rows, without selection.


def strip(X, n_shown=8):
    """Return the first rows as images side by side."""
    return np.hstack([np.pad(x.reshape(8, 8), 1) for x in X[:n_shown]])


figure, panels = plt.subplots(1, 2, figsize=(11, 2.9), layout="constrained")
titles = {"noise": "noise on every pixel", "square": "a hidden square"}
for axes, (name, X) in zip(panels, shown.items(), strict=True):
    lines = {
        "clean": X_test,
        "input": X,
        "PCA": reconstructed[name, "PCA"],
        "autoencoder": reconstructed[name, "autoencoder"],
    }
    axes.imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
    labels = [
        label if label == "clean" else f"{label}\n{error(name, X):.2f}"
        for label, X in lines.items()
    ]
    axes.set_yticks(4.5 + 10 * np.arange(len(lines)), labels=labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(titles[name], fontsize=11)
    for label, X in lines.items():
        print(f"{name:7} {label:12} {error(name, X):.3f}")
plt.show()
