"""What X may be, and that all else is refused in a sentence."""

import functools
import inspect
import os
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from support.calls import BUILDS, ROWS, arguments, fitted, is_fit, methods_of, results
from support.outcomes import Refused, check_finite, check_same, outcome
from support.strategies import FORMS, NO_ROWS, extreme_rows, plain, seeds

from skae import AutoencoderRecommender

# The ordinary suite runs the same few examples each time; benchmarks/fuzz_input.py runs more.
FUZZ = int(os.environ.get("SKAE_FUZZ_EXAMPLES", "0"))


def examples(n_examples: int):
    return settings(
        max_examples=FUZZ or n_examples, derandomize=not FUZZ, deadline=None, database=None
    )


# Results that jump where a number is rounded.
JUMPS = {"predict", "fit_predict", "select", "p_values", "recommend", "score"}


@functools.lru_cache(64)
def expected_results(build: str, form: str, seed: int, n_rows: int, n_features: int):
    values = plain(FORMS[form], seed, n_rows, n_features)
    if isinstance(BUILDS[build], AutoencoderRecommender):
        values = known_ratings(FORMS[form].make(values), values)
    return values, results("the same numbers in float64", BUILDS[build], values, values)


def known_ratings(X, values):
    """Return a table of ratings with NaN for what a sparse matrix does not hold."""
    if isinstance(X, torch.Tensor) and X.layout is not torch.strided:
        X = sp.csr_array(X.to_dense().numpy())
    if not sp.issparse(X):
        return values
    entries = sp.csr_array(X).tocoo()
    entries.sum_duplicates()
    known = np.full(values.shape, np.nan)
    known[entries.row, entries.col] = entries.data
    return known


@given(
    build=st.sampled_from(sorted(BUILDS)),
    form=st.sampled_from(sorted(FORMS)),
    seed=st.integers(0, 3),
    n_rows=st.sampled_from([4, 6, 12]),
    n_features=st.integers(2, 4),
    which=st.sampled_from(["both", "fit", "later"]),
)
@example("recommender", "dtype >f8", 0, 6, 3, "both")
@example("recommender", "dtype longdouble", 0, 6, 3, "both")
@example("transformer", "list with None", 0, 6, 3, "both")
@example("transformer", "masked array", 0, 6, 3, "both")
@example("imputer", "masked images", 0, 6, 3, "both")
@example("transformer", "nullable frame", 0, 6, 3, "both")
@example("transformer", "sparse matrix csr", 0, 6, 3, "both")
@example("transformer", "sparse tensor", 0, 6, 3, "both")
@example("recommender", "sparse CSR tensor", 0, 6, 3, "both")
@example("transformer", "tensor bfloat16", 0, 6, 3, "both")
@example("transformer", "tensor with a gradient", 0, 6, 3, "both")
@example("transformer", "tensor, negated lazily", 0, 6, 3, "both")
@examples(40)
def test_a_form_of_numbers_gives_what_the_numbers_give(
    build, form, seed, n_rows, n_features, which
):
    check_form(build, form, seed, n_rows, n_features, which)


def check_form(build, form, seed, n_rows, n_features, which):
    values, expected = expected_results(build, form, seed, n_rows, n_features)
    X = FORMS[form].make(plain(FORMS[form], seed, n_rows, n_features))
    of_fit, later = (values if which == "later" else X), (values if which == "fit" else X)
    found = results("forms of numbers", BUILDS[build], of_fit, later)
    if FORMS[form].axes and "recommender" in build:
        return  # a table of ratings has two axes
    for method, value in found.items():
        where = f"{method} of the {build}"
        if isinstance(expected[method], Refused):
            assert isinstance(value, Refused), where
            continue
        assert not isinstance(value, Refused), f"{where}: {value!r}"
        if method == "interpolate" and FORMS[form].axes:
            continue
        if FORMS[form].exact or method not in JUMPS:
            value, wanted = (rows_of(v, FORMS[form].axes) for v in (value, expected[method]))
            check_same(value, wanted, exact=FORMS[form].exact, where=where)


def rows_of(value, axes: bool):
    if axes and isinstance(value, np.ndarray) and value.ndim > 2:
        return value.reshape(len(value), -1)
    return value


# -- What is no X. ---------------------------------------------------------------------------------

GOOD = np.random.default_rng(0).normal(size=(6, 3))
# Codes have no names that could be wrong, and the ratings of fit stand for those that are None.
ACCEPTED = {("inverse_transform", name) for name in NO_ROWS if name.startswith("names: ")}
ACCEPTED |= {("predict_all", "None"), ("recommend", "None")}
# Series of unequal length are padded, and a fit takes tables with text.
_SERIES = ("arrays of unlike lengths",)
_TABLES = ("arrow text", "categories of text", "frame of text", "polars text")


@functools.cache
def ready(build: str):
    return fitted(BUILDS[build], GOOD)


@functools.cache
def arguments_of_rows() -> list:
    return [
        (build, method, name)
        for build in BUILDS
        for method in methods_of(ready(build))
        for name in inspect.signature(getattr(ready(build), method)).parameters
        if name in ROWS
    ]


@given(data=st.data())
@examples(200)
def test_what_is_no_x_is_refused_by_name(data):
    argument = data.draw(st.sampled_from(arguments_of_rows()))
    check_no_rows(*argument, data.draw(st.sampled_from(sorted(NO_ROWS))))


def check_no_rows(build, method, argument, name):
    if name in _SERIES or (name in _TABLES and is_fit(method) and build != "recommender"):
        return
    one = clone(ready(build)) if is_fit(method) else ready(build)
    given = {**arguments(one, method, GOOD), argument: NO_ROWS[name]}
    refused = outcome("no rows", argument, lambda: getattr(one, method)(**given))
    assert isinstance(refused, Refused) or (method, name) in ACCEPTED, f"accepted by {method}"


def test_each_method_refuses_what_is_no_x():
    for name in ("None", "infinity", "ragged", "text in lists", "tensor on no device", "no rows"):
        for argument in arguments_of_rows():
            check_no_rows(*argument, name)


COLUMNS = {
    "dates": (pd.date_range("2020", periods=6), "holds dates"),
    "durations": (pd.to_timedelta(np.arange(6), unit="h"), "holds durations"),
    "lists": ([[1, 2]] * 6, "holds lists"),
    "a question mark": (["1", "2", "?", "4", "5", "6"], r"such as '\?' in row 2"),
    "text": (["x", "y"] * 3, "holds text"),
    "complex": (np.arange(6) * 1j, "Complex data not supported"),
    "infinity": ([0, 1, np.inf, 3, 4, 5], "infinity .* row 2"),
}


_LEVELS = ("text",)  # a fit takes text for categories


@pytest.mark.parametrize("case", COLUMNS)
def test_each_method_names_the_column_and_what_it_holds(case):
    values, message = COLUMNS[case]
    X = pd.DataFrame({"a": np.arange(6.0), "odd": values, "c": np.ones(6)})
    for build, method, argument in arguments_of_rows():
        one = clone(ready(build)) if is_fit(method) else ready(build)
        given = {**arguments(one, method, GOOD), argument: X}
        refused = outcome(
            "no numbers", argument, lambda one=one, m=method, g=given: getattr(one, m)(**g)
        )
        if case in _LEVELS and is_fit(method) and build != "recommender":
            assert not isinstance(refused, Refused)
            continue
        assert isinstance(refused, Refused), f"accepted by {method} of the {build}"
        named = "'odd'" if method != "inverse_transform" or case != "infinity" else "X"
        assert named in str(refused) or "column 1" in str(refused), (build, method, str(refused))
        if (method, case) != ("inverse_transform", "infinity"):
            assert re.search(message, str(refused)), (build, method, str(refused))


def test_a_column_that_fit_did_not_see_is_named_before_what_it_holds():
    frame = pd.DataFrame(GOOD, columns=list("abc"))
    one = fitted(BUILDS["transformer"], frame)
    with pytest.raises(ValueError, match="unseen at fit time:\n- day"):
        one.transform(frame.assign(day=pd.Timestamp("2020")))


def test_decimals_of_arrow_are_numbers():
    pyarrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(np.round(GOOD, 2), columns=list("abc"))
    decimals = frame.astype(str).astype(pd.ArrowDtype(pyarrow.decimal128(10, 2)))
    expected = fitted(BUILDS["transformer"], frame).transform(frame)
    assert np.array_equal(fitted(BUILDS["transformer"], decimals).transform(decimals), expected)


WINDOWS = np.random.default_rng(0).normal(size=(8, 5, 2))


@pytest.mark.parametrize("build", ["transformer", "detector", "imputer", "classifier"])
def test_one_sample_is_refused_with_the_batch_of_one(build):
    one = fitted(BUILDS[build], WINDOWS)
    method = "predict" if build == "detector" else "transform"
    with pytest.raises(
        ValueError, match=r"X has shape \(5, 2\), which is that of one sample.*X\[None\]"
    ):
        getattr(one, method)(WINDOWS[0])
    with pytest.raises(ValueError, match=r"is expecting 10 features as input.* of shape \(5, 2\)"):
        getattr(one, method)(WINDOWS[0, :4])
    assert len(getattr(one, method)(WINDOWS[:1])) == 1


# -- Numbers at the limits. ------------------------------------------------------------------------

WIDE_ERRORS = 1e150  # their squares are beyond float64


@given(build=st.sampled_from(sorted(BUILDS)), X=extreme_rows())
@example("transformer", np.array([[0.0], [1.7e256], [5e-324], [0.0]]))
@example("recommender", np.array([[-1e100], [-1.7976931348623157e308], [1e100]]))
@example("detector", np.array([[0.125], [-0.25]], dtype=np.longdouble))
@example("detector", np.array([[1.7976931348623157e308], [-0.25]]))
@example("transformer from random weights", np.array([[1.7976931348623157e308], [2e190], [2e190]]))
@examples(50)
def test_numbers_at_the_limits_give_finite_results(build, X):
    check_extreme(build, X)


def check_extreme(build, X):
    for method, value in results("extreme numbers", BUILDS[build], X, X).items():
        if isinstance(value, Refused):
            continue
        where = f"{method} of the {build}"
        if method == "recommend":
            items, ratings = value
            check_finite(ratings[items >= 0], where)
        elif method == "score_samples" and float(np.abs(X).max()) > WIDE_ERRORS:
            assert not np.isnan(value).any(), where
        else:
            check_finite(value, where)


@pytest.mark.slow
@given(
    build=st.sampled_from(["transformer", "detector", "imputer", "recommender", "classifier"]),
    seed=seeds,
    exponent=st.integers(-250, 250),
    dtype=st.sampled_from([np.float64, np.float32]),
)
@examples(12)
def test_the_unit_of_the_rows_does_not_matter(build, seed, exponent, dtype):
    """A power of two changes no digit of a floating point number."""
    if dtype == np.float32:
        exponent //= 4
    X = np.random.default_rng(seed).normal(size=(12, 3)).astype(dtype)
    unit = dtype(2.0) ** dtype(exponent)
    expected, found = (results("units", BUILDS[build], rows, rows) for rows in (X, X * unit))
    for method in ("transform", "predict_proba", "decision_function"):
        if method in expected and build != "imputer":
            check_same(found[method], expected[method], exact=False, where=method)
    for method in ("reconstruct", "predict_all", "transform"):
        if method in expected and (method != "transform" or build == "imputer"):
            check_same(found[method] / unit, expected[method], exact=False, where=method)


# -- Few rows, few columns, and rows that are all the same. ----------------------------------------


@given(
    build=st.sampled_from(sorted(BUILDS)),
    n_rows=st.integers(1, 3),
    n_features=st.integers(1, 12),
    kind=st.sampled_from(["random", "constant", "copies", "one row differs", "zeros", "column"]),
    dtype=st.sampled_from(["float64", "float32", "int8", "bool"]),
    sparse=st.booleans(),
    n_copies=st.sampled_from([1, 4]),
)
@examples(60)
def test_tables_with_nothing_to_learn(build, n_rows, n_features, kind, dtype, sparse, n_copies):
    X = np.random.default_rng(0).normal(size=(n_rows, n_features)) * 3
    if kind in ("constant", "zeros"):
        X[:] = 0 if kind == "zeros" else 2
    elif kind in ("copies", "one row differs"):
        X[:] = X[0]
    elif kind == "column":
        X[:, 0] = 1
    X = np.tile(X, (n_copies, 1)).astype(dtype)
    if kind == "one row differs":
        X[0] = 1
    X = sp.csr_array(X) if sparse else X
    for method, value in results("little to learn", BUILDS[build], X, X).items():
        if not isinstance(value, Refused) and method != "recommend":
            check_finite(value, f"{method} of the {build}")


# -- A fit that fails. -----------------------------------------------------------------------------

WIDER = pd.DataFrame(np.eye(6, 5), columns=list("vwxyz"))
FAILURES = {
    "no known value": ({}, np.full((5, 7), np.nan)),
    "infinity": ({}, WIDER.replace(1.0, np.inf)),
    "a parameter": ({"n_components": -1}, WIDER),
    "a part": ({"kind": "none"}, WIDER),
    "a device": ({"device": "cuda:99"}, WIDER),
    "a callback": ({"callbacks": [1]}, WIDER),
}


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(build, failure):
    one = fitted(BUILDS[build], GOOD)
    method = next(m for m in ("predict_all", "transform", "score_samples") if hasattr(one, m))
    parameters, X = FAILURES[failure]
    expected, before = getattr(one, method)(GOOD), one.get_params(deep=False)
    values = {name: id(value) for name, value in vars(one).items()}
    with pytest.raises((ValueError, TypeError)):
        one.set_params(**parameters).fit(**arguments(one, "fit", X))
    one.set_params(**before)
    assert {name: id(value) for name, value in vars(one).items()} == values
    check_same(getattr(one, method)(GOOD), expected, exact=True)


@pytest.mark.parametrize("build", BUILDS)
def test_a_first_fit_that_fails_leaves_nothing(build):
    one = clone(BUILDS[build]).set_params(kind="none")
    with pytest.raises(ValueError, match="kind must be one of"):
        one.fit(**arguments(one, "fit", GOOD))
    assert set(vars(one)) == set(vars(clone(BUILDS[build])))


def test_a_fit_that_is_interrupted_leaves_the_estimator_as_it_was(monkeypatch):
    def interrupted(seed):
        raise KeyboardInterrupt

    one = fitted(BUILDS["transformer"], GOOD)
    before = dict(vars(one))
    monkeypatch.setattr("skae._fitting.prepare.Seeds.drawn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        one.fit(WIDER)
    assert vars(one) == before
