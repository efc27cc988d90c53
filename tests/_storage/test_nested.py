import numpy as np
import torch

from skae._storage import read_file, write_file
from skae._storage.nested import packed, unpacked


def test_what_is_packed_comes_back_from_a_file(tmp_path):
    value = {
        "numbers": [1, -2.5, True, None, "text", float("nan"), float("-inf")],
        "large": {"state": 2**127 + 1, "negative": -(2**70)},
        "tensors": [torch.arange(6.0).reshape(2, 3), {"deep": torch.tensor(7, dtype=torch.uint8)}],
        "array": np.array([1, 2], dtype=np.uint32),
        "empty": [{}, [], torch.empty(0, 3)],
        "pair": (1, torch.ones(2, dtype=torch.float64)),
    }
    document, arrays = packed(value)
    write_file(tmp_path / "file", "test", document, arrays)
    found = unpacked(*read_file(tmp_path / "file", content="test"))
    assert found.keys() == value.keys()
    numbers = found["numbers"]
    assert numbers[:5] == value["numbers"][:5]
    assert np.isnan(numbers[5])
    assert numbers[6] == float("-inf")
    assert found["large"] == value["large"]
    assert torch.equal(found["tensors"][0], value["tensors"][0])
    assert found["tensors"][1]["deep"].dtype == torch.uint8
    assert int(found["tensors"][1]["deep"]) == 7
    assert np.array_equal(found["array"].numpy(), value["array"])
    assert found["empty"][:2] == [{}, []]
    assert found["empty"][2].shape == (0, 3)
    assert found["pair"][0] == 1
    assert torch.equal(found["pair"][1], value["pair"][1])


def test_tensors_have_memory_of_their_own():
    """Products of matrices may be rounded by where in memory rows begin."""
    document, arrays = packed({"weights": torch.ones(3, 3)})
    found = unpacked(document, arrays)["weights"]
    found.zero_()
    assert arrays["0"].sum() == 9
    assert found.data_ptr() % 64 == 0
