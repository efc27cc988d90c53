import numpy as np
from support.scores import N_COMPONENTS, N_FEATURES, drawn, fitted, lengths, parts

from skae.scores import Joint, Latent, Residual


def test_joint_is_both_lengths(network):
    seen_r, seen_codes = parts(network, drawn(300))
    X = drawn(20, seed=1)
    r, codes = parts(network, X)
    score, size = fitted(Joint(), network), N_FEATURES + N_COMPONENTS
    of_features = score.of_features(network, X, codes)
    of_code = score.of_code(network, X, codes)
    np.testing.assert_allclose(of_features.sum(1), lengths(seen_r, r) / size, rtol=1e-7)
    np.testing.assert_allclose(of_code, lengths(seen_codes, codes) / size, rtol=1e-7)
    whitened = score.residual_scatter_.whitened(r).numpy()
    np.testing.assert_allclose(of_features, np.square(whitened) / size, rtol=1e-10)
    together = (N_FEATURES * fitted(Residual(), network)(network, X)) + (
        N_COMPONENTS * fitted(Latent(), network)(network, X)
    )
    np.testing.assert_allclose(score(network, X), together / size, rtol=1e-10)
