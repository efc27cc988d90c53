import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from skae._network.head import Head, HeadPlan


def head(n_classes=3, sizes=(8,), weight=0.5, n_components=4, silent=True):
    generator = torch.Generator().manual_seed(0)
    made = Head(HeadPlan(n_classes, sizes, weight), n_components, generator).double()
    if not silent:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.normal_(generator=generator)
    return made


@pytest.fixture
def codes():
    return torch.from_numpy(np.random.RandomState(0).randn(20, 4))


@pytest.mark.parametrize("sizes", [(), (8,), (8, 5)])
def test_all_classes_are_alike_at_first(codes, sizes):
    assert torch.equal(head(sizes=sizes)(codes), torch.zeros(20, 3, dtype=torch.float64))


def test_linear_part_and_residual_add_up(codes):
    made = head(silent=False)
    hidden = torch.nn.functional.silu(codes @ made.residual[0].weight.T + made.residual[0].bias)
    expected = codes @ made.linear.weight.T + made.linear.bias
    expected = expected + hidden @ made.residual[2].weight.T + made.residual[2].bias
    torch.testing.assert_close(made(codes), expected)


def test_without_hidden_layers_it_is_linear(codes):
    made = head(sizes=(), silent=False)
    assert [name for name, _ in made.named_parameters()] == ["linear.weight", "linear.bias"]
    torch.testing.assert_close(made(2 * codes) - made(codes), codes @ made.linear.weight.T)


def test_cross_entropy_of_one_hot_targets_is_the_log_loss(codes):
    made = head(silent=False)
    y = np.arange(20) % 3
    losses = made.cross_entropy(codes, torch.eye(3, dtype=torch.float64)[y])
    probabilities = made(codes).softmax(1).detach().numpy()
    assert losses.mean().item() == pytest.approx(log_loss(y, probabilities))


def test_cross_entropy_of_soft_targets_is_that_of_torch(codes):
    made = head(silent=False)
    targets = torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets /= targets.sum(1, keepdim=True)
    expected = torch.nn.functional.cross_entropy(made(codes), targets, reduction="none")
    torch.testing.assert_close(made.cross_entropy(codes, targets), expected)


def test_targets_of_zero_count_nothing(codes):
    made = head(silent=False)
    losses = made.cross_entropy(codes, torch.zeros(20, 3, dtype=torch.float64))
    assert not losses.any()


def test_full_precision_within_half_precision(codes):
    made = head(silent=False).float()
    expected = made(codes.float())
    with torch.autocast("cpu", torch.bfloat16):
        logits = made(codes.bfloat16().float())
        assert logits.dtype == torch.float32
        assert torch.equal(made(codes.float()), expected)
