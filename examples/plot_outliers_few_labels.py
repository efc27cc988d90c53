"""
Ten known anomalies
===================

A detector needs no labels. Where some anomalies are known all the same, ``fit`` takes them as
``y``: the networks learn to rebuild these rows badly, and others that resemble them. Here ten known
digits are enough to find many more of the same sort.
"""

# %%
# Digits, one of them rare
# ------------------------
# The training rows are 1,000 digits that are no "1", and ten that are. The rows to be judged are
# all other digits and 40 ones. To a detector without labels a "1" is no anomaly: it is a simple
# digit, of strokes that other digits have as well.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, precision_recall_curve

from skae import AutoencoderOutlierDetector

RARE, N_KNOWN, N_JUDGED, N_REPEATS = 1, 10, 40, 3
X, digits = load_digits(return_X_y=True)


def draw(seed):
    """Return training rows, whose last ones are the rare digit, rows to judge, and their digits."""
    rng = np.random.default_rng(seed)
    rare = rng.permutation(np.flatnonzero(digits == RARE))
    others = rng.permutation(np.flatnonzero(digits != RARE))
    training = np.concatenate([others[:1000], rare[:N_KNOWN]])
    judged = np.concatenate([others[1000:], rare[N_KNOWN : N_KNOWN + N_JUDGED]])
    return X[training], X[judged], digits[judged]


# %%
# With and without
# ----------------
# In ``y``, -1 is a known anomaly, 1 a known normal row, and 0 a row of which nothing is known. Each
# repetition draws other rows and begins with other weights. ``novelty=True`` takes the rows that
# are not labelled for normal.
unlabelled = np.zeros(1000 + N_KNOWN, dtype=int)
labelled = np.where(np.arange(1000 + N_KNOWN) < 1000, 0, -1)
names = {"no labels": unlabelled, f"{N_KNOWN} known": labelled}
found = {name: [] for name in names}
for seed in range(N_REPEATS):
    X_train, X_judged, judged = draw(seed)
    for name, y in names.items():
        detector = AutoencoderOutlierDetector(novelty=True, random_state=seed).fit(X_train, y)
        found[name].append((judged, X_judged, -detector.score_samples(X_judged)))

for name, repeats in found.items():
    precisions = [average_precision_score(j == RARE, scores) for j, _, scores in repeats]
    print(f"{name:10} average precision", "  ".join(f"{p:.2f}" for p in precisions))

# %%
# A list in no order at all would have their share of the rows, 0.06, and without labels it is
# little better. With ten labels most of the rare digits come first; how many depends on which ten
# are known. What is learned is what these ten look like. Anomalies of another sort may come earlier
# or later than without labels, so this is no help against what nobody has seen yet.

# %%
# The picture
# -----------
# Left: precision and recall in each repetition. Right: the rows with the largest scores in the
# first one, in order; those in red are the rare digit.
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.4), width_ratios=(1, 1.35), layout="constrained"
)
colors = {"no labels": "0.5", f"{N_KNOWN} known": "tab:blue"}
for name, repeats in found.items():
    for i, (judged, _, scores) in enumerate(repeats):
        precision, recall, _ = precision_recall_curve(judged == RARE, scores)
        left.plot(recall, precision, color=colors[name], label=None if i else name)
left.set(xlabel="share of the rare digits found", ylabel="share of rare digits among those named")
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
right.set_title("the first 48 of each list", fontsize=11)
plt.show()
