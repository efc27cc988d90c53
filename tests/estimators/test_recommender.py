import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.decomposition import NMF, TruncatedSVD
from sklearn.model_selection import GridSearchCV

from skae import AutoencoderRecommender, load
from skae._recommendation.hiding import hide_some
from skae._recommendation.ranking import best_items, ndcg
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
    everybody = np.arange(len(TABLE))
    assert fitted.score(held_out, users=everybody) == pytest.approx(expected, abs=1e-4)
    with pytest.raises(ValueError, match="X must have a row for each of the 400 users, got 10"):
        fitted.score(held_out[:10], users=everybody)


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


# --- clicks


def clicks_of_tastes(n_users=500, n_items=80, seed=0):
    """Return clicks drawn by tastes of three factors and popularity."""
    random = np.random.default_rng(seed)
    tastes = random.normal(size=(n_users, 3)) @ random.normal(size=(3, n_items))
    chances = np.exp(1.2 * tastes + random.normal(size=n_items))
    clicks = np.zeros((n_users, n_items))
    for user, weights in enumerate(chances):
        n_clicks, weights = random.integers(8, 20), weights / weights.sum()
        clicks[user, random.choice(n_items, n_clicks, replace=False, p=weights)] = 1
    return clicks


CLICKS = clicks_of_tastes()
OLD, NEW = CLICKS[:400], CLICKS[400:]


@pytest.fixture(scope="module")
def clicked():
    return AutoencoderRecommender(feedback="implicit", random_state=0).fit(OLD)


def quality(scores, shown, hidden):
    items, _ = best_items(scores, shown, 20)
    return ndcg(items, hidden).mean()


def test_hidden_clicks_of_new_users_are_found(clicked):
    shown, hidden = hide_some(sp.csr_matrix(NEW))
    found = quality(clicked.predict_all(shown), shown, hidden)
    assert clicked.score(NEW) == pytest.approx(found)
    popular = quality(np.tile(OLD.sum(axis=0), (len(NEW), 1)), shown, hidden)
    # EASE: the closed form of the best linear item-item model without a diagonal (Steck 2019).
    inverse = np.linalg.inv(OLD.T @ OLD + 100 * np.eye(80))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    linear = quality(shown @ weights, shown, hidden)
    assert found > 1.3 * popular
    assert found > 0.98 * linear


def test_zeros_are_unknown_whether_stored_or_not(clicked):
    places = np.nonzero(np.ones_like(OLD))
    stored = sp.csr_matrix((OLD.ravel(), places), shape=OLD.shape)
    assert stored.nnz == OLD.size
    counts = np.where(OLD > 0, 3.0, np.nan)
    for table in (stored, counts):
        again = AutoencoderRecommender(feedback="implicit", random_state=0).fit(table)
        np.testing.assert_allclose(again.predict_all(), clicked.predict_all(), atol=1e-6)


def test_known_items_are_left_out_unless_asked_for(clicked):
    items, chances = clicked.recommend(n_items=5)
    assert items.shape == chances.shape == (400, 5)
    assert not np.take_along_axis(OLD, items, axis=1).any()
    with_known, _ = clicked.recommend(n_items=5, exclude_known=False)
    assert np.take_along_axis(OLD, with_known, axis=1).any()
    np.testing.assert_allclose(clicked.predict_all().sum(axis=1), 1, rtol=1e-5)


def test_a_user_without_clicks_gets_what_is_popular(clicked):
    items, _ = clicked.recommend(X=np.zeros((1, 80)), n_items=3)
    assert items[0].tolist() == np.argsort(-OLD.sum(axis=0), kind="stable")[:3].tolist()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"loss": "mse"}, "feedback='implicit' has the multinomial likelihood, got loss='mse'"),
        ({"rating_range": (0, 1)}, "predicts probabilities and no ratings, got rating_range"),
        ({"by": "item"}, "distributes the clicks of a user over the items, got by='item'"),
        ({"kind": Denoising("missing")}, "takes what is unknown for zero and not for missing"),
    ],
)
def test_what_means_nothing_for_clicks_is_refused(parameters, said):
    with pytest.raises(ValueError, match=said):
        AutoencoderRecommender(feedback="implicit", **parameters).fit(OLD)
    with pytest.raises(ValueError, match="needs clicks or counts, none of them negative"):
        AutoencoderRecommender(feedback="implicit").fit(-OLD)
    with pytest.raises(ValueError, match="loss='multinomial' is for clicks"):
        AutoencoderRecommender(loss="multinomial").fit(TABLE)


def test_clicks_are_saved(clicked, tmp_path):
    clicked.save(tmp_path / "model.skae")
    loaded = load(tmp_path / "model.skae")
    np.testing.assert_array_equal(loaded.predict_all(NEW), clicked.predict_all(NEW))
    assert loaded.score(NEW) == clicked.score(NEW)


# --- users and items by name, new users, searches


def test_users_and_items_are_known_by_name():
    frame = pd.DataFrame(TABLE[:60])
    frame.index, frame.columns = [f"u{i}" for i in range(60)], [f"i{i}" for i in frame.columns]
    model = recommender(max_epochs=2).fit(frame)
    positions, expected = recommender(max_epochs=2).fit(TABLE[:60]).recommend([3, 5], 4)
    items, ratings = model.recommend(["u3", "u5"], 4)
    assert items.tolist() == [[f"i{i}" for i in row] for row in positions]
    np.testing.assert_allclose(ratings, expected)
    by_name = model.predict_ratings(["u3"], [items[0, 0]])
    np.testing.assert_allclose(by_name, ratings[0, :1], rtol=1e-6)
    with pytest.raises(ValueError, match="users must be labels of the table of fit, such as 'u0'"):
        model.recommend(["nobody"])
    with pytest.raises(ValueError, match="the items of fit, in the same order, but some are miss"):
        model.recommend(X=frame.iloc[:2, ::-1])


def test_new_users_are_recommended_by_their_rows(fitted):
    if fitted.by == "item":
        with pytest.raises(ValueError, match="use by='user' for new users"):
            fitted.recommend(X=TABLE[:2])
        return
    items, ratings = fitted.recommend(X=TABLE[:2], n_items=3)
    expected = fitted.recommend([0, 1], n_items=3)
    np.testing.assert_array_equal(items, expected[0])
    np.testing.assert_allclose(ratings, expected[1], rtol=1e-5)
    with pytest.raises(ValueError, match="give only one"):
        fitted.recommend([0], X=TABLE[:2])


def test_a_cold_user_gets_the_means_of_the_items():
    table = TABLE.copy()
    table[0] = np.nan
    means = np.nanmean(table, axis=0)
    for by in ("user", "item"):
        found = recommender(by=by).fit(table).predict_all()[0]
        assert np.corrcoef(found, means)[0, 1] > 0.9, by


@pytest.mark.parametrize("n_users", [60, 61])
def test_a_search_scores_new_users_by_their_hidden_ratings(n_users):
    """Also where both folds have equally many users."""
    search = GridSearchCV(recommender(max_epochs=5), {"n_components": [1, 2]}, cv=2)
    search.fit(TABLE[:n_users])
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    half = -(-n_users // 2)
    model = recommender(max_epochs=5, n_components=1).fit(TABLE[half:n_users])
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(
        model.score(TABLE[:half]), abs=1e-6
    )
