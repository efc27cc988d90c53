import numpy as np
import pytest
from support.numbers import DATA, each_data

from skae._data.blocks import dense_blocks, densify


@each_data
@pytest.mark.parametrize("block_entries", [1, 4, 30, 2**18])
def test_blocks_cover_every_row_once(name, block_entries):
    X = DATA[name]
    blocks = list(dense_blocks(X, block_entries))
    assert [rows.start for rows, _ in blocks] == [0, *(rows.stop for rows, _ in blocks[:-1])]
    assert blocks[-1][0].stop == X.shape[0]
    assert all(len(block) == rows.stop - rows.start for rows, block in blocks)
    assert all(block.size <= max(block_entries, X.shape[1]) for _, block in blocks)
    together = np.concatenate([block for _, block in blocks])
    assert together.dtype == X.dtype
    np.testing.assert_array_equal(together, densify(X))
