"""
Transformer: attention over patches
===================================

A transformer divides an image into patches, and attention relates each patch to all others. It
makes few assumptions about the data, so it needs many rows and much time. This example compares it
on a few small images of digits with dense layers, convolutions and PCA.
"""

# %%
# Codes of eight values
# ---------------------
# Digits of 8 x 8 pixels in [0, 1], as images without a channel axis. Patches
# of 4 x 4 pixels give four tokens per image, patches of 2 x 2 give sixteen.
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
    "convolutional": Convolutional(),
    "patches of 4": Transformer(patch_size=4),
    "patches of 2": Transformer(patch_size=2),
}
pca = PCA(8, random_state=0).fit(X_train.reshape(-1, 64))
reconstructed = {
    "PCA": pca.inverse_transform(pca.transform(X_test.reshape(-1, 64))).reshape(-1, 8, 8)
}
history = {}
for name, architecture in architectures.items():
    ae = AutoencoderTransformer(8, architecture=architecture, max_epochs=40, random_state=0)
    reconstructed[name] = ae.fit(X_train).reconstruct(X_test)
    history[name] = ae.history_

# %%
# The errors are those of held-out rows, divided by that of PCA.
error = {name: np.square(X - X_test).mean() for name, X in reconstructed.items()}
error = {name: value / error["PCA"] for name, value in error.items()}
for name, value in error.items():
    seconds = history[name]["seconds"].sum() if name in history else 0
    print(f"{name:14} {value:.2f}  {seconds:.1f} seconds")

# %%
# All of them are much better than PCA. With 1,347 images the transformer does not reach the error
# of dense layers, and smaller patches take more time without a smaller error.

# %%
# Figure
# ------
# Left: the validation loss, divided by that before training, which is the loss of PCA. Each line
# shows 40 epochs; the time axis is logarithmic. Right: the first held-out digit of each class.


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
    ratio = epochs["valid_loss"] / epochs["valid_loss"][0]
    left.plot(seconds, ratio[1:], color=colors[name], linewidth=2, label=name)
left.set(xscale="log", ylim=(0, 1.12), xlabel="seconds", ylabel="squared error relative to PCA")
left.legend(frameon=False, loc="lower left")
left.spines[["top", "right"]].set_visible(False)

lines = {"input": X_test, **reconstructed}
right.imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
labels = ["input", *(f"{name}\n{error[name]:.2f}" for name in reconstructed)]
right.set_yticks(4.5 + 10 * np.arange(len(lines)), labels=labels)
right.set_xticks([])
right.tick_params(length=0)
right.spines[:].set_visible(False)
plt.show()
