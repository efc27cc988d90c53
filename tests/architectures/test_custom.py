import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from torch import nn

from skae import AutoencoderTransformer, load
from skae.architectures import Custom
from skae.kinds import Sparse

N_ROWS, N_FEATURES = 60, 6


class Encoder(nn.Module):
    """With batch statistics and draws, from torch's global generator."""

    def __init__(self, sample_shape, n_outputs):
        super().__init__()
        n_features = int(np.prod(sample_shape))
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_features, 8),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(8, n_outputs),
        )

    def forward(self, X):
        return self.layers(X)


class SmallEncoder(Encoder):
    """Another one, for grids."""

    def __init__(self, sample_shape, n_outputs):
        super().__init__(sample_shape, n_outputs)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(sample_shape)), n_outputs))


class Decoder(nn.Module):
    """Ends in a sigmoid, which is never zero."""

    def __init__(self, sample_shape, n_components):
        super().__init__()
        self.sample_shape = sample_shape
        self.layers = nn.Sequential(
            nn.Linear(n_components, 8),
            nn.BatchNorm1d(8),
            nn.Tanh(),
            nn.Dropout(0.2),
            nn.Linear(8, int(np.prod(sample_shape))),
            nn.Sigmoid(),
        )

    def forward(self, code):
        return self.layers(code).reshape(len(code), *self.sample_shape)


def unit(X):
    """Return rows in [0, 1], which a decoder that ends in a sigmoid reaches without PCA."""
    return (X - X.min()) / (X.max() - X.min())


class Halting(Decoder):
    """Raises in its third batch of training."""

    def forward(self, code):
        self.n_batches = getattr(self, "n_batches", 0) + self.training
        if self.n_batches > 3:
            raise RuntimeError("no luck")
        return super().forward(code)


def autoencoder(encoder=Encoder, decoder=Decoder, *, shape="auto", **parameters):
    settings = {"max_epochs": 3, "random_state": 0, "validation_fraction": 0.3, **parameters}
    architecture = Custom(encoder, decoder, input_shape=shape)
    return AutoencoderTransformer(2, architecture=architecture, **settings)


@pytest.fixture
def called():
    """Factories that note what they are called with."""

    def encoder(*arguments):
        encoder.arguments = arguments
        return Encoder(*arguments)

    def decoder(*arguments):
        decoder.arguments = arguments
        return Decoder(*arguments)

    return encoder, decoder


@pytest.mark.parametrize(("kind", "n_outputs"), [("undercomplete", 2), ("variational", 4)])
def test_what_factories_are_called_with(X, called, kind, n_outputs):
    autoencoder(*called, kind=kind).fit(X)
    assert [factory.arguments for factory in called] == [((6,), n_outputs), ((6,), 2)]
    autoencoder(*called, kind=kind, shape=(1, 3, 2)).fit(X)
    assert [factory.arguments for factory in called] == [((1, 3, 2), n_outputs), ((1, 3, 2), 2)]
    autoencoder(*called, kind=kind).fit(X.reshape(-1, 2, 3))
    assert [factory.arguments for factory in called] == [((2, 3), n_outputs), ((2, 3), 2)]


@pytest.mark.parametrize("init", ["pca", "random"])
def test_same_random_state_same_bits(X, init):
    X = unit(X)
    aes = [autoencoder(init=init, random_state=seed).partial_fit(X) for seed in (0, 0, 1)]
    codes = [ae.partial_fit(X).transform(X) for ae in aes]  # the last weights, not the best
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(np.abs(codes[0]), np.abs(codes[2]))
    codes = [autoencoder(init=init).fit_transform(X) for _ in range(2)]
    np.testing.assert_array_equal(*codes)


def test_result_does_not_depend_on_the_global_generator(X):
    codes = []
    with torch.random.fork_rng([]):
        for seed in (0, 1):
            torch.manual_seed(seed)
            codes.append(autoencoder(init="random").fit_transform(unit(X)))
    np.testing.assert_array_equal(*codes)


def test_global_generator_is_left_alone_where_a_fit_raises(X):
    before = torch.get_rng_state()
    ae = autoencoder(decoder=Halting, max_epochs=20, early_stopping=False, batch_size=10)
    with pytest.raises(RuntimeError, match="no luck"):
        ae.fit(X)
    assert torch.equal(torch.get_rng_state(), before)
    assert not hasattr(ae, "history_")


def test_dropout_is_drawn_anew_in_each_batch(X):
    """Seeded once for the training, not for each batch."""
    seen = []

    class Noting(nn.Dropout):
        def forward(self, code):
            output = super().forward(code)
            if self.training:
                seen.append((output == 0).float().mean(0))
            return output

    def encoder(sample_shape, n_outputs):
        return nn.Sequential(nn.Linear(6, 50), Noting(0.5), nn.Linear(50, n_outputs))

    autoencoder(encoder, batch_size=20, early_stopping=False).fit(X)
    assert len(seen) == 9
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_starts_at_pca_exactly(X, shape):
    """Whatever the modules are: a sigmoid cannot be silenced."""
    ae = autoencoder(early_stopping=False, max_epochs=1, learning_rate=1e-12, precision="float64")
    ae.fit(X.reshape(-1, *shape))
    pca = PCA(2, svd_solver="full").fit(X)
    expected = pca.inverse_transform(pca.transform(X))
    loss = np.square((X - expected) / ae.scale_).mean()
    assert ae.history_["valid_loss"][0] == pytest.approx(loss, rel=1e-9)
    np.testing.assert_allclose(ae.reconstruct(X).reshape(X.shape), expected, atol=1e-6)


def test_gates_open(X):
    """The last weights, which may be no better than PCA on so few rows."""
    ae = autoencoder().partial_fit(X)
    gates = ae._fitted.weights["gates"]
    assert gates.shape == (2,)
    assert (gates != 0).all()


def test_random_init_is_the_modules_alone(X):
    X = unit(X)
    ae = autoencoder(init="random").fit(X)
    assert not [name for name in ae._fitted.weights if name.startswith(("linear", "gates"))]
    network = ae._fitted.network("cpu")
    scaled = torch.from_numpy(ae._fitted.scaling.apply(X, np.float32))
    torch.testing.assert_close(
        torch.from_numpy(ae.transform(X)).float(), network.encoder(scaled), rtol=1e-4, atol=1e-5
    )
    # A sigmoid gives values in the units of X.
    rebuilt = ae.reconstruct(X)
    codes = torch.from_numpy(ae.transform(X)).float()
    values = network.decoder(codes).detach().numpy()
    np.testing.assert_allclose(rebuilt, values, rtol=1e-4, atol=1e-5)
    assert 0 <= rebuilt.min() <= rebuilt.max() <= 1


# --- ported networks, whose decoders end in an activation function

DIGITS = load_digits().data / 16
TRAIN, TEST = DIGITS[:900], DIGITS[900:]


def keras_encoder(sample_shape, n_outputs):
    return nn.Sequential(nn.Linear(*sample_shape, 32), nn.ReLU(), nn.Linear(32, n_outputs))


def ending_in(*layers):
    def decoder(sample_shape, n_components):
        return nn.Sequential(
            nn.Linear(n_components, 32), nn.ReLU(), nn.Linear(32, *sample_shape), *layers
        )

    return decoder


def ported(decoder, loss="mse", **parameters):
    settings = {"max_epochs": 40, "random_state": 0, "init": "random", **parameters}
    return AutoencoderTransformer(
        8, architecture=Custom(keras_encoder, decoder), loss=loss, **settings
    )


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_sigmoid_is_as_good_as_a_linear_output(loss, tmp_path):
    linear, ae = (ported(ending_in(*end), loss).fit(TRAIN) for end in ([], [nn.Sigmoid()]))
    assert ae.score(TEST) > linear.score(TEST) - 0.02
    assert ae.score(TEST) > 0.55
    rebuilt = ae.reconstruct(TEST)
    assert 0 <= rebuilt.min() < 0.02
    assert 0.95 < rebuilt.max() <= 1
    path = tmp_path / "ae.skae"
    ae.save(path)
    loaded = load(path, architecture=ae.architecture)
    np.testing.assert_array_equal(loaded.reconstruct(TEST), rebuilt)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_the_loss_of_a_sigmoid_is_that_of_its_values(loss):
    ae = ported(ending_in(nn.Sigmoid()), loss, max_epochs=2, early_stopping=False).fit(TRAIN)
    network = ae._fitted.network("cpu")
    target = torch.from_numpy(TEST).float()
    values = network.decoder(network.encode(torch.from_numpy(ae._fitted.scaling.apply(TEST))))
    if loss == "bce":
        expected = nn.functional.binary_cross_entropy(values, target, reduction="none")
    else:
        expected = ((values - target) / ae.scale_).square()
    scaled = torch.from_numpy(ae._fitted.scaling.apply(TEST, np.float32))
    losses = network.sample_losses(scaled)
    torch.testing.assert_close(losses, expected.mean(1), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("end", "loss", "X", "message"),
    [
        (
            nn.Sigmoid(),
            "mse",
            TRAIN * 16,
            r"ends in nn.Sigmoid\(\), .* 0 and 1, .* from 0 to 16: resc",
        ),
        (nn.Sigmoid(), "mse", TRAIN - 0.5, r"ends in nn.Sigmoid\(\), .* from -0.5 to 0.5"),
        (nn.Tanh(), "mse", TRAIN * 2, r"ends in nn.Tanh\(\), .* -1 and 1, .* from 0 to 2"),
        (nn.ReLU(), "mse", TRAIN - 0.5, r"ends in nn.ReLU\(\), .* between 0 and inf"),
        (nn.Tanh(), "bce", TRAIN, r"ends in nn.Tanh\(\), .* loss=BCE\(\) does not take all"),
        (nn.ReLU(), "bce", TRAIN, r"ends in nn.ReLU\(\), .* end in nn.Sigmoid\(\) or in a linear"),
    ],
)
def test_an_output_that_cannot_reach_the_rows_is_refused(end, loss, X, message):
    with pytest.raises(ValueError, match=message):
        ported(ending_in(end), loss).fit(X)


def test_bounds_that_are_only_measured_lead_to_a_warning():
    class Clamped(nn.Module):
        def __init__(self, sample_shape, n_components):
            super().__init__()
            self.out = nn.Linear(n_components, *sample_shape)

        def forward(self, code):
            return self.out(code).clamp(0, 1)

    assert ported(Clamped, max_epochs=2).fit(TRAIN)._fitted.spec.bounded_output
    with pytest.warns(UserWarning, match=r"an unknown function, .* 0 and 1, .* from 0 to 16"):
        ae = ported(Clamped, max_epochs=2).fit(TRAIN * 16)
    assert not ae._fitted.spec.bounded_output


def test_beside_pca_an_output_has_no_bounds():
    ae = ported(ending_in(nn.Sigmoid()), init="pca", max_epochs=3).fit(TRAIN * 16)
    assert not ae._fitted.spec.bounded_output
    assert ae.score(TEST * 16) > 0.6


# --- what is refused


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        (nn.Linear(6, 2), Decoder, "encoder of Custom must be a class or a function .* Linear: gi"),
        (Encoder, nn.Linear(2, 6), r"decoder of Custom .*decoder\(sample_shape, n_components\), g"),
        (None, Decoder, r"encoder of Custom .*encoder\(sample_shape, n_outputs\), got None"),
        (Encoder, "dense", "decoder of Custom .* got 'dense'"),
        (lambda *_: 5, Decoder, r"encoder\(\(6,\), 2\) returned 5"),
        (
            Encoder,
            lambda *_: None,
            r"decoder of Custom must return .*decoder\(\(6,\), 2\) returned",
        ),
    ],
)
def test_what_makes_no_module_is_refused(X, encoder, decoder, message):
    with pytest.raises(TypeError, match=message):
        autoencoder(encoder, decoder).fit(X)


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        (
            lambda *_: nn.Linear(6, 3),
            Decoder,
            r"The encoder \(Linear\) was given .* \(2, 6\) and must .* \(2, 2\), got \(2, 3\)",
        ),
        (
            Encoder,
            lambda *_: nn.Linear(2, 5),
            r"The decoder \(Linear\) was given .* \(2, 2\) and must .* \(2, 6\), got \(2, 5\)",
        ),
        (lambda *_: nn.Linear(7, 2), Decoder, r"The encoder \(Linear\) failed on .*RuntimeError: "),
    ],
)
@pytest.mark.parametrize("init", ["pca", "random"])
def test_misfits_are_found_before_training(X, encoder, decoder, message, init):
    ae = autoencoder(encoder, decoder, init=init)
    with pytest.raises(ValueError, match=message):
        ae.fit(X)
    assert not hasattr(ae, "history_")


def test_errors_of_modules_are_shown(X):
    class Broken(Encoder):
        def forward(self, X):
            raise KeyError("no luck")

    with pytest.raises(ValueError, match=r"encoder \(Broken\) failed .*KeyError: 'no luck'") as e:
        autoencoder(Broken).fit(X)
    assert isinstance(e.value.__cause__, KeyError)


# --- scikit-learn


def test_clone_pickle_and_grid(X):
    ae = autoencoder()
    copy = clone(ae)
    assert copy.architecture.encoder is Encoder
    assert copy.architecture is not ae.architecture
    ae.fit(X)
    again = pickle.loads(pickle.dumps(ae))
    np.testing.assert_array_equal(again.transform(X), ae.transform(X))
    np.testing.assert_array_equal(copy.fit(X).transform(X), ae.transform(X))
    grid = {"architecture__encoder": [Encoder, SmallEncoder]}
    search = GridSearchCV(autoencoder(max_epochs=1), grid, cv=2).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_batch_statistics_are_those_of_the_training(X):
    X = unit(X)
    ae = autoencoder(init="random", early_stopping=False).fit(X)
    assert ae._fitted.weights["encoder.layers.2.num_batches_tracked"] > 0
    codes = ae.transform(X)
    np.testing.assert_array_equal(ae.transform(X[:3]), codes[:3])
    np.testing.assert_array_equal(ae.transform(X), codes)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_layers_that_draw_when_first_called(X, init):
    """Lazy layers draw their weights in the probe, from generators of our own."""

    def encoder(sample_shape, n_outputs):
        return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(n_outputs))

    X, before = unit(X), torch.get_rng_state()
    codes = [
        AutoencoderTransformer(
            2, architecture=Custom(encoder, Decoder), init=init, max_epochs=2, random_state=0
        ).fit_transform(X)
        for _ in range(2)
    ]
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(*codes)


def test_modules_without_weights():
    custom = Custom(
        lambda shape, n_outputs: nn.AdaptiveAvgPool1d(n_outputs),
        lambda shape, n_components: nn.Upsample(*shape),
    )
    with pytest.raises(ValueError, match="Neither encoder nor decoder has weights"):
        AutoencoderTransformer(2, architecture=custom, init="random").fit(np.eye(6))


def test_factories_that_fail_are_named(X):
    custom = Custom(lambda sample_shape: None, Decoder)
    with pytest.raises(
        ValueError, match=r"encoder of Custom failed, called as encoder\(\(6,\), 2\)"
    ):
        AutoencoderTransformer(2, architecture=custom).fit(X)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_sparse_codes_need_a_decoder_that_begins_with_a_linear_layer(X, init):
    def decoder(sample_shape, n_components):
        return nn.Sequential(nn.LayerNorm(n_components), nn.Linear(n_components, *sample_shape))

    sparse = autoencoder(decoder=decoder, kind=Sparse("l1"), init=init)
    if init == "pca":  # the linear path says how much a value counts
        assert np.isfinite(sparse.fit_transform(X)).all()
    else:
        with pytest.raises(ValueError, match="does not begin with a linear layer"):
            sparse.fit(X)
