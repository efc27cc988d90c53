"""The architectures of encoder and decoder, one file each.

``ARCHITECTURES`` holds every architecture by its name; ``architecture="dense"`` means
``architecture=Dense()``. ``Custom`` wraps the user's own torch
modules and has no name.
"""

from skae.architectures.architecture import Architecture
from skae.architectures.convolutional import Convolutional
from skae.architectures.custom import Custom
from skae.architectures.dense import Dense
from skae.architectures.recurrent import Recurrent
from skae.architectures.transformer import Transformer

ARCHITECTURES: dict[str, type[Architecture]] = {
    "dense": Dense,
    "convolutional": Convolutional,
    "recurrent": Recurrent,
    "transformer": Transformer,
}

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Convolutional",
    "Custom",
    "Dense",
    "Recurrent",
    "Transformer",
]
