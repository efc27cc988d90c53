"""Axes and figures to draw on, and the formatting of numbers and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

# Longer names are shortened in the middle, since beginnings and ends usually tell them apart.
_LONGEST_NAME = 32
# From here on numbers are written with an exponent.
_EXPONENT_FROM = 1e9


def axes_for(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes of the user, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        Argument of the user.

    size : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    TypeError
        If `ax` is neither None nor axes.
    """
    try:
        import matplotlib.pyplot as plt
        from matplotlib.axes import Axes
    except ImportError as error:
        raise _not_installed() from error
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be None or matplotlib Axes, got {type(ax).__name__}.")
    return ax


def figure_for(fig: FigureBase | None, size: tuple[float, float]) -> FigureBase:
    """Return the figure of the user, or a new empty figure.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, matplotlib.figure.SubFigure or None
        Argument of the user.

    size : tuple of float
        Width and height of a new figure, in inches.

    Returns
    -------
    matplotlib.figure.Figure or matplotlib.figure.SubFigure

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    TypeError
        If `fig` is neither None nor a figure.
    """
    try:
        import matplotlib.pyplot as plt
        from matplotlib.figure import FigureBase
    except ImportError as error:
        raise _not_installed() from error
    if fig is None:
        return plt.figure(figsize=size, layout="constrained")
    if not isinstance(fig, FigureBase):
        raise TypeError(f"fig must be None or a matplotlib Figure, got {type(fig).__name__}.")
    return fig


def format_number(value: float, digits: int = 3) -> str:
    """Return a number with this many digits, but never fewer than all its integer digits."""
    from matplotlib.ticker import Formatter

    if abs(value) == float("inf"):
        return Formatter.fix_minus("-∞" if value < 0 else "∞")
    if 10**digits - 0.5 <= abs(value) < _EXPONENT_FROM:
        return Formatter.fix_minus(f"{value:,.0f}")
    return Formatter.fix_minus(f"{value + 0.0:.{digits}g}")  # minus zero plus zero is zero


def format_name(name: object) -> str:
    """Return a name as plain text, shortened if it is long."""
    text = str(name)
    if len(text) > _LONGEST_NAME:
        half = (_LONGEST_NAME - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    # Matplotlib would read the text between two dollar signs as a formula.
    return text.replace("$", r"\$")


def _not_installed() -> ImportError:
    return ImportError(
        'Displays need matplotlib, which is not installed: pip install "skae[plots]"'
    )
