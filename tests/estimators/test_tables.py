"""Tables whose columns are not all numbers, in all estimators that take them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from support.mixed_tables import SIZES, mixed_table

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.columns import Columns

FEW = {"max_epochs": 3, "random_state": 0}
ESTIMATORS = {
    "transformer": AutoencoderTransformer(3, **FEW),
    "detector": AutoencoderOutlierDetector(**FEW),
    "imputer": AutoencoderImputer(n_estimators=1, **FEW),
    "classifier": AutoencoderClassifier(3, **FEW),
}
METHOD = {
    "transformer": "transform",
    "detector": "score_samples",
    "imputer": "transform",
    "classifier": "predict_proba",
}
X = mixed_table()
Y = (X["pay"] > 30).to_numpy().astype(int)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(role, rows=X, **params):
    return clone(ESTIMATORS[role]).set_params(**params).fit(rows, Y[: len(rows)])


def results(role, estimator, rows=X):
    return getattr(estimator, METHOD[role])(rows)


def as_array(value):
    return value.astype(object).to_numpy() if hasattr(value, "columns") else np.asarray(value)


@pytest.mark.parametrize("role", ESTIMATORS)
def test_a_table_is_fitted_and_saved(role, tmp_path):
    estimator = fitted(role)
    assert estimator.n_features_in_ == 7
    assert estimator.feature_names_in_.tolist() == X.columns.tolist()
    assert [c.role for c in estimator.columns_.columns] == [
        *("number", "categorical", "categorical", "ordinal", "boolean", "number", "number")
    ]
    before = as_array(results(role, estimator))
    estimator.save(tmp_path / "e.skae")
    after = as_array(results(role, skae.load(tmp_path / "e.skae")))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("role", ESTIMATORS)
def test_the_same_table_gives_the_same_results_in_any_container(role):
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(X)
    columns = Columns(ordinal={"size": SIZES})  # dtypes of polars have no order
    estimator = clone(ESTIMATORS[role]).set_params(columns=columns).fit(frame, Y)
    expected = as_array(results(role, fitted(role)))
    found = results(role, estimator, frame)
    if role == "imputer":
        assert isinstance(found, polars.DataFrame)
        found = found.to_pandas()
    np.testing.assert_array_equal(as_array(found), expected)


@pytest.mark.parametrize("role", ESTIMATORS)
def test_numbers_alone_are_treated_as_before(role):
    numbers = X[["pay", "children", "age"]]
    estimator = fitted(role, numbers)
    assert estimator.columns_ is None
    other = fitted(role, numbers.to_numpy().astype(float))
    np.testing.assert_allclose(
        as_array(results(role, estimator, numbers)).astype(float),
        as_array(results(role, other, numbers.to_numpy().astype(float))).astype(float),
    )


def test_reconstructions_are_frames_of_the_same_columns():
    rows = X.set_index(X.index + 7)
    estimator = AutoencoderTransformer(4, max_epochs=30, random_state=0).fit(rows)
    rebuilt = estimator.reconstruct(rows)
    assert rebuilt.columns.tolist() == X.columns.tolist()
    assert rebuilt.dtypes.to_dict() == X.dtypes.to_dict()
    assert rebuilt.index.equals(rows.index)
    pd.testing.assert_frame_equal(
        estimator.inverse_transform(estimator.transform(rows)), rebuilt.reset_index(drop=True)
    )
    assert (rebuilt["job"] == rows["job"]).mean() > 0.8
    assert estimator.score(rows) > 0.6
    np.testing.assert_allclose(estimator.score_samples(rows).mean(), estimator.score(rows))
    likely = estimator.reconstruct(rows, probabilities=True)
    np.testing.assert_allclose(likely.filter(like="job_").sum(axis=1), 1, rtol=1e-6)


def test_clipped_numbers_stay_within_the_range_of_the_fit():
    estimator = fitted("transformer")
    codes = 50 * estimator.transform(X)
    assert estimator.inverse_transform(codes)["pay"].max() > X["pay"].max() + 1
    clipped = estimator.inverse_transform(codes, clip=True)
    assert clipped["pay"].max() <= X["pay"].max() + 1e-6
    assert clipped["age"].min() >= X["age"].min()
    with pytest.raises(ValueError, match="clip=True is for tables"):
        AutoencoderTransformer(2, **FEW).fit(X[["pay", "age"]]).reconstruct(
            X[["pay", "age"]], clip=True
        )


def test_an_imputer_fills_what_is_missing_alone():
    rows = mixed_table(missing=0.3)
    imputed = AutoencoderImputer(max_epochs=20, random_state=0).fit_transform(rows)
    assert imputed.columns.tolist() == rows.columns.tolist()
    assert imputed.dtypes.to_dict() == rows.dtypes.to_dict()
    assert not imputed.isna().any().any()
    known = rows.notna()
    assert (imputed.where(known).astype(object) == rows.astype(object))[known].sum().sum() == (
        known.sum().sum()
    )
    true = mixed_table()
    hidden = rows["job"].isna()
    assert (imputed["job"].astype(str) == true["job"].astype(str))[hidden].mean() > 0.6


def test_draws_of_an_imputer_differ_in_what_is_missing():
    rows = mixed_table(missing=0.3)
    imputer = AutoencoderImputer(n_estimators=1, max_epochs=5, random_state=0).fit(rows)
    first, second = imputer.sample(rows, 2, random_state=0)
    differ = (first.astype(object) != second.astype(object)).to_numpy()
    assert differ[:, 1].any()
    assert differ[:, 0].any()
    assert not differ[rows.notna().to_numpy()].any()


def test_contributions_of_a_detector_are_those_of_columns():
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=20, random_state=0).fit(X)
    odd = X.iloc[[0, 1]].copy()
    hidden_high = X["pay"].to_numpy()[:2] > 30
    odd["city"] = np.where(hidden_high, "Bonn", "Ulm")
    contributions = detector.feature_contributions(odd)
    assert contributions.columns.tolist() == X.columns.tolist()
    np.testing.assert_allclose(contributions.sum(axis=1), -detector.score_samples(odd), rtol=1e-6)


def test_a_category_that_fit_did_not_see_is_an_outlier_and_no_error():
    train = mixed_table(600)
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=20, random_state=0).fit(train)
    detector.set_threshold(false_positive_rate=0.01)
    new = mixed_table(200, seed=1)
    for column in ("job", "city"):
        changed = new.assign(**{column: "unheard of"})
        assert (detector.predict(changed) == -1).mean() > 0.95
        assert (detector.feature_contributions(changed).idxmax(axis=1) == column).mean() > 0.95


@pytest.mark.parametrize("role", ["transformer", "imputer", "classifier"])
def test_a_category_that_fit_did_not_see_is_no_error(role):
    changed = X.assign(city="unheard of")
    found = results(role, fitted(role), changed)
    assert len(found) == len(X)
    if role == "imputer":
        assert (found["city"] == "unheard of").all()


def test_samples_are_tables():
    estimator = AutoencoderTransformer(3, kind="variational", **FEW).fit(X)
    samples = estimator.sample(50, random_state=0)
    assert samples.dtypes.to_dict() == X.dtypes.to_dict()
    assert samples["job"].nunique() > 1
    pd.testing.assert_frame_equal(samples, estimator.sample(50, random_state=0))


def test_samples_have_the_distribution_of_the_fit():
    """Also where numbers have a peak, which no network with normal noise draws."""
    hours = np.where(np.arange(120) % 2, 40.0, X["age"])
    rows = X.assign(hours=hours)
    estimator = AutoencoderTransformer(3, kind="variational", **FEW).fit(rows)
    samples = estimator.sample(2000, random_state=0)
    assert abs((samples["hours"] == 40).mean() - (hours == 40).mean()) < 0.05
    np.testing.assert_allclose(
        samples["pay"].quantile([0.1, 0.5, 0.9]), X["pay"].quantile([0.1, 0.5, 0.9]), atol=1
    )


@pytest.mark.parametrize("kind", ["undercomplete", "denoising", "sparse", "contractive"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_kind_takes_tables(kind, missing):
    rows = mixed_table(missing=missing)
    estimator = AutoencoderTransformer(3, kind=kind, **FEW).fit(rows)
    assert np.isfinite(estimator.transform(rows)).all()
    assert np.isfinite(estimator.score_samples(rows)).all()


def test_a_single_column_may_have_a_loss_of_its_own():
    plain = fitted("transformer").transform(X)
    huber = fitted("transformer", loss={"pay": "huber"}).transform(X)
    assert np.abs(plain - huber).max() > 1e-3
    with pytest.raises(ValueError, match="loss names the column 'wage'"):
        fitted("transformer", loss={"wage": "huber"})
    with pytest.raises(
        ValueError, match=r"loss of column 'job' must be one of \['categorical_cross_entropy'\]"
    ):
        fitted("transformer", loss={"job": "huber"})
    with pytest.raises(ValueError, match="X holds numbers only"):
        fitted("transformer", X[["pay", "age"]], loss={"pay": "huber"})


def test_parameters_of_columns_can_be_searched():
    search = GridSearchCV(
        make_pipeline(AutoencoderTransformer(2, **FEW)),
        {"autoencodertransformer__columns__max_categories": [2, 3]},
        cv=2,
    ).fit(X)
    table = search.best_estimator_[-1].columns_
    assert table.n_features in (13, 14)


def test_counts_are_said_by_name():
    estimator = fitted("transformer", columns=Columns(count="children"))
    assert estimator.columns_.columns[5].role == "count"
    rebuilt = estimator.reconstruct(X)["children"]
    assert rebuilt.dtype == X["children"].dtype
    assert (rebuilt >= 0).all()


def test_a_recommender_refuses_columns_that_are_no_numbers_by_name():
    with pytest.raises((ValueError, TypeError), match="job"):
        AutoencoderRecommender(**FEW).fit(X)


@pytest.mark.parametrize("role", ["transformer", "classifier", "detector"])
def test_a_warm_start_and_a_partial_fit_go_on(role):
    again = fitted(role, warm_start=True).fit(X, Y)
    assert len(again.columns_.columns) == 7
    if hasattr(again, "partial_fit") and role != "classifier":
        clone(again).partial_fit(X).partial_fit(X.assign(city="new"))


def test_scores_weigh_rows():
    weight = np.where(X["job"] == "nurse", 5.0, 1.0)
    plain, weighted = fitted("transformer"), clone(ESTIMATORS["transformer"])
    weighted.fit(X, sample_weight=weight)
    assert np.abs(plain.transform(X) - weighted.transform(X)).max() > 1e-3


def test_an_interpolation_is_a_table():
    estimator = fitted("transformer")
    path, other = estimator.interpolate(X.iloc[:2], X.iloc[2:4], n_steps=4)
    assert path.columns.tolist() == other.columns.tolist() == X.columns.tolist()
    assert len(path) == 4
    pd.testing.assert_frame_equal(
        path.iloc[:1], estimator.reconstruct(X.iloc[:1]).reset_index(drop=True)
    )


@pytest.mark.parametrize("role", ESTIMATORS)
def test_a_graph_of_a_table_is_refused_by_the_name_of_a_column(role):
    with pytest.raises(ValueError, match="no numbers, such as 'job'"):
        skae.export.to_torch(fitted(role), METHOD[role])


def test_an_array_of_objects_takes_positions():
    rows = X[["pay", "job", "married"]].astype(object).to_numpy()
    estimator = fitted("transformer", rows, columns=Columns(categorical=[1], boolean=[2]))
    rebuilt = estimator.reconstruct(rows)
    assert isinstance(rebuilt, np.ndarray)
    assert set(rebuilt[:, 1]) <= set(rows[:, 1])
    imputer = AutoencoderImputer(
        n_estimators=1, columns=Columns(categorical=[1], boolean=[2]), **FEW
    )
    rows[3, 1] = None
    assert imputer.fit_transform(rows)[3, 1] in {"clerk", "driver", "nurse"}
    with pytest.raises(ValueError, match=r"could not convert|holds text"):
        fitted("transformer", rows)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (X.drop(columns="job"), "job"),
        (X.assign(more=1.0), "more"),
        (X[["job", *X.columns.drop("job")]], "same order"),
        (X.assign(job=1.0), "column 'job' holds 1.0 in row 0, a number"),
        (X.assign(pay="much"), "column 'pay' holds text, such as 'much'"),
        (X.assign(married="yes"), "column 'married' holds text"),
        (X.assign(pay=np.inf), "infinity, first in column 'pay', row 0"),
        (X.assign(job=None), "missing value, first in column 'job', row 0"),
    ],
)
def test_what_fit_did_not_see_is_named(changed, message):
    with pytest.raises(ValueError, match=message):
        fitted("transformer").transform(changed)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(categorical="wage"), "categorical of Columns names the column 'wage'"),
        (Columns(categorical="job", count="job"), "column 'job' in two roles"),
        (Columns(count="pay"), "column 'pay' is a count, but holds"),
        (Columns(numeric="job"), "column 'job' is to be number, but holds text"),
        (Columns(boolean="age"), "column 'age' is one of booleans, but holds"),
        (Columns(ordinal="job"), "column 'job' is ordinal, but its dtype has no order"),
        (Columns(ordinal={"job": ["nurse"]}), "which also holds"),
        (Columns(categorical=[True, False]), "a mask of 2 columns, but X has 7"),
        (Columns(unknown="guess"), "unknown of Columns"),
        (Columns(max_categories=0), "max_categories of Columns"),
        (Columns(min_frequency=-1), "min_frequency of Columns"),
        ("by magic", "columns must be one of"),
    ],
)
def test_what_columns_cannot_be_is_said(columns, message):
    with pytest.raises(ValueError, match=message):
        fitted("transformer", columns=columns)


def test_names_of_persons_are_no_categories():
    with pytest.raises(ValueError, match="column 'name' has 120 different values in 120 rows"):
        fitted("transformer", X.assign(name=[f"person {i}" for i in range(120)]))


def test_dates_are_refused_by_name():
    dated = X.assign(day=pd.date_range("2020", periods=120))
    with pytest.raises(ValueError, match=r"day.* holds dates"):
        fitted("transformer", dated)


def test_alerts_name_columns_values_and_what_was_expected():
    train = mixed_table(600)
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=30, random_state=0).fit(train)
    detector.set_threshold(false_positive_rate=0.01)
    new = mixed_table(50, seed=1).set_index(np.arange(100, 150))
    high = new["pay"] > 34
    wrong = new[high].assign(city="Bonn")  # Ulm is where the pay is high
    alerts = detector.alerts(wrong)
    first = alerts[alerts["feature_1"] == "city"]
    assert len(first) > 0.7 * len(wrong)
    assert set(first["value_1"]) == {"Bonn"}
    assert (first["expected_1"] == "Ulm").mean() > 0.8
    unseen = detector.alerts(new[:3].assign(job="pilot"), n_features=1)
    assert unseen["feature_1"].tolist() == ["job"] * 3
    assert unseen["value_1"].tolist() == ["unknown"] * 3
    assert detector.alerts(train[:5]).columns[:3].tolist() == [
        *("anomaly_score", "p_value", "feature_1")
    ]


def test_unknown_columns_are_drawn_given_the_known_ones():
    train = mixed_table(600)
    model = AutoencoderTransformer(3, kind="variational", max_epochs=60, random_state=0).fit(train)
    given = pd.DataFrame({"city": ["Bonn", "Ulm"]}, index=[7, 9])
    drawn = model.sample(200, random_state=0, given=given)
    assert drawn.dtypes.to_dict() == train.dtypes.to_dict()
    assert drawn.index.tolist() == [7] * 200 + [9] * 200
    assert (drawn.loc[7, "city"] == "Bonn").all()
    means = train.groupby("city")["pay"].mean()
    for place, city in ((7, "Bonn"), (9, "Ulm")):
        assert abs(drawn.loc[place, "pay"].mean() - means[city]) < 2
    nurses = (drawn["job"] == "nurse").groupby(drawn["city"]).mean()
    assert nurses["Ulm"] > nurses["Bonn"] + 0.3
    pd.testing.assert_frame_equal(drawn, model.sample(200, random_state=0, given=given))
    with pytest.raises(ValueError, match="given has the column 'town', which fit did not see"):
        model.sample(given=pd.DataFrame({"town": ["Bonn"]}))
    with pytest.raises(ValueError, match="given needs a kind whose codes are distributions"):
        fitted("transformer").sample(given=given)


def test_the_evidence_has_the_units_of_numbers_alone():
    rows = X[["pay", "job", "city"]]
    tenfold = rows.assign(pay=10 * rows["pay"])
    kind = {"kind": "variational", "precision": "float64"}
    small, large = fitted("transformer", rows, **kind), fitted("transformer", tenfold, **kind)
    np.testing.assert_allclose(small.elbo(rows) - large.elbo(tenfold), np.log(10), rtol=1e-6)
    bound = small.elbo(rows[["pay", "job", "city"]].assign(pay=rows["pay"]))
    assert bound.max() < 3  # log densities of pay are below 0; those of levels as well
