"""
Heart beats: which ones are unlike, and where
=============================================

A detector that was trained on normal heart beats judges new ones: how unlikely each is among normal
beats, which to send to a physician, and in which part of the beat it differs. The beats are
simulated: sums of five waves, with a little noise.
"""

# %%
# Simulated beats
# ---------------
# A beat has the waves P, Q, R, S and T of an electrocardiogram, each a bell curve with a place, a
# height and a width. Beats differ in their pace, in where they begin, and in the heights and widths
# of the waves. Of the abnormal ones, a third has no P wave, a third wide QRS waves, and a third a T
# wave upside down.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor

from skae import AutoencoderOutlierDetector
from skae.architectures import Convolutional

N_STEPS = 48
PLACES = np.array([0.25, 0.42, 0.46, 0.50, 0.70])
HEIGHTS = np.array([0.15, -0.15, 1.0, -0.3, 0.3])
WIDTHS = np.array([0.035, 0.016, 0.018, 0.018, 0.055])
CHANGES = {
    "normal": {},
    "no P wave": {"height": np.array([0, 1, 1, 1, 1])},
    "wide QRS": {"width": np.array([1, 2, 2, 2, 1])},
    "T upside down": {"height": np.array([1, 1, 1, 1, -1])},
}


def beats(n_beats, rng, *, height=1.0, width=1.0):
    """Return beats of shape (n_beats, n_steps, 1), with waves of changed height and width."""
    place = 0.46 + (PLACES - 0.46) * rng.uniform(0.85, 1.15, size=(n_beats, 1))
    place = place + rng.uniform(-0.12, 0.12, size=(n_beats, 1))
    height = height * HEIGHTS * rng.normal(1, 0.1, size=(n_beats, 5))
    width = width * WIDTHS * rng.normal(1, 0.08, size=(n_beats, 5))
    time = np.linspace(0, 1, N_STEPS)[:, None, None]
    waves = height * np.exp(-0.5 * ((time - place) / width) ** 2)
    noise = rng.normal(0, 0.03, size=(N_STEPS, n_beats))
    return (waves.sum(2) + noise).T[:, :, None]


rng = np.random.default_rng(0)
X_train = beats(2000, rng)
sorts = np.repeat(list(CHANGES), [900, 20, 20, 20])
X_test = np.concatenate([beats((sorts == name).sum(), rng, **CHANGES[name]) for name in CHANGES])
abnormal = sorts != "normal"

# %%
# Detectors of novelties
# ----------------------
# ``novelty=True`` says that all training rows are normal. Dense layers take the 48 steps as so many
# features; convolutions look for the same things wherever they are. ``standardize=False`` keeps the
# steps of a series in the unit that they share.
detectors = {
    "forest": IsolationForest(random_state=0),
    "local outlier factor": LocalOutlierFactor(novelty=True),
    "dense": AutoencoderOutlierDetector(novelty=True, standardize=False, random_state=0),
    "convolutional": AutoencoderOutlierDetector(
        architecture=Convolutional(channels=(16, 32)),
        novelty=True,
        standardize=False,
        random_state=0,
    ),
}
import time
for name, detector in detectors.items():
  for kw in ({}, {"standardize":True}, {"kind":"undercomplete","n_components":8}, {"scoring":"reconstruction"}, {"kind":"undercomplete","n_components":8,"scoring":"reconstruction"}):
    if kw and name in ("forest", "local outlier factor"): continue
    if kw: detector.set_params(standardize=False, kind="auto", n_components="auto", scoring="auto").set_params(**kw)
    flat = not name.startswith("convolutional")
    t0=time.time()
    detector.fit(X_train[:, :, 0] if flat else X_train)
    scores = -detector.score_samples(X_test[:, :, 0] if flat else X_test)
    found = {k: average_precision_score(abnormal[w], scores[w]) for k in list(CHANGES)[1:] for w in [(sorts == k) | ~abnormal]}
    print(name, kw, round(average_precision_score(abnormal, scores),2), {k: round(v, 2) for k, v in found.items()}, round(time.time()-t0), flush=True)
