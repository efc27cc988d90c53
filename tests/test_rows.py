import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae.training.rows import Rows
from skae.training.scaling import Scaling

INTEGERS = np.random.default_rng(0).integers(0, 256, size=(50, 6))
CENTRE, SCALE = np.linspace(-3, 90, 6), 31.5
CPU = torch.device("cpu")


def memmap(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


def read_only(X, folder):
    X = X.copy()
    X.setflags(write=False)
    return X


FORMS = {
    "float64": lambda X, folder: X,
    "float32": lambda X, folder: X.astype(np.float32),
    "int64": lambda X, folder: X.astype(np.int64),
    "uint8": lambda X, folder: X.astype(np.uint8),
    "big endian": lambda X, folder: X.astype(">f8"),
    "fortran": lambda X, folder: np.asfortranarray(X),
    "negative strides": lambda X, folder: X[::-1].copy()[::-1],
    "read-only": read_only,
    "memmap": memmap,
    "csr_matrix": lambda X, folder: sp.csr_matrix(X),
    "csr_array": lambda X, folder: sp.csr_array(X.astype(np.uint8)),
}


@pytest.fixture(params=["resident", "batch by batch"])
def residence(request, monkeypatch):
    if request.param == "batch by batch":
        monkeypatch.setattr("skae.training.rows.RESIDENT_BYTES", 0)
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_tensors(form, dtype, residence, tmp_path):
    X = FORMS[form](INTEGERS.astype(np.float64), tmp_path)
    rows = Rows(X, Scaling(CENTRE, SCALE), CPU, dtype)
    expected = torch.from_numpy((INTEGERS - CENTRE) / SCALE).to(dtype)
    assert len(rows) == 50
    assert rows.shape == (50, 6)
    assert torch.equal(rows.take(torch.arange(50)), expected)
    assert torch.equal(torch.cat([block for _, block in rows.blocks()]), expected)


@pytest.mark.parametrize("form", ["float64", "uint8", "csr_matrix", "memmap"])
def test_take_keeps_the_order_asked_for(form, residence, tmp_path):
    X = FORMS[form](INTEGERS.astype(np.float64), tmp_path)
    rows = Rows(X, Scaling(CENTRE, SCALE), CPU, torch.float64)
    index = [7, 3, 3, 49, 0]
    taken = rows.take(torch.tensor(index))
    np.testing.assert_allclose(taken.numpy(), (INTEGERS[index] - CENTRE) / SCALE)


@pytest.mark.parametrize("form", ["float64", "csr_matrix"])
def test_blocks_cover_everything_in_order(form, residence, monkeypatch):
    X = FORMS[form](np.tile(INTEGERS, (40, 1)).astype(np.float64), None)
    rows = Rows(X, Scaling(CENTRE, SCALE), CPU, torch.float64)
    monkeypatch.setattr(
        "skae.training.rows.dense_blocks",
        lambda X, n_entries: _in_blocks_of(X, 333),
    )
    found = np.full(X.shape, np.nan)
    for s, block in rows.blocks():
        assert np.isnan(found[s]).all()
        found[s] = block.numpy()
    np.testing.assert_allclose(found, (np.tile(INTEGERS, (40, 1)) - CENTRE) / SCALE)


def _in_blocks_of(X, n):
    for start in range(0, X.shape[0], n):
        rows = slice(start, min(start + n, X.shape[0]))
        yield rows, X[rows].toarray() if sp.issparse(X) else X[rows]


def test_the_tensors_are_no_views_of_the_users_rows(residence):
    X = INTEGERS.astype(np.float32)
    rows = Rows(X, Scaling(np.zeros(6), 1.0), CPU, torch.float32)
    before = X.copy()
    rows.take(torch.arange(50)).zero_()
    for _, block in rows.blocks():
        block.add_(1)
    np.testing.assert_array_equal(X, before)


def test_resident_rows_are_converted_once(monkeypatch):
    counted = []

    class Counting(Scaling):
        def apply(self, block, dtype=np.float32):
            counted.append(len(block))
            return super().apply(block, dtype)

    rows = Rows(INTEGERS, Counting(CENTRE, SCALE), CPU, torch.float32)
    for _ in range(3):
        rows.take(torch.arange(20))
    assert sum(counted) == 50


@pytest.mark.parametrize(
    ("limit", "dtype", "resident"),
    [
        (50 * 6 * 4, torch.float32, True),
        (50 * 6 * 4 - 1, torch.float32, False),
        (50 * 6 * 4, torch.float64, False),
        (50 * 6 * 8, torch.float64, True),
    ],
)
def test_large_data_stay_where_they_are(limit, dtype, resident, monkeypatch):
    monkeypatch.setattr("skae.training.rows.RESIDENT_BYTES", limit)
    X = INTEGERS.astype(np.float64)
    rows = Rows(X, Scaling(np.zeros(6), 1.0), CPU, dtype)
    X[0] = -1  # Rows that were moved at the start do not see this.
    assert (rows.take(torch.tensor([0])) == -1).all() != resident


@pytest.mark.parametrize("sparse", [sp.csr_matrix, sp.csr_array])
def test_sparse_rows_never_stand_in_memory_as_a_whole(sparse, monkeypatch):
    X = sparse(sp.random(1000, 10_000, density=1e-5, format="csr", random_state=0))
    largest = []
    toarray = sparse.toarray

    def watched(self, *args, **kwargs):
        largest.append(self.shape[0] * self.shape[1])
        return toarray(self, *args, **kwargs)

    monkeypatch.setattr(sparse, "toarray", watched)
    rows = Rows(X, Scaling(np.zeros(10_000), 1.0), CPU, torch.float32)
    assert not largest
    assert rows.take(torch.arange(5)).shape == (5, 10_000)
    total = sum(float(block.sum()) for _, block in rows.blocks())
    assert largest[0] == 5 * 10_000
    assert max(largest) <= X.shape[0] * X.shape[1] / 2
    np.testing.assert_allclose(total, X.sum(), rtol=1e-5)
