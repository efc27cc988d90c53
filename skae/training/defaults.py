"""What the "auto" of the training parameters stands for."""

from __future__ import annotations

# Batches in a whole training, and the fewest and most epochs they make.
_N_BATCHES, _FEWEST_EPOCHS, _MOST_EPOCHS = 1500, 10, 200


def auto_batch_size(n_samples: int) -> int:
    """A tenth of the rows, at least 16 and at most 256."""
    return min(256, max(16, n_samples // 10))


def auto_epochs(n_samples: int, batch_size: int) -> int:
    """As many epochs as make about 1,500 batches, at least 10 and at most 200."""
    per_epoch = max(1, round(n_samples / batch_size))
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, _N_BATCHES // per_epoch))


def auto_learning_rate(batch_size: int) -> float:
    """0.005 for batches of 256, less for smaller ones by the root of their size."""
    return 0.005 * (batch_size / 256) ** 0.5
