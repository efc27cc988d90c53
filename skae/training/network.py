"""The network: an encoder and a decoder, each a linear map plus an architecture's residual."""

from __future__ import annotations

import torch
from torch import nn

from skae.architectures.architecture import Architecture
from skae.architectures.layers import linear, silence
from skae.kinds.kind import ForwardPass, Kind
from skae.losses.loss import Loss

# How far beyond the range of the training rows a residual network is trusted, in ranges: where
# tails are heavy, rows of the same kind reach far beyond, and are better rebuilt with it.
_MARGIN = 1.0


class AutoencoderNetwork(nn.Module):
    """``encode(x) = V x + f(x)`` and ``decode(z) = W z + g(z)``.

    Parameters
    ----------
    n_features, n_components : int
        Size of a sample and of its code.

    kind, architecture, loss : Kind, Architecture, Loss
        The parts. `f` and `g` come from the architecture.

    linear_path : bool
        Whether there are `V` and `W`. Without them the network is `f` and `g` alone, the
        textbook autoencoder; with them `f` and `g` start at zero, and :meth:`set_linear_path`
        says what the network starts as.

    generator : torch.Generator
        Source of the first weights.
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        kind: Kind,
        architecture: Architecture,
        loss: Loss,
        linear_path: bool,
        generator: torch.Generator,
    ):
        super().__init__()
        self.kind, self.loss = kind, loss
        self.n_features, self.n_components = n_features, n_components
        self.sample_shape = architecture.sample_shape(n_features)
        self.encoder, self.decoder = architecture.build(
            self.sample_shape,
            n_components,
            n_encoder_outputs=kind.n_encoder_outputs(n_components),
            generator=generator,
        )
        self.linear_encoder = self.linear_decoder = None
        self.register_buffer("residual_scale", torch.ones(()))
        for name, size in (("row", n_features), ("code", n_components)):
            self.register_buffer(f"{name}_low", torch.full((size,), -torch.inf))
            self.register_buffer(f"{name}_high", torch.full((size,), torch.inf))
        if linear_path:
            self.linear_encoder = linear(n_features, n_components, generator)
            self.linear_decoder = linear(n_components, n_features, generator)
            silence(self.encoder)
            silence(self.decoder)

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(weights.numel() for weights in self.parameters())

    def set_linear_path(
        self,
        axes: torch.Tensor,
        scales: torch.Tensor,
        mean: torch.Tensor,
        residual_scale: float,
    ) -> None:
        """Start as PCA: ``V = diag(1/scales) axes``, ``W = axes^T diag(scales)``, both centred.

        What PCA leaves over may be a thousandth of the data or nearly all of them. The residual
        of the decoder is therefore counted in units of it, so that steps of one size suit both.

        Parameters
        ----------
        axes : torch.Tensor of shape (n_components, n_features)
            Orthonormal rows.

        scales : torch.Tensor of shape (n_components,)
            Standard deviations of the data along them, so that the code has unit variance.

        mean : torch.Tensor of shape (n_features,)
            Mean of the data.

        residual_scale : float
            Root mean square, over the features, of what PCA leaves over.
        """
        with torch.no_grad():
            weight = axes / scales[:, None]
            self.linear_encoder.weight.copy_(weight)
            self.linear_encoder.bias.copy_(-weight @ mean)
            self.linear_decoder.weight.copy_((axes * scales[:, None]).T)
            self.linear_decoder.bias.copy_(mean)
            self.residual_scale.fill_(residual_scale)

    def encoder_output(self, X: torch.Tensor) -> torch.Tensor:
        """Return what the encoder makes of rows of shape (n_samples, n_features)."""
        known = self._within(X, self.row_low, self.row_high)
        output = self.encoder(known.reshape(-1, *self.sample_shape))
        if self.linear_encoder is None:
            return output
        mean = self.linear_encoder(X)
        if output.shape[1] == self.n_components:
            return output + mean
        # A kind with more outputs than code values, such as means and variances, has the code
        # in the first ones.
        first, rest = output[:, : self.n_components], output[:, self.n_components :]
        return torch.cat([first + mean, rest], dim=1)

    def decoder_output(self, code: torch.Tensor) -> torch.Tensor:
        """Return what the decoder makes of codes: a reconstruction, or its logits."""
        known = self._within(code, self.code_low, self.code_high)
        residual = self.decoder(known).reshape(-1, self.n_features)
        if self.linear_decoder is None:
            return residual
        if self.loss.rescales:  # otherwise the residual is not in units of the data
            residual = residual * self.residual_scale
        return self.loss.output(self.linear_decoder(code), residual)

    def note_ranges(self, X: torch.Tensor) -> None:
        """Widen the ranges that `f` and `g` know to those of these rows and of their codes."""
        self._widen("row", X)
        self._widen("code", self.encode(X))

    def _widen(self, name: str, values: torch.Tensor) -> None:
        low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
        unknown = torch.isinf(low)
        low.copy_(torch.minimum(low.masked_fill(unknown, torch.inf), values.amin(0)))
        high.copy_(torch.maximum(high.masked_fill(unknown, -torch.inf), values.amax(0)))

    def _within(self, values: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Return values moved into the range that the residual networks know, and a margin.

        A network goes on in any direction beyond the rows it was trained on. There the linear
        path goes on alone, and an outlier is rebuilt about as well as by PCA.
        """
        if self.training or self.linear_encoder is None:
            return values
        margin = _MARGIN * (high - low)
        return torch.clamp(values, low - margin, high + margin)

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return the codes of rows, without any randomness."""
        return self.kind.code(self.encoder_output(X))

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the reconstructions that belong to codes."""
        return self.loss.reconstruction(self.decoder_output(code))

    def forward(
        self, X: torch.Tensor, generator: torch.Generator | None = None, jitter: float = 0.0
    ) -> tuple[torch.Tensor, ForwardPass]:
        """Return the output of the decoder and all that led to it.

        With a `generator` the pass is one of training: the encoder is shown rows with `jitter`
        and corruption, and the kind draws where it does.
        """
        shown = X if generator is None else self._disturbed(X, generator, jitter)
        encoder_output = self.encoder_output(shown)
        code = self.kind.code(encoder_output, generator)
        forward_pass = ForwardPass(X, shown, encoder_output, code, self.encoder_output)
        return self.decoder_output(code), forward_pass

    def _disturbed(
        self, X: torch.Tensor, generator: torch.Generator, jitter: float
    ) -> torch.Tensor:
        """Return the rows that the encoder is shown in training."""
        if jitter:
            noise = torch.randn(X.shape, generator=generator, device=X.device, dtype=X.dtype)
            X = torch.addcmul(X, noise, self.residual_scale, value=jitter)
        return self.kind.corrupt(X, generator)

    def sample_losses(
        self, X: torch.Tensor, generator: torch.Generator | None = None, jitter: float = 0.0
    ) -> torch.Tensor:
        """Return the objective of each row of `X`, a tensor of shape (n_samples,)."""
        output, forward_pass = self(X, generator, jitter)
        losses = self.loss.elementwise(output, X)
        losses = losses.mean(1) if self.kind.feature_reduction == "mean" else losses.sum(1)
        penalty = self.kind.penalty(forward_pass)
        return losses if penalty is None else losses + penalty
