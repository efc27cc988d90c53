"""The denoising kind: rows are shown corrupted and have to come back clean."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from support.combinations import slow_but

from skae import AutoencoderTransformer, load
from skae.corruptions import CORRUPTIONS, Gaussian, Masking, Occlusion
from skae.kinds import Denoising
from skae.losses import MAE, MSE

DIGITS = load_digits().data
TRAIN, TEST = DIGITS[:1200], DIGITS[1200:]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


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


@pytest.mark.parametrize("emphasis", [0.5, 1])
def test_without_corruption_all_entries_count(make_network, emphasis):
    network = make_network(kind=Denoising(emphasis=emphasis))
    X = torch.randn(20, 6, generator=seeded(1))
    with torch.no_grad():
        expected = (network.decode(network.encode(X)) - X).square().mean(1)
        torch.testing.assert_close(network.sample_losses(X), expected)


def test_emphasis_does_not_matter_where_all_is_corrupted(X):
    plain, emphasised = (quick(Denoising(emphasis=e), X) for e in (0, 1))
    assert np.array_equal(plain.transform(X), emphasised.transform(X))


def test_emphasis_serves_hidden_entries():
    """At the cost of those that are seen."""
    hidden = np.random.default_rng(0).random(TEST.shape) < 0.25
    shown = np.where(hidden, TRAIN.mean(axis=0), TEST)
    plain, emphasised = (
        np.square(fit(Denoising("masking", emphasis=e)).reconstruct(shown) - TEST) for e in (0, 1)
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
    kind = Denoising(Occlusion(size=3, sample_shape=shape))
    hidden = np.zeros(shape, dtype=bool)
    hidden[2:5, 3:6] = True
    hidden = hidden.ravel()
    shown = np.where(hidden, TRAIN.mean(axis=0), TEST)
    pca = PCA(20).fit(TRAIN)
    filled = fit(kind).reconstruct(shown)[:, hidden]
    by_pca = pca.inverse_transform(pca.transform(shown))[:, hidden]
    assert error(filled, TEST[:, hidden]) < 0.8 * error(by_pca, TEST[:, hidden])
    assert error(filled, TEST[:, hidden]) < 0.7 * error(shown[:, hidden], TEST[:, hidden])


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


def test_default_is_gaussian_noise(X):
    assert Denoising().get_params() == {"corruption": "gaussian", "emphasis": 0.0}
    named, given = (quick(kind, X).transform(X) for kind in ("denoising", Denoising(Gaussian())))
    assert np.array_equal(named, given)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Denoising(None), "corruption of Denoising is None, so there is nothing to remove: give"),
        (Denoising(emphasis=1.5), r"emphasis of Denoising must be a number in \[0, 1\], got 1.5"),
        (Denoising(emphasis=-0.1), "emphasis of Denoising must be a number"),
        (Denoising(emphasis="all"), "emphasis of Denoising must be a number"),
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
