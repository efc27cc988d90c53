"""What a call with odd input may end in, and how many of them there were.

A call ends in a result, or in a ValueError or TypeError that skae or scikit-learn raises and that
names the argument. All else fails the test: other exceptions, those that torch or numpy raise from
deep inside, and warnings that are not listed here with their reason.
"""

from __future__ import annotations

import re
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from skae._training.train import TrainingDivergedError

# (category, beginning of the message, why a user should see it)
EXPLAINED_WARNINGS = [
    (UserWarning, r"n_components=\d+ is not larger than the", "overcomplete, but smaller"),
    (UserWarning, r"A code of \d+ values can be a copy", "overcomplete, and nothing holds it"),
    (UserWarning, r"Posterior collapse", "a variational code that says nothing"),
    (UserWarning, r"y marks no row", "y of a detector that does not hold its labels"),
    (UserWarning, r'contamination="auto" calls', "many outliers by the default of a detector"),
    (UserWarning, r"contamination=\S+ asks for", "rows with equal scores"),
    (UserWarning, r"select finds no outlier", "many rows for few calibration rows"),
    (UserWarning, r"X has no unknown rating", "complete tables for a recommender"),
    (UserWarning, r"All known ratings in X equal", "a table of equal values"),
    (UserWarning, r"X has feature names, but \w+ was fitted without", "scikit-learn's own"),
    (UserWarning, r"X does not have valid feature names, but", "scikit-learn's own"),
    (DataConversionWarning, r"A column-vector y was passed", "scikit-learn's own"),
    (UserWarning, r"The number of unique classes is greater than 50%", "scikit-learn's own"),
    (UserWarning, r"y_pred contains classes not in y_true", "scikit-learn's own"),
    (ConvergenceWarning, r"The training learned nothing", "one epoch is hardly a training"),
    (
        ConvergenceWarning,
        r"The training (made the network worse|diverged)",
        "rates too large to be useful",
    ),
    (ConvergenceWarning, r"Half of the values of feature", "float32 cannot tell values apart"),
    (ConvergenceWarning, r"Number of distinct clusters", "codes that are all the same"),
]

# Files whose own errors may reach the user.
_OURS = tuple(f"{Path(__import__(name).__file__).parent}/" for name in ("skae", "sklearn"))

# Number of cases by group and outcome, over all tests of a run.
TALLY: Counter[tuple[str, str]] = Counter()


class Refused:
    """A call that was refused as it should be."""

    def __init__(self, error: Exception):
        self.error = error

    def __repr__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def outcome(group: str, names, call):
    """Return what a call returns, or how it was refused; fail on all else.

    Parameters
    ----------
    group : str
        What it is counted under.

    names : str or sequence of str
        Arguments one of which the refusal has to name.

    call : callable
        Without arguments.
    """
    names = [names] if isinstance(names, str) else list(names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = call()
        except Exception as error:
            _check_refusal(error, names)
            value = Refused(error)
    for warning in caught:
        _check_warning(warning)
    TALLY[group, "refused" if isinstance(value, Refused) else "result"] += 1
    return value


def _check_refusal(error: Exception, names: list[str]) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    text = f"{type(error).__name__}: {error}"
    where = f"\n{frames[-1].filename}:{frames[-1].lineno}"
    if not isinstance(error, ValueError | TypeError):
        raise AssertionError(f"no ValueError or TypeError, but {text}{where}") from error
    if isinstance(error, TrainingDivergedError):
        return  # it names what may be the reason
    if not frames[-1].filename.startswith(_OURS):
        raise AssertionError(f"an error from deep inside: {text}{where}") from error
    if not any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", str(error)) for name in names):
        raise AssertionError(f"an error that names none of {names}: {text}{where}") from error


def _check_warning(warning) -> None:
    for category, beginning, _ in EXPLAINED_WARNINGS:
        if issubclass(warning.category, category) and re.match(beginning, str(warning.message)):
            return
    raise AssertionError(
        f"a warning without a reason: {warning.category.__name__}: {warning.message}\n"
        f"{warning.filename}:{warning.lineno}"
    )


def arrays_of(value) -> list[np.ndarray]:
    """Return the arrays of numbers, or labels, that a result is made of."""
    if isinstance(value, tuple | list):
        return [array for item in value for array in arrays_of(item)]
    if isinstance(value, dict):
        return [array for item in value.values() for array in arrays_of(item)]
    if isinstance(value, BaseEstimator) or value is None:
        return []
    if sp.issparse(value):
        return [value.toarray()]
    if isinstance(value, pd.DataFrame):
        return [value.to_numpy()]
    return [np.asarray(value)]


def check_finite(value, where: str = "") -> None:
    """Fail where a result holds NaN or infinity."""
    for array in arrays_of(value):
        if array.dtype.kind == "f":
            assert np.isfinite(array).all(), f"{where} returned {array}"


def check_same(value, expected, *, exact: bool, where: str = "") -> None:
    """Fail where a result is not the expected one, but for rounding in float32."""
    found, wanted = arrays_of(value), arrays_of(expected)
    assert len(found) == len(wanted), where
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape, f"{where}: shape {a.shape} instead of {b.shape}"
        if exact or a.dtype.kind not in "f":
            np.testing.assert_array_equal(a, b, err_msg=where)
        else:
            size = np.abs(b[np.isfinite(b)]).max(initial=0.0)
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-3 * size + 1e-9, err_msg=where)
