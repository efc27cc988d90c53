"""The end of a fit: what the trained network learns and shows of its training rows."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import torch

from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepared import Prepared
from skae._fitting.training_codes import TrainingCodes
from skae._network.fitted_network import FittedNetwork
from skae._runtime.memory import FittingBatches
from skae._runtime.threads import threads_for
from skae._training.convergence import TrainingDivergedError
from skae._training.train import TrainingResult
from skae._training.training_plan import TrainingPlan

# Rates up to here do not lead out of the range of float32 in one step.
_ORDINARY_RATE = 10.0


def finish(
    prepared: Prepared,
    plan: TrainingPlan,
    result: TrainingResult,
    history: pd.DataFrame,
    best_epoch: int,
    *,
    interruption: str | None = None,
    keeps_optimizer: bool = False,
) -> NetworkFit:
    """Return the fit with the weights that a training kept.

    Parameters
    ----------
    prepared, plan : Prepared, TrainingPlan
        What the training began with.

    result : TrainingResult
        Its outcome.

    history : pandas.DataFrame
        The history to show; with folds it is not that of the last training.

    best_epoch : int
        The epoch to show as the best.

    interruption : str or None, default=None
        When Ctrl-C ended the training, and what was kept.

    keeps_optimizer : bool, default=False
        Whether the state of the optimizer is kept, for a training that goes on.
    """
    network = prepared.network
    network.load_state_dict(result.weights)
    network.eval()
    with np.errstate(over="ignore", invalid="ignore"):  # of weights that are refused below
        codes = _note_rows(prepared, plan.batch_size)
    fitted = FittedNetwork.of(prepared.spec, network)
    if max(plan.learning_rate, plan.weight_decay) > _ORDINARY_RATE:
        _refuse_infinity(fitted, codes.sample, plan, str(prepared.device))
    directions = partial(_directions, fitted, str(prepared.device))
    return NetworkFit(
        prepared=prepared,
        network=fitted,
        plan=plan,
        history=history,
        best_epoch=best_epoch,
        code_sample=codes.sample,
        of_kind=fitted.spec.kind.attributes(codes.summary(directions)),
        optimizer_state=result.optimizer_state if keeps_optimizer else None,
        interruption=interruption,
    )


def _note_rows(prepared: Prepared, batch_size: int) -> TrainingCodes:
    """Give the network all rows, so that it notes their ranges, and return their codes."""
    spec, network, seed = prepared.spec, prepared.network, prepared.seeds.training
    codes = TrainingCodes(spec.kind, len(prepared.rows), spec.n_components, seed)
    generator = torch.Generator(prepared.device).manual_seed(seed)
    fitting = FittingBatches(prepared.device)
    with torch.no_grad(), threads_for(batch_size, network.work.at_once):
        note = partial(network.note_ranges, generator=generator)
        for rows, block in prepared.rows.blocks():
            codes.add(rows, fitting.call(note, block))
    return codes


def _refuse_infinity(
    fitted: FittedNetwork, codes: np.ndarray, plan: TrainingPlan, device: str
) -> None:
    """Refuse last weights that lead nowhere, which no validation rows have refused."""
    reconstructions = fitted.decode(codes, device, np.dtype(np.float64))
    if not (np.isfinite(codes).all() and np.isfinite(reconstructions).all()):
        raise TrainingDivergedError(
            f"The weights after the training give no finite numbers, with "
            f"learning_rate={plan.learning_rate:g} and weight_decay={plan.weight_decay:g}: "
            f"give smaller ones."
        )


def _directions(fitted: FittedNetwork, device: str) -> np.ndarray:
    """Return what each value of the code alone changes in the reconstruction, in units of X."""
    codes = np.eye(fitted.n_components)
    decode = partial(fitted.decode, device=device, dtype=np.dtype(np.float64))
    return decode(codes) - decode(np.zeros_like(codes[:1]))
