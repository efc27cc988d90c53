"""The first weights of a network: PCA, and what the kind makes of it."""

from __future__ import annotations

import torch

from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._missing.filling import FilledRows, NormalDistribution
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import new_network
from skae._network.network_spec import NetworkSpec
from skae._start.linear_part import LinearPart
from skae._start.linear_path import fit_linear_decoder, set_linear_path, start_error
from skae._start.principal_axes import PrincipalAxes
from skae.kinds import Kind
from skae.kinds.interface import Setting

# Standard deviations below this share of the data's are those of rounding; codes along such
# axes are not blown up to unit variance.
_SMALLEST_SCALE = 1e-3
# What PCA leaves over counts as at least this share of the data.
_SMALLEST_RESIDUAL = 1e-5
# Rows that a linear decoder is fitted to.
_ROWS_OF_A_FIT = 5000


def check_kind(kind: Kind, setting: Setting) -> None:
    """Refuse what a kind and its corruption can not work with."""
    kind.check(setting)
    if kind.corruption is not None:
        kind.corruption.check(setting.sample_shape, setting.channel_axis)


class Start:
    """What the linear path of a network starts as.

    Parameters
    ----------
    rows : Rows
        The data.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row; those of weight zero are not looked at.

    axes : PrincipalAxes
        Those of the rows with their weights.

    seed : int
        Decides which rows are looked at where not all are.
    """

    def __init__(
        self, rows: Rows | FilledRows, weight: torch.Tensor, axes: PrincipalAxes, seed: int
    ):
        self.rows, self.weight, self.found, self.seed = rows, weight, axes, seed

    def apply(self, network: AutoencoderNetwork) -> None:
        """Set the linear path to the principal axes, and what the kind makes of them."""
        found, kind = self.found, network.kind
        n_components, n_features = network.n_components, network.n_features
        n_axes = min(kind.n_axes(n_components, n_features), len(found.axes), n_components)
        axes = found.axes.new_zeros(n_components, n_features)
        axes[:n_axes] = found.axes[:n_axes]
        if kind.n_axes(n_components, n_features) < n_components:
            axes[n_axes:] = self._directions(n_components - n_axes).to(axes)
        deviation = (found.total / n_features) ** 0.5 or 1.0
        deviations = found.axes.new_full((n_components,), deviation)
        smallest = _SMALLEST_SCALE * deviation
        deviations[:n_axes] = found.variances[:n_axes].sqrt().clamp_min(smallest)
        left_over = max(found.total - float(found.variances[:n_axes].sum()), 0.0)
        residual_scale = max((left_over / n_features) ** 0.5, _SMALLEST_RESIDUAL * deviation)
        start = kind.linear_start(deviations, left_over / max(1, n_features - n_axes))
        set_linear_path(network, axes, start, found.mean, residual_scale)
        if kind.makes_missing():
            self._scale_residual(network)
        if kind.fits_decoder and not network.tied:
            index = self._some_rows(_ROWS_OF_A_FIT)
            fit_linear_decoder(network, self.rows.take(index), self.weight[index])

    def _scale_residual(self, network: AutoencoderNetwork) -> None:
        """Let the residual networks begin in units of what hidden entries are wrong by.

        That is more than PCA leaves over of rows without missing entries: nothing, where the code
        is as large as the data.
        """
        rows = self.rows.take(self._some_rows(_ROWS_OF_A_FIT))
        generator = torch.Generator(rows.device).manual_seed(self.seed)
        error = float(start_error(network.eval(), rows, generator))
        network.train()
        network.residual_scale.clamp_(min=error)

    def _directions(self, n_directions: int) -> torch.Tensor:
        """Return unit vectors from the mean to rows; where there are too few, some are repeated."""
        index = self._some_rows(n_directions)
        index = index[torch.arange(n_directions, device=index.device) % len(index)]
        away = self.rows.take(index) - self.found.mean.to(self.rows.dtype)
        return torch.nn.functional.normalize(away, dim=1)

    def _some_rows(self, n_rows: int) -> torch.Tensor:
        """Return the indices of up to `n_rows` rows, drawn at random."""
        eligible = torch.nonzero(self.weight)[:, 0].cpu()
        generator = torch.Generator().manual_seed(self.seed)
        order = torch.randperm(len(eligible), generator=generator)[:n_rows]
        return eligible[order].to(self.rows.device)


def first_network(
    spec: NetworkSpec,
    linear_part: LinearPart,
    moments: Moments,
    weight: torch.Tensor,
    axes: PrincipalAxes | None,
    gaussian: NormalDistribution | None,
) -> AutoencoderNetwork:
    """Return a network with the first weights for some rows.

    Parameters
    ----------
    spec : NetworkSpec
        What the network is to be.

    linear_part : LinearPart
        Knows the rows and the seed.

    moments : Moments
        Those of the rows.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row; rows of weight zero are not looked at.

    axes : PrincipalAxes or None
        Principal axes of the weighted rows, for a network with a linear path.

    gaussian : NormalDistribution or None
        The normal distribution that fills missing values, for a network that takes them.
    """
    generator = torch.Generator().manual_seed(linear_part.seed)
    network = new_network(spec, linear_part.rows.device, generator)
    network.features.set(
        mean=moments.mean,
        deviation=moments.deviations,
        low=moments.lows,
        high=moments.highs,
        centre=spec.scaling.centre,
        scale=spec.scaling.scale,
    )
    if gaussian is not None:
        assert network.missing is not None  # the specification has the rank of the gaussian
        network.missing.filling.set(gaussian)
        network.missing.known_fraction.fill_(moments.known_fraction)
    if spec.linear_path:
        assert axes is not None  # every caller finds them for a linear path
        rows = linear_part.complete(gaussian)
        Start(rows, weight, axes, linear_part.seed).apply(network)
    return network
