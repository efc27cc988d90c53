"""
Convolutional: the same thing in another place
==============================================

A digit that moves by three pixels is another row of numbers. PCA has to spend components on every
place; dense layers have to learn every place by itself. A convolution looks for the same things
everywhere.
"""

# %%
# Small colour images
# -------------------
# Each digit of 8 x 8 pixels gets a colour, and a place in a dark image of 16 x 16. The images are
# bytes of shape (n_images, height, width, channels), as image files are: 768 numbers each. The
# digits of the held-out images are in none of the others.
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
# Images go to ``fit`` as they are, and ``reconstruct`` gives images. ``channel_axis=-1`` says that
# the channels are the last axis; dense layers take images as rows of 768 numbers. The dense network
# gets twice as many epochs, so that both have about the same time.
networks = {
    "dense": (Dense(hidden_layer_sizes=(512, 256)), 32),
    "convolutional": (Convolutional(channels=(32, 64), channel_axis=-1), 16),
}
pca = PCA(16, random_state=0).fit(X_train.reshape(5000, -1))
rebuilt = {"PCA": pca.inverse_transform(pca.transform(X_test.reshape(1000, -1)))}
for name, (architecture, epochs) in networks.items():
    ae = AutoencoderTransformer(16, architecture=architecture, max_epochs=epochs, random_state=0)
    rebuilt[name] = ae.fit(X_train).reconstruct(X_test)
    print(f"{name:14} {ae.history_['seconds'].sum():.0f} seconds")
rebuilt = {name: X.reshape(X_test.shape) for name, X in rebuilt.items()}
error = {name: np.square(X - X_test).mean() for name, X in rebuilt.items()}

# %%
# Convolutions got as far as dense layers, with little more than half of their weights, but not
# further: 5,000 images are few. Where is the error? In the dark around the digit there is nothing
# to rebuild, and dense layers leave more specks there.
for name, value in error.items():
    dark = np.square(rebuilt[name] - X_test)[X_test.max(axis=3) == 0].mean()
    print(f"{name:14} {value / error['PCA']:.2f} of PCA's; in the dark {dark:.0f}")

# %%
# The picture
# -----------
# The first held-out images, not chosen ones. The number is the squared error over that of PCA.


def strip(X, n_shown=14):
    """Return the first images side by side."""
    images = np.clip(X[:n_shown] / 255, 0, 1)
    return np.hstack(
        [np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=1) for image in images]
    )


lines = {"shown": X_test, **rebuilt}
labels = ["shown", *(f"{name}\n{error[name] / error['PCA']:.2f}" for name in rebuilt)]
figure, axes = plt.subplots(figsize=(11, 3.1), layout="constrained")
axes.imshow(np.vstack([strip(X) for X in lines.values()]), interpolation="nearest")
axes.set_yticks(8.5 + 18 * np.arange(len(lines)), labels=labels)
axes.set_xticks([])
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
plt.show()
