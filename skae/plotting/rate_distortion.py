"""What is lost at which rate."""

from __future__ import annotations

import numpy as np

from skae.compression import rate_distortion_curve
from skae.plotting.canvas import axes_for, written_name
from skae.plotting.checks import check_numbers

_SIZE = (6.4, 4.0)


class RateDistortionDisplay:
    r"""The peak signal-to-noise ratio, against the bits for each number of the rows.

    .. math:: \text{PSNR} = 10 \log_{10} \frac{r^2}{\text{MSE}}

    with the mean squared error of the compressed rows and the range `r` of the data. Of two lines,
    the one further up loses less at the same rate.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes. To
    compare estimators, draw one on the axes of the other.

    Parameters
    ----------
    rate : array-like of shape (n_steps,)
        Bits for each number, as :func:`~skae.compression.rate_distortion_curve` returns them.

    psnr : array-like of shape (n_steps,)
        What is lost with as many, in decibels.

    estimator_name : str, default=None
        What the legend calls the estimator; None means "autoencoder".

    Attributes
    ----------
    line_ : matplotlib.lines.Line2D
        The curve.

    legend_ : matplotlib.legend.Legend
        All curves on the axes by their names.

    ax_ : matplotlib.axes.Axes
        The axes with the line.

    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    skae.compression.rate_distortion_curve : The numbers behind it.
    ExplainedVarianceDisplay : What is lost with codes of each size, without rounding.

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

    def __init__(self, rate, psnr, *, estimator_name=None):
        self.rate = rate
        self.psnr = psnr
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        X_test=None,
        *,
        steps=None,
        clip=True,
        data_range=None,
        name=None,
        ax=None,
        **line_kw,
    ):
        """Compress rows with several steps, and draw what is lost.

        Parameters
        ----------
        estimator : estimator
            Has ``transform`` and ``inverse_transform``. One that is fitted is taken as it is; one
            that is not is cloned and fitted to `X`.

        X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
            Training rows.

        X_test : as `X`, default=None
            Rows that are compressed; None takes those of `X`.

        steps : sequence of float, default=None
            Steps of the quantiser; None takes nine, by the deviations of the codes.

        clip : bool, default=True
            Whether features are kept within their ranges in the training rows.

        data_range : float, default=None
            The range `r`; None takes that of `X`.

        name : str, default=None
            What the legend calls the estimator; None takes the name of its class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

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
            If the rows, the steps or the range are not as described.

        ImportError
            If matplotlib or constriction is not installed.
        """
        # Before the fit: minutes of it are not lost to axes that are none.
        ax = axes_for(ax, _SIZE)
        curve = rate_distortion_curve(
            estimator, X, X_test, steps=steps, clip=clip, data_range=data_range
        )
        name = type(estimator).__name__ if name is None else name
        return cls(curve["rate"], curve["psnr"], estimator_name=name).plot(ax, **line_kw)

    def plot(self, ax=None, **line_kw):
        """Draw the line.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RateDistortionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `rate` and `psnr` are not as many finite numbers.

        ImportError
            If matplotlib is not installed.
        """
        rate, psnr = check_numbers(self.rate, "rate"), check_numbers(self.psnr, "psnr")
        if len(rate) != len(psnr):
            raise ValueError(
                f"psnr must hold one value for each of {len(rate)} rates, got {len(psnr)}."
            )
        ax = axes_for(ax, _SIZE)
        order = np.argsort(rate)
        name = "autoencoder" if self.estimator_name is None else written_name(self.estimator_name)
        look = {"marker": "o", "label": name, **line_kw}
        (self.line_,) = ax.plot(rate[order], psnr[order], **look)
        ax.set_xlabel("bits for each number")
        ax.set_ylabel("PSNR in dB")
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        self.legend_ = ax.legend(loc="lower right", frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
