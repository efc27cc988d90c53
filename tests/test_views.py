import numpy as np
import pytest
import scipy.sparse as sp

from skae.training.views import ChosenRows, Converted, bytes_in_memory, is_on_disk, rows_at

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
