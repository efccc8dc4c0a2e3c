"""Several measures of the same rows, side by side: one panel each, one scale each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from matplotlib.figure import Figure

from hypecheck.intervals import Interval
from hypecheck.plots import style

ROW = 0.27  # inches
BASE, STRESSED = "#4c78a8", "#b4530a"


def interval_panels(
    panels: Mapping[str, Mapping[str, Interval]],
    *,
    alt_text: str,
    stressed: Collection[str] = (),
    left: float = 1.45,
    width: float = 7.0,
) -> Figure:
    """Draw intervals in panels that share their rows.

    Parameters
    ----------
    panels : mapping of str to mapping of str to Interval
        By title of the panel, then by row; a row may be absent from a panel.
    alt_text : str
        The finding, with its numbers.
    stressed : collection of str
        Rows drawn in another colour and shape.
    left, width : float
        Inches for the names of the rows, and in all.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Examples
    --------
    >>> one = {"text": Interval(0.1, 0.0, 0.2), "DNA": Interval(0.3, 0.2, 0.4)}
    >>> len(interval_panels({"a": one, "b": one}, alt_text="DNA is higher.").axes)
    2
    """
    rows = list(dict.fromkeys(row for panel in panels.values() for row in panel))
    height = ROW * len(rows) + 1.0
    with style():
        figure = Figure((width, height))
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for place, (title, found) in zip(axes, panels.items(), strict=True):
            for row, one in found.items():
                is_stressed = row in stressed
                colour = STRESSED if is_stressed else BASE
                place.hlines(rows.index(row), one.low, one.high, color=colour, linewidth=1.6)
                marker = "D" if is_stressed else "o"
                place.plot(one.estimate, rows.index(row), marker, color=colour, markersize=4.5)
            place.set_title(title, fontsize=8.5)
            place.tick_params(axis="x", labelsize=7.5)
            place.margins(x=0.12)
            place.locator_params(axis="x", nbins=3)
            place.grid(axis="y", linewidth=0.4)
        axes[0].set_yticks(range(len(rows)), rows)
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        figure.subplots_adjust(
            left=left / width, right=0.985, bottom=0.32 / height, top=1 - 0.55 / height, wspace=0.12
        )
    figure.alt_text = alt_text  # type: ignore[attr-defined]
    return figure
