"""Autoencoders of other packages, with the same layer sizes, batches and epochs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from plain_loop import layers
from sklearn.neural_network import MLPRegressor
from speed_networks import Case
from timing import seconds_of, silence
from torch import nn

# Module and pip package of each peer.
PACKAGES = {"PyOD AutoEncoder": ("pyod", "pyod"), "pythae AE": ("pythae", "pythae")}


def peers(case: Case, X: np.ndarray, device: torch.device) -> dict[str, Callable[[], float]]:
    """Return a function for each peer that fits it and returns the seconds.

    MLPRegressor computes on the CPU, and only pythae has convolutions.
    """
    fits = {}
    if installed("PyOD AutoEncoder") and case.hidden:
        fits["PyOD AutoEncoder"] = fit_pyod
    if installed("pythae AE") and (case.hidden or len(_sample_shape(case)) == 3):
        fits["pythae AE"] = fit_pythae
    if case.hidden:
        fits["MLPRegressor"] = fit_mlp
    return {name: partial(_seconds, fit, case, X, device) for name, fit in fits.items()}


def missing() -> list[str]:
    """Return a line for each peer that is not installed."""
    return [
        f"left out, since it is not installed: {name} (pip install {package})"
        for name, (_, package) in PACKAGES.items()
        if not installed(name)
    ]


def installed(name: str) -> bool:
    """Return whether the package of a peer is installed."""
    return find_spec(PACKAGES[name][0]) is not None


def _seconds(fit: Callable, case: Case, X: np.ndarray, device: torch.device) -> float:
    with silence():
        return seconds_of(partial(fit, case, X, device), device)


def fit_pyod(case: Case, X: np.ndarray, device: torch.device) -> None:
    """Fit PyOD's detector, which also scores its training rows."""
    from pyod.models.auto_encoder import AutoEncoder

    AutoEncoder(
        preprocessing=False,
        hidden_neuron_list=[*case.hidden, case.code],
        batch_norm=False,
        dropout_rate=0.0,
        lr=1e-3,
        epoch_num=case.epochs,
        batch_size=case.batch_size,
        device=device,
        random_state=0,
        verbose=0,
    ).fit(X)


def fit_mlp(case: Case, X: np.ndarray, device: torch.device) -> None:
    """Fit scikit-learn's MLPRegressor with the rows as both input and target."""
    MLPRegressor(
        hidden_layer_sizes=(*case.hidden, case.code, *reversed(case.hidden)),
        solver="adam",
        batch_size=case.batch_size,
        learning_rate_init=1e-3,
        max_iter=case.epochs,
        n_iter_no_change=10**6,
        random_state=0,
    ).fit(X, X)


def fit_pythae(case: Case, X: np.ndarray, device: torch.device) -> None:
    """Fit pythae's autoencoder by its BaseTrainer, which keeps and saves the best weights."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import AE, AEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    config = AEConfig(input_dim=_sample_shape(case), latent_dim=case.code)
    with tempfile.TemporaryDirectory() as folder:
        training = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=case.batch_size,
            num_epochs=case.epochs,
            learning_rate=1e-3,
            no_cuda=device.type != "cuda",
        )
        rows = BaseDataset(torch.from_numpy(X), torch.zeros(len(X)))
        BaseTrainer(AE(config, *_pythae_modules(case)), rows, training_config=training).train()


def _pythae_modules(case: Case) -> tuple[nn.Module, nn.Module]:
    """Return encoder and decoder for pythae."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    encoder_layers, decoder_layers = _modules(case)
    shape = _sample_shape(case)

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.layers = encoder_layers

        def forward(self, X):
            return ModelOutput(embedding=self.layers(X.reshape(-1, *shape)))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.layers = decoder_layers

        def forward(self, Z):
            return ModelOutput(reconstruction=self.layers(Z))

    return Encoder(), Decoder()


def _modules(case: Case) -> tuple[nn.Module, nn.Module]:
    """Return dense layers with ReLU, or the layers of another architecture."""
    if case.hidden:
        sizes = (case.n_features, *case.hidden, case.code)
        return layers(*sizes), layers(*reversed(sizes))
    return case.architecture.resolved(_sample_shape(case), case.rows).build(
        _sample_shape(case),
        case.code,
        n_encoder_outputs=case.code,
        generator=torch.Generator().manual_seed(0),
    )


def _sample_shape(case: Case) -> tuple[int, ...]:
    return case.architecture.sample_shape((case.n_features,))
