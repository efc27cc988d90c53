"""Parameters that are given as a name or as an object: kind, architecture, loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import numpy as np
from sklearn.base import clone

from skae._utils.parameter_names import ParameterNamesMixin
from skae._utils.synonyms import did_you_mean

# What makes the default object of each name.
Registry = Mapping[str, Callable[[], Any]]
Part = TypeVar("Part")


def resolve_part(value: object, parameter: str, registry: Registry, base_class: type[Part]) -> Part:
    """Return a new part for a fit: the default object for a name, or a copy of an object.

    Parameters
    ----------
    value : str or object
        The value from the user.

    parameter : str
        Name of the parameter, for the message.

    registry : mapping of str to callable
        Classes by name, or functions that return a part.

    base_class : type
        Base class that an object must derive from.

    Raises
    ------
    ValueError
        If the name is unknown.

    TypeError
        If `value` is neither a name nor such an object.
    """
    if isinstance(value, str):
        if value in registry:
            return registry[value]()
        raise ValueError(
            f"{parameter} must be one of {sorted(registry)}, got {value!r}"
            f"{did_you_mean(value, registry)}"
        )
    if isinstance(value, base_class):
        return with_own_numbers(value)
    raise TypeError(
        f"{parameter} must be one of {sorted(registry)} or an object of a class derived from "
        f"skae's {base_class.__name__}, got {value!r}"
        + (" (a class: add parentheses)." if isinstance(value, type) else ".")
    )


def with_own_numbers(part: Part) -> Part:
    """Return a copy of a part with Python numbers instead of numpy's.

    numpy's small integer types overflow, and torch does not accept all of them.
    """
    copy = clone(part)
    for name, value in copy.get_params(deep=False).items():
        setattr(copy, name, _own(value))
    return copy


def _own(value: Any) -> Any:
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if type(value) in (tuple, list):
        return type(value)(_own(item) for item in value)
    return value


class NamedPartsMixin(ParameterNamesMixin):
    """Allows setting nested parameters of a part that is given by name.

    ``set_params(kind="sparse", kind__weight=0.1)`` replaces the name by the default object and sets
    its parameter, so that hyperparameter searches over nested parameters work.
    """

    # Registries by parameter. Names are looked up when they are resolved, so that parts can be
    # registered at any time. A registry with more names is therefore a ``ChainMap``, not a copy.
    _part_registries: Mapping[str, Registry] = {}

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator, and of its parts as ``part__parameter``.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : estimator
            This estimator.
        """
        for part, registry in self._part_registries.items():
            value = params.get(part, getattr(self, part))
            nested = any(name.startswith(f"{part}__") for name in params)
            if nested and isinstance(value, str):
                params = {**params, part: resolve_part(value, part, registry, object)}
        return super().set_params(**params)
