"""The fits of several networks for one estimator, and their interruption by Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from skae._checkpoints.trainings import Trainings
from skae._data.matrix import Matrix
from skae._fitting.fit_network import Split, fit_network, fit_side_by_side, steps_of
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._runtime.interruption import end_fit_or_raise

# Entries of the rows of one network up to which networks are prepared all at once, so that they can
# be trained side by side.
_FEW_ENTRIES = 2**20


def common_attributes(fits: list[NetworkFit]) -> dict:
    """Return the fitted attributes that all networks have in common, with one joint history.

    The column `network` of ``history_`` numbers the networks.
    """
    histories = [fit.history.assign(network=i) for i, fit in enumerate(fits)]
    return {**fits[0].common_attributes, "history_": pd.concat(histories, ignore_index=True)}


def fit_several(
    prepared: Iterable[tuple[Prepared, Split | None]],
    n_networks: int,
    X: Matrix,
    policy: FitPolicy,
    trainings: Trainings,
    report: EpochReport,
) -> list[NetworkFit]:
    """Train several networks; after Ctrl-C, return those of use and warn.

    Parameters
    ----------
    prepared : iterable of (Prepared, tuple of ndarray or None)
        Each network as it is prepared when the iteration reaches it, and its split or None, as
        :func:`~skae._fitting.fit_network.fit_network` takes them.

    n_networks : int
        Number of networks.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Their training rows, or more.

    policy : FitPolicy
        The policy of the estimator.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch.
    """
    alone = policy.callbacks or report.is_heard or not trainings.joins
    few = X.shape[0] * X.shape[1] <= _FEW_ENTRIES
    fit = _side_by_side if few and not alone else _one_by_one
    return until_interrupted(fit(prepared, trainings, report), n_networks, trainings)


def _one_by_one(
    prepared: Iterable[tuple[Prepared, Split | None]], trainings: Trainings, report: EpochReport
) -> Iterator[list[NetworkFit]]:
    for network, split in prepared:
        yield [fit_network(network, trainings, report, split)]


def _side_by_side(
    prepared: Iterable[tuple[Prepared, Split | None]], trainings: Trainings, report: EpochReport
) -> Iterator[list[NetworkFit]]:
    done: list[NetworkFit] = []
    steps = [steps_of(network, report.again(), split) for network, split in prepared]
    try:
        done.extend(fit_side_by_side(steps, trainings))
    except KeyboardInterrupt:
        if done:
            yield done
        raise
    yield done


def until_interrupted(
    fits: Iterable[Sequence[NetworkFit]], n_networks: int, trainings: Trainings
) -> list[NetworkFit]:
    """Return the fits; after Ctrl-C, return the usable ones and warn.

    Parameters
    ----------
    fits : iterable of sequence of NetworkFit
        The fits; networks are trained when the iteration reaches them, side by side if they are
        in one sequence.

    n_networks : int
        Number of networks.

    trainings : Trainings
        The trainings of the fit.
    """
    done: list[NetworkFit] = []
    try:
        for together in fits:
            first = len(done) + 1
            done.extend(together)
            numbers = [i for i, fit in enumerate(together, first) if fit.interruption is not None]
            if numbers:
                which = f"network {numbers[0]}"
                if len(numbers) > 1:
                    which = f"networks {numbers[0]} to {numbers[-1]}"
                trainings.interrupt(
                    f"interrupted the training of {which} of {n_networks} "
                    f"{done[numbers[0] - 1].interruption}, and no further network is trained"
                )
                break
    except KeyboardInterrupt as interrupt:
        if not done:
            raise
        end_fit_or_raise(interrupt)
        trainings.interrupt(
            f"came before network {len(done) + 1} of {n_networks} was usable; the networks before "
            f"it are kept"
        )
    return done
