"""
Sparse: a sum of a few directions
=================================

PCA with five components describes every row by the same five directions. A sparse code has many
directions, and each row uses five of them: ``Sparse("topk", k=5)``. With a linear decoder a
reconstruction is a weighted sum of these five, as in dictionary learning, and the directions can be
visualised.
"""

# %%
# A hundred directions, five for each row
# ---------------------------------------
# Digits of 8 x 8 pixels in [0, 1]. ``dictionary_`` contains the contribution of each unit to the
# reconstruction if its value is one.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.kinds import Sparse

X_train, X_test = train_test_split(load_digits().data / 16, test_size=0.25, random_state=0)
kind = Sparse("topk", k=5, linear_decoder=True, sparse_output=True)
sparse = AutoencoderTransformer(100, kind=kind, random_state=0).fit(X_train)
pca = PCA(32, random_state=0).fit(X_train)

codes = sparse.transform(X_test)
print(f"codes: {type(codes).__name__} of shape {codes.shape}, {codes.nnz / len(X_test):.1f} active")
print(f"sparsity_: {sparse.sparsity_:.2f}, dead units: {len(sparse.dead_units_)}")

# %%
# Explained variance of five values
# ---------------------------------
# The indices of the five active values of the sparse code carry information as well.
centre = X_train.mean(axis=0)


def pca_of(size):
    """Return the reconstructions of the test rows from the first components of PCA."""
    return (X_test - centre) @ pca.components_[:size].T @ pca.components_[:size] + centre


def explained(X):
    """Return the explained fraction of the variance of the test rows."""
    return 1 - np.square(X - X_test).sum() / np.square(X_test - centre).sum()


reconstructed = {
    "PCA, 5 components": pca_of(5),
    "sparse, 5 of 100": sparse.inverse_transform(codes),
}
for name, X in reconstructed.items():
    print(f"{name:18} {explained(X):.3f}")
sizes = np.arange(1, 33)
as_good = sizes[np.argmax([explained(pca_of(size)) for size in sizes] >= explained(X))]
print(f"PCA needs {as_good} components to explain as much")

# %%
# Figure
# ------
# Above: directions, red where a pixel becomes darker and blue where it becomes brighter, each
# divided by its largest value. Those of PCA are ordered by variance, those of the sparse code by
# frequency of use. Below: the first held-out rows.


def mosaic(images, n_columns):
    """Return images of 8 x 8 in rows, with a gap between them."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    return np.block([list(row) for row in padded.reshape(-1, n_columns, 10, 10)])


used = np.argsort(-np.asarray(abs(codes).sum(axis=0)).ravel())[:32]
directions = {
    "PCA: the first 32 components": pca.components_,
    "sparse: the 32 directions most in use": sparse.dictionary_[used],
}
figure = plt.figure(figsize=(11, 5.4), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[1.4, 1])
for axes, (title, images) in zip(upper.subplots(1, 2), directions.items(), strict=True):
    images = images / np.abs(images).max(axis=1, keepdims=True)
    axes.imshow(mosaic(images, 8), cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_title(title, fontsize=11)
    axes.axis("off")
axes = lower.subplots()
lines = {"held out": X_test} | reconstructed
axes.imshow(np.vstack([mosaic(X[:16], 16) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
labels = ["held out"] + [
    f"{name}\n{explained(X):.2f} explained" for name, X in reconstructed.items()
]
axes.set_yticks(4.5 + 10 * np.arange(3), labels=labels)
axes.set_xticks([])
axes.tick_params(length=0)
axes.spines[:].set_visible(False)
plt.show()
