"""Test of checkpoints: kill fits at random moments until they complete, and compare the weights.

Run ``python benchmarks/kill_resume.py [n_kills] [directory]``. For each case a process fits without
a checkpoint, and others fit with one: each but the last is killed by SIGKILL at a random moment
after its first write. Weights must agree bit for bit. With ``random_state=None`` the reference fit
uses the random state of the checkpoint.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._checkpoints import checkpoint
from skae._checkpoints.checkpoint import Checkpoint
from skae.architectures import Convolutional, Recurrent
from skae.kinds import Sparse

# Write more often than by default, so that processes are killed in different states.
_SHORTEST = 0.05
_N_KILLS = 25

RNG = np.random.RandomState(0)
X = RNG.randn(800, 16) @ RNG.randn(16, 16)
FEW = X[:200]
WITH_GAPS = np.where(RNG.rand(*X.shape) < 0.2, np.nan, X)
LABELS = np.where(np.arange(800) % 4, -1, np.arange(800) // 4 % 3)

CASES = {
    "transformer, undercomplete, dense": (AutoencoderTransformer(4, max_epochs=60), (X,)),
    "transformer, folds": (AutoencoderTransformer(4, max_epochs=60), (FEW,)),
    "transformer, sparse (batch_topk), convolutional": (
        AutoencoderTransformer(
            8,
            kind=Sparse("batch_topk", k=2),
            architecture=Convolutional((1, 4, 4)),
            max_epochs=15,
        ),
        (X,),
    ),
    "transformer, variational, recurrent": (
        AutoencoderTransformer(
            4, kind="variational", architecture=Recurrent(input_shape=(8, 2)), max_epochs=10
        ),
        (X,),
    ),
    "transformer, contractive, transformer": (
        AutoencoderTransformer(4, kind="contractive", architecture="transformer", max_epochs=4),
        (X,),
    ),
    "transformer, compressive, random_state=None": (
        AutoencoderTransformer(4, kind="compressive", max_epochs=60, init="random"),
        (X,),
    ),
    "detector, 4 networks": (AutoencoderOutlierDetector(n_estimators=4, max_epochs=25), (X,)),
    "detector, folds, random_state=None": (AutoencoderOutlierDetector(max_epochs=25), (FEW,)),
    "imputer, 4 networks": (AutoencoderImputer(max_epochs=20, patience=None), (WITH_GAPS,)),
    "recommender": (AutoencoderRecommender(max_epochs=100, patience=None), (WITH_GAPS,)),
    "classifier, two phases": (AutoencoderClassifier(max_epochs=30), (X, LABELS)),
    "classifier, folds": (AutoencoderClassifier(max_epochs=40), (FEW, np.arange(200) % 3)),
}


class Slow(Callback):
    """Callback that makes small fits last long enough to be killed."""

    def on_batch_end(self, net, **kwargs):
        """Wait."""
        time.sleep(0.002)


def networks(fitted) -> list:
    if hasattr(fitted, "_fitted"):
        return [fitted._fitted]
    if hasattr(fitted, "_ensemble"):
        return [member.network for member in fitted._ensemble.members]
    return fitted._imputation.networks


def fit(name: str, path: str | None, result: Path, random) -> None:
    """Fit in a separate process, and write the weights."""
    warnings.simplefilter("ignore")
    checkpoint._SHORTEST, checkpoint._REST = _SHORTEST, 0.0
    estimator, data = CASES[name]
    estimator.set_params(checkpoint=path, random_state=random, callbacks=[Slow()])
    fitted = estimator.fit(*data)
    every = enumerate(networks(fitted))
    arrays = {f"{i}.{layer}": w for i, n in every for layer, w in n.weights.items()}
    np.savez(result, **arrays)


def killed(start, path: Path, n_kills: int) -> int:
    """Kill processes until one completes first, and return the number of killed ones."""
    moments = np.random.RandomState(0)
    for n in range(n_kills):
        before = path.stat().st_mtime_ns if path.exists() else None
        process = start()
        while process.is_alive() and (not path.exists() or path.stat().st_mtime_ns == before):
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 2 * _SHORTEST))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        if process.exitcode != -signal.SIGKILL or not path.exists():
            return n
    return n_kills


def run(name: str, n_kills: int, folder: Path) -> None:
    path, whole, resumed = folder / "fit.skae", folder / "whole.npz", folder / "resumed.npz"
    context = multiprocessing.get_context("fork")
    seed = None if name.endswith("None") else 0

    def start(path=str(path), result=resumed, random=seed):
        process = context.Process(target=fit, args=(name, path, result, random))
        process.start()
        return process

    n_killed = killed(start, path, n_kills)
    random = seed
    if seed is None and path.exists():
        random = np.random.RandomState()
        random.set_state(_random_state_of(path))
    start().join()
    start(None, whole, random).join()
    found, expected = np.load(resumed), np.load(whole)
    same = found.files == expected.files and all(
        np.array_equal(found[layer], expected[layer], equal_nan=True) for layer in found.files
    )
    left = sorted(file.name for file in folder.glob(".skae-*"))
    print(f"{name:50} killed {n_killed:3d} times: {'same' if same else 'OTHER'} weights", end="")
    print(f", {len(left)} unfinished writes left", flush=True)
    for file in folder.iterdir():
        file.unlink()


def _random_state_of(path: Path) -> dict:
    """Return the initial state of the random generator of a fit."""
    reader = object.__new__(Checkpoint)
    reader.path, reader.fingerprint = path, {}
    reader._compare = lambda other: None
    state = reader._read()["random"]
    return {**state, "state": {**state["state"], "key": state["state"]["key"].numpy()}}


if __name__ == "__main__":
    torch.set_num_threads(1)
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else _N_KILLS
    parent = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for name in CASES:
            run(name, n_kills, Path(folder))
