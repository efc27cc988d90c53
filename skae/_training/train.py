"""The training of a network, from its first weights to its best ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import torch

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.memory import memory_of_training
from skae._training.autoencoder_net import (
    AutoencoderNet,
    BestWeights,
    LearningRateSchedule,
    StopTraining,
)
from skae._training.convergence import (
    TrainingDivergedError,
    refuse_divergence,
    warn_of_divergence,
)
from skae._training.optimizer import load_arrays, state_as_arrays
from skae._training.state import Capture, OwnCallback, Saving, restore, restore_history


@dataclass(frozen=True)
class TrainingPlan:
    """How to train: what "auto" stood for, and what the user chose.

    The schedule is laid out for ``n_epochs``; ``stop_after`` ends it earlier. ``optimizer`` is a
    class of ``torch.optim``; ``schedule`` goes from the share of the batches done to a factor of
    ``learning_rate``; ``jitter`` is noise on what the encoder is shown, in units of what PCA
    leaves over; ``repelled`` holds scaled rows to be rebuilt badly; ``begins`` says whether
    warm-ups start here; ``start_counts`` says whether the first weights are worth keeping, those
    of PCA or of an earlier fit; ``patience`` is a number of epochs, or None; ``callbacks`` are
    skorch's; ``draws_globally`` says whether modules draw from torch's own generators;
    ``on_epoch`` is shown each row of the history, and a function that gives the weights of that
    moment, and ends the training by returning True.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    optimizer: type[torch.optim.Optimizer]
    weight_decay: float
    schedule: Callable[[float], float]
    jitter: float = 0.0
    repelled: torch.Tensor | None = None
    begins: bool = True
    start_counts: bool = False
    stop_after: int | None = None
    patience: int | None = None
    precision: str = "float32"
    draws_globally: bool = False
    callbacks: list = field(default_factory=list)
    on_epoch: Callable[[dict, Callable], bool] = lambda record, weights: False

    def n_steps(self, n_rows: int, history: pd.DataFrame) -> int:
        """Return how many batches were trained on, nearly."""
        return int(history["epoch"].iloc[-1]) * max(1, n_rows // self.batch_size)


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    ``weights`` are the best ones, those of ``best_epoch``, where the loss on the rows that select
    was ``best_loss``; epoch 0 is the network before its first epoch. ``optimizer_state`` holds
    arrays. ``interrupted`` says whether Ctrl-C ended it.
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
    selection: Batches | None,
    plan: TrainingPlan,
    optimizer_state: dict | None = None,
    *,
    state: dict | None = None,
    save: Callable[[Capture], None] | None = None,
) -> TrainingResult:
    """Train a network and return its best weights by the rows that select.

    Parameters
    ----------
    network : AutoencoderNetwork
        On its device; its weights are changed.

    training : Batches
        The rows to train on, in an order drawn for each epoch by its generator.

    selection : Batches or None
        The rows to choose the best weights by; without them, the last weights are kept.

    plan : TrainingPlan
        How to train.

    optimizer_state : dict or None
        Arrays to go on from.

    state : dict or None
        What `save` was once offered, of the same training, which then goes on from there.

    save : callable or None
        Is offered, after each batch, a function that returns the state of the training.

    Raises
    ------
    TrainingDivergedError
        If the loss of an epoch is not finite, and there are no weights worth keeping.

    DeviceMemoryError
        If the memory of the device does not suffice.

    Warns
    -----
    ConvergenceWarning
        If a loss that is not finite ended the training.
    """
    best = BestWeights() if selection is not None else None
    with memory_of_training(plan.batch_size, training.generator.device):
        net = _net(network, training, plan, best, save)
        if optimizer_state:
            load_arrays(net.optimizer_, optimizer_state)
        _begin(net, training, selection, state)
        interrupted = _run(net, training, selection, plan, best)
    history = pd.DataFrame([_record(row) for row in net.history if _is_whole(row)])
    return TrainingResult(
        weights=best.weights_ if best else net.module_.state_dict(),
        history=history,
        best_epoch=best.epoch_ if best else int(history["epoch"].iloc[-1]),
        best_loss=best.loss_ if best else history["train_loss"].iloc[-1],
        optimizer_state=state_as_arrays(net.optimizer_),
        interrupted=interrupted,
    )


def _net(network, training: Batches, plan: TrainingPlan, best, save) -> AutoencoderNet:
    schedule = LearningRateSchedule(
        plan.schedule, plan.n_epochs * len(training), begins=plan.begins
    )
    callbacks = [("schedule", schedule)]
    if best is not None:
        callbacks.append(("best", best))
    callbacks += [(f"user_{i}", callback) for i, callback in enumerate(plan.callbacks)]
    callbacks.append(("epoch_end", _EpochEnd(plan, best)))
    if save is not None:  # after the user's, which may change the weights
        callbacks.append(("saving", Saving(save)))
    net = AutoencoderNet(
        network,
        generators=_generators(training.generator, plan),
        precision=plan.precision,
        optimizer=plan.optimizer,
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        jitter=plan.jitter,
        repelled=plan.repelled,
        callbacks=callbacks,
        device=None,
    )
    return net.initialize()


def _generators(own: torch.Generator, plan: TrainingPlan) -> list[torch.Generator]:
    """Return all that training draws from."""
    if not plan.draws_globally:
        return [own]
    if own.device.type != "cuda":
        return [own, torch.default_generator]
    return [own, torch.default_generator, torch.cuda.default_generators[own.device.index or 0]]


def _begin(net: AutoencoderNet, training: Batches, selection: Batches | None, state) -> None:
    """Begin the training, or go on from the state that was saved of it."""
    if state is None:
        net.on_epoch_begin(net)
        net.run_single_epoch(selection, False, "valid", net.validation_step, silent=True)
        refuse_divergence(net.history[-1])
        net.notify("on_train_begin", X=training, y=None)
    else:
        restore_history(net, state)  # callbacks look at it when they begin
        net.notify("on_train_begin", X=training, y=None)
        restore(net, state)


def _run(
    net: AutoencoderNet,
    training: Batches,
    selection: Batches | None,
    plan: TrainingPlan,
    best: BestWeights | None,
) -> bool:
    """Run the epochs, end in peace whoever ends them, and return whether Ctrl-C did."""
    interrupted = False
    epochs = plan.n_epochs if plan.stop_after is None else plan.stop_after
    try:
        net.fit_loop((training, selection), epochs=epochs - net.history[-1, "epoch"])
    except StopTraining:
        pass
    except TrainingDivergedError:
        if best is None or not (best.epoch_ or plan.start_counts):
            raise
        warn_of_divergence(net.history[-1], best.epoch_)
    except KeyboardInterrupt:
        interrupted = True
    net.notify("on_train_end", X=training, y=None)
    net.forget_callbacks()
    return interrupted


class _EpochEnd(OwnCallback):
    """After each epoch: refuse losses that are not finite, report, and stop where asked to."""

    def __init__(self, plan: TrainingPlan, best: BestWeights | None):
        self.plan = plan
        self.best = best

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        refuse_divergence(row)
        stop = self.plan.on_epoch(_record(row), net.module_.state_dict)
        if stop or self._out_of_patience(row["epoch"]):
            raise StopTraining

    def _out_of_patience(self, epoch: int) -> bool:
        if self.plan.patience is None or self.best is None:
            return False
        return epoch - self.best.epoch_ >= self.plan.patience


def _record(row: dict) -> dict:
    """Return what the user's history shows of a row of skorch's."""
    nan = float("nan")
    return {
        "epoch": row["epoch"],
        "train_loss": row.get("train_loss", nan),
        "valid_loss": row.get("valid_loss", nan),
        "learning_rate": row.get("learning_rate", nan),
        "seconds": row.get("train_seconds", 0.0) + row.get("valid_seconds", 0.0),
    }


def _is_whole(row: dict) -> bool:
    """Return whether an epoch ended; Ctrl-C leaves one that did not."""
    return row["epoch"] == 0 or "learning_rate" in row
