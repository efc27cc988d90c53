"""What makes the code a good code: one file per kind.

``KINDS`` holds every kind by its name; ``kind="undercomplete"`` means ``kind=Undercomplete()``.
"""

from skae.kinds.kind import ForwardPass, Kind
from skae.kinds.undercomplete import Undercomplete

KINDS: dict[str, type[Kind]] = {
    "undercomplete": Undercomplete,
}

__all__ = ["KINDS", "ForwardPass", "Kind", "Undercomplete"]
