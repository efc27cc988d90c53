"""
Compression: images as few bytes
================================

A code is smaller than an image, but its values are still numbers of many digits. Rounded to whole
numbers and written by how often each of them occurs, they are bytes, and few of them. How few, and
how much is lost? Here an autoencoder that was trained for it stands beside PCA, with the same
rounding and the same coder.
"""

# %%
# The script takes the handwritten digits of scikit-learn, 8 x 8 pixels from 0 to 16, in bytes. With
# the environment variable ``SKAE_EXAMPLES_ONLINE=1`` it takes Fashion-MNIST by ``fetch_openml``
# instead, which is a download and minutes of computing; what the text says is said of the digits.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer
from skae.compression import Compressor, rate_distortion_curve
from skae.kinds import Compressive
from skae.plotting import RateDistortionDisplay

if os.environ.get("SKAE_EXAMPLES_ONLINE") == "1":
    X, y = fetch_openml("Fashion-MNIST", version=1, as_frame=False, return_X_y=True)
    side, white, n_components = 28, 255, 128
else:
    X, y = load_digits(return_X_y=True)
    side, white, n_components = 8, 16, 32
X = X.astype(np.uint8)
X_train, X_test, _, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# To bytes and back
# -----------------
# The ``compressive`` kind is trained on what compression costs: the error, and the bits of its
# rounded code times a weight. A :class:`~skae.compression.Compressor` learns how often each whole
# number occurs; the fit of the autoencoder is part of its own.
ae = AutoencoderTransformer(n_components, kind=Compressive(weight=0.3), random_state=0)
compressor = Compressor(ae).fit(X_train)
data = compressor.compress(X_test)
rebuilt = compressor.decompress(data)
print(f"{X_test.nbytes} bytes of pixels, {len(data)} bytes compressed")
print(f"{8 * len(data) / len(X_test):.0f} bits for an image, and {rebuilt.dtype} pixels again")

# %%
# Most values of the code are zero for most images, and cost next to nothing: the number of
# components is only the most that there can be.
bits = np.sort(compressor.bits_per_component_)[::-1]
print("bits of each value:", bits.round(1))

# %%
# Bytes that were damaged, cut off, or written by another model are refused.
for wrong in (data[:-3], data[:100] + b"?" + data[101:]):
    try:
        compressor.decompress(wrong)
    except ValueError as error:
        print(error)

# %%
# The curve
# ---------
# A larger weight takes fewer bits. Each of three autoencoders is good near the rate it was trained
# for, and steps a bit smaller or larger than the one it was trained with reach the rates between.
# For PCA there is only the step. At the same rate the autoencoders lose less: at half a bit for
# each pixel, the ratio of signal to noise is more than a decibel higher, which is a squared error
# that is a quarter smaller.
autoencoders = {0.3: compressor.transformer_}
for weight in (0.1, 1.0):
    ae = AutoencoderTransformer(n_components, kind=Compressive(weight=weight), random_state=0)
    autoencoders[weight] = ae.fit(X_train)

curves = [
    rate_distortion_curve(ae, X_train, X_test, steps=(0.8, 1.0, 1.25), data_range=white)
    for ae in autoencoders.values()
]
figure = plt.figure(figsize=(11, 5), layout="constrained")
ax, gallery = figure.subplots(1, 2, width_ratios=(1, 1.15))
pca = PCA(2 * n_components, random_state=0).fit(X_train)
steps = np.std(pca.transform(X_train)) * np.geomspace(0.8, 6, 9)
RateDistortionDisplay.from_estimator(
    pca, X_train, X_test, steps=steps, data_range=white, ax=ax, color="0.5", linestyle="--"
)
for weight, curve in zip(autoencoders, curves, strict=True):
    name = f"autoencoder, weight {weight}"
    RateDistortionDisplay(curve["rate"], curve["psnr"], estimator_name=name).plot(ax)

# %%
# At three rates
# --------------
# One digit of each kind, first as it was written, then at three rates. For each, ``rate`` chooses
# the step of PCA so that it takes as many bits as the autoencoder. At 61 bits, an eighth of what
# the pixels take, both are hard to tell from what was written. At 16 bits, digits can still be
# read. Where the autoencoder does not know, it is soft; where PCA has left components out, there
# is a shadow beside the strokes, as beside the 1, the 4 and the 5.
chosen = [np.flatnonzero(y_test == label)[0] for label in np.unique(y_test)]
rows = {"written": X_test[chosen]}
for weight in sorted(autoencoders):
    best = Compressor(autoencoders[weight]).fit(X_train)
    other = Compressor(pca, rate=best.rate_).fit(X_train)
    for name, each in (("autoencoder", best), ("PCA", other)):
        label = f"{name}, {best.rate_ * side**2:.0f} bits"
        rows[label] = each.decompress(each.compress(X_test))[chosen]

tall = side + 2  # with white between the images
padded = [np.pad(row.reshape(-1, side, side), ((0, 0), (1, 1), (0, 1))) for row in rows.values()]
gallery.imshow(np.block([list(row) for row in padded]), cmap="gray_r", vmin=0, vmax=white)
gallery.set_yticks((np.arange(len(rows)) + 0.5) * tall - 0.5, labels=rows)
gallery.set_xticks([])
gallery.tick_params(length=0)
gallery.spines[:].set_visible(False)
for line in (1, 3, 5):
    gallery.axhline(line * tall - 0.5, color="0.7", linewidth=0.8)
plt.show()
