"""The terms of the loss in history_: each by its name, adding up to the loss."""

import numpy as np
import pytest
import torch
from support.combinations import slow_but
from support.matrix import ESTIMATORS, X, Y, build

from skae import AutoencoderClassifier, AutoencoderOutlierDetector, AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import KINDS, Contractive, Kind, Sparse, Variational

TERMS = {
    "undercomplete": None,
    "overcomplete": None,
    "denoising": None,
    "sparse": "sparsity",
    "contractive": "contraction",
    "variational": "kl",
    "compressive": "bits",
}
_KNOWN = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds", "network"}
EVERY = [(estimator, kind) for estimator in ESTIMATORS for kind in KINDS]
QUICK = [pair for i, pair in enumerate(EVERY) if pair[0] is AutoencoderTransformer or i % 8 == 0]


def terms_of(history, prefix):
    """Return the columns of the terms in training, "train", or validation, "valid"."""
    names = [n for n in history if n.startswith(f"{prefix}_") and n not in _KNOWN]
    return history[names].rename(columns=lambda name: name.removeprefix(f"{prefix}_"))


def assert_adds_up(history):
    for prefix in ("train", "valid"):
        rows = history[history[f"{prefix}_loss"].notna()]
        total = terms_of(rows, prefix).sum(axis=1)
        np.testing.assert_allclose(total, rows[f"{prefix}_loss"], rtol=1e-4, atol=1e-6)


def test_every_kind_is_known_here():
    assert TERMS.keys() == KINDS.keys()
    assert {name: kind().term() for name, kind in KINDS.items()} == TERMS


@pytest.mark.filterwarnings("ignore:Posterior collapse", "ignore:n_components=6 is not larger")
@pytest.mark.parametrize(
    "pair", slow_but(QUICK, EVERY, lambda pair: f"{pair[0].__name__}-{pair[1]}")
)
def test_terms_add_up_to_the_loss_in_every_estimator(pair):
    estimator, kind = pair
    y = Y if estimator is AutoencoderClassifier else None
    history = build(estimator, kind, "dense").fit(X, y).history_
    expected = {"reconstruction", TERMS[kind]} - {None}
    if estimator is AutoencoderClassifier:
        assert {*terms_of(history, "train")} == {*expected, "cross_entropy"}
        assert {*terms_of(history, "valid")} <= {"cross_entropy"}
    else:
        assert {*terms_of(history, "train")} == expected
        assert {*terms_of(history, "valid")} in (expected, set())
    trained = history[history["epoch"] > 0]
    assert terms_of(trained, "train").notna().all(axis=None)
    assert_adds_up(history)


def fitted(kind, **parameters):
    given = {"architecture": Dense((8,)), "max_epochs": 3, "random_state": 0, **parameters}
    return AutoencoderTransformer(2, kind=kind, **given).fit(X)


@pytest.mark.parametrize("validation_fraction", ["auto", 0.2])
def test_the_kl_term_is_that_of_the_fitted_network(validation_fraction):
    """Beside its row of the best epoch, which has no noise to compare with."""
    rows = np.random.RandomState(1).randn(300, 6)
    ae = AutoencoderTransformer(
        2, kind=Variational(beta=2.0), max_epochs=2, learning_rate=1e-12, random_state=0
    )
    ae.set_params(validation_fraction=0.99, early_stopping=True).fit(rows)
    network = ae._fitted.network("cpu")
    with torch.no_grad():
        scaled = torch.from_numpy(ae._fitted.scaling.apply(rows, np.float32))
        mean, log_variance = network.kind.posterior(network.encoder_output(scaled))
        kl = 2 * network.kind.divergence(mean, log_variance).sum(1).mean()
    assert ae.history_["valid_kl"].iloc[-1] == pytest.approx(float(kl), rel=0.02)


def test_terms_without_weight_are_zero():
    for kind, name in ((Contractive(weight=0), "contraction"), (Sparse("topk", k=2), "sparsity")):
        history = fitted(kind).history_
        assert (terms_of(history, "train")[name][1:] == 0).all()
        assert_adds_up(history)


def test_a_kind_of_ones_own_has_a_penalty_or_the_name_it_gives():
    class Own(Kind):
        def added_loss(self, forward_pass):
            return forward_pass.code.square().sum(1)

    class Named(Own):
        added_term = "size"

    assert "valid_penalty" in fitted(Own()).history_
    history = fitted(Named()).history_
    assert (history["valid_size"] > 0).all()
    assert_adds_up(history)


def test_weights_of_rows_count_in_the_terms():
    weight = np.linspace(0, 3, len(X))
    ae = AutoencoderTransformer(
        2, kind="variational", max_epochs=2, validation_fraction=0.3, random_state=0
    )
    assert_adds_up(ae.fit(X, sample_weight=weight).history_)


def test_repelled_anomalies_are_in_no_term():
    labels = np.where(np.arange(len(X)) < 5, -1, 1)
    detector = AutoencoderOutlierDetector(2, kind="contractive", max_epochs=2, random_state=0)
    detector.set_params(anomaly_label=-1, normal_label=1)
    assert_adds_up(detector.fit(X, labels).history_)


def test_parts_of_a_pass_after_a_pass_are_joined():
    ae = AutoencoderTransformer(2, kind="variational", random_state=0)
    history = ae.partial_fit(X).partial_fit(X).history_
    assert history["train_kl"].notna().tolist() == [False, True, True]
    assert_adds_up(history)
