"""The specification of a network: everything that defines it except its weights."""

from __future__ import annotations

from dataclasses import dataclass

from skae._data.scaling import Scaling
from skae._network.head import HeadPlan
from skae.architectures.architecture import Architecture
from skae.kinds.interface import Setting
from skae.kinds.kind import Kind
from skae.losses.loss import Loss


@dataclass(frozen=True)
class NetworkSpec:
    """Parts and sizes of a network, and the scaling in front of it.

    Parameters
    ----------
    kind, architecture, loss : Kind, Architecture, Loss
        The parts, with every "auto" resolved.

    n_features, n_components : int
        Size of a sample and of its latent code.

    linear_path : bool
        Whether encoder and decoder each have a linear map beside the architecture's modules.

    scaling : Scaling
        The scaling from the units of `X` to those of the network.

    precision : {"auto", "float32", "bfloat16", "float64"}
        Precision of training; inference computes bfloat16 networks in float32.

    filling_rank : int or None, default=None
        Rank of the normal distribution that fills missing values; None if the network does not
        accept missing values.

    head : HeadPlan or None, default=None
        The classifier on top of the latent code, if there is one.

    sample_shape : tuple of int or None, default=None
        Shape of a sample in `X`, if it has several axes.

    bounded_output : bool, default=False
        Whether the decoder ends in an activation function with bounds, such as a sigmoid, so that
        its output is in the units of `X` instead of those of the network.
    """

    kind: Kind
    architecture: Architecture
    loss: Loss
    n_features: int
    n_components: int
    linear_path: bool
    scaling: Scaling
    precision: str = "auto"
    filling_rank: int | None = None
    head: HeadPlan | None = None
    sample_shape: tuple[int, ...] | None = None
    bounded_output: bool = False

    @property
    def takes_missing(self) -> bool:
        """Whether the network accepts missing values."""
        return self.filling_rank is not None

    def axes_of_sample(self) -> tuple[tuple[int, ...], int | str | None]:
        """Return the shape of a sample and the axis of its channels, for corruptions.

        These are those of the architecture. If it flattens samples with several axes, the shape is
        that in `X`, and the axis "auto".
        """
        shape = self.architecture.sample_shape((self.n_features,))
        if self.sample_shape is not None and len(shape) == 1:
            return self.sample_shape, "auto"
        return shape, self.architecture.channel_axis_of(shape)

    def setting(self, weight_decay: float) -> Setting:
        """Return the setting that the kind and its corruption check."""
        sample_shape, channel_axis = self.axes_of_sample()
        return Setting(
            n_components=self.n_components,
            n_features=self.n_features,
            sample_shape=sample_shape,
            loss=self.loss,
            weight_decay=weight_decay,
            linear_path=self.linear_path,
            channel_axis=channel_axis,
        )
