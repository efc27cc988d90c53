import threading

import pytest
import torch

from skae.training.threads import threads_for

OUTSIDE = 3
SMALL, LARGE = (16, 100), (1024, 10**7)


@pytest.fixture(autouse=True)
def three_threads(global_state_is_left_alone):
    before = torch.get_num_threads()
    torch.set_num_threads(OUTSIDE)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("size", "inside"), [(SMALL, 1), (LARGE, OUTSIDE)])
def test_small_networks_take_one_thread(size, inside):
    with threads_for(*size):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == OUTSIDE


def test_never_more_than_torch_was_given():
    torch.set_num_threads(1)
    with threads_for(*LARGE):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 1


def test_restored_after_an_exception():
    with pytest.raises(KeyError), threads_for(*SMALL):
        raise KeyError
    assert torch.get_num_threads() == OUTSIDE


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [(SMALL, SMALL, (1, 1, 1)), (SMALL, LARGE, (1, OUTSIDE, 1)), (LARGE, SMALL, (OUTSIDE, 1, 3))],
)
def test_nested(outer, inner, expected):
    """A callback may use another model in the middle of a training."""
    seen = []
    with threads_for(*outer):
        seen.append(torch.get_num_threads())
        with threads_for(*inner):
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())
    assert tuple(seen) == expected
    assert torch.get_num_threads() == OUTSIDE


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_restored_when_two_threads_overlap(first_to_leave):
    """Neither takes the other's single thread for the number that torch had been given."""
    both_inside, one_left = threading.Barrier(2), threading.Event()
    after = {}

    def work(number):
        with threads_for(*SMALL):
            both_inside.wait(10)
            if number != first_to_leave:
                one_left.wait(10)
        after[number] = torch.get_num_threads()
        one_left.set()

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert after == {0: OUTSIDE, 1: OUTSIDE}
    assert torch.get_num_threads() == OUTSIDE
    with threads_for(*LARGE):
        assert torch.get_num_threads() == OUTSIDE
