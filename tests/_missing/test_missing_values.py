"""Missing values in every estimator, kind and architecture."""

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from support.combinations import slow_but

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)
from skae.architectures import ARCHITECTURES, Convolutional, Custom, Dense, Recurrent, Transformer
from skae.corruptions import Missing
from skae.kinds import KINDS, Denoising
from skae.scores import SCORES

pytestmark = pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")

RANDOM = np.random.RandomState(0)
COMPLETE = RANDOM.randn(120, 3) @ RANDOM.randn(3, 16) + 0.3 * RANDOM.randn(120, 16) + 2
MISSING = RANDOM.uniform(size=COMPLETE.shape) < 0.3
X = np.where(MISSING, np.nan, COMPLETE)
COUNT = (~MISSING).sum(axis=1)

IN_SHAPE = {
    "dense": Dense(hidden_layer_sizes=(16,)),
    "convolutional": Convolutional(input_shape=(1, 4, 4), channels=(4,)),
    "recurrent": Recurrent(input_shape=(8, 2), hidden_size=8),
    "transformer": Transformer(input_shape=(1, 4, 4), d_model=8, n_heads=2, n_layers=1),
}


def transformer(kind="undercomplete", architecture="dense", n_components="auto", **parameters):
    """Return an estimator of few weights, with a code that suits the kind."""
    settings = {"max_epochs": 3, "random_state": 0, "early_stopping": False}
    return AutoencoderTransformer(
        n_components, kind=kind, architecture=architecture, **{**settings, **parameters}
    )


# The overcomplete kind does not start at PCA, and takes some epochs until it says something.
COMBINATIONS = [
    (kind, architecture)
    for kind, architecture in itertools.product(KINDS, IN_SHAPE)
    if kind != "overcomplete" or architecture == "dense"
]


# Each kind with dense layers, each architecture with two of the kinds.
QUICK = [c for c in COMBINATIONS if c[1] == "dense" or c[0] in ("undercomplete", "variational")]


@pytest.fixture(params=slow_but(QUICK, COMBINATIONS, "-".join), scope="module")
def fitted(request):
    kind, architecture = request.param
    max_epochs = 60 if kind == "overcomplete" else 3
    return transformer(kind, IN_SHAPE[architecture], max_epochs=max_epochs).fit(X)


def test_all_architectures_are_here():
    assert set(IN_SHAPE) == set(ARCHITECTURES)


def dense(codes):
    return codes.toarray() if sp.issparse(codes) else codes


def test_all_that_is_returned_is_finite(fitted):
    assert np.isfinite(dense(fitted.transform(X))).all()
    assert np.isfinite(fitted.reconstruct(X)).all()
    assert np.isfinite(fitted.score_samples(X)).all()
    assert 0 < fitted.score(X) < 1


def test_scores_are_those_of_the_known_values(fitted):
    squares = np.square(X - fitted.reconstruct(X))
    np.testing.assert_allclose(fitted.score_samples(X), -np.nansum(squares, 1) / COUNT, rtol=1e-4)
    away = np.nansum(np.square(X - np.nanmean(X, axis=0)))
    assert fitted.score(X) == pytest.approx(1 - np.nansum(squares) / away, abs=1e-5)


def test_missing_values_are_rebuilt_better_than_by_the_mean(fitted):
    errors = (fitted.reconstruct(X) - COMPLETE)[MISSING]
    by_mean = (np.nanmean(X, axis=0) - COMPLETE)[MISSING]
    assert np.square(errors).mean() < 0.6 * np.square(by_mean).mean()


def test_what_stands_in_the_place_of_a_missing_value_does_not_matter(fitted):
    """Only NaN can stand there; the rest of the row, and other rows, decide."""
    others = X.copy()
    others[60:] = others[60:][::-1]
    assert np.array_equal(dense(fitted.transform(others))[:60], dense(fitted.transform(X))[:60])


def test_the_encoder_knows_which_values_are_missing():
    """A row with a value that is what would be filled in has another code than without it."""
    estimator = transformer(Denoising(Missing()), max_epochs=20, n_components=3).fit(X)
    network = estimator._fitted.network("cpu")
    scaled = torch.from_numpy(estimator._fitted.scaling.apply(X[:20], np.float32))
    with torch.no_grad():
        filled = network.missing.filling(scaled)
        assert (network.encode(filled) - network.encode(scaled)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        (Dense(), (32,)),
        (Convolutional(input_shape=(2, 8)), (4, 8)),
        (Convolutional(input_shape=(4, 4), channel_axis=None), (2, 4, 4)),
        (Convolutional(input_shape=(4, 2, 2), channel_axis=-1), (4, 2, 4)),
        (Recurrent(input_shape=(16,), channel_axis=None), (2, 16)),
        (Transformer(), (32,)),
    ],
    ids=str,
)
def test_the_mask_is_joined_to_the_sample(architecture, shape):
    fitted = transformer(architecture=architecture, max_epochs=1).fit(X)._fitted
    network = fitted.network("cpu")
    seen = []
    network.encoder.register_forward_hook(lambda module, given, output: seen.append(given[0]))
    scaled = torch.from_numpy(fitted.scaling.apply(X, np.float32))
    with torch.no_grad():
        network.encode(scaled)
    assert seen[0].shape[1:] == shape
    of_sample = scaled.reshape(len(X), *network.sample_shape)
    axis = -1 if architecture.channel_axis_of(network.sample_shape) == -1 else 1
    mask = seen[0].chunk(2, dim=axis)[1].reshape(of_sample.shape)
    assert torch.equal(mask, torch.isnan(of_sample).float())


def test_modules_of_the_user_are_made_for_samples_and_masks():
    def encoder(sample_shape, n_outputs):
        return torch.nn.Linear(*sample_shape, n_outputs)

    def decoder(sample_shape, n_components):
        return torch.nn.Linear(n_components, *sample_shape)

    estimator = transformer(architecture=Custom(encoder, decoder), n_components=2).fit(X)
    assert estimator._fitted.network("cpu").encoder.in_features == 32
    assert np.isfinite(estimator.reconstruct(X)).all()


def test_tied_weights_leave_no_room_for_a_mask():
    estimator = transformer(architecture=Dense((8,), tied_weights=True), n_components=3).fit(X)
    assert estimator._fitted.network("cpu").encoder_shape == (16,)
    assert np.isfinite(estimator.reconstruct(X)).all()


def test_losses_count_known_values_only():
    """One step of training with the missing entries of the targets set to anything."""
    fitted = transformer(max_epochs=1).fit(X)._fitted
    network = fitted.network("cpu")
    scaled = torch.from_numpy(fitted.scaling.apply(X, np.float32))
    losses = network.sample_losses(scaled)
    output = network.decode(network.encode(scaled))
    squares = np.nansum(np.square(scaled.numpy() - output.numpy()), axis=1)
    share = 1 - MISSING.mean()
    np.testing.assert_allclose(losses, squares / (16 * share), rtol=1e-4)


def test_the_bound_is_that_of_the_known_values():
    """A row of which nothing is known has minus the divergence as its bound: all but zero."""
    estimator = transformer("variational", n_components=2).fit(X)
    nothing = np.full((1, 16), np.nan)
    assert estimator.elbo(nothing)[0] > estimator.elbo(X).max()
    mean, deviation = estimator.posterior(nothing)
    divergence = 0.5 * (mean**2 + deviation**2 - 1 - 2 * np.log(deviation)).sum()
    assert estimator.elbo(nothing)[0] == pytest.approx(-divergence, rel=1e-4)


def test_few_missing_values_change_little():
    """One value in a thousand: scores and codes of the other rows stay about the same."""
    few = COMPLETE.copy()
    few[3, 5] = np.nan
    complete = transformer(n_components=3, max_epochs=20).fit(COMPLETE)
    incomplete = transformer(n_components=3, max_epochs=20).fit(few)
    assert incomplete.score(COMPLETE) == pytest.approx(complete.score(COMPLETE), abs=0.02)


@pytest.mark.parametrize("to", [pd.DataFrame, sp.csr_matrix, np.float32, torch.from_numpy])
def test_containers(to):
    data = to(X) if callable(to) and to is not np.float32 else X.astype(np.float32)
    estimator = transformer(n_components=3).fit(data)
    np.testing.assert_allclose(
        estimator.reconstruct(data), transformer(n_components=3).fit(X).reconstruct(X), rtol=1e-3
    )


def test_nullable_columns_of_pandas():
    frame = pd.DataFrame(np.round(X)).astype("Int64")
    assert frame.isna().to_numpy().any()
    assert np.isfinite(transformer(n_components=2).fit(frame).transform(frame)).all()


def test_partial_fit_and_warm_start_go_on_with_missing_values():
    estimator = transformer(n_components=2)
    estimator.partial_fit(X[:60]).partial_fit(X[60:])
    assert np.isfinite(estimator.reconstruct(X)).all()
    estimator = transformer(n_components=2, warm_start=True).fit(X).fit(X)
    assert np.isfinite(estimator.reconstruct(X)).all()


def test_folds_hold_out_incomplete_rows():
    estimator = AutoencoderTransformer(2, max_epochs=3, random_state=0).fit(X)
    assert np.isfinite(estimator.history_["valid_loss"]).all()


# Where missing values are refused


def test_a_fit_without_missing_values_knows_nothing_of_them():
    estimator = transformer(n_components=2).fit(COMPLETE)
    for method in ("transform", "reconstruct", "score_samples", "score"):
        with pytest.raises(ValueError, match=r"contains NaN, but this AutoencoderTransformer was"):
            getattr(estimator, method)(X)


def test_a_corruption_teaches_it():
    estimator = transformer(Denoising("missing"), n_components=2).fit(COMPLETE)
    assert np.isfinite(estimator.reconstruct(X)).all()


def test_features_without_any_value_are_refused():
    empty = X.copy()
    empty[:, [2, 7]] = np.nan
    with pytest.raises(ValueError, match=r"no known value in 2 of its 16 columns \(number 2; 7\)"):
        transformer().fit(empty)


@pytest.mark.parametrize("estimator", [transformer(), AutoencoderImputer()])
def test_infinity_is_refused_all_the_same(estimator):
    endless = X.copy()
    endless[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        estimator.fit(endless)


# The detector


def detector(**parameters):
    return AutoencoderOutlierDetector(max_epochs=20, random_state=0, **parameters)


@pytest.mark.slow
@pytest.mark.parametrize("scoring", [name for name in SCORES if name != "elbo"])
def test_detector_scores_incomplete_rows(scoring):
    outlier = X[:1].copy()
    known = np.flatnonzero(~np.isnan(outlier[0]))
    outlier[0, known[0]] += 15
    fitted = detector(scoring=scoring, novelty=True).fit(X)
    scores = fitted.score_samples(np.concatenate([outlier, X]))
    assert np.isfinite(scores).all()
    assert scores[0] < np.quantile(scores[1:], 0.02)


@pytest.mark.slow
def test_detector_scores_incomplete_rows_by_the_bound():
    fitted = detector(kind="variational", scoring="elbo", n_components=2).fit(X)
    assert np.isfinite(fitted.score_samples(X)).all()


@pytest.mark.slow
def test_detector_finds_the_core_of_incomplete_rows():
    rows = X.copy()
    rows[:6] += np.where(np.isnan(rows[:6]), 0, 12 * (-1) ** np.arange(16))
    assert (detector().fit(rows).predict(rows)[:6] == -1).all()


@pytest.mark.slow
def test_missing_features_have_no_share_in_a_score():
    fitted = detector(scoring="joint", novelty=True).fit(X)
    shares = fitted.feature_contributions(X).to_numpy()
    np.testing.assert_allclose(shares.sum(axis=1), -fitted.score_samples(X), rtol=0.02)
    assert np.isfinite(shares).all()


@pytest.mark.slow
def test_detector_takes_missing_values_where_some_network_saw_none():
    """Each network leaves out a fold; the only missing value is in one of them."""
    rare = COMPLETE.copy()
    rare[0, 0] = np.nan
    fitted = detector(n_estimators=5).fit(rare)
    assert np.isfinite(fitted.score_samples(X)).all()


# The classifier


@pytest.mark.parametrize("share_labelled", [pytest.param(1.0, marks=pytest.mark.slow), 0.3])
def test_classifier_learns_from_incomplete_rows(share_labelled):
    y = (COMPLETE[:, 0] > np.median(COMPLETE[:, 0])).astype(int) + 1
    known = np.where(RANDOM.uniform(size=len(y)) < share_labelled, y, -1)
    classifier = AutoencoderClassifier(unlabelled=-1, max_epochs=20, random_state=0)
    classifier.fit(X, known)
    assert classifier.score(X, y) > 0.8
    assert np.isfinite(classifier.transform(X)).all()
    np.testing.assert_allclose(
        classifier.score_samples(X),
        -np.nansum(np.square(X - classifier.reconstruct(X)), 1) / COUNT,
        rtol=1e-3,
    )


def test_classifier_fills_rows_for_a_linear_teacher():
    fitted = transformer(n_components=3).fit(X)._fitted
    filled = fitted.filled(X, "cpu", np.dtype(np.float64))
    np.testing.assert_allclose(filled[~MISSING], X[~MISSING], atol=1e-5)
    errors, by_mean = (filled - COMPLETE)[MISSING], (np.nanmean(X, 0) - COMPLETE)[MISSING]
    assert np.square(errors).mean() < 0.5 * np.square(by_mean).mean()
