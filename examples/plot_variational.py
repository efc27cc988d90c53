"""
Variational: samples of new digits
==================================

A variational autoencoder regularises its codes towards the standard normal distribution. So a code
can be drawn from that distribution and decoded to a new row. Interpolations between two codes pass
through codes that resemble those of training rows.
"""

# %%
# Two code sizes: one for visualisation, one for sampling
# -------------------------------------------------------
# Digits of 8 x 8 pixels in [0, 1]. ``loss="bce"`` treats a pixel as the probability of ink.
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0)
fitted = {
    size: AutoencoderTransformer(size, kind="variational", loss="bce", random_state=0).fit(X_train)
    for size in (2, 8)
}
for size, ae in fitted.items():
    print(
        f"{size} values: elbo {ae.elbo(X_test).mean():.2f} nats, "
        f"explained variance {ae.score(X_test):.2f}, {len(ae.active_units_)} active"
    )

# %%
# Figure
# ------
# Above: codes of held-out rows with two values, and decoded codes on a grid of the quantiles of the
# normal distribution, so that each cell is equally likely. Below, with codes of eight values:
# samples from the prior, and interpolations between held-out digits: from a 9 to a 4, from a 1 to a
# 6 and from a 1 to a 0.


def mosaic(images, n_columns):
    """Return images of 8 x 8 in rows."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return np.block([list(row) for row in padded.reshape(-1, n_columns, 10, 10)])


def draw(axes, images, n_columns, title):
    """Draw images in rows."""
    axes.imshow(mosaic(images, n_columns), cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(title, fontsize=11)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


figure = plt.figure(figsize=(11, 8.8), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=[1.45, 1])
left, right = upper.subplots(1, 2)

two = fitted[2].transform(X_test)
left.scatter(*two.T, c=y_test, cmap="tab10", s=14, linewidths=0)
for digit in range(10):
    centre = np.median(two[y_test == digit], axis=0)
    left.text(*centre, str(digit), ha="center", va="center", fontsize=15, weight="bold")
left.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
left.set_title("codes of held-out digits", fontsize=11)

steps = norm.ppf(np.linspace(0.02, 0.98, 13))
grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)
draw(right, fitted[2].inverse_transform(grid), 13, "decoded, at quantiles of the prior")

left, right = lower.subplots(1, 2)
draw(left, fitted[8].sample(60, random_state=0), 10, "drawn from the prior")
start, end = (
    np.stack([X_test[y_test == digit][0] for digit in digits]) for digits in ((9, 1, 1), (4, 6, 0))
)
paths = fitted[8].interpolate(start, end, n_steps=10)
steps = np.linspace(0, 1, 10)[:, None]
blends = (1 - steps) * start[:, None] + steps * end[:, None]
both = np.stack([paths, blends], axis=1)
draw(right, both, 10, "between two: in the code, and below in the pixels")
plt.show()
