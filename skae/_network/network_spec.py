"""The specification of a network: everything that defines it except its weights."""

from __future__ import annotations

from dataclasses import dataclass

from skae._data.scaling import Scaling
from skae._network.head import HeadPlan
from skae.architectures.architecture import Architecture
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

    @property
    def takes_missing(self) -> bool:
        """Whether the network accepts missing values."""
        return self.filling_rank is not None
