import functools

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae import AutoencoderTransformer
from skae._checkpoints.fingerprint import described, fingerprint
from skae.kinds import Denoising, Sparse


def loss(output, target):
    return (output - target).abs()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (np.float64(0.1), "0.1"),
        (np.int64(3), "3"),
        (np.True_, "True"),
        (float("nan"), "nan"),
        ("auto", "'auto'"),
        ((1, "a", None), "(1, 'a', None)"),
        ({"b": 2.0, 1: None}, "{'b': 2.0, 1: None}"),
        (torch.optim.SGD, "torch.optim.sgd.SGD"),
        (loss, f"{__name__}.loss"),
        (np.random.RandomState(0), "RandomState"),
        (torch.device("cpu"), "device(type='cpu')"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_in_words(value, words):
    assert described(value) == words


def test_parts_are_told_apart_by_all_of_their_parameters():
    assert described(Sparse(k=3)) != described(Sparse(k=4))
    assert described(Denoising("gaussian")) != described(Denoising("masking"))
    assert described(Sparse(k=3)) == described(Sparse(k=3))
    assert "0x" not in described(functools.partial(loss))


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool, "U3", object])
def test_arrays_are_told_apart(dtype):
    values = np.array([1, 0, 1]).astype(dtype)
    assert described(values) == described(values.copy())
    assert described(values) != described(values[::-1][:2])
    assert described(values) != described(np.array([1, 1, 0]).astype(dtype))


def prints(X, **others):
    ae = AutoencoderTransformer(2, checkpoint="here", verbose=1, callbacks=[])
    ae.sample_shape_ = X.shape[1:]
    return fingerprint(ae, X, others)


def test_what_has_no_effect_is_not_looked_at():
    found = prints(np.ones((3, 2)))
    assert not {"checkpoint", "verbose", "callbacks"} & found.keys()
    assert {"kind", "random_state", "X", "skae", "torch"} <= found.keys()
    assert found["device"] == ("cuda" if torch.cuda.is_available() else "cpu")


def test_rows_are_looked_at_from_the_first_to_the_last():
    """All of them where they are few, and some in between where they are many."""
    few = np.random.RandomState(0).randn(4096, 2)
    for row in (0, 1, 2048, 4095):
        other = few.copy()
        other[row, 1] += 1e-12
        assert prints(other)["X"] != prints(few)["X"]
    many = np.zeros((100_000, 2), dtype=np.float32)
    for row in (0, 99_999):
        other = many.copy()
        other[row] = 1
        assert prints(other)["X"] != prints(many)["X"]
    other = many.copy()
    other[50_000:50_100] = 1
    assert prints(other)["X"] != prints(many)["X"]


def test_sparse_rows():
    X = sp.random(500, 30, 0.1, format="csr", random_state=0)
    other = X.copy()
    other.data[77] += 1
    assert prints(X)["X"] == prints(X.copy())["X"]
    assert prints(other)["X"] != prints(X)["X"]
