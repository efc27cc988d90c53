import numpy as np
from support.scores import N_FEATURES, drawn, fitted, lengths, parts

from skae.scores import Residual


def test_residual_is_the_length_of_the_residual(network):
    seen, _ = parts(network, drawn(300))
    X = drawn(20, seed=1)
    r, codes = parts(network, X)
    score = fitted(Residual(), network)
    np.testing.assert_allclose(score(network, X), lengths(seen, r) / N_FEATURES, rtol=1e-7)
    whitened = score.scatter_.whitened(r).numpy()
    of_features = score.of_features(network, X, codes)
    np.testing.assert_allclose(of_features, np.square(whitened) / N_FEATURES, rtol=1e-10)
    assert score.of_code(network, X, codes) is None
