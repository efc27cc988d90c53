"""Rate-distortion curve of a compressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skae._data.matrix import MatrixLike
from skae.compression import rate_distortion_curve
from skae.plotting.canvas import axes_for, format_name
from skae.plotting.checks import check_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (6.4, 4.0)


class RateDistortionDisplay:
    r"""Peak signal-to-noise ratio against the rate, in bits per value of a row.

    .. math:: \text{PSNR} = 10 \log_{10} \frac{r^2}{\text{MSE}}

    with the mean squared error of the compressed rows and the range `r` of the data. A higher line
    means less distortion at the same rate.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes. To
    compare estimators, draw one on the axes of the other.

    Parameters
    ----------
    rate : array-like of shape (n_steps,)
        Bits per value, as :func:`~skae.compression.rate_distortion_curve` returns them.

    psnr : array-like of shape (n_steps,)
        Peak signal-to-noise ratio at each rate, in decibels.

    estimator_name : str, default=None
        Name of the estimator in the legend; None means "autoencoder".

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The curve.

    legend_ : matplotlib.legend.Legend
        The names of all curves on the axes.

    ax_ : matplotlib.axes.Axes
        The axes with the line.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    skae.compression.rate_distortion_curve : The data of the curve.
    ExplainedVarianceDisplay : Explained variance against the code size, without quantisation.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import RateDistortionDisplay
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(32, kind="compressive", max_epochs=10, random_state=0)
    >>> display = RateDistortionDisplay.from_estimator(ae, X[:1500], X[1500:])
    >>> pca = RateDistortionDisplay.from_estimator(PCA(32), X[:1500], X[1500:], ax=display.ax_)
    >>> [text.get_text() for text in pca.legend_.get_texts()]
    ['AutoencoderTransformer', 'PCA']
    """

    def __init__(self, rate: ArrayLike, psnr: ArrayLike, *, estimator_name: str | None = None):
        self.rate = rate
        self.psnr = psnr
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        X_test: MatrixLike | None = None,
        *,
        steps: Sequence[float] | None = None,
        clip: bool = True,
        data_range: float | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **line_kw: Any,
    ) -> Self:
        """Compress rows with several quantisation steps, and draw the rate-distortion curve.

        Parameters
        ----------
        estimator : estimator
            An estimator with ``transform`` and ``inverse_transform``. A fitted estimator is used as
            it is; an unfitted one is cloned and fitted to `X`.

        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Training rows.

        X_test : as `X`, default=None
            Rows to compress; None means those of `X`.

        steps : sequence of float, default=None
            Steps of the quantiser; None means nine steps that depend on the standard deviation of
            the codes.

        clip : bool, default=True
            Whether to clip features to their ranges in the training rows.

        data_range : float, default=None
            The range `r`; None means that of `X`.

        name : str, default=None
            Name of the estimator in the legend; None means the name of its class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RateDistortionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` lacks a method.

        ValueError
            If the rows, the steps or the range are invalid.

        ImportError
            If matplotlib or constriction is not installed.
        """
        # Check the axes before the fit, which may take minutes.
        ax = axes_for(ax, _SIZE)
        curve = rate_distortion_curve(
            estimator, X, X_test, steps=steps, clip=clip, data_range=data_range
        )
        name = type(estimator).__name__ if name is None else name
        return cls(curve["rate"], curve["psnr"], estimator_name=name).plot(ax, **line_kw)

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw the line.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RateDistortionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `rate` and `psnr` are not equally many finite numbers.

        ImportError
            If matplotlib is not installed.
        """
        rate, psnr = check_numbers(self.rate, "rate"), check_numbers(self.psnr, "psnr")
        if len(rate) != len(psnr):
            raise ValueError(
                f"psnr must have one value for each of {len(rate)} rates, got {len(psnr)}."
            )
        ax = axes_for(ax, _SIZE)
        order = np.argsort(rate)
        name = "autoencoder" if self.estimator_name is None else format_name(self.estimator_name)
        style = {"marker": "o", "label": name, **line_kw}
        (self.line_,) = ax.plot(rate[order], psnr[order], **style)
        ax.set_xlabel("bits per value")
        ax.set_ylabel("PSNR in dB")
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        self.legend_ = ax.legend(loc="lower right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
