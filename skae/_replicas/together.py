"""Which trainings run together, and their results in order."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from skae._replicas.joint_training import JointTraining
from skae._replicas.stacked_layers import can_be_stacked
from skae._runtime.memory import memory_of_training
from skae._runtime.threads import threads_for
from skae._training.optimizer import treats_weights_alone
from skae._training.train import TrainingResult, TrainingTask, train
from skae.corruptions import CORRUPTIONS
from skae.kinds import KINDS, Kind
from skae.losses import COLUMN_LOSSES, LOSSES, ByColumn, Loss

# Bytes of the scaled rows of a network, which are copied side by side, and gathered for an epoch.
_MOST_BYTES = 2**24
# The parts of a network of which a joint one has a counterpart.
_PARTS = {
    *("encoder", "decoder", "linear_encoder", "linear_decoder"),
    *("features", "missing", "state"),
}
# Networks that take more multiplications for a batch than this are not bound by overhead.
_MOST_WORK = 5e7


def train_together(tasks: Sequence[TrainingTask]) -> list[TrainingResult | None]:
    """Return the results of several trainings, None for those that Ctrl-C prevented.

    Networks of the same sizes that are trained for as many steps are trained in one pass, with the
    numbers that they would have one after the other.

    Parameters
    ----------
    tasks : sequence of TrainingTask
        The trainings.

    Raises
    ------
    TrainingDivergedError, DeviceMemoryError, KeyboardInterrupt
        As :func:`~skae._training.train.train` raises them.
    """
    results: list[TrainingResult | None] = [None] * len(tasks)
    for group in _groups(tasks):
        of_group = [tasks[i] for i in group]
        run = _in_one_pass(of_group) if _gain(of_group) else one_by_one(of_group, train)
        for number, result in zip(group, run, strict=True):
            results[number] = result
        if any(result is not None and result.interrupted for result in run):
            break
    return results


def one_by_one(
    tasks: Sequence[TrainingTask], train: Callable[..., TrainingResult]
) -> list[TrainingResult | None]:
    """Return the results of several trainings, None for those after Ctrl-C."""
    results: list[TrainingResult | None] = [None] * len(tasks)
    for number, task in enumerate(tasks):
        result = results[number] = train(*task)
        if result.interrupted:
            break
    return results


def _gain(group: list[TrainingTask]) -> bool:
    """Return whether trainings are faster in one pass: several, or one whose batches are small."""
    few_rows = group[0].plan.averages
    return can_run_with_others(group[0]) and (len(group) > 1 or few_rows)


def _in_one_pass(tasks: list[TrainingTask]) -> list[TrainingResult]:
    plan, network = tasks[0].plan, tasks[0].network
    with (
        memory_of_training(plan.batch_size, tasks[0].training.index.device),
        threads_for(plan.batch_size, network.work.at_once),
    ):
        return [replica.result() for replica in JointTraining(tasks).run()]


def _groups(tasks: Sequence[TrainingTask]) -> list[list[int]]:
    """Return the numbers of the trainings that run in one pass, for each of the passes."""
    of_key: dict[Hashable, list[int]] = {}
    for number, task in enumerate(tasks):
        key: Hashable = _key(task) if can_run_with_others(task) else number
        of_key.setdefault(key, []).append(number)
    return list(of_key.values())


def can_run_with_others(task: TrainingTask) -> bool:
    """Return whether a training is one that joint networks and batches are made for.

    It has no callbacks, which are called with a network of their own; no modules, kinds, losses and
    optimizers but those of skae whose computations are known to act on each weight or row alone;
    and rows and networks that are small, since large ones gain nothing.
    """
    network, plan, batches = task.network, task.plan, task.training
    return (
        batches.index.device.type == "cpu"  # not tried elsewhere
        and not (plan.callbacks or plan.draws_globally)
        and plan.repelled is None
        and plan.precision != "bfloat16"
        and treats_weights_alone(plan.optimizer)
        and type(network.kind) in KINDS.values()
        and type(network.kind.corruption) in (type(None), *CORRUPTIONS.values())
        and _is_known(network.loss, network.kind)
        and {name for name, _ in network.named_children()} <= _PARTS  # no head, for one
        and can_be_stacked(network.encoder)
        and (network.decoder is None or can_be_stacked(network.decoder))
        and not bool(network.row_low.isfinite().any())  # it goes on from an earlier training
        and len(batches.rows) * batches.rows.row_bytes <= _MOST_BYTES
        and plan.batch_size * network.work.in_all <= _MOST_WORK
    )


def _is_known(loss: Loss, kind: Kind) -> bool:
    """Return whether a loss is one of skae, or that of a table in which all columns have such."""
    if not isinstance(loss, ByColumn):
        return type(loss) in LOSSES.values()
    known = (*LOSSES.values(), *COLUMN_LOSSES.values())
    # Its learned scales have an axis of the columns, where a joint network has one of the rows.
    return all(type(part) in known for part in loss.losses) and not kind.has_posterior


def _key_of(loss: Loss) -> Hashable:
    """Return the same for losses that are the same; those of tables are made for each network."""
    if not isinstance(loss, ByColumn):
        return id(loss)
    arrays = (loss.loss_of_column, loss.sizes, loss.centre, loss.scale, loss.baseline)
    known = tuple(b"" if array is None else np.asarray(array).tobytes() for array in arrays)
    return repr(loss.losses), *known


def _key(task: TrainingTask) -> Hashable:
    """Return what trainings that run together have in common."""
    network, plan = task.network, task.plan
    return (
        *(id(network.kind), _key_of(network.loss), network.bounded_output, network.sample_shape),
        tuple((name, tuple(tensor.shape)) for name, tensor in network.state_dict().items()),
        *(plan.n_epochs, plan.learning_rate, id(plan.optimizer), plan.weight_decay, plan.schedule),
        *(plan.jitter, plan.begins, plan.averages, plan.selects, plan.precision),
        len(task.training),
        None if task.validation is None else len(task.validation),
    )
