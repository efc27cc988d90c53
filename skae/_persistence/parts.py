"""Parts that a file may name: those of the registries, looked up when they are needed.

A file names a part by its axis and by its name in the registry of that axis, such as
``{"kind": "sparse"}``. Only parts in the registries can be named: names in a file are never
imported, and the module of a class does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from sklearn.base import BaseEstimator

from skae._storage import FileFormatError
from skae.architectures import ARCHITECTURES, Architecture, Custom
from skae.columns import COLUMN_RULES, Columns
from skae.corruptions import CORRUPTIONS, Corruption, FunctionCorruption
from skae.kinds import KINDS, Kind
from skae.losses import COLUMN_LOSSES, LOSSES, ByColumn, ColumnLoss, FunctionLoss, Loss
from skae.scores import SCORES, Score


@dataclass(frozen=True)
class Axis:
    """The parts of one axis.

    Parameters
    ----------
    base : type
        Base class of the parts.

    registry : dict of str to type
        The registry itself, not a copy: a part that is registered later is found as well.

    place : str
        Import path of the registry, for error messages.

    others : tuple of type
        Classes that have no name in the registry: around a user's own code, or made by a fit.
    """

    base: type
    registry: dict[str, type]
    place: str
    others: tuple[type, ...] = ()

    @property
    def classes(self) -> dict[str, type]:
        """Classes by their names in files."""
        return {**{cls.__name__: cls for cls in self.others}, **self.registry}


AXES = {
    "kind": Axis(Kind, KINDS, "skae.kinds.KINDS"),
    "architecture": Axis(
        Architecture, ARCHITECTURES, "skae.architectures.ARCHITECTURES", others=(Custom,)
    ),
    "loss": Axis(Loss, LOSSES, "skae.losses.LOSSES", others=(FunctionLoss, ByColumn)),
    "column_loss": Axis(ColumnLoss, COLUMN_LOSSES, "skae.losses.COLUMN_LOSSES"),
    "columns": Axis(Columns, COLUMN_RULES, "skae.columns.COLUMN_RULES"),
    "corruption": Axis(
        Corruption, CORRUPTIONS, "skae.corruptions.CORRUPTIONS", others=(FunctionCorruption,)
    ),
    "score": Axis(Score, SCORES, "skae.scores.SCORES"),
}
# Base classes of parts that users write.
BASES = tuple(axis.base for axis in AXES.values())
WRAPPERS = (FunctionLoss, FunctionCorruption)


def name_of(part: object) -> tuple[str, str] | None:
    """Return the axis and the name of a part, or None if its class is not registered."""
    for axis, parts in AXES.items():
        for name, cls in parts.classes.items():
            if type(part) is cls:
                return axis, name
    return None


def class_named(axis: str, name: str) -> type[BaseEstimator]:
    """Return the class of a part.

    Raises
    ------
    FileFormatError
        If no class is registered under this name.
    """
    found = AXES[axis].classes.get(name)
    if isinstance(found, type) and issubclass(found, AXES[axis].base):
        return found
    raise FileFormatError(
        f"{axis} {name[:99]!r} is not known: register its class in {AXES[axis].place} before "
        f"skae.load, or update skae if a later version wrote the file. Known are "
        f"{sorted(AXES[axis].classes)}."
    )


def parameters_of(part: BaseEstimator) -> dict:
    """Return the parameters of a part or an estimator by name, without those of its parts."""
    return part.get_params(deep=False)
