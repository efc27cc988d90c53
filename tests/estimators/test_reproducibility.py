"""The same random_state gives the same result, wherever and beside whatever it is fitted."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer

X = np.random.RandomState(0).randn(80, 5)


def fitted_codes(seed=0, **parameters):
    ae = AutoencoderTransformer(2, max_epochs=3, random_state=seed, **parameters)
    return ae.fit(X).transform(X)


def test_seeds_decide():
    assert np.array_equal(fitted_codes(0), fitted_codes(0))
    assert not np.array_equal(fitted_codes(0, init="random"), fitted_codes(1, init="random"))
    assert np.array_equal(fitted_codes(np.random.RandomState(7)), fitted_codes(7))


def test_none_draws_anew_each_time():
    drawn = [fitted_codes(None, init="random") for _ in range(2)]
    assert not np.array_equal(*drawn)


@pytest.fixture
def seed_globally():
    """Seed the global generators, and give them back as they were."""
    numpy_state, torch_state = np.random.get_state(), torch.get_rng_state()

    def seed(value):
        np.random.seed(value)
        torch.manual_seed(value)

    yield seed
    np.random.set_state(numpy_state)
    torch.set_rng_state(torch_state)


@pytest.mark.parametrize("random_state", [0, None])
def test_global_generators_are_not_changed(seed_globally, random_state):
    seed_globally(1)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    fitted_codes(random_state, init="random")
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_global_generators_are_not_read(seed_globally):
    seed_globally(1)
    fixed, drawn = fitted_codes(0, init="random"), fitted_codes(None, init="random")
    seed_globally(2)
    assert np.array_equal(fitted_codes(0, init="random"), fixed)
    seed_globally(1)
    assert not np.array_equal(fitted_codes(None, init="random"), drawn)


def test_fits_in_threads_at_once_equal_fits_alone():
    alone = [fitted_codes(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fitted_codes, range(4)))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_fits_in_processes_equal_fits_alone():
    spread = joblib.Parallel(n_jobs=2)(joblib.delayed(fitted_codes)(seed) for seed in range(2))
    for seed, codes in enumerate(spread):
        assert np.array_equal(codes, fitted_codes(seed))


def test_transform_from_threads_equals_serial():
    ae = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(X)
    expected = ae.transform(X)
    with ThreadPoolExecutor(8) as pool:
        for codes in pool.map(lambda _: ae.transform(X), range(16)):
            assert np.array_equal(codes, expected)


def test_held_out_rows_are_not_the_first():
    """Rows sorted by class would otherwise be validated on one class alone."""
    data = np.r_[np.random.RandomState(0).randn(900, 3) * 0.01, np.eye(3).repeat(34, axis=0) * 9]
    ae = AutoencoderTransformer(1, max_epochs=1, random_state=0).fit(data)
    rare_share = ae.history_["valid_loss"][0] / ae.history_["train_loss"][1]
    assert 0.1 < rare_share < 10


@pytest.mark.slow
def test_state_for_another_machine_holds_no_module_and_no_skorch(tmp_path):
    """A model pickles as arrays and configuration, and unpickles where its device is missing."""
    ae = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(X)
    ae.device = "cuda:7"
    ae.device_ = "cuda:7"
    joblib.dump(ae, tmp_path / "ae.joblib")
    np.save(tmp_path / "X.npy", X)
    content = (tmp_path / "ae.joblib").read_bytes()
    assert b"skorch" not in content
    assert b"torch" not in content
    code = (
        "import joblib, numpy as np\n"
        "np.save('codes.npy', joblib.load('ae.joblib').transform(np.load('X.npy')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=tmp_path)
    np.testing.assert_allclose(
        np.load(tmp_path / "codes.npy"), ae.transform(X), rtol=1e-5, atol=1e-6
    )
