"""Reading the files that ``save`` writes."""

from __future__ import annotations

import os

from sklearn.base import BaseEstimator

from skae._persistence.attributes import check_estimator
from skae._persistence.classes import parameters_of
from skae._persistence.given import Given
from skae._persistence.reading import Reader
from skae._storage import MOST_BYTES, FileFormatError, read_file
from skae.estimators import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

ESTIMATORS: dict[str, type[BaseEstimator]] = {
    "AutoencoderClassifier": AutoencoderClassifier,
    "AutoencoderImputer": AutoencoderImputer,
    "AutoencoderOutlierDetector": AutoencoderOutlierDetector,
    "AutoencoderRecommender": AutoencoderRecommender,
    "AutoencoderTransformer": AutoencoderTransformer,
}


def load(
    path: str | os.PathLike,
    *,
    architecture=None,
    kind=None,
    loss=None,
    scoring=None,
    optimizer=None,
    most_bytes: int = MOST_BYTES,
):
    """Load a fitted estimator from a file that its ``save`` wrote.

    A file can not run code, and takes no more memory than twice its size: names, shapes, sizes
    and types are checked first. It says nothing of who made it, and a model that someone else
    trained may compute whatever they like.

    Parameters
    ----------
    path : str or path-like
        The file.

    architecture : Architecture or None, default=None
        Only for a model with :class:`~skae.architectures.Custom` or with an architecture of your
        own: no file holds code, so it is given again. Its other parameters are those of the file.

    kind : Kind or None, default=None
        The same for a kind of your own, or one whose corruption is a function or your own.

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
        Where the device of the fit is missing, it computes on the CPU.

    Raises
    ------
    FileFormatError
        If the file is not from skae, is damaged, was written by a later version, or asks for
        something that was not given.
    OSError
        If it can not be opened.

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
    if set(document) != {"estimator", "parameters", "attributes"}:
        raise FileFormatError("The file's document has other fields than that of a model.")
    name = document["estimator"]
    if not isinstance(name, str) or name not in ESTIMATORS:
        raise FileFormatError(f"The file names the estimator {str(name)[:99]!r}, unknown here.")
    reader = Reader(arrays, given)
    estimator = _estimator(ESTIMATORS[name], reader.by_name(document["parameters"], "parameters"))
    attributes = reader.by_name(document["attributes"], "attributes")
    reader.check_all_read()
    given.check_used()
    vars(estimator).update(attributes)
    _check(name, estimator, attributes)
    return estimator


def _check(name: str, estimator: BaseEstimator, attributes: dict) -> None:
    try:
        check_estimator(name, estimator, attributes)
    except FileFormatError:
        raise
    except Exception as error:  # whatever stumbles over a value says that it can not be
        raise FileFormatError(f"The file holds a model that can not be: {error}") from error


def _estimator(cls: type[BaseEstimator], parameters: dict) -> BaseEstimator:
    known = set(parameters_of(cls()))
    if set(parameters) != known:
        differing = sorted(set(parameters) ^ known)
        raise FileFormatError(
            f"The file has other parameters of {cls.__name__} than expected: {differing[:9]}."
        )
    return cls(**parameters)
