"""Bootstrap of the normal distribution that fills missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from skae._data.rows import Rows
from skae._missing.filling import Filling, NormalDistribution
from skae._missing.gaussian_fit import MOST_FEATURES, fit_gaussian

# Rows in a batch of the filling.
ROWS_AT_ONCE = 512
# Number of distributions, fewer with more than 800 features.
_MOST_DISTRIBUTIONS, _FEWEST_DISTRIBUTIONS, _ALL_FEATURES = 20, 5, 2**14
# Rows that they are fitted to: 500, or ten for each feature, but not more entries than these.
_FEWEST_ROWS, _ROWS_OF_A_FEATURE, _MOST_ENTRIES = 500, 10, 2**19
# With this many rows for each feature, covariances are not shrunk.
_ROWS_UNSHRUNK = 5


@dataclass(frozen=True)
class Bootstrap:
    r"""Normal distributions fitted to resampled rows: draws of the parameters of the filling.

    Up to 500 rows, or more with more than 50 features, get exponential weights (the Bayesian
    bootstrap [1]_). Of more rows, so many are drawn with replacement, and ``shrinkage`` is the root
    of the ratio of the numbers (bootstrap of `m` out of `n` rows).

    ``mean`` and ``deviation`` have shape (n_distributions, n_features), ``factor``
    (n_distributions, n_features, rank) and ``noise`` (n_distributions,), as the parameters of
    :class:`~skae._missing.filling.NormalDistribution`. ``ratio`` (n_distributions,) are draws
    of the error ratio relative to its estimate, the same for all features, which keeps their
    relations: the variance of `k` normal values, relative to the true one, is
    :math:`\chi^2_k / k`.

    References
    ----------
    .. [1] D. B. Rubin, "The Bayesian bootstrap", Annals of Statistics 9(1), 1981.
    """

    mean: np.ndarray
    deviation: np.ndarray
    factor: np.ndarray
    noise: np.ndarray
    ratio: np.ndarray
    shrinkage: float

    @classmethod
    def of(
        cls,
        rows: Rows,
        weight: torch.Tensor,
        n_rows: int,
        n_values: float,
        simplicity: float | None,
        random: np.random.RandomState,
    ) -> Self:
        """Fit the distributions.

        Parameters
        ----------
        rows : Rows
            Scaled rows on the CPU, with NaN for missing values.

        weight : torch.Tensor of shape (n_samples,)
            Weight of each row.

        n_rows : int
            Number of rows of the fit, of which `rows` are all or some.

        n_values : float
            Number of values on which the error ratio of a feature is measured.

        simplicity : float or None
            As in :func:`~skae._missing.gaussian_fit.fit_gaussian`.

        random : RandomState
            Source of all randomness.
        """
        n_features = rows.shape[1]
        wanted = min(_ROWS_OF_A_FEATURE * n_features, _MOST_ENTRIES // n_features)
        n_drawn = min(len(rows), max(_FEWEST_ROWS, wanted))
        n_distributions = np.clip(
            _ALL_FEATURES // n_features, _FEWEST_DISTRIBUTIONS, _MOST_DISTRIBUTIONS
        )
        # Shrinkage is good for predictions, but narrows and biases draws of the parameters.
        if n_features <= MOST_FEATURES and n_drawn >= _ROWS_UNSHRUNK * n_features:
            simplicity = 0.0
        fitted = []
        for _ in range(int(n_distributions)):
            if n_drawn == n_rows:
                drawn = random.exponential(size=n_rows)
            else:
                places = random.randint(len(rows), size=n_drawn)
                drawn = np.bincount(places, minlength=len(rows)).astype(float)
            seed = int(random.randint(2**31 - 1))
            resampled = weight * torch.from_numpy(drawn).to(weight.dtype)
            fitted.append(fit_gaussian(rows, resampled, seed, simplicity)[0])
        return cls(
            mean=_stacked([gaussian.mean for gaussian in fitted]),
            deviation=_stacked([gaussian.deviation for gaussian in fitted]),
            factor=_stacked([gaussian.factor for gaussian in fitted]),
            noise=np.array([gaussian.noise for gaussian in fitted], np.float32),
            ratio=np.sqrt(n_values / random.chisquare(n_values, size=len(fitted))),
            shrinkage=float((n_drawn / n_rows) ** 0.5),
        )

    def __len__(self) -> int:
        return len(self.noise)

    def filling(self, i: int) -> Filling:
        """Return the filling by one of the distributions, on the CPU."""
        mean, deviation, factor = (
            torch.from_numpy(array[i]) for array in (self.mean, self.deviation, self.factor)
        )
        return filling_by(NormalDistribution(mean, deviation, factor, float(self.noise[i])))

    def expected_squares(self, X: np.ndarray, filled: np.ndarray) -> np.ndarray:
        """Return the expected squared errors of conditional means, of the uncertain parameters too.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Scaled rows, with NaN for missing values.

        filled : ndarray of shape (n_samples, n_features)
            The same rows, filled by the distribution that was fitted to all rows.
        """
        squares = np.zeros(X.shape)
        for i in range(len(self)):
            filling = self.filling(i)
            shift = self.shrinkage * (filled_rows(filling, X) - filled)
            squares += (np.square(shift) + expected_variances(filling, X)) / len(self)
        return squares


def _stacked(tensors: list[torch.Tensor]) -> np.ndarray:
    return torch.stack(tensors).float().numpy()


def filling_by(gaussian: NormalDistribution) -> Filling:
    """Return the filling by a distribution, on the CPU."""
    filling = Filling(*gaussian.factor.shape)
    filling.set(gaussian)
    return filling


def filled_rows(filling: Filling, X: np.ndarray) -> np.ndarray:
    """Return scaled rows with conditional means instead of NaN, float64."""
    parts = torch.from_numpy(X).split(ROWS_AT_ONCE)
    return torch.cat([filling(part) for part in parts]).double().numpy()


def expected_variances(filling: Filling, X: np.ndarray) -> np.ndarray:
    """Return the conditional variances of the entries given the known ones of their row."""
    parts = torch.from_numpy(X).split(ROWS_AT_ONCE)
    return torch.cat([filling.conditional_variances(part) for part in parts]).numpy()


def drawn_errors(filling: Filling, missing: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """Return errors of conditional means, drawn from a distribution; zero for known values.

    Parameters
    ----------
    filling : Filling
        The distribution.

    missing : ndarray of shape (n_samples, n_features), dtype bool
        Mask of the missing values.

    generator : torch.Generator
        Source of the draws, on the CPU.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64
        Errors in scaled units.
    """
    rows = filling.draw(len(missing), generator).numpy()
    return rows - filled_rows(filling, np.where(missing, np.nan, rows))
