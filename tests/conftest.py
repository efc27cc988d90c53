"""What the tests share."""

import os

import numpy as np
import pytest
import torch
from support.global_state import changed, snapshot

from skae._data.batches import Batches
from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.network_spec import NetworkSpec
from skae._runtime import interruption
from skae.architectures import Dense
from skae.kinds import Undercomplete
from skae.losses import MSE

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # each worker has a core; more threads would wait for one another


# What tests may change for themselves, and pytest puts back: files that fixtures open, say.
TESTS_MAY_CHANGE = {"filters of warnings", "open files", "environment", "working directory"}


@pytest.fixture(autouse=True)
def global_state_is_left_alone(request):
    """Fail every test after which global state is not as it was before."""
    before = snapshot()
    yield
    if request.node.originalname.startswith("test_scikit_learn_check"):
        return  # some of scikit-learn's checks shuffle with numpy's global generator
    by_skae = set(changed(before, snapshot())) - TESTS_MAY_CHANGE
    assert not by_skae, f"the test changed {by_skae}"


@pytest.fixture(autouse=True)
def no_ctrl_c_before():
    """Let Ctrl-C in one test be no second one after that of another test."""
    interruption._last = -float("inf")


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(name="X")
def correlated_columns():
    """Correlated columns of unlike variances, away from zero."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6)) * np.linspace(3, 0.3, 6) + 5


@pytest.fixture
def make_rows():
    def make_rows(X, dtype=torch.float64, centre=None, scale=1.0):
        centre = np.zeros(X.shape[1]) if centre is None else centre
        return Rows(X, Scaling(centre, scale), torch.device("cpu"), dtype)

    return make_rows


@pytest.fixture
def make_batches(make_rows):
    def make_batches(X, batch_size=16, seed=0, dtype=torch.float32, sample_weight=None):
        """Batches of all rows, in a drawn order unless `seed` is None."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        weight = torch.as_tensor(weight, dtype=dtype)
        return Batches(make_rows(X, dtype), torch.arange(len(X)), weight, batch_size, generator)

    return make_batches


@pytest.fixture
def make_network():
    def make_network(
        n_features=6,
        n_components=2,
        kind=None,
        architecture=None,
        loss=None,
        linear_path=True,
        dtype=torch.float32,
        seed=0,
    ):
        spec = NetworkSpec(
            kind=(kind or Undercomplete()).resolved(),
            architecture=architecture or Dense(hidden_layer_sizes=(8,)),
            loss=loss or MSE(),
            n_features=n_features,
            n_components=n_components,
            linear_path=linear_path,
            scaling=Scaling(np.zeros(n_features), 1.0),
        )
        return AutoencoderNetwork(spec, torch.Generator().manual_seed(seed)).to(dtype)

    return make_network


@pytest.fixture
def figures_are_closed():
    """Draw without a screen, and leave no figure open."""
    import matplotlib.pyplot as plt

    backend = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)
