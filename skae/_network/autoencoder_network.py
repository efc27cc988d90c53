"""The network: encoder and decoder, each a linear map plus a network of the architecture."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from skae._missing.missing_values import MissingValues
from skae._network.head import Head
from skae._network.network_spec import NetworkSpec
from skae._network.noise import noise
from skae._network.objective import CROSS_ENTROPY, Objective
from skae._network.probe import probe
from skae._runtime.precision import full_precision
from skae._utils.torch_draws import torch_draws
from skae.architectures.architecture import Architecture
from skae.architectures.layers import (
    RandomLayer,
    TiedLinear,
    code_weights,
    linear,
    silence,
)
from skae.corruptions import Features
from skae.kinds.interface import ForwardPass

# Inputs of the residual networks are clipped this far outside the range of the training rows, in
# multiples of the range. With heavy tails, normal rows often lie outside the range, and the
# residual networks still improve their reconstructions.
_MARGIN = 1.0


class AutoencoderNetwork(nn.Module):
    """``encode(x) = V x + f(x)`` and ``decode(z) = W z + g(z)``.

    Parameters
    ----------
    spec : NetworkSpec
        Parts and sizes. `f` and `g` come from the architecture. Without a linear path, the network
        is `f` and `g` alone, the textbook autoencoder. With one, `f` and `g` start at zero, and the
        start at PCA sets `V` and `W`. If values may be missing, the encoder also receives the mask
        of known values, except with tied weights.

    generator : torch.Generator
        Source of the first weights.
    """

    encoder: nn.Module
    decoder: nn.Module | None
    missing: MissingValues | None
    state: nn.Module | None
    linear_encoder: nn.Linear | None
    linear_decoder: nn.Linear | TiedLinear | None
    encoder_rest: nn.Parameter | None
    gates: nn.Parameter | None
    log_scale: nn.Parameter | None
    head: Head | None
    residual_scale: torch.Tensor
    row_low: torch.Tensor
    row_high: torch.Tensor
    code_low: torch.Tensor
    code_high: torch.Tensor

    def __init__(self, spec: NetworkSpec, generator: torch.Generator):
        super().__init__()
        kind, architecture, loss = spec.kind, spec.architecture, spec.loss
        n_features, n_components = spec.n_features, spec.n_components
        self.kind, self.loss, self.bounded_output = kind, loss, spec.bounded_output
        self.n_features, self.n_components = n_features, n_components
        self.sample_shape = architecture.sample_shape((n_features,))
        n_encoder_outputs = kind.n_encoder_outputs(n_components)
        sizes: dict[str, Any] = {"n_encoder_outputs": n_encoder_outputs, "generator": generator}
        self.encoder, self.decoder = architecture.build(self.sample_shape, n_components, **sizes)
        self.missing, self.encoder_shape = None, self.sample_shape
        if spec.filling_rank is not None:
            self._take_missing(spec.filling_rank, architecture, sizes)
        self.state = kind.new_state(n_components)
        self.tied, self.gated = architecture.ties_weights(), architecture.needs_gates()
        self.linear_encoder = self.linear_decoder = self.encoder_rest = self.gates = None
        self.features = Features(*spec.axes_of_sample(), columns=loss.table_columns)
        self._add_ranges()
        if spec.linear_path:
            self._add_linear_path(n_encoder_outputs - n_components, generator)
        if kind.linear_decoder:
            self.decoder = None
            if self.linear_decoder is None:
                self.linear_decoder = linear(n_components, n_features, generator)
        self.log_scale = None
        if kind.has_posterior and loss.has_scale:
            self.log_scale = nn.Parameter(torch.zeros(loss.scale_shape))
        self.head = None if spec.head is None else Head(spec.head, n_components, generator)
        with _own_draws(architecture, generator):
            self.work = probe(self)

    def _add_ranges(self) -> None:
        """Add buffers for the ranges of training rows and codes, and the unit of the residual."""
        self.register_buffer("residual_scale", torch.ones(()))
        for name, size in (("row", self.n_features), ("code", self.n_components)):
            self.register_buffer(f"{name}_low", torch.full((size,), -torch.inf))
            self.register_buffer(f"{name}_high", torch.full((size,), torch.inf))

    def _take_missing(self, filling_rank: int, architecture: Architecture, sizes: dict) -> None:
        with_mask = architecture.with_mask(self.sample_shape)
        if with_mask is not None:
            joined, self.encoder_shape = with_mask
            self.encoder, _ = joined.build(self.encoder_shape, self.n_components, **sizes)
        self.missing = MissingValues(self.sample_shape, self.encoder_shape, filling_rank)

    def _add_linear_path(self, n_rest: int, generator: torch.Generator) -> None:
        self.linear_encoder = linear(self.n_features, self.n_components, generator)
        if self.tied:
            self.linear_decoder = TiedLinear(self.linear_encoder)
        else:
            self.linear_decoder = linear(self.n_components, self.n_features, generator)
        if self.gated:
            # With tied weights, a layer of zeros would be zero in encoder and decoder, so that all
            # gradients would vanish.
            self.gates = nn.Parameter(torch.zeros(2))
        else:
            assert self.decoder is not None  # a kind that needs none drops it later
            silence(self.encoder)
            silence(self.decoder)
        if n_rest:
            self.encoder_rest = nn.Parameter(torch.zeros(n_rest))

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(weights.numel() for weights in self.parameters())

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Set the generator of layers that draw in training, such as dropout."""
        for layer in self.modules():
            if isinstance(layer, RandomLayer):
                layer.generator = generator

    def encoder_output(self, X: torch.Tensor) -> torch.Tensor:
        """Return the output of the encoder for rows of shape (n_samples, n_features)."""
        given, X = X, self.filled(X)
        samples = self._within(X, self.row_low, self.row_high).reshape(-1, *self.sample_shape)
        output = self.encoder(
            samples if self.missing is None else self.missing.joined(samples, given)
        )
        if self.linear_encoder is None:
            return output
        if self.gates is not None:
            output = self.gates[0] * output
        with full_precision(X.device):
            mean = self.linear_encoder(X)
        if output.shape[1] == self.n_components:
            return output + mean
        # If a kind has more outputs than code values, such as means and variances, the first ones
        # are the code.
        first, rest = output[:, : self.n_components], output[:, self.n_components :]
        return torch.cat([first + mean, rest + self.encoder_rest], dim=1)

    def filled(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows with missing values filled."""
        return X if self.missing is None else self.missing.filling(X)

    def decoder_output(self, code: torch.Tensor) -> torch.Tensor:
        """Return the output of the decoder for codes: reconstructions, or their logits."""
        if self.decoder is None:
            assert self.linear_decoder is not None  # one of the two is always there
            return self.loss.output(self.linear_decoder(code), code.new_zeros(()))
        known = self._within(code, self.code_low, self.code_high)
        residual = self.decoder(known).reshape(-1, self.n_features)
        if self.linear_decoder is None:
            residual = self._of_values(residual) if self.bounded_output else residual
            return self.loss.output_alone(residual)
        if self.gates is not None:
            residual = self.gates[1] * residual
        if self.loss.rescales:  # otherwise the residual is not in units of the data
            residual = residual * self.residual_scale
        with full_precision(code.device):
            return self.loss.output(self.linear_decoder(code), residual)

    def _of_values(self, values: torch.Tensor) -> torch.Tensor:
        """Bring the output of a decoder with bounds from the units of `X` to those of the loss."""
        return self.loss.output_of(self.features.scaled(values))

    def code_weights(self) -> list[torch.Tensor]:
        """Return the decoder's weight matrices that multiply the code, one column per value."""
        weights = [] if self.linear_decoder is None else [self.linear_decoder.weight]
        return (
            weights
            if self.decoder is None
            else weights + code_weights(self.decoder, self.n_components)
        )

    def note_ranges(self, X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Extend the recorded ranges by those of these rows and their codes; return the codes.

        The ranges include corrupted rows, since the encoder was trained on them.
        """
        self._widen("row", self.filled(X))
        if self.kind.corruption is not None:
            self._widen("row", self.filled(self._corrupted(X, generator)))
        codes = self.encode(X)
        self._widen("code", codes)
        return codes

    def _widen(self, name: str, values: torch.Tensor) -> None:
        low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
        unknown = torch.isinf(low)
        low.copy_(torch.minimum(low.masked_fill(unknown, torch.inf), values.amin(0)))
        high.copy_(torch.maximum(high.masked_fill(unknown, -torch.inf), values.amax(0)))

    def _within(self, values: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Clip values to the range of the training rows, widened by a margin.

        A residual network extrapolates arbitrarily outside the training range. With clipped inputs,
        only the linear path extrapolates, and PCA's quality holds for outliers, approximately.
        """
        if self.training or self.linear_encoder is None:
            return values
        margin = _MARGIN * (high - low)
        return torch.clamp(values, low - margin, high + margin)

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return the codes of rows, without randomness."""
        code = self.first_code(X)
        if self.decoder is not None:
            return code
        assert self.linear_decoder is not None
        return self.kind.refined(code, self.filled(X), self.linear_decoder)

    def first_code(self, X: torch.Tensor) -> torch.Tensor:
        """Return the codes of rows before the kind refines them."""
        return self.kind.code(self.encoder_output(X), None, self.state)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the reconstructions of codes."""
        return self.loss.reconstruction(self.decoder_output(code))

    def residuals(self, X: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """Return the residuals of rows with these codes; NaN for missing values."""
        return self.loss.residual(self.decoder_output(code), X)

    def forward(
        self,
        X: torch.Tensor,
        generator: torch.Generator | None = None,
        jitter: float = 0.0,
        progress: float = 1.0,
    ) -> tuple[torch.Tensor, ForwardPass]:
        """Return the output of the decoder, and the intermediate results.

        A `generator` is given in training and validation. The encoder then receives rows with
        `jitter` and corruption, and the kind may draw from the generator.
        """
        shown, corrupted = X, None
        if generator is not None:
            clean = self._jittered(X, generator, jitter)
            shown = self._corrupted(clean, generator)
            corrupted = None if shown is clean else self._differing(shown, clean)
        encoder_output = self.encoder_output(shown)
        code = self.kind.code(encoder_output, generator, self.state)
        output = self.decoder_output(code)
        forward_pass = ForwardPass(
            target=X
            if self.missing is None
            else self.missing.target(X, self.loss.reconstruction(output)),
            shown=shown,
            corrupted=corrupted,
            encoder_output=encoder_output,
            code=code,
            output=output,
            encode=self._encode_as_in_inference,
            decode=self.decoder_output,
            code_weights=self.code_weights,
            features=self.features,
            state=self.state,
            generator=generator,
            progress=progress,
        )
        return output, forward_pass

    def _differing(self, shown: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Return a mask of the entries that differ; missing values count as equal."""
        differing = shown != clean
        return differing if self.missing is None else differing & ~torch.isnan(clean)

    def _corrupted(self, X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return corrupted rows; missing values stay missing."""
        shown = self.kind.corrupt(X, self.features, generator)
        if self.missing is None or shown is X:
            return shown
        return shown.masked_fill(torch.isnan(X), torch.nan)

    def _jittered(self, X: torch.Tensor, generator: torch.Generator, jitter: float) -> torch.Tensor:
        if not jitter:
            return X
        return torch.addcmul(X, noise(X, generator), self.residual_scale, value=jitter)

    def _encode_as_in_inference(self, X: torch.Tensor) -> torch.Tensor:
        """Return codes without dropout and without batch statistics."""
        training = self.encoder.training
        self.encoder.train(False)
        try:
            return self.encode(X)
        finally:
            self.encoder.train(training)

    def sample_losses(
        self,
        X: torch.Tensor,
        generator: torch.Generator | None = None,
        jitter: float = 0.0,
        progress: float = 1.0,
        targets: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the objective of each row of `X`, a tensor of shape (n_samples,)."""
        return self.objective(X, generator, jitter, progress, targets).losses

    def objective(
        self,
        X: torch.Tensor,
        generator: torch.Generator | None = None,
        jitter: float = 0.0,
        progress: float = 1.0,
        targets: torch.Tensor | None = None,
    ) -> Objective:
        """Return the objective of each row of `X`, and its terms.

        With `targets`, of shape (n_samples, n_classes), it includes the cross-entropy of the head.
        For validation rows it is then the cross-entropy alone, without corruption.
        """
        if targets is not None and not self.training:
            assert self.head is not None  # targets are those of a head
            losses = self.head.cross_entropy(self.encode(X), targets)
            return Objective(losses, {CROSS_ENTROPY: losses})
        output, forward_pass = self(X, generator, jitter, progress)
        losses = self.kind.entry_losses(self.loss, output, forward_pass, self.log_scale)
        if self.missing is not None:
            missing = self.loss.of_entries(torch.isnan(X))
            losses = self.missing.of_known(losses, missing, self.kind.feature_reduction)
        n_entries = losses.shape[1]
        losses = losses.mean(1) if self.kind.feature_reduction == "mean" else losses.sum(1)
        added = self.kind.added_loss(forward_pass)
        objective = Objective.of(losses, self.kind.term(), added)
        if targets is None:
            return objective
        assert self.head is not None
        cross_entropy = self.head.cross_entropy(forward_pass.code, targets)
        n_summed = 1 if self.kind.feature_reduction == "mean" else n_entries
        return objective.mixed(cross_entropy, self.head.weight, n_summed)


def _own_draws(
    architecture: Architecture, generator: torch.Generator
) -> AbstractContextManager[None]:
    """Return the context for modules that may draw from torch's global generators."""
    if not architecture.draws_globally:
        return contextlib.nullcontext()
    return torch_draws(int(torch.randint(2**62, (), generator=generator)))
