"""
Outlier detection with categorical and numeric columns
======================================================

A data frame with categories and numbers goes into the detector as it is. Which advertisements of
used cars contain a mistake, and in which column? The cars are simulated.
"""

# %%
# Simulated advertisements
# ------------------------
# Larger cars weigh more and have more power, heavy and powerful cars need more fuel, older cars
# have a higher mileage, and the price depends on all of these. The mistakes contradict these
# relations; each single value is an ordinary one.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skae import AutoencoderOutlierDetector
from skae.plotting import FeatureContributionsDisplay

SORTS = pd.DataFrame(
    {
        "fraction": [0.35, 0.35, 0.2, 0.1],
        "mass": [1000, 1300, 1700, 2200],
        "power": [55, 80, 140, 200],
        "diesel": [0.3, 0.4, 0.8, 0.3],
        "electric": [0.15, 0.15, 0.0, 0.0],
    },
    index=["small", "family", "van", "pick-up"],
)


def cars(n, rng):
    """Return a table of cars without mistakes."""
    sort = rng.choice(SORTS.index, size=n, p=SORTS["fraction"])
    typical, draw = SORTS.loc[sort].reset_index(drop=True), rng.random(n)
    fuel = np.where(draw < typical["diesel"], "diesel", "petrol")
    fuel = np.where(draw > 1 - typical["electric"], "electric", fuel)
    electric, diesel = fuel == "electric", fuel == "diesel"
    mass = typical["mass"] * rng.lognormal(0, 0.07, n) + 250 * electric
    power = typical["power"] * rng.lognormal(0, 0.15, n) * mass / typical["mass"]
    consumption = (2.2 + mass / 380 + power / 70) * np.where(diesel, 0.8, 1)
    age = rng.integers(1, 16, n)
    km = 13_000 * age * rng.lognormal(0, 0.3, n) * np.where(diesel, 1.3, 1)
    new = 4000 + 11 * mass + 70 * power + 9000 * electric
    price = new * np.exp(-0.13 * age - 1.5e-6 * km + rng.normal(0, 0.08, n))
    return pd.DataFrame(
        {
            "sort": sort,
            "fuel": fuel,
            "mass (kg)": mass.round(-1),
            "power (kW)": power.round(),
            "litres": np.where(electric, 0, consumption * rng.lognormal(0, 0.04, n)).round(1),
            "age": age,
            "km": km.round(-3),
            "price": price.round(-2),
        }
    )


OTHER_SORT = {"small": "pick-up", "family": "pick-up", "van": "small", "pick-up": "small"}
OTHER_FUEL = {"petrol": "electric", "diesel": "electric", "electric": "diesel"}
MISTAKES = ["km", "price", "fuel", "sort"]


def with_mistakes(table, rng):
    """Return the cars with one mistake each, and the name of the wrong column."""
    wrong = np.resize(MISTAKES, len(table))
    changed = {
        "km": (table["km"] * rng.uniform(0.15, 0.35, len(table))).round(-3),
        "price": (table["price"] * rng.choice([0.4, 2.5], len(table))).round(-2),
        "fuel": table["fuel"].map(OTHER_FUEL),
        "sort": table["sort"].map(OTHER_SORT),
    }
    return table.assign(**{c: changed[c].where(wrong == c, table[c]) for c in MISTAKES}), wrong


def some_with_mistakes(n, n_mistakes, rng):
    """Return cars, the last ones with mistakes, and the name of the wrong column ("" for none)."""
    bad, wrong = with_mistakes(cars(n_mistakes, rng), rng)
    table = pd.concat([cars(n, rng), bad], ignore_index=True)
    return table, np.concatenate([np.full(n, ""), wrong])


rng = np.random.default_rng(0)
X_train = cars(2000, rng)
X_valid, wrong_valid = some_with_mistakes(500, 20, rng)
X_test, wrong_test = some_with_mistakes(2000, 60, rng)
y_test = wrong_test != ""

# %%
# A pipeline
# ----------
# Logarithms are applied to amounts and ages, which differ by orders of magnitude. There is nothing
# else to prepare: the detector takes text for categories, and standardises the numbers.


def with_logarithms(table):
    """Return the table with logarithms of the age, the mileage and the price."""
    return table.assign(**{name: np.log1p(table[name]) for name in ("age", "km", "price")})


detector = AutoencoderOutlierDetector(novelty=True, random_state=0)
pipeline = Pipeline([("logarithms", FunctionTransformer(with_logarithms)), ("detector", detector)])

# %%
# Hyperparameter search with a few labels
# ---------------------------------------
# Twenty known mistakes among 500 checked rows are too few for training, but enough to select
# hyperparameters. ``fit`` ignores them unless ``anomaly_label`` is set. We need our own
# scorer: with ``scoring="average_precision"`` scikit-learn would treat
# rows with a high ``decision_function``, which are normal, as anomalies. One split is enough: fit
# on the training rows, evaluate on the labelled ones.


def by_average_precision(pipeline, X, y):
    """Return the average precision of the rows with y = 1 in the ranking by anomaly score."""
    return average_precision_score(y, -pipeline.score_samples(X))


grid = {
    "detector__scoring": ["residual", "joint", "reconstruction"],
    "detector__n_components": [16, 64],
}
X_both = pd.concat([X_train, X_valid], ignore_index=True)
y_both = np.concatenate([np.zeros(len(X_train)), wrong_valid != ""])
split = [(np.arange(len(X_train)), np.arange(len(X_train), len(X_both)))]
search = GridSearchCV(pipeline, grid, scoring=by_average_precision, cv=split, refit=False)
search.fit(X_both, y_both)
table = pd.DataFrame(search.cv_results_)[[*(f"param_{name}" for name in grid), "mean_test_score"]]
print(table.round(2).to_string(index=False))

# %%
# ``refit=False``, since a final fit on all rows would train on the mistakes as well. Other
# detectors need columns of zeros and ones for the categories.
pipeline.set_params(**search.best_params_).fit(X_train)
encoder = make_column_transformer(
    (OneHotEncoder(sparse_output=False), ["sort", "fuel"]), remainder="passthrough"
)
others = {
    "forest": [IsolationForest(random_state=0)],
    "local outlier factor": [StandardScaler(), LocalOutlierFactor(novelty=True)],
}
scores = {
    name: -make_pipeline(pipeline[0], encoder, *steps).fit(X_train).score_samples(X_test)
    for name, steps in others.items()
}
scores["autoencoder"] = -pipeline.score_samples(X_test)


def found(name, mistake):
    """Return the average precision for one type of mistake."""
    rows = ~y_test | (wrong_test == mistake)
    return average_precision_score(y_test[rows], scores[name][rows])


for name, values in scores.items():
    row = "  ".join(f"{mistake} {found(name, mistake):.2f}" for mistake in MISTAKES)
    print(f"{name:21} all {average_precision_score(y_test, values):.2f}  {row}")

# %%
# An isolation forest splits on one column at a time, and no single column shows these mistakes. The
# others find the wrong categories; the autoencoder finds wrong prices best, and nearest neighbours
# wrong mileages.
#
# Explanation of the mistakes
# ---------------------------
# The first row of each type of mistake. Bars show the contribution of each column to the anomaly
# score: most of the score comes from the wrong column, some from the columns that contradict it.
# The third car is an electric one whose fuel was changed: a diesel that needs no litres.
prepared = pipeline[0].transform(X_test)
rows = {mistake: np.flatnonzero(wrong_test == mistake)[0] for mistake in MISTAKES}
print(X_test.loc[list(rows.values())].assign(wrong=list(rows)).to_string())

figure, panels = plt.subplots(2, 2, figsize=(11, 6), layout="constrained")
for axes, (mistake, row) in zip(panels.flat, rows.items(), strict=True):
    FeatureContributionsDisplay.from_estimator(pipeline[-1], prepared, row, ax=axes, max_features=5)
    car = X_test.loc[row]
    axes.set_title(
        f"wrong: {mistake}\n{car['age']} years, {car['sort']}, {car['fuel']}, "
        f"{car['km']:,.0f} km, price {car['price']:,.0f}",
        loc="left",
        fontsize=11,
    )
    axes.set_xlabel("")
    axes.locator_params(axis="x", nbins=5)
figure.supxlabel("contribution to the anomaly score", fontsize=11)
plt.show()
