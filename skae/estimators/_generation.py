"""What estimators can say of new data: draws, paths between rows, and likelihoods."""

from __future__ import annotations

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skae._data.containers import as_matrix_like
from skae._data.validation import output_dtype
from skae._generation.posterior import elbo, log_likelihood, posterior
from skae._utils.checks import check_choice, check_size, is_auto
from skae._utils.naming import naming
from skae._utils.random_state import own_random_state
from skae.kinds import KINDS

_DENSITIES = ("auto", "gaussian_mixture", "prior")


def _has_posterior(estimator) -> bool:
    """Return whether the kind's codes are distributions; say what is needed where they are not."""
    kind = getattr(estimator, "kind_", estimator.kind)
    kind = KINDS.get(kind, kind) if isinstance(kind, str) else kind
    if getattr(kind, "has_posterior", False):
        return True
    raise AttributeError(
        f"This needs a kind whose codes are distributions, such as kind='variational', but the "
        f"kind is {kind!r}."
    )


class GenerationMixin:
    """Methods that draw from the fitted model, or weigh rows by it."""

    def sample(self, n_samples=1, random_state=None, *, density="auto"):
        """Return new rows: codes drawn from a density, decoded.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        random_state : int, RandomState instance or None, default=None
            Source of randomness; None draws from fresh entropy.

        density : {"auto", "prior", "gaussian_mixture"}, default="auto"
            What codes are drawn from. "prior" is the standard normal distribution, for kinds
            that bring codes near to it. "gaussian_mixture" is a mixture of up to ten Gaussians
            fitted to the codes of up to 10,000 training rows, for every kind; the codes it
            gives are dense, also where those of a sparse kind are not. "auto" is "prior" for
            ``kind="variational"`` and the mixture otherwise.

        Returns
        -------
        X : ndarray of shape (n_samples, ...), dtype float64
            Samples in the units of the training rows: means of the decoder, without its noise.
        """
        check_is_fitted(self)
        check_size(n_samples, "n_samples")
        check_choice(density, "density", _DENSITIES)
        has_prior = self.kind_.has_posterior
        if density == "prior" and not has_prior:
            raise ValueError(
                f"density='prior' needs a kind that brings codes near to a known distribution, "
                f"such as 'variational', but the kind is {self.kind_!r}: use 'gaussian_mixture'."
            )
        rng = own_random_state(random_state)
        if density == "prior" or (is_auto(density) and has_prior):
            return self._decode(rng.standard_normal((n_samples, self.n_components_)))
        return self._decode(self._code_density.sample(n_samples, rng))

    def interpolate(self, x_a, x_b, n_steps=10):
        """Return the rows on the way from one row to another, by a straight line between codes.

        Parameters
        ----------
        x_a, x_b : array-like of shape (n_features,) or (n_samples, n_features)
            Where to start and where to end; also with the axes of the samples, as in ``fit``.

        n_steps : int, default=10
            Number of points on the way, both ends included.

        Returns
        -------
        X : ndarray of shape (n_steps, ...) or (n_samples, n_steps, ...)
            Reconstructions, with the axes of ``sample_shape_``; the first and the last are those
            of `x_a` and `x_b`.
        """
        check_is_fitted(self)
        check_size(n_steps, "n_steps", low=2)
        (rows_a, shape_a), (rows_b, shape_b) = self._end(x_a, "x_a"), self._end(x_b, "x_b")
        is_one = self._is_one(shape_a)
        if rows_a.shape != rows_b.shape or is_one != self._is_one(shape_b):
            raise ValueError(
                f"x_a and x_b must be two samples, or two arrays of as many samples, got shapes "
                f"{shape_a} and {shape_b}."
            )
        start, end = self._encode(rows_a), self._encode(rows_b)
        share = np.linspace(0, 1, n_steps, dtype=start.dtype)[None, :, None]
        codes = (1 - share) * start[:, None] + share * end[:, None]
        path = self._decode(codes.reshape(-1, self.n_components_))
        path = path.reshape(len(start), n_steps, *self.sample_shape_)
        return path[0] if is_one else path

    def _end(self, x, name: str):
        """Return validated rows, and the shape in which they came."""
        with naming(name):
            x = as_matrix_like(x)
            shape = tuple(x.shape)
            return self._validate_again(np.asarray(x)[None] if self._is_one(shape) else x), shape

    def _is_one(self, shape: tuple[int, ...]) -> bool:
        """Return whether an array of this shape is one sample alone."""
        return len(shape) == 1 or shape == self.sample_shape_

    @available_if(_has_posterior)
    def posterior(self, X):
        """Return the distribution of the code of each row: a normal one for each value.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        mean, deviation : ndarray of shape (n_samples, n_components)
            Mean, which is what ``transform`` returns, and standard deviation.
        """
        return self._of_rows(
            lambda rows: posterior(self._fitted, rows, self.device, output_dtype(rows)), X
        )

    @available_if(_has_posterior)
    def elbo(self, X, *, n_draws=32, random_state=0):
        r"""Return the evidence lower bound of the log-likelihood of each row.

        .. math:: E_{z \sim q(z|x)} \log p(x|z) - KL(q(z|x) \| N(0, I)) \le \log p(x)

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        n_draws : int, default=32
            Number of draws that the expectation is estimated by, the same for all rows.

        random_state : int, RandomState instance or None, default=0
            Source of the draws.

        Returns
        -------
        bound : ndarray of shape (n_samples,), dtype float64
            In nats. Under "mse" and "mae" of a density in the units of `X`, so it can be
            positive; whatever `beta` was, the divergence counts once.
        """
        X = self._validate_again(X)
        check_size(n_draws, "n_draws")
        return elbo(self._fitted, X, self.device, int(n_draws), own_random_state(random_state))

    @available_if(_has_posterior)
    def log_likelihood(self, X, n_importance_samples=100, *, random_state=0):
        r"""Return an importance-weighted estimate of the log-likelihood of each row.

        .. math:: \log \frac{1}{K} \sum_{k=1}^{K} \frac{p(x|z_k) p(z_k)}{q(z_k|x)},
                  \qquad z_k \sim q(z|x)

        It is on average a lower bound that rises to :math:`\log p(x)` with `K` (Burda et al.
        [1]_), not the value itself: compare models with the same `K` only.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        n_importance_samples : int, default=100
            `K`; 1 has the expectation of :meth:`elbo`.

        random_state : int, RandomState instance or None, default=0
            Source of the draws, which are the same for all rows.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), dtype float64
            In nats, as :meth:`elbo`.

        References
        ----------
        .. [1] Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR
           2016.
        """
        X = self._validate_again(X)
        check_size(n_importance_samples, "n_importance_samples")
        random, n_draws = own_random_state(random_state), int(n_importance_samples)
        return log_likelihood(self._fitted, X, self.device, n_draws, random)
