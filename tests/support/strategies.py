"""Forms in which the same numbers may come, and what is no X at all."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars
import pyarrow
import scipy
import scipy.sparse as sp
import torch
from hypothesis import strategies as st

# -- Values: numbers that poorer dtypes hold exactly as well. --------------------------------------


def real_values(rng, n_rows: int, n_features: int) -> np.ndarray:
    """Numbers that float16 holds."""
    return rng.normal(size=(n_rows, n_features)).astype(np.float16).astype(np.float64)


def counts(rng, n_rows: int, n_features: int) -> np.ndarray:
    return rng.integers(0, 100, size=(n_rows, n_features)).astype(np.float64)


def bits(rng, n_rows: int, n_features: int) -> np.ndarray:
    return rng.integers(0, 2, size=(n_rows, n_features)).astype(np.float64)


def incomplete(rng, n_rows: int, n_features: int) -> np.ndarray:
    """Real values, and NaN; each feature and each row keeps a known one."""
    values = real_values(rng, n_rows, n_features)
    hidden = rng.random(values.shape) < 0.3
    hidden[0] = False
    hidden[:, 0] = False
    return np.where(hidden, np.nan, values)


# -- Forms of them. --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A way in which numbers may come.

    ``of`` makes it from values, ``make`` from a matrix of float64. What is ``exact`` gives the
    results of the matrix to the last digit. ``axes`` says that samples have axes of their own.
    """

    make: object
    of: object = real_values
    exact: bool = False
    axes: bool = False


class HasArray:
    """What numpy can read, and nothing else is known of."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


def _strided(X):
    wide = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan)
    wide[::2, ::3] = X
    return wide[::2, ::3]


def _unaligned(X):
    raw = np.zeros(X.nbytes + 1, dtype=np.uint8)
    view = raw[1:].view(np.float64) if X.size else raw[:0].view(np.float64)
    view = view.reshape(X.shape)
    view[...] = X
    return view


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _memmap(X):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=X.dtype, mode="w+", shape=X.shape)
    mapped[...] = X
    return mapped


def _nullable(X):
    frame = pd.DataFrame(X).astype("Float64")
    return frame.mask(np.isnan(X)) if np.isnan(X).any() else frame


def _masked(X):
    hidden = np.isnan(X)
    return np.ma.MaskedArray(np.where(hidden, 1e6, X), mask=hidden)


def _nones(X):
    return [[None if np.isnan(v) else float(v) for v in row] for row in X]


def _with_nulls(X):
    return polars.DataFrame({f"c{j}": _nones(X.T[j : j + 1])[0] for j in range(X.shape[1])})


def _arrow_with_nulls(X):
    return pyarrow.table({f"c{j}": _nones(X.T[j : j + 1])[0] for j in range(X.shape[1])})


def _table(X):
    return pyarrow.table({f"c{j}": X[:, j] for j in range(X.shape[1])})


def _unsorted(X):
    csr = sp.csr_array(X)
    for row in range(X.shape[0]):
        part = slice(csr.indptr[row], csr.indptr[row + 1])
        csr.indices[part], csr.data[part] = csr.indices[part][::-1].copy(), csr.data[part][::-1]
    csr.has_sorted_indices = False
    return csr


def _duplicates(X):
    """Every entry in two halves."""
    rows, columns = np.nonzero(np.ones_like(X))
    data, index = np.tile(X.ravel() / 2, 2), (np.tile(rows, 2), np.tile(columns, 2))
    return sp.coo_array((data, index), shape=X.shape)


def _explicit_zeros(X):
    rows, columns = np.nonzero(np.ones_like(X))
    return sp.csr_array((X.ravel(), (rows, columns)), shape=X.shape)


def _long_indices(X):
    csr = sp.csr_array(X)
    csr.indptr, csr.indices = csr.indptr.astype(np.int64), csr.indices.astype(np.int64)
    return csr


def _csr_tensor(X):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.from_numpy(X.copy()).to_sparse_csr()


def _named(names):
    def make(X):
        return pd.DataFrame(X, columns=names(X.shape[1]))

    return make


def _odd_names(n):
    odd = ["", "fit", "__class__", "índice ☃", "a" * 5000, "X", "kind", "0", " ", "\n"]
    return [f"{odd[i % 10]}{i // 10 or ''}" for i in range(n)]


_FLOATS = ["float16", "float32", "longdouble", ">f8", ">f4", "<f8"]
_INTS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4", ">u2"]
_TENSORS = ["float64", "float32", "float16", "bfloat16"]
_SPARSE = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]

FORMS: dict[str, Form] = {
    **{f"dtype {d}": Form(lambda X, d=d: X.astype(d)) for d in _FLOATS},
    **{f"dtype {d}": Form(lambda X, d=d: X.astype(d), of=counts) for d in _INTS},
    "dtype bool": Form(lambda X: X.astype(bool), of=bits),
    "dtype object": Form(lambda X: X.astype(object), exact=True),
    "objects, integers and booleans": Form(
        lambda X: np.array([[bool(v) if v < 2 else int(v) for v in r] for r in X], dtype=object),
        of=counts,
    ),
    "Fortran order": Form(np.asfortranarray),
    "strided": Form(_strided),
    "negative strides": Form(lambda X: X[::-1, ::-1].copy()[::-1, ::-1]),
    "transposed": Form(lambda X: X.T.copy().T),
    "broadcast": Form(
        lambda X: np.broadcast_to(X[:1], X.shape),
        of=lambda rng, n, d: np.tile(real_values(rng, 1, d), (n, 1)),
    ),
    "read-only": Form(_read_only, exact=True),
    "unaligned": Form(_unaligned),
    "memory map": Form(_memmap, exact=True),
    "subclass of ndarray": Form(lambda X: X.view(type("Mine", (np.ndarray,), {})), exact=True),
    "masked array": Form(_masked, of=incomplete),
    "masked array without mask": Form(np.ma.MaskedArray, exact=True),
    "NaN in float32": Form(lambda X: X.astype(np.float32), of=incomplete),
    "list": Form(np.ndarray.tolist, exact=True),
    "tuples": Form(lambda X: tuple(map(tuple, X.tolist())), exact=True),
    "list of arrays": Form(list, exact=True),
    "list of tensors": Form(lambda X: list(torch.from_numpy(X.copy())), exact=True),
    "list of Series": Form(lambda X: [pd.Series(row) for row in X], exact=True),
    "list with None": Form(_nones, of=incomplete),
    "array protocol": Form(HasArray, exact=True),
    "frame": Form(pd.DataFrame),
    "frame of float32": Form(lambda X: pd.DataFrame(X.astype(np.float32))),
    "frame of mixed dtypes": Form(
        lambda X: pd.DataFrame(X).astype({0: "int8", X.shape[1] - 1: "float32"}), of=counts
    ),
    "frame of objects": Form(lambda X: pd.DataFrame(X.astype(object))),
    "nullable frame": Form(_nullable, of=incomplete),
    "nullable frame, all known": Form(_nullable),
    "nullable integers": Form(lambda X: pd.DataFrame(X).astype("Int64"), of=counts),
    "nullable booleans": Form(lambda X: pd.DataFrame(X).astype("boolean"), of=bits),
    "frame of arrow's doubles": Form(
        lambda X: pd.DataFrame(X).astype(pd.ArrowDtype(pyarrow.float64())), of=incomplete
    ),
    "categories of numbers": Form(lambda X: pd.DataFrame(X).astype("category"), of=counts),
    "frame of sparse columns": Form(
        lambda X: pd.DataFrame(X).astype(pd.SparseDtype("float64", 0.0)), of=counts
    ),
    "names: integers": Form(_named(lambda n: list(range(7, 7 + n)))),
    "names: text": Form(_named(lambda n: [f"c{i}" for i in range(n)])),
    "names: odd": Form(_named(_odd_names)),
    "names: tuples": Form(
        _named(lambda n: pd.MultiIndex.from_tuples([("a", i) for i in range(n)]))
    ),
    "names: dates": Form(_named(lambda n: pd.date_range("2020-01-01", periods=n))),
    "names: None": Form(_named(lambda n: [None, *range(1, n)])),
    "index: duplicates": Form(lambda X: pd.DataFrame(X, index=[0] * len(X))),
    "polars frame": Form(lambda X: polars.DataFrame(X)),
    "polars frame with nulls": Form(_with_nulls, of=incomplete),
    "arrow table": Form(_table),
    "arrow table with nulls": Form(_arrow_with_nulls, of=incomplete),
    **{
        f"tensor {d}": Form(
            lambda X, d=d: torch.from_numpy(X.copy()).to(getattr(torch, d)),
            of=counts if d == "bfloat16" else real_values,
        )
        for d in _TENSORS
    },
    "tensor int64": Form(lambda X: torch.from_numpy(X).long(), of=counts),
    "tensor uint16": Form(lambda X: torch.from_numpy(X.astype(np.uint16)), of=counts),
    "tensor bool": Form(lambda X: torch.from_numpy(X).bool(), of=bits),
    "tensor with a gradient": Form(
        lambda X: torch.from_numpy(X.copy()).requires_grad_() * 1, exact=True
    ),
    "parameter": Form(lambda X: torch.nn.Parameter(torch.from_numpy(X.copy())), exact=True),
    "tensor, negated lazily": Form(
        lambda X: torch.complex(torch.zeros(X.shape).double(), torch.from_numpy(-X)).conj().imag
    ),
    "tensor, strided": Form(lambda X: torch.from_numpy(_strided(X))),
    "sparse tensor": Form(lambda X: torch.from_numpy(X.copy()).to_sparse(), of=counts),
    "sparse CSR tensor": Form(_csr_tensor, of=counts),
    **{
        f"sparse {kind} {form}": Form(
            lambda X, kind=kind, form=form: getattr(sp, f"{form}_{kind}")(X), of=counts
        )
        for form in _SPARSE
        for kind in ("array", "matrix")
    },
    "sparse of float32": Form(lambda X: sp.csr_array(X.astype(np.float32)), of=counts),
    "sparse of uint8": Form(lambda X: sp.csr_array(X.astype(np.uint8)), of=counts),
    "sparse of booleans": Form(lambda X: sp.csr_array(X.astype(bool)), of=bits),
    "sparse with NaN": Form(_explicit_zeros, of=incomplete),
    "sparse, not sorted": Form(_unsorted, of=counts),
    "sparse, entries twice": Form(_duplicates, of=counts),
    "sparse, explicit zeros": Form(_explicit_zeros, of=counts),
    "sparse, long indices": Form(_long_indices, of=counts),
    "series": Form(lambda X: X[:, :, None], exact=True, axes=True),
    "images": Form(lambda X: X.reshape(len(X), 1, X.shape[1], 1), exact=True, axes=True),
    "list of images": Form(lambda X: list(X[:, None]), exact=True, axes=True),
    "nested lists": Form(lambda X: X[:, None].tolist(), exact=True, axes=True),
    "tensor of images": Form(lambda X: torch.from_numpy(X[:, None].copy()), exact=True, axes=True),
    "list of tensors of images": Form(
        lambda X: list(torch.from_numpy(X[:, None].copy())), exact=True, axes=True
    ),
    "images in Fortran order": Form(lambda X: np.asfortranarray(X[:, None]), axes=True),
    "masked images": Form(lambda X: _masked(X)[:, None], of=incomplete, axes=True),
}


def plain(form: Form, seed: int, n_rows: int, n_features: int) -> np.ndarray:
    """Return the values of a form as a matrix of float64 in C order."""
    return np.ascontiguousarray(form.of(np.random.default_rng(seed), n_rows, n_features))


# -- What is no X. ---------------------------------------------------------------------------------

_GOOD = np.random.default_rng(0).normal(size=(6, 3))


def _with(value):
    X = _GOOD.copy()
    X[1, 1] = value
    return X


def _matrix(X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.asmatrix(X)


class Raises:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("nothing here")


NO_ROWS: dict[str, object] = {
    "None": None,
    "number": 3.5,
    "text": "X",
    "empty text": "",
    "bytes": b"X",
    "object": object(),
    "function": len,
    "class": np.ndarray,
    "set": {1.0, 2.0},
    "empty dict": {},
    "dict": {"a": [1.0, 2.0], "b": [2.0, 3.0]},
    "empty list": [],
    "list of empty lists": [[], []],
    "one axis": _GOOD[0],
    "one axis, list": [1.0, 2.0, 3.0],
    "Series": pd.Series([1.0, 2.0, 3.0]),
    "range": range(6),
    "no axis": np.array(3.0),
    "no rows": _GOOD[:0],
    "no columns": _GOOD[:, :0],
    "nothing": np.empty((0, 0)),
    "images without pixels": np.empty((5, 0, 3)),
    "images, none": np.empty((0, 2, 3)),
    "ragged": [[1.0, 2.0], [3.0]],
    "ragged images": [[[1.0], [2.0]], [[1.0]]],
    "ragged objects": np.array([[1.0, 2.0], [3.0]], dtype=object),
    "volumes of unlike lengths": [np.ones((3, 2, 1)), np.ones((2, 2, 1))],
    "images of unlike sizes": [np.ones((2, 2)), np.ones((2, 3))],
    "rows and numbers": [np.ones(3), 1.0],
    "images and numbers": [np.ones((2, 2)), 1.0],
    "deep objects": np.array([[np.ones(2)] * 3] * 4 + [[None] * 3], dtype=object),
    "infinity": _with(np.inf),
    "minus infinity": _with(-np.inf),
    "infinity in float32": _with(np.inf).astype(np.float32),
    "infinity in longdouble": _GOOD.astype(np.longdouble) * np.longdouble("1e400"),
    "huge integers": [[10**400, 1, 2], [3, 4, 5]],
    "complex": _GOOD + 1j,
    "complex list": [[1j, 2.0], [3.0, 4.0]],
    "complex objects": (_GOOD + 1j).astype(object),
    "dates": np.array([["2020-01-01"] * 3] * 4, dtype="datetime64[D]"),
    "durations": np.ones((4, 3), dtype="timedelta64[s]"),
    "text in an array": np.array([["a", "b"], ["c", "d"]]),
    "digits in text": np.array([["1", "2"], ["3", "4"]]),
    "text in lists": [["a", 1.0], ["b", 2.0]],
    "bytes in an array": np.array([[b"x", b"y"], [b"u", b"v"]]),
    "dicts": [{"a": 1}, {"a": 2}],
    "dicts in an array": np.array([[{}, {}], [{}, {}]], dtype=object),
    "structured": np.zeros(4, dtype=[("a", "f8"), ("b", "f8")]),
    "structured matrix": np.zeros((4, 2), dtype=[("a", "f8")]),
    "void": np.zeros((4, 2), dtype="V8"),
    "np.matrix": _matrix(_GOOD),
    "array that raises": Raises(),
    "frame of text": pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"]}),
    "frame of dates": pd.DataFrame({"a": pd.date_range("2020", periods=3), "b": 1.0}),
    "categories of text": pd.DataFrame({"a": ["x", "y"], "b": ["u", "v"]}).astype("category"),
    "frame of arrays": pd.DataFrame({"a": [np.ones(2), np.ones(2)], "b": [1.0, 2.0]}),
    "frame of no columns": pd.DataFrame(index=range(4)),
    "frame of no rows": pd.DataFrame(columns=["a", "b"], dtype=float),
    "frame of infinities": pd.DataFrame(_with(np.inf)),
    "names: integers and text": pd.DataFrame(_GOOD, columns=["a", 0, "b"]),
    "names: duplicates": pd.DataFrame(_GOOD, columns=["a", "b", "a"]),
    "names: equal integers": pd.DataFrame(_GOOD, columns=[0, 1, 0]),
    "polars text": polars.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]}),
    "polars Series": polars.Series([1.0, 2.0]),
    "lazy polars frame": polars.DataFrame({"a": [1.0, 2.0]}).lazy(),
    "arrow text": pyarrow.table({"a": ["x", "y"], "b": [1.0, 2.0]}),
    "tensor on no device": torch.empty(4, 3, device="meta"),
    "complex tensor": torch.ones(4, 3, dtype=torch.complex64),
    "tensor of float8": torch.ones(4, 3).to(torch.float8_e5m2),
    "tensor with infinity": torch.from_numpy(_with(np.inf)),
    "tensor without axes": torch.tensor(1.0),
    "tensor of one axis": torch.ones(3),
    "tensor without rows": torch.ones(0, 3),
    "nested tensor": torch.nested.nested_tensor(
        [torch.ones(2), torch.ones(3)], layout=torch.jagged
    ),
    "sparse with infinity": sp.csr_array(_with(np.inf)),
    "sparse complex": sp.csr_array(_GOOD + 1j),
    "sparse without rows": sp.csr_array((0, 3)),
    "sparse without columns": sp.csr_array((3, 0)),
}
if tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 15):  # which has sparse arrays of these
    NO_ROWS["sparse of one axis"] = sp.coo_array(_GOOD[0])
    NO_ROWS["sparse of three axes"] = sp.coo_array(np.ones((2, 2, 2)))

# -- What is no parameter, and what may be one. ----------------------------------------------------

HUGE = 2**63


class Anything:
    """An object that nothing knows."""

    def __repr__(self) -> str:
        return "Anything()"


VALUES: list = [
    None,
    float("nan"),
    float("inf"),
    -float("inf"),
    -1,
    -1.0,
    0,
    0.0,
    -0.0,
    1,
    1.0,
    2,
    3,
    4,
    5,
    0.5,
    1.5,
    1e-300,
    5e-324,
    1 - 1e-16,
    1 - 2**-53,
    1 + 2**-52,
    1e300,
    HUGE,
    -HUGE,
    2**40,
    10**400,
    True,
    False,
    np.True_,
    np.int64(1),
    np.int8(2),
    np.uint64(2**64 - 1),
    np.float32(0.5),
    np.float64(0.25),
    np.float64("nan"),
    np.array(1),
    np.array([1.0, 2.0]),
    np.array([]),
    1j,
    "",
    "auto",
    "no such thing",
    "1",
    b"auto",
    [],
    [1],
    [0.1, 0.5],
    [-1, "a"],
    (),
    (1,),
    (2, 2),
    (0.5, 0.1),
    (None,),
    (HUGE,),
    (True,),
    {},
    {"a": 1},
    {0: 1.0, 1: 2.0},
    {1, 2},
    Anything(),
    Anything,
    len,
    pd.NA,
    pd.NaT,
    pd.Series([1, 2]),
    torch.tensor(1.0),
    np.datetime64("2020-01-01"),
]

_LABELS = np.array([0, 1] * 3)

# What y and sample_weight may be for six rows, and what they may not.
LABELS: dict[str, object] = {
    "integers": _LABELS,
    "unsigned": _LABELS.astype(np.uint8),
    "booleans": _LABELS.astype(bool),
    "whole floats": _LABELS.astype(float),
    "halves": _LABELS / 2,
    "list": _LABELS.tolist(),
    "tuple": tuple(_LABELS.tolist()),
    "column": _LABELS[:, None],
    "Series": pd.Series(_LABELS, index=list("abcdef")),
    "Series without all": pd.Series([0, 1, None, 0, 1, None]),
    "nullable": pd.Series(_LABELS, dtype="Int64"),
    "categories": pd.Series(list("ababab"), dtype="category"),
    "polars": polars.Series(_LABELS),
    "arrow": pyarrow.array(_LABELS),
    "tensor": torch.from_numpy(_LABELS),
    "tensor on no device": torch.empty(6, device="meta"),
    "text": list("ababab"),
    "text and -1": np.array(["a", -1, "b"] * 2, dtype=object),
    "text '-1'": ["a", "-1", "b"] * 2,
    "bytes": np.array([b"a", b"b"] * 3),
    "None and text": np.array(["a", None, "b"] * 2, dtype=object),
    "objects": np.array([Anything()] * 6, dtype=object),
    "NaN": np.where(_LABELS, np.nan, 0.0),
    "infinity": np.where(_LABELS, np.inf, 0.0),
    "complex": _LABELS * 1j,
    "dates": np.array(["2020-01-01", "2021-01-01"] * 3, dtype="datetime64[D]"),
    "one class": np.zeros(6, dtype=int),
    "all unknown": np.full(6, -1),
    "anomalies": np.array([-1, 1, 1, 0, 0, 0]),
    "all but one anomalies": np.array([-1, -1, -1, -1, -1, 1]),
    "six classes": np.arange(6),
    "extremes": np.array([-(2**63), 2**63 - 1] * 3),
    "unsigned extremes": np.array([0, 2**64 - 1] * 3, dtype=np.uint64),
    "huge": [10**400, 0] * 3,
    "tiny numbers": np.array([5e-324, 1e308] * 3),
    "matrix": np.ones((6, 2)),
    "cube": np.ones((6, 1, 1)),
    "too few": _LABELS[:5],
    "too many": [*_LABELS, 0],
    "ragged": [[1], [1, 2], [1], [1], [1], [1]],
    "sparse": sp.csr_array(_LABELS[:, None]),
    "masked": np.ma.MaskedArray(_LABELS, mask=[0, 0, 0, 0, 0, 1]),
    "structured": np.zeros(6, dtype=[("a", "f8")]),
    "dict": {"a": 1},
    "number": 3,
    "word": "abcdef",
    "frame": pd.DataFrame({"a": _LABELS}),
    "None": None,
}
WEIGHTS: dict[str, object] = {
    **LABELS,
    "positive": np.arange(1.0, 7.0),
    "negative": -np.arange(1.0, 7.0),
    "denormal": np.full(6, 5e-324),
    "largest": np.full(6, np.finfo(np.float64).max),
    "tiny and huge": np.array([1e-300, 1e300] * 3),
    "float16": np.full(6, 0.1, dtype=np.float16),
    "longdouble": np.full(6, 0.1, dtype=np.longdouble),
    "longest": np.full(6, np.longdouble("1e4000")),
    "big-endian": np.full(6, 2.0, dtype=">f8"),
    "zeros": np.zeros(6),
    "two above zero": np.array([0, 0, 1, 0, 0, 1.0]),
    "read-only": _read_only(np.ones(6)),
    "strided": np.ones(12)[::-2],
}

# -- Strategies. -----------------------------------------------------------------------------------

seeds = st.integers(0, 2**20)


@st.composite
def extreme_rows(draw):
    """Rows at the limits of floating point numbers, of unlike scales, repeated, constant, ..."""
    n_rows, n_features = draw(st.integers(2, 10)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(seeds))
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32, np.longdouble]))
    X = rng.normal(size=(n_rows, n_features))
    highest = 37 if dtype == np.float32 else 307
    exponents = st.integers(-highest - 16, highest)
    scale = draw(st.sampled_from(["one", "columns", "entries", "rows", "offset"]))
    with np.errstate(all="ignore"):
        if scale == "one":
            X = X * 10.0 ** draw(exponents)
        elif scale == "columns":
            X = X * 10.0 ** np.array([draw(exponents) for _ in range(n_features)], dtype=float)
        elif scale == "rows":
            X = X * 10.0 ** np.array([[draw(exponents)] for _ in range(n_rows)], dtype=float)
        elif scale == "entries":
            X = X * 10.0 ** rng.integers(-highest - 16, highest, size=X.shape).astype(float)
        else:
            X = X + 10.0 ** draw(exponents)
        shape = draw(st.sampled_from(["all", "same", "constant column", "one row", "zeros"]))
        if shape == "same":
            X[:] = X[0]
        elif shape == "constant column":
            X[:, 0] = X[0, 0]
        elif shape == "one row":
            X[1:] = X[0]
        elif shape == "zeros":
            X[:, :] = np.where(rng.random(X.shape) < 0.7, 0, X)
        if draw(st.booleans()):
            limits = np.finfo(np.float32 if dtype == np.float32 else np.float64)
            special = [limits.max, -limits.max, limits.tiny, limits.smallest_subnormal, -0.0]
            X[draw(st.integers(0, n_rows - 1)), 0] = draw(st.sampled_from(special))
        return np.clip(X, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)
