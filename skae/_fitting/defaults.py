"""The rules for the "auto" of the training parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeVar

from skae._start.principal_axes import PrincipalAxes
from skae._utils.checks import is_auto
from skae.kinds import Kind

# "auto" goes by the number of components that PCA needs for this share of the variance.
_AUTO_SHARE = 0.9
# Below this many rows, folds take turns, and there is little to learn.
FEW_ROWS = 500
# Batches in a whole training: with few rows, with some, and with many.
_FEW_BATCHES, _SOME_BATCHES, _MOST_BATCHES = 300, 1000, 1500
# Batches in the training of a network that detects outliers.
_DETECTOR_BATCHES = 800
# Rows in a batch beyond which fewer batches do.
_SOME_ROWS_IN_BATCH = 256
# Rows beyond which more batches pay.
_MANY_ROWS = 5000
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 150
# Rows from which no jitter is needed.
_ENOUGH_ROWS = 20_000
# Values from which a code is large.
_LARGE_CODE = 64
# Features from which a row is large.
_LARGE_ROW = 256


def auto_batch_size(n_samples: int, n_features: int) -> int:
    """Return a tenth of the rows, at least 32, at most 512 (256 for rows of 256 features).

    Where a row costs little, larger batches spend less of the time between the products.
    """
    most = 256 if n_features >= _LARGE_ROW else 512
    return min(most, max(32, n_samples // 10))


def auto_epochs(n_samples: int, batch_size: int) -> int:
    """Return the number of passes that make 1,000 batches; 300 for fewer than 500 rows.

    Fewer do by the root of the batch size beyond 256; more by the root of the rows beyond
    5,000, up to 1,500. At least 10 and at most 150 passes.
    """
    if n_samples < FEW_ROWS:
        n_batches = float(_FEW_BATCHES)
    else:
        larger = max(1.0, n_samples / _MANY_ROWS) / max(1.0, batch_size / _SOME_ROWS_IN_BATCH)
        n_batches = min(_MOST_BATCHES, _SOME_BATCHES * larger**0.5)
    per_epoch = max(1, round(n_samples / batch_size))
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(n_batches / per_epoch)))


def auto_learning_rate(batch_size: int, n_components: int) -> float:
    """Return 0.007 for batches of 512, less for smaller ones, by the fourth root of their size.

    Where many values of a code meet in each feature, their steps add up: beyond 64 the rate
    falls by the root of the size of the code.
    """
    return 0.007 * (batch_size / 512) ** 0.25 * min(1.0, _LARGE_CODE / n_components) ** 0.5


def auto_jitter(n_samples: int) -> float:
    """Return 0.6 for up to 500 rows, less for more by the root of their number, 0 from 20,000.

    There it would be under 0.1: too little to change the result, and drawing it takes time.
    """
    return 0.6 * min(1.0, FEW_ROWS / n_samples) ** 0.5 if n_samples < _ENOUGH_ROWS else 0.0


def detector_batch_size(n_samples: int, n_features: int) -> int:
    """Return a tenth of the rows, at least 32 and at most 128."""
    return min(128, max(32, n_samples // 10))


def detector_epochs(n_samples: int, batch_size: int) -> int:
    """Return the number of passes that make 800 batches; 300 for fewer than 500 rows."""
    per_epoch = max(1, round(n_samples / batch_size))
    n_batches = _FEW_BATCHES if n_samples < FEW_ROWS else _DETECTOR_BATCHES
    return max(1, round(n_batches / per_epoch))


def detector_learning_rate(batch_size: int, n_components: int) -> float:
    """Return 0.0025 for all sizes."""
    return 0.0025


def resolve_n_components(
    n_components: float | str, axes: PrincipalAxes | None, n_features: int, kind: Kind
) -> int:
    """Return the size of the code.

    Parameters
    ----------
    n_components : int, float in (0, 1) or "auto"
        An integer stands for itself, a float for as many components as PCA needs to hold that
        share of the variance. "auto" is the kind's to decide.

    axes : PrincipalAxes or None
        Those of the data; not needed for an integer.

    n_features : int
        Number of features.

    kind : Kind
        What the code is to be good for.
    """
    if isinstance(n_components, Integral):
        return int(n_components)
    assert axes is not None  # only a given size needs none
    if is_auto(n_components):
        return kind.auto_n_components(axes.n_needed(_AUTO_SHARE), n_features)
    return axes.n_needed(float(n_components))


Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Rules:
    """What "auto" stands for, as functions.

    ``batch_size`` is given the numbers of training rows and of features, ``epochs`` the number of
    training rows and the batch size, ``learning_rate`` the batch size and the size of the code.
    """

    batch_size: Callable[[int, int], int]
    epochs: Callable[[int, int], int]
    learning_rate: Callable[[int, int], float]


GENERAL = Rules(auto_batch_size, auto_epochs, auto_learning_rate)
DETECTOR = Rules(detector_batch_size, detector_epochs, detector_learning_rate)


def auto_or(value: float | str, automatic: Number) -> Number:
    """Return the automatic value for "auto", or the given one as Python's number.

    Products with small integers of numpy would overflow.
    """
    if is_auto(value):
        return automatic
    number: Any = int(value) if isinstance(value, Integral) else float(value)
    return number
