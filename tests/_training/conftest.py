"""What tests of the training share: a small training, and callbacks that do something in it."""

import pytest
import torch

from skae._training.schedule import one_cycle
from skae._training.train import train
from skae._training.training_plan import TrainingPlan


@pytest.fixture
def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture
def make_plan():
    def make_plan(**changed):
        plan = {
            "n_epochs": 4,
            "batch_size": 10,
            "learning_rate": 0.01,
            "optimizer": torch.optim.AdamW,
            "weight_decay": 0.0,
            "schedule": one_cycle,
            **changed,
        }
        return TrainingPlan(**plan)

    return make_plan


@pytest.fixture
def fit(make_network, make_batches, make_plan, scaled):
    """Return a function that trains on 40 rows, validates on 20, and returns the outcome."""

    def fit(network=None, X=scaled, selects=True, optimizer_state=None, seed=0, **plan):
        network = network or make_network(linear_path=False)
        plan = make_plan(**plan)
        training = make_batches(X[:40], plan.batch_size, seed=seed)
        validation = make_batches(X[40:], 7, seed=None) if selects else None
        return train(network, training, validation, plan, optimizer_state)

    return fit
