"""
Hyperparameter search over kinds and their parameters
=====================================================

Kind, architecture and their parameters are parameters of the estimator, and can be searched like
any others, by a grid search or by successive halving. The search does not maximise the explained
variance but the performance on the task of the codes: here the accuracy of a classifier.
"""

# %%
# A grid over kinds and their own parameters
# ------------------------------------------
# Parameters of a kind have nested names: ``ae__kind__weight``. A list of grids gives each kind its
# own parameters. Digits of 8 x 8 pixels, codes of six values, three folds, and fits of a few
# seconds.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0)

pipeline = Pipeline(
    [
        ("ae", AutoencoderTransformer(6, max_epochs=15, random_state=0)),
        ("scale", StandardScaler()),
        ("classify", LogisticRegression(max_iter=500)),
    ]
)
grid = [
    {"ae__kind": ["undercomplete"]},
    {"ae__kind": ["denoising"], "ae__kind__corruption": ["gaussian", "masking", "swap"]},
    {"ae__kind": ["contractive"], "ae__kind__weight": [0.001, 0.01, 0.1]},
    {"ae__kind": ["variational"], "ae__kind__beta": [0.01, 0.1, 1.0]},
]
search = GridSearchCV(pipeline, grid, cv=3).fit(X_train, y_train)
print(f"best: {search.best_params_}")
print(
    f"accuracy {search.best_score_:.3f} in the folds, {search.score(X_test, y_test):.3f} held out"
)

# %%
# Successive halving
# ------------------
# ``HalvingGridSearchCV`` fits many candidates with few resources, and gives more resources to the
# best ones. The resource can be any integer parameter; for a network, the number of epochs. Twelve
# candidates get five epochs each, the best four 15, the best two of these 45.
candidates = {
    "ae__architecture": ["dense"],
    "ae__architecture__hidden_layer_sizes": [(), (64,), (256, 256)],
    "ae__learning_rate": [0.001, 0.003, 0.01, 0.03],
}
halving = HalvingGridSearchCV(
    pipeline,
    candidates,
    resource="ae__max_epochs",
    min_resources=5,
    max_resources=45,
    factor=3,
    cv=3,
    random_state=0,
).fit(X_train, y_train)
print(f"best: {halving.best_params_}")
print(
    f"accuracy {halving.best_score_:.3f} in the folds, {halving.score(X_test, y_test):.3f} held out"
)

# %%
# Figure
# ------
# Left: small dots are folds. Most differences between candidates are smaller than those between
# folds, and a search always finds a best candidate; only the largest contractive weight clearly
# differs from the undercomplete kind. Right: the line of each candidate ends where it was
# eliminated. Wide layers are best after five epochs; after 45, a small layer with a high learning
# rate is better. Successive halving saves time, but may eliminate candidates that learn slowly.
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")

results = pd.DataFrame(search.cv_results_)
names = [
    ", ".join(str(value) for key, value in sorted(params.items())) for params in results["params"]
]
colours = {name: f"C{i}" for i, name in enumerate(results["param_ae__kind"].unique())}
for place, line in enumerate(results.itertuples()):
    folds = [line.split0_test_score, line.split1_test_score, line.split2_test_score]
    colour = colours[line.param_ae__kind]
    left.plot(folds, [place] * 3, ".", color=colour, alpha=0.5)
    left.plot(line.mean_test_score, place, "D", color=colour)
left.set_yticks(range(len(names)), names)
left.invert_yaxis()
left.set(xlabel="accuracy in three folds, and their mean", title="GridSearchCV")
left.grid(axis="y", color="0.9")

rounds = pd.DataFrame(halving.cv_results_)
sizes = rounds["param_ae__architecture__hidden_layer_sizes"].astype(str)
for colour, (layers, of_size) in enumerate(rounds.groupby(sizes, sort=False)):
    label = f"hidden layers {layers}" if layers != "()" else "linear"
    for _, line in of_size.groupby("param_ae__learning_rate"):
        style = {"color": f"C{colour}", "alpha": 0.7, "label": label}
        epochs = line["n_resources"] * 1.04 ** (colour - 1)  # side by side
        right.plot(epochs, line["mean_test_score"], "o-", **style)
        label = None
right.set_xscale("log")
right.set_xticks(np.unique(rounds["n_resources"]), np.unique(rounds["n_resources"]))
right.minorticks_off()
right.set(xlabel="epochs", ylabel="mean accuracy", title="HalvingGridSearchCV")
right.legend(frameon=False, loc="lower right")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
