"""The kind of several networks, which shows each of them its own rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._replicas.sections import Sections
from skae._replicas.twin import Twin
from skae.corruptions import Features
from skae.kinds.interface import ForwardPass
from skae.kinds.kind import Kind
from skae.losses.loss import Loss

Generators = Sequence[torch.Generator]


class JointKind:
    """A kind with the rows of several networks, section by section.

    Methods that compute each row on its own are called once, for all rows. The others are called
    once for each network, with its own rows, state and generator.

    Parameters
    ----------
    kind : Kind
        The kind of all networks.

    networks : sequence of AutoencoderNetwork
        The networks, for the statistics of their features.

    twins : sequence of Twin
        Copies of the networks with the weights that are trained.

    sections : Sections
        Where the rows of each network are.
    """

    def __init__(
        self,
        kind: Kind,
        networks: Sequence[AutoencoderNetwork],
        twins: Sequence[Twin],
        sections: Sections,
    ):
        self.kind, self.twins, self.sections = kind, twins, sections
        self.features = [network.features for network in networks]
        self.feature_reduction, self.corruption = kind.feature_reduction, kind.corruption
        self._at_once = {
            name: getattr(type(kind), name) is getattr(Kind, name) or name in kind.by_row
            for name in ("code", "entry_losses", "added_loss")
        }

    @property
    def asks_each(self) -> bool:
        """Whether some method is called for each network."""
        return not all(self._at_once.values())

    def term(self) -> str | None:
        """Return the name of the added loss, or None if the kind has none."""
        return self.kind.term()

    def corrupt(self, X: torch.Tensor, features: Features, generator: Generators) -> torch.Tensor:
        """Return the corrupted rows of each network, drawn from its own generator."""
        if type(self.kind).corrupt is Kind.corrupt and self.kind.corruption is None:
            return X
        return self._joined(
            X,
            (
                self.kind.corrupt(rows, of_network, own)
                for rows, of_network, own in zip(
                    self.sections.own(X), self.features, generator, strict=True
                )
            ),
        )

    def code(
        self, encoder_output: torch.Tensor, generator: Generators | None = None, state: Any = None
    ) -> torch.Tensor:
        """Return the codes."""
        if self._at_once["code"]:
            return self.kind.code(encoder_output)
        generators = [None] * self.sections.n_networks if generator is None else generator
        outputs = self.sections.own(encoder_output)
        of_each = zip(outputs, self.twins, generators, strict=True)
        return self._joined(
            encoder_output, (self.kind.code(rows, own, twin.state) for rows, twin, own in of_each)
        )

    def entry_losses(
        self,
        loss: Loss,
        output: torch.Tensor,
        forward_pass: ForwardPass,
        log_scale: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the loss of each entry."""
        if self._at_once["entry_losses"]:
            return self.kind.entry_losses(loss, output, forward_pass, log_scale)
        return self._joined(
            output,
            (
                self.kind.entry_losses(loss, own.output, own, twin.fresh.log_scale)
                for own, twin in self._passes(forward_pass)
            ),
        )

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the penalty that is added to the loss of each sample."""
        if self._at_once["added_loss"]:
            return self.kind.added_loss(forward_pass)
        added = [self.kind.added_loss(own) for own, _ in self._passes(forward_pass)]
        known = [losses for losses in added if losses is not None]
        if not known:
            return None
        zeros = [known[0].new_zeros(size) for size in self.sections.sizes]
        return self._joined(
            forward_pass.output,
            (zero if losses is None else losses for losses, zero in zip(added, zeros, strict=True)),
        )

    def _passes(self, joint: ForwardPass) -> Iterator[tuple[ForwardPass, Twin]]:
        """Yield the forward pass of each network."""
        own = self.sections.own
        rows = {
            name: own(getattr(joint, name))
            for name in ("target", "shown", "encoder_output", "code", "output")
        }
        corrupted = None if joint.corrupted is None else own(joint.corrupted)
        generators: Any = joint.generator
        for i, twin in enumerate(self.twins):
            forward_pass = ForwardPass(
                **{name: parts[i] for name, parts in rows.items()},
                corrupted=None if corrupted is None else corrupted[i],
                encode=twin.encode,
                decode=twin.decode,
                code_weights=twin.code_weights,
                features=self.features[i],
                state=twin.state,
                generator=None if generators is None else generators[i],
                progress=joint.progress,
            )
            yield forward_pass, twin

    def _joined(self, rows: torch.Tensor, parts: Iterator[torch.Tensor]) -> torch.Tensor:
        """Return the parts of all networks, in sections as long as those of some rows."""
        return self.sections.joined([*parts], len(rows) // self.sections.n_networks)
