"""The architecture that wraps the user's own modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from skae._utils.channel_axis import UnclearChannelsError, channel_axis_of
from skae._utils.checks import is_auto
from skae._utils.torch_draws import torch_draws
from skae.architectures.structured import Structured


class Custom(Structured):
    """User-defined torch modules as encoder and decoder.

    Both are given as classes or functions that return a module, so that each fit, each fold and
    each clone starts with new weights. Any module with the input and output shapes below is
    allowed; the shapes are checked on a batch of two samples of zeros before training.

    With ``init="pca"`` the modules are added to the linear path, each multiplied by a learned
    factor that starts at zero, so that any module can be used; with ``init="random"`` they are the
    whole network.

    Parameters
    ----------
    encoder : callable
        ``encoder(sample_shape, n_outputs)`` returns a module from ``(n_samples, *sample_shape)``
        to ``(n_samples, n_outputs)``. `n_outputs` is the size of the code, or larger if the kind
        needs it: twice the size for the variational kind, for means and log variances.

    decoder : callable
        ``decoder(sample_shape, n_components)`` returns a module from
        ``(n_samples, n_components)`` to ``(n_samples, *sample_shape)``, or to flat rows with as
        many values.

    input_shape : "auto" or tuple of int, default="auto"
        Shape of one sample, `sample_shape` above. "auto" is the shape of the samples of `X`,
        (n_features,) for tables.

    channel_axis : "auto", {0, -1} or None, default="auto"
        Axis of the channels in a sample, for corruptions that hide parts of images or series.
        "auto" finds it from the shape, as in the other architectures. It does not change the input
        of the modules.

    Notes
    -----
    Layers of torch draw their initial weights, and dropout, from torch's global generators. During
    a fit, these are seeded from `random_state`, and their states are restored afterwards. The
    results of simultaneous fits in several threads are therefore not reproducible.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from torch import nn
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Custom
    >>> def encoder(sample_shape, n_outputs):
    ...     return nn.Sequential(nn.Linear(*sample_shape, 16), nn.ReLU(), nn.Linear(16, n_outputs))
    >>> def decoder(sample_shape, n_components):
    ...     return nn.Sequential(
    ...         nn.Linear(n_components, 16), nn.ReLU(), nn.Linear(16, *sample_shape)
    ...     )
    >>> X = load_iris().data
    >>> ae = AutoencoderTransformer(2, architecture=Custom(encoder, decoder), max_epochs=5)
    >>> ae.fit_transform(X).shape
    (150, 2)
    """

    draws_globally = True
    n_space_axes = None

    def __init__(
        self,
        encoder: Callable[[tuple[int, ...], int], nn.Module],
        decoder: Callable[[tuple[int, ...], int], nn.Module],
        input_shape: tuple[int, ...] | str = "auto",
        channel_axis: int | str | None = "auto",
    ):
        self.encoder = encoder
        self.decoder = decoder
        self.input_shape = input_shape
        self.channel_axis = channel_axis

    def channel_axis_of(self, sample_shape: tuple[int, ...]) -> int | str | None:
        """Return `channel_axis`, with "auto" resolved where the shape shows it."""
        if not is_auto(self.channel_axis):
            return self.channel_axis
        try:
            return channel_axis_of(sample_shape) if len(sample_shape) <= 3 else None
        except UnclearChannelsError:
            return self.channel_axis  # only a corruption may ask

    def needs_gates(self) -> bool:
        """Return True: the last layers of the modules are unknown."""
        return True

    def _build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return the user's modules, with torch's generators seeded from `generator`."""
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch_draws(seed):
            encoder = self._make("encoder", sample_shape, n_encoder_outputs)
            decoder = self._make("decoder", sample_shape, n_components)
        return encoder, decoder

    def _make(self, role: str, sample_shape: tuple[int, ...], size: int) -> nn.Module:
        factory, wanted = getattr(self, role), "n_outputs" if role == "encoder" else "n_components"
        if isinstance(factory, nn.Module) or not callable(factory):
            raise TypeError(
                f"{role} of Custom must be a class or a function that returns a torch.nn.Module, "
                f"called as {role}(sample_shape, {wanted}), got {_described(factory)}."
            )
        try:
            module = factory(sample_shape, size)
        except Exception as error:
            raise ValueError(
                f"{role} of Custom failed, called as {role}({sample_shape}, {size}): "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"{role} of Custom must return a torch.nn.Module, but "
                f"{role}({sample_shape}, {size}) returned {_described(module)}."
            )
        return module


def _described(value: object) -> str:
    if isinstance(value, nn.Module):
        return f"the module {type(value).__name__}: give its class, or a function that makes it"
    return repr(value)
