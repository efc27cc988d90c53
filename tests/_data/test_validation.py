from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from skae import AutoencoderTransformer
from skae._data.validation import (
    n_known,
    output_dtype,
    validate_groups,
    validate_sample_weight,
    validate_X,
)

VALUES = np.array([[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]])


def validated(X, **kwargs):
    return validate_X(AutoencoderTransformer(), X, reset=True, **kwargs)


@pytest.mark.parametrize(
    "dtype",
    ["float64", "float32", "float16", "int64", "int8", "uint8", "uint16", "bool", "longdouble"],
)
def test_dtype_is_kept(dtype):
    X = VALUES.astype(dtype)
    validated_X = validated(X)
    assert validated_X.dtype == dtype
    np.testing.assert_array_equal(validated_X, X)


@pytest.mark.parametrize(
    ("X", "dtype"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], np.float64),
        ([[1, 2], [3, 4]], np.int64),
        (((1.5, 2), (3, 4)), np.float64),
        ([np.float32([1, 2]), np.float32([3, 4])], np.float32),
        (np.array([[1, 2.5], [3, 4]], dtype=object), np.float64),
        (pd.DataFrame(VALUES.astype(np.float32)), np.float32),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}), np.float64),
    ],
    ids=["list", "ints", "tuples", "rows", "objects", "frame", "mixed frame"],
)
def test_array_likes(X, dtype):
    validated_X = validated(X)
    assert isinstance(validated_X, np.ndarray)
    assert validated_X.dtype == dtype
    np.testing.assert_array_equal(validated_X, np.asarray(X).astype(dtype))


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.csc_matrix, sp.coo_array, sp.csr_array])
def test_sparse_becomes_csr(convert):
    X = validated(convert(VALUES.astype(np.float32)))
    assert sp.issparse(X)
    assert X.format == "csr"
    assert X.dtype == np.float32
    np.testing.assert_array_equal(X.toarray(), VALUES)


@pytest.mark.parametrize(
    ("tensor_dtype", "dtype"),
    [
        (torch.float32, np.float32),
        (torch.float64, np.float64),
        (torch.float16, np.float16),
        (torch.bfloat16, np.float32),
        (torch.uint8, np.uint8),
        (torch.int64, np.int64),
        (torch.bool, np.bool_),
    ],
)
def test_tensors(tensor_dtype, dtype):
    tensor = torch.from_numpy(VALUES).to(tensor_dtype)
    X = validated(tensor)
    assert isinstance(X, np.ndarray)
    assert X.dtype == dtype
    np.testing.assert_array_equal(X, tensor.double().numpy())


@pytest.mark.parametrize("tensor_dtype", [torch.float32, torch.bfloat16])
def test_tensors_with_a_graph(tensor_dtype):
    leaf = torch.from_numpy(VALUES).to(tensor_dtype).requires_grad_()
    for tensor in (leaf, leaf * 1):
        np.testing.assert_array_equal(validated(tensor), VALUES)
        assert tensor.requires_grad


@pytest.mark.parametrize(
    "X",
    [VALUES + 1j, torch.from_numpy(VALUES) + 1j, [[1j, 2.0]], sp.csr_matrix(VALUES + 1j)],
    ids=["array", "tensor", "list", "csr"],
)
def test_complex_numbers_are_refused(X):
    with pytest.raises(ValueError, match=r"[Cc]omplex"):
        validated(X)


@pytest.mark.parametrize(
    "X",
    [
        np.array([["a", "b"], ["c", "d"]]),
        [["a", 1.0], ["b", 2.0]],
        np.array([["1", "2"]]),
        np.array([["2020-01-01"]], dtype="datetime64[D]"),
        np.array([[1]], dtype="timedelta64[s]"),
        np.array([[b"x"]]),
        np.array([[{}]], dtype=object),
    ],
    ids=["strings", "mixed", "digits", "dates", "durations", "bytes", "objects"],
)
def test_what_is_no_number_is_refused(X):
    with pytest.raises((ValueError, TypeError)):
        validated(X)


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize(
    "convert", [np.asarray, np.float32, sp.csr_matrix, torch.from_numpy, pd.DataFrame]
)
def test_numbers_must_be_finite(bad, convert):
    X = VALUES.copy()
    X[1, 1] = bad
    with pytest.raises(ValueError, match="infinity"):
        validated(convert(X))


def test_known_values_are_counted():
    X = np.ones((3, 3))
    assert n_known(X) == 3
    X[1, 1], X[2] = np.nan, np.nan
    assert n_known(X).tolist() == [3, 2, 1]  # at least 1, so that nothing is divided by zero
    assert n_known(sp.csr_matrix(X)).tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (VALUES[0], "Expected 2D array, got 1D array"),
        (torch.ones(3), "Expected 2D array, got 1D array"),
        (5.0, "Expected 2D array, got scalar array"),
        (VALUES[:, :0], r"0 feature\(s\)"),
        (VALUES[:0], r"0 sample\(s\)"),
    ],
)
def test_shape_must_be_a_matrix(X, message):
    with pytest.raises(ValueError, match=message):
        validated(X)


def test_enough_rows():
    with pytest.raises(ValueError, match=r"1 sample\(s\).*minimum of 2"):
        validated(VALUES[:1], min_samples=2)
    assert validated(VALUES[:1], min_samples=1).shape == (1, 3)


def test_features_are_those_of_the_fit():
    ae = AutoencoderTransformer()
    ae._fitted = SimpleNamespace(spec=SimpleNamespace(takes_missing=False))
    frame = pd.DataFrame(VALUES, columns=["a", "b", "c"])
    validate_X(ae, frame, reset=True)
    assert ae.n_features_in_ == 3
    assert ae.feature_names_in_.tolist() == ["a", "b", "c"]
    validate_X(ae, frame, reset=False)
    with pytest.raises(ValueError, match="feature names should match"):
        validate_X(ae, frame[["b", "a", "c"]], reset=False)
    unnamed = AutoencoderTransformer()
    unnamed._fitted = ae._fitted
    validate_X(unnamed, VALUES, reset=True)
    with pytest.raises(ValueError, match=r"2 features, but AutoencoderTransformer.* 3 features"):
        validate_X(unnamed, VALUES[:, :2], reset=False)


def test_no_copy_of_what_is_good_already():
    assert np.shares_memory(validated(VALUES), VALUES)
    tensor = torch.from_numpy(VALUES)
    assert np.shares_memory(validated(tensor), VALUES)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float32, np.float32),
        (np.float16, np.float32),
        (np.float64, np.float64),
        (np.longdouble, np.float64),
        (np.int32, np.float64),
        (np.uint8, np.float64),
        (np.bool_, np.float64),
    ],
)
def test_dtype_of_results(dtype, expected):
    assert output_dtype(VALUES.astype(dtype)) == expected
    if dtype not in (np.float16, np.longdouble):
        assert output_dtype(sp.csr_matrix(VALUES.astype(dtype))) == expected


def test_no_weights_stay_none():
    assert validate_sample_weight(None, VALUES) is None


@pytest.mark.parametrize("weight", [[1, 3], [0.1, 0.3], np.float32([2, 6]), [1e-300, 3e-300]])
def test_weights_have_mean_one(weight):
    found = validate_sample_weight(weight, VALUES)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [0.5, 1.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1], "[Nn]egative"),
        ([1, np.nan], "NaN"),
        ([1, np.inf], "infinity"),
        ([1, 2, 3], "sample_weight"),
        ([[1, 1], [1, 1]], "[Ss]ample.weight"),
        ([0, 1], "above zero for at least two rows, got 1 of 2"),
        ([0, 0], "above zero for at least two rows, got 0 of 2|zero"),
    ],
)
def test_bad_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        validate_sample_weight(weight, VALUES)


# Groups


@pytest.mark.parametrize(
    "groups",
    [
        ["a", "b", "a", "c"],
        np.array([[7], [-1], [7], [3]]),
        pd.Series(["x", "y", "x", "z"], index=[3, 1, 0, 2], dtype="category"),
        pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-01", "2021-01-01"]),
        [1.5, 0.5, 1.5, 2.5],
        torch.tensor([5, 1, 5, 2]),
        pd.DataFrame({"machine": ["x", "y", "x", "z"]}),
    ],
)
def test_groups_of_any_type_become_numbers(groups):
    np.testing.assert_array_equal(validate_groups(groups, np.ones((4, 2))), [0, 1, 0, 2])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "b"], r"groups must hold one group for each of the 4 rows of X, got .* \(2,\)"),
        (np.ones((4, 2)), r"got an array of shape \(4, 2\)"),
        ("machine", "groups"),
        ([1.0, np.nan, 1.0, 2.0], "groups must have no missing values, got .*nan.* in row 1"),
        (pd.Series(["a", None, "b", None]), "groups must have no missing values, .* in row 1"),
        ([[1], [1, 2], [1], [1]], "groups"),
    ],
)
def test_refused_groups(groups, message):
    with pytest.raises(ValueError, match=message):
        validate_groups(groups, np.ones((4, 2)))
