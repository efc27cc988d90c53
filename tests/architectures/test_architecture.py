"""What every architecture must do."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch import nn

from skae import AutoencoderTransformer
from skae._fitting.splits import split
from skae.architectures import (
    ARCHITECTURES,
    Convolutional,
    Custom,
    Dense,
    Recurrent,
    Transformer,
)
from skae.architectures.layers import silence
from skae.kinds import Sparse

N_FEATURES, N_COMPONENTS, N_SAMPLES = 16, 3, 5

every_architecture = pytest.mark.parametrize("name", ARCHITECTURES)


def build(name, seed=0, n_encoder_outputs=N_COMPONENTS):
    architecture = ARCHITECTURES[name]()
    sample_shape = architecture.sample_shape((N_FEATURES,))
    encoder, decoder = architecture.build(
        sample_shape,
        N_COMPONENTS,
        n_encoder_outputs=n_encoder_outputs,
        generator=torch.Generator().manual_seed(seed),
    )
    return sample_shape, encoder, decoder


def samples(*shape):
    return torch.randn(N_SAMPLES, *shape, generator=torch.Generator().manual_seed(9))


@every_architecture
@pytest.mark.parametrize("n_encoder_outputs", [N_COMPONENTS, 2 * N_COMPONENTS])
def test_shapes(name, n_encoder_outputs):
    sample_shape, encoder, decoder = build(name, n_encoder_outputs=n_encoder_outputs)
    assert torch.Size(sample_shape).numel() == N_FEATURES
    assert encoder(samples(*sample_shape)).shape == (N_SAMPLES, n_encoder_outputs)
    assert decoder(samples(N_COMPONENTS)).shape == (N_SAMPLES, *sample_shape)


@every_architecture
def test_weights_come_from_the_generator_alone(name):
    before = torch.get_rng_state()
    states = [
        [*encoder.parameters(), *decoder.parameters()]
        for _, encoder, decoder in (build(name, seed) for seed in (0, 0, 1))
    ]
    assert torch.equal(torch.get_rng_state(), before)
    first, same, other = states
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@every_architecture
def test_encoder_and_decoder_share_no_weights(name):
    _, encoder, decoder = build(name)
    assert not {id(p) for p in encoder.parameters()} & {id(p) for p in decoder.parameters()}


@every_architecture
def test_every_parameter_gets_a_gradient(name):
    sample_shape, encoder, decoder = build(name)
    decoder(encoder(samples(*sample_shape))).square().sum().backward()
    for module in (encoder, decoder):
        for parameter_name, parameter in module.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert torch.isfinite(parameter.grad).all(), parameter_name
            assert (parameter.grad != 0).any(), parameter_name


@every_architecture
def test_silenced_modules_give_zero(name):
    sample_shape, encoder, decoder = build(name)
    for module, shape in ((encoder, sample_shape), (decoder, (N_COMPONENTS,))):
        silence(module)
        assert (module(samples(*shape)) == 0).all()


@every_architecture
def test_is_linear_tells_the_truth(name):
    sample_shape, encoder, decoder = build(name)
    linear = ARCHITECTURES[name]().is_linear()
    for module, shape in ((encoder, sample_shape), (decoder, (N_COMPONENTS,))):
        module.double()
        a, b = samples(*shape).double(), samples(*shape).double().flip(0) * 3
        additive = torch.allclose(module(a + b), module(a) + module(b) - module(0 * a))
        assert additive == linear


@every_architecture
def test_rows_do_not_see_each_other_in_inference(name):
    sample_shape, encoder, decoder = build(name)
    for module, shape in ((encoder.eval(), sample_shape), (decoder.eval(), (N_COMPONENTS,))):
        rows = samples(*shape)
        torch.testing.assert_close(module(rows)[2:3], module(rows[2:3]))


@every_architecture
def test_parameters_are_scikit_learns(name):
    architecture = ARCHITECTURES[name]()
    assert clone(architecture).get_params() == architecture.get_params()


# --- fits on samples with axes


def _encoder(sample_shape, n_outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(20, 8), nn.Tanh(), nn.Linear(8, n_outputs))


def _decoder(sample_shape, n_components):
    return nn.Sequential(nn.Linear(n_components, 20), nn.Sigmoid())


SMALL = {
    "dense": Dense((8,)),
    "convolutional": Convolutional(channels=(3,), hidden_layer_sizes=()),
    "recurrent": Recurrent("gru", hidden_size=4),
    "transformer": Transformer(d_model=4, n_heads=2, n_layers=1),
    "custom": Custom(_encoder, _decoder),
}
SERIES = np.random.default_rng(0).normal(size=(80, 10, 2)).cumsum(axis=1)


def test_all_are_here():
    assert set(SMALL) == {*ARCHITECTURES, "custom"}


@pytest.mark.parametrize("name", SMALL)
def test_never_worse_than_pca(name):
    """On the rows held out the first loss is PCA's, and the weights kept are no worse."""
    seeds = np.random.RandomState(0).randint(2**31 - 1, size=3)
    ae = AutoencoderTransformer(
        3, architecture=SMALL[name], max_epochs=3, validation_fraction=0.25, random_state=0
    ).fit(SERIES)
    rows = SERIES.reshape(80, 20)
    _, held_out = split(80, 0.25, seeds[0])
    pca = PCA(3, svd_solver="full").fit(rows)  # the start is the PCA of all rows of fit
    residual = rows - pca.inverse_transform(pca.transform(rows))
    loss = np.square(residual[held_out] / ae.scale_).mean()
    assert ae.history_["valid_loss"][0] == pytest.approx(loss, rel=1e-4)
    assert ae.loss_ <= ae.history_["valid_loss"][0]
    assert ae.loss_ == ae.history_["valid_loss"].min()
    errors = -ae.score_samples(SERIES)[held_out].mean() / ae.scale_**2
    assert errors <= loss * (1 + 1e-4)


@pytest.mark.parametrize("kind", ["contractive", "variational", Sparse("topk"), "denoising"])
@pytest.mark.parametrize("name", SMALL)
def test_every_kind_takes_samples_with_axes(name, kind):
    settings = {"max_epochs": 2, "random_state": 0, "validation_fraction": 0.25}
    ae = AutoencoderTransformer(3, kind=kind, architecture=SMALL[name], **settings).fit(SERIES)
    codes = ae.transform(SERIES)
    assert codes.shape == (80, 3)
    assert np.isfinite(codes).all()
    assert ae.reconstruct(SERIES).shape == SERIES.shape
    assert (ae.history_["train_loss"][1:] > -np.inf).all()
    again = AutoencoderTransformer(3, kind=kind, architecture=SMALL[name], **settings)
    np.testing.assert_array_equal(again.fit_transform(SERIES), codes)
