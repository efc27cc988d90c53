"""
Lossy compression of images
===========================

A code is smaller than an image, but its values are floating-point numbers. Quantisation to integers
and entropy coding turn them into few bytes. How few, and how large is the error? Here an
autoencoder that is trained for compression is compared with PCA, with the same quantiser and the
same entropy coder.
"""

# %%
# The script uses the handwritten digits of scikit-learn, 8 x 8 pixels from 0 to 16, as 8-bit
# integers. With the environment variable ``SKAE_EXAMPLES_ONLINE=1`` it downloads Fashion-MNIST by
# ``fetch_openml`` instead, and takes minutes; the text describes the results on the digits.
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
# Compression and decompression
# -----------------------------
# The ``compressive`` kind minimises the error plus a weight times the number of bits of its
# quantised code. A :class:`~skae.compression.Compressor` fits the autoencoder and estimates the
# probability of each integer.
ae = AutoencoderTransformer(n_components, kind=Compressive(weight=0.3), random_state=0)
compressor = Compressor(ae).fit(X_train)
data = compressor.compress(X_test)
reconstructed = compressor.decompress(data)
print(f"{X_test.nbytes} bytes of pixels, {len(data)} bytes compressed")
print(
    f"{8 * len(data) / len(X_test):.0f} bits for an image, and {reconstructed.dtype} pixels again"
)

# %%
# Most latent values are zero for most images, and take almost no bits: the number of components is
# only an upper limit.
bits = np.sort(compressor.bits_per_component_)[::-1]
print("bits of each value:", bits.round(1))

# %%
# Bytes that are damaged, cut off, or written by another model raise an error.
for wrong in (data[:-3], data[:100] + b"?" + data[101:]):
    try:
        compressor.decompress(wrong)
    except ValueError as error:
        print(error)

# %%
# Rate-distortion curve
# ---------------------
# A larger weight gives fewer bits. Each of three autoencoders is good close to the rate it was
# trained for; slightly smaller or larger quantisation steps give the rates in between. For PCA only
# the step varies. At the same rate the autoencoders have a smaller error: at half a bit per pixel,
# the peak signal-to-noise ratio is more than a decibel higher, which corresponds to a squared error
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
# Images at three rates
# ---------------------
# One digit of each class, first the original, then at three rates. At each rate, the step of PCA is
# chosen by ``rate`` so that PCA takes as many bits as the autoencoder. At 61 bits, an eighth of the
# size of the pixels, both are hard to distinguish from the originals. At 16 bits, digits are still
# legible. The errors of the autoencoder are blurred strokes; those of PCA are shadows beside the
# strokes, as for the 1, the 4 and the 5.
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
