"""The base class of all corruptions."""

from __future__ import annotations

from abc import abstractmethod

import torch
from sklearn.base import BaseEstimator

from skae.corruptions.features import Features


class Corruption(BaseEstimator):
    """Base class of all corruptions: what the encoder is shown in training instead of the rows.

    The network is to rebuild the rows as they were, so what it learns is what the rest of a row
    says about the part that was changed. Nothing is corrupted in ``transform``.

    Parameters of a corruption are arguments of its ``__init__``, stored as they are, as in every
    scikit-learn estimator.

    Attributes
    ----------
    makes_missing : bool
        Whether entries become NaN, which the network takes for missing ones.
    """

    makes_missing = False

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | None = None) -> None:
        """Refuse parameters out of range, and samples that this corruption does not suit.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape in which the architecture is shown a sample.

        channel_axis : {0, -1} or None, default=None
            Which of these axes counts channels, if any.

        Raises
        ------
        ValueError
            If something does not go together, in a sentence that names it.
        """

    @abstractmethod
    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return corrupted rows.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows. Must not be changed in place.

        features : Features
            What is known of the training rows.

        generator : torch.Generator
            Source of all randomness, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
            Of the dtype of `X`. Entries that are left alone are those of `X` to the last digit.
        """
