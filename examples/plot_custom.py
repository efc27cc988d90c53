"""
Custom: your own modules
========================

If you know something about the data that no architecture uses, write your own encoder and decoder
as torch modules. The estimator works as before. Here the rows are waves, and the decoder can only
make waves.
"""

# %%
# Waves
# -----
# 64 steps of a sine wave with noise: three values determine the wave, its frequency, its phase and
# its amplitude. There are 600 training rows.
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Custom

time = np.linspace(0, 1, 64)


def waves(n_waves, rng):
    """Return waves with noise, and the same waves without it."""
    frequency = rng.uniform(1, 4, size=(n_waves, 1))
    phase = rng.uniform(0, 2 * np.pi, size=(n_waves, 1))
    height = rng.uniform(0.5, 1.5, size=(n_waves, 1))
    clean = height * np.sin(2 * np.pi * frequency * time + phase)
    return clean + rng.normal(scale=0.2, size=clean.shape), clean


rng = np.random.default_rng(0)
X_train, _ = waves(600, rng)
X_test, clean = waves(400, rng)

# %%
# Two modules
# -----------
# The encoder is a function that returns a module, the decoder a class. Both are called with the
# shape of a sample and a size. The decoder maps the code to a frequency and the amplitudes of a
# sine and a cosine, and returns the corresponding wave.


def encoder(sample_shape, n_outputs):
    """Return dense layers of 64."""
    return nn.Sequential(
        nn.Linear(*sample_shape, 64),
        nn.SiLU(),
        nn.Linear(64, 64),
        nn.SiLU(),
        nn.Linear(64, n_outputs),
    )


class WaveDecoder(nn.Module):
    """Decoder that maps codes to waves."""

    def __init__(self, sample_shape, n_components):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(n_components, 64), nn.SiLU(), nn.Linear(64, 3))
        self.register_buffer("time", torch.linspace(0, 1, *sample_shape))

    def forward(self, code):
        """Return waves of shape (n_samples, n_steps)."""
        frequency, sine, cosine = self.hidden(code).split(1, dim=1)
        angle = 2 * torch.pi * (2.5 + frequency) * self.time
        return sine * torch.sin(angle) + cosine * torch.cos(angle)


# %%
# Combination with PCA
# --------------------
# By default, modules are added to linear maps that are initialised as PCA. A decoder that models
# the complete data does not need them, so it is also fitted alone, with ``init="random"``.
custom = Custom(encoder, WaveDecoder)
models = {
    "dense": AutoencoderTransformer(3, random_state=0),
    "waves added to PCA": AutoencoderTransformer(3, architecture=custom, random_state=0),
    "waves alone": AutoencoderTransformer(
        3, architecture=custom, init="random", max_epochs=300, random_state=0
    ),
}
pca = PCA(3, random_state=0).fit(X_train)
reconstructed = {"PCA": pca.inverse_transform(pca.transform(X_test))}
for name, model in models.items():
    reconstructed[name] = model.fit(X_train).reconstruct(X_test)

# %%
# The error is measured relative to the waves without noise, on held-out rows.
error = {name: np.square(X - clean).mean() for name, X in reconstructed.items()}
for name, value in error.items():
    print(f"{name:20} {value:.4f}")

# %%
# In combination with PCA, the decoder of waves would have to model PCA's residual, which is not a
# wave. Alone, it is better than dense layers, which must learn the shape of waves from the rows.

# %%
# Figure
# ------
# The first held-out rows, without selection. Dots: the input of the encoder. Grey: the wave without
# noise. The number is the mean squared error over all held-out rows.
figure, panels = plt.subplots(
    4, 5, figsize=(11, 5.2), sharex=True, sharey=True, layout="constrained"
)
colors = ("tab:orange", "tab:green", "tab:purple", "tab:blue")
for line, (name, X), color in zip(panels, reconstructed.items(), colors, strict=True):
    for row, axes in enumerate(line):
        axes.plot(time, clean[row], color="0.8", linewidth=5)
        axes.plot(time, X_test[row], ".", color="0.45", markersize=3)
        axes.plot(time, X[row], color=color, linewidth=1.8)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    line[0].set_ylabel(
        f"{name}\n{error[name]:.3f}", rotation=0, ha="right", va="center", fontsize=11
    )
plt.show()
