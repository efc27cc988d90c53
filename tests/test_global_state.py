"""No public method changes the state of the process: generators, dtypes, threads, filters, ..."""

import warnings

import numpy as np
import pytest
import torch
from support.global_state import changed, snapshot
from support.public_methods import (
    CALLS,
    ESTIMATORS,
    HOLES,
    READING,
    X,
    call,
    fitted,
    new,
    public_methods,
    shared,
)

from skae._training.convergence import TrainingDivergedError
from skae.architectures import Custom


def test_no_method_is_left_out():
    listed = {}
    for name, (_, calls) in ESTIMATORS.items():
        listed.setdefault(type(new(name)), set()).update(calls)
    for cls, calls in listed.items():
        assert public_methods(cls) == calls, f"say in public_methods.py how to call those of {cls}"


@pytest.mark.parametrize(("name", "method"), CALLS, ids=lambda given: given)
def test_methods_change_nothing(name, method):
    reads = (name, method) in READING
    estimator = shared(name) if reads else fitted(name, random_state=None)
    before = snapshot()
    call(estimator, name, method)
    assert not changed(before, snapshot())


def encoder(sample_shape, n_outputs):
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(6, n_outputs))


def decoder(sample_shape, n_components):
    return torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(n_components, 6))


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("architecture", ["dense", "recurrent", Custom(encoder, decoder)])
def test_architectures_and_precisions_change_nothing(architecture, precision):
    before = snapshot()
    new("transformer", architecture=architecture, precision=precision).fit(X).transform(X)
    assert not changed(before, snapshot())


class StopError(Exception):
    pass


def test_errors_change_nothing():
    def fail(loss, target):
        raise StopError

    before = snapshot()
    with pytest.raises(ValueError, match="infinity"):
        new("transformer").fit(np.full((5, 2), np.inf))
    with pytest.raises(TrainingDivergedError):
        new("transformer", init="random", optimizer="sgd", learning_rate=1e30).fit(X)
    with pytest.raises(ValueError, match="StopError"):
        new("transformer", loss=fail).fit(X)
    with pytest.raises(ValueError, match="NaN"):
        fitted("transformer").transform(HOLES)
    assert not changed(before, snapshot())


def test_a_snapshot_sees_changes():
    """Otherwise the tests above could not fail."""
    before = snapshot()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    torch.rand(1)
    np.random.rand()
    with warnings.catch_warnings(), np.errstate(over="raise"), torch.no_grad():
        warnings.simplefilter("ignore")
        seen = set(changed(before, snapshot()))
    torch.set_rng_state(torch_state)
    np.random.set_state(numpy_state)
    assert seen == {
        *("torch's generator", "numpy's generator", "filters of warnings"),
        *("numpy's errors", "torch's grad mode"),
    }
    assert not changed(before, snapshot())
