"""A factor model, probabilistic PCA, fitted to rows with missing values."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from skae._missing.filling import posterior_precision
from skae._missing.sample import Sample

# Largest number of entries of the matrices that are factorised at once.
_SOLVED_NUMBERS = 2**22
# Iterations of the power method for the initial factors.
_START_PASSES = 3
# Lower limit of the noise variance of standardised features.
_SMALLEST_VARIANCE = 1e-4


class FactorModel:
    r"""Probabilistic PCA by expectation maximisation, with priors on mean and factors.

    .. math:: x_j = \mu_j + f_j^T z + \sigma e_j, \qquad z, e \sim \mathcal{N}(0, I), \qquad
              f_j \sim \mathcal{N}(0, I / k), \qquad \mu_j \sim \mathcal{N}(0, 1),

    fitted to the known entries (Ilin and Raiko [1]_). The priors prevent overfitting of features
    with few known entries, such as films with few ratings. After each iteration, the factor scores
    `z` are standardised to mean 0 and covariance `I`, which speeds up the convergence (Liu, Rubin
    and Wu [2]_).

    Parameters
    ----------
    mean : torch.Tensor of shape (n_features,)
        The mean.

    factor : torch.Tensor of shape (n_features, rank)
        Loadings of the features on the factors.

    noise_variance : torch.Tensor of shape ()
        Residual variance of each feature.

    References
    ----------
    .. [1] A. Ilin and T. Raiko, "Practical approaches to principal component analysis in the
       presence of missing values", Journal of Machine Learning Research 11, 2010.
    .. [2] C. Liu, D. B. Rubin and Y. N. Wu, "Parameter expansion to accelerate EM: the PX-EM
       algorithm", Biometrika 85(4), 1998.
    """

    # Numbers of factors, the smallest first.
    choices = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    n_iterations, n_trial_iterations = 20, 8

    def __init__(self, mean: torch.Tensor, factor: torch.Tensor, noise_variance: torch.Tensor):
        self.mean, self.factor, self.noise_variance = mean, factor, noise_variance

    @classmethod
    def fit(
        cls,
        sample: Sample,
        rank: int,
        generator: torch.Generator,
        n_iterations: int,
        start: FactorModel | None = None,
    ) -> FactorModel:
        """Fit the distribution to a sample.

        Parameters
        ----------
        sample : Sample
            Standardised rows.

        rank : int
            Number of factors.

        generator : torch.Generator
            Source of randomness of the initial factors; on the CPU.

        n_iterations : int
            Number of iterations.

        start : FactorModel or None, default=None
            Not used, since it has another number of factors.
        """
        model = cls._start(sample, rank, generator)
        for _ in range(n_iterations):
            model = model._improved(sample)
        return model

    def predict(self, sample: Sample) -> torch.Tensor:
        """Return the conditional means of all entries."""
        means = [mean for _, mean, _ in self._posteriors(sample)]
        return self.mean + torch.cat(means) @ self.factor.T

    def factors(self) -> tuple[torch.Tensor, float]:
        """Return loadings and noise."""
        return self.factor, float(self.noise_variance) ** 0.5

    @classmethod
    def _start(cls, sample: Sample, rank: int, generator: torch.Generator) -> FactorModel:
        """Return approximate principal axes of the rows, with missing entries set to zero."""
        n_features = sample.values.shape[1]
        values = sample.values * sample.weight.sqrt()[:, None]
        axes = torch.randn(n_features, rank, generator=generator).to(values)
        for _ in range(_START_PASSES):
            axes, _ = torch.linalg.qr(values.T @ (values @ axes))
        n_known = sample.weight @ sample.known.mean(1)
        variances = (values @ axes).square().sum(0) / n_known
        zeros = values.new_zeros(n_features)
        return cls(zeros, axes * variances.sqrt(), values.new_ones(()))

    def _posteriors(self, sample: Sample) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
        """Yield the slice of rows, E[z] and Cov[z], for blocks of rows."""
        rank = self.factor.shape[1]
        step = max(1, _SOLVED_NUMBERS // (rank + 1) ** 2)
        for start in range(0, len(sample.values), step):
            rows = slice(start, start + step)
            known = sample.known[rows]
            precision = posterior_precision(known, self.factor, self.noise_variance)
            lower = torch.linalg.cholesky(precision)
            away = (sample.values[rows] - self.mean) * known
            right = (away @ self.factor)[:, :, None]
            mean = torch.cholesky_solve(right, lower)[:, :, 0]
            yield rows, mean, self.noise_variance * torch.cholesky_inverse(lower)

    def _improved(self, sample: Sample) -> FactorModel:
        """Return the model after one iteration: a ridge regression of each feature on z and 1."""
        n_features, rank = self.factor.shape
        grams = self.factor.new_zeros(n_features, (rank + 1) ** 2)
        right = self.factor.new_zeros(n_features, rank + 1)
        moments = self.factor.new_zeros(rank + 1, rank + 1)
        for rows, mean, covariance in self._posteriors(sample):
            known = sample.known[rows] * sample.weight[rows, None]
            scores = torch.nn.functional.pad(mean, (0, 1), value=1.0)
            squares = scores[:, :, None] * scores[:, None, :]
            squares[:, :rank, :rank] += covariance
            grams += known.T @ squares.flatten(1)
            right += (known * sample.values[rows]).T @ scores
            moments += (sample.weight[rows] @ squares.flatten(1)).view_as(moments)
        grams = grams.view(n_features, rank + 1, rank + 1)
        prior = self.factor.new_full((rank + 1,), rank)
        prior[-1] = 1
        ridge = torch.diag(self.noise_variance * prior)
        solved = torch.linalg.solve(grams + ridge, right[:, :, None])
        change = (solved.mT @ grams @ solved)[:, 0, 0] - 2 * (solved[:, :, 0] * right).sum(1)
        squares = sample.weight @ (sample.known * sample.values.square())
        noise = (squares + change).sum() / (sample.weight @ sample.known).sum()
        factor, mean = solved[:, :-1, 0], solved[:, -1, 0]
        moments = moments / moments[-1, -1]
        mean_score = moments[-1, :-1]
        covariance = moments[:-1, :-1] - torch.outer(mean_score, mean_score)
        return FactorModel(
            mean + factor @ mean_score,
            factor @ torch.linalg.cholesky(covariance),
            noise.clamp_min(_SMALLEST_VARIANCE),
        )
