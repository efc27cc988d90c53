"""Comparison of ONNX graphs with the exported methods.

``python benchmarks/onnx_parity.py`` prints the largest difference for every estimator, kind,
architecture, loss, score and method; ``--only TEXT`` selects those whose name contains a text.
onnxruntime runs the graphs in batches of other sizes than the one of the export, on training rows,
on rows far outside their range, and with missing values if they are supported.
"""

from __future__ import annotations

import argparse
import itertools
import time
import warnings
from collections.abc import Iterator

import numpy as np
import onnxruntime
import torch
from machine import machine

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._network.fitted_network import arrays_of
from skae.architectures import ARCHITECTURES, Convolutional, Dense, Recurrent, Transformer
from skae.export import to_onnx
from skae.export.methods import METHODS, module_of
from skae.kinds import KINDS, Sparse
from skae.losses import LOSSES
from skae.scores import SCORES

_BATCHES = (1, 2, 7, 300)
_FAR = 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of what is compared")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(machine(), f"onnxruntime {onnxruntime.__version__}", flush=True)
    print(f"{'':58}{'method':>18}{'torch':>10}{'method':>10}{'rows off':>10}{'export, s':>10}")
    worst: dict[str, float] = {}
    for name, estimator, X in cases():
        if only in name:
            shake(estimator.fit(X, _labels(estimator, X)))
            for method in methods_of(estimator):
                line = compared(estimator, method, X)
                worst[f"{name} {method}"] = line[1]
                print(f"{name:58}{method:>18}" + "".join(f"{v:10.2g}" for v in line), flush=True)
    print(f"{len(worst)} graphs, largest difference {max(worst.values()):.2g}")


def cases() -> Iterator[tuple[str, object, np.ndarray]]:
    """Yield names, unfitted estimators, and their rows."""
    settings = {"max_epochs": 2, "random_state": 0}
    rows, incomplete = table(), table(missing_fraction=0.2)
    one = {"n_estimators": 1}

    def case(estimator, X=rows, n=3, **parameters):
        shown = [str(v).replace(" ", "") for k, v in parameters.items() if k not in one]
        name = " ".join([estimator.__name__.removeprefix("Autoencoder"), *shown])
        name += " NaN" if np.isnan(X).any() else ""
        return name, estimator(n, **parameters, **settings), X

    for kind, architecture in itertools.product(KINDS, ARCHITECTURES):
        n = 20 if kind == "overcomplete" else 3
        yield case(AutoencoderTransformer, n=n, kind=kind, architecture=architecture)
    for penalty in ("l1", "l2", "kl", "topk", "batch_topk"):
        yield case(AutoencoderTransformer, n=12, kind=Sparse(penalty, k=3))
    yield case(AutoencoderTransformer, n=24, kind=Sparse("topk", k=3, linear_decoder=True))
    for loss in LOSSES:
        X = (rows - rows.min()) / np.ptp(rows)
        yield case(AutoencoderTransformer, X, loss=loss)
    for architecture in structures():
        yield case(AutoencoderTransformer, architecture=architecture)
    for init, precision in itertools.product(["pca", "random"], ["float64", "bfloat16"]):
        yield case(AutoencoderTransformer, init=init, precision=precision)
    for architecture in ARCHITECTURES:
        yield case(AutoencoderTransformer, incomplete, architecture=architecture)
    yield case(AutoencoderTransformer, incomplete, architecture=Dense(tied_weights=True))
    for scale in (1e-6, 1e6):
        name, estimator, X = case(AutoencoderTransformer, rows * np.float32(scale))
        yield f"{name} scaled {scale:g}", estimator, X
    for kind in KINDS:
        yield case(AutoencoderOutlierDetector, n="auto", kind=kind, **one)
        yield case(AutoencoderClassifier, kind=kind)
        yield case(AutoencoderImputer, incomplete, n="auto", kind=kind, **one)
        yield case(AutoencoderRecommender, incomplete, n="auto", kind=kind, **one)
    for scoring in SCORES:
        for X in (rows, incomplete):
            kind = "variational" if scoring == "elbo" else "undercomplete"
            yield case(AutoencoderOutlierDetector, X, kind=kind, scoring=scoring, **one)
    for architecture in ARCHITECTURES:
        yield case(AutoencoderOutlierDetector, incomplete, architecture=architecture, **one)
        yield case(AutoencoderClassifier, incomplete, architecture=architecture)
        yield case(AutoencoderImputer, incomplete, n="auto", architecture=architecture, **one)
    yield case(AutoencoderOutlierDetector)  # four networks


def shake(estimator) -> None:
    """Perturb all weights, since without an improvement a network would be PCA plus zero."""
    generator = torch.Generator().manual_seed(0)
    for fitted in estimator._fitted_networks():
        network = fitted.network("cpu")
        for weights in network.parameters():
            noise = torch.randn(weights.shape, generator=generator)
            weights.add_(0.1 * noise.to(weights.dtype))
        fitted.weights = arrays_of(network.state_dict())


def structures() -> list:
    """Return architectures with other parameters than their defaults."""
    return [
        Dense((8, 8), "gelu", layer_norm=True, residual=True, dropout=0.1),
        Dense((8,), "elu", tied_weights=True),
        Dense((8,), "relu"),
        Dense((8,), "tanh"),
        Dense(()),
        Convolutional((2, 6), upsampling="nearest", downsampling="pool"),
        Convolutional((1, 3, 4)),
        Convolutional((3, 4, 1), channel_axis=-1, upsampling="nearest", downsampling="pool"),
        Convolutional((3, 4), channel_axis=None),
        Recurrent("gru"),
        Recurrent("gru", bidirectional=True, n_layers=2),
        Recurrent("lstm", (6, 2), bidirectional=True, n_layers=2, dropout=0.1),
        Transformer((2, 6)),
        Transformer((1, 3, 4), pooling="mean"),
    ]


def table(n_rows: int = 600, n_features: int = 12, missing_fraction: float = 0.0) -> np.ndarray:
    """Return correlated rows, float32, some of whose values may be missing."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(n_rows, 4)) @ rng.normal(size=(4, n_features))
    X = factors + 0.3 * rng.normal(size=factors.shape) + rng.uniform(-5, 5, n_features)
    X[rng.random(X.shape) < missing_fraction] = np.nan
    return X.astype(np.float32)


def _labels(estimator, X: np.ndarray):
    return np.nan_to_num(X[:, 0]) > np.nanmedian(X[:, 0])


def methods_of(estimator) -> list[str]:
    """Return the methods to compare, those of codes for the transformer only."""
    own = METHODS[type(estimator)]
    if isinstance(estimator, AutoencoderClassifier):
        return [method for method in own if method not in METHODS[AutoencoderTransformer]]
    return list(own)


def compared(estimator, method: str, X: np.ndarray) -> tuple[float, float, float, float]:
    """Return differences from torch and the method, the fraction of wrong rows, and seconds."""
    start = time.perf_counter()
    model = to_onnx(estimator, method)
    seconds = time.perf_counter() - start
    session = onnxruntime.InferenceSession(model.SerializeToString())
    module = module_of(estimator, method)
    rows = estimator.transform(X) if method == "inverse_transform" else X
    rows = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64}
    rows = rows.astype(dtype[session.get_inputs()[0].type])
    by_torch, by_method = [], []
    for batch in batches(rows):
        (found,) = session.run(None, {"X": batch})
        with torch.no_grad():
            tensor = module(torch.from_numpy(batch)).numpy()
        if method != "predict":
            by_torch.append(differences(found, tensor))
        expected = getattr(estimator, method)(batch)
        by_method.append(differences(found, np.asarray(expected, dtype=None)))
    off = np.concatenate(by_method) > 1e-4
    largest = max((d.max() for d in by_torch), default=0.0)
    return largest, max(d.max() for d in by_method), float(off.mean()), seconds


def batches(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield ordinary rows in batches of several sizes, and rows far outside."""
    for size in _BATCHES:
        yield rows[:size]
    yield rows[:7] * rows.dtype.type(_FAR)


def differences(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the largest difference in each row, relative to the largest expected value.

    The unit is the largest absolute expected value of the row, or its median over the rows if that
    is larger.
    """
    if found.dtype == bool or expected.dtype == bool:
        return (found != expected).reshape(len(found), -1).any(1).astype(float)
    found, expected = (a.reshape(len(a), -1).astype(np.float64) for a in (found, expected))
    size = np.abs(expected).max(1)
    size = np.maximum(size, np.median(size)) + np.finfo(np.float32).tiny
    return np.abs(found - expected).max(1) / size


if __name__ == "__main__":
    main()
