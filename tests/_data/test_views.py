import mmap

import numpy as np
import pytest
import scipy.sparse as sp

from skae._data.views import (
    ChosenRows,
    Converted,
    announce,
    bytes_in_memory,
    in_any_order,
    is_on_disk,
    rows_at,
)

X = np.random.default_rng(0).normal(size=(30, 4))
INDEX = np.array([7, 3, 3, 29, 0, 12])


def mapped(folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("rows", [slice(None), slice(1, 4), slice(0, 6, 2), np.array([5, 0])])
def test_chosen_rows(rows):
    chosen = ChosenRows(X, INDEX)
    assert (len(chosen), chosen.shape, chosen.dtype) == (6, (6, 4), X.dtype)
    np.testing.assert_array_equal(chosen[rows], X[INDEX][rows])
    np.testing.assert_array_equal(ChosenRows(chosen, INDEX % 6)[rows], X[INDEX][INDEX % 6][rows])
    np.testing.assert_array_equal(np.asarray(chosen), X[INDEX])


def test_chosen_rows_are_read_where_they_are_asked_for():
    data = X.copy()
    chosen = ChosenRows(data, INDEX)
    data[7] = 5
    assert (chosen[:1] == 5).all()


@pytest.mark.parametrize("rows", [slice(None), slice(1, 4), np.array([5, 0])])
def test_converted(rows):
    converted = Converted(X, lambda block: np.float32(block[:, :3] * 2))
    assert (len(converted), converted.shape, converted.dtype) == (30, (30, 3), np.float32)
    np.testing.assert_array_equal(converted[rows], np.float32(X[rows, :3] * 2))
    np.testing.assert_array_equal(np.asarray(converted), np.float32(X[:, :3] * 2))


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csr_array])
def test_rows_of_a_sparse_matrix_are_one(convert):
    assert sp.issparse(rows_at(convert(X), INDEX))
    np.testing.assert_array_equal(rows_at(convert(X), INDEX).toarray(), X[INDEX])
    assert isinstance(rows_at(X, INDEX), ChosenRows)


def test_what_is_in_memory(tmp_path):
    on_disk = mapped(tmp_path)
    assert bytes_in_memory(X) == bytes_in_memory(X[:]) == X.nbytes
    assert bytes_in_memory(sp.csr_matrix(X)) == X.nbytes
    assert bytes_in_memory(ChosenRows(X, INDEX)) == X.nbytes * 6 // 30
    assert bytes_in_memory(Converted(X, np.copy)) == X.nbytes
    for view in (on_disk, on_disk[3:], np.asarray(on_disk), on_disk[:, :2].reshape(15, 4)[:, :2]):
        assert is_on_disk(view) == np.shares_memory(view, on_disk)
    assert bytes_in_memory(np.asarray(on_disk)) == 0
    assert bytes_in_memory(ChosenRows(on_disk, INDEX)) == 0
    assert bytes_in_memory(Converted(on_disk, np.copy)) == 0
    assert not is_on_disk(on_disk[INDEX])
    assert not is_on_disk(np.frombuffer(X.tobytes()))


class RecordedMap(mmap.mmap):
    """A memory map that notes what it is told."""

    def madvise(self, *advice):
        self.__dict__.setdefault("told", []).append(advice)
        return super().madvise(*advice)


@pytest.fixture
def on_disk(tmp_path):
    """Rows of half a page each, and the map that they are in, from its second page on."""
    path, page = tmp_path / "rows", mmap.PAGESIZE
    rows = np.random.default_rng(0).normal(size=(1000, page // 16))
    path.write_bytes(bytes(page) + rows.tobytes())
    with path.open("rb") as file:
        found = RecordedMap(file.fileno(), 0, access=mmap.ACCESS_READ)
    X = np.ndarray(rows.shape, buffer=found, offset=page)
    return X, found


@pytest.mark.skipif(not hasattr(mmap.mmap, "madvise"), reason="the system takes no advice")
def test_the_system_does_not_read_ahead_of_rows_from_anywhere(on_disk):
    X, found = on_disk
    with in_any_order(ChosenRows(X, np.arange(5))):
        assert found.told == [(mmap.MADV_RANDOM,)]
    assert found.told == [(mmap.MADV_RANDOM,), (mmap.MADV_NORMAL,)]
    with in_any_order(np.ones((3, 2))):
        pass  # rows in memory: nothing to say


@pytest.mark.skipif(not hasattr(mmap.mmap, "madvise"), reason="the system takes no advice")
def test_rows_that_lie_close_together_are_announced_as_one(on_disk):
    X, found = on_disk
    page = mmap.PAGESIZE
    announce(X, np.array([0, 1, 4, 900]))
    # Rows 0 to 4 from the second page on, and row 900, which begins a page.
    expected = [(page, 5 * page // 2), (451 * page, page // 2)]
    assert found.told == [(mmap.MADV_WILLNEED, *where) for where in expected]
    found.told.clear()
    announce(ChosenRows(X, np.array([7, 8])), np.array([1]))
    assert found.told == [(mmap.MADV_WILLNEED, 5 * page, page // 2)]
    announce(np.ones((3, 2)), np.array([1]))
