"""Missing values and far values in the scores of fitted detectors."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import chi2
from sklearn.metrics import roc_auc_score
from support.combinations import slow_but

import skae
from skae import AutoencoderOutlierDetector
from skae._detection.scales import with_known_values
from skae.scores import SCORES, Score


class Saturating(Score):
    """A user's own score, which cannot exceed 1 and knows nothing of missing values."""

    def fit(self, residuals, codes):
        self.mean_ = residuals.mean(0)
        assert torch.isfinite(self.mean_).all()
        return self

    def of_features(self, network, X, codes):
        errors = (X - network.decode(codes)).double() - self.mean_
        total = torch.nan_to_num(errors).square().sum(1, keepdim=True)
        return torch.tanh(total).expand(X.shape) / X.shape[1]

    def of_code(self, network, X, codes):
        return None


def detector(**parameters):
    if parameters.get("scoring") == "elbo":
        parameters["kind"] = "variational"
    return AutoencoderOutlierDetector(**{"max_epochs": 3, "random_state": 0, **parameters})


def rows(n_rows, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 2)) @ [[1, 1, 2, 0], [0, 1, -1, 3]]
    X = X + 0.5 * rng.normal(size=X.shape)
    X[:, 3] = 5
    X[rng.random(X.shape) < missing] = np.nan
    return X


# Far values

SATURATING = Saturating()
SCORINGS, QUICK = [*SCORES, SATURATING], ["residual", SATURATING]


def far_rows(X):
    """Return rows with one value about one, two, ... widths outside of the range of its column."""
    low, high = np.nanmin(X[:, 1]), np.nanmax(X[:, 1])
    middle = np.tile(np.nanmedian(X, axis=0), (6, 1))
    distances = np.array([1.01, 2, 4, 100, 1e6, 1e12]) * (high - low)
    middle[:, 1] = high + distances
    return middle


@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("scoring", slow_but(QUICK, SCORINGS, str))
def test_far_values_are_outliers_in_every_scoring(scoring, novelty):
    X = rows(150)
    model = detector(scoring=scoring, novelty=novelty).fit(X)
    far = far_rows(X)
    scores = model.score_samples(far)
    assert (model.predict(far) == -1).all()
    assert (np.diff(scores) < 0).all()
    np.testing.assert_allclose(model.p_values(far), 1 / 151)
    contributions = model.feature_contributions(far[:3]).to_numpy()
    np.testing.assert_allclose(contributions.sum(axis=1), -scores[:3], rtol=1e-6)
    assert (contributions.argmax(axis=1) == 1).all()


@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
@pytest.mark.parametrize("scoring", slow_but(QUICK, SCORINGS, str))
def test_a_change_of_a_constant_column_is_an_outlier(scoring):
    X = rows(150)
    X[:, 2] = 0
    model = detector(scoring=scoring, novelty=True).fit(X)
    changed = np.tile(X[:1], (5, 1))
    changed[0, 3], changed[1, 3] = np.float32(5) * (1 + 1e-7), 5.001
    changed[2:, 2] = [1e-20, 1e-3, 1]
    np.testing.assert_array_equal(model.predict(changed), [1, -1, -1, -1, -1])
    scores = model.score_samples(changed)
    assert scores[4] < scores[3] < scores[2]


@pytest.mark.parametrize("n_estimators", [1, 3])
@pytest.mark.parametrize("n_rows", [5, 12, 600])
def test_with_few_rows_and_several_networks(n_rows, n_estimators):
    X = rows(n_rows)
    model = detector(n_estimators=n_estimators).fit(X)
    assert (model.predict(far_rows(X)) == -1).all()
    assert (model.predict(X) == 1).mean() > 0.6


def test_sparse_rows():
    X = np.random.default_rng(0).poisson(0.3, (120, 4)).astype(float)
    far = X[:3].copy()
    far[:, 1] = 30
    model = detector(novelty=True).fit(sp.csr_matrix(X))
    assert (model.predict(sp.csr_matrix(far)) == -1).all()


def test_far_values_of_incomplete_rows():
    X = rows(300, missing=0.3)
    X = X[with_known_values(X)]
    far = far_rows(X)
    far[:, [0, 2]] = np.nan
    model = detector(novelty=True).fit(X)
    assert (model.predict(far) == -1).all()
    assert (np.diff(model.score_samples(far)) < 0).all()


def test_outliers_among_the_training_rows_do_not_widen_the_range():
    X = rows(600)
    X[:3, 1] = [1e4, 2e4, -1e4]
    model = detector().fit(X)
    ranges = model._ensemble.members[0].ranges
    assert -20 < ranges.low[1] < ranges.high[1] < 20
    assert (model.predict(X[:3]) == -1).all()
    assert (model.predict(far_rows(X[3:])) == -1).all()


@pytest.mark.parametrize("tail", ["normal", "lognormal", "t"])
def test_ordinary_tails_are_in_the_range(tail):
    """Of the core alone, the range would end long before the tail does."""
    rng = np.random.default_rng(0)

    def drawn(n):
        if tail == "t":
            return rng.standard_t(3, (n, 3))
        normal = rng.normal(size=(n, 3))
        return np.exp(normal) if tail == "lognormal" else normal

    model = detector(max_epochs=1).fit(drawn(1000))
    new = drawn(5000)
    assert (model._ensemble.members[0].ranges.added(new) > 0).mean() < 0.01


def test_p_values_are_valid_if_calibration_rows_are_far_themselves():
    rng = np.random.default_rng(0)
    rates, n_far = [], 0
    for seed in range(6):
        X = rng.standard_cauchy((100, 4))
        model = detector(novelty=True, max_epochs=1, random_state=seed).fit(X)
        n_far += sum((member.ranges.added(X) > 0).sum() for member in model._ensemble.members)
        rates.append((model.p_values(rng.standard_cauchy((500, 4))) <= 0.1).mean())
    assert n_far > 6
    assert 0.05 < np.mean(rates) < 0.15


# Missing values


def gaussian(n_rows, seed, shift=0.0, most_missing=8):
    """Return rows with 0 to 8 of 10 values missing, and what an oracle makes of them.

    The oracle knows the distribution: it computes the Mahalanobis distance of the known values.
    """
    factor = np.random.default_rng(9).normal(size=(10, 3))
    covariance = factor @ factor.T + 0.5 * np.eye(10)
    rng = np.random.default_rng(seed)
    X = rng.multivariate_normal(np.zeros(10), covariance, n_rows)
    X[np.arange(n_rows), rng.integers(0, 10, n_rows)] += shift
    numbers = np.arange(n_rows) % (most_missing + 1)
    X[np.argsort(rng.random(X.shape), axis=1) < numbers[:, None]] = np.nan
    surprises = []
    for row in X:
        o = ~np.isnan(row)
        distance = row[o] @ np.linalg.solve(covariance[np.ix_(o, o)], row[o])
        surprises.append(-chi2.logsf(distance, o.sum()))
    return X, np.array(surprises), numbers


@pytest.fixture(scope="module")
def of_gaussian():
    X, *_ = gaussian(6000, 0)
    return detector(novelty=True, max_epochs=10).fit(X)


@pytest.mark.slow
def test_false_alarms_are_as_many_at_each_number_of_missing_values(of_gaussian):
    X, _, numbers = gaussian(9000, 1)
    alarms = of_gaussian.set_threshold(false_positive_rate=0.1).predict(X) == -1
    for found in (alarms, of_gaussian.p_values(X) <= 0.1):
        rates = [found[numbers == number].mean() for number in range(9)]
        assert 0.06 < min(rates) < max(rates) < 0.16


@pytest.mark.slow
def test_detection_is_that_of_an_oracle(of_gaussian):
    normal, anomalous = gaussian(2000, 1), gaussian(2000, 2, shift=4.0)
    X, oracle, _ = (np.concatenate(both) for both in zip(normal, anomalous, strict=True))
    y = np.repeat([0, 1], 2000)
    best = roc_auc_score(y, oracle)
    assert best > 0.75
    assert roc_auc_score(y, -of_gaussian.score_samples(X)) > best - 0.02


@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
@pytest.mark.parametrize("scoring", slow_but(QUICK, SCORINGS, str))
def test_all_methods_agree(scoring):
    X = rows(600, missing=0.3)
    X = X[with_known_values(X)]
    model = detector(scoring=scoring).fit(X).set_threshold(false_positive_rate=0.1)
    new = rows(400, 1, missing=0.3)
    new = new[with_known_values(new)]
    labels, scores = model.predict(new), model.score_samples(new)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(labels, np.where(scores < model.offset_, -1, 1))
    np.testing.assert_array_equal(labels == -1, model.p_values(new) <= 0.1)
    assert ((np.argsort(scores, kind="stable")[:20]) == np.lexsort((scores,))[:20]).all()
    contributions = model.feature_contributions(new).to_numpy()
    np.testing.assert_allclose(contributions.sum(axis=1), -scores, rtol=1e-6, atol=1e-9)
    p_values, order = model.p_values(new), np.argsort(scores, kind="stable")
    assert (np.diff(p_values[order]) >= 0).all()


@pytest.mark.parametrize("n_rows", [40, 600])
def test_a_row_without_any_known_value_is_ordinary(n_rows):
    X = rows(n_rows, missing=0.1)
    X[0] = np.nan
    with pytest.warns(UserWarning, match=rf"1 of {n_rows} rows of X have no known value"):
        model = detector().fit(X)
    # It calibrates nothing.
    assert len(model.calibration_scores_) in (39, 119, 120)
    unknown = np.vstack([X[1:3], np.full((1, 4), np.nan)])
    for method, expected in {"predict": 1, "p_values": 1.0, "decision_function": None}.items():
        with pytest.warns(UserWarning, match="1 of 3 rows of X have no known value"):
            found = getattr(model, method)(unknown)[-1]
        assert found == expected or expected is None
    with pytest.warns(UserWarning, match="no known value"):
        score = model.score_samples(unknown)[-1]
    assert score == pytest.approx(model.calibration_scores_.max())


def test_a_file_has_the_scales(tmp_path):
    X = rows(100, missing=0.2)
    X = X[with_known_values(X)]
    model = detector().fit(X)
    model.save(tmp_path / "model.skae")
    loaded = skae.load(tmp_path / "model.skae")
    new = np.vstack([X, far_rows(X)])
    np.testing.assert_array_equal(loaded.score_samples(new), model.score_samples(new))
    np.testing.assert_array_equal(loaded.p_values(new), model.p_values(new))
