"""The classes that a file may name. Nothing is imported by a name in a file."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sklearn.base import BaseEstimator

from skae._data.scaling import Scaling
from skae._detection.calibration import Calibration, HeldOut
from skae._detection.ensemble import Ensemble, Member
from skae._generation.code_density import CodeDensity
from skae._imputation.imputation import Imputation
from skae._network.fitted_network import FittedNetwork
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae._persistence.checks import (
    Check,
    array,
    choice,
    dictionary,
    either,
    finite,
    instance,
    integer,
    number,
    sequence,
)
from skae.architectures import Architecture, Convolutional, Custom, Dense, Recurrent, Transformer
from skae.corruptions import (
    Corruption,
    FunctionCorruption,
    Gaussian,
    Masking,
    Missing,
    Occlusion,
    SaltAndPepper,
    Swap,
)
from skae.kinds import (
    Compressive,
    Contractive,
    Denoising,
    Kind,
    Overcomplete,
    Sparse,
    Undercomplete,
    Variational,
)
from skae.losses import BCE, MAE, MSE, FunctionLoss, Huber, Loss
from skae.scores import Elbo, Joint, Latent, Reconstruction, Residual, Score
from skae.scores.scatter import Scatter

# What a user may write a class of.
BASES = (Architecture, Corruption, Kind, Loss, Score)

# Rebuilt by their parameters.
PARTS: dict[str, type[BaseEstimator]] = {
    "Convolutional": Convolutional,
    "Custom": Custom,
    "Dense": Dense,
    "Recurrent": Recurrent,
    "Transformer": Transformer,
    "Compressive": Compressive,
    "Contractive": Contractive,
    "Denoising": Denoising,
    "Overcomplete": Overcomplete,
    "Sparse": Sparse,
    "Undercomplete": Undercomplete,
    "Variational": Variational,
    "BCE": BCE,
    "FunctionLoss": FunctionLoss,
    "Huber": Huber,
    "MAE": MAE,
    "MSE": MSE,
    "FunctionCorruption": FunctionCorruption,
    "Gaussian": Gaussian,
    "Masking": Masking,
    "Missing": Missing,
    "Occlusion": Occlusion,
    "SaltAndPepper": SaltAndPepper,
    "Swap": Swap,
    "Elbo": Elbo,
    "Joint": Joint,
    "Latent": Latent,
    "Reconstruction": Reconstruction,
    "Residual": Residual,
}

# What a fit leaves on parts.
FITTED_PARTS: dict[str, dict[str, Check]] = {
    "Joint": {"residual_scatter_": instance(Scatter), "code_scatter_": instance(Scatter)},
    "Latent": {"scatter_": instance(Scatter)},
    "Residual": {"scatter_": instance(Scatter)},
}


@dataclass(frozen=True)
class Record:
    """A class that is rebuilt by its fields, and what each of them must be."""

    built_by: type
    fields: dict[str, Check]


_SCALE = either(number(positive=True), array("f", "n_features", check=finite(positive=True)))

RECORDS: dict[str, Record] = {
    "Calibration": Record(Calibration, {"groups": sequence(list, instance(HeldOut))}),
    "CodeDensity": Record(
        CodeDensity, {"codes": array("f", "n_codes", "n_components", check=finite())}
    ),
    "Ensemble": Record(Ensemble, {"members": sequence(list, instance(Member))}),
    "FittedNetwork": Record(
        FittedNetwork,
        {"spec": instance(NetworkSpec), "weights": dictionary(str, array("fiub", ...))},
    ),
    "NetworkSpec": Record(
        NetworkSpec,
        {
            "kind": instance(Kind),
            "architecture": instance(Architecture),
            "loss": instance(Loss),
            "n_features": integer(1),
            "n_components": integer(1),
            "linear_path": instance(bool),
            "scaling": instance(Scaling),
            "precision": choice("auto", "float32", "float64", "bfloat16"),
            "filling_rank": either(None, integer(1)),
            "head": either(None, instance(HeadPlan)),
        },
    ),
    "HeadPlan": Record(
        HeadPlan,
        {
            "n_classes": integer(1),
            "hidden_layer_sizes": sequence(tuple, integer(1), least=0),
            "weight": number(positive=True),
        },
    ),
    "HeldOut": Record(
        HeldOut,
        {
            "members": sequence(tuple, integer(0)),
            "scores": array("f", "n_rows", check=finite(ascending=True)),
        },
    ),
    "Imputation": Record(
        Imputation,
        {
            "networks": sequence(list, instance(FittedNetwork)),
            "error_ratio": either(None, array("f", "n_features", check=finite())),
        },
    ),
    "Member": Record(Member, {"network": instance(FittedNetwork), "score": instance(Score)}),
    "Scaling": Record(
        Scaling,
        {
            "centre": array("f", "n_features", check=finite()),
            "scale": _SCALE,
            "limit": number(positive=True, finite=False),
        },
    ),
    "Scatter": Record(
        Scatter,
        {
            "mean": array("d", "n_columns", check=finite()),
            "axes": array("d", "n_columns", "n_axes", check=finite()),
            "eigenvalues": array("d", "n_axes", check=finite(positive=True)),
            "rest": number(positive=True),
        },
    ),
}

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    optimizer.__name__: optimizer
    for optimizer in (
        torch.optim.ASGD,
        torch.optim.Adadelta,
        torch.optim.Adagrad,
        torch.optim.Adam,
        torch.optim.AdamW,
        torch.optim.Adamax,
        torch.optim.NAdam,
        torch.optim.RAdam,
        torch.optim.RMSprop,
        torch.optim.Rprop,
        torch.optim.SGD,
    )
}


def parameters_of(part: BaseEstimator) -> dict:
    """Return the parameters of a part or an estimator by name, not those of its parts."""
    return part.get_params(deep=False)
