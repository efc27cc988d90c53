"""
Dense: the number of layers
===========================

Deeper networks are more expressive, but harder to train. This example compares plain, normalised
and residual layers, in dense networks of 2 to 16 hidden layers, with PCA of the same code size.
"""

# %%
# Networks of increasing depth
# ----------------------------
# Digits of 8 x 8 pixels, codes of eight values, hidden layers of 64 units. The number of layers is
# that of the encoder; the decoder has as many. Errors are divided by those of PCA, on training rows
# and on held-out rows.
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
# Plain layers get worse with depth even on the training rows, so this is not overfitting: with
# sixteen of them, training does not improve on PCA, and ``fit`` returns the initial PCA. Normalised
# layers can be somewhat deeper. With residual layers, the error on training rows decreases with
# each layer.
#
# On held-out rows, more than four layers do not help: further layers overfit. Residual layers make
# deep networks possible; whether depth helps depends on the data.

# %%
# Figure
# ------
# Right: held-out digits, and their reconstructions with sixteen layers.


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
panels[0].set_ylabel("squared error relative to PCA")
panels[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88))
panels[1].tick_params(labelleft=False)

lines = {"input": X_test}
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
