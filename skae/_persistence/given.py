"""Code that files do not contain, and that the user passes again to read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skae._persistence.parts import WRAPPERS
from skae._storage import FileFormatError

# Arguments of ``skae.load``, named like parameters of the estimator.
NAMES = ("kind", "architecture", "loss", "scoring", "optimizer")
_EXAMPLES = {
    "architecture": "architecture=Custom(encoder, decoder)",
    "kind": "kind=Denoising(corruption=function)",
    "loss": "loss=function",
    "optimizer": "optimizer=MyOptimizer",
    "scoring": "scoring=MyScore()",
}


class Given:
    """The objects that the user passed for a file.

    Parameters
    ----------
    objects : dict of str to object
        By the names in ``NAMES``; None stands for nothing.
    """

    def __init__(self, objects: dict):
        self.objects = {name: value for name, value in objects.items() if value is not None}
        self.used: set[str] = set()

    def at(self, path: str, described: str) -> Any:
        """Return the object for a place in the file.

        Parameters
        ----------
        path : str
            Such as "loss", or "architecture.encoder" for a parameter of the given object.

        described : str
            Name of the object that was saved, for the message.

        Raises
        ------
        FileFormatError
            If no object is given for it, or one without that parameter.
        """
        name, *attributes = path.split(".")
        if name not in NAMES:
            raise FileFormatError(f"The file asks for {path[:99]!r}, no argument of skae.load.")
        if name not in self.objects:
            raise FileFormatError(
                f"The model was saved with {described[:99]} as {path[:99]}. That is code, which "
                f"no file holds: give it again, as skae.load(path, {_EXAMPLES[name]})."
            )
        self.used.add(name)
        value = self.objects[name]
        for attribute in attributes:
            if attribute == "function" and not isinstance(value, WRAPPERS):
                continue  # a function may be passed without the object around it
            if attribute not in _parameters(value):
                raise FileFormatError(
                    f"{name}={self.objects[name]!r} has no {'.'.join(attributes)}, for which the "
                    f"model was saved with {described[:99]}."
                )
            value = getattr(value, attribute)
        return value

    def function_at(self, path: str, described: str) -> Callable:
        """Return the function for a place in the file."""
        value = self.at(path, described)
        if isinstance(value, WRAPPERS):
            value = value.function
        if not callable(value):
            raise FileFormatError(f"{path} must be callable as in the saved model, got {value!r}.")
        return value

    def class_at(self, path: str, described: str, base: type | tuple[type, ...]) -> type:
        """Return the class, derived from a base class, of the object for a place in the file."""
        value = self.at(path, described)
        found = value if isinstance(value, type) else type(value)
        if not issubclass(found, base) or found.__qualname__ != described:
            raise FileFormatError(
                f"The model was saved with {described[:99]} as {path}, got {value!r}."
            )
        return found

    def check_used(self) -> None:
        """Refuse objects that the file does not need.

        Raises
        ------
        FileFormatError
            If the file does not need an object that was passed.
        """
        if set(self.objects) - self.used:
            raise FileFormatError(
                f"{sorted(set(self.objects) - self.used)} of skae.load must not be given: "
                f"the file holds them itself."
            )


def _parameters(value: Any) -> dict:
    is_part = hasattr(value, "get_params") and not isinstance(value, type)
    return value.get_params(deep=False) if is_part else {}
