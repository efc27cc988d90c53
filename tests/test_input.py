"""What X may be, and that all else is refused in a sentence."""

import functools
import os

import numpy as np
import scipy.sparse as sp
from calls import BUILDS, results
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import Refused, check_same
from strategies import FORMS, plain

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
    if hasattr(X, "is_sparse") or not sp.issparse(X):
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
@examples(60)
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
