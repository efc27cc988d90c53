"""What skorch's nets can be asked for by callbacks: predictions and scores of scaled rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.metrics import accuracy_score, r2_score
from skorch import NeuralNet
from skorch.utils import to_device

from skae._training.shown_rows import row_batches


class PredictingNet(NeuralNet):
    """A net that predicts as the fitted network would, also in the middle of a training.

    Rows and reconstructions are scaled. A network with a head predicts numbers of classes.
    """

    def infer(self, x: torch.Tensor, **fit_params: Any) -> torch.Tensor:
        """Return the reconstructions of scaled rows, or the logits of the classes."""
        code = self.module_.encode(x)
        head = self.module_.head
        return self.module_.decode(code) if head is None else head(code)

    def forward_iter(
        self, X: Any, training: bool = False, device: str = "cpu"
    ) -> Iterator[torch.Tensor]:
        """Yield the predictions for scaled rows, batch by batch."""
        was_training = self.module_.training
        for rows in self._rows(X):
            self._set_training(training)
            with torch.set_grad_enabled(training):
                predicted = self.infer(rows)
            self._set_training(was_training)
            yield to_device(predicted, device=device)

    def predict(self, X: Any) -> np.ndarray:
        """Return the reconstructions of scaled rows, or the numbers of their classes."""
        predicted = self.predict_proba(X)
        return predicted if self.module_.head is None else predicted.argmax(axis=1)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the fraction of the variance that is explained, or the accuracy."""
        if self.module_.head is not None:
            return float(accuracy_score(y, self.predict(X)))
        rows = [self.module_.filled(part).cpu().numpy() for part in self._rows(X)]
        return float(
            r2_score(np.concatenate(rows), self.predict(X), multioutput="variance_weighted")
        )

    def _rows(self, X: Any) -> Iterator[torch.Tensor]:
        weights = next(self.module_.parameters())
        return row_batches(X, weights.device, weights.dtype)
