"""Lists of series with unequal numbers of steps."""

import numpy as np
import pytest

from skae import AutoencoderImputer, AutoencoderTransformer
from skae._data.unequal import padded
from skae.architectures import Convolutional, Recurrent

RNG = np.random.default_rng(0)
SERIES = [RNG.normal(size=(n, 2)).cumsum(axis=0) for n in (10, 14, 12, 14, 9) * 8]
ROWS = np.full((40, 14, 2), np.nan)
for row, series in zip(ROWS, SERIES, strict=True):
    row[: len(series)] = series


def pad(X, shape=None, missing_allowed=True):
    return padded(X, shape, missing_allowed=missing_allowed)


@pytest.mark.parametrize("convert", [list, tuple])
def test_series_are_padded_at_their_end(convert):
    np.testing.assert_array_equal(pad(convert(SERIES)), ROWS)
    np.testing.assert_array_equal(pad([s[:, 0] for s in SERIES]), ROWS[:, :, 0])
    np.testing.assert_array_equal(pad(SERIES[:1] + SERIES[2:3], (14, 2)), ROWS[[0, 2]])
    np.testing.assert_array_equal(pad(SERIES[:1], (14, 2)), ROWS[:1])


def test_the_dtype_holds_all_series_and_nan():
    assert pad([s.astype(np.float32) for s in SERIES]).dtype == np.float32
    assert pad([s.astype(np.int32) for s in SERIES]).dtype == np.float64
    assert pad([SERIES[0], SERIES[1].astype(np.float32)]).dtype == np.float64


@pytest.mark.parametrize(
    ("X", "shape"),
    [
        (ROWS, None),
        ([], None),
        (SERIES[:1], None),
        ([np.ones(3), np.ones(3)], None),
        ([np.ones(3), np.ones(3)], (4,)),
        ([np.ones((3, 2)), np.ones((4, 3))], None),
        ([np.ones((3, 2, 1)), np.ones((4, 2, 1))], None),
        ([[1.0], [1.0, 2.0]], None),
        ([np.array(["a"]), np.array(["a", "b"])], None),
        (SERIES, (28,)),
    ],
)
def test_anything_else_stays(X, shape):
    assert pad(X, shape) is X


def test_series_of_equal_length_stay_without_missing_values():
    short = SERIES[:1]
    assert pad(short, (14, 2), missing_allowed=False) is short


def test_longer_series_are_refused():
    with pytest.raises(ValueError, match="a series of 15 steps, but the longest one in fit had 14"):
        pad([np.ones((15, 2)), np.ones((3, 2))], (14, 2))


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(Recurrent(hidden_size=4), marks=pytest.mark.slow),
        Convolutional(channels=(2,)),
        "dense",
    ],
)
def test_estimators_take_them(architecture):
    parameters = {"architecture": architecture, "max_epochs": 2, "random_state": 0}
    ae = AutoencoderTransformer(2, **parameters).fit(SERIES)
    assert ae.sample_shape_ == (14, 2)
    codes = ae.transform(SERIES)
    np.testing.assert_array_equal(codes, ae.transform(ROWS))
    np.testing.assert_allclose(ae.transform(SERIES[:1]), codes[:1], rtol=1e-4, atol=1e-5)
    assert ae.reconstruct(SERIES).shape == (40, 14, 2)
    assert np.isfinite(ae.score(SERIES))
    with pytest.raises(ValueError, match="the longest one in fit had 14"):
        ae.transform([np.ones((15, 2))])


def test_an_imputer_completes_them():
    imputer = AutoencoderImputer(2, max_epochs=2, random_state=0).fit(SERIES)
    complete = imputer.transform(SERIES[:3])
    assert complete.shape == (3, 14, 2)
    assert np.isfinite(complete).all()
