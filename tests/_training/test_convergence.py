"""Whatever the learning rate and the data: finite weights, and words where PCA is not reached."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from support.combinations import slow_but

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._training.convergence import TrainingDivergedError, mean_loss, warn_of_no_gain
from skae._training.optimizer import NAMED_OPTIMIZERS
from skae.corruptions import Masking
from skae.kinds import KINDS, Denoising

DIGITS = load_digits().data[:600]
TRAINING, NEW = DIGITS[:300], DIGITS[300:]
RNG = np.random.default_rng(0)
LEARNING_RATES = [1e-8, 1e-4, 1e-2, 1.0, 1e3]
# What a kind gives up of PCA at its start, as a multiple of PCA's squared error.
GIVEN_UP = {"variational": 1.01}
# Size of PCA for kinds that use a part of their four values for each row.
N_USED = {"sparse": 1}
# Kinds that start elsewhere than at PCA where the code is smaller than the data.
RANDOM_START = {"overcomplete"}


def pca_error(n_components, training, rows):
    """Return the squared error of PCA, in units that keep its squares in range."""
    centre, unit = training.mean(axis=0), np.abs(training - training.mean(axis=0)).max()
    pca = PCA(n_components, svd_solver="full").fit((training - centre) / unit)
    scaled = (rows - centre) / unit
    return np.square(scaled - pca.inverse_transform(pca.transform(scaled))).sum(), unit


def relative_error(ae, training, rows, n_used=None):
    """Return the squared error of rows, as a multiple of that of PCA with `n_used` components."""
    error, unit = pca_error(ae.n_components_ if n_used is None else n_used, training, rows)
    return np.square((rows - ae.reconstruct(rows)) / unit).sum() / error


def fit_and_listen(estimator, X, y=None):
    """Return the estimator, None where it could not be fitted, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            estimator.fit(X) if y is None else estimator.fit(X, y)
        except TrainingDivergedError as error:
            return None, [str(error)]
    assert all(w.category in (ConvergenceWarning, UserWarning) for w in said)
    return estimator, [str(w.message) for w in said if w.category is ConvergenceWarning]


def assert_finite(ae):
    ranges = ("row_low", "row_high", "code_low", "code_high")
    for name, weights in ae._fitted.weights.items():
        assert np.isfinite(weights).all() or name in ranges, name


def transformer(**params):
    return AutoencoderTransformer(
        **{"n_components": 4, "max_epochs": 8, "random_state": 0, **params}
    )


# --- learning rates


@pytest.mark.parametrize(
    "learning_rate",
    slow_but({1e-8, 1e-2, 1e3}, [1e-8, 1e-6, 1e-4, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3], str),
)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
def test_no_worse_than_pca_at_any_learning_rate(learning_rate, optimizer):
    ae = transformer(learning_rate=learning_rate, optimizer=optimizer)
    ae, said = fit_and_listen(ae, TRAINING)
    assert_finite(ae)
    assert relative_error(ae, TRAINING, NEW) < 1.02
    losses = ae.history_["valid_loss"]
    assert bool(said) == (not losses.iloc[-1] <= 10 * losses[0])
    # The gradients of SGD are small, so that it takes larger rates than others.
    assert said or learning_rate < (10 if optimizer == "sgd" else 1)


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("optimizer", slow_but({"sgd"}, NAMED_OPTIMIZERS, str))
def test_every_optimizer_is_better_than_pca_from_both_starts(optimizer, init):
    digits = load_digits().data
    ae = AutoencoderTransformer(8, optimizer=optimizer, init=init, random_state=0)
    ae.fit(digits[:1200])
    # Measured: adamw and adam .41 to .45, rmsprop .43, sgd .44 to .5.
    assert relative_error(ae, digits[:1200], digits[1200:]) < 0.6


@pytest.mark.parametrize("learning_rate", [1e-12, 1e-2])
def test_a_training_that_never_improves_on_its_start_says_so(learning_rate, caplog):
    """In the log, and in print if verbose: for linear data it is no fault."""
    said = "no epoch had a lower validation loss than the start"
    with caplog.at_level("INFO", logger="skae"):
        ae = transformer(learning_rate=learning_rate).fit(TRAINING)
    assert (said in caplog.text) == (ae.best_epoch_ == 0) == (learning_rate == 1e-12)


@pytest.mark.parametrize("learning_rate", slow_but({1e-2, 1e3}, LEARNING_RATES, str))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_near_pca_or_says_why_not(kind, learning_rate):
    ae, said = fit_and_listen(transformer(kind=kind, learning_rate=learning_rate), TRAINING)
    if kind in RANDOM_START and learning_rate != 1e-2 and learning_rate != 1e-4:
        assert any("learned nothing" in s or "nothing was fitted" in s for s in said)
        return
    assert_finite(ae)
    if kind not in RANDOM_START:
        error = relative_error(ae, TRAINING, NEW, N_USED.get(kind))
        assert error < 1.02 * GIVEN_UP.get(kind, 1.0)
    if learning_rate >= 1:
        assert any("made the network worse" in s or "diverged" in s for s in said)


@pytest.mark.parametrize("learning_rate", [1e-8, 1.0, 1e3])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_random_weights_are_no_silent_result(learning_rate, early_stopping):
    ae = transformer(init="random", learning_rate=learning_rate, early_stopping=early_stopping)
    ae, said = fit_and_listen(ae, TRAINING)
    assert any("learned nothing" in s or "nothing was fitted" in s for s in said)


@pytest.mark.parametrize("learning_rate", slow_but({1.0}, [1e-8, 1.0, 1e3], str))
@pytest.mark.parametrize("novelty", [True, False])
def test_a_detector_says_that_it_learned_nothing(learning_rate, novelty):
    detector = AutoencoderOutlierDetector(
        learning_rate=learning_rate, novelty=novelty, max_epochs=20, random_state=0
    )
    _, said = fit_and_listen(detector, TRAINING)
    assert any("learned nothing" in s or "nothing was fitted" in s for s in said)


@pytest.mark.parametrize("learning_rate", slow_but({1.0}, [1e-8, 1.0, 1e3], str))
@pytest.mark.parametrize("share", slow_but({1.0}, [1.0, 0.2], str))
def test_a_classifier_says_that_it_learned_nothing(learning_rate, share):
    y = load_digits().target[:300].copy()
    y[RNG.random(300) >= share] = -1
    classifier = AutoencoderClassifier(
        unlabelled=-1, learning_rate=learning_rate, max_epochs=20, random_state=0
    )
    classifier, said = fit_and_listen(classifier, TRAINING, y)
    accuracy = 0 if classifier is None else classifier.score(NEW, load_digits().target[300:600])
    assert accuracy > 0.7 or any("learned nothing" in s or "nothing was fitted" in s for s in said)


@pytest.mark.parametrize("learning_rate", [1e-8, 1.0, 1e3])
def test_an_imputer_stays_at_conditional_means(learning_rate):
    X = np.where(RNG.random(TRAINING.shape) < 0.2, np.nan, TRAINING)
    good = AutoencoderImputer(max_epochs=1, n_estimators=1, random_state=0).fit(X)
    imputer = AutoencoderImputer(
        max_epochs=2, n_estimators=1, learning_rate=learning_rate, random_state=0
    )
    imputer, said = fit_and_listen(imputer, X)
    errors = [np.square(TRAINING - i.transform(X)).mean() for i in (imputer, good)]
    assert errors[0] < 1.05 * errors[1]
    assert bool(said) == (learning_rate >= 1)


@pytest.mark.parametrize("learning_rate", [1e-8, 1.0, 1e3])
def test_a_recommender_stays_at_its_start(learning_rate):
    X = np.where(RNG.random(TRAINING.shape) < 0.5, np.nan, TRAINING)
    recommender = AutoencoderRecommender(max_epochs=2, learning_rate=learning_rate, random_state=0)
    recommender, said = fit_and_listen(recommender, X)
    assert np.isfinite(recommender.predict_all()).all()
    assert bool(said) == (learning_rate >= 1)


# --- scales


@pytest.mark.parametrize("power", slow_but({-900, 70}, [-900, -500, -70, 70, 500, 1000], str))
@pytest.mark.parametrize("kind", ["undercomplete", Denoising(Masking(fill=0.0))])
def test_the_unit_of_the_data_changes_nothing(kind, power):
    """Powers of two are exact: all else being equal, codes are so bit for bit."""
    unit = 2.0**power
    plain = transformer(kind=kind).fit(TRAINING)
    scaled = transformer(kind=kind).fit(TRAINING * unit)
    assert_finite(scaled)
    np.testing.assert_array_equal(scaled.transform(NEW * unit), plain.transform(NEW))
    np.testing.assert_array_equal(scaled.reconstruct(NEW * unit) / unit, plain.reconstruct(NEW))


@pytest.mark.slow
@pytest.mark.parametrize("power", [-500, 500])
def test_a_function_is_given_units_that_float32_does_not_hold(power):
    unit = 2.0**power
    kind = Denoising(lambda X, generator: 0.5 * X)
    plain = transformer(kind=kind).fit(TRAINING)
    scaled = transformer(kind=kind).fit(TRAINING * unit)
    np.testing.assert_allclose(scaled.transform(NEW * unit), plain.transform(NEW), atol=0.01)


@pytest.mark.parametrize("shuffled", [False, True])
def test_columns_over_forty_orders_of_magnitude(shuffled):
    powers = np.linspace(-20, 20, 64)
    units = 10.0 ** (RNG.permutation(powers) if shuffled else powers)
    ae, said = fit_and_listen(transformer(), TRAINING * units)
    assert_finite(ae)
    assert said or relative_error(ae, TRAINING * units, NEW * units) < 1.02


HEAVY_TAILS = {
    "Cauchy": lambda: RNG.standard_cauchy((800, 10)),
    "t, half a degree": lambda: RNG.standard_t(0.5, (800, 10)),
    "log-normal": lambda: RNG.lognormal(0, 5, (800, 10)),
    "log-normal, wide": lambda: RNG.lognormal(0, 30, (800, 10)),
    "Pareto": lambda: RNG.pareto(0.2, (800, 10)),
    "one row far away": lambda: np.vstack([RNG.normal(size=(799, 10)), np.full((1, 10), 1e12)]),
    "one row very far away": lambda: np.vstack(
        [RNG.normal(size=(799, 10)), np.full((1, 10), 1e200)]
    ),
}


@pytest.mark.parametrize("name", HEAVY_TAILS)
@pytest.mark.parametrize("learning_rate", ["auto", 1.0])
def test_heavy_tails(name, learning_rate):
    X = HEAVY_TAILS[name]()
    ae, said = fit_and_listen(transformer(learning_rate=learning_rate), X)
    assert_finite(ae)
    assert said or relative_error(ae, X, X) < 1.02


# --- the words


def no_gain(before, kept, last, *, start_counts, n_steps=100):
    warn_of_no_gain(before, kept, last, start_counts, n_steps)


def test_no_gain_from_a_random_start():
    for kept in (1.0, 0.9999, 1.2):
        with pytest.warns(ConvergenceWarning, match=r"learned nothing: the loss was 1 before it"):
            no_gain(1.0, kept, 5.0, start_counts=False)
    no_gain(1.0, 0.99, 5.0, start_counts=False)
    no_gain(1.0, 1.0, 1.0, start_counts=False, n_steps=10)  # it was not meant to lead far
    no_gain(1e-3, 2e-3, 2e-3, start_counts=False)  # constant rows: nothing to learn
    no_gain(-1.0, -1.1, -1.0, start_counts=False)


def test_no_gain_from_a_start_that_counts():
    with pytest.warns(ConvergenceWarning, match=r"worse.* 1 at the start and 11 .*learning_rate"):
        no_gain(1.0, 1.0, 11.0, start_counts=True)
    no_gain(1e-9, 1e-9, 1.0, start_counts=True)  # PCA leaves nothing
    no_gain(1.0, 1.0, 9.0, start_counts=True)
    no_gain(0.0, 0.0, 1.0, start_counts=True)


def test_mean_loss_is_that_of_the_rows(make_network, make_batches, X):
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    network = make_network(linear_path=False).train()
    with torch.no_grad():
        expected = network.eval().sample_losses(torch.from_numpy(scaled[:40]).float()).mean()
    network.train()
    assert mean_loss(network, make_batches(scaled[:40], 7), 0) == pytest.approx(float(expected))
    assert network.training
