"""
Generation: new digits and the meaning of their codes
=====================================================

A decoder maps every code to a row. So new rows can be sampled by sampling codes, digits can be
interpolated between their codes, and changing a single latent value shows its effect.
"""

# %%
# A variational autoencoder, and PCA with a Gaussian
# --------------------------------------------------
# Digits of 8 x 8 pixels in [0, 1], and codes of ten values. The codes of a variational autoencoder
# are regularised towards the standard normal distribution, from which ``sample`` draws. The
# components of PCA are uncorrelated, so each is drawn from its own Gaussian; pixels are clipped to
# [0, 1].
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
# Many samples of the autoencoder are legible, although they are smoother than real digits, and some
# lie between two digits. Samples of PCA often combine strokes of several digits. What is the mean
# distance between a sample and the nearest held-out digit?
nearest = NearestNeighbors(n_neighbors=1).fit(X_test)
for name, rows in samples.items():
    print(f"{name:24} {nearest.kneighbors(rows)[0].mean():.2f}")

# %%
# Samples of the autoencoder are about as close as training digits; in part because smooth images
# are close to many digits. Those of PCA are farther away: the Gaussian also draws codes in regions
# without digits.
#
# Interpolation between digits
# ----------------------------
# ``interpolate`` decodes codes on the straight line between the codes of two rows, here of the
# first held-out digits of each class; at both ends are their reconstructions. Strokes open, close
# and move; few steps show a superposition of both digits. The 8 at the end of the last row is not
# reconstructed well from ten values.
start, end = (
    np.stack([X_test[y_test == digit][0] for digit in digits])
    for digits in ((0, 2, 5, 6, 3, 5), (6, 3, 9, 5, 9, 8))
)
figure, ax = plt.subplots(figsize=(8, 4.9), layout="constrained")
draw(ax, vae.interpolate(start, end, n_steps=10), 10)
plt.show()

# %%
# Latent traversal
# ----------------
# Each row of :class:`~skae.plotting.LatentTraversalDisplay` changes one latent value, from its 5%
# to its 95% quantile on the training rows, while the others stay at their means. The values with
# the largest effect come first; the numbers below are the latent values. The mean code is not a
# digit, and single values have no simple meaning: in one row a ring becomes a bar, in another ink
# moves from the bottom to the top.
LatentTraversalDisplay.from_estimator(vae, X_train)
plt.show()

# %%
# A map of the digits
# -------------------
# A code of two values can be shown completely in one figure: decoded codes at the quantiles of the
# normal distribution, so that each cell is equally likely. Neighbours are similar, and digits form
# regions: 2 on the upper left, 1 at the top, 4 on the right, 6 and 0 at the bottom. Shapes between
# regions are blurred. Two values are few: codes of ten values explain more of the variance of
# held-out digits.
two = AutoencoderTransformer(2, kind="variational", loss="bce", random_state=0).fit(X_train)
for ae in (two, vae):
    print(f"{ae.n_components_:2} values: explained variance {ae.score(X_test):.2f}")

steps = norm.ppf(np.linspace(0.02, 0.98, 18))
grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
figure, ax = plt.subplots(figsize=(7, 7), layout="constrained")
draw(ax, two.inverse_transform(grid), 18)
plt.show()
