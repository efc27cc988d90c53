"""What several fits of one estimator leave on it together."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from skae._fitting.fitting import Fit
from skae._fitting.trainings import Trainings

# What all networks have in common.
_COMMON = (
    "n_components_",
    "kind_",
    "architecture_",
    "batch_size_",
    "learning_rate_",
    "n_epochs_",
    "device_",
    "precision_",
)


def common_attributes(attributes: list[dict]) -> dict:
    """Return what the networks have in common, and their histories as one.

    Parameters
    ----------
    attributes : list of dict
        What :meth:`Fit.attributes` returned for each network.

    Returns
    -------
    dict
        Attributes of the estimator; ``history_`` has the number of the network as a column.
    """
    histories = [of_fit["history_"].assign(network=i) for i, of_fit in enumerate(attributes)]
    common = {name: attributes[0][name] for name in _COMMON}
    return {**common, "history_": pd.concat(histories, ignore_index=True)}


def until_interrupted(fits: Iterable[Fit], n_networks: int, trainings: Trainings) -> list[Fit]:
    """Return fits, or where Ctrl-C comes those whose network is of use by then, with a warning.

    Parameters
    ----------
    fits : iterable of Fit
        Each is trained when it is asked for.

    n_networks : int
        How many there are.

    trainings : Trainings
        That run them.
    """
    done: list[Fit] = []
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
