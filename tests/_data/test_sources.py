import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import torch
from torch.utils.data import DataLoader

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._data import sources
from skae._data.sources import blocks, checked_batches, is_source, joined
from skae.architectures import Dense

NAMES = list("abcdef")
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(1300, 3)) @ RNG.normal(size=(3, 6))).astype(np.float32)
X += 0.3 * RNG.normal(size=X.shape).astype(np.float32)
INCOMPLETE = np.where(RNG.random(X.shape) < 0.1, np.float32(np.nan), X)
LABELS = np.where(np.arange(len(X)) % 3, np.arange(len(X)) % 2, -1) * 2


def batches(rows=X, size=70):
    """A generator that uses its memory again."""
    memory = np.empty((size, *rows.shape[1:]), rows.dtype)
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        memory[: len(batch)] = batch
        yield memory[: len(batch)]


def table():
    return pa.table({name: X[:, i] for i, name in enumerate(NAMES)})


def parquet(folder):
    pq.write_table(table(), folder / "X.parquet", row_group_size=100)
    return folder / "X.parquet"


def zarr_array(folder):
    zarr = pytest.importorskip("zarr")
    stored = zarr.open_array(folder / "X.zarr", mode="w", shape=X.shape, chunks=(64, 6), dtype="f4")
    stored[:] = X
    return stored


def h5py_dataset(folder, chunks=(64, 3)):
    file = pytest.importorskip("h5py").File(folder / "X.h5", "w")
    return file.create_dataset("X", data=X, chunks=chunks)


def dask_array(folder):
    array = pytest.importorskip("dask.array").from_array(X, chunks=(100, 4))
    return array[array[:, 0] > -np.inf]  # of unknown length


SOURCES = {
    "generator": lambda folder: batches(),
    "function": lambda folder: batches,
    "function with a list": lambda folder: lambda: [X[:3], X[3:]],
    "iterable": lambda folder: DataLoader(
        torch.from_numpy(X), batch_size=50, generator=torch.Generator()
    ),
    "empty batches": lambda folder: iter([X[:0], X[:5], X[:0], X[5:]]),
    "data frames": lambda folder: (pd.DataFrame(b.copy(), columns=NAMES) for b in batches()),
    "polars": lambda folder: (pl.DataFrame(b.copy(), schema=NAMES) for b in batches()),
    "table": lambda folder: table(),
    "reader": lambda folder: table().to_reader(max_chunksize=100),
    "dataset": lambda folder: pyarrow.dataset.dataset(parquet(folder)),
    "parquet file": lambda folder: pq.ParquetFile(parquet(folder)),
    "zarr": zarr_array,
    "h5py": h5py_dataset,
    "h5py, no chunks": lambda folder: h5py_dataset(folder, None),
    "dask": dask_array,
}
NAMED = {"data frames", "polars", "table", "reader", "dataset", "parquet file"}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    return request.param, SOURCES[request.param](tmp_path)


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(sources, "_BLOCK_ENTRIES", 6 * 512)
    monkeypatch.setattr(sources, "_READ_BYTES", 6 * 4 * 200)


@pytest.mark.usefixtures("_small_blocks")
def test_batches_hold_all_rows(source):
    name, rows = source
    assert is_source(rows)
    found = [(batch.values.copy(), batch.names) for batch in checked_batches(rows)]
    np.testing.assert_array_equal(np.concatenate([values for values, _ in found]), X)
    assert len(found) > 1 or name in ("table", "parquet file")  # as large as they like
    for values, names in found:
        assert values.dtype == np.float32
        assert (names is None) == (name not in NAMED)
        assert names is None or list(names) == NAMES


@pytest.mark.parametrize(
    "rows",
    [
        X,
        X.tolist(),
        tuple(X),
        pd.DataFrame(X),
        pl.DataFrame(X),
        torch.from_numpy(X),
        sp.csr_matrix(X),
        pa.record_batch([X[:, 0]], names=["a"]),
        {"a": [1.0]},
        "text",
        None,
        5.0,
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_what_is_in_memory_is_no_source(rows):
    assert not is_source(rows)


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("size", [1, 70, 512, 513, 1024, 5000])
def test_blocks_have_the_rows_of_whole_batches_of_inference(size):
    found = [block.copy() for block in blocks(batches(size=size))]
    assert [len(block) for block in found] == [512, 512, 276]
    np.testing.assert_array_equal(np.concatenate(found), X)


@pytest.mark.usefixtures("_small_blocks")
def test_blocks_look_like_what_they_came_from(tmp_path):
    assert all(list(block) == NAMES for block in blocks(table()))
    images = X[:, :6].reshape(-1, 1, 2, 3)
    assert next(blocks(batches(images))).shape == (512, 1, 2, 3)


def test_joined():
    assert joined([X[:3], X[3:]]).shape == X.shape
    assert joined([sp.csr_matrix(X[:3]), sp.csr_matrix(X[3:])]).format == "csr"
    assert joined([pd.DataFrame(X[:3]), pd.DataFrame(X[3:])]).index[-1] == len(X) - 1
    first, second = joined([(X[:3], X[:2]), (X[3:], X[2:])])
    np.testing.assert_array_equal(first, second)


BAD = {
    "nothing": (iter([]), "X, a list_iterator, returned no rows. An iterator can be read only"),
    "no rows": (lambda: [X[:0]], "X, a function, returned no rows. Give batches of at least one"),
    "single rows": (iter(X), r"Batch 0 .*ndarray of shape \(6,\), but must be a matrix of rows"),
    "lists": (iter([X[:2].tolist()]), "Batch 0 .*of type list, but must be a matrix"),
    "pairs": (iter([(X, X[:, 0])]), "Batch 0 .*of type tuple, .*without y or weights"),
    "None": (iter([X[:3], None]), "Batch 1 .*of type NoneType"),
    "text": (iter([X[:3], np.full((2, 6), "a")]), "Batch 1 of X .*column 0 holds text"),
    "dates": (iter([np.full((2, 6), "2020", dtype="M8[D]")]), "Batch 0 .*column 0 holds dates"),
    "complex": (iter([X[:3] + 1j]), "Batch 0 .*[Cc]omplex"),
    "infinity": (iter([X, X[:3], np.full((1, 6), np.inf)]), "Batch 2 .*infinity"),
    "columns": (iter([X, X[:, :4]]), r"Batch 1 .*shape \(4,\), those of the first batch \(6,\)"),
    "names": (
        iter([pd.DataFrame(X, columns=NAMES), pd.DataFrame(X, columns=[*NAMES[:5], "g"])]),
        "Batch 1 .*columns are g, those of the first batch f",
    ),
    "no names": (iter([pd.DataFrame(X, columns=NAMES), X]), "Batch 1 .*without names"),
    "sparse": (iter([sp.csr_matrix(X)]), "Batch 0 .*sparse matrix.*scipy.sparse.vstack"),
    "number": (lambda: 3, "X is a function, and must return .* of type int"),
    "array": (lambda: X, r"X is a function, and must return .*ndarray of shape \(1300, 6\)"),
    "function": (lambda: batches, "X is a function, and must return .*of type function"),
    "set": ({1.0, 2.0}, "Batch 0 .*of type float"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_batch_of_rows_is_refused(case):
    X, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        AutoencoderTransformer(max_epochs=1).fit(X)


def test_arrays_on_disk_must_be_matrices(tmp_path):
    file = pytest.importorskip("h5py").File(tmp_path / "x.h5", "w")
    with pytest.raises(ValueError, match=r"must be a matrix of rows, got .* shape \(1300,\)"):
        AutoencoderTransformer().fit(file.create_dataset("x", data=X[:, 0]))


# --- estimators

SMALL = {"max_epochs": 1, "architecture": Dense(hidden_layer_sizes=(4,)), "random_state": 0}
METHODS = {
    "transformer": (
        AutoencoderTransformer(2, **SMALL),
        X,
        ["transform", "score_samples", "score", "reconstruct", "fit_transform"],
    ),
    "variational": (
        AutoencoderTransformer(2, kind="variational", **SMALL),
        X,
        ["posterior", "elbo", "log_likelihood"],
    ),
    "incomplete": (AutoencoderTransformer(2, **SMALL), INCOMPLETE, ["transform", "score_samples"]),
    "detector": (
        AutoencoderOutlierDetector(2, n_estimators=2, **SMALL),
        X,
        ["score_samples", "decision_function", "predict", "p_values", "select"],
    ),
    "explaining detector": (
        AutoencoderOutlierDetector(2, **SMALL),
        X,
        ["reconstruct", "feature_contributions", "fit_predict"],
    ),
    "imputer": (
        AutoencoderImputer(2, n_estimators=1, **SMALL),
        INCOMPLETE,
        ["transform", "fit_transform"],
    ),
    "drawing imputer": (
        AutoencoderImputer(2, n_estimators=1, sample_posterior=True, add_indicator=True, **SMALL),
        INCOMPLETE,
        ["transform"],
    ),
    "recommender": (AutoencoderRecommender(2, **SMALL), INCOMPLETE, ["predict_all", "score"]),
    "classifier": (
        AutoencoderClassifier(2, **SMALL),
        X,
        ["predict", "predict_proba", "decision_function", "transform"],
    ),
}


@pytest.mark.filterwarnings("ignore:select finds no outlier")
@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("case", METHODS)
def test_a_source_is_as_good_as_an_array(case):
    estimator, rows, methods = METHODS[case]
    y = (LABELS,) if case == "classifier" else ()
    expected = {name: getattr(estimator.fit(rows, *y), name)(rows) for name in methods}
    estimator.fit(batches(rows), *y)
    for name in methods:
        found = getattr(estimator, name)(batches(rows))
        for one, other in zip(np.atleast_1d(found), np.atleast_1d(expected[name]), strict=True):
            # The rows of an imputer stand elsewhere in its batches, where some are complete.
            tolerance = 1e-5 if "imputer" in case else 0
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
            assert np.asarray(one).dtype == np.asarray(other).dtype


@pytest.mark.usefixtures("_small_blocks")
def test_after_the_fit_rows_are_not_written(monkeypatch):
    ae = AutoencoderTransformer(2, **SMALL).fit(X)
    monkeypatch.setattr("skae._data.validation.at_hand", lambda X: X)
    monkeypatch.setattr("skae._data.spooling._new_file", None)
    for method in ("transform", "score_samples", "score", "reconstruct"):
        getattr(ae, method)(batches())


def test_names_of_features():
    ae = AutoencoderTransformer(2, **SMALL).fit(table())
    assert list(ae.feature_names_in_) == NAMES
    ae.set_output(transform="pandas")
    assert ae.transform(table()).shape == ae.fit_transform(table().to_reader()).shape == (1300, 2)
    with pytest.raises(ValueError, match="feature names should match"):
        ae.transform(table().rename_columns(list("ghijkl")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        ae.transform(batches())
    assert not hasattr(AutoencoderTransformer(2, **SMALL).fit(batches()), "feature_names_in_")


def test_rows_that_come_later_are_as_in_fit():
    ae = AutoencoderTransformer(2, **SMALL).fit(X)
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 6"):
        ae.transform(batches(X[:, :4]))
    with pytest.raises(ValueError, match="Input X contains NaN, but this AutoencoderTransformer"):
        ae.transform(batches(INCOMPLETE))


def test_samples_with_axes():
    images = X.reshape(-1, 2, 3)
    ae = AutoencoderTransformer(2, **SMALL).fit(batches(images))
    assert ae.sample_shape_ == (2, 3)
    assert np.array_equal(ae.reconstruct(batches(images)), ae.reconstruct(images))


def test_partial_fit():
    one, other = AutoencoderTransformer(2, **SMALL), AutoencoderTransformer(2, **SMALL)
    for _ in range(2):
        one.partial_fit(X)
        other.partial_fit(batches())
    assert np.array_equal(one.transform(X), other.transform(X))
    assert len(other.history_) == 3


def test_weights_are_those_of_all_rows():
    weight = np.arange(len(X)) % 3.0
    one = AutoencoderTransformer(2, **SMALL).fit(X, sample_weight=weight)
    other = AutoencoderTransformer(2, **SMALL).fit(batches(), sample_weight=weight)
    assert np.array_equal(one.transform(X), other.transform(X))
    with pytest.raises(ValueError, match=r"sample_weight"):
        other.fit(batches(), sample_weight=weight[:5])
