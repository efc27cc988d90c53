"""Loading a fitted estimator from the file that ``save`` wrote."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from sklearn.base import BaseEstimator

from skae._persistence.attributes import check_estimator, check_state
from skae._persistence.decode import Decoder
from skae._persistence.given import Given
from skae._persistence.versions import arguments_of, class_name, renamed, upgraded
from skae._storage import MOST_BYTES, FileFormatError, read_file
from skae.architectures import Architecture
from skae.estimators import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.kinds import Kind
from skae.losses import Loss
from skae.scores import Score

_CLASSES: tuple[type[BaseEstimator], ...] = (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
ESTIMATORS: dict[str, type[BaseEstimator]] = {cls._stored_as: cls for cls in _CLASSES}


def load(
    path: str | os.PathLike,
    *,
    architecture: Architecture | None = None,
    kind: Kind | None = None,
    loss: Loss | Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    scoring: Score | None = None,
    optimizer: type[torch.optim.Optimizer] | None = None,
    most_bytes: int = MOST_BYTES,
) -> Any:
    """Load a fitted estimator from a file that its ``save`` wrote.

    A file cannot run code, and loading takes at most twice the memory of its size, since names,
    shapes, sizes and types are checked first. A file does not say who made it, and a model that
    someone else trained may compute anything.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    architecture : Architecture or None, default=None
        Only for a model with :class:`~skae.architectures.Custom` or with an architecture of your
        own that is not registered: no file holds code, so it is given again. Its other parameters
        are those of the file.

    kind : Kind or None, default=None
        The same for a kind of your own, or one whose corruption is a function or your own. Parts
        that are registered, in ``skae.kinds.KINDS`` and its like, need not be given.

    loss : Loss, callable or None, default=None
        The same for a loss that is a function or your own.

    scoring : Score or None, default=None
        The same for a score of your own.

    optimizer : type or None, default=None
        The same for an optimizer that is not one of torch's.

    most_bytes : int, default=2**36
        Larger files are refused.

    Returns
    -------
    estimator : AutoencoderTransformer or another estimator of skae
        As it was saved: it computes the same to the last bit, also when it is fitted further.
        If the device of the fit is not available, it computes on the CPU.

    Raises
    ------
    FileFormatError
        If the file is not from skae, is damaged, was written by a later version, or asks for
        code that was not given.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skae
    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> ae = skae.AutoencoderTransformer(2, max_epochs=5, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ae.save(Path(folder, "iris.skae"))
    ...     loaded = skae.load(Path(folder, "iris.skae"))
    >>> bool((loaded.transform(X) == ae.transform(X)).all())
    True
    """
    objects = {"architecture": architecture, "kind": kind, "loss": loss, "scoring": scoring}
    given = Given({**objects, "optimizer": optimizer})
    document, arrays = read_file(path, content="model", most_bytes=most_bytes)
    document = upgraded(document)
    if set(document) != {"version", "estimator", "parameters", "attributes"}:
        raise FileFormatError("The file's document has other fields than that of a model.")
    cls = _class_named(document["estimator"])
    decoder = Decoder(arrays, given)
    parameters = decoder.by_name(document["parameters"], "parameters")
    estimator = cls(**arguments_of(cls, parameters))
    state = renamed(cls, decoder.by_name(document["attributes"], "attributes"))
    decoder.check_all_read()
    given.check_used()
    _restore(estimator, state)
    return estimator


def _class_named(name: object) -> type[BaseEstimator]:
    found = ESTIMATORS.get(class_name("estimator", name)) if isinstance(name, str) else None
    if found is None:
        raise FileFormatError(f"The file names the estimator {str(name)[:99]!r}, unknown here.")
    return found


def _restore(estimator: BaseEstimator, state: dict) -> None:
    """Check the state from the file, and set it on an estimator."""
    try:
        check_state(estimator._stored_as, state)
        estimator.__setstate__(state)
        check_estimator(estimator)
    except FileFormatError:
        raise
    except Exception as error:  # checks may raise any error for a wrong value
        raise FileFormatError(f"The file holds an invalid model: {error}") from error
