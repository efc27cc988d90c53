"""Axes to draw on, and how numbers and names are written there."""

from __future__ import annotations

# Names beyond this length lose their middle: beginnings and ends tell them apart.
_LONGEST_NAME = 32
# From here on numbers are written with an exponent.
_EXPONENT_FROM = 1e9


def axes_for(ax, size: tuple[float, float]):
    """Return the axes of the user, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        What the user gave.

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


def figure_for(fig, size: tuple[float, float]):
    """Return the figure of the user, or a new one, empty.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, matplotlib.figure.SubFigure or None
        What the user gave.

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


def written_number(value: float, digits: int = 3) -> str:
    """Return a number with so many digits, or with all before the point where there are more."""
    from matplotlib.ticker import Formatter

    if abs(value) == float("inf"):
        return Formatter.fix_minus("-∞" if value < 0 else "∞")
    if 10**digits - 0.5 <= abs(value) < _EXPONENT_FROM:
        return Formatter.fix_minus(f"{value:,.0f}")
    return Formatter.fix_minus(f"{value + 0.0:.{digits}g}")  # minus zero plus zero is zero


def written_name(name) -> str:
    """Return a name as plain text of a length that leaves room for the picture."""
    text = str(name)
    if len(text) > _LONGEST_NAME:
        half = (_LONGEST_NAME - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    # Two dollar signs would make matplotlib read a formula.
    return text.replace("$", r"\$")


def _not_installed() -> ImportError:
    return ImportError(
        'Displays need matplotlib, which is not installed: pip install "skae[plots]"'
    )
