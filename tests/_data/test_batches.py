import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae._data import batches as batches_module
from skae._data.batches import drawn_order
from skae._data.rows import Rows

SIZES = [
    (n_samples, batch_size)
    for batch_size in (2, 3, 4, 7, 16, 64)
    for n_samples in (2, 3, 4, 5, 7, 9, 15, 17, 31, 65, 100)
]


def numbered(n_samples):
    """Rows that carry their own number."""
    return np.arange(n_samples, dtype=np.float64)[:, None] * [1.0, 10.0]


def flat(one_pass):
    return list(chain.from_iterable(one_pass))


def passes(batches, n=1):
    return [[X[:, 0].int().tolist() for X, _ in batches] for _ in range(n)]


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_each_row_once_in_each_pass(make_batches, n_samples, batch_size):
    batches = make_batches(numbered(n_samples), batch_size)
    for one_pass in passes(batches, 3):
        assert sorted(flat(one_pass)) == list(range(n_samples))
        assert len(one_pass) == len(batches)


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_batches_are_of_nearly_equal_size(make_batches, n_samples, batch_size):
    lengths = [len(batch) for batch in passes(make_batches(numbered(n_samples), batch_size))[0]]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1.5 * batch_size + 1


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_no_batch_of_a_single_row(make_batches, n_samples, batch_size):
    lengths = [len(batch) for batch in passes(make_batches(numbered(n_samples), batch_size))[0]]
    assert min(lengths) >= 2


def test_fewer_rows_than_a_batch_make_one(make_batches):
    batches = make_batches(numbered(5), batch_size=1000)
    assert len(batches) == 1
    assert sorted(passes(batches)[0][0]) == [0, 1, 2, 3, 4]


def test_batches_of_one_row_on_demand(make_batches):
    assert sorted(passes(make_batches(numbered(4), batch_size=1))[0]) == [[0], [1], [2], [3]]


def test_a_new_order_in_each_pass(make_batches):
    first, second, third = passes(make_batches(numbered(50)), 3)
    assert first != second
    assert second != third
    assert flat(first) != list(range(50))


def test_same_seed_same_orders(make_batches):
    first, same, other = (make_batches(numbered(50), seed=seed) for seed in (3, 3, 4))
    assert passes(first, 3) == passes(same, 3)
    assert passes(first) != passes(other)


def test_without_generator_the_order_stays(make_batches):
    batches = make_batches(numbered(50), seed=None)
    first, second = passes(batches, 2)
    assert first == second
    assert flat(first) == list(range(50))


def test_only_the_chosen_rows(make_batches):
    batches = make_batches(numbered(50), batch_size=4)
    batches.index = torch.tensor([40, 3, 7, 12, 9])
    assert sorted(flat(passes(batches)[0])) == [3, 7, 9, 12, 40]


def test_weights_go_with_their_rows(make_batches):
    batches = make_batches(numbered(50), sample_weight=np.arange(50) / 2)
    for X, weight in batches:
        torch.testing.assert_close(weight, X[:, 0] / 2)
        torch.testing.assert_close(X[:, 1], X[:, 0] * 10)


# --- the order of a pass


CPU = torch.device("cpu")


def drawn(n_rows, seed=0):
    return drawn_order(n_rows, 8, torch.Generator().manual_seed(seed), CPU)


@pytest.fixture(params=[(2**28, 2**18), (8 * 100, 8 * 10), (8 * 7, 8 * 3), (1, 1)])
def _sizes(request, monkeypatch):
    monkeypatch.setattr(batches_module, "WINDOW_BYTES", request.param[0])
    monkeypatch.setattr(batches_module, "RUN_BYTES", request.param[1])


@pytest.mark.usefixtures("_sizes")
@pytest.mark.parametrize("n_rows", [1, 2, 99, 1000, 1001])
def test_each_number_is_in_an_order_once(n_rows):
    assert torch.equal(drawn(n_rows).sort().values, torch.arange(n_rows))
    assert torch.equal(drawn(n_rows), drawn(n_rows))
    if n_rows > 2:
        assert not torch.equal(drawn(n_rows), drawn(n_rows, seed=1))


def test_few_rows_are_in_any_order():
    expected = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn(1000), expected)


def test_many_rows_are_read_in_runs(monkeypatch):
    monkeypatch.setattr(batches_module, "WINDOW_BYTES", 8 * 100)
    monkeypatch.setattr(batches_module, "RUN_BYTES", 8 * 10)
    windows = drawn(1000).split(100)
    for window in windows:
        assert len(torch.unique(window // 10)) == 10  # whole runs
        assert len(torch.unique(window[:20] // 10)) > 4  # whose rows are mixed
    firsts = torch.stack([window.min() for window in windows])
    assert not torch.equal(firsts, firsts.sort().values)  # from anywhere


# --- rows that are resident, and rows that are not


def test_weights_are_cut_as_rows_are(make_batches):
    batches = make_batches(numbered(53), batch_size=7, sample_weight=np.arange(53))
    for X, weight in batches:
        assert len(X) == len(weight)
        assert torch.equal(X[:, 0], weight)


FORMS = {
    "float32": lambda X, folder: X.astype(np.float32),
    "float64": lambda X, folder: X.astype(np.float64),
    "uint8": lambda X, folder: X,
    "csr": lambda X, folder: sp.csr_array(X),
    "memmap": lambda X, folder: mapped(X.astype(np.float32), folder / "X.npy"),
}


def mapped(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


@pytest.fixture
def loaded(monkeypatch):
    """Make blocks small, and return the list of those that are loaded."""
    monkeypatch.setattr("skae._data.rows.GATHERED_BYTES", 2**12)
    monkeypatch.setattr("skae._data.rows.BLOCK_BYTES", 2**13)
    blocks, fill = [], Rows._fill

    def watched(self, scaled, X, places=None):
        if places is not None:
            blocks.append(len(places))
        return fill(self, scaled, X, places)

    monkeypatch.setattr(Rows, "_fill", watched)
    yield blocks
    assert not [t for t in threading.enumerate() if t.name.startswith("skae-prefetch")]


@pytest.fixture
def streamed(monkeypatch, loaded):
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)


BYTES = np.random.default_rng(0).integers(0, 256, (301, 11)).astype(np.uint8)


def fitted(X=BYTES, **parameters):
    parameters = {"max_epochs": 2, "batch_size": 24, "random_state": 0, **parameters}
    return AutoencoderTransformer(3, **parameters).fit(X, sample_weight=1 + np.arange(301) % 3)


def assert_same(ae, expected):
    for name, weights in expected._fitted.weights.items():
        np.testing.assert_array_equal(ae._fitted.weights[name], weights, err_msg=name)
    losses = ["train_loss", "valid_loss"]
    np.testing.assert_array_equal(ae.history_[losses], expected.history_[losses])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "parameters",
    [{}, {"validation_fraction": 0.2, "precision": "float64"}, {"early_stopping": False}],
    ids=["folds", "held out", "all rows"],
)
def test_fits_are_the_same_where_rows_are_resident_and_where_not(
    form, parameters, loaded, monkeypatch, tmp_path
):
    X = FORMS[form](BYTES, tmp_path)
    resident = fitted(X, **parameters)
    assert not loaded
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)
    assert_same(fitted(X, **parameters), resident)
    assert len(loaded) > 2  # folds in one pass load their rows once


def test_blocks_are_larger_than_batches_and_smaller_than_all(make_batches, streamed, loaded):
    batches = make_batches(numbered(3000), batch_size=8)
    assert sorted(flat(passes(batches)[0])) == list(range(3000))
    assert sum(loaded) == 3000
    assert loaded[:-1] == [2**13 // 8] * 2  # rows of eight bytes


def test_fits_at_the_same_time_are_as_one_after_the_other(streamed):
    def fit(seed):
        return fitted(random_state=seed, early_stopping=False)

    expected = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(fit, range(4)))
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)


class Failing(Callback):
    """Raises in the second batch that is trained on."""

    n_begun = 0

    def on_batch_begin(self, net, training=None, **kwargs):
        self.n_begun += training
        if self.n_begun == 2:
            raise RuntimeError("in the training")


def test_an_error_of_the_training_ends_the_background(streamed):
    with pytest.raises(RuntimeError, match="in the training"):
        fitted(callbacks=[Failing()], early_stopping=False)


def test_an_error_of_the_background_is_one_of_the_training(make_batches, streamed, monkeypatch):
    batches = make_batches(numbered(3000), batch_size=8)
    apply, blocks = type(batches.rows._scaling).apply, []

    def broken(self, block, dtype):
        blocks.append(threading.current_thread())
        if len(blocks) == 2:
            raise OSError("the disk is gone")
        return apply(self, block, dtype)

    monkeypatch.setattr(type(batches.rows._scaling), "apply", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        list(batches)
    assert threading.current_thread() not in blocks


def test_a_pass_that_is_left_ends_the_background(make_batches, streamed):
    for _ in make_batches(numbered(3000), batch_size=8):
        break
    first = iter(make_batches(numbered(3000), batch_size=8))
    next(first)
    del first


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("form", FORMS)
def test_fits_on_a_gpu_are_the_same_too(form, loaded, monkeypatch, tmp_path):
    X = FORMS[form](BYTES, tmp_path)
    resident = fitted(X, device="cuda")
    assert not loaded
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)
    assert_same(fitted(X, device="cuda"), resident)
    assert len(loaded) > 8
