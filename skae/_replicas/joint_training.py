"""The training of several networks in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch

from skae._network.objective import Objective
from skae._replicas.joint_batches import JointBatch, JointBatches
from skae._replicas.joint_losses import JointLosses
from skae._replicas.joint_network import JointNetwork
from skae._replicas.kept_weights import KeptWeights
from skae._replicas.replica import Replica
from skae._runtime.interruption import end_fit_or_raise
from skae._runtime.threads import paced
from skae._training.average_weights import AverageWeights
from skae._training.optimizer import make_optimizer
from skae._training.schedule import LearningRate
from skae._training.train import TrainingTask


class JointTraining:
    """The training of several networks of the same sizes, with plans of as many steps.

    Each network has its own weights, rows, order, draws, best weights and end, so that it becomes
    what it would have become alone. Those that end early are computed until the last one ends, and
    nothing of it is kept.

    Parameters
    ----------
    tasks : sequence of TrainingTask
        The trainings, as `together.py` allows them.
    """

    def __init__(self, tasks: Sequence[TrainingTask]):
        plan = self.plan = tasks[0].plan
        self.replicas = [Replica(task) for task in tasks]
        self.generators = [_generator_of(task) for task in tasks]
        self.network = JointNetwork([task.network for task in tasks], self.generators)
        self.training = JointBatches([task.training for task in tasks])
        validation = [task.validation for task in tasks if task.validation is not None]
        self.validation = JointBatches(validation) if validation else None
        weights = self.network.weights
        self.optimizer = make_optimizer(
            tasks[0].network, plan.optimizer, plan.learning_rate, plan.weight_decay, weights.groups
        )
        self.learning_rate = LearningRate(plan.schedule, plan.n_epochs * len(self.training))
        self.average = AverageWeights(weights, plan.n_epochs) if plan.averages else None
        self.kept = KeptWeights(self.network)

    def run(self) -> list[Replica]:
        """Run all epochs; the networks of the tasks then have the weights that are kept."""
        self._begin()
        try:
            while not all(replica.has_ended for replica in self.replicas):
                self._run_epoch()
        except KeyboardInterrupt as interrupt:
            end_fit_or_raise(interrupt)
            self._keep_latest()
            for replica in self.replicas:
                replica.interrupt()
        for number, replica in enumerate(self.replicas):
            self.kept.give(number, replica.task.network)
        return self.replicas

    def _begin(self) -> None:
        measured = self._validate()
        for replica, of_network in zip(self.replicas, measured, strict=True):
            replica.begin(of_network)

    def _run_epoch(self) -> None:
        trained = self._train()
        with self._averaged():
            validated = self._validate()
            going = [not replica.has_ended for replica in self.replicas]
            best = []
            for number, replica in enumerate(self.replicas):
                if going[number]:
                    measured = {**trained[number], **validated[number]}
                    weights = partial(self._state_of, number)
                    is_best = replica.complete_epoch(measured, self.learning_rate.last, weights)
                    if is_best or (replica.has_ended and not replica.selects):
                        best.append(number)
            self.kept.take(best)

    def _averaged(self) -> AbstractContextManager[None]:
        """Return the context in which the networks have their mean weights, if any."""
        if self.average is None:
            return nullcontext()
        self.average.update(self.network.weights)
        return self.average.shown(self.network.weights)

    def _keep_latest(self) -> None:
        """Keep the latest weights of networks for which nothing chooses among their weights."""
        if self.average is not None:
            self.average.give(self.network.weights)
        replicas = enumerate(self.replicas)
        self.kept.take([i for i, r in replicas if not (r.has_ended or r.selects)])

    def _state_of(self, number: int) -> dict[str, torch.Tensor]:
        """Return the current weights of a network."""
        network = self.replicas[number].task.network
        KeptWeights(self.network).give(number, network)
        return network.state_dict()

    def _train(self) -> list[dict[str, float]]:
        self.network.train()
        losses = JointLosses(self.network.sections.n_networks)
        for batch in paced(self.training):
            with self.learning_rate.step(self.optimizer) as progress:
                done = progress if self.plan.begins else 1.0
                # The optimizer may change the weights before it asks for gradients.
                gradients: Any = partial(self._gradients, batch, done, losses)
                self.optimizer.step(gradients)
        return losses.means("train")

    def _gradients(self, batch: JointBatch, progress: float, losses: JointLosses) -> torch.Tensor:
        """Compute the gradients for a batch, and return the sum of the losses of all networks."""
        self.network.weights.forget_gradients()
        objective = self._objective(batch, self.generators, self.plan.jitter, progress)
        losses.add(objective, batch)
        total = torch.dot(objective.losses.to(batch.share.dtype), batch.share)
        total.backward()
        return total.detach()

    def _validate(self) -> list[dict[str, float]]:
        if self.validation is None:
            return [{} for _ in self.replicas]
        self.network.eval()
        # The same draws in every epoch, so that validation losses can be compared.
        generators = [
            torch.Generator(own.device).manual_seed(own.initial_seed()) for own in self.generators
        ]
        losses = JointLosses(self.network.sections.n_networks)
        with torch.no_grad():
            for batch in self.validation:
                losses.add(self._objective(batch, generators), batch)
        return losses.means("valid")

    def _objective(
        self,
        batch: JointBatch,
        generators: Any,
        jitter: float = 0.0,
        progress: float = 1.0,
    ) -> Objective:
        """Return the objective of all rows of a batch; each network has its own generator."""
        self.network.take(batch.sizes, batch.n_rows)
        return self.network.objective(batch.X, generators, jitter, progress)


def _generator_of(task: TrainingTask) -> torch.Generator:
    assert task.training.generator is not None  # training rows are drawn in an order
    return task.training.generator
