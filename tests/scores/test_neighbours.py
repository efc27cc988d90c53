import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from support.scores import drawn, fitted, parts

from skae import AutoencoderOutlierDetector
from skae.kinds import Undercomplete
from skae.scores import Neighbours


@pytest.mark.parametrize("n_neighbors", [1, 5])
def test_score_is_the_squared_distance_to_a_training_row(n_neighbors, network):
    score = fitted(Neighbours(n_neighbors), network)
    X = drawn(20, seed=1)
    distances, _ = NearestNeighbors(n_neighbors=n_neighbors).fit(drawn(300)).kneighbors(X)
    np.testing.assert_allclose(score(network, X), distances[:, -1] ** 2, rtol=1e-7)
    assert score.of_features(network, X, parts(network, X)[1]) is None


def test_a_number_below_one_is_refused():
    with pytest.raises(ValueError, match="n_neighbors of Neighbours"):
        Neighbours(0).check(Undercomplete())


def test_training_rows_score_alike_in_fit_and_predict():
    X = np.random.default_rng(0).normal(size=(60, 4))
    detector = AutoencoderOutlierDetector(scoring="neighbours", max_epochs=2, random_state=0)
    labels = detector.fit_predict(X)
    np.testing.assert_array_equal(labels, detector.predict(X))
    assert (detector.score_samples(X) < 0).all()
