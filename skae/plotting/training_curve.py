"""Training and validation losses by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skae.plotting.canvas import axes_for, format_number
from skae.plotting.histogram import format_log_ticks
from skae.plotting.pipelines import LastStep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Columns of the losses, with their names and colours.
_LOSSES = {
    "train_loss": ("training loss", "C0"),
    "valid_loss": ("validation loss", "C1"),
}
# Line styles of the terms of each loss, and the first of their colours.
_TERM_STYLES = {"train": ("training", "--"), "valid": ("validation", ":")}
_FIRST_COLOUR = 2
# Up to this number of epochs, each epoch has a marker.
_FEW_EPOCHS = 20


class TrainingCurveDisplay:
    """Training and validation loss of each epoch, and the epoch whose weights were kept.

    If a loss is a sum of several terms, such as the reconstruction and the Kullback-Leibler
    divergence of a variational autoencoder, these are drawn as well. The axis is logarithmic if all
    losses are positive, the largest is more than ten times the smallest, and no term is negative.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    history : DataFrame
        One row per epoch with the columns `epoch`, `train_loss` and `valid_loss`; NaN if a loss was
        not computed. With a column `network`, each network has its own lines.

    best_epoch : int, default=None
        Epoch whose weights were kept. None marks no epoch.

    terms : tuple of str, default=()
        Names of the terms to draw, such as ``("reconstruction", "kl")``: those of the columns
        `train_reconstruction`, `valid_reconstruction`, `train_kl` and `valid_kl`.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        The lines of the training loss and of the validation loss, as far as they were computed;
        with several networks, the lines of the first network come first.

    term_lines_ : list of matplotlib.lines.Line2D
        The lines of the terms, first those of the training loss; each term has its colour.

    best_line_ : matplotlib.lines.Line2D or None
        The vertical line at `best_epoch`.

    best_marker_ : matplotlib.lines.Line2D or None
        The marker at the loss of `best_epoch`: the validation loss or, if there is none, the
        training loss.

    legend_ : matplotlib.legend.Legend
        The losses, and the epoch whose weights were kept.

    ax_ : matplotlib.axes.Axes
        The axes with the lines.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    ReconstructionsDisplay : Reconstructions of samples.

    Notes
    -----
    Epoch 0 is the network before training, which has no training loss yet. The training loss is the
    mean over the batches of an epoch, computed while the weights change and with the training
    noise. Therefore it may lie above the validation loss. With ``early_stopping=False``, the
    validation loss of a transformer is computed on training rows, since there are no validation
    rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import TrainingCurveDisplay
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(n_components=4, max_epochs=5, random_state=0).fit(X)
    >>> display = TrainingCurveDisplay.from_estimator(ae)
    >>> [line.get_label() for line in display.lines_]
    ['training loss', 'validation loss']
    """

    def __init__(
        self, history: pd.DataFrame, best_epoch: int | None = None, terms: Sequence[str] = ()
    ):
        self.history = history
        self.best_epoch = best_epoch
        self.terms = terms

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw the losses of a fitted estimator.

        Parameters
        ----------
        estimator : AutoencoderTransformer or AutoencoderOutlierDetector
            A fitted estimator, or a pipeline whose last step is one. All networks of a detector are
            drawn on the same axes, and no epoch is marked, since each network has its own best
            epoch.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for the lines of the losses.

        Returns
        -------
        TrainingCurveDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no ``history_``.

        NotFittedError
            If `estimator` is not fitted.

        ImportError
            If matplotlib is not installed.
        """
        estimator = LastStep(estimator).estimator
        check_is_fitted(estimator)
        if not hasattr(estimator, "history_"):
            raise TypeError(
                f"estimator must be an autoencoder with history_, such as "
                f"skae.AutoencoderTransformer, got {type(estimator).__name__} without it."
            )
        best_epoch = getattr(estimator, "best_epoch_", None)
        names = ("reconstruction", estimator.kind_.term(), "cross_entropy")
        terms = tuple(name for name in names if f"train_{name}" in estimator.history_)
        return cls(estimator.history_, best_epoch, terms).plot(ax, **line_kw)

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **line_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.plot` for each line of a loss.

        Returns
        -------
        TrainingCurveDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `history` is not a DataFrame.

        ValueError
            If `history` lacks a column or has no rows, or if `best_epoch` is not one of its epochs.

        ImportError
            If matplotlib is not installed.
        """
        history = _check_history(self.history)
        best = _check_epoch(self.best_epoch, history)
        ax = axes_for(ax, size=(6.4, 4.0))
        ax.set_yscale("log" if _spans_a_decade(history, self.terms) else "linear")
        self.lines_, self.term_lines_ = [], []
        n_networks = history["network"].nunique()
        for _, network in history.groupby("network"):
            self.lines_ += _draw_losses(ax, network, n_networks, line_kw)
        for _, network in history.groupby("network"):
            self.term_lines_ += _draw_terms(ax, network, n_networks, self.terms)
        self.best_line_, self.best_marker_ = (None, None) if best is None else _mark(ax, best)
        _format_axes(ax, history)
        self.legend_ = ax.legend(*ax.get_legend_handles_labels(), frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_losses(ax: Axes, network: pd.DataFrame, n_networks: int, line_kw: dict) -> list:
    """Draw the losses of one network; only the first network has entries in the legend."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    lines, line_kw = [], normalize_kwargs(line_kw, Line2D)
    for column, (name, colour) in _LOSSES.items():
        if network[column].isna().all():
            continue
        style: dict[str, Any] = {
            "color": colour,
            "marker": "." if len(network) <= _FEW_EPOCHS + 1 else None,
        }
        if n_networks > 1:
            style |= {"linewidth": 1, "alpha": 0.6}
            name = f"{name} of {n_networks} networks"
        label = name if name not in ax.get_legend_handles_labels()[1] else None
        lines += ax.plot(network["epoch"], network[column], **{**style, "label": label, **line_kw})
    return lines


def _draw_terms(ax: Axes, network: pd.DataFrame, n_networks: int, terms: Sequence[str]) -> list:
    """Draw the terms of each loss of one network that is a sum of several."""
    lines = []
    for prefix, (title, style) in _TERM_STYLES.items():
        columns = {name: f"{prefix}_{name}" for name in terms if f"{prefix}_{name}" in network}
        if len(columns) < 2:
            continue
        for name, column in columns.items():
            label = f"{title}: {name.replace('_', ' ')}"
            new = label not in ax.get_legend_handles_labels()[1]
            lines += ax.plot(
                network["epoch"],
                network[column],
                color=f"C{_FIRST_COLOUR + terms.index(name)}",
                linestyle=style,
                linewidth=1,
                alpha=1 if n_networks == 1 else 0.6,
                label=label if new else None,
            )
    return lines


def _mark(ax: Axes, best: pd.Series) -> tuple:
    """Mark the epoch whose weights were kept, and its loss if it is known."""
    known = [column for column in ("valid_loss", "train_loss") if not np.isnan(best[column])]
    epoch = int(best["epoch"])
    label = f"kept: epoch {epoch}" + (", before training" if epoch == 0 else "")
    line = ax.axvline(epoch, color="0.4", linewidth=0.8, zorder=1)
    loss, colour = np.nan, "0.4"
    if known:
        name, colour = _LOSSES[known[0]]
        loss = best[known[0]]
        label += f", {name} {format_number(loss)}"
    style: dict[str, Any] = {
        "linestyle": "none",
        "marker": "o",
        "markersize": 7,
        "markeredgecolor": "0.2",
    }
    (marker,) = ax.plot([epoch], [loss], color=colour, label=label, zorder=3, **style)
    return line, marker


def _format_axes(ax: Axes, history: pd.DataFrame) -> None:
    """Label the axes, with integers at the axis of the epochs."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    format_log_ticks(ax)
    ax.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    margin = 0.03 * max(1, history["epoch"].max() - history["epoch"].min())
    ax.set_xlim(history["epoch"].min() - margin, history["epoch"].max() + margin)
    ax.spines[["top", "right"]].set_visible(False)


def _spans_a_decade(history: pd.DataFrame, terms: Sequence[str]) -> bool:
    """Return whether all losses are positive, differ by a factor of ten, and no term is below 0."""
    losses = history[list(_LOSSES)].to_numpy(dtype=np.float64)
    losses = losses[np.isfinite(losses)]
    names = [f"{prefix}_{term}" for prefix in _TERM_STYLES for term in terms]
    if (history[[name for name in names if name in history]] < 0).any(axis=None):
        return False
    return len(losses) > 0 and losses.min() > 0 and losses.max() > 10 * losses.min()


def _check_history(history: object) -> pd.DataFrame:
    """Return the history, with a column `network`."""
    if not isinstance(history, pd.DataFrame):
        raise TypeError(f"history must be a pandas DataFrame, got {type(history).__name__}.")
    missing = [name for name in ("epoch", *_LOSSES) if name not in history]
    if missing:
        raise ValueError(
            f"history must have the columns epoch, train_loss and valid_loss, got "
            f"{list(history.columns)} without {' and '.join(missing)}."
        )
    if not len(history):
        raise ValueError("history must have one row per epoch, got no rows.")
    return history if "network" in history else history.assign(network=0)


def _check_epoch(best_epoch: Any, history: pd.DataFrame) -> pd.Series | None:
    """Return the row of `best_epoch`."""
    if best_epoch is None:
        return None
    found = history[history["epoch"] == best_epoch]
    if not isinstance(best_epoch, Integral) or isinstance(best_epoch, bool) or len(found) != 1:
        raise ValueError(
            f"best_epoch must be None or one epoch of history, an integer from "
            f"{history['epoch'].min()} to {history['epoch'].max()}, got {best_epoch!r}."
        )
    return found.iloc[0]
