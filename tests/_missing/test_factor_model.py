import numpy as np
import torch
from sklearn.decomposition import PCA

from skae._missing.factor_model import FactorModel
from skae._missing.gaussian_fit import Sample


def sample_of(X):
    X = torch.as_tensor(X, dtype=torch.float64)
    return Sample(torch.nan_to_num(X), (~torch.isnan(X)).double(), torch.ones(len(X)).double())


def low_rank(n_rows=2000, n_features=60, rank=3, noise=0.3, share=0.0, seed=0):
    random = np.random.default_rng(seed)
    factor = random.normal(size=(n_features, rank)) / rank**0.5
    clean = random.normal(size=(n_rows, rank)) @ factor.T
    X = clean + noise * random.normal(size=clean.shape)
    return np.where(random.random(X.shape) < share, np.nan, X), clean


def fit(X, rank, n_iterations=40):
    return FactorModel.fit(sample_of(X), rank, torch.Generator().manual_seed(0), n_iterations)


def test_complete_rows_give_probabilistic_pca():
    """The covariance is that of scikit-learn's PCA; the priors weigh little on 2,000 rows."""
    X, _ = low_rank()
    model = fit(X, 3)
    covariance = model.factor @ model.factor.T + model.noise_variance * torch.eye(60)
    np.testing.assert_allclose(covariance, PCA(3).fit(X).get_covariance(), atol=0.02)
    np.testing.assert_allclose(model.noise_variance, 0.09, rtol=0.02)


def test_missing_entries_are_predicted_up_to_the_noise():
    X, clean = low_rank(share=0.7)
    missing = np.isnan(X)
    predicted = fit(X, 3).predict(sample_of(X)).numpy()
    error = np.sqrt(np.mean(np.square(predicted - clean)[missing]))
    assert error < 0.15  # half of the noise, and a tenth of the spread of the entries
    assert np.std(clean[missing]) > 0.9


def test_the_mean_is_found_though_values_are_missing_by_their_size():
    X, _ = low_rank(n_rows=4000)
    X = X + 0.5
    hidden = X[:, :1] > 0.5  # of the first feature's large values, the other half is hidden
    X[:, 30:] = np.where(hidden, np.nan, X[:, 30:])
    of_known = np.nanmean(X, axis=0) - 0.5
    found = fit(X, 3).mean.numpy() - 0.5
    assert np.abs(found[30:]).max() < 0.1 < np.abs(of_known[30:]).max()


def test_a_feature_with_few_values_is_not_fitted_to_them():
    """Three values can be met exactly by three factors; the prior keeps the factors small."""
    X, _ = low_rank()
    X[3:, 0], X[:3, 0] = np.nan, [-3.0, 3.0, 3.0]
    scores = np.linalg.svd(np.delete(X, 0, axis=1), full_matrices=False)[0][:3, :3] * 2000**0.5
    met = np.linalg.norm(np.linalg.solve(scores, X[:3, 0]))
    assert fit(X, 3).factor[0].norm() < 0.7 * met
