import pytest
import torch

from skae.corruptions import Features
from skae.kinds import Setting, Undercomplete
from skae.losses import MSE


def setting(n_components, n_features):
    return Setting(n_components, n_features, sample_shape=(n_features,), loss=MSE())


@pytest.mark.parametrize(("n_components", "n_features"), [(1, 1), (1, 9), (8, 9), (9, 9)])
def test_takes_codes_up_to_the_size_of_the_data(n_components, n_features):
    Undercomplete().check(setting(n_components, n_features))


@pytest.mark.parametrize(("n_components", "n_features"), [(2, 1), (10, 9), (100, 9)])
def test_refuses_larger_codes(n_components, n_features):
    sentence = (
        rf"n_components={n_components} .* {n_features} features .* between 1 and {n_features}"
    )
    with pytest.raises(ValueError, match=sentence):
        Undercomplete().check(setting(n_components, n_features))


def test_is_the_plain_autoencoder(generator, make_network):
    kind = Undercomplete()
    X = torch.ones(3, 4)
    assert kind.corrupt(X, Features((4,)), generator) is X
    assert kind.code(X, generator) is X
    assert kind.n_encoder_outputs(5) == 5
    network = make_network(kind=kind)
    rows = torch.randn(4, 6, generator=generator)
    expected = (network.decode(network.encode(rows)) - rows).square().mean(1)
    torch.testing.assert_close(network.sample_losses(rows), expected)
    torch.testing.assert_close(network.sample_losses(rows, generator), expected)
