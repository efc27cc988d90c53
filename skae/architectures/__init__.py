"""What encoder and decoder are made of: one file per architecture.

``ARCHITECTURES`` holds every architecture by its name; ``architecture="dense"`` means
``architecture=Dense()``.
"""

from skae.architectures.architecture import Architecture
from skae.architectures.dense import Dense

ARCHITECTURES: dict[str, type[Architecture]] = {
    "dense": Dense,
}

__all__ = ["ARCHITECTURES", "Architecture", "Dense"]
