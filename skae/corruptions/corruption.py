"""The base class of all corruptions."""

from __future__ import annotations

from abc import abstractmethod

import torch

from skae._utils.parameter_names import ParameterNamesMixin
from skae.corruptions.features import Features


class Corruption(ParameterNamesMixin):
    """Base class of all corruptions: noise on the input of the encoder in training.

    The target is the clean row, so the network learns to predict the corrupted entries of a row
    from the others. ``transform`` and all other methods do not corrupt anything.

    Parameters of a corruption are arguments of its ``__init__``, stored unchanged, as in every
    scikit-learn estimator.

    Attributes
    ----------
    makes_missing : bool
        Whether entries become NaN, which the network treats as missing values.
    """

    makes_missing = False

    def varies(self) -> bool:
        """Return whether some rows are corrupted more than others, by a strength drawn for each.

        :class:`~skae.kinds.Denoising` then gives strongly corrupted rows less weight.
        """
        return False

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse parameters out of range, and samples that this corruption does not support.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample as the architecture receives it, or as `X` holds it if the
            architecture flattens it.

        channel_axis : {0, -1, "auto"} or None, default=None
            Axis of the channels, if any; "auto" if the architecture does not use it.

        Raises
        ------
        ValueError
            If parameters and samples are incompatible, with a message that names both.
        """

    @abstractmethod
    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return corrupted rows.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows, which must not be changed in place.

        features : Features
            Statistics of the features of the training rows.

        generator : torch.Generator
            Source of all randomness, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
            Of the dtype of `X`. Entries that are not corrupted are exactly those of `X`.
        """
