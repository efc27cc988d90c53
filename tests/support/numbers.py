"""Numbers in every form that is read."""

import numpy as np
import pytest
import scipy.sparse as sp

from skae._data.blocks import densify

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(50, 4)) * [1, 10, 0.1, 3] + [0, 100, -2, 7]
DATA = {
    "float64": VALUES,
    "float32": VALUES.astype(np.float32),
    "float16": VALUES.astype(np.float16),
    "int64": (VALUES * 10).astype(np.int64),
    "int8": RNG.integers(-128, 128, size=(50, 4), dtype=np.int8),
    "uint8": RNG.integers(0, 256, size=(50, 4), dtype=np.uint8),
    "bool": RNG.random((50, 4)) < 0.3,
    "csr_matrix": sp.random(50, 4, density=0.3, format="csr", random_state=0),
    "csr_array": sp.csr_array(np.where(VALUES > 1, VALUES, 0).astype(np.float32)),
    "fortran": np.asfortranarray(VALUES),
    "one row": VALUES[:1],
    "one column": VALUES[:, :1],
}
each_data = pytest.mark.parametrize("name", DATA)


def exact(X):
    return densify(X).astype(np.float64)
