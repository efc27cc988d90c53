"""
Transformer: what attention costs
=================================

A transformer cuts an image into patches and lets each patch look at all others. It assumes little
about the data, so it needs many rows and much time. Digits are small and few: how far does it get
beside dense layers, convolutions and PCA?
"""

# %%
# The same code of eight numbers
# ------------------------------
# Digits of 8 x 8 pixels in [0, 1], as images without an axis of channels: ``channel_axis=None``. A
# patch of 4 x 4 pixels makes four tokens of an image, one of 2 x 2 makes sixteen.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.architectures import Convolutional, Dense, Transformer

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(
    X.reshape(-1, 8, 8) / 16, y, test_size=0.25, random_state=0
)
architectures = {
    "dense": Dense(),
    "convolutional": Convolutional(channel_axis=None),
    "patches of 4": Transformer(patch_size=4, channel_axis=None),
    "patches of 2": Transformer(patch_size=2, channel_axis=None),
}
pca = PCA(8, random_state=0).fit(X_train.reshape(-1, 64))
rebuilt = {"PCA": pca.inverse_transform(pca.transform(X_test.reshape(-1, 64))).reshape(-1, 8, 8)}
history = {}
for name, architecture in architectures.items():
    ae = AutoencoderTransformer(8, architecture=architecture, max_epochs=40, random_state=0)
    rebuilt[name] = ae.fit(X_train).reconstruct(X_test)
    history[name] = ae.history_

# %%
# The errors are those of the rows that were in no fit, over that of PCA.
error = {name: np.square(X - X_test).mean() for name, X in rebuilt.items()}
error = {name: value / error["PCA"] for name, value in error.items()}
for name, value in error.items():
    seconds = history[name]["seconds"].sum() if name in history else 0
    print(f"{name:14} {value:.2f}  {seconds:.1f} seconds")

# %%
# All of them are far better than PCA. With 1,347 images the transformer does not catch up with
# dense layers, and smaller patches cost time without being better.

# %%
# The picture
# -----------
# Left: the loss of the rows that ``fit`` holds out, over that of the start, which is PCA. Each line
# is 40 epochs; the scale of the time is logarithmic. Right: the first held-out digit of each class.


def strip(X):
    """Return the first image of each class side by side."""
    first_of_class = np.unique(y_test, return_index=True)[1]
    return np.hstack([np.pad(image, 1) for image in X[first_of_class]])


colors = dict(zip(architectures, ("tab:gray", "tab:green", "tab:blue", "tab:purple"), strict=True))
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 3.9), width_ratios=(1, 1.6), layout="constrained"
)
left.axhline(1, color="0.3", linewidth=1, linestyle="--")
left.annotate(
    "PCA", (0.03, 1), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points"
)
for name, epochs in history.items():
    seconds = epochs["seconds"].cumsum()[1:]
    share = epochs["valid_loss"] / epochs["valid_loss"][0]
    left.plot(seconds, share[1:], color=colors[name], linewidth=2, label=name)
left.set(xscale="log", ylim=(0, 1.12), xlabel="seconds", ylabel="squared error over PCA's")
left.legend(frameon=False, loc="lower left")
left.spines[["top", "right"]].set_visible(False)

lines = {"shown": X_test, **rebuilt}
right.imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
labels = ["shown", *(f"{name}\n{error[name]:.2f}" for name in rebuilt)]
right.set_yticks(4.5 + 10 * np.arange(len(lines)), labels=labels)
right.set_xticks([])
right.tick_params(length=0)
right.spines[:].set_visible(False)
plt.show()
