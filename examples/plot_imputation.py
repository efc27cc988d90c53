"""
Imputation of missing values in a table and in images
=====================================================

``AutoencoderImputer`` replaces each missing value by its conditional mean given the observed values
of its row, and can draw from its conditional distribution. Here values are removed from complete
rows, so that the true values are known.
"""

# %%
# A table with half of its values missing
# ---------------------------------------
# Measurements of 569 tumours, standardised, with half of all values missing. Imputation of the mean
# has an error of one standard deviation.
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderImputer


def without_half(X, seed):
    """Return rows with half of their values missing, and the mask of missing values."""
    missing = np.random.default_rng(seed).random(X.shape) < 0.5
    return np.where(missing, np.nan, X), missing


def rmse(imputed, X, missing):
    """Return the root mean squared error of the imputed values."""
    return np.sqrt(np.square((imputed - X)[missing]).mean())


table = StandardScaler().fit_transform(load_breast_cancer().data)
incomplete, missing = without_half(table, seed=0)
imputers = {
    "mean": SimpleImputer(),
    "5 neighbours": KNNImputer(),
    "regressions in turns": IterativeImputer(max_iter=20, tol=0.01, random_state=0),
    "autoencoders": AutoencoderImputer(random_state=0),
}
errors = {}
for name, imputer in imputers.items():
    start = time.perf_counter()
    errors[name] = rmse(imputer.fit_transform(incomplete), table, missing)
    print(f"{name:21} error {errors[name]:.2f}, {time.perf_counter() - start:4.1f} s")

# %%
# Uncertainty of imputed values
# -----------------------------
# ``sample`` draws missing values instead of imputing their means. Left: 19 draws of each value of
# some tumours. The range from the lowest to the highest would contain nine values in ten if the
# conditional distribution were correct. It is narrow if the observed values determine the missing
# one well.
draws = imputers["autoencoders"].sample(incomplete, n_draws=19, random_state=0)
low, high = draws.min(axis=0), draws.max(axis=0)
held = ((low <= table) & (table <= high))[missing].mean()
print(f"The range of 19 draws holds {held:.1%} of the missing values.")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
column = 4
rows = np.flatnonzero(missing[:, column])[:40]
rows = rows[np.argsort(table[rows, column])]
imputed = imputers["autoencoders"].transform(incomplete)[rows, column]
marks = np.arange(len(rows))
spread = low[rows, column], high[rows, column]
left.vlines(marks, *spread, color="C0", alpha=0.35, linewidth=4, label="range of 19 draws")
left.plot(marks, imputed, "o", color="C0", markersize=4, label="imputed")
left.plot(marks, table[rows, column], "_k", markersize=8, markeredgewidth=2, label="true")
left.legend(loc="upper left", frameon=False)
left.set(xlabel="tumours whose mean smoothness is missing", ylabel="standard deviations")
right.barh(list(errors), errors.values(), color=["0.7", "0.7", "0.7", "C0"])
right.bar_label(right.containers[0], fmt="%.2f", padding=3)
right.invert_yaxis()
right.set(xlabel="root mean squared error, in standard deviations")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Images with half of their pixels missing
# ----------------------------------------
# Digits of 8 x 8 pixels in [0, 1]: half of the pixels of the training images are missing as well,
# so no imputer is fitted to complete digits. ``standardize=False`` keeps the common unit of the
# pixels, and bounds restrict them to [0, 1].
digits = load_digits().data / 16
incomplete, missing = without_half(digits, seed=1)
train, test = slice(0, 1500), slice(1500, None)
imputers = {
    "mean": SimpleImputer(keep_empty_features=True),
    "5 neighbours": KNNImputer(keep_empty_features=True),
    "autoencoders": AutoencoderImputer(
        standardize=False, patience=None, n_estimators=2, min_value=0, max_value=1, random_state=0
    ),
}
restored = {"missing": incomplete[test]}
for name, imputer in imputers.items():
    restored[name] = imputer.fit(incomplete[train]).transform(incomplete[test])
    print(f"{name:13} error {rmse(restored[name], digits[test], missing[test]):.3f}")

# %%
# Mean imputation leaves grey noise, and nearest neighbours mix several digits. The autoencoder
# continues the strokes through the gaps.
chosen = np.arange(12)
restored["as written"] = digits[test]
restored["one draw"] = imputers["autoencoders"].sample(incomplete[test], 1, random_state=0)[0]
names = ["missing", "mean", "5 neighbours", "autoencoders", "one draw", "as written"]
colours = plt.get_cmap("gray").with_extremes(bad="tab:blue")
figure, axes = plt.subplots(len(names), 1, figsize=(9.5, 4.2), layout="constrained")
for ax, name in zip(axes, names, strict=True):
    images = np.pad(restored[name][chosen].reshape(-1, 8, 8), ((0, 0), (0, 0), (1, 1)))
    ax.imshow(np.hstack(list(images)), cmap=colours, vmin=0, vmax=1)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
plt.show()
