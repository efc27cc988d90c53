"""Small tables with columns of every sort."""

from __future__ import annotations

import numpy as np
import pandas as pd

JOBS = ["clerk", "driver", "nurse"]
SIZES = ["small", "medium", "large"]


def mixed_table(n_rows: int = 120, seed: int = 0, *, missing: float = 0.0) -> pd.DataFrame:
    """Return rows whose columns all depend on one hidden number."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "pay": 30 + 5 * hidden + rng.normal(size=n_rows),
            "job": pd.Categorical(np.array(JOBS)[np.digitize(hidden, [-0.5, 0.5])]),
            "city": np.array(["Bonn", "Ulm"], dtype=object)[(hidden > 0.2).astype(int)],
            "size": pd.Categorical(
                np.array(SIZES)[np.digitize(hidden, [-0.3, 0.8])], categories=SIZES, ordered=True
            ),
            "married": hidden + 0.3 * rng.normal(size=n_rows) > 0,
            "children": rng.poisson(np.exp(0.5 * hidden)),
            "age": (40 + 10 * hidden + rng.normal(size=n_rows)).round().astype(np.int64),
        }
    )
    if not missing:
        return frame
    hide = rng.random(frame.shape) < missing
    hide[:10] = False
    return frame.astype({"married": "boolean", "age": "Int64"}).mask(
        pd.DataFrame(hide, columns=frame.columns)
    )
