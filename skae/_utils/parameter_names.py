"""Refusals of wrong parameter names, by the name of the class and the name that is meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

from sklearn.base import BaseEstimator

from skae._utils.synonyms import meant, synonym


class ParameterNamesMixin(BaseEstimator):
    """Base class of all classes with parameters: a wrong name is refused with the right one.

    Python's own error names the class that defines ``__init__``, which may be a base class that
    users do not know.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Wrap the constructor of a subclass; its signature stays what it is."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            type.__setattr__(cls, "__init__", _checked(vars(cls)["__init__"]))

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this object, and of its parts as ``part__parameter``.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : object
            This object.

        Raises
        ------
        ValueError
            If there is no parameter of such a name.
        """
        known = self.get_params(deep=False)
        for name in params:
            own = name.partition("__")[0]
            if own not in known:
                raise ValueError(
                    f"Invalid parameter {own!r} for estimator {type(self).__name__}"
                    f"{_hint(type(self), own, known)} Valid parameters are: {sorted(known)}."
                )
        return super().set_params(**params)


def _checked(init: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that refuses wrong arguments by the name of the object's class."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(_explained(error, type(self), signature, args, kwargs)) from None
        init(self, *args, **kwargs)

    return checked


def _explained(
    error: TypeError, cls: type, signature: inspect.Signature, args: tuple, kwargs: dict
) -> str:
    """Return why these are no arguments of the constructor of a class."""
    known = dict(list(signature.parameters.items())[1:])  # without self
    for name in kwargs:
        if name not in known:
            return (
                f"{cls.__name__} got an unexpected keyword argument {name!r}"
                f"{_hint(cls, name, known)}"
            )
    first = [name for name, p in known.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if len(args) > len(first):
        alone = f"only {', '.join(first)} may be" if first else "no parameter may be"
        return f"{cls.__name__} got {len(args)} arguments without names, but {alone}: name them."
    return f"{cls.__name__}: {error}."


def _hint(cls: Any, name: str, known: Mapping[str, Any]) -> str:
    """Return the end of a message that refuses a name: which parameter is meant, if known."""
    found = synonym(name, known) or _of_part(cls, name) or meant(name, known)
    return f": did you mean {found}?" if found else "."


def _of_part(cls: Any, name: str) -> str | None:
    """Return how to give a parameter that one of the parts of a class has."""
    for part, registry in getattr(cls, "_part_registries", {}).items():
        for made in registry.values():  # classes, or functions that make a part
            found = synonym(name, getattr(made, "_get_param_names", list)())
            if found:
                return f"{part}={made.__name__}({found}=...)"
    return None
