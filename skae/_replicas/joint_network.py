"""Several networks as one, in whose batches the rows of one network follow those of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from skae._missing.filling import Filling
from skae._missing.missing_values import MissingValues
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.noise import noise_of_several
from skae._replicas.joint_kind import Generators, JointKind
from skae._replicas.sections import Sections
from skae._replicas.stacked_layers import OfAllRows, Stack, StackedDropout
from skae._replicas.stacked_weights import StackedWeights
from skae._replicas.twin import Twin


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
        Copies of the networks for a kind that asks each of them, otherwise none.
    """

    def __init__(self, networks: Sequence[AutoencoderNetwork], generators: Generators):
        nn.Module.__init__(self)
        first, n = networks[0], len(networks)
        self.sections = Sections(n)
        self._weights = [StackedWeights(networks)]  # in a list: they are not registered twice
        for name, value in vars(first).items():
            if not name.startswith("_"):  # sizes and parts, which all have in common
                setattr(self, name, value)
        self.state = None  # each has its own
        self.features: Any = JointFeatures()
        self._deviations = torch.stack([network.features.deviation for network in networks])
        self.twins: list[Twin] = []
        kind = JointKind(first.kind, networks, self.twins, self.sections)
        if kind.asks_each:
            numbered = enumerate(zip(networks, generators, strict=True))
            self.twins += [Twin(*of_each, self.weights, i) for i, of_each in numbered]
        self.kind: Any = kind
        names = {id(parameter): name for name, parameter in first.named_parameters()}
        stack = Stack(self.weights, names, self.sections, generators)
        self.encoder = OfAllRows(first.encoder, stack)
        self.decoder = None if first.decoder is None else OfAllRows(first.decoder, stack)
        for name in ("linear_encoder", "linear_decoder"):
            layer = getattr(first, name)
            setattr(self, name, None if layer is None else OfAllRows(layer, stack))
        self.missing: Any = None
        if first.missing is not None:
            self.missing = JointMissing(networks)
        self._add_ranges()
        self._networks, self._n_rows = networks, 0
        self._constants: dict[int, list] = {}
        self._residual_scales = torch.stack([network.residual_scale for network in networks])
        self.log_scale = self.gates = self.encoder_rest = None
        self._switched = [m for m in self.modules() if isinstance(m, StackedDropout)]

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
        for twin in self.twins:
            twin.forget()
        if n_rows != self._n_rows:
            self._spread_constants(n_rows)
        for name in ("log_scale", "gates", "encoder_rest"):
            if name in self.weights.of:
                of_rows = self.sections.spread(self.weights.of[name], n_rows)
                setattr(self, name, of_rows.T.unsqueeze(2) if name == "gates" else of_rows)

    def _spread_constants(self, n_rows: int) -> None:
        """Give each row what belongs to its network and does not change in training."""
        self._n_rows = n_rows
        if n_rows not in self._constants:
            fractions = None if self.missing is None else self.missing.known_fractions
            constants = (self._residual_scales, self._deviations, fractions)
            spread = self.sections.spread
            self._constants[n_rows] = [c if c is None else spread(c, n_rows) for c in constants]
        self.residual_scale, self.features.deviation, fractions = self._constants[n_rows]
        if self.missing is not None:
            self.missing.known_fraction = fractions

    def train(self, mode: bool = True) -> JointNetwork:
        """Set the mode of what depends on it."""
        self.training = mode
        for layer in self._switched:
            layer.training = mode
        for twin in self.twins:
            twin.network.train(mode)
        return self

    def _within(self, values: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        # Only networks that go on training have ranges, and these are not trained together.
        return values

    def _of_values(self, values: torch.Tensor) -> torch.Tensor:
        own = zip(self.sections.own(values), self._networks, strict=True)
        outputs = [network._of_values(rows) for rows, network in own]
        return self.sections.joined(outputs, len(values) // len(self._networks))

    def _jittered(self, X: torch.Tensor, generator: Any, jitter: float) -> torch.Tensor:
        if not jitter:
            return X
        sections = X.view(self.sections.n_networks, -1, X.shape[1])
        noise = noise_of_several(sections, generator, self.sections.sizes)
        return torch.addcmul(X, noise.view(X.shape), self.residual_scale, value=jitter)


class JointFeatures:
    """What kinds that compute each row on its own ask of the statistics of the features.

    Attributes
    ----------
    deviation : torch.Tensor of shape (n_networks * n_rows, n_features)
        Standard deviations of the features, those of its network for each row.
    """

    deviation: torch.Tensor


class JointMissing(MissingValues):
    """The missing values of several networks, with what belongs to a network for each row."""

    def __init__(self, networks: Sequence[AutoencoderNetwork]):
        nn.Module.__init__(self)
        each = [network.missing for network in networks if network.missing is not None]
        self.sample_shape, self.encoder_shape = each[0].sample_shape, each[0].encoder_shape
        self.filling = JointFilling([missing.filling for missing in each])
        self.known_fractions = torch.stack([missing.known_fraction for missing in each])


class JointFilling(Filling):
    """The fillings of several networks, of the same rank."""

    def __init__(self, fillings: Sequence[Filling]):
        nn.Module.__init__(self)
        wide = torch.float32 if fillings[0].mean.device.type == "mps" else torch.float64
        for name, shape in (("mean", (1, -1)), ("deviation", (1, -1)), ("noise", (1, 1, 1))):
            values = [getattr(filling, name).view(shape) for filling in fillings]
            setattr(self, name, torch.stack(values).to(wide))
        self.factor = torch.stack([filling.factor for filling in fillings]).to(wide)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows without missing values."""
        return super().forward(X.view(len(self.factor), -1, X.shape[1])).flatten(0, 1)
