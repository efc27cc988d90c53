"""The reconstruction losses, one file each.

``LOSSES`` holds every loss by its name; ``loss="mse"`` means ``loss=MSE()``.
"""

from skae.losses.bce import BCE
from skae.losses.by_column import ByColumn
from skae.losses.categorical_cross_entropy import CategoricalCrossEntropy
from skae.losses.column_loss import ColumnLoss
from skae.losses.cumulative_logits import CumulativeLogits
from skae.losses.function import FunctionLoss
from skae.losses.huber import Huber
from skae.losses.loss import Loss
from skae.losses.mae import MAE
from skae.losses.mse import MSE
from skae.losses.multinomial import Multinomial
from skae.losses.poisson import Poisson

LOSSES: dict[str, type[Loss]] = {
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "bce": BCE,
    "multinomial": Multinomial,
}

# Losses of columns that are no plain number.
COLUMN_LOSSES: dict[str, type[ColumnLoss]] = {
    "categorical_cross_entropy": CategoricalCrossEntropy,
    "cumulative_logits": CumulativeLogits,
    "poisson": Poisson,
}

__all__ = [
    "BCE",
    "COLUMN_LOSSES",
    "LOSSES",
    "MAE",
    "MSE",
    "ByColumn",
    "CategoricalCrossEntropy",
    "ColumnLoss",
    "CumulativeLogits",
    "FunctionLoss",
    "Huber",
    "Loss",
    "Multinomial",
    "Poisson",
]
