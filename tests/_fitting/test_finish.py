"""What a trained network learns and shows of its training rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from skae._fitting.finish import finish
from skae._training.convergence import TrainingDivergedError
from skae._training.train import TrainingResult
from skae.architectures import Dense
from skae.kinds import Sparse, Undercomplete

HISTORY = pd.DataFrame({"epoch": [0, 1], "train_loss": [np.nan, 1.0], "valid_loss": [2.0, 1.5]})
F64 = np.dtype(float)


def result_with(weights, optimizer_state=None):
    return TrainingResult(weights, HISTORY, 1, 1.5, optimizer_state or {}, False)


def changed(network, by=0.1):
    """Return other weights for a network, as a training would."""
    parameters = {name for name, _ in network.named_parameters()}
    state = network.state_dict()
    return {n: w + by if n in parameters else w.clone() for n, w in state.items()}


def finished(prepared, weights=None, plan=None, **others):
    weights = changed(prepared.network) if weights is None else weights
    plan = plan or prepared.plan(len(prepared.rows))
    return finish(prepared, plan, result_with(weights), HISTORY, 1, **others)


def test_the_weights_that_were_kept_are_those_of_the_fit(X, make_prepared):
    prepared = make_prepared(X)
    weights = changed(prepared.network)
    fit = finished(prepared, weights)
    ranges = {"row_low", "row_high", "code_low", "code_high"}
    for name in weights.keys() - ranges:
        np.testing.assert_array_equal(fit.network.weights[name], weights[name].numpy())
    assert fit.network.spec is prepared.spec
    assert fit.prepared is prepared
    assert fit.history is HISTORY
    assert fit.best_epoch == 1


def test_the_trained_module_is_that_of_inference(X, make_prepared):
    prepared = make_prepared(X)
    prepared.network.train()
    prepared.network.sample_losses(prepared.rows.take(torch.arange(5))).sum().backward()
    fit = finished(prepared)
    network = fit.network.network("cpu")
    assert network is prepared.network
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_ranges_are_those_of_all_rows_and_their_codes(X, make_prepared):
    prepared = make_prepared(X)
    fit = finished(prepared)
    scaled = prepared.spec.scaling.apply(X)
    weights = fit.network.weights
    np.testing.assert_array_equal(weights["row_low"], scaled.min(axis=0))
    np.testing.assert_array_equal(weights["row_high"], scaled.max(axis=0))
    codes = fit.network.encode(X, "cpu", F64)
    np.testing.assert_allclose(weights["code_low"], codes.min(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights["code_high"], codes.max(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_codes_of_the_training_rows_are_kept_as_inference_gives_them(X, make_prepared, dropout):
    prepared = make_prepared(X, architecture=Dense((4,), dropout=dropout))
    prepared.network.train().draw_from(torch.Generator())  # as a training leaves it
    fit = finished(prepared)
    codes = fit.network.encode(X, "cpu", F64)
    np.testing.assert_allclose(fit.code_sample, codes, rtol=1e-4, atol=1e-5)


def test_a_kind_is_given_the_summary_of_all_codes(X, make_prepared):
    fit = finished(make_prepared(X, kind=Sparse("topk", k=1), n_components=4))
    codes = fit.network.encode(X, "cpu", F64)
    assert fit.of_kind["sparsity_"] == pytest.approx((codes == 0).mean())


class Directed(Undercomplete):
    """Shows the directions of the decoder."""

    def attributes(self, summary):
        return {"directions_": summary.directions()}


def test_directions_are_those_of_the_decoder_in_units_of_X(X, make_prepared):
    """Of a linear decoder, the columns of its weights."""
    prepared = make_prepared(X, kind=Directed(), architecture=Dense(()), precision="float64")
    weights = changed(prepared.network)
    fit = finished(prepared, weights)
    linear = weights["linear_decoder.weight"].numpy().T
    unit = prepared.spec.scaling.scale
    expected = linear * unit
    residual = weights["decoder.0.weight"].numpy().T * unit * float(weights["residual_scale"])
    np.testing.assert_allclose(fit.of_kind["directions_"], expected + residual, rtol=1e-8)


def test_the_state_of_the_optimizer_is_kept_only_where_training_may_go_on(X, make_prepared):
    prepared = make_prepared(X)
    result = result_with(changed(prepared.network), {0: {"step": 3}})
    plan = prepared.plan(60)
    assert finish(prepared, plan, result, HISTORY, 1).optimizer_state is None
    kept = finish(make_prepared(X), plan, result, HISTORY, 1, keeps_optimizer=True)
    assert kept.optimizer_state == {0: {"step": 3}}


def test_an_interruption_is_handed_on(X, make_prepared):
    assert finished(make_prepared(X)).interruption is None
    assert finished(make_prepared(X), interruption="in epoch 3").interruption == "in epoch 3"


@pytest.mark.parametrize("name", ["linear_encoder.weight", "linear_decoder.weight"])
@pytest.mark.parametrize("rate", ["learning_rate", "weight_decay"])
def test_weights_that_lead_to_infinity_are_refused_after_large_steps(X, make_prepared, name, rate):
    prepared = make_prepared(X)
    weights = changed(prepared.network)
    weights[name] = torch.full_like(weights[name], 3e38)
    plan = replace(prepared.plan(60), **{rate: 11.0})
    with pytest.raises(TrainingDivergedError, match=f"{rate}=11"):
        finished(prepared, weights, plan)


def test_large_steps_to_ordinary_weights_are_fine(X, make_prepared):
    prepared = make_prepared(X)
    finished(prepared, plan=replace(prepared.plan(60), learning_rate=1e3, weight_decay=1e3))
