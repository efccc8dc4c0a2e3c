"""Figures on tokens: rows of intervals in several series, and rank curves.

Design choices

- As in `hypecheck.plots`: five inches wide, opaque, one style, a text for who does not see them.
- Series differ in colour and shape, and are named in a legend.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
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


def _looks() -> Any:
    return cycle(look | {"markersize": 6.5} for look in (*CURVES[1:], CURVES[0]))


def _axes(body: float, below: float, left: float) -> tuple[Figure, Axes]:
    height = 0.12 + body + below
    figure = Figure((WIDTH, height))
    rect = (left / WIDTH, below / height, (WIDTH - left - 0.25) / WIDTH, body / height)
    return figure, figure.add_axes(rect)


def _with_text(figure: Figure, text: str) -> Figure:
    figure.alt_text = textwrap.dedent(text).strip()  # type: ignore[attr-defined]
    return figure
