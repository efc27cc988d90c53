"""Files of earlier versions: upgrades of the document, renamed and added parameters.

The values that a file holds of a class are compared with the constructor of the class today:

- An old name in ``RENAMED`` is read as the new one. Each renamed parameter of an estimator or a
  part, field of a record, or attribute of an estimator has one line there. Further tables hold
  renamed classes and weights.
- A file holds all parameters of its version. A parameter that it does not have was added later, and
  gets the default of the constructor if that default keeps the earlier behaviour. Otherwise
  ``ADDED`` holds the value that does. A changed default does not affect files, since they hold all
  values, including those of defaults and of "auto" at the time of the fit.
- Parameters without a default, and attributes of estimators, are never filled in: a file without
  them is refused, unless an upgrade makes them from what the file has.
- Any other name is refused.

Any other change needs a new version of the document, for instance if a record becomes two records:
increase ``VERSION``, and add a function to ``UPGRADES`` that converts each dictionary of a document
of the previous version.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from skae._storage import FileFormatError

# Version of the document; that of the file around it is in skae._storage.files.
VERSION = 2

# By the current name of the class: old name -> new name.
RENAMED: dict[str, dict[str, str]] = {
    name: {"share": "fraction"} for name in ("Masking", "Missing", "SaltAndPepper", "Swap")
}
# By the current name of the class: added parameter -> value that keeps the earlier behaviour.
ADDED: dict[str, dict[str, object]] = {
    # "unlabelled": and two classes where y held -1 and 1 only
    "AutoencoderClassifier": {"unlabelled": -1, "optimizer_params": None},
    "AutoencoderImputer": {"optimizer_params": None},
    # "anomaly_label", "normal_label": y of -1 and 1 was used
    "AutoencoderOutlierDetector": {
        "optimizer_params": None,
        "anomaly_label": -1,
        "normal_label": 1,
    },
    "AutoencoderRecommender": {"optimizer_params": None, "feedback": "explicit"},
    "AutoencoderTransformer": {"optimizer_params": None},
    "Denoising": {"balance": False},
    "Recurrent": {"patch_size": 1},
}
# Names of classes in files, by what they name ("estimator", "record", or an axis such as "kind").
RENAMED_CLASSES: dict[str, dict[str, str]] = {}
# Arrays of the state of a network: old name -> new name.
RENAMED_WEIGHTS: dict[str, str] = {"missing.share_known": "missing.known_fraction"}

# Names of parts by axis at the time of version 1, whose files hold the names of the classes, which
# differ only in underscores and capitals.
_NAMES_OF_1 = {
    "kind": "compressive contractive denoising overcomplete sparse undercomplete variational",
    "architecture": "convolutional dense recurrent transformer Custom",
    "loss": "bce huber mae mse FunctionLoss",
    "corruption": "gaussian masking missing occlusion salt_and_pepper swap FunctionCorruption",
    "score": "elbo joint latent reconstruction residual",
}
_PARTS_OF_1 = {
    name.replace("_", "").lower(): (axis, name)
    for axis, names in _NAMES_OF_1.items()
    for name in names.split()
}


def upgraded(document: dict) -> dict:
    """Return a document in the current version.

    Raises
    ------
    FileFormatError
        If a later version wrote it.
    """
    version = document.get("version", 1)
    if type(version) is not int or version < 1:
        raise FileFormatError("The file's document does not say which version it has.")
    if version > VERSION:
        raise FileFormatError(
            f"The file was written by a later version of skae: its document has version "
            f"{version}, and this skae reads up to {VERSION}. Update skae to read it."
        )
    for older in range(version, VERSION):
        document = {name: _upgraded(node, UPGRADES[older]) for name, node in document.items()}
    return {**document, "version": VERSION}


def _upgraded(node: Any, upgrade: Callable[[dict], dict]) -> Any:
    """Return a node of a document after those inside of it are upgraded."""
    if isinstance(node, list):
        return [_upgraded(item, upgrade) for item in node]
    if isinstance(node, dict):
        return upgrade({name: _upgraded(item, upgrade) for name, item in node.items()})
    return node


def _from_1(node: dict) -> dict:
    """Return a dictionary of version 1 in the form of version 2."""
    if str(node.get("part")).lower() in _PARTS_OF_1:
        axis, name = _PARTS_OF_1[node["part"].lower()]
        return {axis: name, **{key: value for key, value in node.items() if key != "part"}}
    if node.keys() == {"frame"}:  # a table of pandas is held as a dictionary of columns
        return {"dict": node["frame"]}
    if node.keys() == {"csr"} and isinstance(node["csr"], dict):
        shape = {"tuple": node["csr"].get("shape")}
        return {"dict": [[name, part] for name, part in {**node["csr"], "shape": shape}.items()]}
    if node.get("record") == "FittedNetwork" and isinstance(node.get("fields"), dict):
        return _network_of_1(node["fields"])
    return node


def _network_of_1(fields: dict) -> dict:
    """Return a fitted network, whose specification was not a separate record in version 1."""
    spec = {name: field for name, field in fields.items() if name != "weights"}
    inner = {"spec": {"record": "NetworkSpec", "fields": spec}, "weights": fields.get("weights")}
    return {"record": "FittedNetwork", "fields": inner}


# From each version to the next one.
UPGRADES: dict[int, Callable[[dict], dict]] = {1: _from_1}


def class_name(of: str, name: str) -> str:
    """Return the current name of an estimator, a record, or a part of an axis."""
    return RENAMED_CLASSES.get(of, {}).get(name, name)


def renamed(cls: type, found: dict) -> dict:
    """Return values by their current names.

    Raises
    ------
    FileFormatError
        If a value has both its old and its new name.
    """
    names = RENAMED.get(cls.__name__, {})
    values = {names.get(name, name): value for name, value in found.items()}
    if len(values) != len(found):
        raise FileFormatError(f"The file holds a parameter of {cls.__name__} under two names.")
    return values


def arguments_of(cls: type, found: dict) -> dict:
    """Return all arguments of a constructor, from those that a file has.

    Raises
    ------
    FileFormatError
        If a name is unknown, or a parameter without a default is missing.
    """
    values, parameters = renamed(cls, found), inspect.signature(cls).parameters
    unknown = [str(name)[:99] for name in sorted(set(values) - set(parameters))]
    if unknown:
        raise FileFormatError(
            f"The file has unknown parameters of {cls.__name__}: {unknown[:9]}. Expected are "
            f"{sorted(parameters)}; update skae if a later version wrote the file."
        )
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    complete = {**defaults, **ADDED.get(cls.__name__, {}), **values}
    missing = sorted(set(parameters) - set(complete))
    if missing:
        raise FileFormatError(f"The file lacks parameters of {cls.__name__}: {missing[:9]}.")
    return complete


def fields_of_today(cls: type, found: dict) -> dict:
    """Return the fields of a record as :func:`arguments_of` does, with weights by new names."""
    fields = arguments_of(cls, found)
    if isinstance(fields.get("weights"), dict):
        fields["weights"] = {RENAMED_WEIGHTS.get(n, n): w for n, w in fields["weights"].items()}
    return fields
