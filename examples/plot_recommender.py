"""
Ratings of films: what a user would have given
==============================================

A table of ratings has a row for each user and a column for each film, and most of it is unknown.
:class:`~skae.AutoencoderRecommender` completes it. Here the table is simulated, so that the
smallest possible error is known: the noise that no method can predict.

What scikit-learn has for factorising a matrix takes a rating that is unknown for a zero, or, where
the mean of each film is subtracted first, for that mean. Both are shown beside it, each with the
number of factors that is best for the ratings it is judged by.
"""

# %%
# Simulated ratings
# -----------------
# Some users give more stars than others, some films get more than others, and four tastes decide
# the rest. What is left is noise of 0.4 stars.
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
order = rng.random(ratings.shape)  # the smallest are known first


def error(predicted, unknown):
    """Return the root mean square error of ratings that are not known, in stars."""
    return np.sqrt(np.mean((predicted - ratings)[unknown] ** 2))


# %%
# The linear competitors
# ----------------------


def best_svd(table, unknown):
    """Return the error of TruncatedSVD on ratings less the mean of each film."""
    mean = np.nanmean(table, axis=0)
    filled = np.where(unknown, 0, table - mean)
    models = [TruncatedSVD(k, random_state=0).fit(filled) for k in (2, 5, 10)]
    return min(error(m.inverse_transform(m.transform(filled)) + mean, unknown) for m in models)


def best_nmf(table, unknown):
    """Return the error of NMF, which knows no unknown entries: they are zero."""
    filled = np.where(unknown, 0, table.clip(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [NMF(k, max_iter=100, random_state=0).fit(filled) for k in (2, 5)]
        return min(error(m.inverse_transform(m.transform(filled)), unknown) for m in models)


# %%
# From few known ratings to many
# ------------------------------
shares = [0.05, 0.1, 0.2, 0.4]
errors = {"NMF": [], "TruncatedSVD": [], "mean of the film": [], "AutoencoderRecommender": []}
for share in shares:
    unknown = order >= share
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
        f"{share:4.0%} known: {errors['AutoencoderRecommender'][-1] / NOISE:.3f} times the noise, "
        f"{recommender.n_components_} factors, {seconds:.1f} s"
    )

# %%
# With 40% of the ratings the error is within three hundredths of the noise, the dashed line.
# NMF, which takes every unknown rating for zero stars, predicts few stars for all; TruncatedSVD
# predicts too little of what sets a user apart.
fig = plt.figure(figsize=(11, 4.2), layout="constrained")
left, right = fig.subfigures(1, 2, width_ratios=[1, 1.2])
ax = left.subplots()
for name, values in errors.items():
    style = {"color": "C3", "lw": 2.5} if name.startswith("Auto") else {"lw": 1.5}
    ax.plot(shares, values, "o-", label=name, **style)
ax.axhline(NOISE, color="0.4", ls="--", lw=1)
ax.annotate("noise", (shares[0], NOISE), (0, -12), textcoords="offset points", color="0.4")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="share of the ratings that is known",
    ylabel="error of the others, in stars",
    ylim=(0.33, 4.5),
)
ax.set_xticks(shares, [f"{share:.0%}" for share in shares])
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
# What to watch next
# ------------------
# The best films for a user are those with the highest predicted ratings among the unknown ones.
films, stars = recommender.recommend([0, 1], n_items=3)
for user, of_user, of_stars in zip([0, 1], films, stars, strict=True):
    print(f"user {user}: films {of_user}, predicted {of_stars.round(1)}, ", end="")
    print(f"true {ratings[user, of_user].round(1)}")
