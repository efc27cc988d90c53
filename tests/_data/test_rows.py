import threading
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae._data.blocks import densify
from skae._data.rows import Rows, _free_memory, most_resident
from skae._data.scaling import Scaling
from skae._runtime.precision import array_dtype

INTEGERS = np.random.default_rng(0).integers(0, 256, size=(50, 6))
CENTRE, SCALE = np.linspace(-3, 90, 6), 31.5
SCALING = Scaling(np.array([3.0]), 7.0)
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


def scaled(X, scaling, dtype):
    """The rows of the whole matrix, scaled at once."""
    return torch.from_numpy(scaling.apply(densify(X), array_dtype(dtype)))


@pytest.fixture(params=["resident", "streamed"])
def residence(request, monkeypatch):
    if request.param == "streamed":
        monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_tensors(form, dtype, residence, tmp_path):
    X = FORMS[form](INTEGERS.astype(np.float64), tmp_path)
    rows = Rows(X, Scaling(CENTRE, SCALE), CPU, dtype)
    expected = scaled(X, Scaling(CENTRE, SCALE), dtype)
    torch.testing.assert_close(expected, torch.from_numpy((INTEGERS - CENTRE) / SCALE).to(dtype))
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


@pytest.mark.parametrize("form", ["float64", "csr_matrix", "memmap"])
def test_blocks_cover_everything_in_order(form, residence, monkeypatch, tmp_path):
    X = FORMS[form](np.tile(INTEGERS, (40, 1)).astype(np.float64), tmp_path)
    rows = Rows(X, Scaling(CENTRE, SCALE), CPU, torch.float64)
    monkeypatch.setattr("skae._data.rows.BLOCK_BYTES", 333 * 6 * 8)
    found, lengths = np.full(X.shape, np.nan), []
    for s, block in rows.blocks():
        assert np.isnan(found[s]).all()
        found[s] = block.numpy()
        lengths.append(len(block))
    np.testing.assert_allclose(found, (np.tile(INTEGERS, (40, 1)) - CENTRE) / SCALE)
    assert lengths == [332] * 6 + [8]  # 4 rows of 48 bytes are a multiple of 64


@pytest.mark.parametrize("form", ["float64", "csr_matrix"])
def test_blocks_are_made_in_the_background_and_kept_rows_here(form, residence, monkeypatch):
    threads, apply = [], Scaling.apply

    def watched(self, *args):
        threads.append(threading.current_thread())
        return apply(self, *args)

    monkeypatch.setattr(Scaling, "apply", watched)
    rows = Rows(FORMS[form](INTEGERS.astype(float), None), SCALING, CPU, torch.float32)
    assert len(list(rows.blocks())) == len(threads) == 1
    assert (threads[0] is threading.current_thread()) == (residence == "resident")


@pytest.mark.parametrize("n_features", [1, 3, 6])
@pytest.mark.parametrize("form", ["float64", "fortran", "uint8", "csr_matrix", "memmap"])
def test_batches_are_the_rows_asked_for(
    form, n_features, residence, small_blocks, monkeypatch, tmp_path
):
    X = INTEGERS[:, :n_features]
    data = FORMS[form](X.astype(float), tmp_path)
    rows = Rows(data, SCALING, CPU, torch.float32)
    index = torch.randperm(50, generator=torch.Generator().manual_seed(0))[:41]
    sizes = [3] * 5 + [2] * 13
    found = list(rows.batches(index, sizes))
    assert [len(batch) for batch in found] == sizes
    assert torch.equal(torch.cat(found), scaled(data, SCALING, torch.float32)[index])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_features", [1, 3, 6])
def test_batches_lie_in_memory_as_resident_ones_do(n_features, dtype, small_blocks, monkeypatch):
    """How products of matrices are rounded may depend on where rows begin."""

    def begins(limit):
        monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", limit)
        rows = Rows(INTEGERS[:, :n_features], SCALING, CPU, dtype)
        batches = list(rows.batches(torch.arange(50), [3] * 16 + [2]))
        blocks = [block for _, block in rows.blocks()]
        assert all(block.data_ptr() % 64 == 0 for block in blocks)
        return [(some.data_ptr() % 64, some.stride()) for some in batches]

    assert begins(2**30) == begins(0)
    assert len(set(begins(0))) > 1


@pytest.fixture
def small_blocks(monkeypatch):
    """A few batches of three rows are gathered at once, and a few times that loaded at once."""
    monkeypatch.setattr("skae._data.rows.GATHERED_BYTES", 2 * 3 * 6 * 8)
    monkeypatch.setattr("skae._data.rows.BLOCK_BYTES", 9 * 3 * 6 * 8)


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
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", limit)
    X = INTEGERS.astype(np.float64)
    rows = Rows(X, Scaling(np.zeros(6), 1.0), CPU, dtype)
    X[0] = -1  # Rows that were moved at the start do not see this.
    assert (rows.take(torch.tensor([0])) == -1).all() != resident


@pytest.mark.parametrize(
    ("form", "extra", "resident"),
    [
        ("float64", 0, True),
        ("float32", 0, True),
        ("int64", 0, True),
        ("memmap", 4 * 50 * 6, True),
        ("memmap", 4 * 50 * 6 - 1, False),
        ("uint8", 3 * 50 * 6, True),
        ("uint8", 3 * 50 * 6 - 1, False),
        ("csr_matrix", 4 * 50 * 6 - 8 * np.count_nonzero(INTEGERS), True),
        ("csr_array", 4 * 50 * 6 - np.count_nonzero(INTEGERS), True),
        ("csr_array", 4 * 50 * 6 - np.count_nonzero(INTEGERS) - 1, False),
    ],
)
def test_rows_that_grow_are_kept_if_they_are_small(form, extra, resident, monkeypatch, tmp_path):
    monkeypatch.setattr("skae._data.rows.EXTRA_BYTES", extra)
    rows = Rows(FORMS[form](INTEGERS.astype(float), tmp_path), SCALING, CPU, torch.float32)
    assert (rows._resident is not None) == resident


def test_what_is_kept():
    gib, mib = 2**30, 2**20
    assert most_resident(gib) == gib + 256 * mib
    assert most_resident(47 * mib) == (47 + 256) * mib  # Fashion-MNIST: 188 MB, from 47
    assert most_resident(100 * gib) == 4 * gib
    assert most_resident(100 * gib, free=6 * gib) == 3 * gib
    assert most_resident(100 * gib, free=80 * gib) == 4 * gib
    assert most_resident(1, free=6 * gib) == 3 * gib


def test_a_gpu_is_asked_for_its_free_memory(monkeypatch):
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (1000, 10**9))
    assert _free_memory(torch.device("cuda:1")) == 1000
    assert _free_memory(CPU) is None


@pytest.mark.parametrize("sparse", [sp.csr_matrix, sp.csr_array])
def test_large_sparse_rows_never_stand_in_memory_as_a_whole(sparse, monkeypatch):
    monkeypatch.setattr("skae._data.rows.EXTRA_BYTES", 2**20)
    X = sparse(sp.random(400, 10_000, density=1e-5, format="csr", random_state=0))
    largest = []
    toarray = sparse.toarray

    def watched(self, *args, **kwargs):
        largest.append(self.shape[0] * self.shape[1])
        return toarray(self, *args, **kwargs)

    monkeypatch.setattr(sparse, "toarray", watched)
    rows = Rows(X, Scaling(np.zeros(10_000), 1.0), CPU, torch.float32)
    assert not largest
    assert rows.take(torch.arange(5)).shape == (5, 10_000)
    assert largest == [5 * 10_000]
    total = sum(float(block.sum()) for _, block in rows.blocks())
    np.testing.assert_allclose(total, X.sum(), rtol=1e-5)
    total = sum(float(batch.sum()) for batch in rows.batches(torch.arange(400), [40] * 10))
    np.testing.assert_allclose(total, X.sum(), rtol=1e-5)
    assert max(largest) <= X.shape[0] * X.shape[1] / 10


@pytest.mark.parametrize("form", ["float32", "uint8", "csr_matrix", "memmap"])
def test_streamed_rows_take_the_memory_of_a_few_blocks(form, monkeypatch, tmp_path):
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)
    monkeypatch.setattr("skae._data.rows.BLOCK_BYTES", 2**18)
    monkeypatch.setattr("skae._data.rows.GATHERED_BYTES", 2**16)
    X = FORMS[form](np.ones((20_000, 64)), tmp_path)  # 20 blocks of scaled rows
    rows = Rows(X, Scaling(np.zeros(64), 1.0), CPU, torch.float32)
    index = torch.randperm(20_000, generator=torch.Generator().manual_seed(0))
    made = weakref.WeakSet()
    empty = torch.empty

    def watched(*args, **kwargs):
        tensor = empty(*args, **kwargs)
        made.add(tensor)
        most.append(sum(some.nbytes for some in made))
        return tensor

    monkeypatch.setattr(torch, "empty", watched)
    for one_pass in (rows.batches(index, [100] * 200), rows.blocks()):
        most = []
        for _ in one_pass:
            pass
        assert len(most) >= 19
        assert max(most) <= 3 * 2**18
