"""What several fits of one estimator leave on it together."""

from __future__ import annotations

import pandas as pd

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
