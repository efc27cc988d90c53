"""Script that writes the files of a version, to be kept here and loaded for ever.

    python tests/_persistence/files/write.py tests/_persistence/files/0.1.0

Run it once for a version, before the format changes; never write over files that are here.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_iris

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import Dense
from skae.corruptions import Masking
from skae.kinds import Denoising


def main(folder):
    torch.set_num_threads(1)
    folder.mkdir(parents=True)
    X, y = load_iris(return_X_y=True)
    holes = np.where(np.random.RandomState(0).rand(*X.shape) < 0.2, np.nan, X)
    ratings = np.clip(np.round(3 + np.random.RandomState(2).randn(20, 12)), 1, 5)
    ratings[np.random.RandomState(1).rand(20, 12) >= 0.4] = np.nan
    small = {"architecture": Dense(hidden_layer_sizes=(6,)), "max_epochs": 5, "random_state": 0}
    wider = {**small, "architecture": Dense(hidden_layer_sizes=(8,))}
    fitted = {
        "transformer": AutoencoderTransformer(2, kind=Denoising(Masking()), **wider).fit(X),
        "detector": AutoencoderOutlierDetector(2, n_estimators=2, **small).fit(X[::2]),
        "imputer": AutoencoderImputer(n_estimators=1, **small).fit(holes),
        "classifier": AutoencoderClassifier(2, unlabelled=-1, head_layer_sizes=(4,), **small).fit(
            X, np.where(np.arange(len(X)) % 5 == 0, y, -1)
        ),
        "recommender": AutoencoderRecommender(2, max_epochs=5, random_state=0).fit(ratings),
    }
    for name, estimator in fitted.items():
        estimator.save(folder / f"{name}.skae")
    transformer, detector, imputer, classifier, recommender = fitted.values()
    outputs = {
        "transformer": {
            "transform": transformer.transform(X[::10]),
            "reconstruct": transformer.reconstruct(X[::10]),
        },
        "detector": {
            "score_samples": detector.score_samples(X[::10]),
            "p_values": detector.p_values(X[::10]),
            "offset": np.array(detector.offset_),
        },
        "imputer": {"transform": imputer.transform(holes[::10])},
        "classifier": {"predict_proba": classifier.predict_proba(X[::10])},
        "recommender": {"predict_all": recommender.predict_all()},
    }
    lists = {n: {k: v.tolist() for k, v in of.items()} for n, of in outputs.items()}
    (folder / "expected.json").write_text(json.dumps(lists))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
