"""Noise of several sorts."""

from __future__ import annotations

from collections.abc import Callable

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.features import Features


class Mixed(Corruption):
    """Noise that nobody has named: each row gets one of several corruptions.

    A network that is trained on one sort of noise removes that sort alone. Trained on several, of
    every strength, it removes each of them nearly as well.

    Parameters
    ----------
    corruptions : sequence of str, Corruption or callable, \
            default=("gaussian", "gaussian", "salt_and_pepper", "masking")
        Each row gets one of them, all with the same probability. By default, half of the rows get
        Gaussian noise.
    """

    def __init__(
        self,
        corruptions: tuple[str | Corruption | Callable, ...] = (
            "gaussian",
            "gaussian",
            "salt_and_pepper",
            "masking",
        ),
    ):
        self.corruptions = corruptions

    @property
    def makes_missing(self) -> bool:  # type: ignore[override]
        """Whether one of the corruptions makes entries missing."""
        return any(corruption.makes_missing for corruption in self._resolved())

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse what is no corruption, and what each corruption refuses."""
        for corruption in self._resolved():
            corruption.check(sample_shape, channel_axis)

    def varies(self) -> bool:
        """Return True: the corruptions are of unlike strength."""
        return True

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows, each with one of the corruptions."""
        corruptions = self._resolved()
        chosen = torch.randint(
            len(corruptions), (len(X),), generator=generator, device=generator.device
        )
        shown = X.clone()
        for number, corruption in enumerate(corruptions):
            rows = torch.nonzero(chosen == number)[:, 0]
            if len(rows):
                shown[rows] = corruption.corrupt(X[rows], features, generator)
        return shown

    def _resolved(self) -> list[Corruption]:
        from skae.corruptions import resolve_corruption  # the registry holds this class, too

        given = self.corruptions
        parts = given if isinstance(given, tuple | list) else []
        resolved = [resolve_corruption(part) for part in parts]
        corruptions = [corruption for corruption in resolved if corruption is not None]
        if not corruptions or len(corruptions) < len(resolved):
            raise ValueError(
                f"corruptions of Mixed must be a tuple of names or objects of skae.corruptions, "
                f"such as ('gaussian', 'masking'), got {given!r}."
            )
        return corruptions
