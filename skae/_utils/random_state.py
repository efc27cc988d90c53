"""Random states that never use the global generator of numpy."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

from skae._utils.naming import naming

# What a parameter ``random_state`` may be.
RandomStateLike = int | np.random.RandomState | None


def own_random_state(random_state: RandomStateLike) -> np.random.RandomState:
    """Return the generator for a parameter ``random_state``.

    For None, the seed comes from the operating system, not from numpy's global generator, whose
    state skae neither reads nor changes.
    """
    if random_state is None:
        return np.random.RandomState(np.random.SeedSequence().generate_state(4))
    with naming("random_state"):
        return check_random_state(random_state)
