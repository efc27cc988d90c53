"""Torch modules that compute methods of estimators for rows in the units of `X`.

The networks and the scores are those of the estimators. Operations that estimators perform in
numpy, above all scaling, are implemented here for tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from skae._calibration.calibration import Calibration
from skae._classification.teachers import Blend, Teachers
from skae._data.scaling import Scaling
from skae._detection.attribution import added_up, known_groups
from skae._detection.ensemble import LARGEST, Ensemble
from skae._detection.explanation import contributions_of
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import network_with
from skae._network.fitted_network import FittedNetwork
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import tensor_dtype


class Scaled(nn.Module):
    """Scaling of rows to the input of a network, as ``Scaling.apply`` does for the same dtype.

    Parameters
    ----------
    scaling : Scaling
        Scaling between `X` and the network.

    dtype : torch.dtype
        Dtype of the rows and of the network.
    """

    high: torch.Tensor
    low: torch.Tensor
    inverse: torch.Tensor
    centre: torch.Tensor
    scale: torch.Tensor

    def __init__(self, scaling: Scaling, dtype: torch.dtype):
        super().__init__()
        self.dtype, self.limit = dtype, scaling.limit
        parts = scaling.float32_parts
        self.in_parts = dtype == torch.float32 and parts is not None
        if dtype == torch.float32 and parts is not None:
            high, low, _, inverse = parts
            _register(self, high=high, low=low, inverse=inverse)
        else:
            _register(self, centre=scaling.centre, scale=scaling.scale)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scaled rows; missing values stay NaN."""
        if self.in_parts:
            scaled = ((X - self.high) - self.low) * self.inverse
        else:
            scaled = ((X.double() - self.centre) / self.scale).to(self.dtype)
        if self.limit == np.inf:
            return scaled
        # Runtimes differ in the result of clamping NaN.
        return torch.where(torch.isnan(scaled), scaled, scaled.clamp(-self.limit, self.limit))


class Unscaled(nn.Module):
    """Inverse scaling of rows to the units of `X`, as ``Scaling.undo`` does.

    Parameters
    ----------
    scaling : Scaling
        Scaling between `X` and the network.

    dtype : torch.dtype
        Dtype of the rows and of the network.
    """

    high: torch.Tensor
    low: torch.Tensor
    scale: torch.Tensor
    centre: torch.Tensor

    def __init__(self, scaling: Scaling, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype
        parts = scaling.float32_parts
        self.in_parts = dtype == torch.float32 and parts is not None
        if dtype == torch.float32 and parts is not None:
            high, low, scale, _ = parts
            _register(self, high=high, low=low, scale=scale)
        else:
            _register(self, centre=scaling.centre, scale=scaling.scale)

    def forward(self, scaled: torch.Tensor) -> torch.Tensor:
        """Return rows in the units of `X`."""
        if self.in_parts:
            return scaled * self.scale + self.low + self.high
        return (scaled.double() * self.scale + self.centre).to(self.dtype)


class Inference(nn.Module):
    """Copy of a network for inference on the CPU, with scaling and inverse scaling.

    Parameters
    ----------
    fitted : FittedNetwork
        The network as plain data.
    """

    def __init__(self, fitted: FittedNetwork):
        super().__init__()
        self.network = inference_network(fitted)
        self.dtype = tensor_dtype(fitted.spec.precision)
        self.scale = Scaled(fitted.scaling, self.dtype)
        self.unscale = Unscaled(fitted.scaling, self.dtype)


class Codes(Inference):
    """Latent codes of rows."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return codes of shape (n_samples, n_components)."""
        return self.network.encode(self.scale(X))


class Decoded(Inference):
    """Reconstructions of latent codes.

    Parameters
    ----------
    fitted : FittedNetwork
        The network as plain data.

    sample_shape : tuple of int
        Shape of one reconstruction.
    """

    def __init__(self, fitted: FittedNetwork, sample_shape: tuple[int, ...]):
        super().__init__(fitted)
        self.sample_shape = sample_shape

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of shape (n_samples, *sample_shape)."""
        return self.unscale(self.network.decode(codes)).reshape(-1, *self.sample_shape)


class Reconstructed(nn.Module):
    """Mean reconstructions of rows by several networks.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    sample_shape : tuple of int
        Shape of one reconstruction.
    """

    members: Any  # a ModuleList of Inference

    def __init__(self, networks: list[FittedNetwork], sample_shape: tuple[int, ...]):
        super().__init__()
        self.members = nn.ModuleList(Inference(fitted) for fitted in networks)
        self.sample_shape = sample_shape

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of shape (n_samples, *sample_shape)."""
        reconstructed = []
        for member in self.members:
            network = member.network
            reconstructed.append(member.unscale(network.decode(network.encode(member.scale(X)))))
        return torch.stack(reconstructed).mean(0).reshape(-1, *self.sample_shape)


class MinusSquaredError(Inference):
    """Minus the mean squared errors of rows over observed values, in squared units of `X`.

    Parameters
    ----------
    fitted : FittedNetwork
        The network as plain data.
    """

    squared_scale: torch.Tensor

    def __init__(self, fitted: FittedNetwork):
        super().__init__(fitted)
        _register(self, squared_scale=np.square(np.float64(fitted.scaling.scale)))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (n_samples,), float64."""
        scaled = self.scale(X)
        residual = scaled - self.network.decode(self.network.encode(scaled))
        missing = torch.isnan(scaled)
        if self.network.missing is not None:
            residual = torch.where(missing, 0.0, residual)
        errors = residual.double().square().sum(1)
        n_known = (~missing).double().sum(1).clamp_min(1)
        return -errors / n_known * self.squared_scale


class MinusAnomalyScore(nn.Module):
    """Minus the mean anomaly scores of rows by several networks.

    Parameters
    ----------
    ensemble : Ensemble
        Networks, each with its score.

    offset : float, default=0.0
        Offset to subtract.
    """

    members: Any  # a ModuleList of Inference
    offset: torch.Tensor
    largest: torch.Tensor

    def __init__(self, ensemble: Ensemble, offset: float = 0.0):
        super().__init__()
        self.members = nn.ModuleList(Inference(m.network) for m in ensemble.members)
        self.scores = [m.score for m in ensemble.members]
        self.ranges = [m.ranges for m in ensemble.members]
        # The exporter would write numbers that are not tensors in float32.
        self.units = [torch.tensor(m.unit, dtype=torch.float64) for m in ensemble.members]
        self.missing_scale = ensemble.missing_scale
        _register(self, offset=np.float64(offset), largest=np.float64(LARGEST))

    def each(self, X: torch.Tensor) -> torch.Tensor:
        """Return the anomaly scores by each network, (n_members, n_samples), float64."""
        scores = []
        parts = zip(self.members, self.scores, self.units, self.ranges, strict=True)
        for member, score, unit, ranges in parts:
            found = score(member.network, member.scale(X)) / unit
            found = torch.where(torch.isfinite(found), found, self.largest)
            if self.missing_scale is not None:
                found = self.missing_scale.scaled(found, torch.isnan(X).sum(1))
            if ranges is not None:
                found = found + ranges.of_features(X.double()).sum(1)
            scores.append(torch.minimum(found, self.largest))
        return torch.stack(scores)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (n_samples,), float64."""
        return -self.each(X).mean(0) - self.offset


class PValues(MinusAnomalyScore):
    """Conformal p-values of rows.

    Parameters
    ----------
    ensemble : Ensemble
        Networks, each with its score.

    calibration : Calibration
        Scores of calibration rows.
    """

    one: torch.Tensor
    total: torch.Tensor

    def __init__(self, ensemble: Ensemble, calibration: Calibration):
        super().__init__(ensemble)
        self.groups = [list(group.members) for group in calibration.groups]
        for i, group in enumerate(calibration.groups):
            buffers = {f"held_out_{i}": group.scores, f"beyond_{i}": group.weight_beyond()}
            _register(self, **buffers)
        _register(self, one=np.float64(1.0), total=np.float64(1.0 + calibration.size))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return p-values of shape (n_samples,), float64."""
        scores = self.each(X)
        at_least = torch.ones_like(scores[0])
        for i, members in enumerate(self.groups):
            of_group = torch.stack([scores[member] for member in members]).mean(0)
            places = _n_below(self.get_buffer(f"held_out_{i}"), of_group)
            at_least = at_least + self.get_buffer(f"beyond_{i}")[places]
        return torch.minimum(at_least / self.total, self.one)


def _n_below(ordered: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return how many of the ascending numbers are below each value, by bisection.

    ONNX knows no ``searchsorted``, and a table of all comparisons would be large.
    """
    n_below = torch.zeros_like(values, dtype=torch.int64)
    for bit in reversed(range(len(ordered).bit_length())):
        further = n_below + 2**bit
        inside = further <= len(ordered)
        last = ordered[(further - 1).clamp_max(len(ordered) - 1)]
        n_below = torch.where(inside & (last < values), further, n_below)
    return n_below


class Contributions(MinusAnomalyScore):
    """Contributions of features to the anomaly scores of rows.

    Parameters
    ----------
    ensemble : Ensemble
        Networks, each with its score.
    """

    def __init__(self, ensemble: Ensemble):
        super().__init__(ensemble)
        self.baselines = [member.baselines for member in ensemble.members]
        self.of_ranges = ensemble.of_ranges

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return contributions of shape (n_samples, n_features), float64."""
        found, batches = [], FittingBatches(X.device)
        alone = np.arange(X.shape[1])
        parts = zip(self.members, self.scores, self.baselines, self.units, strict=True)
        for member, score, baselines, unit in parts:
            of = (score, member.network, member.scale(X), baselines, alone, batches)
            found.append(contributions_of(*of, len(self.members)) / unit)
        rows = X.detach().cpu().numpy()
        of_ranges = self.of_ranges(rows.astype(np.float64), alone)
        totals = self.each(X).mean(0).detach().cpu().numpy() - of_ranges.sum(axis=1)
        means = torch.stack(found).mean(0).numpy()
        together = added_up(means, totals, known_groups(rows, alone)) + of_ranges
        return torch.from_numpy(together)


class Outliers(MinusAnomalyScore):
    """Labels of rows, -1 for outliers and 1 for all others."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return -1 for outliers and 1 for all others, of shape (n_samples,), int64."""
        return torch.where(super().forward(X) < 0, -1, 1)


class Logits(Inference):
    """Logits of the classes of rows.

    Parameters
    ----------
    fitted : FittedNetwork
        The network as plain data.

    teachers : Teachers or None
        The teachers that share in the predictions, if there are any.
    """

    def __init__(self, fitted: FittedNetwork, teachers: Teachers | None):
        super().__init__(fitted)
        like = next(self.network.parameters())
        self.blend = None if teachers is None else Blend(teachers, like)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_samples, n_classes)."""
        assert self.network.head is not None  # a classifier's
        scaled = self.scale(X)
        logits = self.network.head(self.network.encode(scaled))
        return logits if self.blend is None else self.blend(self.network.filled(scaled), logits)


class Decision(Logits):
    """Logits of rows; with two classes, the second logit minus the first."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_samples, n_classes) or (n_samples,)."""
        logits = super().forward(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits


class Probabilities(Logits):
    """Class probabilities of rows."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return probabilities of shape (n_samples, n_classes)."""
        return super().forward(X).softmax(1)


class LogProbabilities(Logits):
    """Logarithms of the class probabilities of rows."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logarithms of shape (n_samples, n_classes)."""
        return super().forward(X).log_softmax(1)


class ClassNumbers(Logits):
    """Indices of the most likely classes of rows."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return indices in ``classes_``, of shape (n_samples,), int64."""
        return super().forward(X).argmax(1)


class Imputed(nn.Module):
    """Rows with imputed values.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    kept : ndarray of shape (n_features,), dtype bool
        Mask of the features that the networks use.

    bounds : tuple of two ndarray of shape (n_kept_features,)
        Bounds of the imputed values.

    marker : float
        Value that stands for a missing value.

    shape : tuple of int
        Shape of a returned row. If it contains all features, missing values of those that the
        networks do not use are zero.

    indicated : list of int
        Features with an indicator column of missing values at the end.
    """

    low: torch.Tensor
    high: torch.Tensor

    def __init__(
        self,
        networks: list[FittedNetwork],
        kept: np.ndarray,
        bounds: tuple[np.ndarray, np.ndarray],
        marker: float,
        shape: tuple[int, ...],
        indicated: list[int],
    ):
        super().__init__()
        self.means = Reconstructed(networks, (int(kept.sum()),))
        _register(self, low=bounds[0], high=bounds[1])
        self.marker, self.shape, self.indicated = marker, shape, indicated
        self.kept = np.flatnonzero(kept).tolist()
        self.n_features = len(kept)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows of shape (n_samples, *shape), with the columns of the indicator."""
        if not np.isnan(self.marker):
            X = torch.where(torch.eq(X, self.marker), torch.nan, X)
        rows = X[:, self.kept]
        means = self.means(rows)
        means = torch.clamp(means, self.low.to(means.dtype), self.high.to(means.dtype))
        imputed = torch.where(torch.isnan(rows), means, rows)
        if len(self.kept) < self.n_features and self.shape == (self.n_features,):
            known = torch.where(torch.isnan(X), 0.0, X)
            imputed = known.index_copy(1, torch.tensor(self.kept), imputed)
        if not self.indicated:
            return imputed.reshape(-1, *self.shape)
        missing = torch.isnan(X[:, self.indicated]).to(imputed.dtype)
        return torch.cat([imputed, missing], dim=1)


class Clipped(Reconstructed):
    """Reconstructions of rows, clipped to a range.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    sample_shape : tuple of int
        Shape of one reconstruction.

    low, high : float
        The range.
    """

    def __init__(
        self, networks: list[FittedNetwork], sample_shape: tuple[int, ...], low: float, high: float
    ):
        super().__init__(networks, sample_shape)
        self.low, self.high = low, high

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of shape (n_samples, *sample_shape)."""
        return super().forward(X).clamp(self.low, self.high)


def inference_network(fitted: FittedNetwork) -> AutoencoderNetwork:
    """Return a copy of the network on the CPU for inference."""
    network = network_with(fitted.spec, fitted.weights, torch.device("cpu"))
    return network.eval().requires_grad_(False)


def _register(module: nn.Module, **arrays: ArrayLike) -> None:
    """Register arrays as buffers of a module."""
    for name, array in arrays.items():
        module.register_buffer(name, torch.from_numpy(np.array(array)))
