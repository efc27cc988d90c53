"""
Occlusion removal
=================

A part of an image is covered. An autoencoder that was trained to reconstruct complete images from
covered ones fills the gap without knowing its position. It is compared with PCA, both without and
with knowledge of the covered pixels.
"""

# %%
# Images with black squares
# -------------------------
# Digits, enlarged to 16 x 16 pixels in [0, 1]. In each held-out image a square of 7 x 7 pixels is
# black, like the background: a black pixel may be hidden or empty.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.architectures import Convolutional
from skae.corruptions import Occlusion
from skae.kinds import Denoising

SIDE, HIDDEN = 16, 7
X = np.clip(zoom(load_digits().images / 16, (1, 2, 2), order=1), 0, 1)
X_train, X_test = X[:1347], X[1347:]

hidden = np.zeros(X_test.shape, dtype=bool)
corners = np.random.default_rng(0).integers(SIDE - HIDDEN + 1, size=(len(X_test), 2))
for image, (top, left) in zip(hidden, corners, strict=True):
    image[top : top + HIDDEN, left : left + HIDDEN] = True
shown = np.where(hidden, 0.0, X_test)

# %%
# An autoencoder trained on such squares
# --------------------------------------
# ``Occlusion`` hides a random square of each training image in each epoch. ``emphasis=0.9`` gives
# the pixels outside the square a tenth of the weight in the loss. The shape of `X` shows that
# samples are images without a channel axis.
ae = AutoencoderTransformer(
    64,
    kind=Denoising(Occlusion(size=HIDDEN, fill=0.0), emphasis=0.9),
    architecture=Convolutional(channels=(32, 64)),
    max_epochs=60,
    random_state=0,
)
reconstructed = {"autoencoder": ae.fit(X_train).reconstruct(shown)}

# %%
# PCA without and with a known square
# -----------------------------------
# PCA projects the square together with the visible pixels. If the visible pixels are known, the
# most probable code given these pixels can be computed, under the Gaussian model of probabilistic
# PCA. For both, the best of four sizes is selected on the test images themselves.


def inside(images):
    """Return the peak signal-to-noise ratio in the squares, in decibels."""
    return -10 * np.log10(np.mean(np.square(images - X_test)[hidden]))


def from_visible(pca, row, seen):
    """Return the most probable row, given the visible pixels."""
    axes = pca.components_[:, seen]
    precision = axes @ axes.T + np.diag(pca.noise_variance_ / pca.explained_variance_)
    return pca.mean_ + np.linalg.solve(precision, axes @ (row - pca.mean_)[seen]) @ pca.components_


rows, seen = shown.reshape(len(shown), -1), ~hidden.reshape(len(hidden), -1)
candidates = {"PCA": [], "PCA, known square": []}
for size in (8, 16, 32, 64):
    pca = PCA(size, random_state=0).fit(X_train.reshape(len(X_train), -1))
    candidates["PCA"].append(pca.inverse_transform(pca.transform(rows)))
    filled = [from_visible(pca, *pair) for pair in zip(rows, seen, strict=True)]
    candidates["PCA, known square"].append(np.array(filled))
for name, filled in candidates.items():
    images = [np.clip(X, 0, 1).reshape(X_test.shape) for X in filled]
    reconstructed[name] = max(images, key=inside)

# %%
# Figure
# ------
# The first held-out images, without selection. The number is the peak signal-to-noise ratio inside
# the squares, over all held-out images: higher is better. PCA reconstructs black pixels as black,
# and hardly changes the square. With a known square it continues strokes, but also adds shadows.
# The autoencoder continues the strokes without this knowledge. If a square hides the part that
# distinguishes two digits, its reconstruction can be plausible but wrong.


def strip(images, frames, n_shown=13):
    """Return the first images side by side, in colour, with thin frames around the squares."""
    pictures = np.repeat(np.clip(images[:n_shown], 0, 1)[..., None], 3, axis=3)
    pictures = np.kron(pictures, np.ones((1, 4, 4, 1)))
    for picture, (top, left) in zip(pictures, 4 * corners, strict=False):
        bottom, right = top + 4 * HIDDEN - 1, left + 4 * HIDDEN - 1
        if frames:
            picture[[top, bottom], left : right + 1] = (0.84, 0.37, 0.0)
            picture[top : bottom + 1, [left, right]] = (0.84, 0.37, 0.0)
    return np.hstack([np.pad(p, ((4, 4), (4, 4), (0, 0)), constant_values=1) for p in pictures])


lines = {"original": X_test, "input": shown}
lines |= {name: reconstructed[name] for name in ("PCA", "PCA, known square", "autoencoder")}
labels = [
    f"{name}\n{inside(X):.1f} dB" if name in reconstructed else name for name, X in lines.items()
]
figure, ax = plt.subplots(figsize=(11, 4.3), layout="constrained")
ax.imshow(np.vstack([strip(X, name != "original") for name, X in lines.items()]))
ax.set_yticks(36 + 72 * np.arange(len(lines)), labels=labels)
ax.set_xticks([])
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
plt.show()
