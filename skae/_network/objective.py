"""The objective of each row, and the terms that it is the sum of."""

from __future__ import annotations

from typing import NamedTuple

import torch

# Names of terms, next to those that kinds give theirs.
RECONSTRUCTION, CROSS_ENTROPY = "reconstruction", "cross_entropy"


class Objective(NamedTuple):
    """The objective of each row, and its terms.

    Parameters
    ----------
    losses : torch.Tensor of shape (n_samples,)
        The objective of each row.

    terms : dict of str to torch.Tensor of shape (n_samples,)
        Terms that add up to `losses`, by name; if there is one only, it is `losses` itself.
    """

    losses: torch.Tensor
    terms: dict[str, torch.Tensor]

    @classmethod
    def of(
        cls, reconstruction: torch.Tensor, name: str | None, added: torch.Tensor | None
    ) -> Objective:
        """Return the sum of a reconstruction loss and the term of a kind.

        Parameters
        ----------
        reconstruction : torch.Tensor of shape (n_samples,)
            The reconstruction loss.

        name : str or None
            Name of the term; None if the kind has none.

        added : torch.Tensor of shape (n_samples,) or None
            The term; None is zero.
        """
        if name is None:
            return cls(reconstruction, {RECONSTRUCTION: reconstruction})
        if added is None:
            zero = torch.zeros_like(reconstruction)
            return cls(reconstruction, {RECONSTRUCTION: reconstruction, name: zero})
        return cls(reconstruction + added, {RECONSTRUCTION: reconstruction, name: added})

    def mixed(self, cross_entropy: torch.Tensor, weight: float, n_features: int) -> Objective:
        """Return ``(1 - weight) * losses / n_features + weight * cross_entropy``.

        Parameters
        ----------
        cross_entropy : torch.Tensor of shape (n_samples,)
            The cross-entropy of the classes.

        weight : float
            Its weight, in (0, 1].

        n_features : int
            Number of features that `losses` are sums over; 1 for means.
        """
        share = (1 - weight) / n_features
        terms = {name: share * term.detach() for name, term in self.terms.items()}
        losses = (1 - weight) * (self.losses / n_features) + weight * cross_entropy
        return Objective(losses, {**terms, CROSS_ENTROPY: weight * cross_entropy.detach()})
