"""The base class of all scores."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from sklearn.base import BaseEstimator

from skae.kinds import Kind


class Score(BaseEstimator):
    """Base class of all scores: what a network finds anomalous about a row.

    The score of a row is the sum of shares that belong to its features, and of one share that
    belongs to its code as a whole. It is counted in what the network sees: features as they were
    scaled. A higher score is more anomalous.

    A score sees a network and tensors only. ``network.encode`` and ``network.decode`` go from
    rows to codes and back.
    """

    def check(self, kind: Kind) -> None:
        """Refuse kinds that this score does not suit.

        Parameters
        ----------
        kind : Kind
            What makes the code a good code.

        Raises
        ------
        ValueError
            If they do not go together, in a sentence that names both.
        """

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Score:
        """Learn how the residuals and the codes of normal rows spread.

        Parameters
        ----------
        residuals : torch.Tensor of shape (n_samples, n_features), dtype float64
            Rows minus their reconstructions.

        codes : torch.Tensor of shape (n_samples, n_components), dtype float64
            Their codes.

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
        """Return the share of each feature.

        Parameters
        ----------
        network : AutoencoderNetwork
            In evaluation mode.

        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        codes : torch.Tensor of shape (n_samples, n_components)
            What ``network.encode(X)`` returned.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features), dtype float64, or None
            None where the score says nothing of single features.
        """

    @abstractmethod
    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor | None:
        """Return the share of the code, differentiable in `X` where `codes` are.

        Parameters
        ----------
        network : AutoencoderNetwork
            In evaluation mode.

        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        codes : torch.Tensor of shape (n_samples, n_components)
            What ``network.encode(X)`` returned.

        Returns
        -------
        torch.Tensor of shape (n_samples,), dtype float64, or None
            None where the score says nothing of the code.
        """

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
    """Return what the reconstructions leave over, in float64 on the CPU; 0 for missing values.

    The statistics are taken there: some devices have no numbers of 64 bits.
    """
    left_over = (X - network.decode(codes)).masked_fill(torch.isnan(X), 0.0)
    return left_over.cpu().double()
