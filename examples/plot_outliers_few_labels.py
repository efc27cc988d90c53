"""
Outlier detection with ten known anomalies
==========================================

A detector needs no labels. If some anomalies are known, mark them in ``y``, and set
``anomaly_label``: the networks learn to reconstruct these rows, and rows that resemble them, badly.
Here ten known anomalous digits are enough to find many more of the same class.
"""

# %%
# Digits, one of them rare
# ------------------------
# The training rows are 1,000 digits other than "1", and ten ones. The test rows are other digits
# and 40 ones. Without labels, a detector does not find a "1" anomalous: it is a simple digit, whose
# strokes occur in other digits as well.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, precision_recall_curve

from skae import AutoencoderOutlierDetector

RARE, N_KNOWN, N_JUDGED, N_REPEATS = 1, 10, 40, 3
X, digits = load_digits(return_X_y=True)


def draw(seed):
    """Return training rows, the last ones with the rare digit, test rows, and their digits."""
    rng = np.random.default_rng(seed)
    rare = rng.permutation(np.flatnonzero(digits == RARE))
    others = rng.permutation(np.flatnonzero(digits != RARE))
    training = np.concatenate([others[:1000], rare[:N_KNOWN]])
    judged = np.concatenate([others[1000:], rare[N_KNOWN : N_KNOWN + N_JUDGED]])
    return X[training], X[judged], digits[judged]


# %%
# With and without labels
# -----------------------
# ``anomaly_label=1`` means that 1 in ``y`` marks a known anomaly; all other rows have no label, and
# ``novelty=True`` treats these as normal. Each repetition has other rows and other initial weights.
labelled = np.where(np.arange(1000 + N_KNOWN) < 1000, 0, 1)
names = {"no labels": None, f"{N_KNOWN} known": 1}
found = {name: [] for name in names}
for seed in range(N_REPEATS):
    X_train, X_judged, judged = draw(seed)
    for name, mark in names.items():
        detector = AutoencoderOutlierDetector(novelty=True, random_state=seed, anomaly_label=mark)
        detector.fit(X_train, labelled)
        found[name].append((judged, X_judged, -detector.score_samples(X_judged)))

for name, repeats in found.items():
    precisions = [average_precision_score(j == RARE, scores) for j, _, scores in repeats]
    print(f"{name:10} average precision", "  ".join(f"{p:.2f}" for p in precisions))

# %%
# A random order would have an average precision of 0.06, the fraction of rare digits, and without
# labels it is little better. With ten labels most of the rare digits have the highest scores; how
# many depends on the ten known ones. The detector learns the appearance of these ten. The rank of
# other types of anomalies may rise or fall compared with a detector without labels, so this does
# not help to find unknown anomalies.

# %%
# Figure
# ------
# Left: precision and recall in each repetition. Right: the rows with the largest scores in the
# first repetition, in descending order; the rare digit is red.
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.4), width_ratios=(1, 1.35), layout="constrained"
)
colors = {"no labels": "0.5", f"{N_KNOWN} known": "tab:blue"}
for name, repeats in found.items():
    for i, (judged, _, scores) in enumerate(repeats):
        precision, recall, _ = precision_recall_curve(judged == RARE, scores)
        left.plot(recall, precision, color=colors[name], label=None if i else name)
left.set(xlabel="recall", ylabel="precision")
left.legend(*left.get_legend_handles_labels(), frameon=False)
left.spines[["top", "right"]].set_visible(False)


def strips(judged, X_judged, scores, n_lines=4, n_columns=12):
    """Return the rows with the largest scores as one colour image, the rare digit in red."""
    image = np.ones((9 * n_lines, 9 * n_columns, 3))
    for place, row in enumerate(np.argsort(-scores)[: n_lines * n_columns]):
        top, start = 9 * (place // n_columns), 9 * (place % n_columns)
        ink = X_judged[row].reshape(8, 8, 1) / 16
        colour = np.array([0.85, 0.1, 0.1] if judged[row] == RARE else [0.25, 0.25, 0.25])
        image[top : top + 8, start : start + 8] = 1 - ink * (1 - colour)
    return image


pictures = [strips(*repeats[0]) for repeats in found.values()]
gap = np.ones((9, pictures[0].shape[1], 3))
right.imshow(np.vstack([pictures[0], gap, pictures[1]]), interpolation="nearest")
height = len(pictures[0])
right.set_yticks([height / 2, 1.5 * height + 9], labels=list(found))
right.set_xticks([])
right.tick_params(length=0)
right.spines[:].set_visible(False)
right.set_title("the 48 rows with the largest scores", fontsize=11)
plt.show()
