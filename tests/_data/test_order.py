import pytest
import torch

from skae._data import batches as order
from skae._data.batches import drawn_order

CPU = torch.device("cpu")


def drawn(n_rows, seed=0):
    return drawn_order(n_rows, 8, torch.Generator().manual_seed(seed), CPU)


@pytest.fixture(params=[(2**28, 2**18), (8 * 100, 8 * 10), (8 * 7, 8 * 3), (1, 1)])
def _sizes(request, monkeypatch):
    monkeypatch.setattr(order, "WINDOW_BYTES", request.param[0])
    monkeypatch.setattr(order, "RUN_BYTES", request.param[1])


@pytest.mark.usefixtures("_sizes")
@pytest.mark.parametrize("n_rows", [1, 2, 99, 1000, 1001])
def test_each_row_is_there_once(n_rows):
    assert torch.equal(drawn(n_rows).sort().values, torch.arange(n_rows))
    assert torch.equal(drawn(n_rows), drawn(n_rows))
    if n_rows > 2:
        assert not torch.equal(drawn(n_rows), drawn(n_rows, seed=1))


def test_few_rows_are_in_any_order():
    expected = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn(1000), expected)


def test_many_rows_are_read_in_runs(monkeypatch):
    monkeypatch.setattr(order, "WINDOW_BYTES", 8 * 100)
    monkeypatch.setattr(order, "RUN_BYTES", 8 * 10)
    windows = drawn(1000).split(100)
    for window in windows:
        assert len(torch.unique(window // 10)) == 10  # whole runs
        assert len(torch.unique(window[:20] // 10)) > 4  # whose rows are mixed
    firsts = torch.stack([window.min() for window in windows])
    assert not torch.equal(firsts, firsts.sort().values)  # from anywhere
