"""The contractive kind."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from skae._utils.checks import check_choice, check_number, is_auto
from skae.corruptions import CorruptionLike
from skae.kinds.interface import ForwardPass, Setting
from skae.kinds.kind import Kind

# Largest code for which jacobian="auto" computes one gradient for each value of the code.
_EXACT_SIZE = 8
# Lower limit of the variance of a value of the code.
_SMALLEST_VARIANCE = 1e-6
# Smallest batch whose own variance is a good enough estimate.
_ENOUGH_ROWS = 8
# A batch of this many rows has weight one half in the running moments.
_MEMORY = 100


class CodeMoments(torch.nn.Module):
    """Running mean and variance of a code, for batches too small to estimate their own.

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
        """Return the variances over the batch, or the running variances if the batch is small.

        In both cases the result scales with `code` in the gradient too, so that rescaling the code
        does not change the penalty.
        """
        mean = self.mean.clone()
        if self.training:
            # Under autocast, codes are in half precision; the moments are not.
            self._note(code.detach().to(self.mean.dtype))
        if len(code) >= _ENOUGH_ROWS:
            return code.var(0, correction=0).clamp_min(_SMALLEST_VARIANCE)
        square = (code - mean).square().mean(0).clamp_min(_SMALLEST_VARIANCE)
        return self.variance.clone() * square / square.detach()

    def _note(self, code: torch.Tensor) -> None:
        weight = len(code) / (len(code) + _MEMORY)
        square = (code - self.mean).square().mean(0)
        self.mean.lerp_(code.mean(0), weight)
        self.variance.lerp_(square, weight).clamp_min_(_SMALLEST_VARIANCE)


class Contractive(Kind):
    r"""Contractive autoencoder: small changes of the input change the latent code little.

    The penalty that is added to the loss of each sample is

    .. math:: \text{weight} \cdot \lVert J(x) \rVert_F^2, \qquad
              J_{ij}(x) = \frac{1}{s_i} \frac{\partial z_i}{\partial x_j},

    where :math:`J(x)` is the Jacobian of the encoder at `x` (Rifai et al. [1]_), with the code in
    units of its standard deviations :math:`s_i` over the batch (running standard deviations for
    batches of fewer than 8 rows). Without these units, shrinking the code and enlarging the
    decoder's weights would reduce the penalty without making the code more robust; Rifai et al.
    tie the weights to prevent this. The derivatives are those of the encoder in evaluation mode,
    for any architecture, with respect to features divided by the root of their mean variance.

    Parameters
    ----------
    weight : float, default=0.1
        Weight of the penalty.

    jacobian : {"auto", "exact", "projected"}, default="auto"
        "exact" computes one gradient for each value of the code. "projected" estimates the norm
        with a single gradient, :math:`\lVert J^T v \rVert^2` with random signs `v`, an unbiased
        estimator (Hutchinson [2]_). "auto" is exact for codes of up to 8 values.

    corruption : None, str, Corruption or callable, default=None
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`.

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

    added_term = "contraction"

    def __init__(
        self, weight: float = 0.1, jacobian: str = "auto", corruption: CorruptionLike = None
    ):
        self.weight = weight
        self.jacobian = jacobian
        self.corruption = corruption

    def check(self, setting: Setting) -> None:
        """Refuse a negative `weight` and an unknown `jacobian`."""
        check_number(self.weight, "weight of Contractive", low=0)
        check_choice(self.jacobian, "jacobian of Contractive", ("auto", "exact", "projected"))

    def new_state(self, n_components: int) -> CodeMoments:
        """Return the running moments of the code."""
        return CodeMoments(n_components)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the squared Frobenius norm of the Jacobian at each row, times `weight`."""
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
        """Yield the factors of the code: unit vectors, or random signs for each row."""
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
        """Return the squared norm of the gradient of ``weights @ code`` at each row.

        The code of a row depends on that row alone, so the gradient of the sum over all rows
        contains the gradient of each.
        """
        (gradient,) = torch.autograd.grad(
            (weights * code).sum(), rows, create_graph=differentiable, retain_graph=True
        )
        return gradient.square().sum(1)
