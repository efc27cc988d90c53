"""The base class of all scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch

from skae._utils.parameter_names import ParameterNamesMixin
from skae.kinds import Kind


class Score(ParameterNamesMixin):
    """Base class of all anomaly scores of rows.

    The score of a row is the sum of one contribution of each feature and one contribution of the
    code as a whole. It is computed from scaled features. A higher score is more anomalous.

    A score works on a network and tensors only. ``network.encode`` maps rows to codes and
    ``network.decode`` maps codes to rows.

    Attributes
    ----------
    scatters : dict of str to {"features", "code"}
        Each :class:`Scatter` that :meth:`fit` leaves, by the name of the attribute, and what its
        columns are. A score from a file must have them; other attributes of a fit are loaded as
        they were saved.

    indices : tuple of str
        Names of the attributes that are a :class:`RowIndex`, checked in the same way.

    relative : bool
        Whether only ratios of scores have a meaning. Such scores are divided by their median over
        the calibration rows, so that the score of an ordinary row is about 1.

    takes_rows : bool
        Whether :meth:`fit` has a third argument: an ndarray of shape (n_samples, n_features) of the
        scaled rows, NaN for missing values.
    """

    scatters: ClassVar[dict[str, str]] = {}
    indices: ClassVar[tuple[str, ...]] = ()
    relative: ClassVar[bool] = False
    takes_rows: ClassVar[bool] = False
    # Whether scores of rows with missing values are those of their known values; they were not in
    # fits of earlier versions, which files may hold.
    by_known_: bool = False

    def check(self, kind: Kind) -> None:
        """Refuse kinds that this score does not support.

        Parameters
        ----------
        kind : Kind
            The kind of autoencoder.

        Raises
        ------
        ValueError
            If they are incompatible, with a message that names both.
        """

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Score:
        """Estimate the distribution of the residuals and of the codes of normal rows.

        Parameters
        ----------
        residuals : torch.Tensor of shape (n_samples, n_features), dtype float64
            Rows minus their reconstructions.

        codes : torch.Tensor of shape (n_samples, n_components), dtype float64
            Codes of the same rows.

        Returns
        -------
        self : Score
            This score.
        """
        return self

    @abstractmethod
    def of_features(
        self, network: Any, X: torch.Tensor, codes: torch.Tensor
    ) -> torch.Tensor | None:
        """Return the contribution of each feature.

        Parameters
        ----------
        network : AutoencoderNetwork
            A network in evaluation mode.

        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        codes : torch.Tensor of shape (n_samples, n_components)
            Result of ``network.encode(X)``.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features), dtype float64, or None
            None for a score without contributions of single features.
        """

    @abstractmethod
    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor | None:
        """Return the contribution of the code, differentiable in `X` if `codes` are.

        Parameters
        ----------
        network : AutoencoderNetwork
            A network in evaluation mode.

        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        codes : torch.Tensor of shape (n_samples, n_components)
            Result of ``network.encode(X)``.

        Returns
        -------
        torch.Tensor of shape (n_samples,), dtype float64, or None
            None for a score without a contribution of the code.
        """

    def known(self, network: Any, X: torch.Tensor) -> torch.Tensor | None:
        """Return the mask of known values, on the CPU; None if no value can be missing."""
        if not self.by_known_ or getattr(network, "missing", None) is None:
            return None
        return ~torch.isnan(X).cpu()

    def parts(self, network: Any, X: torch.Tensor) -> torch.Tensor:
        """Return the parts of the score whose scales are balanced: the whole score is one.

        Parameters
        ----------
        network : AutoencoderNetwork
            A network in evaluation mode.

        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_parts), dtype float64
        """
        return self(network, X)[:, None]

    def balanced(self, medians: np.ndarray) -> Score:
        """Return this score with parts that count alike.

        Parameters
        ----------
        medians : ndarray of shape (n_parts,)
            Medians of the parts over calibration rows, which the network was not trained on.
        """
        return self

    def __call__(self, network: Any, X: torch.Tensor) -> torch.Tensor:
        """Return the score of each row, of shape (n_samples,), dtype float64."""
        codes = network.encode(X)
        of_features = self.of_features(network, X, codes)
        of_code = self.of_code(network, X, codes)
        if of_features is None:
            assert of_code is not None  # a score says something of one of the two
            return of_code
        return of_features.sum(1) if of_code is None else of_features.sum(1) + of_code


def residuals(network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Return the residuals of the reconstructions, in float64 on the CPU; 0 for missing values.

    On the CPU, since some devices do not support float64.
    """
    differences = network.residuals(X, codes).masked_fill(torch.isnan(X), 0.0)
    return differences.cpu().double()


def n_known(X: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
    """Return the number of known values of each row, at least 1, of shape (n_samples or 1, 1)."""
    if known is None:
        return torch.tensor([[X.shape[1]]], dtype=torch.float64)
    return known.double().sum(1, keepdim=True).clamp_min(1)
