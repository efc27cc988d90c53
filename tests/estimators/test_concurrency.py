"""Alone, in threads, in processes, under dask, after pickling: the same results, bit for bit."""

import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from support.combinations import slow_but
from support.public_methods import ESTIMATORS, READING, X, call, fitted, numbers, shared

from skae import AutoencoderTransformer
from skae._runtime import threads
from skae.architectures import Custom, Dense

pytestmark = [
    pytest.mark.filterwarnings("ignore:Posterior collapse"),
]

# The method that shows what each estimator is there for.
SHOWS = {
    "transformer": "reconstruct",
    "variational transformer": "elbo",
    "outlier detector": "score_samples",
    "imputer": "transform",
    "recommender": "predict_all",
    "classifier": "predict_proba",
}
every_estimator = pytest.mark.parametrize("name", SHOWS)


def outcome(name, seed):
    """Fit an estimator, from weights that are drawn, and return what it then says."""
    estimator = fitted(name, random_state=seed, init="random")
    return numbers(call(estimator, name, SHOWS[name]))


def equal(found, expected):
    """Return whether arrays are the same, bit for bit; NaN is the same as NaN."""
    return all(pickle.dumps(a) == pickle.dumps(b) for a, b in zip(found, expected, strict=True))


def test_every_estimator_is_here():
    assert set(SHOWS) == set(ESTIMATORS)


@every_estimator
def test_fits_in_four_threads_at_once(name):
    alone = [outcome(name, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda seed: outcome(name, seed), range(4)))
    assert all(map(equal, together, alone))
    assert not equal(alone[0], alone[1])


@every_estimator
def test_fits_in_processes(name, loky):
    alone = [outcome(name, seed) for seed in range(2)]
    assert all(map(equal, loky(joblib.delayed(outcome)(name, seed) for seed in range(2)), alone))


@pytest.fixture(scope="module")
def loky():
    """Two workers for all tests: to start one takes as long as to import torch."""
    with joblib.Parallel(n_jobs=2, backend="loky") as parallel:
        yield parallel


@every_estimator
def test_fits_under_dask(name):
    dask = pytest.importorskip("dask", reason="dask is optional")
    tasks = [dask.delayed(outcome)(name, seed) for seed in range(2)]
    found = dask.compute(*tasks, scheduler="threads", num_workers=2)
    assert all(map(equal, found, [outcome(name, seed) for seed in range(2)]))


def test_search_under_dask(request):
    distributed = pytest.importorskip("distributed", reason="dask is optional")
    state = random.getstate()  # dask draws from it
    request.addfinalizer(lambda: random.setstate(state))
    search = GridSearchCV(
        AutoencoderTransformer(max_epochs=2, random_state=0), {"n_components": [1, 2]}, cv=2
    )
    alone = search.fit(X).cv_results_["mean_test_score"].copy()
    cluster = {"processes": False, "n_workers": 2, "dashboard_address": None}
    with distributed.Client(**cluster), joblib.parallel_config(backend="dask"):
        found = search.set_params(n_jobs=2).fit(X).cv_results_["mean_test_score"]
    assert np.array_equal(found, alone)


@every_estimator
def test_after_pickling(name):
    """The one that was sent says the same, and so does a fit of it."""
    estimator = fitted(name)
    sent = pickle.loads(pickle.dumps(estimator))
    expected = numbers(call(estimator, name, SHOWS[name]))
    assert equal(numbers(call(sent, name, SHOWS[name])), expected)
    calls = ESTIMATORS[name][1]
    refitted = calls["fit"](sent) if "fit" in calls else sent.fit(X)
    assert equal(numbers(call(refitted, name, SHOWS[name])), expected)


@pytest.mark.parametrize("reading", slow_but([*SHOWS.items()], READING, "-".join))
def test_methods_from_eight_threads_at_once(reading):
    """Of a model as it comes out of a file, whose network nobody has built yet."""
    name, method = reading
    estimator = shared(name)
    expected = numbers(call(estimator, name, method))
    sent, start = pickle.loads(pickle.dumps(estimator)), threading.Barrier(8)

    def at_once(_):
        start.wait(60)
        return [numbers(call(sent, name, method)) for _ in range(3)]

    with ThreadPoolExecutor(8) as pool:
        for results in pool.map(at_once, range(8)):
            assert all(equal(found, expected) for found in results)


def test_one_model_is_used_while_another_is_fitted():
    estimator, done = fitted("transformer"), threading.Event()
    expected = estimator.transform(X)

    def use():
        count = 0
        while not done.is_set():
            assert np.array_equal(estimator.transform(X), expected)
            count += 1
        return count

    with ThreadPoolExecutor(1) as pool:
        uses = pool.submit(use)
        beside = outcome("transformer", 5)
        done.set()
        assert uses.result() > 0
    assert equal(beside, outcome("transformer", 5))


def encoder(sample_shape, n_outputs):
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2))


def decoder(sample_shape, n_components):
    return torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 6))


def test_modules_that_draw_from_global_generators_take_turns():
    def codes(seed):
        architecture = Custom(encoder, decoder)
        ae = AutoencoderTransformer(
            2, architecture=architecture, max_epochs=5, random_state=seed, init="random"
        )
        return ae.fit_transform(X)

    alone = [codes(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(codes, range(4)))
    assert equal(together, alone)
    assert not equal(alone[:1], alone[1:2])


def test_another_number_of_threads_changes_the_last_digits_only(monkeypatch):
    """Sums are split among threads, so rounding differs, and training carries it on."""
    rows = np.random.RandomState(0).randn(1200, 40) @ np.random.RandomState(1).randn(40, 40)
    monkeypatch.setattr(threads, "_pays", lambda n_threads: True)
    before, fits, used = torch.get_num_threads(), {}, set()
    mm = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda *a: used.add(torch.get_num_threads()) or mm(*a)
    )
    for n_threads in (1, 2, 4):
        monkeypatch.setattr(threads, "_looked", -float("inf"))
        torch.set_num_threads(n_threads)
        try:
            ae = AutoencoderTransformer(
                8, architecture=Dense(hidden_layer_sizes=(512, 512)), max_epochs=3, random_state=0
            ).fit(rows)
            fits[n_threads] = ae.score(rows), ae.transform(rows)
        finally:
            torch.set_num_threads(before)
    assert used == {1, 2, 4}
    for score, codes in fits.values():
        assert score == pytest.approx(fits[1][0], abs=1e-4)
        np.testing.assert_allclose(codes, fits[1][1], atol=0.01 * codes.std())
