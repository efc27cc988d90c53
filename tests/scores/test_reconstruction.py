import numpy as np
from support.scores import N_FEATURES, drawn, parts

from skae.scores import Reconstruction


def test_reconstruction_is_the_mean_squared_error(network):
    X = drawn(20, seed=1)
    r, _ = parts(network, X)
    score = Reconstruction()
    np.testing.assert_allclose(score(network, X), np.square(r.numpy()).mean(axis=1), rtol=1e-12)
    of_features = score.of_features(network, X, network.encode(X))
    np.testing.assert_allclose(of_features, np.square(r.numpy()) / N_FEATURES, rtol=1e-12)
    assert score.of_code(network, X, network.encode(X)) is None
