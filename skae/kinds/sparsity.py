"""The penalties of the sparse kind, one class each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import torch
from torch import nn

from skae.kinds.interface import ForwardPass, LinearStart

# Threshold of the soft thresholding under "l1". The penalty does not depend on the scale of the
# code, so the network can adapt that scale to a fixed threshold.
_SHRINKAGE = 0.1
# Training rows without activity after which a unit counts as dead.
_DEAD_AFTER = 2000
# Weight of the auxiliary loss of dead units, and number of dead units that are active for a sample,
# in multiples of k.
_REVIVAL_WEIGHT, _REVIVAL_UNITS = 1 / 32, 2
# Weight of the newest batch in the running mean of the threshold, which has to follow the values of
# the code as they grow.
_NEWEST = 0.1
_UNKNOWN = -1.0
_TINY = 1e-12


class SparsityState(nn.Module):
    """Statistics of the training that the sparse penalties need.

    Parameters
    ----------
    n_components : int
        Number of units.

    Attributes
    ----------
    idle : torch.Tensor of shape (n_components,)
        Number of training rows since each unit was last active.

    threshold : torch.Tensor of shape ()
        Running mean of the smallest value kept in a batch; -1 before the first batch.
    """

    idle: torch.Tensor
    threshold: torch.Tensor

    def __init__(self, n_components: int):
        super().__init__()
        self.register_buffer("idle", torch.zeros(n_components))
        self.register_buffer("threshold", torch.full((), _UNKNOWN))

    def note_activity(self, code: torch.Tensor) -> None:
        """Update the number of rows since each unit was last active."""
        with torch.no_grad():
            active = (code != 0).any(0)
            self.idle.copy_(torch.where(active, 0.0, self.idle + len(code)))

    def note_threshold(self, smallest: torch.Tensor) -> None:
        """Update the running mean of the threshold by the smallest value kept in a batch."""
        with torch.no_grad():
            smallest = smallest.to(self.threshold.dtype)  # bfloat16 in mixed precision
            known = self.threshold >= 0
            mean = torch.where(known, torch.lerp(self.threshold, smallest, _NEWEST), smallest)
            self.threshold.copy_(mean)


@dataclass(frozen=True)
class Sparsity:
    """Base class of the penalties: the code for an output of the encoder, and the added loss.

    Parameters
    ----------
    weight : float
        Weight of the penalty.

    target_activation : float
        Desired mean activation; used by :class:`KL`.

    k : int
        Number of active units of a sample; used by :class:`TopK` and :class:`BatchTopK`.
    """

    weight: float
    target_activation: float
    k: int

    auto_weight = 0.0
    has_zeros = True

    def start(self, deviations: torch.Tensor) -> LinearStart:
        """Return a start at PCA with one scale for all values, so that they are comparable."""
        unit = deviations.square().mean().sqrt()
        return LinearStart((1 / unit).expand_as(deviations), unit.expand_as(deviations))

    def code(self, output: torch.Tensor, state: SparsityState) -> torch.Tensor:
        """Return the code."""
        return output

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the penalty of each sample."""
        return None

    def active(self, code: torch.Tensor) -> torch.Tensor:
        """Return a mask of the active values of codes."""
        return code != 0


class L1(Sparsity):
    """L1 penalty: absolute values, weighted by their effect on the reconstruction."""

    auto_weight = 0.03

    def code(self, output: torch.Tensor, state: SparsityState) -> torch.Tensor:
        """Return the soft-thresholded output."""
        return nn.functional.softshrink(output, _SHRINKAGE)

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor:
        """Return the sum of the absolute values times the norms of the decoder's columns."""
        return self.weight * forward_pass.code.abs() @ column_norms(forward_pass)


class L2(Sparsity):
    """L2 penalty: squares, weighted by their effect on the reconstruction; it makes no zeros."""

    auto_weight = 0.1
    has_zeros = False

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor:
        """Return the sum of the squares times the squared norms of the decoder's columns."""
        return self.weight * forward_pass.code.square() @ column_norms(forward_pass).square()


class KL(Sparsity):
    """KL penalty: activations in (0, 1) whose means over the rows approach a small target."""

    auto_weight = 0.1
    has_zeros = False

    def start(self, deviations: torch.Tensor) -> LinearStart:
        """Return a start at which the mean row has the target activations."""
        offset = math.log(self.target_activation / (1 - self.target_activation))
        offsets = torch.full_like(deviations, offset)
        return LinearStart(1 / deviations, deviations, encode_offset=offsets)

    def code(self, output: torch.Tensor, state: SparsityState) -> torch.Tensor:
        """Return activations in (0, 1)."""
        return torch.sigmoid(output)

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor:
        """Return the divergence of the mean activations from the target, the same for each row."""
        code = forward_pass.code
        margin = torch.finfo(code.dtype).eps
        mean = code.mean(0).clamp(margin, 1 - margin)
        return (self.weight * bernoulli_divergence(self.target_activation, mean).sum()).expand(
            len(code)
        )

    def active(self, code: torch.Tensor) -> torch.Tensor:
        """Return a mask of the activations above the target."""
        return code > self.target_activation


class TopK(Sparsity):
    """The k largest values of each sample, zeros elsewhere."""

    def code(self, output: torch.Tensor, state: SparsityState) -> torch.Tensor:
        """Return the k values with the largest absolute values."""
        code = largest(output, self.k)
        if state.training:
            state.note_activity(code)
        return code

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the auxiliary loss: the error of the dead units in reconstructing the residual."""
        dead = forward_pass.state.idle > _DEAD_AFTER
        n_dead = int(dead.sum()) if forward_pass.state.training else 0
        if n_dead == 0:
            return None
        k = min(_REVIVAL_UNITS * self.k, n_dead)
        code = largest(forward_pass.encoder_output.masked_fill(~dead, 0.0), k)
        rebuilt = forward_pass.decode(code) - forward_pass.decode(torch.zeros_like(code[:1]))
        residual = (forward_pass.target - forward_pass.output).detach()
        return _REVIVAL_WEIGHT * (residual - rebuilt).square().mean(1)


class BatchTopK(TopK):
    """The k n largest values of a batch of n samples; in inference, those above a threshold."""

    def code(self, output: torch.Tensor, state: SparsityState) -> torch.Tensor:
        """Return the values above the threshold; before training, the k largest of each sample."""
        size = output.abs()
        if state.training:
            n_kept = min(self.k * len(output), size.numel())
            smallest = torch.topk(size.flatten(), n_kept).values[-1]
            code = output * (size >= smallest)
            state.note_threshold(smallest)
            state.note_activity(code)
            return code
        above = output * (size >= state.threshold)
        return torch.where(state.threshold < 0, largest(output, self.k), above)


SPARSITIES: dict[str, type[Sparsity]] = {
    "l1": L1,
    "l2": L2,
    "kl": KL,
    "topk": TopK,
    "batch_topk": BatchTopK,
}


def largest(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return the k values of each row with the largest absolute values, zeros elsewhere."""
    index = torch.topk(values.abs(), k, dim=1, sorted=False).indices
    return torch.zeros_like(values).scatter(1, index, values.gather(1, index))


def column_norms(forward_pass: ForwardPass) -> torch.Tensor:
    """Return the norms of the columns of the decoder's weights that multiply the code.

    The norms are divided by the root of the number of features, so that a value of the code times
    its norm is its effect on the reconstruction, as a root mean square over the features.
    """
    weights = forward_pass.code_weights()
    if not weights:
        raise ValueError(
            "This penalty of Sparse weights each value of the code by the decoder weights that "
            "multiply it, but this decoder does not begin with a linear layer: let it begin with "
            "torch.nn.Linear(n_components, ...), or use penalty='topk'."
        )
    squares = reduce(torch.add, (weight.square().sum(0) for weight in weights))
    # The small number keeps the gradient of the root finite for columns of zeros.
    return torch.sqrt(squares / forward_pass.target.shape[1] + _TINY)


def bernoulli_divergence(target: float, mean: torch.Tensor) -> torch.Tensor:
    """Return KL(target || mean) of Bernoulli distributions, elementwise."""
    return target * torch.log(target / mean) + (1 - target) * torch.log((1 - target) / (1 - mean))
