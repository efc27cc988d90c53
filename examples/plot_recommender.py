"""
Prediction of film ratings
==========================

A table of ratings has one row per user and one column per film, and most entries are missing.
:class:`~skae.AutoencoderRecommender` predicts them. Here the table is simulated, so that the
smallest possible error is known: the noise that no method can predict.

The matrix factorisations of scikit-learn treat a missing rating as zero or, if the mean of each
film is subtracted first, as that mean. Both are compared, each with the number of factors that is
best on the test ratings.
"""

# %%
# Simulated ratings
# -----------------
# Some users give higher ratings than others, some films get higher ratings than others, and four
# latent factors determine the rest, plus noise of 0.4 stars.
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import NMF, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning

from skae import AutoencoderRecommender

NOISE = 0.4
rng = np.random.default_rng(0)
n_users, n_films, n_tastes = 2000, 400, 4

tastes = rng.normal(size=(n_users, n_tastes)) @ rng.normal(size=(n_tastes, n_films))
predictable = 3.3 + 0.35 * tastes
predictable += 0.3 * rng.normal(size=(n_users, 1)) + 0.5 * rng.normal(size=n_films)
ratings = predictable + NOISE * rng.normal(size=predictable.shape)
order = rng.random(ratings.shape)  # entries with the smallest numbers are observed first


def error(predicted, unknown):
    """Return the root mean squared error of missing ratings, in stars."""
    return np.sqrt(np.mean((predicted - ratings)[unknown] ** 2))


# %%
# Linear methods for comparison
# -----------------------------


def best_svd(table, unknown):
    """Return the error of TruncatedSVD on ratings minus the mean of each film."""
    mean = np.nanmean(table, axis=0)
    filled = np.where(unknown, 0, table - mean)
    models = [TruncatedSVD(k, random_state=0).fit(filled) for k in (2, 5, 10)]
    return min(error(m.inverse_transform(m.transform(filled)) + mean, unknown) for m in models)


def best_nmf(table, unknown):
    """Return the error of NMF, which treats missing entries as zeros."""
    filled = np.where(unknown, 0, table.clip(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [NMF(k, max_iter=100, random_state=0).fit(filled) for k in (2, 5)]
        return min(error(m.inverse_transform(m.transform(filled)), unknown) for m in models)


# %%
# Error by the fraction of observed ratings
# -----------------------------------------
fractions = [0.05, 0.1, 0.2, 0.4]
errors = {"NMF": [], "TruncatedSVD": [], "mean of the film": [], "AutoencoderRecommender": []}
for fraction in fractions:
    unknown = order >= fraction
    table = np.where(unknown, np.nan, ratings)
    errors["mean of the film"].append(error(np.nanmean(table, axis=0), unknown))
    errors["TruncatedSVD"].append(best_svd(table, unknown))
    errors["NMF"].append(best_nmf(table, unknown))
    start = time.perf_counter()
    recommender = AutoencoderRecommender(rating_range=None, max_epochs=5, random_state=0)
    predicted = recommender.fit(table).predict_all()
    seconds = time.perf_counter() - start
    errors["AutoencoderRecommender"].append(error(predicted, unknown))
    print(
        f"{fraction:4.0%} observed: "
        f"{errors['AutoencoderRecommender'][-1] / NOISE:.3f} times the noise, "
        f"{recommender.n_components_} factors, {seconds:.1f} s"
    )

# %%
# With 40% of the ratings the error is within three percent of the noise, the dashed line. NMF
# treats every missing rating as zero stars, and predicts low ratings for all films; TruncatedSVD
# underestimates the differences between users.
fig = plt.figure(figsize=(11, 4.2), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[1, 1.2])
ax = left.subplots()
for name, values in errors.items():
    style = {"color": "C3", "lw": 2.5} if name.startswith("Auto") else {"lw": 1.5}
    ax.plot(fractions, values, "o-", label=name, **style)
ax.axhline(NOISE, color="0.4", ls="--", lw=1)
ax.annotate("noise", (fractions[0], NOISE), (0, -12), textcoords="offset points", color="0.4")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="fraction of observed ratings",
    ylabel="error on the missing ratings, in stars",
    ylim=(0.33, 4.5),
)
ax.set_xticks(fractions, [f"{fraction:.0%}" for fraction in fractions])
ax.set_yticks([0.4, 0.6, 1, 2, 3], ["0.4", "0.6", "1", "2", "3"])
ax.minorticks_off()
ax.legend(fontsize=9, loc="upper right", bbox_to_anchor=(1, 0.67))

panels = right.subplots(1, 3)
corner = np.s_[:40, :30]
pictures = {
    "known (40%)": np.where(unknown, np.nan, ratings),
    "predicted": predicted,
    "true": ratings,
}
for panel, (title, picture) in zip(panels, pictures.items(), strict=True):
    image = panel.imshow(picture[corner], vmin=1, vmax=6, cmap="viridis", interpolation="none")
    panel.set(title=title, xticks=[], yticks=[], facecolor="0.9")
panels[0].set(xlabel="films", ylabel="users")
right.colorbar(image, ax=panels, label="stars", shrink=0.7)
plt.show()

# %%
# Recommendations
# ---------------
# The recommended films of a user are those with the highest predictions among the missing ratings.
films, stars = recommender.recommend([0, 1], n_items=3)
for user, of_user, of_stars in zip([0, 1], films, stars, strict=True):
    print(f"user {user}: films {of_user}, predicted {of_stars.round(1)}, ", end="")
    print(f"true {ratings[user, of_user].round(1)}")
