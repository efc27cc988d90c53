import pytest
import torch
from support.losses import outputs_and_targets

from skae.losses import BCE


@pytest.mark.parametrize(("minimum", "maximum"), [(-0.01, 1), (0, 1.01), (-3, 255)])
def test_bce_refuses_data_outside_of_zero_and_one(minimum, maximum):
    with pytest.raises(ValueError, match=r"loss='bce' needs all entries of X in \[0, 1\]"):
        BCE().check(minimum, maximum)


def test_bce_takes_probabilities():
    BCE().check(0.0, 1.0)
    BCE().check(0.2, 0.3)


def test_bce_reconstructs_probabilities():
    output = torch.linspace(-50, 50, 101)
    reconstruction = BCE().reconstruction(output)
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
    assert (reconstruction.diff() >= 0).all()


def test_bce_has_no_scale():
    output, target = outputs_and_targets()
    values = BCE().log_likelihood(output, target, None)
    torch.testing.assert_close(values, -BCE().elementwise(output, target))
