"""
Generation: new digits, and what their codes are made of
========================================================

A decoder makes a row of every code. So a new row is drawn by drawing a code; one digit turns into
another on the way between their codes; and changing one value of a code alone shows what it stands
for.
"""

# %%
# A variational autoencoder, and PCA with a Gaussian
# --------------------------------------------------
# Digits of 8 x 8 pixels in [0, 1], and codes of ten values. A variational autoencoder is trained
# to bring its codes near to the standard normal distribution, and ``sample`` draws from that. The
# components of PCA are uncorrelated, so its codes are drawn from a Gaussian for each; what falls
# outside of [0, 1] is cut off.
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from skae import AutoencoderTransformer
from skae.plotting import LatentTraversalDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0)
vae = AutoencoderTransformer(10, kind="variational", loss="bce", random_state=0).fit(X_train)
pca = PCA(10, random_state=0).fit(X_train)

deviations = np.sqrt(pca.explained_variance_)
codes = np.random.default_rng(0).normal(size=(1000, 10)) * deviations
samples = {
    "written": X_train,
    "variational autoencoder": vae.sample(1000, random_state=0),
    "PCA with a Gaussian": np.clip(pca.inverse_transform(codes), 0, 1),
}


def draw(ax, images, n_columns, title=""):
    """Draw images of 8 x 8 in rows."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    rows = padded.reshape(-1, n_columns, 10, 10)
    ax.imshow(np.block([list(row) for row in rows]), cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=11)
    ax.set_axis_off()


figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, rows) in zip(axes, samples.items(), strict=True):
    draw(ax, rows[:64], 8, name)
plt.show()

# %%
# Many samples of the autoencoder can be read, though they are softer than written digits, and some
# are between two. Those of PCA more often have strokes of several digits at once. How far is a
# sample from the nearest digit that was held out, on average?
nearest = NearestNeighbors(n_neighbors=1).fit(X_test)
for name, rows in samples.items():
    print(f"{name:24} {nearest.kneighbors(rows)[0].mean():.2f}")

# %%
# Samples of the autoencoder are about as near as training digits are; not all of that is merit,
# as soft images are near to many. Those of PCA are farther away: the Gaussian draws codes also
# where no digit has its own.
#
# From one digit to another
# -------------------------
# ``interpolate`` decodes the codes on the straight line between those of two rows, here of the
# first held-out digits of a kind, with their reconstructions at both ends. Strokes open, close and
# move; few steps show both digits on top of each other. The 8 that ends the last row is one that
# ten values do not rebuild well.
start, end = (
    np.stack([X_test[y_test == digit][0] for digit in digits])
    for digits in ((0, 2, 5, 6, 3, 5), (6, 3, 9, 5, 9, 8))
)
figure, ax = plt.subplots(figsize=(8, 4.9), layout="constrained")
draw(ax, vae.interpolate(start, end, n_steps=10), 10)
plt.show()

# %%
# One value at a time
# -------------------
# Each row of :class:`~skae.plotting.LatentTraversalDisplay` changes one value of the code, from its
# 5% to its 95% quantile on the training rows, while the others stay at their means. The values with
# the largest effect come first, and the numbers below say how large the value is. The mean of all
# codes is no digit, and what a value stands for has no name: in one row a ring becomes a bar, in
# another ink moves from the bottom to the top.
LatentTraversalDisplay.from_estimator(vae, X_train)
plt.show()

# %%
# A map of the digits
# -------------------
# With a code of two values, all that can be drawn is in one picture: decoded codes at the quantiles
# of the normal distribution, so that each cell is equally likely. Neighbours look alike, and
# digits have regions: 2 on the upper left, 1 on top, 4 on the right, 6 and 0 below. Where regions
# meet, shapes are soft. Two values are few: codes of ten explain more of the variance of held-out
# digits.
two = AutoencoderTransformer(2, kind="variational", loss="bce", random_state=0).fit(X_train)
for ae in (two, vae):
    print(f"{ae.n_components_:2} values: explained variance {ae.score(X_test):.2f}")

steps = norm.ppf(np.linspace(0.02, 0.98, 18))
grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
figure, ax = plt.subplots(figsize=(7, 7), layout="constrained")
draw(ax, two.inverse_transform(grid), 18)
plt.show()
