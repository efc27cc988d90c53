"""
Outlier detection in heart beats
================================

A detector that was trained on normal heart beats scores new ones: it computes p-values, selects
beats for inspection by a physician, and shows which part of a beat is abnormal. The beats are
simulated: sums of five waves, with a small amount of noise.
"""

# %%
# Simulated beats
# ---------------
# A beat consists of the waves P, Q, R, S and T of an electrocardiogram, each a bell curve with a
# position, a height and a width. Beats differ in their speed, their start, and the heights and
# widths of the waves. A third of the abnormal beats have no P wave, a third have wide QRS waves,
# and a third have an inverted T wave.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score
from sklearn.neighbors import LocalOutlierFactor

from skae import AutoencoderOutlierDetector
from skae.architectures import Convolutional
from skae.plotting import ScoreDistributionDisplay

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
# ``novelty=True`` means that all training rows are normal. Dense layers treat the 48 steps as
# separate features; convolutions detect the same patterns in all positions. ``standardize=False``
# keeps the common unit of the steps.
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
scores = {}
for name, detector in detectors.items():
    one_axis = name != "convolutional"
    detector.fit(X_train[:, :, 0] if one_axis else X_train)
    scores[name] = -detector.score_samples(X_test[:, :, 0] if one_axis else X_test)

# %%
# The average precision measures the ranking by anomaly score; it is one if all abnormal beats have
# the highest scores. The isolation forest splits on one step at a time, and misses most abnormal
# beats.


def found(name, sort):
    """Return the average precision of the abnormal beats of one type."""
    rows = (sorts == sort) | ~abnormal
    return average_precision_score(abnormal[rows], scores[name][rows])


for name in detectors:
    row = "  ".join(f"{sort} {found(name, sort):.2f}" for sort in list(CHANGES)[1:])
    print(f"{name:21} all {average_precision_score(abnormal, scores[name]):.2f}  {row}")

# %%
# Both networks find nearly all abnormal beats, followed by nearest neighbours. A missing P wave is
# hard to detect, since this wave is not much higher than the noise; convolutions find most of them.
#
# Selection of beats for inspection
# ---------------------------------
# ``p_values`` estimates the probability that a normal beat is at least as anomalous. It is based on
# the calibration rows of ``fit``, so it is valid whatever the quality of the network. ``select``
# returns beats such that the expected fraction of normal ones among them is at most a tenth.
detector = detectors["dense"]
X_flat = X_test[:, :, 0]
p_values = detector.p_values(X_flat)
selected = detector.select(X_flat, fdr=0.1)
print(f"{selected.sum()} of {len(X_test)} beats selected, {(selected & ~abnormal).sum()} normal")
for sort in list(CHANGES)[1:]:
    print(f"{sort:13} {selected[sorts == sort].mean():.0%} found")

# %%
# Figure
# ------
# Top: the first beat of each type, its reconstruction, and bars for the contributions of the steps
# to the anomaly score, on a separate scale. The contributions of abnormal beats are largest where
# they were changed; for a missing wave, where it should be. Bottom: the scores of all test beats,
# and the selected fraction of each type.
contributions = detector.feature_contributions(X_flat).to_numpy()
expected = detector.reconstruct(X_flat)
colors = dict(zip(CHANGES, ("0.55", "tab:green", "tab:purple", "tab:red"), strict=True))
first = {sort: np.flatnonzero(sorts == sort)[0] for sort in CHANGES}

figure = plt.figure(figsize=(11, 6.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1, 1.15))
panels = above.subplots(1, 4, sharey=True)
for axes, (sort, row) in zip(panels, first.items(), strict=True):
    axes.bar(
        np.arange(N_STEPS),
        0.7 * contributions[row] / contributions[row].max(),
        bottom=-1.5,
        width=1,
        color="tab:orange",
        label="contribution",
    )
    axes.plot(X_flat[row], color=colors[sort], linewidth=3, label="input")
    axes.plot(expected[row], color="black", linewidth=1, label="reconstruction")
    score = contributions[row].sum()
    axes.set_title(f"{sort}\nscore {score:.2g}, p = {p_values[row]:.2g}", fontsize=11)
    axes.set(xticks=[], yticks=[], ylim=(-1.55, 1.45))
above.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)

left, right = below.subplots(1, 2, width_ratios=(1.7, 1))
ScoreDistributionDisplay.from_estimator(detector, X_flat, np.where(abnormal, -1, 1), ax=left)
fractions = [selected[sorts == sort].mean() for sort in CHANGES]
bars = right.barh(list(CHANGES), fractions, color=list(colors.values()))
right.bar_label(bars, [f"{fraction:.1%}" for fraction in fractions], padding=3)
right.set(xlim=(0, 1.2), xticks=[], title="selected with a false discovery rate of 10%")
right.invert_yaxis()
right.tick_params(length=0)
right.spines[["top", "right", "bottom"]].set_visible(False)
plt.show()
