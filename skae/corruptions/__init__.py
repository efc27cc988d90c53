"""The corruptions of the encoder's input in training, one file each.

``CORRUPTIONS`` holds every corruption by its name; ``corruption="masking"`` means
``corruption=Masking()``.
"""

from collections.abc import Callable

import torch

from skae._utils.named_parts import resolve_part
from skae.corruptions.corruption import Corruption
from skae.corruptions.features import Features
from skae.corruptions.function import FunctionCorruption
from skae.corruptions.gaussian import Gaussian
from skae.corruptions.masking import Masking
from skae.corruptions.missing import Missing
from skae.corruptions.mixed import Mixed
from skae.corruptions.occlusion import Occlusion
from skae.corruptions.salt_and_pepper import SaltAndPepper
from skae.corruptions.swap import Swap

CORRUPTIONS: dict[str, type[Corruption]] = {
    "gaussian": Gaussian,
    "masking": Masking,
    "salt_and_pepper": SaltAndPepper,
    "swap": Swap,
    "occlusion": Occlusion,
    "missing": Missing,
    "mixed": Mixed,
}

# What a parameter ``corruption`` may be: a name, an object, or a function(X, generator).
CorruptionLike = str | Corruption | Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None

__all__ = [
    "CORRUPTIONS",
    "Corruption",
    "CorruptionLike",
    "Features",
    "FunctionCorruption",
    "Gaussian",
    "Masking",
    "Missing",
    "Mixed",
    "Occlusion",
    "SaltAndPepper",
    "Swap",
    "resolve_corruption",
]


def resolve_corruption(value: CorruptionLike) -> Corruption | None:
    """Return the corruption of a fit as an object.

    Parameters
    ----------
    value : None, str, Corruption or callable
        The user's parameter.

    Returns
    -------
    Corruption or None
        The default object for a name, a copy of an object, a wrapped function; None for None.

    Raises
    ------
    ValueError
        If the name is unknown.

    TypeError
        If `value` is of another type.
    """
    if value is None:
        return None
    if callable(value) and not isinstance(value, Corruption | type):
        return FunctionCorruption(value)
    return resolve_part(value, "corruption", CORRUPTIONS, Corruption)
