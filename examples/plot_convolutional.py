"""
Convolutional: the same patterns in different positions
=======================================================

A digit that is shifted by three pixels is a different row of numbers. PCA needs components for
every position; dense layers must learn every position separately. A convolution detects the same
patterns in all positions.
"""

# %%
# Small colour images
# -------------------
# Each digit of 8 x 8 pixels gets a random colour and a random position in a dark image of 16 x 16.
# The images are 8-bit integers of shape (n_images, height, width, channels), as in image files: 768
# values each. The digits of the held-out images do not occur in the training images.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.architectures import Convolutional, Dense


def placed(digits, n_images, rng):
    """Return images of digits, each in a colour and a place of its own."""
    colors = rng.uniform(0.3, 1, size=(n_images, 3))
    colors[np.arange(n_images), rng.integers(3, size=n_images)] = 0.1
    images = np.zeros((n_images, 16, 16, 3))
    chosen = digits[rng.integers(len(digits), size=n_images)]
    corners = rng.integers(9, size=(n_images, 2))
    for image, digit, color, (top, left) in zip(images, chosen, colors, corners, strict=True):
        image[top : top + 8, left : left + 8] = digit[:, :, None] * color
    return (255 * images).astype(np.uint8)


digits, rng = load_digits().images / 16, np.random.default_rng(0)
X_train, X_test = placed(digits[:1347], 5000, rng), placed(digits[1347:], 1000, rng)

# %%
# Codes of 16 numbers
# -------------------
# Images go to ``fit`` as they are, and ``reconstruct`` gives images. The shape shows that the
# channels are the last axis; dense layers take images as rows of 768 numbers. The dense network
# gets twice as many epochs, so that both have about the same time.
networks = {
    "dense": (Dense(hidden_layer_sizes=(512, 256)), 32),
    "convolutional": (Convolutional(channels=(32, 64)), 16),
}
pca = PCA(16, random_state=0).fit(X_train.reshape(5000, -1))
reconstructed = {"PCA": pca.inverse_transform(pca.transform(X_test.reshape(1000, -1)))}
for name, (architecture, epochs) in networks.items():
    ae = AutoencoderTransformer(16, architecture=architecture, max_epochs=epochs, random_state=0)
    reconstructed[name] = ae.fit(X_train).reconstruct(X_test)
    print(f"{name:14} {ae.history_['seconds'].sum():.0f} seconds")
reconstructed = {name: X.reshape(X_test.shape) for name, X in reconstructed.items()}
error = {name: np.square(X - X_test).mean() for name, X in reconstructed.items()}

# %%
# Convolutions reach the error of dense layers with little more than half of their weights, but are
# not better, since 5,000 images are few. In the dark background, where there is nothing to
# reconstruct, dense layers leave more specks.
for name, value in error.items():
    dark = np.square(reconstructed[name] - X_test)[X_test.max(axis=3) == 0].mean()
    print(f"{name:14} {value / error['PCA']:.2f} of PCA's; in the dark {dark:.0f}")

# %%
# Figure
# ------
# The first held-out images, without selection. The number is the squared error divided by that of
# PCA.


def strip(X, n_shown=14):
    """Return the first images side by side."""
    images = np.clip(X[:n_shown] / 255, 0, 1)
    return np.hstack(
        [np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=1) for image in images]
    )


lines = {"input": X_test, **reconstructed}
labels = ["input", *(f"{name}\n{error[name] / error['PCA']:.2f}" for name in reconstructed)]
figure, axes = plt.subplots(figsize=(11, 3.1), layout="constrained")
axes.imshow(np.vstack([strip(X) for X in lines.values()]), interpolation="nearest")
axes.set_yticks(8.5 + 18 * np.arange(len(lines)), labels=labels)
axes.set_xticks([])
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
plt.show()
