"""What methods of estimators compute, as torch modules: from rows in the units of `X` to results.

The networks and the scores are those that the estimators use. What estimators do in numpy, the
scaling above all, is written here again for tensors.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from skae._data.scaling import Scaling
from skae._detection.ensemble import LARGEST, Ensemble
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import network_with
from skae._network.fitted_network import FittedNetwork
from skae._runtime.precision import tensor_dtype


class Scaled(nn.Module):
    """Rows as a network sees them: what ``Scaling.apply`` gives of rows of the same dtype.

    Parameters
    ----------
    scaling : Scaling
        What stands between `X` and the network.

    dtype : torch.dtype
        That of the rows and of the network.
    """

    def __init__(self, scaling: Scaling, dtype: torch.dtype):
        super().__init__()
        self.dtype, self.limit = dtype, scaling.limit
        self.in_parts = dtype == torch.float32 and scaling.float32_parts is not None
        if self.in_parts:
            high, low, _, inverse = scaling.float32_parts
            _register(self, high=high, low=low, inverse=inverse)
        else:
            _register(self, centre=scaling.centre, scale=scaling.scale)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scaled rows; what is missing stays NaN."""
        if self.in_parts:
            scaled = ((X - self.high) - self.low) * self.inverse
        else:
            scaled = ((X.double() - self.centre) / self.scale).to(self.dtype)
        if self.limit == np.inf:
            return scaled
        # Runtimes differ in what a limit makes of NaN.
        return torch.where(torch.isnan(scaled), scaled, scaled.clamp(-self.limit, self.limit))


class Unscaled(nn.Module):
    """Scaled rows in the units of `X` again: what ``Scaling.undo`` gives of them.

    Parameters
    ----------
    scaling : Scaling
        What stands between `X` and the network.

    dtype : torch.dtype
        That of the rows and of the network.
    """

    def __init__(self, scaling: Scaling, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype
        self.in_parts = dtype == torch.float32 and scaling.float32_parts is not None
        if self.in_parts:
            high, low, scale, _ = scaling.float32_parts
            _register(self, high=high, low=low, scale=scale)
        else:
            _register(self, centre=scaling.centre, scale=scaling.scale)

    def forward(self, scaled: torch.Tensor) -> torch.Tensor:
        """Return rows in the units of `X`."""
        if self.in_parts:
            return scaled * self.scale + self.low + self.high
        return (scaled.double() * self.scale + self.centre).to(self.dtype)


class Inference(nn.Module):
    """A network of its own for inference on the CPU, with the scaling before and behind it.

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
    """From rows to codes."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return codes of shape (n_samples, n_components)."""
        return self.network.encode(self.scale(X))


class Decoded(Inference):
    """From codes to reconstructions.

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
    """From rows to the mean of what networks make of them.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    sample_shape : tuple of int
        Shape of one reconstruction.
    """

    def __init__(self, networks: list[FittedNetwork], sample_shape: tuple[int, ...]):
        super().__init__()
        self.members = nn.ModuleList(Inference(fitted) for fitted in networks)
        self.sample_shape = sample_shape

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of shape (n_samples, *sample_shape)."""
        rebuilt = []
        for of in self.members:
            network = of.network
            rebuilt.append(of.unscale(network.decode(network.encode(of.scale(X)))))
        return torch.stack(rebuilt).mean(0).reshape(-1, *self.sample_shape)


class MinusSquaredError(Inference):
    """From rows to minus their mean squared errors over known values, in squared units of `X`.

    Parameters
    ----------
    fitted : FittedNetwork
        The network as plain data.
    """

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
    """From rows to minus the mean of their anomaly scores by several networks.

    Parameters
    ----------
    ensemble : Ensemble
        Networks, each with its score.

    offset : float, default=0.0
        What is subtracted.
    """

    def __init__(self, ensemble: Ensemble, offset: float = 0.0):
        super().__init__()
        self.members = nn.ModuleList(Inference(m.network) for m in ensemble.members)
        self.scores = [m.score for m in ensemble.members]
        # Numbers that are no tensors would be written in float32.
        _register(self, offset=np.float64(offset), largest=np.float64(LARGEST))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return scores of shape (n_samples,), float64."""
        scores = []
        for of, score in zip(self.members, self.scores, strict=True):
            found = score(of.network, of.scale(X))
            scores.append(torch.where(torch.isfinite(found), found, self.largest))
        return -torch.stack(scores).mean(0) - self.offset


class Outliers(MinusAnomalyScore):
    """From rows to labels."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return -1 for outliers and 1 for all others, of shape (n_samples,), int64."""
        return torch.where(super().forward(X) < 0, -1, 1)


class Logits(Inference):
    """From rows to the logits of classes."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_samples, n_classes)."""
        return self.network.head(self.network.encode(self.scale(X)))


class Decision(Logits):
    """From rows to logits, or, of two classes, to the second one minus the first."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (n_samples, n_classes) or (n_samples,)."""
        logits = super().forward(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits


class Probabilities(Logits):
    """From rows to the probabilities of classes."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return probabilities of shape (n_samples, n_classes)."""
        return super().forward(X).softmax(1)


class LogProbabilities(Logits):
    """From rows to the logarithms of the probabilities of classes."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return logarithms of shape (n_samples, n_classes)."""
        return super().forward(X).log_softmax(1)


class ClassNumbers(Logits):
    """From rows to the numbers of their most likely classes."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return places in ``classes_``, of shape (n_samples,), int64."""
        return super().forward(X).argmax(1)


class Imputed(nn.Module):
    """From rows to rows without missing values.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    kept : ndarray of shape (n_features,), dtype bool
        Which features the networks know.

    bounds : tuple of two ndarray of shape (n_kept_features,)
        Of what is imputed.

    marker : float
        What stands for a missing value.

    shape : tuple of int
        Shape of a row that is returned. Where it is that of all features, those that are not known
        are zero.

    indicated : list of int
        Features of which columns at the end say where they are missing.
    """

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
            X = torch.where(self.marker == X, torch.nan, X)
        rows = X[:, self.kept]
        means = self.means(rows)
        means = torch.clamp(means, self.low.to(means.dtype), self.high.to(means.dtype))
        imputed = torch.where(torch.isnan(rows), means, rows)
        if len(self.kept) < self.n_features and self.shape == (self.n_features,):
            imputed = torch.zeros_like(X).index_copy(1, torch.tensor(self.kept), imputed)
        if not self.indicated:
            return imputed.reshape(-1, *self.shape)
        missing = torch.isnan(X[:, self.indicated]).to(imputed.dtype)
        return torch.cat([imputed, missing], dim=1)


class Clipped(Reconstructed):
    """From rows to reconstructions within a range.

    Parameters
    ----------
    networks : list of FittedNetwork
        At least one.

    sample_shape : tuple of int
        Shape of one reconstruction.

    low, high : float
        The range.
    """

    def __init__(self, networks, sample_shape: tuple[int, ...], low: float, high: float):
        super().__init__(networks, sample_shape)
        self.low, self.high = low, high

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return reconstructions of shape (n_samples, *sample_shape)."""
        return super().forward(X).clamp(self.low, self.high)


def inference_network(fitted: FittedNetwork) -> AutoencoderNetwork:
    """Return a network of its own on the CPU, to compute with."""
    network = network_with(fitted.spec, fitted.weights, torch.device("cpu"))
    return network.eval().requires_grad_(False)


def _register(module: nn.Module, **arrays) -> None:
    """Give a module arrays as buffers of their names."""
    for name, array in arrays.items():
        module.register_buffer(name, torch.from_numpy(np.array(array)))
