"""What every loss does."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.base import clone
from support.losses import outputs_and_targets
from torch import distributions

from skae.losses import LOSSES, MAE, MSE, FunctionLoss, Huber

# What each loss must be, written in numpy and apart from torch's own losses.
CLOSED_FORMS = {
    "mse": lambda output, target: (target - output) ** 2,
    "mae": lambda output, target: np.abs(target - output),
    "huber": lambda output, target: np.where(
        np.abs(target - output) <= 1, (target - output) ** 2 / 2, np.abs(target - output) - 0.5
    ),
    "bce": lambda output, target: (
        -(
            target * np.log(1 / (1 + np.exp(-output)))
            + (1 - target) * np.log(1 / (1 + np.exp(output)))
        )
    ),
    "multinomial": lambda output, target: -target * log_softmax(output, axis=1),
}
# Where the reconstruction that belongs to the linear path alone is not the linear path itself.
CLIPPED = {"bce": (0, 1)}
every_loss = pytest.mark.parametrize("name", LOSSES)
# The multinomial loss takes the linear path for multiples of probabilities: see its own tests.
every_loss_of_entries = pytest.mark.parametrize("name", sorted({*LOSSES} - {"multinomial"}))


@every_loss
def test_elementwise_is_the_closed_form(name):
    output, target = outputs_and_targets()
    values = LOSSES[name]().elementwise(output, target)
    expected = CLOSED_FORMS[name](output.numpy(), target.numpy())
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-12)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_elementwise_keeps_shape_and_dtype(name, dtype):
    output, target = outputs_and_targets(dtype)
    values = LOSSES[name]().elementwise(output, target)
    assert values.shape == target.shape
    assert values.dtype == dtype


@every_loss
def test_derivatives_in_linear_path_and_residual(name):
    loss = LOSSES[name]()
    residual, target = outputs_and_targets()
    linear = target.flip(0)

    def objective(linear, residual):
        return loss.elementwise(loss.output(linear, residual), target)

    inputs = (linear.clone().requires_grad_(), residual.clone().requires_grad_())
    assert torch.autograd.gradcheck(objective, inputs)


@every_loss
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_gradient_is_finite_and_reaches_every_entry(name, size):
    loss = LOSSES[name]()
    residual, target = outputs_and_targets(torch.float32)
    residual = (residual * size).requires_grad_()
    linear = torch.linspace(-2, 3, target.numel()).reshape(target.shape)
    loss.elementwise(loss.output(linear, residual), target).sum().backward()
    assert torch.isfinite(residual.grad).all()
    assert (residual.grad != 0).all()


@every_loss_of_entries
def test_residual_of_zero_gives_the_linear_path(name):
    loss = LOSSES[name]()
    linear = torch.linspace(-2, 3, 101, dtype=torch.float64)[:, None]
    reconstruction = loss.reconstruction(loss.output(linear, torch.zeros_like(linear)))
    low, high = CLIPPED.get(name, (-np.inf, np.inf))
    expected = linear.numpy().clip(low, high)
    tolerance = 1e-3 if name in CLIPPED else 1e-12
    np.testing.assert_allclose(reconstruction.numpy(), expected, atol=tolerance)
    inside = (linear > low + tolerance) & (linear < high - tolerance)
    np.testing.assert_allclose(reconstruction[inside].numpy(), linear[inside].numpy(), atol=1e-12)


@every_loss_of_entries
def test_no_reconstruction_is_better_than_the_target(name):
    loss = LOSSES[name]()
    residual, target = outputs_and_targets()
    best = loss.elementwise(loss.output(target, torch.zeros_like(target)), target)
    other = loss.elementwise(loss.output(target, residual), target)
    assert (best < other).all()


@every_loss
def test_parameters_are_scikit_learns(name):
    loss = LOSSES[name]()
    copy = clone(loss)
    assert copy is not loss
    assert copy.get_params() == loss.get_params()


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].rescales])
def test_a_loss_that_rescales_takes_any_finite_data(name):
    LOSSES[name]().check(-1e30, 1e30)


def test_no_two_losses_are_the_same():
    output, target = outputs_and_targets()
    values = [LOSSES[name]().elementwise(output, target) for name in LOSSES]
    for i, first in enumerate(values):
        for second in values[:i]:
            assert not torch.allclose(first, second)


# What each loss stands for, by torch's own distributions.
DISTRIBUTIONS = {
    "mse": ("gaussian", lambda output, scale: distributions.Normal(output, scale)),
    "mae": ("laplace", lambda output, scale: distributions.Laplace(output, scale)),
    "bce": ("bernoulli", lambda output, scale: distributions.Bernoulli(logits=output)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("log_scale", [-3.0, 0.0, 1.5])
def test_log_likelihood_is_torchs(name, log_scale):
    output, target = outputs_and_targets()
    if name == "bce":
        target = target.round()
    log_scale = torch.tensor(log_scale, dtype=torch.float64)
    values = LOSSES[name]().log_likelihood(output, target, log_scale)
    expected = DISTRIBUTIONS[name][1](output, log_scale.exp()).log_prob(target)
    torch.testing.assert_close(values, expected)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_log_likelihood_is_a_density(name):
    """It sums to one over all entries that there can be."""
    ends = (0, 1, 2) if name == "bce" else (-40, 40, 80001)
    entries = torch.linspace(*ends, dtype=torch.float64)[:, None]
    step = 1.0 if name == "bce" else float(entries[1] - entries[0])
    output = torch.full_like(entries, 0.7)
    log_scale = torch.tensor(0.3, dtype=torch.float64)
    total = LOSSES[name]().log_likelihood(output, entries, log_scale).exp().sum() * step
    assert float(total) == pytest.approx(1, abs=1e-6)


@every_loss_of_entries
def test_what_a_loss_stands_for(name):
    loss = LOSSES[name]()
    distribution = DISTRIBUTIONS[name][0] if name in DISTRIBUTIONS else None
    assert loss.distribution == distribution
    assert loss.has_scale == (distribution in ("gaussian", "laplace"))


@pytest.mark.parametrize("loss", [Huber(), FunctionLoss(lambda output, target: output)])
def test_a_loss_without_a_distribution_has_no_likelihood(loss):
    assert loss.distribution is None
    output, target = outputs_and_targets()
    with pytest.raises(NotImplementedError, match="has no distribution"):
        loss.log_likelihood(output, target, torch.tensor(0.0))


@pytest.mark.parametrize("loss", [MSE(), MAE()], ids=["mse", "mae"])
def test_the_best_scale_is_that_of_the_residuals(loss):
    output, target = outputs_and_targets()
    error = (output - target).abs()
    best = error.square().mean().sqrt() if loss.distribution == "gaussian" else error.mean()
    log_scale = best.log().requires_grad_()
    loss.log_likelihood(output, target, log_scale).mean().backward()
    assert abs(float(log_scale.grad)) < 1e-12
