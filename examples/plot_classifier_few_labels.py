"""
Few labels, many images
=======================

Images are cheap, labels are not. Here only a few percent of the images have a label. A supervised
classifier ignores the others; :class:`~skae.AutoencoderClassifier` also learns from them, in
particular which images are similar. With the environment variable ``SKAE_EXAMPLES_ONLINE=1`` this
script uses 10,000 images of ``fetch_openml("Fashion-MNIST")`` instead of the digits of
scikit-learn, which takes some minutes. The text describes the results on the digits.
"""

# %%
# Digits, most of them without a label
# ------------------------------------
# In ``y``, -1 stands for "no label"; ``unlabelled=-1`` tells the autoencoder. The test images are
# held out.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skae import AutoencoderClassifier

N_LABELS, N_DRAWS = (20, 30, 60, 200), 3


def images():
    """Return images as rows of pixels in [0, 1], and their classes."""
    if os.environ.get("SKAE_EXAMPLES_ONLINE") != "1":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    from sklearn.datasets import fetch_openml

    data = fetch_openml("Fashion-MNIST", version=1, as_frame=False, parser="liac-arff")
    return data.data[:10_000] / 255, data.target[:10_000].astype(int)


X, y = images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)


def labels_of(n_labels, seed):
    """Return the labels of a number of images, and -1 for the others."""
    rows = np.arange(len(y))
    chosen, _ = train_test_split(rows, train_size=n_labels, stratify=y, random_state=seed)
    return np.where(np.isin(rows, chosen), y, -1)


# %%
# Three classifiers
# -----------------
# For comparison, there are two semi-supervised classifiers of scikit-learn: label spreading among
# nearest neighbours, and self-training with the confident predictions of a logistic regression.
def classifiers(seed):
    """Return the classifiers by name."""
    logistic = LogisticRegression(max_iter=500)
    return {
        "LogisticRegression": logistic,
        "SelfTrainingClassifier": SelfTrainingClassifier(logistic, threshold=0.9),
        "PCA + LabelSpreading": make_pipeline(
            PCA(0.9, random_state=seed),
            LabelSpreading("knn", n_neighbors=10, alpha=0.8, max_iter=300),
        ),
        "AutoencoderClassifier": AutoencoderClassifier(
            unlabelled=-1, max_epochs=20, random_state=seed
        ),
    }


accuracies = {name: np.empty((len(N_LABELS), N_DRAWS)) for name in classifiers(0)}
for i, n_labels in enumerate(N_LABELS):
    for draw in range(N_DRAWS):
        few = labels_of(n_labels, draw)
        for name, classifier in classifiers(draw).items():
            has_label = few != -1 if name == "LogisticRegression" else slice(None)
            classifier.fit(X[has_label], few[has_label])
            accuracies[name][i, draw] = classifier.score(X_test, y_test)
            if (n_labels, draw, name) == (N_LABELS[1], 0, "AutoencoderClassifier"):
                shown = classifier, few

for name, of_name in accuracies.items():
    print(f"{name:24}", "  ".join(f"{mean:.3f}" for mean in of_name.mean(axis=1)))

# %%
# The gain over a supervised classifier is largest with 20 labels, two of each digit. It decreases
# with the number of labels. Label spreading among principal components is almost as good here,
# since digits of one class lie close to each other. The network also predicts probabilities for new
# images, which are shown next.

# %%
# Figure
# ------
# Left: the mean over the repetitions, with the lowest and the highest. Right: all labelled images
# of the first repetition with 30 labels, and new images ordered by the confidence of the
# autoencoder, with errors in red.
figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.6), width_ratios=(1, 1.15), layout="constrained"
)
colours = dict(zip(accuracies, ["0.55", "tab:olive", "tab:green", "tab:blue"], strict=True))
for name, of_name in accuracies.items():
    left.plot(N_LABELS, of_name.mean(axis=1), "o-", color=colours[name], label=name)
    left.fill_between(
        N_LABELS, of_name.min(axis=1), of_name.max(axis=1), color=colours[name], alpha=0.15, lw=0
    )
left.set_xscale("log")
left.set_xticks(N_LABELS, labels=[str(n) for n in N_LABELS])
left.minorticks_off()
left.set(xlabel="labels", ylabel="accuracy on images held out")
left.legend(frameon=False, loc="lower right")
left.spines[["top", "right"]].set_visible(False)

SIDE, COLUMNS = round(X.shape[1] ** 0.5), 15


def sheet(rows, wrong, n_lines):
    """Return images side by side as one colour image, with errors in red."""
    step = SIDE + 1
    picture = np.ones((step * n_lines, step * COLUMNS, 3))
    for place, (row, is_wrong) in enumerate(zip(rows, wrong, strict=True)):
        top, start = step * (place // COLUMNS), step * (place % COLUMNS)
        colour = np.array([0.85, 0.1, 0.1] if is_wrong else [0.25, 0.25, 0.25])
        ink = row.reshape(SIDE, SIDE, 1)
        picture[top : top + SIDE, start : start + SIDE] = 1 - ink * (1 - colour)
    return picture


classifier, few = shown
known = np.flatnonzero(few != -1)
known = known[np.argsort(few[known], kind="stable")]
new = np.arange(8 * COLUMNS)
sureness = classifier.predict_proba(X_test[new]).max(axis=1)
new = new[np.argsort(-sureness)]
parts = [
    sheet(X[known], np.zeros(len(known), dtype=bool), -(-len(known) // COLUMNS)),
    sheet(X_test[new], classifier.predict(X_test[new]) != y_test[new], 8),
]
gap = np.ones((SIDE, parts[0].shape[1], 3))
right.imshow(np.vstack([parts[0], gap, parts[1]]), interpolation="nearest")
heights = [len(part) for part in parts]
right.set_yticks(
    [heights[0] / 2, heights[0] + SIDE + heights[1] / 2],
    labels=[f"all {len(known)}\nlabels", "new, by\ndecreasing\nconfidence"],
)
right.set_xticks([])
right.tick_params(length=0)
right.spines[:].set_visible(False)
plt.show()
