"""The contractive kind."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from skae._utils.checks import check_choice, check_number, is_auto
from skae.corruptions import CorruptionLike
from skae.kinds.interface import ForwardPass, Setting
from skae.kinds.kind import Kind

# Up to this many values of the code, each has a gradient of its own.
_EXACT_SIZE = 8
# Variances of a value of the code below this are taken for it.
_SMALLEST_VARIANCE = 1e-6
# Rows in a batch from which their variance says enough.
_ENOUGH_ROWS = 8
# Rows that make half of a running mean.
_MEMORY = 100


class CodeMoments(torch.nn.Module):
    """The running mean and variance of a code, for batches of too few rows.

    Parameters
    ----------
    n_components : int
        Size of the code.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, n_components: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_components))
        self.register_buffer("variance", torch.ones(n_components))

    def variance_of(self, code: torch.Tensor) -> torch.Tensor:
        """Return the variances over a batch, or over the batches so far where it is small.

        Either way, the gradient is such that a code of another scale has the same penalty.
        """
        mean = self.mean.clone()
        if self.training:
            # Under autocast codes are in half precision, the moments never are.
            self._note(code.detach().to(self.mean.dtype))
        if len(code) >= _ENOUGH_ROWS:
            return code.var(0, correction=0).clamp_min(_SMALLEST_VARIANCE)
        square = (code - mean).square().mean(0).clamp_min(_SMALLEST_VARIANCE)
        return self.variance.clone() * square / square.detach()

    def _note(self, code: torch.Tensor) -> None:
        share = len(code) / (len(code) + _MEMORY)
        square = (code - self.mean).square().mean(0)
        self.mean.lerp_(code.mean(0), share)
        self.variance.lerp_(square, share).clamp_min_(_SMALLEST_VARIANCE)


class Contractive(Kind):
    r"""A code that moves little when the data move a little.

    Added to the loss of each sample is

    .. math:: \text{weight} \cdot \lVert J(x) \rVert_F^2, \qquad
              J_{ij}(x) = \frac{1}{s_i} \frac{\partial z_i}{\partial x_j},

    the Jacobian of the encoder at `x` (Rifai et al. [1]_), with the code counted in units of its
    standard deviations :math:`s_i` over the batch (over the batches so far, where a batch has
    fewer than 8 rows): otherwise a smaller code with a larger decoder
    would pay less and be no more robust, which Rifai et al. prevent by tying the weights. The
    derivatives are those of the encoder in evaluation mode, whatever it is made of, with respect
    to features divided by the root of their mean variance.

    Parameters
    ----------
    weight : float, default=0.1
        Weight of the penalty.

    jacobian : {"auto", "exact", "projected"}, default="auto"
        "exact" computes a gradient for each value of the code. "projected" estimates the norm by
        a single one, :math:`\lVert J^T v \rVert^2` with random signs `v`, which is right on
        average (Hutchinson [2]_). "auto" is exact for codes of up to 8 values.

    corruption : None, str, Corruption or callable, default=None
        What is done in training to the rows that the encoder is shown, see
        :mod:`skae.corruptions`.

    References
    ----------
    .. [1] S. Rifai, P. Vincent, X. Muller, X. Glorot and Y. Bengio, "Contractive auto-encoders:
       explicit invariance during feature extraction", ICML 2011.
    .. [2] M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix for
       Laplacian smoothing splines", Communications in Statistics 19(2), 1990.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.kinds import Contractive
    >>> X = load_iris().data
    >>> ae = AutoencoderTransformer(n_components=2, kind=Contractive(weight=1.0), max_epochs=5)
    >>> ae.fit_transform(X).shape
    (150, 2)
    """

    def __init__(
        self, weight: float = 0.1, jacobian: str = "auto", corruption: CorruptionLike = None
    ):
        self.weight = weight
        self.jacobian = jacobian
        self.corruption = corruption

    def check(self, setting: Setting) -> None:
        """Refuse a negative weight and an unknown way to the Jacobian."""
        check_number(self.weight, "weight of Contractive", low=0)
        check_choice(self.jacobian, "jacobian of Contractive", ("auto", "exact", "projected"))

    def new_state(self, n_components: int) -> CodeMoments:
        """Return the running moments of the code."""
        return CodeMoments(n_components)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the squared norm of the Jacobian at each row, times the weight."""
        if self.weight == 0:
            return None
        inverse = forward_pass.state.variance_of(forward_pass.code).rsqrt()
        differentiable = torch.is_grad_enabled()
        with torch.enable_grad():
            rows = forward_pass.shown.detach().requires_grad_()
            code = forward_pass.encode(rows)
            norms = sum(
                self._squared_gradient(code, rows, direction * inverse, differentiable)
                for direction in self._directions(code, forward_pass.generator)
            )
        return self.weight * forward_pass.features.deviation.square().mean() * norms

    def _directions(
        self, code: torch.Tensor, generator: torch.Generator | None
    ) -> Iterator[torch.Tensor]:
        """Yield what the code is multiplied by: unit vectors, or random signs for each row."""
        n_components = code.shape[1]
        exact = self.jacobian == "exact" or (is_auto(self.jacobian) and n_components <= _EXACT_SIZE)
        if exact or generator is None:
            yield from torch.eye(n_components, dtype=code.dtype, device=code.device)
        else:
            signs = torch.randint(0, 2, code.shape, generator=generator, device=code.device)
            yield (2 * signs - 1).to(code.dtype)

    @staticmethod
    def _squared_gradient(
        code: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor, differentiable: bool
    ) -> torch.Tensor:
        """Return the squared length of the gradient of ``weights @ code`` at each row.

        The rows do not touch each other in the encoder, so the gradient of the sum over the rows
        holds the gradient of each.
        """
        (gradient,) = torch.autograd.grad(
            (weights * code).sum(), rows, create_graph=differentiable, retain_graph=True
        )
        return gradient.square().sum(1)
