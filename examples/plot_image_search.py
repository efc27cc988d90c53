"""
Image search: nearest neighbours among codes
============================================

Image search returns the images that are most similar to a query. Searching codes of a few values
instead of all pixels takes a fraction of the memory and of the time; how much precision is lost?
The images are the digits of scikit-learn. With the environment variable ``SKAE_EXAMPLES_ONLINE=1``
this script uses 10,000 images of ``fetch_openml("Fashion-MNIST")`` instead. The text describes the
results on the digits.
"""

# %%
# A gallery and queries
# ---------------------
# Three quarters of the images are the gallery, which is searched. The others are queries. The
# labels are not used in training, but only for the evaluation of the search.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsTransformer, NearestNeighbors
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer

if os.environ.get("SKAE_EXAMPLES_ONLINE") == "1":
    X, y = fetch_openml("Fashion-MNIST", version=1, return_X_y=True, as_frame=False)
    X, y, sizes = np.sqrt(X[:10_000]).astype(np.float32), y[:10_000], (4, 8, 16, 32)
else:
    X, y = load_digits(return_X_y=True)
    sizes = (2, 4, 8, 16)
side = round(X.shape[1] ** 0.5)
gallery, queries, y_gallery, y_queries = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# Precision at ten
# ----------------
# The mean fraction of the ten retrieved images that have the label of the query.


def search(gallery_codes, query_codes):
    """Return the ten nearest images of the gallery for each query, and the precision."""
    neighbors = NearestNeighbors(n_neighbors=10).fit(gallery_codes)
    found = neighbors.kneighbors(query_codes, return_distance=False)
    return found, np.mean(y_gallery[found] == y_queries[:, None])


_, of_pixels = search(gallery, queries)
found, precision = {}, {"PCA": [], "autoencoder": []}
print(f"{X.shape[1]} pixels {of_pixels:.3f}")
for size in sizes:
    reducers = {
        "PCA": PCA(size, random_state=0),
        "autoencoder": AutoencoderTransformer(size, random_state=0),
    }
    for name, reducer in reducers.items():
        codes = reducer.fit_transform(gallery)
        found[name, size], mean = search(codes, reducer.transform(queries))
        precision[name].append(mean)
    print(f"codes of {size:2}: PCA {precision['PCA'][-1]:.3f}, autoencoder {mean:.3f}")

# %%
# Queries and results
# -------------------
# The first queries, without selection, with codes of four values. Images of another label have a
# red frame. PCA with four components confuses digits; the autoencoder with four values seldom does.
SIZE = 4


def tile(image, framed=False):
    """Return an image in colour with a border."""
    ink = 1 - image.reshape(side, side, 1) / X.max()
    inside = np.pad(np.repeat(ink, 3, axis=2), ((1, 1), (1, 1), (0, 0)), constant_values=1)
    if framed:
        inside[[0, -1]] = inside[:, [0, -1]] = (0.84, 0.1, 0.1)
    return np.pad(inside, ((1, 1), (1, 1), (0, 0)), constant_values=1)


gap = np.ones((side + 4, side // 2, 3))
rows = []
for query in range(8):
    row = [tile(queries[query])]
    for name in precision:
        chosen = found[name, SIZE][query]
        wrong = y_gallery[chosen] != y_queries[query]
        row += [gap, *map(tile, gallery[chosen], wrong)]
    rows.append(np.hstack(row))

figure, ax = plt.subplots(figsize=(11, 4.6), layout="constrained")
ax.imshow(np.vstack(rows), interpolation="nearest")
width, between = side + 4, side // 2
titles = ["query"] + [f"{name}, {SIZE} values" for name in precision]
centres = [width / 2, 6 * width + between, 16 * width + 2 * between]
ax.set_xticks(centres, titles, fontsize=11)
ax.tick_params(length=0, top=True, labeltop=True, labelbottom=False)
ax.set_yticks([])
ax.spines[:].set_visible(False)
plt.show()

# %%
# Code size
# ---------
# With two or four values the precision of the autoencoder is much higher than that of PCA; with
# eight, slightly higher. With sixteen, PCA is nearly as good as all pixels, and better than the
# autoencoder.
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, values in precision.items():
    ax.plot(sizes, values, "o-", label=name)
ax.axhline(of_pixels, color="0.5", linestyle="--", label=f"all {X.shape[1]} pixels")
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set(xlabel="code size", ylabel="precision at 10")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# In a pipeline
# -------------
# ``KNeighborsTransformer`` makes the search a step of a pipeline: it returns a sparse matrix of the
# distances to the nearest images of the gallery, for estimators that use precomputed neighbours.
# Here it is a nearest-neighbour classifier.
pipeline = make_pipeline(
    AutoencoderTransformer(SIZE, random_state=0),
    KNeighborsTransformer(n_neighbors=10),
    KNeighborsClassifier(n_neighbors=10, metric="precomputed"),
)
pipeline.fit(gallery, y_gallery)
print(f"accuracy of the vote of ten: {pipeline.score(queries, y_queries):.3f}")
