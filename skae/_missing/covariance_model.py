"""A normal distribution with any covariance, fitted to rows with missing values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from skae._missing.sample import Sample

# Lower limit of the variances of standardised features.
_SMALLEST_VARIANCE = 1e-6
# The fit stops when no correlation changes by more than this.
_TOLERANCE = 1e-3
# Largest number of entries of the matrices that are factorised at once.
_SOLVED_NUMBERS = 2**20


class CovarianceModel:
    r"""Mean and covariance by expectation maximisation (Little and Rubin [1]_, chapter 11).

    Each iteration fills missing entries by their conditional means, and computes the covariance of
    the filled rows plus the conditional covariance of the missing entries given the known ones.
    The covariance is then shrunk,

    .. math:: \Sigma \leftarrow (1 - s) \Sigma + s \, \text{diag}(\Sigma).

    Parameters
    ----------
    mean : torch.Tensor of shape (n_features,)
        The mean.

    covariance : torch.Tensor of shape (n_features, n_features)
        The covariance.

    References
    ----------
    .. [1] R. J. A. Little and D. B. Rubin, "Statistical analysis with missing data", 2nd edition,
       Wiley, 2002.
    """

    # Shrinkages, the largest first.
    choices = (0.3, 0.1, 0.03, 0.01, 0.003, 0.0)
    n_iterations, n_trial_iterations = 30, 5

    def __init__(self, mean: torch.Tensor, covariance: torch.Tensor):
        self.mean, self.covariance = mean, covariance

    @classmethod
    def fit(
        cls,
        sample: Sample,
        shrinkage: float,
        generator: torch.Generator,
        n_iterations: int,
        start: CovarianceModel | None = None,
    ) -> CovarianceModel:
        """Fit the distribution to a sample.

        Parameters
        ----------
        sample : Sample
            Standardised rows.

        shrinkage : float in [0, 1]
            Shrinkage of correlations in each iteration.

        generator : torch.Generator
            Not used.

        n_iterations : int
            The largest number of iterations.

        start : CovarianceModel or None, default=None
            Initial model; None for one without correlations.
        """
        count = (sample.weight @ sample.known).clamp_min(1)
        variances = (sample.weight @ sample.values.square()) / count
        model = start or cls(sample.values.new_zeros(len(variances)), torch.diag(variances))
        for _ in range(n_iterations):
            before = model.covariance
            model = model._improved(sample, shrinkage)
            if (model.covariance - before).abs().max() < _TOLERANCE:
                break
        return model

    def predict(self, sample: Sample) -> torch.Tensor:
        """Return the rows with missing entries replaced by their conditional means."""
        return torch.cat([filled for _, filled, _ in self._conditional(sample)])

    def factors(self) -> tuple[torch.Tensor, float]:
        """Return loadings and noise with ``covariance = factor factor^T + noise^2 I``."""
        values, vectors = torch.linalg.eigh(self.covariance.cpu())
        smallest = max(float(values[0]), _SMALLEST_VARIANCE)
        factor = vectors * (values - smallest).clamp_min(0).sqrt()
        return factor.to(self.covariance.device), smallest**0.5

    def _improved(self, sample: Sample, shrinkage: float) -> CovarianceModel:
        """Return the model after one iteration."""
        total = sample.weight.sum()
        first = second = total.new_zeros(())
        for weight, filled, spread in self._conditional(sample, with_spread=True):
            first = first + weight @ filled
            second = second + (filled * weight[:, None]).T @ filled + spread
        mean = first / total
        covariance = second / total - torch.outer(mean, mean)
        variances = covariance.diagonal().clamp_min(_SMALLEST_VARIANCE)
        return CovarianceModel(
            mean, (1 - shrinkage) * covariance + torch.diag(shrinkage * variances)
        )

    def _conditional(
        self, sample: Sample, with_spread: bool = False
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, Any]]:
        """Yield weights, filled rows and the sum of conditional covariances, for blocks of rows.

        The covariances are those of missing entries given the known ones, zero for known entries.
        """
        covariance = self.covariance
        n_features = len(covariance)
        step = max(1, _SOLVED_NUMBERS // n_features**2)
        parts = zip(
            sample.values.split(step),
            sample.known.split(step),
            sample.weight.split(step),
            strict=True,
        )
        for values, known, weight in parts:
            # The covariance of known entries; missing ones are replaced by independent entries.
            of_known = covariance * known[:, :, None] * known[:, None, :]
            of_known.diagonal(dim1=1, dim2=2).add_(1 - known + _SMALLEST_VARIANCE)
            lower = torch.linalg.cholesky(of_known)
            away = (values - self.mean) * known
            solved = torch.cholesky_solve(away[:, :, None], lower)[:, :, 0] * known
            filled = torch.where(known > 0, values, self.mean + solved @ covariance)
            yield weight, filled, self._spread(known, lower, weight) if with_spread else None

    def _spread(
        self, known: torch.Tensor, lower: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        """Return the weighted sum of the covariances of missing entries given known ones."""
        missing = 1 - known
        # With the covariance L L^T of known entries, the part they explain is R^T R, R = L^-1 S.
        explained = torch.linalg.solve_triangular(
            lower, self.covariance * known[:, :, None] * missing[:, None, :], upper=False
        )
        explained = explained * weight.sqrt()[:, None, None]
        joint = (missing * weight[:, None]).T @ missing
        rows = explained.flatten(0, 1)
        return self.covariance * joint - rows.T @ rows
