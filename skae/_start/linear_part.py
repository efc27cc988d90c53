"""Linear models of the rows: a normal distribution for missing values, and principal axes."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from skae._data.rows import Rows
from skae._missing.filling import FilledRows, Filling, NormalDistribution
from skae._missing.gaussian_fit import fit_gaussian
from skae._runtime.threads import threads_for
from skae._start.principal_axes import PrincipalAxes, axes_of_factors, principal_axes
from skae._utils.checks import is_integer

# Number of axes to compute if the number of components depends on the spectrum.
_SPECTRUM_AXES = 256


class LinearPart:
    """Computes a normal distribution and principal axes of weighted rows.

    Parameters
    ----------
    rows : Rows
        The data.

    seed : int
        Seed of all randomness.
    """

    def __init__(self, rows: Rows, seed: int):
        self.rows, self.seed = rows, seed
        self.simplicity: float | None = None

    def gaussian(self, weight: torch.Tensor) -> NormalDistribution:
        """Return the distribution that fills missing values; its simplicity is chosen once."""
        with self._threads():
            gaussian, self.simplicity = fit_gaussian(self.rows, weight, self.seed, self.simplicity)
        return gaussian

    def filling(self, gaussian: NormalDistribution) -> Filling:
        """Return the filling of missing values, on the device of the rows."""
        filling = Filling(self.rows.shape[1], gaussian.factor.shape[1])
        filling.to(self.rows.device, self.rows.dtype).set(gaussian)
        return filling

    def complete(self, gaussian: NormalDistribution | None) -> Rows | FilledRows:
        """Return the rows without missing values."""
        return self.rows if gaussian is None else FilledRows(self.rows, self.filling(gaussian))

    def principal_axes(
        self,
        n_components: int | float | str,
        weight: torch.Tensor,
        gaussian: NormalDistribution | None,
    ) -> PrincipalAxes:
        """Return `n_components` axes of the complete rows, or 256 if the number is not known."""
        n_wanted = n_components if is_integer(n_components) else _SPECTRUM_AXES
        if gaussian is not None and n_wanted == gaussian.factor.shape[1]:
            return axes_of_factors(gaussian)
        generator = torch.Generator().manual_seed(self.seed)
        n_axes = min(n_wanted, *self.rows.shape)
        with self._threads():
            return principal_axes(self.complete(gaussian), n_axes, generator, weight)

    def _threads(self) -> AbstractContextManager[None]:
        return threads_for(len(self.rows), self.rows.shape[1] ** 2)
