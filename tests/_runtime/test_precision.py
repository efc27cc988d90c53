import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from skae import AutoencoderTransformer
from skae._runtime import precision as module
from skae._runtime.precision import autocast, resolve_precision, tensor_dtype
from skae._training.optimizer import make_optimizer
from skae.architectures import Dense

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_a_given_precision_stays(precision):
    assert resolve_precision(precision, CPU, 10**9) == precision


@pytest.mark.parametrize(
    ("n_multiplications", "has_units", "expected"),
    [
        (10**7, True, "float32"),
        (10**7, False, "float32"),
        (10**8, True, "bfloat16"),
        (10**8, False, "float32"),
    ],
)
def test_auto_halves_much_work_where_there_are_units(
    monkeypatch, n_multiplications, has_units, expected
):
    monkeypatch.setattr(module, "_has_bfloat16_units", lambda device: has_units)
    assert resolve_precision("auto", CPU, n_multiplications) == expected


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": False, "avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": False, "avx512_bf16": False, "avx512_f": True}, "float32"),
        ({}, "float32"),
    ],
)
def test_auto_knows_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert resolve_precision("auto", CPU, 10**8) == expected


@pytest.mark.parametrize(("batch_size", "expected"), [(64, "float32"), (1024, "bfloat16")])
def test_auto_counts_the_work_of_a_batch(monkeypatch, batch_size, expected):
    monkeypatch.setattr(module, "_has_bfloat16_units", lambda device: True)
    X = np.random.default_rng(0).normal(size=(30, 20))
    estimator = AutoencoderTransformer(
        2, architecture=Dense((256, 128)), batch_size=batch_size, max_epochs=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert estimator.fit(X).precision_ == expected


def test_linear_path_stays_in_full_precision(make_network, X):
    """What is left after it may be a thousandth of the data, and bfloat16 has three digits."""
    network = make_network(linear_path=True)
    rows = torch.from_numpy(X).float()
    code, expected = network.encode(rows), network.decode(network.encode(rows))
    with autocast("bfloat16", CPU):
        # The residual networks start at zero.
        assert torch.equal(network.encode(rows), code)
        assert torch.equal(network.decode(code), expected)
    assert not torch.is_autocast_enabled("cpu")


def test_float64_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="precision='float64' is not available on device 'mps'"):
        resolve_precision("float64", torch.device("mps"), 10)
    assert resolve_precision("float32", torch.device("mps"), 10) == "float32"


def test_only_products_are_in_half_precision():
    assert tensor_dtype("bfloat16") == torch.float32
    assert tensor_dtype("float32") == torch.float32
    assert tensor_dtype("float64") == torch.float64


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_full_precision_changes_nothing(make_network, precision, X):
    network = make_network(dtype=tensor_dtype(precision))
    rows = torch.from_numpy(X).to(tensor_dtype(precision))
    expected = network.sample_losses(rows)
    with autocast(precision, CPU):
        losses = network.sample_losses(rows)
    assert losses.dtype == tensor_dtype(precision)
    assert torch.equal(losses, expected)


def test_bfloat16_is_near_and_trains(make_network, X):
    rows = torch.from_numpy((X - X.mean(0)) / X.std()).float()
    network = make_network(linear_path=False)
    optimizer = make_optimizer(network, torch.optim.AdamW, 0.02, 0.0)
    expected = network.sample_losses(rows).detach()
    history = []
    for _ in range(60):
        optimizer.zero_grad()
        with autocast("bfloat16", CPU):
            losses = network.sample_losses(rows)
        losses.mean().backward()
        optimizer.step()
        history.append(losses.detach().float())
    assert not torch.equal(history[0], expected)
    np.testing.assert_allclose(history[0].numpy(), expected.numpy(), rtol=0.05)
    assert history[-1].mean() < 0.5 * history[0].mean()
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
