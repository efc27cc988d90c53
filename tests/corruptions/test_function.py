import pytest
import torch
from support.corruptions import data, refuses, seeded

from skae.corruptions import FunctionCorruption


def test_function_sees_the_units_of_the_data():
    raw, X, features = data()
    seen = []
    corruption = FunctionCorruption(lambda X, generator: seen.append(X) or X * 2)
    shown = corruption.corrupt(X, features, seeded())
    torch.testing.assert_close(seen[0], raw)
    torch.testing.assert_close(features.unscaled(shown), 2 * raw)


def test_function_gets_the_generator(generator):
    _, X, features = data()
    seen = []
    FunctionCorruption(lambda X, g: seen.append(g) or X).corrupt(X, features, generator)
    assert seen[0] is generator


def test_function_may_work_in_place():
    raw, X, features = data()
    before = X.clone()
    shown = FunctionCorruption(lambda X, generator: X.fill_(3.0)).corrupt(X, features, seeded())
    torch.testing.assert_close(features.unscaled(shown), torch.full_like(raw, 3))
    assert torch.equal(X, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_entries_that_a_function_leaves_alone_stay_to_the_last_digit(dtype):
    _, X, features = data(dtype=dtype)

    def first_feature(X, generator):
        X[:, 0] = 0
        return X

    shown = FunctionCorruption(first_feature).corrupt(X, features, seeded())
    assert torch.equal(shown[:, 1:], X[:, 1:])
    assert (shown[:, 0] != X[:, 0]).all()
    # Without care they would not.
    assert not torch.equal(features.scaled(features.unscaled(X)), X)


@pytest.mark.parametrize(
    ("function", "came"),
    [
        (lambda X, generator: X[:, :1], r"Tensor of shape \(50, 1\)"),
        (lambda X, generator: X.mean(), r"Tensor of shape \(\)"),
        (lambda X, generator: X.numpy(), r"ndarray of shape \(50, 48\)"),
        (lambda X, generator: None, "NoneType of shape None"),
    ],
)
def test_function_that_gives_something_else_is_refused(function, came):
    _, X, features = data()
    with pytest.raises(ValueError, match=rf"tensor of shape \(50, 48\), but returned {came}: "):
        FunctionCorruption(function).corrupt(X, features, seeded())


def test_function_must_be_one():
    refuses(FunctionCorruption("noise"), "function of FunctionCorruption must be a callable")
