"""Methods of generative models: samples, interpolations and likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skae._data.containers import as_matrix_like
from skae._data.matrix import MatrixLike
from skae._data.validation import output_dtype
from skae._generation.posterior import elbo, log_likelihood, posterior
from skae._generation.table_sampling import TableSampling
from skae._tables.table_frames import partial_codes, table_frame
from skae._utils.checks import check_choice, check_size, is_auto
from skae._utils.naming import naming
from skae._utils.random_state import RandomStateLike, own_random_state
from skae.columns import TableColumns
from skae.estimators._one_network import OneNetworkAutoencoder
from skae.kinds import KINDS

Method = TypeVar("Method", bound=Callable[..., Any])

_DENSITIES = ("auto", "gaussian_mixture", "prior")


def _has_posterior(estimator: Any) -> bool:
    """Return whether the kind's codes are distributions; raise AttributeError if not."""
    kind = getattr(estimator, "kind_", estimator.kind)
    kind = KINDS.get(kind, kind) if isinstance(kind, str) else kind
    if getattr(kind, "has_posterior", False):
        return True
    raise AttributeError(
        f"This needs a kind whose codes are distributions, such as kind='variational', but the "
        f"kind is {kind!r}."
    )


def _of_posteriors(method: Method) -> Method:
    """Hide a method of estimators whose kind has no posterior, and keep its type."""
    hidden: Any = available_if(_has_posterior)(method)
    return hidden


class GenerativeAutoencoder(OneNetworkAutoencoder):
    """Methods that sample from the fitted model, and likelihoods of rows under it."""

    def sample(
        self,
        n_samples: int = 1,
        random_state: RandomStateLike = None,
        *,
        density: str = "auto",
        given: Any = None,
    ) -> Any:
        """Return new rows: the reconstructions of latent codes drawn from a density.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        random_state : int, RandomState instance or None, default=None
            Random generator; with None, each call returns other samples.

        density : {"auto", "prior", "gaussian_mixture"}, default="auto"
            The density from which latent codes are drawn. "prior" is the standard normal
            distribution, for kinds that regularise codes towards it. "gaussian_mixture" is a
            mixture of up to ten Gaussians fitted to the codes of up to 10,000 training rows; it
            works for every kind. Its samples are dense codes, even for a sparse kind. "auto" means
            "prior" for ``kind="variational"`` and "gaussian_mixture" otherwise.

        given : data frame, default=None
            Rows of which some columns are known, for ``kind="variational"`` and tables with columns
            that are no numbers. Each row is completed `n_samples` times; columns that are left out
            and missing values are drawn given the known ones.

        Returns
        -------
        X : ndarray of shape (n_samples, ...), dtype float64
            Samples in the units of the training rows: the means that the decoder predicts, without
            observation noise. A table with columns that are no numbers is a frame with the columns
            of ``fit``. Levels and counts are drawn by their probabilities; numbers have the noise
            that ``kind="variational"`` learns, and are brought to the distribution of their column.
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
        of_prior = density == "prior" or (is_auto(density) and has_prior)
        if self.columns_ is None:
            if given is not None:
                raise ValueError(
                    f"given is for tables with columns that are no numbers, but this "
                    f"{type(self).__name__} was fitted on numbers alone."
                )
            return self._predictions(n_samples, of_prior, rng)
        return self._drawn_table(self.columns_, n_samples, of_prior, rng, given)

    def _predictions(
        self, n_samples: int, of_prior: bool, rng: np.random.RandomState
    ) -> np.ndarray:
        """Return the reconstructions of codes that are drawn from a density."""
        if of_prior:
            return self._decode(rng.standard_normal((n_samples, self.n_components_)))
        return self._decode(self._code_density.sample(n_samples, rng))

    def _drawn_table(
        self,
        table: TableColumns,
        n_samples: int,
        of_prior: bool,
        rng: np.random.RandomState,
        given: Any,
    ) -> Any:
        """Return a table of new rows, or of given rows with their unknown values drawn."""

        def prior(n_rows: int, random: np.random.RandomState) -> np.ndarray:
            return self._predictions(n_rows, of_prior, random)

        sampling = TableSampling(self._fitted, table, prior, self.device)
        if given is None:
            return table_frame(table, sampling.codes(n_samples, rng))
        if not self.kind_.has_posterior:
            raise ValueError(
                f"given needs a kind whose codes are distributions, such as 'variational', but the "
                f"kind is {self.kind_!r}."
            )
        with naming("given"):
            known = np.repeat(partial_codes(table, given), n_samples, axis=0)
        index = getattr(given, "index", None)
        index = None if index is None else index.repeat(n_samples)
        return table_frame(table, sampling.completed(known, rng), index=index)

    def interpolate(self, x_a: MatrixLike, x_b: MatrixLike, n_steps: int = 10) -> Any:
        """Return interpolations between rows, along the straight line between their latent codes.

        Parameters
        ----------
        x_a, x_b : array-like of shape (n_features,) or (n_samples, n_features)
            First and last row of the interpolation; they may have the axes of the samples, as in
            ``fit``.

        n_steps : int, default=10
            Number of points, both ends included.

        Returns
        -------
        X : ndarray of shape (n_steps, ...) or (n_samples, n_steps, ...)
            Reconstructions with the axes of ``sample_shape_``; the first and the last are the
            reconstructions of `x_a` and `x_b`. For a table with columns that are no numbers, a list
            with a frame for each pair of rows.
        """
        check_is_fitted(self)
        check_size(n_steps, "n_steps", low=2)
        (rows_a, shape_a), (rows_b, shape_b) = self._end(x_a, "x_a"), self._end(x_b, "x_b")
        is_one = self._is_one(shape_a)
        if rows_a.shape != rows_b.shape or is_one != self._is_one(shape_b):
            raise ValueError(
                f"x_a and x_b must be two samples, or two arrays with the same number of "
                f"samples, got shapes {shape_a} and {shape_b}."
            )
        start, end = self._encode(rows_a), self._encode(rows_b)
        weight = np.linspace(0, 1, n_steps, dtype=start.dtype)[None, :, None]
        codes = (1 - weight) * start[:, None] + weight * end[:, None]
        path = self._decode(codes.reshape(-1, self.n_components_))
        if self.columns_ is not None:
            paths = np.split(path, len(start))
            return [self._framed(rows, None) for rows in paths]
        path = path.reshape(len(start), n_steps, *self.sample_shape_)
        return path[0] if is_one else path

    def _end(self, x: MatrixLike, name: str) -> tuple[Any, tuple[int, ...]]:
        """Return validated rows, and the shape of the argument."""
        with naming(name):
            if self.columns_ is not None:
                rows = self._validate_again(x)
                return rows, (len(rows), self.n_features_in_)
            rows = as_matrix_like(x)
            shape = tuple(rows.shape)
            rows = np.asarray(rows)[None] if self._is_one(shape) else rows
            return self._validate_again(rows), shape

    def _is_one(self, shape: tuple[int, ...]) -> bool:
        """Return whether an array of this shape is a single sample."""
        return len(shape) == 1 or shape == self.sample_shape_

    @_of_posteriors
    def posterior(self, X: MatrixLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior distribution of each latent code: a normal distribution per value.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        mean, deviation : ndarray of shape (n_samples, n_components)
            Means, which ``transform`` also returns, and standard deviations.
        """
        return self._of_rows(
            lambda rows: posterior(self._fitted, rows, self.device, output_dtype(rows)), X
        )

    @_of_posteriors
    def elbo(
        self, X: MatrixLike, *, n_draws: int = 32, random_state: RandomStateLike = 0
    ) -> np.ndarray:
        r"""Return the evidence lower bound of the log-likelihood of each row.

        .. math:: E_{z \sim q(z|x)} \log p(x|z) - KL(q(z|x) \| N(0, I)) \le \log p(x)

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        n_draws : int, default=32
            Number of draws that estimate the expectation. All rows use the same draws.

        random_state : int, RandomState instance or None, default=0
            Random generator of the draws.

        Returns
        -------
        bound : ndarray of shape (n_samples,), dtype float64
            In nats. With the losses "mse" and "mae" it bounds a density in the units of `X`, so it
            can be positive. The divergence has weight 1, whatever `beta` was in training.
        """
        X = self._validate_again(X)
        check_size(n_draws, "n_draws")
        return elbo(self._fitted, X, self.device, int(n_draws), own_random_state(random_state))

    @_of_posteriors
    def log_likelihood(
        self, X: MatrixLike, n_importance_samples: int = 100, *, random_state: RandomStateLike = 0
    ) -> np.ndarray:
        r"""Return an importance-weighted estimate of the log-likelihood of each row.

        .. math:: \log \frac{1}{K} \sum_{k=1}^{K} \frac{p(x|z_k) p(z_k)}{q(z_k|x)},
                  \qquad z_k \sim q(z|x)

        Its expectation is a lower bound of :math:`\log p(x)` that approaches it as `K` grows (Burda
        et al. [1]_). Compare only models with the same `K`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        n_importance_samples : int, default=100
            The number of draws `K`. With 1, the expectation is that of :meth:`elbo`.

        random_state : int, RandomState instance or None, default=0
            Random generator of the draws, which are the same for all rows.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), dtype float64
            In nats, like :meth:`elbo`.

        References
        ----------
        .. [1] Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders", ICLR
           2016.
        """
        X = self._validate_again(X)
        check_size(n_importance_samples, "n_importance_samples")
        random, n_draws = own_random_state(random_state), int(n_importance_samples)
        return log_likelihood(self._fitted, X, self.device, n_draws, random)
