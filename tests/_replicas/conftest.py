"""What tests of networks in one pass share: several trainings, of networks that are not alike."""

import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer
from skae._fitting.fit_network import steps_of
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.prepare import prepare
from skae._fitting.progress import EpochReport
from skae._replicas import together
from skae._replicas.joint_training import JointTraining
from skae._training.train import train
from skae.architectures import Dense

# Numbers of rows: batches of one network are larger than those of another, and those of a network
# are not all of one size.
SIZES = (45, 44, 47)
SMALL = {"n_components": 2, "architecture": Dense((5, 5)), "batch_size": 12, "max_epochs": 3}


@pytest.fixture
def make_tasks(X):
    def make_tasks(rows=None, sizes=SIZES, weights=False, of_role=None, **parameters):
        """Return trainings of one estimator, each with rows, a scaling and seeds of its own."""
        rows = X if rows is None else rows
        parameters = {**SMALL, "validation_fraction": 0.3, "precision": "float64", **parameters}
        estimator = AutoencoderTransformer(**parameters)
        estimator.sample_shape_ = rows.shape[1:]
        policy = FitPolicy.of(estimator, **(of_role or {}))
        tasks = []
        for seed, size in enumerate(sizes):
            own = np.random.RandomState(seed).permutation(len(rows))[:size]
            weight = np.random.RandomState(seed).uniform(0.5, 1.5, size) if weights else None
            incomplete = bool(np.isnan(rows).any())
            given = {"sample_weight": weight, "takes_missing": incomplete}
            steps = steps_of(prepare(rows[own], policy, seed, **given), EpochReport(estimator))
            tasks += next(steps)
        return tasks

    return make_tasks


@pytest.fixture
def passes(monkeypatch):
    """Return a list of how many networks each pass trains."""
    seen, run = [], JointTraining.run
    monkeypatch.setattr(
        JointTraining, "run", lambda self: seen.append(len(self.replicas)) or run(self)
    )
    return seen


@pytest.fixture
def assert_same(passes):
    def assert_same(make, tolerance=1e-9):
        """Assert that networks in one pass become what they become one after the other."""
        alone = [train(*task) for task in make()]
        joint = together.train_together(make())
        assert passes == [len(alone)]
        for result, expected in zip(joint, alone, strict=True):
            columns = [name for name in expected.history if name != "seconds"]
            assert [name for name in result.history if name != "seconds"] == columns
            np.testing.assert_allclose(
                result.history[columns], expected.history[columns], rtol=tolerance, atol=tolerance
            )
            assert result.best_epoch == expected.best_epoch
            assert result.interrupted is expected.interrupted is False
            np.testing.assert_allclose(result.best_loss, expected.best_loss, rtol=tolerance)
            assert result.weights.keys() == expected.weights.keys()
            for name, weights in expected.weights.items():
                torch.testing.assert_close(
                    result.weights[name], weights, rtol=tolerance, atol=tolerance, msg=name
                )
        return joint

    return assert_same
