"""The training of a network, from its first weights to the best ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
import torch
from skorch.callbacks import PrintLog

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.interruption import end_fit_or_raise
from skae._runtime.memory import memory_of_training
from skae._runtime.threads import threads_for
from skae._training.autoencoder_net import AutoencoderNet
from skae._training.callbacks import callback_of, without_loading
from skae._training.convergence import TrainingDivergedError, warn_of_divergence
from skae._training.epoch import history_of, is_whole, record_of
from skae._training.optimizer import load_arrays, state_as_arrays
from skae._training.training_plan import TrainingPlan
from skae._utils.torch_draws import torch_draws


class TrainingTask(NamedTuple):
    """What one training needs, the arguments of :func:`train`.

    Parameters
    ----------
    network, training, validation, plan
        As in :func:`train`.
    """

    network: AutoencoderNetwork
    training: Batches
    validation: Batches | None
    plan: TrainingPlan


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of a training.

    ``weights`` are those of ``best_epoch``, with the validation loss ``best_loss``; epoch 0 is the
    network before its first epoch. ``optimizer_state`` holds arrays. ``interrupted`` tells whether
    Ctrl-C ended the training.
    """

    weights: dict[str, torch.Tensor]
    history: pd.DataFrame
    best_epoch: int
    best_loss: float
    optimizer_state: dict
    interrupted: bool


def train(
    network: AutoencoderNetwork,
    training: Batches,
    validation: Batches | None,
    plan: TrainingPlan,
    optimizer_state: dict | None = None,
    *,
    state: dict | None = None,
    save: Callable[[Callable[[], dict]], None] | None = None,
) -> TrainingResult:
    """Train a network, and return the weights with the lowest validation loss.

    Parameters
    ----------
    network : AutoencoderNetwork
        The network, on its device; training changes its weights.

    training : Batches
        Training rows; their generator draws the order of each epoch.

    validation : Batches or None
        Validation rows, which choose the best weights. Without them, the last weights are kept.

    plan : TrainingPlan
        The plan of the training.

    optimizer_state : dict or None
        The state of the optimizer to continue from, as arrays.

    state : dict or None
        A state that an earlier run of the same training passed to `save`; training resumes there.

    save : callable or None
        Called after each batch with a function that returns the state of the training.

    Raises
    ------
    TrainingDivergedError
        If the loss of an epoch is not finite, and no weights are worth keeping.

    DeviceMemoryError
        If the device has too little memory.

    KeyboardInterrupt
        If Ctrl-C was pressed twice within two seconds.

    Warns
    -----
    ConvergenceWarning
        If an infinite loss ended the training.
    """
    generator = training.generator
    assert generator is not None  # training rows are drawn in an order
    with (
        memory_of_training(plan.batch_size, generator.device),
        threads_for(plan.batch_size, network.work.at_once),
        _own_draws(generator, plan),
    ):
        net = _net(network, generator, plan, save)
        if optimizer_state:
            load_arrays(net.optimizer_, optimizer_state)
        if state is None:
            net.begin(training, validation)
        else:
            net.resume(training, validation, state)
        interrupted = _run(net, training, validation)
    history = history_of([record_of(row) for row in net.rows_ if is_whole(row)])
    kept = net.kept_epoch
    net.forget_callbacks()
    return TrainingResult(
        weights=net.module_.state_dict(),
        history=history,
        best_epoch=kept,
        best_loss=history["train_loss" if net.best_ is None else "valid_loss"][kept],
        optimizer_state=state_as_arrays(net.optimizer_),
        interrupted=interrupted,
    )


def _net(
    network: AutoencoderNetwork,
    generator: torch.Generator,
    plan: TrainingPlan,
    save: Callable[[Callable[[], dict]], None] | None,
) -> AutoencoderNet:
    network.draw_from(generator)
    chosen = plan.callbacks if plan.last_epoch else without_loading(plan.callbacks)
    callbacks = [callback_of(item) for item in chosen]
    return AutoencoderNet(
        network,
        plan=plan,
        generators=_generators(generator, plan),
        save=None if save is None else lambda net: save(net.capture),
        optimizer=plan.optimizer,
        lr=plan.learning_rate,
        max_epochs=plan.n_epochs,
        batch_size=plan.batch_size,
        callbacks=chosen,
        # PrintLog is there to print; others say something beside what they do.
        verbose=int(plan.verbose > 0 or any(isinstance(c, PrintLog) for c in callbacks)),
        device=str(generator.device),
    ).initialize()


def _own_draws(own: torch.Generator, plan: TrainingPlan) -> AbstractContextManager[None]:
    """Return the context for modules that may draw from torch's global generators."""
    return torch_draws(own.initial_seed(), own.device) if plan.draws_globally else nullcontext()


def _generators(own: torch.Generator, plan: TrainingPlan) -> list[torch.Generator]:
    """Return all generators that training draws from."""
    if not plan.draws_globally:
        return [own]
    if own.device.type != "cuda":
        return [own, torch.default_generator]
    return [own, torch.default_generator, torch.cuda.default_generators[own.device.index or 0]]


def _run(net: AutoencoderNet, training: Batches, validation: Batches | None) -> bool:
    """Run the epochs, also if an error or Ctrl-C ends them; return whether Ctrl-C did."""
    interrupted, best = False, net.best_
    try:
        net.fit_loop((training, validation), epochs=net.plan.last_epoch - net.rows_[-1]["epoch"])
    except TrainingDivergedError:
        if best is None or not (best.epoch or net.plan.start_counts):
            raise
        warn_of_divergence(net.rows_[-1], best.epoch)
    except KeyboardInterrupt as interrupt:
        end_fit_or_raise(interrupt)
        interrupted = True
    net.end(training)
    return interrupted
