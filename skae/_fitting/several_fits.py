"""The fits of several networks for one estimator, and their interruption by Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from skae._checkpoints.trainings import Trainings
from skae._fitting.network_fit import NetworkFit
from skae._runtime.interruption import end_fit_or_raise


def common_attributes(fits: list[NetworkFit]) -> dict:
    """Return the fitted attributes that all networks have in common, with one joint history.

    The column `network` of ``history_`` numbers the networks.
    """
    histories = [fit.history.assign(network=i) for i, fit in enumerate(fits)]
    return {**fits[0].common_attributes, "history_": pd.concat(histories, ignore_index=True)}


def until_interrupted(
    fits: Iterable[NetworkFit], n_networks: int, trainings: Trainings
) -> list[NetworkFit]:
    """Return the fits; after Ctrl-C, return the usable ones and warn.

    Parameters
    ----------
    fits : iterable of NetworkFit
        The fits; each network is trained when the iteration reaches it.

    n_networks : int
        Number of networks.

    trainings : Trainings
        The trainings of the fit.
    """
    done: list[NetworkFit] = []
    try:
        for fit in fits:
            done.append(fit)
            if fit.interruption is not None:
                trainings.interrupt(
                    f"interrupted the training of network {len(done)} of {n_networks} "
                    f"{fit.interruption}, and no further network is trained"
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
