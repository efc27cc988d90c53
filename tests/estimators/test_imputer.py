import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import AutoencoderImputer
from skae.architectures import Convolutional
from skae.corruptions import Missing
from skae.kinds import Denoising


def hidden(X, share=0.5, seed=0):
    missing = np.random.RandomState(seed).uniform(size=X.shape) < share
    return np.where(missing, np.nan, X), missing


def correlated(n_rows=300, n_features=6, seed=0):
    random = np.random.RandomState(seed)
    clean = random.randn(n_rows, 2) @ random.randn(2, n_features)
    return clean + 0.2 * random.randn(n_rows, n_features) + np.arange(n_features)


COMPLETE = correlated()
X, MISSING = hidden(COMPLETE, 0.3)


def imputer(**parameters):
    settings = {"n_estimators": 1, "max_epochs": 3, "random_state": 0}
    return AutoencoderImputer(**{**settings, **parameters})


def error(imputed, complete=COMPLETE, missing=MISSING):
    return np.sqrt(np.mean(np.square(imputed - complete)[missing]))


@pytest.fixture(scope="module")
def fitted():
    return imputer().fit(X)


# What is imputed


def test_known_values_stay_as_they_are(fitted):
    assert np.array_equal(fitted.transform(X)[~MISSING], X[~MISSING])


def test_rows_without_missing_values_are_given_back(fitted):
    assert np.array_equal(fitted.transform(COMPLETE), COMPLETE)


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_better_than_mean_and_neighbours_on_real_data(load):
    complete = StandardScaler().fit_transform(load().data)
    incomplete, missing = hidden(complete)
    found = imputer(max_epochs=10).fit_transform(incomplete)
    by_neighbours = KNNImputer().fit_transform(incomplete)
    by_mean = SimpleImputer().fit_transform(incomplete)
    assert error(found, complete, missing) < 0.9 * error(by_neighbours, complete, missing)
    assert error(found, complete, missing) < 0.9 * error(by_mean, complete, missing)


def curved(n_rows=1500):
    """A noisy parabola, of which no straight line knows anything."""
    random = np.random.RandomState(0)
    t = random.uniform(-2, 2, size=n_rows)
    complete = np.column_stack([t, t**2, -t]) + 0.05 * random.randn(n_rows, 3)
    missing = np.zeros(complete.shape, dtype=bool)
    missing[:, 1] = random.uniform(size=n_rows) < 0.3
    return complete, missing


@pytest.mark.slow
def test_networks_correct_the_linear_part_where_relations_are_curved():
    complete, missing = curved()
    incomplete = np.where(missing, np.nan, complete)
    linear = imputer(max_epochs=1, learning_rate=1e-9).fit_transform(incomplete)
    found = imputer(max_epochs=60).fit_transform(incomplete)
    assert error(found, complete, missing) < 0.3 * error(linear, complete, missing)


def test_without_training_it_is_the_conditional_mean():
    """By the covariance of the complete rows, of which there are enough."""
    complete = correlated(n_rows=5000)
    incomplete, missing = hidden(complete, 0.2)
    found = imputer(max_epochs=1, learning_rate=1e-9).fit_transform(incomplete)
    mean, covariance = complete.mean(0), np.cov(complete.T)
    for row in range(50):
        known, gone = ~missing[row], missing[row]
        weights = covariance[gone][:, known] @ np.linalg.pinv(covariance[known][:, known])
        expected = mean[gone] + weights @ (complete[row, known] - mean[known])
        np.testing.assert_allclose(found[row, gone], expected, atol=0.1)


def test_new_rows_are_imputed_as_well_as_known_ones():
    """Nearly: the normal distribution knows the rows of the fit."""
    complete = correlated(n_rows=2000)
    incomplete, missing = hidden(complete, 0.3)
    fitted = imputer().fit(incomplete[:1000])
    old = error(fitted.transform(incomplete[:1000]), complete[:1000], missing[:1000])
    new = error(fitted.transform(incomplete[1000:]), complete[1000:], missing[1000:])
    assert new == pytest.approx(old, rel=0.1)


def test_a_fit_of_complete_rows_can_impute():
    found = imputer().fit(COMPLETE).transform(X)
    assert error(found) < 0.5 * error(np.broadcast_to(COMPLETE.mean(0), X.shape))


def test_units_of_the_features_do_not_matter_when_standardised():
    units = 10.0 ** np.arange(-6, 6, 2)
    found = imputer().fit_transform(X * units) / units
    np.testing.assert_allclose(found, imputer().fit_transform(X), atol=1e-3)
    unlike = imputer(standardize=False).fit_transform(X * units) / units
    assert not np.allclose(unlike, found, atol=1e-3)


def test_images_keep_their_axes():
    images = load_digits().images[:300]
    incomplete, missing = hidden(images, 0.3)
    fitted = imputer(architecture=Convolutional(channel_axis=None, channels=(4,))).fit(incomplete)
    with_axes = fitted.transform(incomplete)
    assert with_axes.shape == images.shape
    by_mean = SimpleImputer(keep_empty_features=True).fit_transform(incomplete.reshape(300, 64))
    assert error(with_axes, images, missing) < 0.8 * error(
        by_mean.reshape(images.shape), images, missing
    )


@pytest.mark.slow
def test_several_networks_are_averaged():
    complete, missing = curved()
    incomplete = np.where(missing, np.nan, complete)
    one = imputer(max_epochs=20).fit(incomplete)
    several = imputer(max_epochs=20, n_estimators=3).fit(incomplete)
    assert sorted(several.history_["network"].unique()) == [0, 1, 2]
    assert not np.allclose(several.transform(incomplete), one.transform(incomplete))
    means = [
        type(several._imputation)([network], None).means(incomplete, "cpu")
        for network in several._imputation.networks
    ]
    np.testing.assert_allclose(
        several.transform(incomplete)[missing], np.mean(means, axis=0)[missing], rtol=1e-6
    )


def test_bounds_are_kept():
    low, high = COMPLETE.min(0) + 1, 4.0
    found = imputer(min_value=low, max_value=high).fit_transform(X)
    free = imputer().fit_transform(X)
    assert (found[MISSING] >= np.broadcast_to(low, X.shape)[MISSING]).all()
    assert (found[MISSING] <= high).all()
    assert free[MISSING].max() > high
    assert np.array_equal(found[~MISSING], X[~MISSING])  # known values are what they are


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min_value": [0.0, 1.0]}, "min_value must be a number, or one number for each of the 6"),
        ({"max_value": np.nan}, "max_value must be a number, or one number for each of the 6"),
        ({"min_value": 2, "max_value": 1}, "min_value must not be above max_value"),
    ],
)
def test_bounds_out_of_range_are_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        imputer(**bounds).fit(X)


def test_a_series_of_bounds_goes_by_its_index():
    bounds = np.arange(-10.0, -4.0)
    frame, named = pd.DataFrame(X, columns=list("abcdef")), pd.Series(bounds, index=list("abcdef"))
    rows, numbered = frame.iloc[:60], pd.Series(bounds)
    for series, given in [
        (named.iloc[::-1], rows),
        (numbered, rows),
        (numbered.iloc[::-1], rows.to_numpy()),
    ]:
        fitted = imputer(min_value=series, max_epochs=1).fit(given)
        assert np.array_equal(fitted._bounds[0], bounds)


@pytest.mark.parametrize("index", ["abcdex", "abcde", "abcdee"])
def test_a_series_of_bounds_that_misses_a_feature_is_refused(index):
    bounds = pd.Series(np.zeros(len(index)), index=list(index))
    with pytest.raises(ValueError, match="max_value is a Series, whose index must hold the name"):
        imputer(max_value=bounds).fit(pd.DataFrame(X, columns=list("abcdef")))


def test_other_kinds_can_be_asked_for():
    found = imputer(kind=Denoising(Missing(0.3)), n_components=3).fit(X)
    assert found.n_components_ == 3
    assert error(found.transform(X)) < 0.5 * COMPLETE.std()


# What stands for a missing value


@pytest.mark.parametrize("marker", [-1, -999.0, 0])
def test_a_marker_stands_for_missing_values(marker):
    marked = np.where(MISSING, marker, np.round(COMPLETE * 100) + 10_000)
    as_nan = np.where(MISSING, np.nan, np.round(COMPLETE * 100) + 10_000)
    found = imputer(missing_values=marker).fit_transform(marked)
    assert np.array_equal(found, imputer().fit_transform(as_nan))
    assert np.array_equal(imputer(missing_values=marker).fit_transform(marked.astype(int)), found)


def test_nan_beside_a_marker_is_refused():
    with pytest.raises(ValueError, match=r"contains NaN, but missing_values=-1 marks"):
        imputer(missing_values=-1).fit(X)


@pytest.mark.parametrize(
    ("marker", "remedy"),
    [
        (pd.NA, "pandas.NA in X are missing values already"),
        (None, "leave it at numpy.nan"),
        ("?", r"X.replace\('\?', numpy.nan\).astype\(float\)"),
    ],
)
def test_markers_that_are_no_numbers_are_refused_with_a_remedy(marker, remedy):
    with pytest.raises(ValueError, match=f"missing_values must be a number, got .*{remedy}"):
        imputer(missing_values=marker).fit(X)
    assert not imputer(missing_values=marker).__sklearn_tags__().input_tags.allow_nan


def test_pandas_na_is_a_missing_value():
    objects = pd.DataFrame(np.where(MISSING, pd.NA, COMPLETE.astype(object)))
    found, expected = (imputer().fit_transform(rows) for rows in (objects, X))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_tags_tell_whether_nan_is_taken():
    assert AutoencoderImputer().__sklearn_tags__().input_tags.allow_nan
    assert not AutoencoderImputer(missing_values=-1).__sklearn_tags__().input_tags.allow_nan


def test_sparse_matrices_hold_zeros():
    zeros = np.where(np.abs(X) < 0.5, 0, X)
    found = imputer().fit_transform(sp.csr_matrix(zeros))
    np.testing.assert_allclose(found, imputer().fit_transform(zeros), rtol=1e-4, atol=1e-4)


# Features without any value


def with_empty():
    return np.insert(X, 2, np.nan, axis=1)


def test_empty_features_are_left_out():
    with pytest.warns(UserWarning, match=r"Skipping features without any .* value: \['x2'\]"):
        fitted = imputer().fit(with_empty())
    assert fitted.n_features_in_ == 7
    assert np.array_equal(fitted.transform(with_empty()), imputer().fit_transform(X))
    assert list(fitted.get_feature_names_out()) == ["x0", "x1", "x3", "x4", "x5", "x6"]


def test_empty_features_are_kept_as_zeros():
    fitted = imputer(keep_empty_features=True).fit(with_empty())
    found = fitted.transform(with_empty())
    assert np.array_equal(np.delete(found, 2, axis=1), imputer().fit_transform(X))
    assert (found[:, 2] == 0).all()
    assert len(fitted.get_feature_names_out()) == 7


def test_known_values_of_empty_features_stay():
    fitted = imputer(keep_empty_features=True, sample_posterior=True).fit(with_empty())
    new = with_empty()
    new[:5, 2] = np.arange(5)
    found = fitted.transform(new)
    assert found[:5, 2].tolist() == [0, 1, 2, 3, 4]
    assert (found[5:, 2] == 0).all()


def test_features_with_values_in_rows_of_weight_zero_only_are_empty():
    rows, weight = with_empty(), np.ones(300)
    rows[:9, 2], weight[:9] = 1.0, 0
    with pytest.warns(UserWarning, match="Skipping features"):
        assert imputer().fit(rows, sample_weight=weight).transform(rows).shape == (300, 6)


def test_tables_without_any_value_are_refused():
    with pytest.raises(ValueError, match="no known value at all"):
        imputer().fit(np.full((10, 3), np.nan))


def test_places_of_images_without_any_value_are_refused():
    images = load_digits().images[:50].copy()
    images[:, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"no known value in 1 places of its samples"):
        imputer().fit(images)


# The indicator, names, containers


def test_indicator_columns_follow():
    fitted = imputer(add_indicator=True).fit(X)
    found = fitted.transform(X)
    assert found.shape == (300, 12)
    assert np.array_equal(found[:, 6:], MISSING)
    assert np.array_equal(found[:, :6], imputer().fit_transform(X))
    assert list(fitted.get_feature_names_out()[5:7]) == ["x5", "missingindicator_x0"]


def test_data_frames_come_back_with_names():
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(300) + 7)
    found = imputer(add_indicator=True).set_output(transform="pandas").fit_transform(frame)
    assert list(found.columns[:7]) == [*"abcdef", "missingindicator_a"]
    assert list(found.index[:2]) == [7, 8]


@pytest.mark.slow
def test_in_a_pipeline_and_a_search():
    y = COMPLETE[:, 0] > np.median(COMPLETE[:, 0])
    pipeline = make_pipeline(imputer(), StandardScaler(), LogisticRegression())
    grid = {"autoencoderimputer__kind": ["auto"], "autoencoderimputer__n_components": [2, 4]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_score_ > 0.8


# Weights


def test_rows_of_weight_zero_do_not_count():
    wild, weight = np.vstack([X, 100 + X[:50]]), np.r_[np.ones(300), np.zeros(50)]
    found = imputer().fit(wild, sample_weight=weight)
    fitted = imputer().fit(X)
    np.testing.assert_allclose(found.transform(X), fitted.transform(X), atol=1e-3)
    draws = [m.sample(X, 2, random_state=0) for m in (found, fitted)]
    np.testing.assert_allclose(*draws, atol=0.01)


def test_rows_of_small_weight_count_little():
    """The relation of the other rows is the opposite one."""
    opposite = X.copy()
    opposite[:, 0] = 2 * COMPLETE[:, 0].mean() - opposite[:, 0]
    both, weight = np.vstack([X, opposite]), np.repeat([1.0, 1e-3], 300)
    weighted, plain = imputer().fit(both, sample_weight=weight), imputer().fit(both)
    expected = error(imputer().fit_transform(X))
    assert error(weighted.transform(X)) == pytest.approx(expected, rel=0.1)
    assert error(plain.transform(X)) > 1.2 * expected
    spread = [m.sample(X, 9, random_state=0).std(axis=0)[MISSING].mean() for m in (weighted, plain)]
    assert spread[0] < 0.8 * spread[1]


# Draws


@pytest.mark.parametrize("n_rows", [20, pytest.param(40, marks=pytest.mark.slow)])
def test_draws_of_few_rows_hold_the_values(n_rows):
    """The range of 19 draws holds nine values in ten; known parameters would hold 0.74 and 0.83."""
    held = []
    for seed in range(6):
        complete = correlated(n_rows, n_features=4, seed=seed)
        incomplete, missing = hidden(complete, 0.3, seed=seed)
        fitted = imputer(max_epochs=1, random_state=seed).fit(incomplete)
        draws = fitted.sample(incomplete, n_draws=19, random_state=seed)[:, missing]
        values = complete[missing]
        held.append((draws.min(axis=0) <= values) & (values <= draws.max(axis=0)))
    assert np.concatenate(held).mean() == pytest.approx(0.9, abs=0.07)


def test_draws_share_their_parameters():
    """In one draw, rows with the same known values deviate to the same side."""
    complete = correlated(n_rows=25)
    complete[:, 0] = complete[:, 1:].sum(axis=1) + np.random.RandomState(0).randn(25)
    incomplete = complete.copy()
    incomplete[::2, 0] = np.nan
    new = np.repeat(incomplete[2:3], 4000, axis=0)
    draws = imputer().fit(incomplete).sample(new, n_draws=20, random_state=0)[:, :, 0]
    of_parameters = draws.mean(axis=1).std()
    assert 0.1 * draws.std() < of_parameters < 0.8 * draws.std()


def test_errors_are_measured_when_they_are_asked_for():
    fitted = imputer().fit(X)
    fitted.transform(X)
    assert fitted._imputation._sample is not None
    copied = pickle.loads(pickle.dumps(fitted))
    found = fitted.sample(X, 2, random_state=0)
    assert fitted._imputation._sample is None
    assert np.array_equal(found, fitted.sample(X, 2, random_state=0))
    assert np.array_equal(found, copied.sample(X, 2, random_state=0))
    assert copied._imputation._sample is None


def test_files_hold_the_errors_instead_of_rows(tmp_path):
    fitted = imputer(sample_posterior=True).fit(X)
    fitted.save(tmp_path / "imputer")
    assert fitted._imputation._sample is None
    loaded = skae.load(tmp_path / "imputer")
    assert np.array_equal(loaded.sample(X, 3, random_state=0), fitted.sample(X, 3, random_state=0))
    assert np.array_equal(loaded.transform(X), fitted.transform(X))


def test_draws_spread_as_errors_do():
    """Errors of the mean and of draws around it: of both together twice the variance."""
    complete = correlated(n_rows=1000)
    incomplete, missing = hidden(complete, 0.3)
    fitted = imputer().fit(incomplete)
    found = error(fitted.transform(incomplete), complete, missing)
    draws = fitted.sample(incomplete, n_draws=50, random_state=0)
    assert error(draws[0], complete, missing) == pytest.approx(2**0.5 * found, rel=0.1)
    assert error(draws.mean(axis=0), complete, missing) == pytest.approx(found, rel=0.05)
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    within = (low < complete) & (complete < high)
    assert within[missing].mean() == pytest.approx(0.9, abs=0.04)


def test_draws_keep_the_relations_of_missing_values():
    """Two copies of a feature that are missing together are drawn alike."""
    complete = correlated(n_rows=500)
    complete = np.column_stack([complete, complete[:, 0] + 0.01 * np.sin(np.arange(500))])
    incomplete = complete.copy()
    incomplete[::2][:, [0, 6]] = np.nan
    draw = imputer().fit(incomplete).sample(incomplete, n_draws=1, random_state=0)[0, ::2]
    assert np.std(draw[:, 0] - draw[:, 6]) < 0.1 * np.std(draw[:, 0] - complete[::2, 0])


def test_known_values_are_not_drawn(fitted):
    draws = fitted.sample(X, n_draws=3, random_state=0)
    assert draws.shape == (3, 300, 6)
    assert np.array_equal(draws[:, ~MISSING], np.broadcast_to(X[~MISSING], (3, (~MISSING).sum())))
    assert not np.array_equal(draws[0], draws[1])
    assert np.array_equal(draws, fitted.sample(X, n_draws=3, random_state=0))


def test_sample_posterior_draws_in_transform(fitted):
    drawing = imputer(sample_posterior=True).fit(X)
    first = drawing.transform(X)
    assert np.array_equal(first, drawing.transform(X))
    assert not np.allclose(first[MISSING], fitted.transform(X)[MISSING])
    other = imputer(sample_posterior=True, random_state=1).fit(X)
    assert not np.allclose(first[MISSING], other.transform(X)[MISSING])


def test_draws_of_transform_take_rows_as_they_were_given():
    """Validated once: the marker is replaced, and the names of the frame have been checked."""
    frame = pd.DataFrame(np.where(MISSING, -1, np.abs(X)), columns=list("abcdef"))
    drawing = imputer(sample_posterior=True, missing_values=-1).fit(frame)
    found = drawing.transform(frame)
    assert found.shape == X.shape
    assert np.array_equal(found[~MISSING], np.abs(X)[~MISSING])


@pytest.mark.parametrize("n_draws", [0, 1.5, True, "5"])
def test_number_of_draws_is_checked(fitted, n_draws):
    with pytest.raises(ValueError, match="n_draws must be an integer >= 1"):
        fitted.sample(X, n_draws=n_draws)


def test_transform_draws_nothing(fitted):
    assert np.array_equal(fitted.transform(X), fitted.transform(X))
    np.testing.assert_allclose(fitted.transform(X)[7:8], fitted.transform(X[7:8]), rtol=1e-4)
