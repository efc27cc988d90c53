import numpy as np
import pytest
import torch

from skae._network.noise import noise, noise_of_several


@pytest.mark.parametrize("shape", [(1000, 101), (3, 7), (1, 1), (1, 8)])
def test_noise_of_jitter(shape):
    """Of mean 0 and variance 1, whichever of the eight bytes of a draw it comes from."""
    drawn = [noise(torch.empty(shape), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert drawn[0].shape == shape
    assert drawn[0].dtype == torch.float32
    assert torch.equal(drawn[0], drawn[1])
    assert drawn[0].abs().max() < 3**0.5
    if shape[0] == 1000:
        assert not torch.equal(drawn[0], drawn[2])
        values = drawn[0].flatten()[: 101_000 // 8 * 8].view(-1, 8).double()
        np.testing.assert_allclose(values.mean(0), 0, atol=5 / 12_625**0.5)
        np.testing.assert_allclose(np.cov(values.T), np.eye(8), atol=5 / 12_625**0.5)


def test_noise_goes_on_with_the_generator():
    generator = torch.Generator().manual_seed(0)
    X = torch.empty(50, 4, dtype=torch.float64)
    first, second = noise(X, generator), noise(X, generator)
    assert first.dtype == torch.float64
    assert abs(np.corrcoef(first.flatten(), second.flatten())[0, 1]) < 0.3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_of_several_is_that_of_each(dtype):
    sizes = [7, 5, 6]
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 0, 1)]
    joint = noise_of_several(torch.empty(3, 7, 3, dtype=dtype), generators, sizes)
    assert joint.isfinite().all()
    for seed, size, of_network, used in zip((0, 0, 1), sizes, joint, generators, strict=True):
        own = torch.Generator().manual_seed(seed)
        alone = noise(torch.empty(size, 3, dtype=dtype), own)
        assert torch.equal(of_network[:size], alone)
        assert torch.equal(used.get_state(), own.get_state())
