"""What every kind must do, and that each hook of a user's own kind takes effect."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skae import AutoencoderTransformer
from skae._training.autoencoder_net import AutoencoderNet
from skae._training.schedule import constant
from skae._training.training_plan import TrainingPlan
from skae.corruptions import CORRUPTIONS, Features, Gaussian, Masking, Occlusion
from skae.kinds import KINDS, Denoising, ForwardPass, Kind

every_kind = pytest.mark.parametrize("name", KINDS)
# What two kinds say of codes of two values, and of noise.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:n_components=\d+ is not larger than the:UserWarning"),
    pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning"),
]
FEATURES = Features((6,))


def corruption_named(name):
    """Return a corruption by its name; occlusion needs to be told a shape."""
    return Occlusion(sample_shape=(2, 3)) if name == "occlusion" else name


def rows():
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(3))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@every_kind
def test_corruption_leaves_the_rows_alone(name, generator):
    X = rows()
    before = X.clone()
    shown = KINDS[name]().resolved().corrupt(X, FEATURES, generator)
    assert shown.shape == X.shape
    assert shown.dtype == X.dtype
    assert torch.equal(X, before)


@every_kind
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corruption_leaves_what_it_is_given_as_it_was(name, corruption, make_network):
    network = make_network(kind=KINDS[name](corruption=corruption_named(corruption)))
    X = rows()
    before = X.clone()
    _, forward_pass = network(X, seeded())
    assert torch.equal(X, before)
    assert torch.equal(forward_pass.target, X)
    assert torch.equal(forward_pass.corrupted, forward_pass.shown != X)
    assert forward_pass.corrupted.any()


@every_kind
def test_same_generator_same_losses(name, make_network):
    """Of two networks: a kind may remember the rows that it has seen in training."""
    X = rows()
    networks = [make_network(kind=KINDS[name]()) for _ in range(2)]
    for _ in range(2):
        first, second = (network.sample_losses(X, seeded(1)) for network in networks)
        assert torch.equal(first, second)


@every_kind
def test_inference_is_deterministic(name, make_network):
    network = make_network(kind=KINDS[name]()).eval()
    X = rows()
    code = network.encode(X)
    assert code.shape == (5, 2)
    assert torch.equal(code, network.encode(X))
    assert torch.equal(network.sample_losses(X), network.sample_losses(X))


@every_kind
def test_one_objective_for_each_row_with_a_gradient(name, make_network, generator):
    network = make_network(kind=KINDS[name](), linear_path=False)
    losses = network.sample_losses(rows(), generator)
    assert losses.shape == (5,)
    losses.mean().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).any()


@every_kind
def test_parameters_are_scikit_learns(name):
    kind = KINDS[name]()
    assert clone(kind).get_params() == kind.get_params()


@every_kind
def test_feature_reduction_is_one_of_two(name):
    assert KINDS[name].feature_reduction in ("mean", "sum")


class Corrupting(Kind):
    """Shows noise of a size, and counts how often it was asked to."""

    def __init__(self, size=1.0):
        self.size = size

    def corrupt(self, X, features, generator):
        return X + self.size * torch.randn(X.shape, generator=generator)


class Drawing(Kind):
    """Has a mean and a spread for each value of the code, and draws in training."""

    def n_encoder_outputs(self, n_components):
        return 2 * n_components

    def code(self, encoder_output, generator=None, state=None):
        mean, spread = encoder_output.chunk(2, dim=1)
        if generator is None:
            return mean
        return mean + spread.exp() * torch.randn(mean.shape, generator=generator)


class Penalised(Kind):
    """Adds the squared length of the code, and keeps what it was shown."""

    def added_loss(self, forward_pass):
        self.seen_ = forward_pass
        return forward_pass.code.square().sum(1)


class Summed(Kind):
    feature_reduction = "sum"


def test_corrupt_acts_in_training_only(make_network):
    plain, noisy = make_network(), make_network(kind=Corrupting())
    X = rows()
    assert torch.equal(noisy.sample_losses(X), plain.sample_losses(X))
    assert not torch.allclose(noisy.sample_losses(X, seeded()), plain.sample_losses(X))
    assert torch.equal(noisy.encode(X), plain.encode(X))


def test_corrupted_rows_are_compared_with_the_clean_ones(make_network):
    network = make_network(kind=Corrupting(size=2.0))
    X = rows()
    output, forward_pass = network(X, seeded())
    assert torch.equal(forward_pass.target, X)
    shown = network.kind.corrupt(X, network.features, seeded())
    assert torch.equal(forward_pass.shown, shown)
    assert forward_pass.corrupted.all()
    assert torch.equal(network.sample_losses(X, seeded()), (output - X).square().mean(1))


def test_code_draws_in_training_only(make_network):
    network = make_network(kind=Drawing())
    X = rows()
    mean = network.encoder_output(X)[:, :2]
    assert network.encoder_output(X).shape == (5, 4)
    assert torch.equal(network.encode(X), mean)
    assert torch.equal(network(X)[1].code, mean)
    assert not torch.allclose(network(X, seeded())[1].code, mean)


def test_linear_path_leads_to_the_first_encoder_outputs(make_network):
    network = make_network(kind=Drawing())
    X = rows()
    output = network.encoder_output(X)
    torch.testing.assert_close(output[:, :2], network.linear_encoder(X))
    assert (output[:, 2:] == 0).all()


def test_added_loss_is_added_to_each_row(make_network):
    plain, penalised = make_network(), make_network(kind=Penalised())
    X = rows()
    added = penalised.sample_losses(X) - plain.sample_losses(X)
    torch.testing.assert_close(added, plain.encode(X).square().sum(1))


def test_added_loss_sees_the_whole_forward_pass(make_network):
    network = make_network(kind=Penalised())
    X = rows()
    network.sample_losses(X, seeded())
    seen = network.kind.seen_
    assert isinstance(seen, ForwardPass)
    assert torch.equal(seen.target, X)
    assert torch.equal(seen.shown, X)
    assert torch.equal(seen.encoder_output, network.encoder_output(X))
    assert torch.equal(seen.code, seen.encoder_output)
    assert torch.equal(seen.encode(X), seen.encoder_output)
    assert torch.equal(seen.output, network.decode(seen.code))
    assert torch.equal(seen.decode(seen.code), seen.output)
    assert seen.corrupted is None
    assert seen.generator is not None
    assert seen.progress == 1
    first, second = seen.code_weights()
    assert torch.equal(first, network.linear_decoder.weight)
    assert torch.equal(second, network.decoder[0].weight)


def test_added_loss_sees_state_and_progress(make_network):
    class Remembering(Penalised):
        def new_state(self, n_components):
            state = torch.nn.Module()
            state.register_buffer("seen", torch.zeros(n_components))
            return state

        def code(self, encoder_output, generator=None, state=None):
            state.seen += 1
            return encoder_output

    network = make_network(kind=Remembering())
    network.sample_losses(rows(), seeded(), progress=0.25)
    assert network.kind.seen_.state is network.state
    assert network.kind.seen_.progress == 0.25
    assert torch.equal(network.state_dict()["state.seen"], torch.ones(2))


def test_added_loss_has_a_gradient(make_network):
    network = make_network(kind=Penalised())
    plain = make_network()
    for each in (network, plain):
        each.sample_losses(rows()).mean().backward()
    assert not torch.allclose(network.linear_encoder.weight.grad, plain.linear_encoder.weight.grad)


def test_feature_reduction(make_network):
    X = rows()
    mean, summed = make_network().sample_losses(X), make_network(kind=Summed()).sample_losses(X)
    torch.testing.assert_close(summed, 6 * mean)


# --- through the estimator


def quick(kind, n_components=3, **parameters):
    parameters = {"max_epochs": 2, "early_stopping": False, "random_state": 0, **parameters}
    return AutoencoderTransformer(n_components, kind=kind, **parameters)


@every_kind
def test_every_kind_trains_with_every_corruption(X, name):
    """Against hardly any corruption, which also goes without jitter."""
    plain = quick(KINDS[name](corruption=Gaussian(level=1e-6))).fit(X).history_
    for corruption in CORRUPTIONS:
        corrupted = quick(KINDS[name](corruption=corruption_named(corruption))).fit(X)
        assert np.isfinite(corrupted.history_["train_loss"][1:]).all()
        assert np.isfinite(corrupted.reconstruct(X)).all()
        losses = corrupted.history_["train_loss"]
        assert not np.allclose(losses[1:], plain["train_loss"][1:], rtol=1e-6), corruption


@every_kind
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_resolved_turns_names_into_objects(name, corruption):
    kind = KINDS[name](corruption=corruption)
    resolved = kind.resolved()
    assert type(resolved) is KINDS[name]
    assert type(resolved.corruption) is CORRUPTIONS[corruption]
    assert kind.corruption == corruption
    others = {key: value for key, value in kind.get_params().items() if key != "corruption"}
    assert others.items() <= resolved.get_params().items()


@every_kind
def test_resolved_does_not_share_the_corruption(name):
    kind = KINDS[name](corruption=Masking(fraction=0.4))
    resolved = kind.resolved()
    assert resolved.corruption is not kind.corruption
    assert resolved.corruption.fraction == 0.4


def test_nested_parameters_of_the_corruption():
    ae = AutoencoderTransformer(kind=Denoising("gaussian"))
    ae.set_params(kind__corruption__level=0.7)
    assert isinstance(ae.kind, Denoising)
    assert isinstance(ae.kind.corruption, Gaussian)
    assert ae.kind.corruption.level == 0.7
    assert ae.get_params()["kind__corruption__level"] == 0.7
    assert Denoising().corruption == "mixed"
    parts = ("swap", "masking")
    ae.set_params(kind__corruption="mixed", kind__corruption__corruptions=parts)
    assert ae.kind.corruption.corruptions == parts
    ae.set_params(kind__corruption="masking", kind__corruption__fraction=0.1)
    assert ae.kind.corruption.fraction == 0.1
    with pytest.raises(ValueError, match="Invalid parameter 'level'"):
        ae.set_params(kind__corruption__level=0.7)


def test_attributes_of_another_kind_are_gone(X):
    ae = quick("undercomplete").fit(X)
    plain = set(vars(ae))
    added = {
        "sparse": {"sparsity_", "dead_units_", "dictionary_"},
        "variational": {"active_units_"},
    }
    for name in ("sparse", "variational", "sparse", "contractive", "variational", "denoising"):
        ae.set_params(kind=name).fit(X)
        assert set(vars(ae)) - plain == added.get(name, set())


@every_kind
@pytest.mark.parametrize("corruption", ["gaussian", "masking", "swap"])
def test_rows_held_out_are_judged_alike_in_each_epoch(make_network, make_batches, name, corruption):
    network = make_network(kind=KINDS[name](corruption=corruption))
    drawn = make_batches(rows().double().numpy(), seed=7)
    plan = TrainingPlan(2, 16, 1e-30, torch.optim.SGD, 0.0, constant)
    net = AutoencoderNet(network, plan=plan, generators=[drawn.generator], device=None)
    selection = make_batches(rows().double().numpy(), seed=None)
    net.initialize().begin(drawn, selection)
    losses = [net.rows_[0]["valid_loss"]]
    for _ in range(2):
        torch.rand(3, generator=drawn.generator)  # as the batches of an epoch between do
        losses.append(net._validate(selection)["valid_loss"])
    assert losses == losses[:1] * 3
    with torch.no_grad():
        clean = float(network.sample_losses(rows()).mean())
    assert not np.isclose(losses[0], clean, rtol=1e-6)


@every_kind
def test_inference_is_never_corrupted(X, name, monkeypatch):
    ae = quick(KINDS[name](corruption="masking")).fit(X)

    def refuse(*args):
        raise AssertionError("corrupted in inference")

    monkeypatch.setattr(Masking, "corrupt", refuse)
    codes = ae.transform(X)
    assert np.array_equal(ae.transform(X), codes)
    np.testing.assert_allclose(ae.inverse_transform(codes), ae.reconstruct(X), rtol=1e-5)
    ae.score(X)


@every_kind
def test_scores_mean_the_same_for_every_kind(X, name):
    ae = quick(name).fit(X[:40])
    new = X[40:]
    errors = np.square(new - ae.reconstruct(new))
    np.testing.assert_allclose(ae.score_samples(new), -errors.mean(axis=1), rtol=1e-6)
    distances = np.square(new - X[:40].mean(axis=0))
    assert ae.score(new) == pytest.approx(1 - errors.sum() / distances.sum(), rel=1e-6)


@every_kind
def test_warm_start_goes_on(X, name):
    ae = quick(name, warm_start=True, init="random").fit(X)
    first = ae.history_["train_loss"].iloc[-1]
    before = ae.transform(X)
    ae.set_params(max_epochs=30).fit(X)
    assert not np.array_equal(ae.transform(X), before)
    assert ae.history_["train_loss"].iloc[-1] < first


@every_kind
def test_partial_fit_goes_on(X, name):
    ae = quick(name, init="random").partial_fit(X)
    assert ae.n_epochs_ == 1
    before = ae.transform(X)
    for _ in range(9):
        ae.partial_fit(X)
    assert ae.n_epochs_ == 10
    assert not np.array_equal(ae.transform(X), before)
    losses = ae.history_["train_loss"][1:]
    assert losses.iloc[-2:].mean() < losses.iloc[:2].mean()


@every_kind
def test_float64(X, name):
    ae = quick(KINDS[name](corruption="gaussian"), precision="float64").fit(X)
    assert {weights.dtype for weights in ae._fitted.weights.values()} == {np.dtype(np.float64)}
    np.testing.assert_allclose(ae.inverse_transform(ae.transform(X)), ae.reconstruct(X), rtol=1e-12)


@every_kind
@pytest.mark.parametrize("loss", ["mse", "mae", "bce"])
def test_every_kind_with_every_distribution(X, name, loss):
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    assert quick(name, loss=loss).fit(X).score(X) > (-1 if name == "overcomplete" else 0.2)
    ae = quick(name, loss=loss, init="random", max_epochs=20).fit(X)
    losses = ae.history_["train_loss"][1:]
    assert losses.iloc[-1] < losses.iloc[0]


@pytest.mark.parametrize("name", [name for name in KINDS if name != "undercomplete"])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_codes_larger_than_the_data(X, name, init):
    ae = quick(name, 9, init=init, max_epochs=40).fit(X)
    assert ae.transform(X).shape == (60, 9)
    assert ae.score(X) > 0.3
