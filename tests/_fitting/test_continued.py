"""What a fit may change that goes on from a fitted network, and what it may not."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skae import AutoencoderClassifier, AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import Denoising, Sparse, Variational

X, Y = load_iris(return_X_y=True)


def started(**parameters):
    settings = {"n_components": 2, "max_epochs": 2, "random_state": 0, "warm_start": True}
    return AutoencoderTransformer(**{**settings, **parameters}).fit(X)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_components": 3}, "n_components was 2 in the fit that goes on, and is 3 now"),
        ({"kind": "variational"}, "kind was Undercomplete .* and is Variational now"),
        ({"kind": "variational", "n_components": 3}, "n_components was 2"),
        ({"kind": Denoising("missing")}, "kind was Undercomplete .* and is Denoising now"),
        ({"architecture": "recurrent"}, "architecture was Dense .* and is Recurrent now"),
        (
            {"architecture": Dense((7,))},
            "architecture__hidden_layer_sizes was .* and is \\(7,\\) now",
        ),
        ({"architecture": Dense(activation="relu")}, "architecture__activation was .*silu"),
        ({"loss": "mae"}, "loss was MSE .* and is MAE now"),
        ({"init": "random"}, "init was pca .* and is random now"),
    ],
)
def test_what_shapes_the_network_cannot_change(parameters, said):
    ae = started()
    before = ae.transform(X)
    ae.set_params(**parameters)
    for go_on in (ae.fit, ae.partial_fit):
        with pytest.raises(ValueError, match=f"{said}.*set warm_start=False, or fit a new"):
            go_on(X)
    np.testing.assert_array_equal(ae.transform(X), before)
    ae.set_params(warm_start=False).fit(X)


def test_a_linear_decoder_and_missing_values_are_parts_of_the_network():
    ae = started(kind=Sparse("topk", k=1)).set_params(kind=Sparse("topk", k=1, linear_decoder=True))
    with pytest.raises(ValueError, match="kind__linear_decoder was False"):
        ae.fit(X)
    ae = started(kind=Denoising("gaussian")).set_params(kind=Denoising("missing"))
    with pytest.raises(ValueError, match="kind was one without missing values"):
        ae.fit(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_concerns_the_training_is_taken(method):
    def gone_on(**parameters):
        ae = started(kind=Variational(beta=1.0), early_stopping=False)
        ae.set_params(**parameters)
        return getattr(ae, method)(X)

    same = gone_on()
    for parameters in (
        {"kind__beta": 20.0},
        {"kind": Variational(beta=20.0)},
        {"learning_rate": 0.05},
        {"optimizer": "adam", "optimizer_params": {"betas": (0.5, 0.9)}},
        {"batch_size": 16},
        {"weight_decay": 5.0},
    ):
        changed = gone_on(**parameters)
        assert not np.array_equal(changed.transform(X), same.transform(X)), parameters
    assert gone_on(kind__beta=20.0).kind_.beta == 20


def test_sizes_that_are_automatic_stay():
    ae = started(n_components="auto")
    size = ae.n_components_
    assert ae.fit(X[:60]).n_components_ == size


def test_a_classifier_refuses_them_too():
    classifier = AutoencoderClassifier(2, max_epochs=2, warm_start=True, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match=r"kind was Undercomplete .* and is Sparse now"):
        classifier.set_params(kind="sparse").fit(X, Y)


def test_the_mean_is_that_of_the_rows_of_a_further_fit():
    ae = started().fit(X[:100] + 3)
    np.testing.assert_allclose(ae.mean_, (X[:100] + 3).mean(axis=0))
    classifier = AutoencoderClassifier(2, max_epochs=2, warm_start=True, random_state=0).fit(X, Y)
    np.testing.assert_allclose(classifier.fit(X + 3, Y).mean_, (X + 3).mean(axis=0))
