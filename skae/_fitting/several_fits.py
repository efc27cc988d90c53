"""Several networks of one estimator: their common attributes, and Ctrl-C among them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from skae._checkpoints.trainings import Trainings
from skae._fitting.network_fit import NetworkFit


def common_attributes(fits: list[NetworkFit]) -> dict:
    """Return the fitted attributes that the networks share, and their histories as one table.

    The column `network` of ``history_`` has the number of the network.
    """
    histories = [fit.history.assign(network=i) for i, fit in enumerate(fits)]
    return {**fits[0].common_attributes, "history_": pd.concat(histories, ignore_index=True)}


def until_interrupted(
    fits: Iterable[NetworkFit], n_networks: int, trainings: Trainings
) -> list[NetworkFit]:
    """Return the fits; after Ctrl-C those whose network is of use by then, with a warning.

    Parameters
    ----------
    fits : iterable of NetworkFit
        Each is trained when the iteration reaches it.

    n_networks : int
        How many there are.

    trainings : Trainings
        Run them.
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
    except KeyboardInterrupt:
        if not done:
            raise
        trainings.interrupt(
            f"came before network {len(done) + 1} of {n_networks} was of any use; those before it "
            f"are kept"
        )
    return done
