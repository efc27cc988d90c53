"""What tests of a fit share: small policies, and fits that are ready for training."""

import numpy as np
import pytest

from skae import AutoencoderTransformer
from skae._checkpoints.trainings import Trainings
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.prepare import prepare
from skae._fitting.progress import EpochReport
from skae.architectures import Dense

SMALL = {"n_components": 2, "architecture": Dense((4,)), "max_epochs": 2, "batch_size": 16}


@pytest.fixture
def make_policy():
    def make_policy(n_features=6, of_role=None, **parameters):
        """Return the policy of a small transformer."""
        estimator = AutoencoderTransformer(**{**SMALL, **parameters})
        estimator.sample_shape_ = (n_features,)
        return FitPolicy.of(estimator, **(of_role or {}))

    return make_policy


@pytest.fixture
def make_prepared(make_policy):
    def make_prepared(X, sample_weight=None, seed=0, of_role=None, given=None, **parameters):
        """Return a small fit that is ready for training; `given` goes to `prepare`."""
        policy = make_policy(X.shape[1], of_role, **parameters)
        given = {"sample_weight": sample_weight, **(given or {})}
        return prepare(X, policy, seed, **given)

    return make_prepared


@pytest.fixture
def report():
    return EpochReport(AutoencoderTransformer())


@pytest.fixture
def trainings():
    return Trainings(0)


@pytest.fixture
def incomplete():
    """Rows with two factors, of which a fifth of the values is missing."""
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 2)) @ random.normal(size=(2, 6)) + 0.1 * random.normal(size=(60, 6))
    return np.where(random.random(X.shape) < 0.2, np.nan, X)
