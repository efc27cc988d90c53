"""A sample of rows for the models that fill missing values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class Sample:
    """Standardised rows, for the models of this package.

    ``values`` (n_samples, n_features) are zero where ``known``, a mask of the same shape and dtype,
    is zero; ``weight`` (n_samples,) are the weights of the rows.
    """

    values: torch.Tensor
    known: torch.Tensor
    weight: torch.Tensor

    def hiding(self, hidden: torch.Tensor) -> Sample:
        """Return this sample with the entries missing where the mask `hidden` is 1."""
        known = self.known * (1 - hidden)
        return replace(self, values=self.values * known, known=known)
