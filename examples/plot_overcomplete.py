"""
Overcomplete: is the code a copy?
=================================

A code with more values than there are features can be a copy of the row. Then all rows are
reconstructed well, even those that do not resemble the training rows, and the code is
uninformative. As a test, each pixel is shuffled among the held-out digits. The results have the
same distribution of each single pixel, but are not digits. An autoencoder that has learned the
structure of digits should reconstruct them badly.
"""

# %%
# Digits, and pixels without digits
# ---------------------------------
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.corruptions import Gaussian, Masking
from skae.kinds import Overcomplete

X_train, X_test = train_test_split(load_digits().data / 16, test_size=0.25, random_state=0)
rng = np.random.default_rng(0)
shuffled = np.column_stack([rng.permutation(pixel) for pixel in X_test.T])

# %%
# Five codes of 128 values for 64 pixels
# --------------------------------------
# The first has no regularisation, and ``fit`` warns. Two have weight decay, the default and a
# strong one. Two have a corruption.
candidates = {
    "nothing": {"weight_decay": 0},
    "decay 0.01": {"weight_decay": 0.01},
    "decay 10": {"weight_decay": 10},
    "gaussian": {"weight_decay": 0, "kind": Overcomplete(corruption=Gaussian(level=1.0))},
    "masking": {"weight_decay": 0, "kind": Overcomplete(corruption=Masking(fraction=0.5))},
}
common = {"architecture": Dense((256,)), "max_epochs": 50, "random_state": 0}
fitted, rows = {}, []
for name, parameters in candidates.items():
    ae = AutoencoderTransformer(128, **{"kind": "overcomplete", **parameters, **common})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted[name] = ae.fit(X_train)
    for warning in caught:
        print(f"{name}: {warning.message}\n")
    rows.append(
        {
            "held back by": name,
            "digits": fitted[name].score(X_test),
            "shuffled": fitted[name].score(shuffled),
        }
    )
table = pd.DataFrame(rows).set_index("held back by")
print(table.round(3).to_string())

# %%
# Figure
# ------
# The number is the explained fraction of the variance, over all held-out rows.


def strip(X, n_shown=8):
    """Return the first rows as images side by side."""
    return np.hstack([np.pad(x.reshape(8, 8), 1) for x in X[:n_shown]])


figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for axes, column, X in zip(panels, table.columns, (X_test, shuffled), strict=True):
    lines = {"input": X} | {name: ae.reconstruct(X) for name, ae in fitted.items()}
    axes.imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
    labels = ["input"] + [f"{name}\n{table.loc[name, column]:.2f}" for name in fitted]
    axes.set_yticks(4.5 + 10 * np.arange(len(lines)), labels=labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    titles = {"digits": "held-out digits", "shuffled": "the same, each pixel shuffled"}
    axes.set_title(titles[column], fontsize=11)
plt.show()
