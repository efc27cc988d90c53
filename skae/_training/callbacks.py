"""The parameter ``callbacks``: which ones a training takes, and their copies for folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

from skorch import callbacks as skorch_callbacks
from skorch.callbacks import Callback, Checkpoint, InputShapeSetter, TrainEndCheckpoint

# A callback, alone or with a name, as skorch takes it.
NamedCallback: TypeAlias = Callback | tuple[str, Callback]
CallbacksLike: TypeAlias = Callback | Sequence[NamedCallback] | None

# Callbacks that write, print or load: what they do would be done once more in each fold.
_OUTWARD = tuple(
    getattr(skorch_callbacks, name)
    for name in (
        *("Checkpoint", "TrainEndCheckpoint", "LoadInitState", "PrintLog", "ProgressBar"),
        *("TensorBoard", "MlflowLogger", "NeptuneLogger", "SacredLogger", "WandbLogger"),
    )
    if hasattr(skorch_callbacks, name)
)


def checked_callbacks(callbacks: Any) -> list[NamedCallback]:
    """Return the user's callbacks as a list; refuse what a training can not work with.

    Parameters
    ----------
    callbacks : Callback, list of Callback or (str, Callback), or None
        The parameter.

    Raises
    ------
    TypeError
        If an item is neither a ``skorch.callbacks.Callback`` nor a pair of a name and one.

    ValueError
        If two have the same name, or if one can not work with skae's networks.
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        callbacks = [callbacks]
    if not isinstance(callbacks, list | tuple):
        _refuse(callbacks)
    known, names = list(callbacks), set()
    for item in known:
        name, callback = item if _is_pair(item) else (None, item)
        if not isinstance(callback, Callback):
            _refuse(item)
        if name is not None and name in names:
            raise ValueError(f"callbacks must have different names, got {name!r} twice.")
        names.add(name)
        _check_ability(callback)
    return known


def callback_of(item: NamedCallback) -> Callback:
    """Return the callback of an item, without its name."""
    return item[1] if isinstance(item, tuple) else item


def callbacks_of_fold(callbacks: Iterable[NamedCallback]) -> list[NamedCallback]:
    """Return copies for a training that leaves rows out, such as a fold of a cross-validation.

    Callbacks that write files, print or log are left out, and so are those that cannot be copied,
    such as one with an open file.
    """
    inward = [item for item in callbacks if not isinstance(callback_of(item), _OUTWARD)]
    copies = (_copied(item) for item in inward)
    return [item for item in copies if item is not None]


def without_loading(callbacks: Iterable[NamedCallback]) -> list[NamedCallback]:
    """Return the callbacks for a training of no epoch, in which none saves what it would load."""
    return [item for item in callbacks if not getattr(callback_of(item), "load_best", False)]


def _copied(item: NamedCallback) -> NamedCallback | None:
    try:
        return deepcopy(item)
    except Exception:  # whatever the class of a user raises
        return None


def _is_pair(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _refuse(item: Any) -> None:
    is_class = isinstance(item, type)
    raise TypeError(
        f"callbacks must be one or a list of skorch.callbacks.Callback, or of pairs such as "
        f"('name', callback), got {item!r}" + (" (a class: add parentheses)." if is_class else ".")
    )


def _check_ability(callback: Callback) -> None:
    """Refuse callbacks that need what skae's trainings do not have."""
    if isinstance(callback, InputShapeSetter):
        raise ValueError(
            "callbacks must not contain InputShapeSetter, which builds the module of a skorch net "
            "anew: fit itself builds the network for the shape of X. Leave it out."
        )
    if isinstance(callback, Checkpoint | TrainEndCheckpoint) and callback.f_pickle is not None:
        raise ValueError(
            f"callbacks must not contain {type(callback).__name__} with f_pickle, since skorch's "
            f"net lives in fit only: use f_params, or save the estimator after fit with "
            f"estimator.save(path)."
        )
