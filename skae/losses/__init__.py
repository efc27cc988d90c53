"""The reconstruction losses, one file each.

``LOSSES`` holds every loss by its name; ``loss="mse"`` means ``loss=MSE()``.
"""

from skae.losses.bce import BCE
from skae.losses.function import FunctionLoss
from skae.losses.huber import Huber
from skae.losses.loss import Loss
from skae.losses.mae import MAE
from skae.losses.mse import MSE
from skae.losses.multinomial import Multinomial

LOSSES: dict[str, type[Loss]] = {
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "bce": BCE,
    "multinomial": Multinomial,
}

__all__ = ["BCE", "LOSSES", "MAE", "MSE", "FunctionLoss", "Huber", "Loss", "Multinomial"]
