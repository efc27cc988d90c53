import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.decomposition import NMF, TruncatedSVD

from skae import AutoencoderRecommender
from skae.kinds import Denoising

NOISE = 0.3


def simulated(n_users=400, n_items=60, share=0.4, rank=2, seed=0):
    """Ratings with biases, a few factors and noise; the known ones, and all."""
    random = np.random.default_rng(seed)
    users, items = random.normal(size=(n_users, rank)), random.normal(size=(n_items, rank))
    biases = 0.4 * random.normal(size=(n_users, 1)) + 0.6 * random.normal(size=n_items)
    ratings = 3.5 + biases + users @ items.T / rank**0.5
    ratings = ratings + NOISE * random.normal(size=ratings.shape)
    known = random.random(ratings.shape) < share
    return np.where(known, ratings, np.nan), ratings, known


TABLE, RATINGS, KNOWN = simulated()
SPARSE = sp.csr_matrix((TABLE[KNOWN], np.nonzero(KNOWN)), shape=TABLE.shape)


def recommender(**parameters):
    settings = {"max_epochs": 3, "rating_range": None, "random_state": 0}
    return AutoencoderRecommender(**{**settings, **parameters})


def error(predicted, where=~KNOWN):
    return np.sqrt(np.mean(np.square(predicted - RATINGS)[where]))


@pytest.fixture(params=["user", "item"], scope="module")
def fitted(request):
    return recommender(by=request.param).fit(TABLE)


def test_unknown_ratings_are_predicted_up_to_the_noise(fitted):
    """With 24 ratings and three numbers to be learned for each user, 6% above it at best."""
    assert NOISE < error(fitted.predict_all()) < 1.15 * NOISE


def test_better_than_what_takes_the_unknown_for_zero(fitted):
    zeros = np.where(KNOWN, TABLE, 0)
    nmf = NMF(3, max_iter=500, random_state=0).fit(np.maximum(zeros, 0))
    by_nmf = nmf.transform(np.maximum(zeros, 0)) @ nmf.components_
    centre = np.nanmean(TABLE, axis=0)
    svd = TruncatedSVD(3, random_state=0).fit(np.where(KNOWN, TABLE - centre, 0))
    by_svd = svd.inverse_transform(svd.transform(np.where(KNOWN, TABLE - centre, 0))) + centre
    assert error(fitted.predict_all()) < 0.6 * min(error(by_nmf), error(by_svd))


def test_dense_and_sparse_tables_say_the_same(fitted):
    other = recommender(by=fitted.by).fit(SPARSE)
    assert np.array_equal(other.predict_all(), fitted.predict_all())


@pytest.mark.slow
def test_zeros_that_are_held_are_ratings():
    """Half of the ratings are zero, and predicted as such; absent entries are not."""
    random = np.random.default_rng(0)
    signs = np.where(np.outer(random.normal(size=200), random.normal(size=30)) > 0, 2.0, 0.0)
    rows, columns = np.nonzero(random.random(signs.shape) < 0.5)
    held = sp.csr_matrix((signs[rows, columns], (rows, columns)), shape=signs.shape)
    assert (held.data == 0).any()
    predicted = recommender().fit(held).predict_all()
    assert np.mean((predicted > 1) == (signs > 1)) > 0.9


def test_pairs_are_those_of_the_whole_table(fitted):
    users, items = np.random.default_rng(0).integers(0, 60, size=(2, 500))
    np.testing.assert_allclose(
        fitted.predict_ratings(users, items), fitted.predict_all()[users, items], rtol=1e-4
    )


def test_pairs_are_predicted_in_blocks(fitted, monkeypatch):
    users, items = np.random.default_rng(0).integers(0, 60, size=(2, 100))
    expected = fitted.predict_ratings(users, items)
    monkeypatch.setattr("skae.estimators.recommender._ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(fitted.predict_ratings(users, items), expected, rtol=1e-4)


def test_recommended_are_the_best_that_are_not_rated(fitted):
    predicted = np.where(KNOWN, -np.inf, fitted.predict_all())
    items, ratings = fitted.recommend([5, 3], n_items=4)
    for user, of_user, of_ratings in zip([5, 3], items, ratings, strict=True):
        assert of_user.tolist() == np.argsort(-predicted[user])[:4].tolist()
        np.testing.assert_allclose(of_ratings, predicted[user, of_user], rtol=1e-4)


def test_where_all_is_rated_nothing_is_recommended():
    table = TABLE.copy()
    table[0] = RATINGS[0]
    table[0, 7] = np.nan
    items, ratings = recommender().fit(table).recommend([0], n_items=3)
    assert items.tolist() == [[7, -1, -1]]
    assert np.isnan(ratings[0, 1:]).all()


def test_new_users_are_predicted_as_well_as_old_ones():
    fitted = recommender().fit(TABLE[:300])
    predicted = fitted.predict_all(TABLE[300:])
    old, new = slice(300), slice(300, 400)
    of_new = np.sqrt(np.mean(np.square(predicted - RATINGS[new])[~KNOWN[new]]))
    of_old = np.sqrt(np.mean(np.square(fitted.predict_all() - RATINGS[old])[~KNOWN[old]]))
    assert of_new == pytest.approx(of_old, rel=0.15)


def test_a_user_without_ratings_gets_the_biases():
    fitted = recommender().fit(TABLE)
    nothing = fitted.predict_all(np.full((1, 60), np.nan))
    assert np.corrcoef(nothing[0], fitted.biases_)[0, 1] > 0.99
    assert np.corrcoef(fitted.biases_, RATINGS.mean(axis=0))[0, 1] > 0.9


def test_items_know_the_users_of_the_fit_only():
    fitted = recommender(by="item").fit(TABLE)
    with pytest.raises(ValueError, match="by='item' predicts ratings of the 400 users of fit only"):
        fitted.predict_all(TABLE[:10])


def test_predictions_are_clipped(fitted):
    low, high = np.nanmin(TABLE), np.nanmax(TABLE)
    assert recommender(rating_range="observed").fit(TABLE).rating_range_ == (low, high)
    predicted = recommender(by=fitted.by, rating_range=(3, 4)).fit(TABLE).predict_all()
    np.testing.assert_allclose(predicted, np.clip(fitted.predict_all(), 3, 4))


@pytest.mark.parametrize("bad", ["all", (1,), (5, 1), (2, 2), (1, "5"), 5, (0, np.nan)])
def test_ranges_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="rating_range must be 'observed', None or a pair"):
        recommender(rating_range=bad).fit(TABLE)


def test_score_is_the_explained_fraction_of_held_out_ratings(fitted):
    held_out = np.where(KNOWN, np.nan, RATINGS)
    away = (RATINGS - TABLE[KNOWN].mean())[~KNOWN]
    expected = 1 - error(fitted.predict_all()) ** 2 / np.mean(away**2)
    assert fitted.score(held_out) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ValueError, match="of the 400 users of fit"):
        fitted.score(held_out[:10])


@pytest.mark.slow
def test_networks_learn_what_is_not_linear():
    """Users like what is near to them on a ring, of which two factors know little."""
    random = np.random.default_rng(0)
    users, items = (random.uniform(0, 2 * np.pi, size=n) for n in (700, 45))
    ratings = np.exp(3 * np.cos(users[:, None] - items) - 3) * 4
    known = random.random(ratings.shape) < 0.5
    table = np.where(known, ratings, np.nan)
    settings = {"n_components": 2, "rating_range": None, "random_state": 0}
    linear = AutoencoderRecommender(max_epochs=1, learning_rate=1e-9, **settings).fit(table)
    trained = AutoencoderRecommender(max_epochs=50, **settings).fit(table)
    errors = [np.mean(np.square(r.predict_all() - ratings)[~known]) for r in (linear, trained)]
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.slow
def test_several_networks_are_averaged():
    one, two = (recommender(n_estimators=n, init="random").fit(TABLE) for n in (1, 2))
    assert sorted(two.history_["network"].unique()) == [0, 1]
    assert not np.allclose(one.predict_all(), two.predict_all())


def test_other_kinds_can_be_asked_for():
    fitted = recommender(kind=Denoising("missing"), n_components=2).fit(TABLE)
    assert fitted.n_components_ == 2


def test_ratings_are_kept_in_pickles(fitted):
    loaded = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(loaded.predict_all(), fitted.predict_all())


def test_data_frames(fitted):
    frame = pd.DataFrame(TABLE, columns=[f"film {i}" for i in range(60)])
    other = recommender(by=fitted.by).fit(frame)
    assert other.feature_names_in_[3] == "film 3"
    assert np.array_equal(other.predict_all(), fitted.predict_all())


def test_users_and_items_without_ratings_are_no_error(fitted):
    empty = TABLE.copy()
    empty[7], empty[:, 9] = np.nan, np.nan
    assert np.isfinite(recommender(by=fitted.by).fit(empty).predict_all()).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.full((5, 4), np.nan), "at least two known ratings, got 0"),
        (sp.csr_matrix((5, 4)), "at least two known ratings, got 0"),
        (np.ones((5, 4, 3)), "must be a table of users and items"),
        (np.where(KNOWN, np.inf, 1), "infinity"),
    ],
)
def test_tables_that_are_none_are_refused(table, message):
    with pytest.raises(ValueError, match=message):
        recommender().fit(table)


@pytest.mark.parametrize(
    ("users", "items", "message"),
    [
        ([400], [0], r"users must be in 0 ... 399, got 400"),
        ([0], [-1], r"items must be in 0 ... 59, got -1"),
        ([0.5], [0], "users must be integers"),
        ([0, 1], [0], "users and items must have the same length, got 2 and 1"),
        (
            [[0]],
            [0],
            "users must be integers in one dimension, got dtype int64",
        ),
    ],
)
def test_places_that_are_none_are_refused(fitted, users, items, message):
    with pytest.raises(ValueError, match=message):
        fitted.predict_ratings(users, items)


@pytest.mark.parametrize("n_items", [0, 1.5, True])
def test_number_of_items_is_checked(fitted, n_items):
    with pytest.raises(ValueError, match="n_items must be an integer >= 1"):
        fitted.recommend([0], n_items=n_items)
