"""The kinds of autoencoder, one file each: the objective that makes the code useful.

``KINDS`` holds every kind by its name; ``kind="sparse"`` means ``kind=Sparse()``.
"""

from skae.kinds.compressive import Compressive
from skae.kinds.contractive import Contractive
from skae.kinds.denoising import Denoising
from skae.kinds.interface import CodeSummary, ForwardPass, LinearStart, Setting
from skae.kinds.kind import Kind
from skae.kinds.overcomplete import Overcomplete
from skae.kinds.sparse import Sparse
from skae.kinds.undercomplete import Undercomplete
from skae.kinds.variational import Variational

KINDS: dict[str, type[Kind]] = {
    "undercomplete": Undercomplete,
    "overcomplete": Overcomplete,
    "sparse": Sparse,
    "denoising": Denoising,
    "contractive": Contractive,
    "variational": Variational,
    "compressive": Compressive,
}

__all__ = [
    "KINDS",
    "CodeSummary",
    "Compressive",
    "Contractive",
    "Denoising",
    "ForwardPass",
    "Kind",
    "LinearStart",
    "Overcomplete",
    "Setting",
    "Sparse",
    "Undercomplete",
    "Variational",
]
