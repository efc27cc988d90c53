import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from skae import AutoencoderClassifier, AutoencoderOutlierDetector, AutoencoderTransformer
from skae.architectures import Dense
from skae.export import to_torch

SETTINGS = {"architecture": Dense((8,)), "max_epochs": 2, "random_state": 0}
X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    return AutoencoderTransformer(2, **SETTINGS).fit(X)


def test_a_plain_module_in_evaluation_mode(fitted):
    module = to_torch(fitted, "reconstruct")
    assert isinstance(module, torch.nn.Module)
    assert not any(m.training for m in module.modules())
    assert not any(weights.requires_grad for weights in module.parameters())
    np.testing.assert_allclose(module(torch.from_numpy(X)), fitted.reconstruct(X), rtol=1e-5)


def test_the_weights_are_copies(fitted):
    before = fitted.transform(X)
    module = to_torch(fitted).requires_grad_()
    module(torch.from_numpy(X)).square().sum().backward()
    with torch.no_grad():
        for weights in module.parameters():
            weights.add_(1.0)
    assert np.array_equal(fitted.transform(X), before)
    assert not np.allclose(module(torch.from_numpy(X)).detach(), before)


def test_rows_have_gradients(fitted):
    rows = torch.from_numpy(X).requires_grad_()
    to_torch(fitted, "score_samples")(rows).sum().backward()
    assert rows.grad.abs().sum() > 0


def test_rows_of_another_dtype_are_converted(fitted):
    module = to_torch(fitted)
    found = module(torch.from_numpy(X.astype(np.float64)))
    assert torch.equal(found, module(torch.from_numpy(X)))
    double = AutoencoderTransformer(2, precision="float64", **SETTINGS).fit(X)
    assert to_torch(double)(torch.from_numpy(X)).dtype == torch.float64


def test_the_summary_names_layers_sizes_and_weights(fitted):
    layers = to_torch(fitted, "reconstruct").summary().set_index("layer")
    layers.index = [name.split("network.")[-1] for name in layers.index]
    assert layers.loc["encoder.0"].tolist() == ["Linear", (-1, 8), 48]
    assert layers.loc["linear_decoder"].tolist() == ["Linear", (-1, 5), 15]
    n_weights = sum(weights.numel() for weights in to_torch(fitted).parameters())
    assert layers["n_parameters"].sum() == n_weights
    shorter = to_torch(fitted, "transform").summary()
    assert 0 < len(shorter) < len(layers)


def test_classes_are_places_in_a_list():
    y = np.array(["cat", "dog"])[(X[:, 0] > 0).astype(int)]
    classifier = AutoencoderClassifier(2, **SETTINGS).fit(X, y)
    module = to_torch(classifier, "predict")
    assert module.classes == ["cat", "dog"]
    found = np.array(module.classes)[module(torch.from_numpy(X)).numpy()]
    assert np.array_equal(found, classifier.predict(X))
    assert to_torch(classifier, "predict_proba").classes is None


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_contributions(n_estimators):
    settings = {"scoring": "joint", "n_estimators": n_estimators, **SETTINGS}
    detector = AutoencoderOutlierDetector(2, **settings).fit(X)
    rows = X[:20].copy()
    found = to_torch(detector, "feature_contributions")(torch.from_numpy(rows))
    np.testing.assert_allclose(found, detector.feature_contributions(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(5,), (2, 4), (2, 5, 1)])
def test_rows_of_another_shape_are_refused(fitted, shape):
    with pytest.raises(ValueError, match=r"X must have the shape \(n_samples, 5\), got"):
        to_torch(fitted)(torch.zeros(shape))


def test_refused(fitted):
    with pytest.raises(ValueError, match="method must be one of"):
        to_torch(fitted, "predict")
    with pytest.raises(TypeError, match="must be a fitted estimator of skae"):
        to_torch(3)
    with pytest.raises(NotFittedError):
        to_torch(AutoencoderTransformer())
