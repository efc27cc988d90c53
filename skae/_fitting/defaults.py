"""The rules for training parameters that are "auto"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeVar

from skae._start.principal_axes import PrincipalAxes
from skae._utils.checks import is_auto
from skae.kinds import Kind

# The automatic size of the code depends on the number of components that PCA needs to explain this
# fraction of the variance.
_AUTO_FRACTION = 0.9
# Fits on fewer rows validate by cross-validation and train on fewer batches.
FEW_ROWS = 500
# Batches in the whole training: for few, for medium and at most for many rows.
_FEW_BATCHES, _SOME_BATCHES, _MOST_BATCHES = 300, 1000, 1500
# Batches in the whole training of a network for outlier detection.
_DETECTOR_BATCHES = 800
# With larger batches, fewer of them suffice.
_SOME_ROWS_IN_BATCH = 256
# With more rows, more batches improve the result.
_MANY_ROWS = 5000
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 150
# From this many rows on, no jitter is needed.
_ENOUGH_ROWS = 20_000
# Larger codes get smaller learning rates.
_LARGE_CODE = 64
# Rows with at least this many features get smaller batches.
_LARGE_ROW = 256


def auto_batch_size(n_samples: int, n_features: int) -> int:
    """Return a tenth of the rows, at least 32, at most 512 (256 for rows of 256 features).

    If a row takes little computation, larger batches reduce the overhead per row.
    """
    most = 256 if n_features >= _LARGE_ROW else 512
    return min(most, max(32, n_samples // 10))


def auto_epochs(n_samples: int, batch_size: int) -> int:
    """Return the number of epochs with 1,000 batches in all, or 300 for fewer than 500 rows.

    The number of batches is divided by ``sqrt(batch_size / 256)`` for batches of more than 256
    rows, and multiplied by ``sqrt(n_samples / 5000)`` for more than 5,000 rows, up to 1,500. There
    are at least 10 and at most 150 epochs.
    """
    if n_samples < FEW_ROWS:
        n_batches = float(_FEW_BATCHES)
    else:
        larger = max(1.0, n_samples / _MANY_ROWS) / max(1.0, batch_size / _SOME_ROWS_IN_BATCH)
        n_batches = min(_MOST_BATCHES, _SOME_BATCHES * larger**0.5)
    per_epoch = max(1, round(n_samples / batch_size))
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(n_batches / per_epoch)))


def auto_learning_rate(batch_size: int, n_components: int) -> float:
    """Return 0.007 for batches of 512 rows, proportional to the fourth root of the batch size.

    In a large code, the updates of many components add up in each feature. Beyond 64 components,
    the rate is therefore inversely proportional to the square root of their number.
    """
    return 0.007 * (batch_size / 512) ** 0.25 * min(1.0, _LARGE_CODE / n_components) ** 0.5


def auto_jitter(n_samples: int) -> float:
    """Return 0.6 for up to 500 rows, ``0.6 * sqrt(500 / n_samples)`` for more, 0 from 20,000.

    For 20,000 rows it would be below 0.1, too little to change the result, and drawing it takes
    time.
    """
    return 0.6 * min(1.0, FEW_ROWS / n_samples) ** 0.5 if n_samples < _ENOUGH_ROWS else 0.0


def detector_batch_size(n_samples: int, n_features: int) -> int:
    """Return a tenth of the rows, at least 32 and at most 128."""
    return min(128, max(32, n_samples // 10))


def detector_epochs(n_samples: int, batch_size: int) -> int:
    """Return the number of epochs with 800 batches in all, or 300 for fewer than 500 rows."""
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
        An integer is returned as it is. A float means the number of components that PCA needs to
        explain this fraction of the variance. For "auto", the kind decides.

    axes : PrincipalAxes or None
        The principal axes of the data; not needed for an integer.

    n_features : int
        Number of features.

    kind : Kind
        The kind of the autoencoder.
    """
    if isinstance(n_components, Integral):
        return int(n_components)
    assert axes is not None  # only a given size needs none
    if is_auto(n_components):
        return kind.auto_n_components(axes.n_needed(_AUTO_FRACTION), n_features)
    return axes.n_needed(float(n_components))


Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Rules:
    """The functions that compute the values of parameters that are "auto".

    ``batch_size`` takes the numbers of training rows and of features, ``epochs`` the number of
    training rows and the batch size, ``learning_rate`` the batch size and the size of the code.
    """

    batch_size: Callable[[int, int], int]
    epochs: Callable[[int, int], int]
    learning_rate: Callable[[int, int], float]


GENERAL = Rules(auto_batch_size, auto_epochs, auto_learning_rate)
DETECTOR = Rules(detector_batch_size, detector_epochs, detector_learning_rate)


def auto_or(value: float | str, automatic: Number) -> Number:
    """Return the automatic value for "auto", or the given number as a Python number.

    Products with numpy's small integer types would overflow.
    """
    if is_auto(value):
        return automatic
    number: Any = int(value) if isinstance(value, Integral) else float(value)
    return number
