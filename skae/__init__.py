"""Autoencoders as scikit-learn estimators."""

# Before pandas and scikit-learn: after them, it takes a third of a second longer.
import torch  # noqa: F401

# isort: split
import importlib
from types import ModuleType

from skae._persistence.load import load
from skae._storage import FileFormatError
from skae.estimators import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "AutoencoderClassifier",
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderRecommender",
    "AutoencoderTransformer",
    "FileFormatError",
    "__version__",
    "load",
]

# Packages that are imported when they are first used, as they need more than the estimators do.
_LAZY = {"compression", "datasets", "export", "metrics", "plotting", "series"}


def __getattr__(name: str) -> ModuleType:
    if name in _LAZY:
        return importlib.import_module(f"skae.{name}")
    raise AttributeError(f"module 'skae' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
