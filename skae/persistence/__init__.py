"""From files back to fitted estimators."""

from skae.persistence.load import load

__all__ = ["load"]
