"""Several networks as one, in whose batches the rows of one network follow those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from skae._missing.missing_values import MissingValues
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.noise import noise_of_several
from skae._replicas.joint_kind import Generators, JointKind
from skae._replicas.sections import Sections
from skae._replicas.stacked_layers import Stack, StackedLinear, stacked
from skae._replicas.stacked_weights import StackedWeights
from skae._replicas.twin import Twin
from skae.architectures.layers import TiedLinear


class JointNetwork(AutoencoderNetwork):
    """Several networks of the same parts and sizes.

    It computes as an :class:`AutoencoderNetwork` does, with the layers of all networks in one, so
    that what is computed from rows is written once. Whatever belongs to a network has an axis of
    the rows here: each row has that of its network.

    Parameters
    ----------
    networks : sequence of AutoencoderNetwork
        The networks; they stay as they are.

    generators : sequence of torch.Generator
        The generators of their trainings.

    Attributes
    ----------
    weights : StackedWeights
        The weights of all networks.

    sections : Sections
        Where the rows of each network are in a batch.

    twins : list of Twin
        The networks, with the same weights.
    """

    def __init__(self, networks: Sequence[AutoencoderNetwork], generators: Generators):
        nn.Module.__init__(self)
        first, n = networks[0], len(networks)
        self.sections = Sections(n)
        self._weights = [StackedWeights(networks)]  # in a list: they are not registered twice
        self.twins = [Twin(network, self.weights, i) for i, network in enumerate(networks)]
        for twin, generator in zip(self.twins, generators, strict=True):
            twin.network.draw_from(generator)
        self.loss, self.bounded_output = first.loss, first.bounded_output
        self.n_features, self.n_components = first.n_features, first.n_components
        self.sample_shape, self.encoder_shape = first.sample_shape, first.encoder_shape
        self.tied, self.gated, self.head, self.state = first.tied, first.gated, None, None
        self.features = self.twins[0].network.features
        kind: Any = JointKind(first.kind, self.twins, self.sections)
        self.kind = kind
        self._add_ranges()
        names = {id(parameter): name for name, parameter in first.named_parameters()}
        stack = Stack(self.weights.of, names, self.sections, generators)
        self.encoder = stacked(first.encoder, stack)
        self.decoder = None if first.decoder is None else stacked(first.decoder, stack)
        self._add_linear_path_of(first, stack)
        missing: Any = JointMissing(self.twins, self.sections) if first.missing else None
        self.missing = missing
        self._residual_scales = torch.stack([network.residual_scale for network in networks])

    def _add_linear_path_of(self, first: AutoencoderNetwork, stack: Stack) -> None:
        self.linear_encoder = self.linear_decoder = None
        for name in ("linear_encoder", "linear_decoder"):
            layer = getattr(first, name)
            if layer is not None:
                weight = layer.partner.weight if isinstance(layer, TiedLinear) else layer.weight
                tied = isinstance(layer, TiedLinear)
                of = stack.names[id(weight)], stack.names[id(layer.bias)]
                setattr(self, name, StackedLinear(stack, *of, tied=tied))

    @property
    def weights(self) -> StackedWeights:
        """The weights of all networks."""
        return self._weights[0]

    def take(self, sizes: list[int], n_rows: int) -> None:
        """Prepare for a batch, and for weights that have changed.

        Parameters
        ----------
        sizes : list of int
            Number of rows of each network.

        n_rows : int
            Number of rows of a section.
        """
        self.sections.sizes = sizes
        self.weights.unpack()
        for twin in self.twins:
            twin.forget()
        of, spread = self.weights.of, self.sections.spread
        self.residual_scale = spread(self._residual_scales, n_rows)
        self.log_scale: Any = spread(of["log_scale"], n_rows) if "log_scale" in of else None
        self.gates: Any = None
        if "gates" in of:
            self.gates = [spread(gates, n_rows) for gates in of["gates"].unbind(1)]
        self.encoder_rest: Any = None
        if "encoder_rest" in of:
            self.encoder_rest = of["encoder_rest"].repeat_interleave(n_rows, dim=0)

    def train(self, mode: bool = True) -> JointNetwork:
        """Set the mode of all networks."""
        super().train(mode)
        for twin in self.twins:
            twin.network.train(mode)
        return self

    def _within(self, values: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        # Only networks that go on training have ranges, and these are not trained together.
        return values

    def _of_values(self, values: torch.Tensor) -> torch.Tensor:
        own = zip(self.sections.own(values), self.twins, strict=True)
        outputs = [twin.network._of_values(rows) for rows, twin in own]
        return self.sections.joined(outputs, len(values) // len(self.twins))

    def _jittered(self, X: torch.Tensor, generator: Any, jitter: float) -> torch.Tensor:
        if not jitter:
            return X
        sections = X.view(len(self.twins), -1, X.shape[1])
        noise = noise_of_several(sections, generator, self.sections.sizes)
        return torch.addcmul(X, noise.view(X.shape), self.residual_scale, value=jitter)


class JointMissing(nn.Module):
    """The missing values of several networks."""

    def __init__(self, twins: Sequence[Twin], sections: Sections):
        super().__init__()
        self._all: list[MissingValues] = []
        for twin in twins:
            assert twin.network.missing is not None  # as in the first
            self._all.append(twin.network.missing)
        self.sections = sections
        self.joined, self.target = self._all[0].joined, self._all[0].target

    def filling(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows with missing values filled."""
        parts = zip(self.sections.own(X), self._all, strict=True)
        filled = [missing.filling(rows) for rows, missing in parts]
        return self.sections.joined(filled, len(X) // len(self._all))

    def of_known(self, losses: torch.Tensor, X: torch.Tensor, reduction: str) -> torch.Tensor:
        """Return losses that are zero for missing values."""
        of_each = zip(self.sections.own(losses), self.sections.own(X), self._all, strict=True)
        known = [missing.of_known(own, rows, reduction) for own, rows, missing in of_each]
        return self.sections.joined(known, len(X) // len(self._all))
