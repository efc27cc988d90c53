"""The denoising kind: rows are shown corrupted and have to come back clean."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from support.combinations import slow_but

from skae import AutoencoderTransformer, load
from skae.corruptions import CORRUPTIONS, Features, Gaussian, Masking, Mixed, Occlusion
from skae.kinds import Denoising
from skae.losses import MAE, MSE

DIGITS = load_digits().data
TRAIN, TEST = DIGITS[:1200], DIGITS[1200:]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def features_of(X):
    """Return the statistics of rows in their own units."""
    features = Features((X.shape[1],)).double()
    features.set(
        mean=X.mean(axis=0),
        deviation=X.std(axis=0),
        low=X.min(axis=0),
        high=X.max(axis=0),
        centre=0.0,
        scale=1.0,
    )
    return features


def fit(kind, X=TRAIN, n_components=20, max_epochs=15):
    ae = AutoencoderTransformer(n_components, kind=kind, max_epochs=max_epochs, random_state=0)
    return ae.fit(X)


def quick(kind, X):
    parameters = {"max_epochs": 3, "early_stopping": False, "random_state": 0}
    return AutoencoderTransformer(2, kind=kind, **parameters).fit(X)


def error(reconstruction, X=TEST):
    return np.square(reconstruction - X).mean()


# --- the objective


@pytest.mark.parametrize("emphasis", [0, 0.5, 1])
@pytest.mark.parametrize("loss", [MSE(), MAE()], ids=["mse", "mae"])
def test_emphasis_weighs_entries(make_network, emphasis, loss):
    kind = Denoising(Masking(fraction=0.4, fill=9.0), emphasis=emphasis)
    network = make_network(kind=kind, loss=loss)
    X = torch.randn(20, 6, generator=seeded(1))
    with torch.no_grad():
        output, forward_pass = network(X, seeded())
        losses = network.sample_losses(X, seeded())
    hidden = (forward_pass.shown == 9).numpy()
    assert 0 < hidden.sum() < hidden.size
    each = loss.elementwise(output, X).numpy()
    expected = np.where(hidden, 1, 1 - emphasis) * each
    np.testing.assert_allclose(losses, expected.sum(axis=1) / 6, rtol=1e-5)


def test_strongly_corrupted_rows_weigh_less(make_network):
    strengths, weights = [], []
    kinds = [
        Denoising(Masking((0.0, 0.9))),
        Denoising(Masking((0.0, 0.9)), balance=False),
        Denoising(Masking(0.5)),
    ]
    for kind in kinds:
        network = make_network(kind=kind)
        X = torch.randn(200, 6, generator=seeded(1))
        network.features.deviation.copy_(torch.linspace(0.5, 2, 6))
        with torch.no_grad():
            output, forward_pass = network(X, seeded())
            each = (output - X).square().mean(1)
            weights.append(network.sample_losses(X, seeded()) / each)
        strengths.append((forward_pass.shown - X).square().sum(1))
    total = torch.linspace(0.5, 2, 6).square().sum()
    torch.testing.assert_close(weights[0], (1 + 10 * strengths[0] / total) ** -0.75)
    torch.testing.assert_close(weights[1], torch.ones(200))
    torch.testing.assert_close(weights[2], torch.ones(200))
    assert weights[0].min() < 0.5


@pytest.mark.parametrize("emphasis", [0.5, 1])
def test_without_corruption_all_entries_count(make_network, emphasis):
    network = make_network(kind=Denoising(emphasis=emphasis))
    X = torch.randn(20, 6, generator=seeded(1))
    with torch.no_grad():
        expected = (network.decode(network.encode(X)) - X).square().mean(1)
        torch.testing.assert_close(network.sample_losses(X), expected)


def test_emphasis_does_not_matter_where_all_is_corrupted(X):
    plain, emphasised = (quick(Denoising(Gaussian(), emphasis=e), X) for e in (0, 1))
    assert np.array_equal(plain.transform(X), emphasised.transform(X))


def test_emphasis_serves_hidden_entries():
    """At the cost of those that are seen."""
    masking = Masking(fraction=0.25, fill="mean")
    hidden = np.random.default_rng(0).random(TEST.shape) < 0.25
    shown = np.where(hidden, TRAIN.mean(axis=0), TEST)
    plain, emphasised = (
        np.square(fit(Denoising(masking, emphasis=e)).reconstruct(shown) - TEST) for e in (0, 1)
    )
    assert emphasised[hidden].mean() < plain[hidden].mean()
    assert emphasised[~hidden].mean() > plain[~hidden].mean()


# --- what it is for


def test_digits_come_back_clean():
    noisy = TEST + np.random.default_rng(0).normal(scale=4, size=TEST.shape)
    denoised = error(fit(Denoising(Gaussian(level=4.0, relative=False))).reconstruct(noisy))
    pca = PCA(20).fit(TRAIN)
    assert denoised < 0.5 * error(noisy)
    assert denoised < 0.9 * error(pca.inverse_transform(pca.transform(noisy)))
    assert denoised < 0.9 * error(fit("undercomplete").reconstruct(noisy))


def test_holes_are_filled():
    shape = (8, 8)
    kind = Denoising(Occlusion(size=3, fill="mean", sample_shape=shape))
    hidden = np.zeros(shape, dtype=bool)
    hidden[2:5, 3:6] = True
    hidden = hidden.ravel()
    shown = np.where(hidden, TRAIN.mean(axis=0), TEST)
    pca = PCA(20).fit(TRAIN)
    filled = fit(kind).reconstruct(shown)[:, hidden]
    by_pca = pca.inverse_transform(pca.transform(shown))[:, hidden]
    assert error(filled, TEST[:, hidden]) < 0.8 * error(by_pca, TEST[:, hidden])
    assert error(filled, TEST[:, hidden]) < 0.7 * error(shown[:, hidden], TEST[:, hidden])


def corrupted(X, sort, strength, rng):
    """Return images from 0 to 16 with noise that the fit was not told."""
    if sort == "gaussian":
        return np.clip(X + 16 * strength * rng.normal(size=X.shape), 0, 16)
    chosen = rng.random(X.shape) < strength
    return np.where(chosen, 0 if sort == "masking" else rng.choice([0, 16], X.shape), X)


@pytest.mark.slow
def test_unnamed_noise_is_removed_better_than_by_pca_and_ridge():
    ae = AutoencoderTransformer(32, kind="denoising", random_state=0).fit(TRAIN)
    pca = PCA(32).fit(TRAIN)
    rng = np.random.default_rng(0)
    features, X = features_of(TRAIN), torch.tensor(np.tile(TRAIN, (5, 1)))
    ridge = Ridge().fit(Mixed().corrupt(X, features, seeded()), X)
    logs = []
    for sort in ("gaussian", "salt_and_pepper", "masking"):
        for strength in (0.1, 0.3, 0.5, 0.7):
            noisy = corrupted(TEST, sort, strength, rng)
            denoised = error(ae.reconstruct(noisy))
            by_pca = error(pca.inverse_transform(pca.transform(noisy)))
            assert denoised < 1.1 * by_pca, (sort, strength)
            logs.append(np.log([denoised / by_pca, denoised / error(ridge.predict(noisy))]))
    gain = np.exp(np.mean(logs, axis=0))
    assert gain[0] < 0.6  # measured .44
    assert gain[1] < 0.9  # measured .75


@pytest.mark.slow
def test_an_unnamed_occlusion_is_filled():
    """A black square, which no fill was named for."""
    shape, images = (8, 8), TEST.copy()
    hidden = np.zeros(shape, dtype=bool)
    hidden[2:5, 3:6] = True
    images[:, hidden.ravel()] = 0
    pca = PCA(32).fit(TRAIN)
    kind = Denoising(Occlusion(sample_shape=shape))
    ae = AutoencoderTransformer(32, kind=kind, random_state=0).fit(TRAIN)
    filled, by_pca = ae.reconstruct(images), pca.inverse_transform(pca.transform(images))
    inside = hidden.ravel()
    assert error(filled[:, inside], TEST[:, inside]) < 0.5 * error(
        by_pca[:, inside], TEST[:, inside]
    )


def test_more_noise_gives_smoother_reconstructions():
    """They lie nearer to the mean, whatever row is shown."""
    spreads = [
        fit(Denoising(Gaussian(level=level, relative=False)), max_epochs=8)
        .reconstruct(TEST)
        .var(axis=0)
        .sum()
        for level in (0.5, 4.0, 12.0)
    ]
    assert spreads[0] > 1.05 * spreads[1] > 1.1 * spreads[2]


# --- corruptions


@pytest.mark.parametrize("corruption", slow_but({"gaussian"}, CORRUPTIONS, str))
def test_every_name_fits(X, corruption):
    given = Occlusion(sample_shape=(2, 3)) if corruption == "occlusion" else corruption
    ae = quick(Denoising(given), X)
    assert type(ae.kind_.corruption) is CORRUPTIONS[corruption]
    assert np.isfinite(ae.reconstruct(X)).all()


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((8, 8), Occlusion(size=3, sample_shape=(8, 8))),
        ((8, 8, 1), Occlusion(size=3, sample_shape=(8, 8, 1))),
        ((1, 8, 8), Occlusion(size=3, sample_shape=(1, 8, 8))),
        ((16, 4), Occlusion(size=3, sample_shape=(16, 4), layout="span")),
    ],
)
def test_an_occlusion_knows_the_shape_of_samples_in_x(shape, given):
    """Also with dense layers, which flatten the samples, and after loading."""
    images = TRAIN[:60].reshape(-1, *shape)
    ae = quick(Denoising(Occlusion(size=3)), images)
    assert np.array_equal(ae.transform(images), quick(Denoising(given), images).transform(images))
    flat = quick(Denoising(given), TRAIN[:60])
    assert np.array_equal(flat.transform(TRAIN[:60]), ae.transform(images))


def test_a_loaded_estimator_goes_on_with_its_occlusion(tmp_path):
    images = TRAIN[:60].reshape(-1, 8, 8)
    ae = quick(Denoising("occlusion"), images)
    ae.save(tmp_path / "ae.skae")
    loaded = load(tmp_path / "ae.skae")
    again = [one.partial_fit(images).transform(images) for one in (ae, loaded)]
    assert np.array_equal(*again)


def test_callables_see_the_units_of_the_data(X):
    seen = []

    def halved(X, generator):
        seen.append(X.clone())
        return X / 2

    quick(Denoising(halved), X)
    low, high = X.min(axis=0) - 1e-4, X.max(axis=0) + 1e-4
    assert sum(len(rows) for rows in seen) >= 3 * len(X)
    assert all(((low <= rows.numpy()) & (rows.numpy() <= high)).all() for rows in seen)


def test_default_is_mixed_noise(X):
    assert Denoising().get_params() == {"corruption": "mixed", "emphasis": 0.0, "balance": True}
    named, given = (quick(kind, X).transform(X) for kind in ("denoising", Denoising(Mixed())))
    assert np.array_equal(named, given)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Denoising(None), "corruption of Denoising is None, so there is nothing to remove: give"),
        (Denoising(emphasis=1.5), r"emphasis of Denoising must be a number in \[0, 1\], got 1.5"),
        (Denoising(emphasis=-0.1), "emphasis of Denoising must be a number"),
        (Denoising(emphasis="all"), "emphasis of Denoising must be a number"),
        (Denoising(balance="yes"), "balance of Denoising must be True or False"),
        (Denoising(Gaussian(level=0)), "level of Gaussian must be a finite number > 0, or a pair"),
        (Denoising(Masking(fraction=1.5)), "fraction of Masking must be .*got 1.5"),
        (Denoising("noise"), r"corruption must be one of \['gaussian', .*got 'noise'"),
        (Denoising("occlusion"), "sample_shape of Occlusion must be given"),
        (Denoising(Occlusion(sample_shape=(3, 1))), "3 values, but X has 6 features"),
        (Denoising(Occlusion(sample_shape=(8, 8))), "64 values, but X has 6 features"),
    ],
)
def test_refusals(X, kind, sentence):
    with pytest.raises(ValueError, match=sentence):
        quick(kind, X)
