"""The codec: what comes back, at which rate, in which shape, and what it refuses."""

import copy
import pickle
import struct
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skae import AutoencoderTransformer
from skae.architectures import Convolutional
from skae.compression import Compressor
from skae.kinds import Sparse

PIXELS = load_digits().data.astype(np.uint8)
TRAIN, TEST = PIXELS[:1500], PIXELS[1500:]


def identity(**parameters):
    """Return a compressor whose codes are the rows."""
    return Compressor(FunctionTransformer(validate=True, check_inverse=False), **parameters)


@pytest.fixture(scope="module")
def compressor():
    return Compressor(PCA(20, random_state=0), step=8.0).fit(TRAIN)


@pytest.fixture(scope="module")
def data(compressor):
    return compressor.compress(TEST)


def test_rows_come_back_as_the_rounded_codes_say(compressor, data):
    """Oracle: PCA and numpy alone."""
    pca = PCA(20, random_state=0).fit(TRAIN)
    rebuilt = pca.inverse_transform(8.0 * np.rint(pca.transform(TEST) / 8.0))
    rebuilt = np.rint(np.clip(rebuilt, TRAIN.min(axis=0), TRAIN.max(axis=0)))
    back = compressor.decompress(data)
    assert back.dtype == np.uint8
    assert np.array_equal(back, rebuilt.astype(np.uint8))


def test_whole_numbers_come_back_exactly(compressor, data):
    symbols = compressor.quantize(TEST)
    assert symbols.dtype == np.int64
    assert np.array_equal(compressor.decompress_symbols(data), symbols)
    rebuilt = compressor.dequantize(symbols)
    assert rebuilt.shape == TEST.shape
    assert np.array_equal(np.rint(rebuilt), compressor.decompress(data))


def test_compressing_is_deterministic(compressor, data):
    assert isinstance(data, bytes)
    assert compressor.compress(TEST) == data
    again = clone(compressor).fit(TRAIN)
    assert again.fingerprint_ == compressor.fingerprint_
    assert again.compress(TEST) == data


def test_rate_is_that_of_the_training_rows(compressor):
    bits = 8 * len(compressor.compress(TRAIN)) / TRAIN.size
    assert compressor.rate_ == pytest.approx(bits, rel=0.01)
    assert compressor.bits_per_component_.shape == (20,)
    assert compressor.bits_per_component_.sum() / 64 == pytest.approx(compressor.rate_)
    assert compressor.bits_per_component_[0] > compressor.bits_per_component_[-1] > 0


def test_all_bytes_together_are_near_the_entropy_of_the_rows(compressor):
    """Within two percent of what the shares of the same rows would ask for, header included."""
    bits = 0.0
    for column in compressor.quantize(TRAIN).T:
        shares = np.unique(column, return_counts=True)[1] / len(TRAIN)
        bits -= len(TRAIN) * (shares * np.log2(shares)).sum()
    assert bits < 8 * len(compressor.compress(TRAIN)) < 1.02 * bits


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_rate_chooses_the_step(rate):
    compressor = Compressor(PCA(30), step=1e-9, rate=rate).fit(TRAIN)
    assert compressor.rate_ == pytest.approx(rate, rel=0.02)
    assert compressor.step_ > 1
    by_hand = Compressor(PCA(30), step=compressor.step_).fit(TRAIN)
    assert by_hand.rate_ == pytest.approx(compressor.rate_, rel=1e-6)


def test_a_larger_step_takes_fewer_bytes_and_loses_more():
    pca = PCA(30).fit(TRAIN)
    sizes, errors = [], []
    for step in (1.0, 4.0, 16.0):
        compressor = Compressor(pca, step=step).fit(TRAIN)
        data = compressor.compress(TEST)
        sizes.append(len(data))
        errors.append(np.square(compressor.decompress(data).astype(float) - TEST).mean())
    assert sizes[0] > sizes[1] > sizes[2]
    assert errors[0] < errors[1] < errors[2]


def test_compressive_autoencoder():
    ae = AutoencoderTransformer(32, kind="compressive", max_epochs=5, random_state=0)
    compressor = Compressor(ae).fit(TRAIN)
    assert compressor.step_ == 1
    rounded = compressor.transformer_.inverse_transform(
        np.rint(compressor.transformer_.transform(TEST))
    )
    back = compressor.decompress(compressor.compress(TEST))
    expected = np.rint(np.clip(rounded, TRAIN.min(axis=0), TRAIN.max(axis=0)))
    assert np.array_equal(back, expected)
    assert np.square(back - TEST.astype(float)).mean() < 6


# --- shapes, dtypes and containers


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "uint8", "int8", "uint16", "int64", "uint64", "bool"]
)
def test_dtype_comes_back(dtype):
    rows = (TRAIN > 8 if dtype == "bool" else TRAIN).astype(dtype)
    compressor = Compressor(PCA(64), step=0.01 if dtype == "bool" else 0.1).fit(rows)
    back = compressor.decompress(compressor.compress(rows[:50]))
    assert back.dtype == dtype
    if rows.dtype.kind in "uib":
        assert np.array_equal(back, rows[:50])
    else:
        np.testing.assert_allclose(back, rows[:50], atol=0.5)


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (4, 16), (64, 1)])
def test_shape_comes_back(shape, compressor, data):
    images = TEST.reshape(-1, *shape)
    back = compressor.decompress(compressor.compress(images))
    assert back.shape == images.shape
    assert np.array_equal(back.reshape(TEST.shape), compressor.decompress(data))


def test_images_from_the_first_fit_on():
    grey = Convolutional(channel_axis=None)
    ae = AutoencoderTransformer(8, architecture=grey, max_epochs=1, random_state=0)
    images = TRAIN[:200].reshape(-1, 8, 8)
    compressor = Compressor(ae, step=0.1).fit(images)
    assert compressor.n_features_in_ == 64
    back = compressor.decompress(compressor.compress(images))
    assert back.shape == images.shape
    assert back.dtype == np.uint8
    assert np.square(back.astype(float) - images).mean() < 10


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csr_array, sp.csc_array])
def test_sparse_rows(convert):
    dense = Compressor(TruncatedSVD(10, random_state=0)).fit(TRAIN.astype(float))
    sparse = Compressor(TruncatedSVD(10, random_state=0)).fit(convert(TRAIN.astype(float)))
    assert sparse.n_features_in_ == 64
    back = sparse.decompress(sparse.compress(convert(TEST.astype(float))))
    np.testing.assert_allclose(
        back, dense.decompress(dense.compress(TEST.astype(float))), atol=1e-6
    )


def test_sparse_codes():
    kind = Sparse("topk", k=4, sparse_output=True)
    ae = AutoencoderTransformer(30, kind=kind, max_epochs=3, random_state=0)
    compressor = Compressor(ae, step=0.2).fit(TRAIN)
    assert compressor.decompress(compressor.compress(TEST)).shape == TEST.shape
    assert ((compressor.quantize(TEST) != 0).sum(axis=1) <= 4).all()


@pytest.mark.filterwarnings("error")
def test_data_frames():
    frame = pd.DataFrame(TRAIN, columns=[f"p{i}" for i in range(64)])
    compressor = Compressor(make_pipeline(StandardScaler(), PCA(10)), step=0.5).fit(frame)
    back = compressor.decompress(compressor.compress(frame[:20]))
    assert isinstance(back, np.ndarray)
    assert back.shape == (20, 64)


def test_one_row(compressor):
    assert np.array_equal(
        compressor.decompress(compressor.compress(TEST[:1])),
        compressor.decompress(compressor.compress(TEST))[:1],
    )


@pytest.mark.parametrize("clip", [True, False])
def test_clip_keeps_features_in_their_ranges(clip):
    compressor = Compressor(PCA(5), step=5.0, clip=clip).fit(TRAIN.astype(float))
    back = compressor.decompress(compressor.compress(TEST.astype(float)))
    inside = (back >= TRAIN.min(axis=0)) & (back <= TRAIN.max(axis=0))
    assert inside.all() == clip


def test_whole_numbers_stay_within_their_dtype():
    rows = np.array([[0], [255]] * 30, dtype=np.uint8)
    compressor = identity(step=100.0, clip=False).fit(rows)
    assert compressor.quantize(rows[:2]).tolist() == [[0], [3]]
    assert compressor.decompress(compressor.compress(rows[:2])).tolist() == [[0], [255]]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20), st.sampled_from([0.5, 3.0]))
def test_nothing_is_farther_away_than_half_a_step(values, step):
    """Also rows that look like none of the training rows."""
    compressor = identity(step=step, clip=False).fit(np.arange(50.0)[:, None])
    rows = np.array(values)[:, None]
    back = compressor.decompress(compressor.compress(rows))
    assert (np.abs(back - rows) <= step / 2 + 1e-15 * np.abs(rows)).all()


# --- models


def test_copies_read_each_others_bytes(compressor, data):
    for other in (copy.deepcopy(compressor), pickle.loads(pickle.dumps(compressor))):
        assert np.array_equal(other.decompress(data), compressor.decompress(data))
        assert other.compress(TEST) == data


@pytest.mark.parametrize(
    "other",
    [
        Compressor(PCA(20, random_state=0), step=8.5),
        Compressor(PCA(19, random_state=0), step=8.0),
        Compressor(PCA(20, random_state=0, whiten=True), step=8.0),
        Compressor(PCA(20, random_state=0), step=8.0, clip=False),
    ],
)
def test_bytes_of_another_model_are_refused(other, data):
    other.fit(TRAIN)
    with pytest.raises(ValueError, match="written by another model"):
        other.decompress(data)
    with pytest.raises(ValueError, match="written by another model"):
        other.decompress_symbols(data)


def test_bytes_of_other_training_rows_are_refused(data):
    other = Compressor(PCA(20, random_state=0), step=8.0).fit(TRAIN[:-1])
    with pytest.raises(ValueError, match="written by another model"):
        other.decompress(data)


def test_models_that_differ_in_the_decoder_alone_are_told_apart():
    pca = PCA(5).fit(TRAIN)
    other = copy.deepcopy(pca)
    other.mean_ = pca.mean_ + 1e-3
    pair = [Compressor(each, step=1e3).fit(TRAIN) for each in (pca, other)]
    assert np.array_equal(pair[0].quantize(TEST), pair[1].quantize(TEST))
    assert pair[0].fingerprint_ != pair[1].fingerprint_


def test_models_that_differ_in_the_probabilities_alone_are_told_apart():
    """The first rows, whose reconstructions are in the fingerprint, are the same."""
    pca = PCA(5).fit(TRAIN)
    pair = [
        Compressor(pca, step=8.0, clip=False).fit(rows)
        for rows in (TRAIN, np.concatenate([TRAIN[:8], TRAIN[100:]]))
    ]
    assert np.array_equal(pair[0].quantize(TEST), pair[1].quantize(TEST))
    assert pair[0].fingerprint_ != pair[1].fingerprint_


def test_models_that_differ_in_where_probabilities_begin_are_told_apart():
    pair = [
        Compressor(
            FunctionTransformer(lambda X, by=by: X + by, lambda X: 0 * X, check_inverse=False)
        ).fit(TRAIN.astype(float))
        for by in (0, 1)
    ]
    assert pair[0].fingerprint_ != pair[1].fingerprint_


def test_a_fitted_transformer_is_taken_as_it_is_and_copied():
    pca = PCA(5).fit(TRAIN[:700])
    compressor = Compressor(pca, step=4.0).fit(TRAIN)
    data = compressor.compress(TEST)
    np.testing.assert_array_equal(compressor.transformer_.components_, pca.components_)
    before = compressor.decompress(data)
    pca.fit(TEST)
    assert np.array_equal(compressor.decompress(data), before)


def test_a_transformer_that_is_not_fitted_is_left_so():
    pca = PCA(5)
    compressor = Compressor(pca).fit(TRAIN)
    assert not hasattr(pca, "components_")
    assert compressor.transformer_ is not pca


# --- what is refused


def test_damaged_bytes_are_never_rows(compressor, data):
    rng = np.random.default_rng(0)
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        damaged = bytes(damaged[: rng.integers(1, len(data) + 1)])
        if damaged != data:
            with pytest.raises(ValueError, match="bytes"):
                compressor.decompress(damaged)


def test_forged_bytes_with_a_right_checksum_are_rows_or_refused(compressor, data):
    """Nothing else than a ValueError, and no more memory than so many bytes can ask for."""
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        body = bytearray(data[:-4])
        for _ in range(rng.integers(1, 4)):
            # The fingerprint, from 8 to 16, is that of the model.
            place = rng.choice([*range(5, 8), *range(16, 40), int(rng.integers(40, len(body)))])
            body[place] = rng.integers(256)
        forged = bytes(body) + struct.pack("<I", zlib.crc32(bytes(body)))
        try:
            rows = compressor.decompress(forged)
        except ValueError:
            refused += 1
        else:
            assert rows.size < 1e6
    assert refused > 100


def test_a_claim_of_many_rows_is_refused_before_memory_is_taken(compressor, data):
    body = bytearray(data[:-4])
    struct.pack_into("<Q", body, 16, 10**12)
    with pytest.raises(ValueError, match="declares 1000000000000 rows, which"):
        compressor.decompress(bytes(body) + struct.pack("<I", zlib.crc32(bytes(body))))


@pytest.mark.parametrize("foreign", ["skae", None, 3, [1, 2]])
def test_what_is_no_bytes_is_refused(compressor, foreign):
    with pytest.raises(TypeError, match=f"data must be bytes, .* got {type(foreign).__name__}"):
        compressor.decompress(foreign)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_bytes(compressor, data, kind):
    assert np.array_equal(compressor.decompress(kind(data)), compressor.decompress(data))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"step": 0}, "step must be a number above 0, got 0"),
        ({"step": -1.0}, "step must be"),
        ({"step": float("nan")}, "step must be"),
        ({"step": "auto"}, "step must be a number above 0, got 'auto'"),
        ({"step": True}, "step must be"),
        ({"rate": 0.0}, "rate must be a number above 0"),
        ({"rate": float("inf")}, "rate must be"),
        ({"rate": 50.0}, "rate is too high"),
        ({"clip": 1}, "clip must be True or False, got 1"),
        ({"step": 1e-6}, "step=1e-06 is not possible: the step is too small"),
        ({"step": 1e-300}, "step=1e-300 is too small for codes"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        Compressor(PCA(5), **parameters).fit(TRAIN)


@pytest.mark.parametrize("transformer", [PCA, None, "pca", StandardScaler])
def test_what_is_no_transformer(transformer):
    with pytest.raises(TypeError, match="transformer must have fit and transform and inverse"):
        Compressor(transformer).fit(TRAIN)


def test_a_transformer_without_a_way_back():
    with pytest.raises(TypeError, match=r"got Normalizer\(\) without inverse_transform"):
        Compressor(Normalizer()).fit(TRAIN)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_codes_that_are_not_finite(bad):
    breaks = FunctionTransformer(lambda X: X * bad, inverse_func=lambda X: X, check_inverse=False)
    with pytest.raises(ValueError, match=r"must return finite codes .* some that are not finite"):
        Compressor(breaks).fit(TRAIN + 1.0)


def test_codes_of_another_shape():
    flat = FunctionTransformer(lambda X: X.sum(axis=1), check_inverse=False)
    with pytest.raises(ValueError, match=r"must return finite codes .* got shape \(1500,\)"):
        Compressor(flat).fit(TRAIN)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TEST[:, :10], "X has 10 features, but this Compressor was fitted on 64"),
        (TEST.reshape(-1, 4, 4), "X has 16 features"),
        (np.full((3, 64), np.nan), "NaN"),
        (TEST[:0], "0 sample"),
        (TEST[0].astype(float), "1D array"),
        (TEST.astype(complex), "[Cc]omplex"),
        (TEST.astype(np.longdouble), "X must contain real numbers of float64 or a smaller dtype"),
    ],
)
def test_bad_rows(compressor, rows, message):
    with pytest.raises(ValueError, match=message):
        compressor.compress(rows)


def test_nothing_without_a_fit():
    compressor = Compressor(PCA(5))
    for call in (compressor.compress, compressor.quantize, compressor.dequantize):
        with pytest.raises(NotFittedError):
            call(TEST)
    with pytest.raises(NotFittedError):
        compressor.decompress(b"skae")


def test_the_missing_library_is_named_before_the_fit(monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    pca = PCA(5)
    monkeypatch.setattr(PCA, "fit", lambda *args: pytest.fail("fitted"))
    with pytest.raises(ImportError, match=r'needs constriction.*pip install "skae\[compression\]"'):
        Compressor(pca).fit(TRAIN)


def test_parameters_are_scikit_learns():
    compressor = Compressor(PCA(5)).set_params(step=2.0, transformer__n_components=3)
    assert compressor.get_params()["transformer__n_components"] == 3
    assert clone(compressor).fit(TRAIN).quantize(TEST).shape == (297, 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([Compressor(PCA(1)), Compressor(StandardScaler(with_mean=False))])
def test_scikit_learn_check(estimator, check):
    check(estimator)
