"""What every architecture must do."""

import pytest
import torch
from sklearn.base import clone

from skae.architectures import ARCHITECTURES
from skae.architectures.layers import silence

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
