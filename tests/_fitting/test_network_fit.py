"""The outcome of a fit, and what the estimator shows of it."""

import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pandas as pd
import pytest

from skae import AutoencoderTransformer
from skae._fitting.fit_network import fit_network
from skae._fitting.network_fit import attributes_so_far, attributes_with, final_loss
from skae._network.autoencoder_network import AutoencoderNetwork
from skae.architectures import Dense
from skae.kinds import Sparse

F64 = np.dtype(float)


@pytest.fixture
def fit(X, make_prepared, trainings, report):
    prepared = make_prepared(
        X, kind="sparse", validation_fraction=0.2, learning_rate=0.03, precision="float64"
    )
    return fit_network(prepared, trainings, report)


def test_the_outcome_cannot_be_changed(fit):
    for field in fields(fit):
        with pytest.raises(FrozenInstanceError):
            setattr(fit, field.name, None)


def test_attributes_are_the_values_that_were_used(X, fit):
    shown = fit.attributes
    assert shown["_fitted"] is fit.network
    assert shown["n_components_"] == shown["_n_features_out"] == 2
    assert type(shown["kind_"]) is Sparse
    assert type(shown["architecture_"]) is Dense
    np.testing.assert_allclose(shown["mean_"], X.mean(axis=0))
    assert shown["scale_"] == pytest.approx(np.sqrt(X.var(axis=0).mean()))
    assert (shown["batch_size_"], shown["learning_rate_"]) == (16, 0.03)
    assert (shown["device_"], shown["precision_"]) == ("cpu", "float64")
    assert shown["history_"] is fit.history
    assert shown["n_epochs_"] == 2
    assert shown["best_epoch_"] == fit.best_epoch
    assert shown["loss_"] == fit.history["valid_loss"][fit.best_epoch]
    assert shown["_optimizer_state"] is None


def test_attributes_of_the_kind_are_shown_and_named(fit):
    shown = fit.attributes
    assert shown["_of_kind"] == list(fit.of_kind)
    assert "sparsity_" in shown["_of_kind"]
    assert all(shown[name] is value for name, value in fit.of_kind.items())


def test_common_attributes_are_those_without_a_network(fit):
    common = fit.common_attributes
    alone = {"_fitted", "mean_", "scale_", "best_epoch_", "loss_", "_optimizer_state", "_of_kind"}
    assert not alone & common.keys()
    assert all(fit.attributes[name] is common[name] for name in ("kind_", "history_"))


def test_attributes_so_far_and_with_other_weights(X, fit):
    so_far = attributes_so_far(fit.prepared, fit.network)
    assert so_far.keys() < fit.attributes.keys()
    assert "history_" not in so_far
    state = {n: w + 0.1 if w.is_floating_point() else w for n, w in states_of(fit).items()}
    other = attributes_with(fit.prepared, state)["_fitted"]
    for name, weights in other.weights.items():
        np.testing.assert_array_equal(weights, state[name].numpy())
    state["linear_encoder.weight"].zero_()
    assert (other.weights["linear_encoder.weight"] != 0).any()
    assert other.spec is fit.network.spec


def states_of(fit):
    state = fit.network.network("cpu").state_dict()
    return {name: tensor.clone() for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("valid_loss", "epoch", "expected"),
    [([3.0, 2.0, 4.0], 1, 2.0), ([3.0, 2.0, 4.0], 2, 4.0), ([np.nan] * 3, 2, 0.5)],
)
def test_final_loss_is_that_of_validation_or_else_of_training(valid_loss, epoch, expected):
    history = pd.DataFrame({"train_loss": [np.nan, 1.0, 0.5], "valid_loss": valid_loss})
    found = final_loss(history, epoch)
    assert found == expected
    assert type(found) is float


def test_number_of_epochs_is_that_of_the_last_row(fit):
    history = pd.DataFrame({"epoch": [0, 1, 2, 3], "train_loss": 1.0, "valid_loss": 1.0})
    assert replace(fit, history=history).common_attributes["n_epochs_"] == 3


# --- the module of a fit of an estimator


@pytest.fixture
def built(monkeypatch):
    """Return the list of networks that are built."""
    networks, init = [], AutoencoderNetwork.__init__

    def counted(self, *args, **kwargs):
        networks.append(self)
        return init(self, *args, **kwargs)

    monkeypatch.setattr(AutoencoderNetwork, "__init__", counted)
    return networks


def test_the_trained_module_is_the_one_that_transforms(X, built):
    ae = AutoencoderTransformer(
        2, architecture=Dense((4,)), max_epochs=2, validation_fraction=0.2, random_state=0
    ).fit(X)
    codes, scores = ae.transform(X), ae.score_samples(X)
    assert len(built) == 1
    assert ae._fitted.network("cpu") is built[0]
    assert all(parameter.grad is None for parameter in built[0].parameters())
    other = pickle.loads(pickle.dumps(ae))
    np.testing.assert_array_equal(other.transform(X), codes)
    np.testing.assert_array_equal(other.score_samples(X), scores)
    assert len(built) == 2


def test_a_fit_does_not_touch_the_estimator_before_it_succeeds(X, monkeypatch):
    """Every step sees the estimator as it was, but for what validation says of the rows."""
    ae = AutoencoderTransformer(2, architecture=Dense((4,)), max_epochs=1, random_state=0).fit(X)
    before = dict(vars(ae))
    of_rows = {"n_features_in_", "sample_shape_"}
    seen = []

    def looking(*args, **kwargs):
        seen.append({n: v for n, v in vars(ae).items() if n not in of_rows})
        return fit_network(*args, **kwargs)

    monkeypatch.setattr("skae.estimators.transformer.fit_network", looking)
    ae.set_params(kind="sparse", n_components=3).fit(X[:, :5])
    changed = {"kind", "n_components"}
    assert seen[0].keys() == before.keys() - of_rows
    for name in seen[0].keys() - changed:
        assert seen[0][name] is before[name], name
    assert ae._fitted is not before["_fitted"]
