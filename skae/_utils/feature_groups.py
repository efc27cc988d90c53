"""Groups of features whose contributions are one: dummies of a column, steps of a channel."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skae._utils.channel_axis import UnclearChannelsError, channel_axis_of
from skae._utils.checks import is_auto

GroupsLike = (
    Mapping[Any, Hashable | Iterable[Hashable]]
    | Callable[[Any], Hashable]
    | Sequence[Hashable]
    | None
)


@dataclass(frozen=True)
class FeatureGroups:
    """Names of groups, and the group of each feature.

    Parameters
    ----------
    names : pandas.Index
        Names of the groups, in the order of their first features.

    group_of : ndarray of shape (n_features,)
        Number of the group of each feature, from 0.
    """

    names: pd.Index
    group_of: np.ndarray

    @classmethod
    def of(cls, groups: GroupsLike, columns: pd.Index) -> FeatureGroups:
        """Return the groups of the features.

        Parameters
        ----------
        groups : dict, callable, sequence or None
            Columns of each group by the name of the group, where other columns stay alone; or a
            function from the name of a column to that of its group; or the name of the group of
            each column. None means that each feature is alone.

        columns : pandas.Index
            Names of the features.

        Raises
        ------
        ValueError
            If a column is unknown or in two groups, or if there are not as many names as columns.
        """
        if groups is None:
            return cls(columns, np.arange(len(columns)))
        numbers: dict[Hashable, int] = {}
        try:
            names = _names_by_column(groups, columns)
            group_of = [numbers.setdefault(name, len(numbers)) for name in names]
        except TypeError as error:
            raise ValueError(
                f"groups must have hashable names, such as strings: {error}"
            ) from error
        return cls(pd.Index(list(numbers)), np.array(group_of))


def column_names(
    given: Iterable[str] | None, shape: tuple[int, ...], channel_axis: int | str | None = "auto"
) -> pd.Index:
    """Return the names of the values of a sample.

    Parameters
    ----------
    given : iterable of str or None
        Names of the features, if they have some.

    shape : tuple of int
        Shape of a sample. With several axes, a name is a place on each of them.

    channel_axis : {0, -1, None, "auto"}, default="auto"
        Axis of the channels; "auto" means that the shape decides.

    Returns
    -------
    pandas.Index
        Of strings, or a MultiIndex in the order of ``X.reshape(len(X), -1)``. Its levels are "step"
        and "channel" of a series; "row", "column" and "channel" of an image; or "axis 0" and so on.
    """
    if given is not None:
        return pd.Index(list(given))
    if len(shape) == 1:
        return pd.Index([f"x{i}" for i in range(shape[0])])
    names = _names_of_axes(shape, channel_axis)
    return pd.MultiIndex.from_product([range(size) for size in shape], names=names)


def _names_of_axes(shape: tuple[int, ...], channel_axis: Any) -> list[str]:
    if is_auto(channel_axis):
        channel_axis = _channel_axis(shape)
    space = {1: ["step"], 2: ["row", "column"]}.get(len(shape) - (channel_axis is not None))
    if space is None:
        return [f"axis {i}" for i in range(len(shape))]
    return {None: space, 0: ["channel", *space], -1: [*space, "channel"]}[channel_axis]


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """Return the axis of the channels; an unclear shape is that of a series or of neither."""
    if len(shape) > 3:
        return None
    try:
        return channel_axis_of(shape)
    except UnclearChannelsError:
        return -1 if len(shape) == 2 else None


def _names_by_column(groups: Any, columns: pd.Index) -> list[Hashable]:
    """Return the name of the group of each column."""
    if isinstance(groups, Mapping):
        return _names_of_mapping(groups, columns)
    if callable(groups):
        return [groups(column) for column in columns]
    if isinstance(groups, str) or not hasattr(groups, "__len__"):
        raise ValueError(
            f"groups must be a dictionary of columns by the names of groups, a function from the "
            f"name of a column to that of its group, or a list with a name for each column, got "
            f"{groups!r}."
        )
    if len(groups) != len(columns):
        raise ValueError(
            f"groups must have a name for each of the {len(columns)} columns of X, got "
            f"{len(groups)} names."
        )
    return list(groups)


def _names_of_mapping(groups: Mapping, columns: pd.Index) -> list[Hashable]:
    """Return the name of the group of each column; columns in no group keep their own name."""
    places = {column: place for place, column in enumerate(columns)}
    names: list[Hashable] = list(columns)
    taken: dict[Hashable, Hashable] = {}
    for name, members in groups.items():
        if isinstance(members, str | tuple) or not isinstance(members, Iterable):
            members = [members]
        for column in members:
            if column not in places:
                raise ValueError(
                    f"groups[{name!r}] has the column {column!r}, which X does not have: its "
                    f"columns are {_listed(columns)}."
                )
            if column in taken:
                raise ValueError(
                    f"groups has the column {column!r} twice, in {taken[column]!r} and {name!r}: "
                    f"each column is in one group at most."
                )
            taken[column] = name
            names[places[column]] = name
    for column in columns:
        if column in groups and column not in taken:
            raise ValueError(
                f"groups has the name {column!r}, which is also that of a column outside of it: "
                f"rename the group, or add the column to it."
            )
    return names


def _listed(columns: pd.Index) -> str:
    shown = ", ".join(repr(column) for column in columns[:9])
    return f"{shown}, ..." if len(columns) > 9 else shown
