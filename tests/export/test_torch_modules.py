"""What the modules of graphs compute, without a graph, beside the methods of the estimators."""

import numpy as np
import pytest
import torch

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._data.scaling import Scaling
from skae.architectures import Dense
from skae.export.methods import METHODS, module_of
from skae.export.torch_modules import Scaled, Unscaled, _n_below

SETTINGS = {"architecture": Dense((8,)), "max_epochs": 3, "random_state": 0}
FACTORIES = {
    AutoencoderTransformer: lambda **p: AutoencoderTransformer(2, **p),
    AutoencoderClassifier: lambda **p: AutoencoderClassifier(2, **p),
    AutoencoderOutlierDetector: lambda **p: AutoencoderOutlierDetector(2, **p),
    AutoencoderImputer: lambda **p: AutoencoderImputer(n_estimators=2, **p),
    AutoencoderRecommender: lambda **p: AutoencoderRecommender(n_estimators=2, **p),
}


def table(share_missing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(60, 6)) + 5
    X[rng.random(X.shape) < share_missing] = np.nan
    return X


@pytest.fixture(params=METHODS, ids=lambda estimator: estimator.__name__, scope="module")
def fitted(request):
    """An estimator that was fitted to rows with missing values, and these rows."""
    X = table(0.2).astype(np.float32)
    y = np.arange(60) % 3
    return FACTORIES[request.param](**SETTINGS).fit(X, y), X


def test_every_method_is_what_its_module_computes(fitted):
    estimator, X = fitted
    for method in METHODS[type(estimator)]:
        rows = estimator.transform(X) if method == "inverse_transform" else X
        if method == "p_values":  # of training rows, rounding decides about ties
            rows = np.float32(1.01) * X
        found = module_of(estimator, method)(torch.from_numpy(rows)).numpy()
        expected = np.asarray(getattr(estimator, method)(rows))
        assert found.shape == expected.shape, method
        if found.dtype.kind == "i":
            found = found if method == "predict" and min(found) < 0 else found.astype(int)
            assert np.array_equal(found, expected), method
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=method)


def test_p_values_with_ties_and_groups():
    """Scores equal to those of calibration rows count, and places are found by bisection."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 7, 8, 9, 1000):
        ordered = np.sort(rng.integers(0, n, n).astype(float))
        values = np.concatenate([ordered, ordered - 0.5, [-np.inf, n, np.inf]])
        found = _n_below(torch.from_numpy(ordered), torch.from_numpy(values)).numpy()
        np.testing.assert_array_equal(found, np.searchsorted(ordered, values))
    X = table(0.0)
    detector = AutoencoderOutlierDetector(2, **SETTINGS).fit(X, groups=np.arange(60) % 11)
    rows = (X + 0.1 * rng.normal(size=X.shape)).astype(np.float32)
    found = module_of(detector, "p_values")(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(found, detector.p_values(rows), rtol=1e-12)
    assert len(np.unique(found)) > 12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-6, 1.0, np.array([1e-3, 1.0, 1e3]), 1e19])
@pytest.mark.parametrize("limit", [np.inf, 2.0])
def test_scaling_is_that_of_arrays(dtype, scale, limit):
    """Digit by digit, there and back, with a centre that float32 does not hold."""
    scaling = Scaling(np.array([1e6 / 3, 0.1, -7.0]) * np.max(scale), scale, limit)
    rows = scaling.centre + scaling.scale * np.array([[0.5, -1.0, 9.0], [np.nan, 3.0, -9.0]])
    rows = rows.astype(dtype)
    tensor_dtype = torch.from_numpy(rows).dtype
    scaled = Scaled(scaling, tensor_dtype)(torch.from_numpy(rows)).numpy()
    assert np.array_equal(scaled, scaling.apply(rows, dtype), equal_nan=True)
    assert (np.nanmax(np.abs(scaled)) > 2.0) == (limit == np.inf)
    back = Unscaled(scaling, tensor_dtype)(torch.from_numpy(scaled)).numpy()
    assert np.array_equal(back, scaling.undo(scaled, dtype), equal_nan=True)


def test_missing_values_do_not_count_in_the_error():
    X = table(0.3)
    estimator = AutoencoderTransformer(2, precision="float64", **SETTINGS).fit(X)
    found = module_of(estimator, "score_samples")(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(found, estimator.score_samples(X), rtol=1e-10)
    error = -np.nanmean(np.square(X - estimator.reconstruct(X)), axis=1)
    np.testing.assert_allclose(found, error, rtol=1e-10)
