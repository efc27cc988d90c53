"""
Dense: how many layers?
=======================

More layers can express more. Whether they learn it is another matter. Plain layers, layers that are
normalised, and residual ones, in dense networks of 2 to 16 hidden layers, beside PCA with codes of
the same size.
"""

# %%
# The same code, deeper and deeper networks
# -----------------------------------------
# Digits of 8 x 8 pixels, codes of eight values, hidden layers of 64. Layers are counted in the
# encoder; the decoder has as many. Errors are over those of PCA, so PCA is at 1, on the rows of the
# fit and on those that it never saw.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.architectures import Dense

X, y = load_digits(return_X_y=True)
X_train, X_test, _, y_test = train_test_split(X / 16, y, test_size=0.25, random_state=0)
pca = PCA(8, random_state=0).fit(X_train)


def error(reducer, X):
    """Return the mean squared error of the reconstructions."""
    return np.square(X - reducer.inverse_transform(reducer.transform(X))).mean()


variants = {"plain": {}, "layer_norm": {"layer_norm": True}, "residual": {"residual": True}}
depths = (2, 4, 8, 16)
deepest, rows = {"PCA": pca}, []
for variant, options in variants.items():
    for depth in depths:
        dense = Dense(hidden_layer_sizes=(64,) * depth, **options)
        ae = AutoencoderTransformer(8, architecture=dense, max_epochs=60, random_state=0)
        deepest[variant] = ae.fit(X_train)
        rows.append(
            {
                "layers": depth,
                "variant": variant,
                "rows of the fit": error(ae, X_train) / error(pca, X_train),
                "held-out rows": error(ae, X_test) / error(pca, X_test),
            }
        )
table = pd.DataFrame(rows).pivot(index="layers", columns="variant")
print(table.round(2).to_string())

# %%
# Plain layers get worse with depth on the very rows they were fitted on, so this is no matter of
# learning by heart: sixteen of them learn nothing at all, and ``fit`` leaves the autoencoder at the
# PCA it started from. Normalised layers go on learning a little longer. Residual ones rebuild the
# rows of the fit better and better with each layer.
#
# On held-out rows the gain ends at four layers: what further ones learn is true of the rows of the
# fit alone. Residual layers make depth possible; whether it is of use is up to the data.

# %%
# The picture
# -----------
# Right: held-out digits, and what sixteen layers make of them.


def strip(X):
    """Return one row of each of five classes as images side by side."""
    first_of_class = np.unique(y_test, return_index=True)[1]
    return np.hstack([np.pad(x.reshape(8, 8), 1) for x in X[first_of_class[[2, 3, 5, 8, 9]]]])


colors = {"plain": "tab:gray", "layer_norm": "tab:orange", "residual": "tab:blue"}
figure, panels = plt.subplots(
    1, 3, figsize=(11, 3.6), width_ratios=(3, 3, 2.9), layout="constrained"
)
for axes, column in zip(panels, ("rows of the fit", "held-out rows"), strict=False):
    axes.axhline(1, color="0.3", linewidth=1, linestyle="--")
    axes.annotate("PCA", (2, 1), (0, 4), textcoords="offset points")
    for variant, color in colors.items():
        axes.plot(table[column, variant], "o-", color=color, label=variant)
    axes.set_xscale("log", base=2)
    axes.set_xticks(depths, labels=depths)
    axes.set(ylim=(0, 1.1), xlabel="hidden layers")
    axes.set_title(column, fontsize=11)
panels[0].set_ylabel("squared error over PCA's")
panels[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88))
panels[1].tick_params(labelleft=False)

lines = {"shown": X_test}
lines |= {
    name: reducer.inverse_transform(reducer.transform(X_test)) for name, reducer in deepest.items()
}
panels[2].imshow(np.vstack([strip(X) for X in lines.values()]), cmap="gray_r", vmin=0, vmax=1)
panels[2].set_yticks(4.5 + 10 * np.arange(len(lines)), labels=list(lines))
panels[2].set_xticks([])
panels[2].tick_params(length=0)
panels[2].spines[:].set_visible(False)
panels[2].set_title("16 layers", fontsize=11)
plt.show()
