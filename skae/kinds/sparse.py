"""The sparse kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from skae._utils.checks import (
    check_boolean,
    check_choice,
    check_number,
    check_size,
    is_auto,
)
from skae.architectures.layers import TiedLinear
from skae.corruptions import CorruptionLike
from skae.kinds.interface import CodeSummary, ForwardPass, LinearStart, Setting
from skae.kinds.kind import Kind
from skae.kinds.pursuit import subspace_pursuit
from skae.kinds.sparsity import SPARSITIES, Sparsity, SparsityState

# Fraction of the units that are active with k="auto". As many components of PCA explain less.
_AUTO_FRACTION = 0.25
# The largest code that n_components="auto" chooses.
_MOST_COMPONENTS = 256
# Pursuit steps: more than two explained hardly any additional variance.
_AUTO_PURSUIT = 2


class Sparse(Kind):
    r"""Sparse autoencoder: a latent code with few active values for each sample.

    With the code `z` and the columns :math:`w_i` of the decoder's weight matrix, the penalty that
    is added to the loss of each sample, times `weight`, is

    ================ ===========================================================================
    ``"l1"``         :math:`\sum_i |z_i| \, \lVert w_i \rVert / \sqrt{d}`
    ``"l2"``         :math:`\sum_i z_i^2 \, \lVert w_i \rVert^2 / d`
    ``"kl"``         :math:`\sum_i \rho \log \frac{\rho}{\hat\rho_i} + (1 - \rho) \log \frac{1 -
                     \rho}{1 - \hat\rho_i}`, with activations in (0, 1), their means
                     :math:`\hat\rho_i` over the batch, and :math:`\rho` = `target_activation` [1]_
    ``"topk"``       none: the `k` largest values of each sample are kept, the others are zero
                     [2]_ [3]_
    ``"batch_topk"`` none: the `k n` largest values of a batch of `n` samples are kept, so the
                     number varies between samples; in inference, the values above the mean
                     threshold are kept [4]_
    ================ ===========================================================================

    The column norms make the penalty independent of the scale of the code: a smaller code with
    larger decoder weights has the same penalty. "Largest" refers to absolute values, since codes
    have signs, as in dictionary learning. "l1" applies soft thresholding at 0.1 to the code.

    Under "topk" and "batch_topk", dead units, those inactive for 2,000 training rows, are
    revived by an auxiliary loss with a weight of 1/32: the error of reconstructing the residual
    of the other units from the dead ones [3]_.

    Parameters
    ----------
    penalty : {"l1", "l2", "kl", "topk", "batch_topk"}, default="batch_topk"
        How the code is made sparse. With default settings, "l1" leaves most values active.

    weight : float or "auto", default="auto"
        Weight of the penalty of "l1" (auto: 0.03), "l2" (0.1) and "kl" (0.1).

    target_activation : float in (0, 1), default=0.05
        Desired mean activation of each unit under "kl".

    k : int or "auto", default="auto"
        Number of active values under "topk", for each sample, and "batch_topk", on average.
        "auto" means a quarter of the code, at least 1.

    linear_decoder : bool, default=False
        Whether the decoder is ``W z + c`` alone, so that each reconstruction is a combination of
        few dictionary elements, as in dictionary learning. Otherwise the decoder also has the
        architecture's nonlinear part.

    pursuit_steps : int or "auto", default="auto"
        Number of steps of subspace pursuit [5]_. ``transform`` and ``reconstruct`` use it to
        improve the encoder's choice of the `k` active values, and compute these by least squares.
        Only for "topk" with ``linear_decoder=True``, where "auto" means 2; otherwise "auto" means
        0. With 0, codes are those of the encoder.

    sparse_output : bool, default=False
        Whether ``transform`` returns a scipy CSR matrix. Not available for "l2" and "kl", whose
        codes have no zeros.

    corruption : None, str, Corruption or callable, default=None
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`.

    Notes
    -----
    The fitted estimator has ``sparsity_``, the fraction of zeros in the codes of the training rows
    (under "kl", of values not above `target_activation`); ``dead_units_``, the units that no
    training row activates; and ``dictionary_``, of shape (n_components, n_features), the
    decoder's direction of each unit in units of `X`: the change in the reconstruction when this
    unit is one and all others are zero.

    References
    ----------
    .. [1] A. Ng,
       "Sparse autoencoder", CS294A lecture notes, Stanford 2011.
    .. [2] A. Makhzani and B. Frey,
       "k-sparse autoencoders", ICLR 2014.
    .. [3] L. Gao et al.,
       "Scaling and evaluating sparse autoencoders", 2024.
    .. [4] B. Bussmann, P. Leask and N. Nanda,
       "BatchTopK sparse autoencoders", 2024.
    .. [5] W. Dai and O. Milenkovic, "Subspace pursuit for compressive sensing signal
       reconstruction", IEEE Transactions on Information Theory 55(5), 2009.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.kinds import Sparse
    >>> X = load_digits().data
    >>> kind = Sparse(penalty="topk", k=5, sparse_output=True)
    >>> ae = AutoencoderTransformer(100, kind=kind, max_epochs=5, random_state=0).fit(X)
    >>> codes = ae.transform(X)
    >>> codes.shape, codes.nnz // len(X)
    ((1797, 100), 5)
    >>> ae.sparsity_
    0.95
    >>> ae.dictionary_.shape
    (100, 64)
    """

    linear_code = False
    fits_decoder = True
    added_term = "sparsity"

    def __init__(
        self,
        penalty: str = "batch_topk",
        weight: float | str = "auto",
        target_activation: float = 0.05,
        k: int | str = "auto",
        linear_decoder: bool = False,
        pursuit_steps: int | str = "auto",
        sparse_output: bool = False,
        corruption: CorruptionLike = None,
    ):
        self.penalty = penalty
        self.weight = weight
        self.target_activation = target_activation
        self.k = k
        self.linear_decoder = linear_decoder
        self.pursuit_steps = pursuit_steps
        self.sparse_output = sparse_output
        self.corruption = corruption

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return the number of features, at most 256."""
        return min(n_features, _MOST_COMPONENTS)

    def n_axes(self, n_components: int, n_features: int) -> int:
        """Return `n_components` if the code is not larger than the data, otherwise 0."""
        return n_components if n_components <= n_features else 0

    def takes_linear_path(self, n_components: int, n_features: int) -> bool:
        """Return True: few values are active, whatever the size of the code."""
        return True

    def check(self, setting: Setting) -> None:
        """Refuse parameters out of range."""
        check_choice(self.penalty, "penalty of Sparse", SPARSITIES)
        if not is_auto(self.weight):
            check_number(self.weight, "weight of Sparse", low=0)
        check_number(
            self.target_activation,
            "target_activation of Sparse",
            low=0,
            high=1,
            open_low=True,
            open_high=True,
        )
        if not is_auto(self.k):
            reason = f", as the code has {setting.n_components} values"
            check_size(self.k, "k of Sparse", low=1, high=setting.n_components, reason=reason)
        check_boolean(self.linear_decoder, "linear_decoder of Sparse")
        check_boolean(self.sparse_output, "sparse_output of Sparse")
        if not is_auto(self.pursuit_steps):
            check_size(self.pursuit_steps, "pursuit_steps of Sparse", low=0, high=1000)
            if self.pursuit_steps and not self._can_pursue():
                raise ValueError(
                    f"pursuit_steps={self.pursuit_steps} of Sparse needs penalty='topk' and "
                    f"linear_decoder=True, got penalty={self.penalty!r} and "
                    f"linear_decoder={self.linear_decoder!r}: give both, or pursuit_steps='auto'."
                )
        if self.sparse_output and not SPARSITIES[self.penalty].has_zeros:
            raise ValueError(
                f"sparse_output=True of Sparse has no benefit with penalty={self.penalty!r}, whose "
                f"codes have no zeros: use penalty='l1', 'topk' or 'batch_topk'."
            )

    def _sparsity(self, n_components: int) -> Sparsity:
        sparsity = SPARSITIES[self.penalty]
        return sparsity(
            weight=sparsity.auto_weight if is_auto(self.weight) else float(self.weight),
            target_activation=self.target_activation,
            k=max(1, round(_AUTO_FRACTION * n_components)) if is_auto(self.k) else int(self.k),
        )

    def _can_pursue(self) -> bool:
        return self.penalty == "topk" and self.linear_decoder

    def refined(
        self, code: torch.Tensor, X: torch.Tensor, decoder: nn.Linear | TiedLinear
    ) -> torch.Tensor:
        """Return codes with as many active values and smaller reconstruction errors."""
        automatic = _AUTO_PURSUIT if self._can_pursue() else 0
        n_steps = automatic if is_auto(self.pursuit_steps) else int(self.pursuit_steps)
        if n_steps == 0:
            return code
        k = self._sparsity(code.shape[1]).k
        return subspace_pursuit(code, X - decoder.bias, decoder.weight, k, n_steps)

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        """Return the initial linear path, which depends on the penalty."""
        return self._sparsity(len(deviations)).start(deviations)

    def new_state(self, n_components: int) -> SparsityState:
        """Return the statistics of the training that the penalties need."""
        return SparsityState(n_components)

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the sparse code."""
        return self._sparsity(encoder_output.shape[1]).code(encoder_output, state)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the penalty on the code, or the auxiliary loss of dead units."""
        return self._sparsity(forward_pass.code.shape[1]).penalty(forward_pass)

    def active(self, code: torch.Tensor) -> torch.Tensor:
        """Return a mask of the active values of codes."""
        return self._sparsity(code.shape[1]).active(code)

    def attributes(self, summary: CodeSummary) -> dict[str, Any]:
        """Return the fraction of zeros, the dead units and the dictionary."""
        return {
            "sparsity_": float(1 - summary.active_fraction.mean()),
            "dead_units_": np.flatnonzero(summary.active_fraction == 0),
            "dictionary_": summary.directions(),
        }
