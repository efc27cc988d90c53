import numpy as np
from support.scores import N_COMPONENTS, drawn, fitted, lengths, parts

from skae.scores import Latent


def test_latent_is_the_length_of_the_code(network):
    _, seen = parts(network, drawn(300))
    X = drawn(20, seed=1)
    _, codes = parts(network, X)
    score = fitted(Latent(), network)
    np.testing.assert_allclose(score(network, X), lengths(seen, codes) / N_COMPONENTS, rtol=1e-7)
    assert score.of_features(network, X, codes) is None
    assert score.of_code(network, X, codes).shape == (20,)
