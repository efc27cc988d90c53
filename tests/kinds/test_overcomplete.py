"""The overcomplete kind: which codes it takes, what it warns of, and why it does."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.corruptions import Gaussian, Masking
from skae.kinds import Overcomplete

IRIS = load_iris().data
DIGITS = load_digits().data[:300]
NOTHING_HOLDS_IT = (
    r"A code of {} values can be a copy of {} features, and weight_decay={} does not prevent "
    r"this: give kind=Overcomplete\(corruption='masking'\), a weight_decay of 10 or more, "
    r"or kind='sparse'\."
)


WITHOUT_CORRUPTION = Overcomplete(None)


def test_the_default_holds_the_code_back_and_does_not_warn():
    ae = make(kind="overcomplete").fit(IRIS)
    assert isinstance(ae.kind_.corruption, Gaussian)


def make(n_components="auto", kind=WITHOUT_CORRUPTION, **parameters):
    """Return an estimator that trains once, on all rows."""
    settings = {"max_epochs": 2, "early_stopping": False, "random_state": 0, **parameters}
    return AutoencoderTransformer(n_components, kind=kind, **settings)


@pytest.mark.parametrize("n_components", [1, 3, 4])
@pytest.mark.parametrize("kind", ["overcomplete", Overcomplete("masking")])
def test_warns_of_codes_that_are_not_larger_than_the_data(kind, n_components):
    sentence = (
        rf"n_components={n_components} is not larger than the 4 features of X, so the code is "
        r"not overcomplete: give at least 5, 'auto' \(twice the features\), or "
        r"kind='undercomplete', which starts at PCA\."
    )
    with pytest.warns(UserWarning, match=sentence) as caught:
        ae = make(n_components, kind, weight_decay=0).fit(IRIS)
    assert len(caught) == 1
    assert ae.transform(IRIS).shape == (150, n_components)


@pytest.mark.parametrize("n_components", [5, 6, 40])
def test_takes_codes_larger_than_the_data(n_components):
    ae = make(n_components).fit(IRIS)
    assert ae.transform(IRIS).shape == (150, n_components)
    assert ae.reconstruct(IRIS).shape == IRIS.shape


@pytest.mark.parametrize(
    ("data", "n_components"), [(IRIS, 8), (load_breast_cancer().data, 60), (DIGITS, 128)]
)
def test_auto_is_twice_the_features(data, n_components):
    assert make(max_epochs=1).fit(data).n_components_ == n_components


@pytest.mark.parametrize(
    ("n_features", "n_components"), [(1, 2), (512, 1024), (513, 1025), (10_000, 10_512)]
)
def test_auto_adds_at_most_512(n_features, n_components):
    for n_needed in (1, 300):
        assert Overcomplete().auto_n_components(n_needed, n_features) == n_components


def test_warns_where_nothing_holds_the_code_back():
    with pytest.warns(UserWarning, match=NOTHING_HOLDS_IT.format(8, 4, 0)) as caught:
        make(weight_decay=0).fit(IRIS)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=NOTHING_HOLDS_IT.format(5, 4, 0.01)):
        make(5).fit(IRIS)


@pytest.mark.parametrize(
    "parameters",
    [
        {"weight_decay": 10},
        {"weight_decay": 0, "kind": Overcomplete("masking")},
        {"weight_decay": 0, "kind": Overcomplete(Masking(0.1))},
        {"weight_decay": 0, "kind": Overcomplete(lambda X, generator: X)},
    ],
)
def test_is_silent_where_something_does(parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(**parameters).fit(IRIS)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_does_not_start_at_the_identity(init):
    ae = make(init=init, learning_rate=1e-12).fit(DIGITS)
    assert ae.history_["valid_loss"][0] > 0.5
    assert ae.score(DIGITS) < 0.5
    undercomplete = make(64, kind="undercomplete", learning_rate=1e-12).fit(DIGITS)
    assert undercomplete.history_["valid_loss"][0] < 1e-4


def test_init_makes_no_difference():
    codes = [make(init=init).fit(IRIS).transform(IRIS) for init in ("pca", "random")]
    assert np.array_equal(*codes)


def test_learns_to_reconstruct():
    ae = make(max_epochs=30).fit(DIGITS)
    assert ae.best_epoch_ > 20
    assert ae.score(DIGITS) > 0.8


def unexplained(ae, data):
    return np.square(data - ae.reconstruct(data)).sum() / np.square(data - data.mean(axis=0)).sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "n_smaller", "architecture"),
    [
        (IRIS, 2, Dense(())),
        (IRIS, 2, Dense(activation="relu")),
        (DIGITS, 16, Dense(())),
    ],
)
def test_what_nothing_holds_back_is_near_the_identity(data, n_smaller, architecture):
    """It rebuilds rows that are unlike all it has seen; a smaller code or a corruption cannot."""
    low, high = data.min(axis=0), data.max(axis=0)
    noise = np.random.default_rng(0).uniform(low, high, size=(500, data.shape[1]))
    parameters = {
        "architecture": architecture,
        "weight_decay": 0,
        "max_epochs": 100,
        "learning_rate": 0.01,
        "jitter": 0,
    }
    with pytest.warns(UserWarning, match="does not prevent this"):
        free = make(**parameters).fit(data)
    smaller = make(n_smaller, "undercomplete", **parameters).fit(data)
    corrupted = make(kind=Overcomplete(Masking(0.25)), **parameters).fit(data)
    assert unexplained(free, data) < 0.02
    assert unexplained(smaller, data) < 0.2
    assert unexplained(corrupted, data) < 0.2
    assert unexplained(free, noise) < 0.2
    assert unexplained(free, noise) < 0.5 * unexplained(smaller, noise)
    assert unexplained(free, noise) < 0.5 * unexplained(corrupted, noise)


def test_decay_holds_the_code_back():
    noise = np.random.default_rng(0).uniform(IRIS.min(axis=0), IRIS.max(axis=0), size=(500, 4))
    errors = [
        unexplained(
            make(
                weight_decay=decay,
                architecture=Dense(()),
                max_epochs=100,
                learning_rate=0.01,
            ).fit(IRIS),
            noise,
        )
        for decay in (1e-6, 1.0)
    ]
    assert errors[1] > 3 * errors[0]


@pytest.mark.slow
def test_corruption_helps_with_hidden_entries():
    hidden = np.random.default_rng(0).random(DIGITS.shape) < 0.5
    shown = np.where(hidden, DIGITS.mean(axis=0), DIGITS)
    errors = [
        np.square(
            make(kind=Overcomplete(corruption), max_epochs=30).fit(DIGITS).reconstruct(shown)
            - DIGITS
        ).mean()
        for corruption in (None, Masking(0.5))
    ]
    assert errors[1] < 0.9 * errors[0]


def test_parameters_are_scikit_learns():
    kind = Overcomplete(Masking(0.1))
    assert clone(kind).get_params()["corruption__fraction"] == 0.1


def test_bad_corruption():
    with pytest.raises(ValueError, match=r"corruption must be .*, got 'fog'"):
        make(kind=Overcomplete("fog")).fit(IRIS)
