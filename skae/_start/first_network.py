"""The first weights of a network: PCA, adapted by the kind."""

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

# Smaller standard deviations, relative to that of the data, come from rounding. Codes along such
# axes are not scaled up to unit variance.
_SMALLEST_SCALE = 1e-3
# Lower limit of PCA's residual, relative to the standard deviation of the data.
_SMALLEST_RESIDUAL = 1e-5
# Number of rows to which a linear decoder is fitted.
_ROWS_OF_A_FIT = 5000


def check_kind(kind: Kind, setting: Setting) -> None:
    """Refuse a setting that a kind or its corruption cannot work with."""
    kind.check(setting)
    if kind.corruption is not None:
        kind.corruption.check(setting.sample_shape, setting.channel_axis)


class Start:
    """The first weights of the linear path of a network.

    Parameters
    ----------
    rows : Rows
        The data.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row; rows with weight zero are not used.

    axes : PrincipalAxes
        Principal axes of the weighted rows.

    seed : int
        Seed of the choice of rows, if not all are used.
    """

    def __init__(
        self, rows: Rows | FilledRows, weight: torch.Tensor, axes: PrincipalAxes, seed: int
    ):
        self.rows, self.weight, self.found, self.seed = rows, weight, axes, seed

    def apply(self, network: AutoencoderNetwork) -> None:
        """Set the linear path to the principal axes, as adapted by the kind."""
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
        residual = max(found.total - float(found.variances[:n_axes].sum()), 0.0)
        residual_scale = max((residual / n_features) ** 0.5, _SMALLEST_RESIDUAL * deviation)
        start = kind.linear_start(deviations, residual / max(1, n_features - n_axes))
        set_linear_path(network, axes, start, found.mean, residual_scale)
        if kind.corruption is not None:
            self._scale_residual(network)
        if kind.fits_decoder and not network.tied:
            index = self._some_rows(_ROWS_OF_A_FIT)
            fit_linear_decoder(network, self.rows.take(index), self.weight[index])

    def _scale_residual(self, network: AutoencoderNetwork) -> None:
        """Raise the unit of the residual networks to the error of corrupted rows.

        It exceeds PCA's residual of complete rows, which is zero if the code is as large as a row.
        """
        rows = self.rows.take(self._some_rows(_ROWS_OF_A_FIT))
        generator = torch.Generator(rows.device).manual_seed(self.seed)
        error = float(start_error(network.eval(), rows, generator))
        network.train()
        network.residual_scale.clamp_(min=error)

    def _directions(self, n_directions: int) -> torch.Tensor:
        """Return unit vectors from the mean to rows; with too few rows, some are repeated."""
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
    """Return a network with its first weights.

    Parameters
    ----------
    spec : NetworkSpec
        The specification of the network.

    linear_part : LinearPart
        Holds the rows and the seed.

    moments : Moments
        Moments of the rows.

    weight : torch.Tensor of shape (n_samples,)
        Weight of each row. Rows with weight zero are not used.

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
