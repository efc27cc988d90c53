import errno
import gc
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skae import AutoencoderTransformer
from skae._data import spooling
from skae._data.spooling import at_hand, spooled
from skae._data.views import is_on_disk
from skae.architectures import Dense

X = np.random.default_rng(0).normal(size=(600, 6))
ESTIMATOR = AutoencoderTransformer(
    2, max_epochs=1, architecture=Dense(hidden_layer_sizes=(4,)), random_state=0
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def named(folder):
    """The files of skae in a folder; torch puts some there as well."""
    return [name for name in os.listdir(folder) if name.startswith("skae-")]


def open_files(folder):
    """The files of a folder that this process has open, also those without a name."""
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return [os.readlink(a) for a in links if os.path.lexists(a) and str(folder) in os.readlink(a)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "u1", "bool", ">f8"])
def test_all_dtypes(dtype):
    rows = (10 * X).astype(dtype)
    found = spooled(iter([rows[:10], rows[10:]]))
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    assert is_on_disk(found)
    np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("uint8", "float32"), "float32"),
        (("float32", "float64", "uint8"), "float64"),
        (("int64", "float32"), "float64"),
        (("bool", "int8", "int16"), "int16"),
    ],
)
def test_dtypes_become_one_that_holds_all(dtypes, expected):
    batches = [(10 * X).astype(dtype) for dtype in dtypes]
    found = spooled(iter(batches))
    assert found.dtype == np.concatenate(batches).dtype == expected
    np.testing.assert_array_equal(found, np.concatenate(batches))


def test_layouts_of_memory():
    found = spooled(iter([np.asfortranarray(X[:100]), X[100:][::-1], X[:, ::-1]]))
    np.testing.assert_array_equal(found, np.concatenate([X[:100], X[100:][::-1], X[:, ::-1]]))


def test_names_are_kept_without_a_copy():
    names = list("abcdef")
    found = spooled(pd.DataFrame(batch, columns=names) for batch in (X[:10], X[10:]))
    assert list(found) == names
    assert is_on_disk(found.to_numpy())


def test_arrays_are_at_hand():
    assert at_hand(X) is X


def test_nothing_is_left(folder):
    seen = []

    class Seeing(AutoencoderTransformer):
        def _prepare(self, X, *args, **kwargs):
            seen.append((named(folder), len(open_files(folder)), is_on_disk(X)))
            return super()._prepare(X, *args, **kwargs)

    ESTIMATOR.fit(X)  # imports what is imported late, and keeps frames
    gc.disable()  # what is in no circle is freed at once
    try:
        Seeing(**ESTIMATOR.get_params(deep=False)).fit(iter([X]))
        assert open_files(folder) == named(folder) == []
    finally:
        gc.enable()
    assert seen == [([], 1, True)]  # without a name also while it is read


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_after_an_error(error, folder):
    def broken():
        yield X
        yield X.astype(np.longdouble)
        raise error

    with pytest.raises(error):
        ESTIMATOR.fit(broken())
    gc.collect()
    assert open_files(folder) == named(folder) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk(folder, monkeypatch):
    full = Path("/dev/full")
    monkeypatch.setattr(spooling, "_new_file", lambda: full.open("wb"))
    with pytest.raises(OSError, match=r"could not be written .*No space left.*TMPDIR") as caught:
        ESTIMATOR.fit(iter([X, X]))
    assert caught.value.errno == errno.ENOSPC
    assert str(folder) in str(caught.value)
