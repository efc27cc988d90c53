"""What corruptions know of the data."""

from __future__ import annotations

import math

import torch


class Features(torch.nn.Module):
    """The features of the training rows in a few numbers.

    All buffers are in the scaled units of the network, where ``scaled = (X - centre) / scale``.
    Until :meth:`set` is called, scaled units are those of `X`.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample, such as (64,), (1, 28, 28) or (140, 1).

    channel_axis : {0, -1} or None, default=None
        Which of these axes counts channels, if any.

    Attributes
    ----------
    mean, deviation : torch.Tensor of shape (n_features,)
        Mean and standard deviation of each feature.

    low, high : torch.Tensor of shape (n_features,)
        Smallest and largest value of each feature.

    centre : torch.Tensor of shape (n_features,)
        What is subtracted from `X`, in its own units.

    scale : torch.Tensor of shape (n_features,)
        What is divided by, in units of `X`.
    """

    def __init__(self, sample_shape: tuple[int, ...], channel_axis: int | None = None):
        super().__init__()
        self.sample_shape, self.channel_axis = tuple(sample_shape), channel_axis
        n_features = math.prod(self.sample_shape)
        for name in ("mean", "low", "high", "centre"):
            self.register_buffer(name, torch.zeros(n_features))
        for name in ("deviation", "scale"):
            self.register_buffer(name, torch.ones(n_features))

    def set(self, *, mean, deviation, low, high, centre, scale) -> None:
        """Take over what is known, given in units of `X`.

        Parameters
        ----------
        mean, deviation, low, high, centre : array-like of shape (n_features,) or float
            As the attributes of the same name.

        scale : array-like of shape (n_features,) or float
            As the attribute of the same name.
        """
        # In float64, as rows are scaled: far from zero, float32 has no digits left for what
        # remains after the centre is subtracted.
        centre, scale = _as_float64(centre), _as_float64(scale)
        for name, value in {"mean": mean, "low": low, "high": high}.items():
            getattr(self, name).copy_((_as_float64(value) - centre) / scale)
        self.deviation.copy_(_as_float64(deviation) / scale)
        self.centre.copy_(centre)
        self.scale.copy_(scale)

    def scaled(self, value: float | torch.Tensor) -> torch.Tensor:
        """Bring a number or a tensor from the units of `X` to scaled units.

        Parameters
        ----------
        value : float or torch.Tensor whose last axis, if any, has length n_features or 1
            In units of `X`.

        Returns
        -------
        torch.Tensor of shape (n_features,), or of the shape of `value` against it
        """
        if not isinstance(value, torch.Tensor):
            value = torch.as_tensor(value, dtype=self.centre.dtype, device=self.centre.device)
        return (value - self.centre) / self.scale

    def unscaled(self, X: torch.Tensor) -> torch.Tensor:
        """Bring scaled rows, or one of them, back to the units of `X`."""
        return X * self.scale + self.centre


def _as_float64(value) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().to(torch.float64)
    return torch.tensor(value, dtype=torch.float64)
