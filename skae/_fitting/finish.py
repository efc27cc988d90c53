"""The end of a fit: the ranges of the training rows, their codes, and the fitted attributes."""

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

# With rates up to this one, a single step does not leave the range of float32.
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
    """Return the outcome of a fit, with the weights that the training kept.

    Parameters
    ----------
    prepared, plan : Prepared, TrainingPlan
        The prepared fit and the plan of its training.

    result : TrainingResult
        The outcome of the training.

    history : pandas.DataFrame
        The history for ``history_``; with cross-validation, the mean history of the folds.

    best_epoch : int
        The epoch for ``best_epoch_``.

    interruption : str or None, default=None
        If Ctrl-C ended the training: the epoch, and which weights are kept.

    keeps_optimizer : bool, default=False
        Whether to keep the state of the optimizer, so that the training can continue.
    """
    network = prepared.network
    network.load_state_dict(result.weights)
    network.eval()
    with np.errstate(over="ignore", invalid="ignore"):  # weights that overflow are refused below
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
    """Let the network record the ranges of all rows and codes, and return the codes."""
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
    """Refuse weights with infinite outputs, which training without validation may keep."""
    reconstructions = fitted.decode(codes, device, np.dtype(np.float64))
    if not (np.isfinite(codes).all() and np.isfinite(reconstructions).all()):
        raise TrainingDivergedError(
            f"After the training with learning_rate={plan.learning_rate:g} and "
            f"weight_decay={plan.weight_decay:g}, latent codes or reconstructions are not finite: "
            f"use smaller values."
        )


def _directions(fitted: FittedNetwork, device: str) -> np.ndarray:
    """Return the change of the reconstruction, in units of X, per unit of each code value."""
    codes = np.eye(fitted.n_components)
    decode = partial(fitted.decode, device=device, dtype=np.dtype(np.float64))
    return decode(codes) - decode(np.zeros_like(codes[:1]))
