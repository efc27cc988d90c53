"""What callbacks may ask a net for in the middle of a training."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score
from skorch.callbacks import Callback, EpochScoring

from skae.corruptions import Gaussian
from skae.kinds import Denoising


class Asking(Callback):
    """Asks for predictions after each batch and each epoch."""

    def __init__(self):
        self.modes, self.found = [], []

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        X, y = batch
        assert y is X
        predicted = net.predict(X)
        self.modes.append((training, net.module_.training, predicted.shape == X.shape))

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        self.found.append((net.predict(dataset_valid), net.score(dataset_valid)))
        self.weights = {name: t.clone() for name, t in net.module_.state_dict().items()}


def test_predictions_are_those_of_inference_and_change_nothing(fit, make_network, scaled):
    """Of a kind that corrupts rows in training and validation."""
    kind, asking = Denoising(Gaussian(0.5)), Asking()
    plain = fit(make_network(linear_path=False, kind=kind))
    asked = fit(make_network(linear_path=False, kind=kind), callbacks=[asking])
    for name, tensor in plain.weights.items():
        assert torch.equal(asked.weights[name], tensor)
    assert {mode for mode in asking.modes if mode[0]} == {(True, True, True)}
    assert {mode for mode in asking.modes if not mode[0]} == {(False, False, True)}
    network = make_network(linear_path=False, kind=kind)
    network.load_state_dict(asking.weights)
    X = torch.from_numpy(scaled[40:]).float()
    with torch.no_grad():
        expected = network.eval().decode(network.encode(X)).numpy()
    predicted, score = asking.found[-1]
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-6)
    explained = r2_score(X, expected, multioutput="variance_weighted")
    assert score == pytest.approx(explained, rel=1e-5)


@pytest.mark.parametrize("use_caching", [True, False])
def test_scores_by_name_are_those_of_clean_rows(fit, make_network, use_caching):
    asking, kind = Asking(), Denoising(Gaussian(0.5))
    scoring = EpochScoring("neg_mean_squared_error", use_caching=use_caching, name="score")
    history = fit(make_network(linear_path=False, kind=kind), callbacks=[asking, scoring]).history
    assert np.isnan(history["score"][0])
    assert history["score"].iloc[-1] < 0
    corrupted = history["valid_loss"].iloc[-1]
    assert abs(history["score"].iloc[-1] + corrupted) > 1e-3 * corrupted


def test_a_score_by_name_is_sklearns(fit, scaled):
    asking = Asking()
    scoring = EpochScoring("neg_mean_squared_error", name="score")
    history = fit(callbacks=[asking, scoring]).history
    expected = [-mean_squared_error(scaled[40:], predicted) for predicted, _ in asking.found]
    np.testing.assert_allclose(history["score"][1:], expected, rtol=1e-5)


def test_a_callback_cannot_leave_the_network_in_evaluation_mode(fit, make_network):
    """Dropout would be over for the rest of the epoch."""

    class Evaluating(Callback):
        def on_batch_begin(self, net, **kwargs):
            net.module_.eval()

    modes = []
    network = make_network(linear_path=False)
    network.register_forward_hook(lambda module, *args: modes.append(module.training))
    fit(network, n_epochs=1, callbacks=[Evaluating()])
    assert modes == [False] * 3 + [True] * 4 + [False] * 3
