"""A density of latent codes, for sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

# Largest number of Gaussians. Each needs at least _CODES_PER_VALUE codes, times the size of a code
# for full covariances.
_MOST_GAUSSIANS, _CODES_PER_VALUE = 10, 5
# Up to this size of the code, Gaussians have full covariances, otherwise diagonal ones.
_FULL_COVARIANCE = 64


class CodeDensity:
    """A Gaussian mixture of the codes of training rows, fitted when it is first needed.

    Parameters
    ----------
    codes : ndarray of shape (n_codes, n_components)
        Codes of training rows.
    """

    def __init__(self, codes: np.ndarray):
        self.codes = codes
        self._forget()

    def __getstate__(self) -> dict[str, np.ndarray]:
        return {"codes": self.codes}

    def __setstate__(self, state: dict[str, np.ndarray]) -> None:
        self.codes = state["codes"]
        self._forget()

    def _forget(self) -> None:
        self._mixture: GaussianMixture | None = None

    def mixture(self) -> GaussianMixture:
        """Return the mixture of ten Gaussians, or fewer if there are few codes."""
        # Without a lock, which a forked process could find held by a thread that does not exist
        # there. Threads that come at the same time fit the same mixture.
        mixture = self._mixture
        if mixture is None:
            mixture = self._mixture = self._fitted()
        return mixture

    def _fitted(self) -> GaussianMixture:
        from sklearn.mixture import GaussianMixture  # slow to import

        n_codes, n_components = self.codes.shape
        full = n_components <= _FULL_COVARIANCE
        needed = _CODES_PER_VALUE * (n_components if full else 1)
        most = min(_MOST_GAUSSIANS, len(np.unique(self.codes, axis=0)))
        mixture = GaussianMixture(
            n_components=int(np.clip(n_codes // needed, 1, most)),
            covariance_type="full" if full else "diag",
            reg_covar=1e-6 * max(float(self.codes.var()), float(np.finfo(np.float32).tiny)),
            tol=1e-2,
            max_iter=200,
            random_state=0,
        )
        return mixture.fit(self.codes.astype(np.float64))

    def sample(self, n_samples: int, random_state: np.random.RandomState) -> np.ndarray:
        """Return drawn codes, of shape (n_samples, n_components), in random order."""
        mixture = self.mixture()
        which = random_state.choice(len(mixture.weights_), size=n_samples, p=mixture.weights_)
        noise = random_state.standard_normal((n_samples, self.codes.shape[1]))
        if mixture.covariance_type == "diag":
            return mixture.means_[which] + np.sqrt(mixture.covariances_[which]) * noise
        roots = np.linalg.cholesky(mixture.covariances_)
        return mixture.means_[which] + np.einsum("nij,nj->ni", roots[which], noise)
