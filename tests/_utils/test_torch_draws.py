import pytest
import torch

from skae._utils.torch_draws import torch_draws


def draw():
    return torch.rand(3)


def test_draws_are_those_of_the_seed():
    with torch_draws(5):
        first = draw()
    with torch_draws(5):
        same, further = draw(), draw()
    with torch_draws(6):
        other = draw()
    assert torch.equal(first, same)
    assert torch.equal(first, torch.rand(3, generator=torch.Generator().manual_seed(5)))
    assert not torch.equal(first, further)
    assert not torch.equal(first, other)


def test_global_generator_goes_on_where_it_was():
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        expected = [draw(), draw()]
        torch.manual_seed(1)
        found = [draw()]
        with torch_draws(5):
            draw()
        found.append(draw())
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def draw_and_halt():
    with torch_draws(5):
        draw()
        raise RuntimeError("halt")


def test_put_back_after_errors():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="halt"):
        draw_and_halt()
    assert torch.equal(torch.get_rng_state(), before)


def test_nested():
    with torch_draws(5):
        expected = [draw(), draw()]
    with torch_draws(5):
        found = [draw()]
        with torch_draws(6):
            draw()
        found.append(draw())
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_large_seeds():
    with torch_draws(2**62 - 1):
        assert len(draw()) == 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_generator_of_the_gpu():
    device = torch.device("cuda")
    before = torch.cuda.get_rng_state()
    draws = []
    for _ in range(2):
        with torch_draws(5, device):
            draws.append(torch.rand(3, device=device))
    assert torch.equal(*draws)
    assert torch.equal(torch.cuda.get_rng_state(), before)
