"""The curve: its numbers against the codec and numpy."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.preprocessing import FunctionTransformer

from skae.compression import Compressor, rate_distortion_curve

X = load_digits().data / 16
TRAIN, TEST = X[:1500], X[1500:]


@pytest.fixture(scope="module")
def pca():
    return PCA(30, random_state=0).fit(TRAIN)


def test_numbers_are_those_of_the_codec(pca):
    curve = rate_distortion_curve(pca, TRAIN, TEST, steps=[0.1, 0.5])
    assert list(curve.columns) == ["step", "n_bytes", "rate", "mse", "psnr"]
    for line in curve.itertuples():
        compressor = Compressor(pca, step=line.step).fit(TRAIN)
        data = compressor.compress(TEST)
        assert line.n_bytes == len(data)
        assert line.rate == pytest.approx(8 * len(data) / TEST.size)
        mse = np.square(compressor.decompress(data) - TEST).mean()
        assert line.mse == pytest.approx(mse, rel=1e-9)
        assert line.psnr == pytest.approx(-10 * np.log10(mse))
    assert curve["step"].tolist() == [0.1, 0.5]


def test_rows_are_those_of_the_fit_where_no_others_are_given(pca):
    curve = rate_distortion_curve(pca, TRAIN, steps=[0.5])
    expected = rate_distortion_curve(pca, TRAIN, TRAIN, steps=[0.5])
    pd.testing.assert_frame_equal(curve, expected)


def test_automatic_steps_follow_the_scale_of_the_codes(pca):
    curve = rate_distortion_curve(pca, TRAIN, TEST)
    deviation = np.sqrt(pca.transform(TRAIN).var(axis=0).mean())
    np.testing.assert_allclose(curve["step"], deviation * 2.0 ** np.arange(-2, 2.5, 0.5))
    assert curve["rate"].is_monotonic_decreasing
    assert curve["psnr"].is_monotonic_decreasing


@pytest.mark.parametrize(("given", "expected"), [(None, 255), (510, 510)])
def test_range_of_the_data(given, expected):
    pixels = (TRAIN * 255).astype(np.uint8)
    curve = rate_distortion_curve(PCA(20), pixels, steps=[60.0], data_range=given)
    compressor = Compressor(PCA(20), step=60.0).fit(pixels)
    back = compressor.decompress(compressor.compress(pixels)).astype(float)
    mse = np.square(back - pixels).mean()
    assert curve["mse"][0] == pytest.approx(mse)
    assert curve["psnr"][0] == pytest.approx(10 * np.log10(expected**2 / mse))


def test_a_transformer_is_fitted_once_and_left_alone(monkeypatch):
    fits = []
    fit = PCA.fit
    monkeypatch.setattr(PCA, "fit", lambda self, X, y=None: fits.append(self) or fit(self, X))
    unfitted = PCA(5)
    rate_distortion_curve(unfitted, TRAIN, TEST, steps=[0.1, 0.2, 0.4])
    assert len(fits) == 1
    assert not hasattr(unfitted, "components_")
    rate_distortion_curve(fit(PCA(5), TRAIN), TRAIN, TEST, steps=[0.1])
    assert len(fits) == 1


@pytest.mark.parametrize("clip", [True, False])
def test_clip(pca, clip):
    curve = rate_distortion_curve(pca, TRAIN, TEST, steps=[0.8], clip=clip)
    compressor = Compressor(pca, step=0.8, clip=clip).fit(TRAIN)
    back = compressor.decompress(compressor.compress(TEST))
    assert curve["mse"][0] == pytest.approx(np.square(back - TEST).mean())


def test_nothing_lost_is_infinitely_good():
    identity = FunctionTransformer(validate=True, check_inverse=False)
    rows = np.arange(60.0).reshape(-1, 2)
    curve = rate_distortion_curve(identity, rows, steps=[1.0])
    assert curve["mse"][0] == 0
    assert curve["psnr"][0] == np.inf


def test_sparse_rows_and_images(pca):
    svd = TruncatedSVD(5, random_state=0)
    dense = rate_distortion_curve(svd, TRAIN, TEST, steps=[0.2])
    sparse = rate_distortion_curve(svd, sp.csr_array(TRAIN), sp.csr_array(TEST), steps=[0.2])
    np.testing.assert_allclose(sparse, dense, rtol=1e-3)
    images = rate_distortion_curve(pca, TRAIN.reshape(-1, 8, 8), TEST.reshape(-1, 8, 8), steps=[1])
    flat = rate_distortion_curve(pca, TRAIN, TEST, steps=[1])
    assert images["mse"][0] == pytest.approx(flat["mse"][0])


@pytest.mark.parametrize("steps", [[1.0, 0], [-1], ["a"], [np.nan]])
def test_bad_steps(pca, steps):
    with pytest.raises(ValueError, match="each of steps must be a number above 0"):
        rate_distortion_curve(pca, TRAIN, steps=steps)


def test_bad_rows_and_transformers(pca):
    with pytest.raises(ValueError, match="X has 3 features, but this Compressor was fitted on 64"):
        rate_distortion_curve(pca, TRAIN, TEST[:, :3])
    with pytest.raises(TypeError, match="transformer must have"):
        rate_distortion_curve(None, TRAIN)
