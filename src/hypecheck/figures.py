"""Figures for any chapter: rows of intervals, curves with bands, points, maps and rank curves.

Design choices

- As in `hypecheck.plots`: five inches wide, opaque, one style, a text for who does not see them.
- Series differ in colour and shape, and are named in a legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hypecheck.intervals import Interval
from hypecheck.plots import CURVES, FAINT, LINE, WIDTH, style


def interval_rows(
    series: Mapping[str, Mapping[str, Interval]],
    *,
    xlabel: str,
    alt_text: str,
    reference: float | None = None,
    left: float = 1.55,
) -> Figure:
    """Draw intervals, a row for each thing that is compared and a shape for each series.

    Parameters
    ----------
    series : mapping of str to mapping of str to Interval
        By name of the series, then by row; a row may be absent from a series.
    xlabel : str
        What was measured, and on how much.
    alt_text : str
        The finding, with its numbers.
    reference : float, optional
        Where to draw a dotted line.
    left : float, default 1.55
        Inches for the names of the rows.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Examples
    --------
    >>> shares = {"as a bag": {"characters": Interval(0.1, 0.0, 0.2)}}
    >>> interval_rows(shares, xlabel="share", alt_text="Few change.").alt_text
    'Few change.'
    """
    rows = list(dict.fromkeys(row for one in series.values() for row in one))
    below = LINE * (3 + xlabel.count("\n") + -(-len(series) // 2)) + 0.12
    with style():
        figure, axes = _axes(0.34 * len(rows) + 0.1, below, left)
        if reference is not None:
            axes.axvline(reference, color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
        for number, ((name, found), look) in enumerate(zip(series.items(), _looks(), strict=False)):
            shift = 0.2 * (number - (len(series) - 1) / 2)
            heights = [rows.index(row) + shift for row in found]
            ends = [(one.low, one.high) for one in found.values()]
            axes.hlines(heights, *zip(*ends, strict=True), color=look["color"])
            middles = [one.estimate for one in found.values()]
            axes.plot(middles, heights, **look | {"linestyle": "none", "label": name})
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(xlabel)
        if len(series) > 1:
            figure.legend(loc="lower left", ncols=2, handletextpad=0.3, columnspacing=1.2)
    return _with_text(figure, alt_text)


def curves(
    series: Mapping[str, Mapping[float, Interval]],
    *,
    xlabel: str,
    ylabel: str,
    alt_text: str,
    reference: float | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Draw quantities with their intervals against a number, a curve for each series.

    Parameters
    ----------
    series : mapping of str to mapping of float to Interval
        By name of the series, then by place on the horizontal axis.
    xlabel, ylabel : str
        What was varied, and what was measured on how much.
    alt_text : str
        The finding, with its numbers.
    reference : float, optional
        Where to draw a dotted level.
    log_x, log_y : bool, default False
        Logarithmic scales.

    Returns
    -------
    figure : Figure
        With ``alt_text``; bars are the intervals.

    Examples
    --------
    >>> found = {"k-mers": {50: Interval(0.2, 0.1, 0.3), 500: Interval(0.4, 0.3, 0.5)}}
    >>> figure = curves(found, xlabel="labels", ylabel="MCC", alt_text="It rises.", log_x=True)
    >>> figure.axes[0].get_xscale()
    'log'
    """
    with style():
        figure, axes = _plane(len(series), xlabel)
        if reference is not None:
            axes.axhline(reference, color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
        for (name, found), look in zip(series.items(), _looks(), strict=False):
            places = np.array(sorted(found))
            chosen = [found[place] for place in places]
            middles = np.array([one.estimate for one in chosen])
            axes.vlines(places, *_ends(chosen), color=look["color"], linewidth=1.4)
            axes.plot(places, middles, label=name, **look)
        _scale(axes, log_x, log_y, [place for found in series.values() for place in found])
        _label(figure, axes, xlabel, ylabel, len(series))
    return _with_text(figure, alt_text)


def scatter(
    groups: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    xlabel: str,
    ylabel: str,
    alt_text: str,
    diagonal: bool = False,
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Draw points in groups that differ in colour and shape.

    Parameters
    ----------
    groups : mapping of str to pair of array_like, shape (N,)
        By name: horizontal and vertical places.
    xlabel, ylabel : str
        What the axes are, and how many points there are.
    alt_text : str
        The finding, with its numbers.
    diagonal : bool, default False
        Draw the line on which both are equal.
    log_x, log_y : bool, default False
        Logarithmic scales.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Examples
    --------
    >>> scatter({"models": ([1, 2], [3, 4])}, xlabel="x", ylabel="y", alt_text="Two.").alt_text
    'Two.'
    """
    with style():
        figure, axes = _plane(len(groups), xlabel)
        for (name, (x, y)), look in zip(groups.items(), _looks(), strict=False):
            size = 6.5 if len(np.atleast_1d(np.asarray(x))) < 200 else 3.0
            axes.plot(
                x, y, label=name, alpha=0.8, **look | {"linestyle": "none", "markersize": size}
            )
        _scale(axes, log_x, log_y, ())
        if diagonal:
            both = axes.get_xlim(), axes.get_ylim()
            ends = [max(low for low, _ in both), min(high for _, high in both)]
            axes.plot(ends, ends, color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
        _label(figure, axes, xlabel, ylabel, len(groups))
    return _with_text(figure, alt_text)


def number_map(
    values: npt.ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    xlabel: str,
    alt_text: str,
    words: Sequence[Sequence[str]] | None = None,
    left: float = 1.55,
) -> Figure:
    """Draw a table of signed numbers as a map: colour and printed number say the same.

    Parameters
    ----------
    values : array_like, shape (R, C)
        NaN where nothing was measured.
    rows, columns : sequence of str, lengths R and C
        Their names.
    xlabel : str
        What the numbers are, and what sign favours what.
    alt_text : str
        The finding, with its numbers.
    words : sequence of sequence of str, optional
        Printed in the fields instead of the numbers.
    left : float, default 1.55
        Inches for the names of the rows.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Raises
    ------
    ValueError
        If the names do not fit the numbers.

    Examples
    --------
    >>> number_map([[0.1, -0.2]], ["a"], ["x", "y"], xlabel="gain", alt_text="Mixed.").alt_text
    'Mixed.'
    """
    table = np.asarray(values, dtype=np.float64)
    if table.shape != (len(rows), len(columns)):
        raise ValueError(f"{len(rows)} rows and {len(columns)} columns named, values {table.shape}")
    below = LINE * (3.2 + xlabel.count("\n") + max(name.count("\n") for name in columns))
    limit = max(float(np.nanmax(np.abs(table))), 1e-9)
    height = max(0.4, 0.08 + LINE * max(1 + name.count("\n") for name in rows))
    with style():
        figure, axes = _axes(height * len(rows), below, left)
        axes.imshow(table, cmap="PuOr", vmin=-2.4 * limit, vmax=2.4 * limit, aspect="auto")
        for (i, j), value in np.ndenumerate(table):
            text = words[i][j] if words else ("not run" if np.isnan(value) else f"{value:+.2f}")
            axes.text(j, i, text, ha="center", va="center", fontsize=9)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xticks(range(len(columns)), columns)
        axes.grid(visible=False)
        axes.set_xlabel(xlabel)
    return _with_text(figure, alt_text)


def rank_curves(counts: Mapping[str, npt.ArrayLike], *, xlabel: str, alt_text: str) -> Figure:
    """Draw how often tokens occur against their rank, on two logarithmic scales.

    Parameters
    ----------
    counts : mapping of str to array_like, shape (V,) or (N, V)
        By source; rows are added up.
    xlabel : str
        Label of the ranks.
    alt_text : str
        The finding, with its numbers.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Examples
    --------
    >>> rank_curves({"text": [4, 2, 1]}, xlabel="rank", alt_text="It falls.").alt_text
    'It falls.'
    """
    below = 0.6 + LINE * (xlabel.count("\n") + -(-len(counts) // 2))
    with style():
        figure, axes = _axes(2.3, below, 0.75)
        for (name, found), look in zip(counts.items(), _looks(), strict=False):
            total = np.sort(np.atleast_2d(found).sum(axis=0))[::-1]
            total = total[total > 0] / total.sum()
            marks = np.unique(np.geomspace(1, len(total), 7).astype(int)) - 1
            axes.plot(np.arange(1, len(total) + 1), total, label=name, markevery=marks, **look)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(axis="both")
        axes.set_xlabel(xlabel)
        axes.set_ylabel("share of all tokens")
        figure.legend(loc="lower left", ncols=2, handlelength=3)
    return _with_text(figure, alt_text)


def clouds(
    panels: Mapping[str, npt.ArrayLike], kinds: Sequence[str], *, alt_text: str, note: str = ""
) -> Figure:
    """Draw the same things as points in several planes, side by side, without axes.

    Parameters
    ----------
    panels : mapping of str to array_like, shape (N, 2)
        By title: places whose axes mean nothing, as those of t-SNE.
    kinds : sequence of str, length N
        What each point is; kinds differ in colour and shape.
    alt_text : str
        The finding, with its numbers.
    note : str, optional
        One line below.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Examples
    --------
    >>> clouds({"a": [[0, 1], [1, 0]]}, ["x", "y"], alt_text="Two points.").alt_text
    'Two points.'
    """
    names, which = list(dict.fromkeys(kinds)), np.asarray(kinds)
    n_lines = max(title.count("\n") for title in panels) + 1
    with style():
        figure, _ = _axes(1.7, LINE * (2 + bool(note)), 0.1)
        figure.clear()
        below, wide = LINE * (2 + bool(note)), (WIDTH - 0.1) / len(panels)
        height = 1.7 + below + LINE * n_lines
        figure.set_size_inches(WIDTH, height)
        for number, (title, places) in enumerate(panels.items()):
            left = (0.1 + number * wide) / WIDTH
            rect = (left, below / height, (wide - 0.1) / WIDTH, 1.7 / height)
            axes = figure.add_axes(rect, xticks=[], yticks=[])
            axes.set_title(title, fontsize=9)
            for name, look in zip(names, _looks(), strict=False):
                here = np.asarray(places)[which == name]
                points = look | {"linestyle": "none", "markersize": 2.6}
                axes.plot(*here.T, label=name if number == 0 else None, alpha=0.8, **points)
        figure.legend(loc="lower left", ncols=len(names), markerscale=2.5, handletextpad=0.2)
        if note:
            figure.text(0.98, 0.02, note, ha="right", va="bottom", fontsize=9)
    return _with_text(figure, alt_text)


def _looks() -> Any:
    return cycle(look | {"markersize": 6.5} for look in (*CURVES[1:], CURVES[0]))


def _plane(n_series: int, xlabel: str) -> tuple[Figure, Axes]:
    legend = -(-n_series // 2) if n_series > 1 else 0
    return _axes(2.4, 0.6 + LINE * (xlabel.count("\n") + legend), 0.75)


def _ends(found: Sequence[Interval]) -> tuple[list[float], list[float]]:
    return [one.low for one in found], [one.high for one in found]


def _scale(axes: Axes, log_x: bool, log_y: bool, places: Sequence[float]) -> None:
    if log_x:
        axes.set_xscale("log")
        shown = sorted(set(places))
        if 1 < len(shown) < 8:
            axes.set_xticks(shown, [f"{place:,g}" for place in shown])
            axes.set_xticks([], minor=True)
    if log_y:
        axes.set_yscale("log")


def _label(figure: Figure, axes: Axes, xlabel: str, ylabel: str, n_series: int) -> None:
    axes.grid(axis="both")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if n_series > 1:
        figure.legend(loc="lower left", ncols=2, handlelength=2.6, columnspacing=1.2)


def _axes(body: float, below: float, left: float) -> tuple[Figure, Axes]:
    height = 0.12 + body + below
    figure = Figure((WIDTH, height))
    rect = (left / WIDTH, below / height, (WIDTH - left - 0.25) / WIDTH, body / height)
    return figure, figure.add_axes(rect)


def _with_text(figure: Figure, text: str) -> Figure:
    figure.alt_text = textwrap.dedent(text).strip()  # type: ignore[attr-defined]
    return figure
