"""Figures from result objects: no computation, one style, a text for those who do not see them.

Design choices

- Every function returns a Figure with a string ``alt_text``, made by the result that it draws.
- Nothing is drawn that compares without n, seeds and intervals: `ValueError` names what is missing.
- Figures are 5 inches (360 points) wide, so that text of 10 points is 10 pixels high on a phone of
  360 pixels. Their face is opaque white, in light and dark themes alike.
- Where numbers come from is told by colour, by shape and by a word; every mark has a contrast of
  3 or more with white, every text 4.5 or more.
- Same result, same bytes: the style fixes fonts, sizes and the salt of SVG identifiers.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from hypecheck.ladder_result import (
    LABELS,
    METRIC_LABELS,
    RUNGS,
    Difference,
    LadderResult,
    RungResult,
)
from hypecheck.leaderboards import RankStability
from hypecheck.splits import LeakageAudit

WIDTH = 5.0  # inches, as all lengths below
LABELS_WIDTH, VALUES_WIDTH, WORDS_WIDTH = 1.74, 0.5, 1.0
LINE = 0.19  # height of a line of text
INK, FAINT, GRID = "#1A1A1A", "#595959", "#D9D9D9"
BAND = "#EDEDED"
BANNER = "#FFF3C4"
CLEAN, LEAKED = "#0072B2", "#B84A00"


@dataclass(frozen=True)
class Mark:
    """How one kind of number looks: colour, shape, filled or hollow, and its word."""

    colour: str
    marker: str
    filled: bool
    word: str


MARKS = {
    "live": Mark("#0072B2", "o", True, "live, this page"),
    "recorded": Mark("#B84A00", "s", True, "recorded run"),
    "published": Mark("#7A2E8E", "D", False, "published"),
    "simulated": Mark("#00795C", "^", True, "simulated"),
}
CURVES: tuple[
    dict[str, Any], ...
] = (  # Okabe and Ito's palette, darkened to a contrast of 3 with white; no two shapes alike
    {"color": "#595959", "marker": "o", "linestyle": ":"},
    {"color": "#0072B2", "marker": "s", "linestyle": "-"},
    {"color": "#B84A00", "marker": "^", "linestyle": "--"},
    {"color": "#00795C", "marker": "D", "linestyle": "-."},
    {"color": "#7A2E8E", "marker": "v", "linestyle": "-"},
    {"color": "#1A1A1A", "marker": "P", "linestyle": "--"},
    {"color": "#A6761D", "marker": "X", "linestyle": "-."},
)


@contextmanager
def style() -> Iterator[None]:
    """Draw in the book's style inside, and leave matplotlib's settings as they were.

    Examples
    --------
    >>> with style():
    ...     mpl.rcParams["svg.hashsalt"]
    'hypecheck'
    """
    settings: Any = {
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "x",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": INK,
        "ytick.color": INK,
        "ytick.left": False,
        "figure.facecolor": "white",
        "axes.facecolor": "white",
        "savefig.facecolor": "white",
        "figure.dpi": 150,
        "savefig.dpi": 150,
        "svg.hashsalt": "hypecheck",
        "legend.frameon": False,
        "lines.linewidth": 1.8,
    }
    with mpl.rc_context(settings):
        yield


def ladder_figure(result: LadderResult) -> Figure:
    """Draw one ladder: every rung with its interval, published scores apart.

    Parameters
    ----------
    result : LadderResult
        From `ladder.climb` or a recorded run.

    Returns
    -------
    figure : Figure
        With ``alt_text``. Small ticks are single seeds, the dotted line is the reference rung.

    Raises
    ------
    ValueError
        If a rung lacks seeds or an interval, or the result has no test sequences.
    """
    _check(result)
    rows = _rows([result])
    with style():
        page = _Page(f"{result.task}: {result.headline()}", result.stand_in, 0.3 * _top(rows), 1.05)
        axes = page.axes(VALUES_WIDTH)
        _draw_ladder(axes, result, rows)
        axes.set_xlabel(
            f"{METRIC_LABELS[result.metric]}, 95 % interval; small ticks: single seeds\n"
            f"{result.n_test} test sequences, {result.n_seeds} seeds"
        )
        _legend(page.figure, [result])
    return _with_text(page.figure, result.alt_text())


def ladder_panels(results: Sequence[LadderResult], *, title: str | None = None) -> Figure:
    """Draw several ladders as small panels, two a line, on one scale.

    Parameters
    ----------
    results : sequence of LadderResult
        One for each task, all in one metric.
    title : str, optional
        What the figure shows, with its numbers; by default metric and number of tasks.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Raises
    ------
    ValueError
        If there is no result, metrics differ, or a result lacks n, seeds or intervals.
    """
    if len({result.metric for result in results}) != 1:
        raise ValueError("panels need one result or more, all in one metric; draw others apart")
    for result in results:
        _check(result)
    rows = _rows(results)
    body, gap, n_lines = 0.25 * _top(rows), 0.95, -(-len(results) // 2)
    stand_in = "; ".join(sorted({result.stand_in for result in results if result.stand_in}))
    metric = METRIC_LABELS[results[0].metric]
    with style():
        plain = f"{metric} on {len(results)} tasks, 95 % intervals; small ticks: single seeds"
        page = _Page(title or plain, stand_in, n_lines * (body + gap) - gap, 1.05, above=2 * LINE)
        first = None
        for number, result in enumerate(results):
            line, column = divmod(number, 2)
            axes = page.panel(column, line * (body + gap), body, first)
            first = first or axes
            _draw_ladder(axes, result, rows, labelled=column == 0)
            axes.set_title(_short_name(result.task), fontweight="bold", fontsize=10)
            axes.set_xlabel(f"n = {result.n_test}, {result.n_seeds} seeds")
        _legend(page.figure, results)
    texts = [title.rstrip(".") + "."] if title else []
    return _with_text(page.figure, " ".join([*texts, *(one.alt_text() for one in results)]))


def difference_figure(result: LadderResult) -> Figure:
    """Draw every rung's paired difference to the reference, with the margin as a band.

    Parameters
    ----------
    result : LadderResult
        From `ladder.climb` or a recorded run.

    Returns
    -------
    figure : Figure
        With ``alt_text``; thin lines are 95 %, thick ones 90 % intervals.

    Raises
    ------
    ValueError
        If the result lacks differences, n, seeds or intervals.
    """
    _check(result)
    if not result.differences:
        raise ValueError(f"the ladder on {result.task!r} has no paired differences; climb it again")
    reference, metric = result[result.reference].label, METRIC_LABELS[result.metric]
    labels = [LABELS.get(gap.rung, gap.rung) for gap in result.differences]
    with style():
        title = f"{result.task}: {result.headline()}"
        page = _Page(title, result.stand_in, 0.3 * len(labels), 1.25)
        axes = page.axes(WORDS_WIDTH)
        axes.axvspan(-result.margin, result.margin, color=BAND, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=1)
        for height, gap in enumerate(result.differences):
            _draw_difference(axes, height, gap, MARKS[result[gap.rung].kind])
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(-0.6, len(labels) - 0.4)
        axes.set_xlabel(
            f"{metric} minus that of {reference}\n"
            f"grey band: ±{result.margin:g}; line 95 %, bar 90 % interval\n"
            f"{result.n_test} test sequences, {result.n_seeds} seeds"
        )
        _legend(page.figure, [result], published=False)
    gaps = ", ".join(
        f"{label} {gap.interval95} ({gap.word})"
        for label, gap in zip(labels, result.differences, strict=True)
    )
    text = (
        f"Paired differences in {metric} to {reference} on {result.task} ({result.n_test} test "
        f"sequences, {result.n_seeds} seeds), with 95 % intervals: {gaps}."
    )
    return _with_text(page.figure, text)


def expected_best_figure(result: LadderResult, *, against: str = "trials") -> Figure:
    """Draw what a search would find: expected best validation score against its effort.

    Parameters
    ----------
    result : LadderResult
        With two trials or more for some rung.
    against : {"trials", "seconds"}, default "trials"
        The effort: configurations tried, or their mean CPU seconds.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Raises
    ------
    ValueError
        If no rung has two trials, or `against` is something else.
    """
    curves = result.expected_best()
    if against not in ("trials", "seconds"):
        raise ValueError(f"against must be 'trials' or 'seconds', got {against!r}")
    if not curves:
        raise ValueError(
            f"no rung on {result.task!r} has two trials or more: a live run with chosen "
            "configurations has no search to show; draw the recorded run"
        )
    metric = METRIC_LABELS[result.metric]
    with style():
        page = _Page(f"{result.task}: what tuning buys", result.stand_in, 2.3, 1.4)
        axes = page.axes(0.4, left=0.7)
        for look, (name, (seconds, best)) in zip(cycle(CURVES), curves.items(), strict=False):
            x = seconds if against == "seconds" else np.arange(1, len(best) + 1)
            axes.plot(x, best, label=LABELS.get(name, name), markersize=5, **look)
        axes.grid(axis="both")
        axes.set_ylabel(f"expected best validation {metric}")
        if against == "seconds":
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.set_xlabel("CPU seconds of search")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("configurations tried")
        page.figure.legend(loc="lower left", ncols=2)
    ends = ", ".join(
        f"{LABELS.get(name, name)} {best[0]:.3f} after one and {best[-1]:.3f} after {len(best)}"
        for name, (_, best) in curves.items()
    )
    text = (
        f"Expected best validation {metric} on {result.task} ({result.n_validation} sequences, "
        f"first seed) against {against} of search, by configurations tried: {ends}."
    )
    return _with_text(page.figure, text)


def leak_figure(audit: LeakageAudit, *, title: str = "What the training part gives away") -> Figure:
    """Draw what a leakage audit found, as counts of test sequences.

    Parameters
    ----------
    audit : LeakageAudit
        From `splits.audit`.
    title : str
        What was audited.

    Returns
    -------
    figure : Figure
        With ``alt_text``.

    Raises
    ------
    ValueError
        If the audit has no test sequences.
    """
    if audit.n_test < 1:
        raise ValueError("the audit has no test sequences (n); audit a split that has some")
    counts = {
        "clean": len(audit.clean_test_index),
        "near-duplicate": audit.n_near,
        "reverse complement": audit.n_reverse_complement,
        "exact copy": audit.n_exact,
    }
    if audit.n_coordinate_overlap is not None:
        counts["overlap on the genome"] = audit.n_coordinate_overlap
    with style():
        page = _Page(title, None, 0.32 * len(counts), 0.6)
        axes = page.axes(1.15)
        colours = [CLEAN if name == "clean" else LEAKED for name in counts]
        axes.barh(list(counts), list(counts.values()), color=colours, height=0.62)
        for height, number in enumerate(counts.values()):
            _note(axes, height, f"{number:,} ({number / audit.n_test:.1%})")
        axes.set_xlim(0, audit.n_test)
        axes.set_xlabel(f"of {audit.n_test:,} test sequences")
    return _with_text(page.figure, f"{title}. {audit.sentence()}")


def rank_figure(names: Sequence[str], stability: RankStability, *, n_tasks: int) -> Figure:
    """Draw a leaderboard with what its ranks hide: each model's best and worst task.

    Parameters
    ----------
    names : sequence of str
        Of the models.
    stability : RankStability
        From `leaderboards.rank_stability`, on a published table.
    n_tasks : int
        Tasks behind each mean.

    Returns
    -------
    figure : Figure
        With ``alt_text``. Percentages are shares of resamples that a model wins.

    Raises
    ------
    ValueError
        If names and ranks differ in number.
    """
    order = np.argsort(stability.rank, kind="stable")[::-1]
    if len(order) != len(names):
        raise ValueError(f"{len(order)} ranks need as many names, got {len(names)}")
    live, published = MARKS["live"].colour, MARKS["published"].colour
    with style():
        title = f"Where {len(names)} models rank in {n_tasks} categories"
        page = _Page(title, None, LINE * len(names), 1.45)
        axes = page.axes(VALUES_WIDTH, left=2.1)
        for height, model in enumerate(order):
            ends = [stability.best[model], stability.worst[model]]
            axes.plot(ends, [height] * 2, "-D", color=published, lw=0.9, ms=3.5, mfc="white")
            axes.hlines(height, stability.low[model], stability.high[model], color=live, lw=5)
            axes.plot([stability.rank[model]], [height], "o", color=INK, markersize=4.5)
            if stability.p_best[model] >= 0.005:
                _note(axes, height, f"{stability.p_best[model]:.0%}")
        axes.set_yticks(range(len(names)), [names[model] for model in order])
        axes.set_ylim(-0.7, len(names) - 0.3)
        axes.set_xlim(0, len(names) + 1)
        axes.set_xlabel("rank (1 is best)\nright: share of resamplings won")
        _rank_legend(page.figure)
    return _with_text(page.figure, _rank_text(names, stability, n_tasks))


# --- parts --------------------------------------------------------------------------------------


class _Page:
    """A figure laid out in inches: banner, title, body, and room for labels and legend below."""

    def __init__(
        self, title: str, stand_in: str | None, body: float, below: float, above: float = 0.0
    ) -> None:
        titles = textwrap.wrap(title, 56)
        banner = textwrap.wrap(f"STAND-IN DATA: {stand_in}", 60) if stand_in else []
        top = 0.1 + LINE * len(titles) + (LINE * len(banner) + 0.22 if banner else 0) + 0.08 + above
        self.body, self.below, self.height = body, below, top + body + below
        self.figure = Figure((WIDTH, self.height))
        y = self.height - 0.1
        if banner:
            box = {"facecolor": BANNER, "edgecolor": FAINT, "boxstyle": "square,pad=0.35"}
            self._write(y - 0.06, "\n".join(banner), bbox=box)
            y -= LINE * len(banner) + 0.22
        self._write(y, "\n".join(titles), fontsize=11, fontweight="bold")

    def _write(self, y: float, text: str, **look: Any) -> None:
        self.figure.text(0.12 / WIDTH, y / self.height, text, va="top", **look)

    def axes(self, right: float, left: float = LABELS_WIDTH) -> Axes:
        """Axes that fill the body between `left` and `right` inches of margin."""
        return self._axes(left, self.below, WIDTH - left - right, self.body)

    def panel(self, column: int, down: float, body: float, like: Axes | None) -> Axes:
        """One of two columns of axes, `down` inches below the top of the body."""
        width = (WIDTH - LABELS_WIDTH) / 2
        left = LABELS_WIDTH + column * width
        bottom = self.below + self.body - down - body
        return self._axes(left, bottom, width - VALUES_WIDTH, body, sharex=like)

    def _axes(self, left: float, bottom: float, width: float, height: float, **like: Any) -> Axes:
        rect = (left / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        return self.figure.add_axes(rect, **like)


def _short_name(task: str) -> str:
    """Name of a task that fits over a panel: "gue/tf/0" is "tf/0", longer ones are cut in lines."""
    parts = task.split("/")
    name = "/".join(parts[-2:]) if len(parts[-1]) < 3 else parts[-1]
    return "\n".join(textwrap.wrap(name, 17))


@dataclass(frozen=True)
class _Row:
    """One line of a ladder figure: a rung, or a published score, and its height."""

    key: tuple[str, ...]
    label: str
    height: float


def _rows(results: Sequence[LadderResult]) -> list[_Row]:
    """Every rung of any result from the bottom up, then every published score."""
    named = {rung.name: None for result in results for rung in result.rungs}
    named |= {name: None for result in results for name in result.not_applicable}
    order = [name for name in (*RUNGS, *(n for n in named if n not in RUNGS)) if name in named]
    rows = [_Row((name,), LABELS.get(name, name), height) for height, name in enumerate(order)]
    scores = {(one.model, one.protocol): None for result in results for one in result.reported}
    return rows + [
        _Row(key, f"{key[0]}\n{key[1]}, reported", len(order) + 0.3 + 1.5 * number)
        for number, key in enumerate(scores)
    ]


def _top(rows: Sequence[_Row]) -> float:
    return rows[-1].height + 1.2


def _draw_ladder(
    axes: Axes, result: LadderResult, rows: Sequence[_Row], *, labelled: bool = True
) -> None:
    heights = {row.key: row.height for row in rows}
    reference = result[result.reference].interval.estimate
    axes.axvline(reference, color=FAINT, linewidth=1, linestyle=(0, (2, 2)))
    for rung in result.rungs:
        _draw_rung(axes, heights[rung.name,], rung)
    for name in result.not_applicable:
        place = axes.get_yaxis_transform()
        text = "not applicable"
        axes.text(0.5, heights[name,], text, color=FAINT, ha="center", va="center", transform=place)
    for score in result.reported:
        height = heights[score.model, score.protocol]
        _point(axes, score.value, height, MARKS["published"])
        _note(axes, height, f"{score.value:.2f}")
    n_rungs = sum(len(row.key) == 1 for row in rows)
    if n_rungs < len(rows):
        axes.axhline(n_rungs - 0.45, color=FAINT, linewidth=0.8)
    axes.set_yticks([row.height for row in rows], [row.label for row in rows])
    axes.tick_params(labelleft=labelled)
    axes.set_ylim(-0.6, rows[-1].height + 0.6)


def _draw_rung(axes: Axes, height: float, rung: RungResult) -> None:
    mark = MARKS[rung.kind]
    axes.hlines(height, rung.interval.low, rung.interval.high, color=mark.colour)
    if not rung.deterministic:
        axes.plot(rung.scores, [height + 0.36] * len(rung.scores), "|", color=FAINT, markersize=4)
    _point(axes, rung.interval.estimate, height, mark)
    _note(axes, height, f"{rung.interval.estimate:.2f}")


def _draw_difference(axes: Axes, height: float, gap: Difference, mark: Mark) -> None:
    axes.hlines(height, gap.interval95.low, gap.interval95.high, color=mark.colour)
    axes.hlines(height, gap.interval90.low, gap.interval90.high, color=mark.colour, linewidth=4)
    _point(axes, gap.interval95.estimate, height, mark)
    _note(axes, height, gap.word)


def _look(mark: Mark) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": mark.marker,
        "color": mark.colour,
        "markersize": 7.5,
        "markeredgewidth": 1.8,
        "markerfacecolor": mark.colour if mark.filled else "white",
    }


def _point(axes: Axes, x: float, height: float, mark: Mark) -> None:
    axes.plot([x], [height], clip_on=False, **_look(mark))


def _note(axes: Axes, height: float, text: str) -> None:
    place = axes.get_yaxis_transform()
    axes.annotate(text, (1.03, height), xycoords=place, va="center", annotation_clip=False)


def _legend(figure: Figure, results: Sequence[LadderResult], *, published: bool = True) -> None:
    """Say in words what each shape and colour is."""
    kinds: list[str] = [rung.kind for result in results for rung in result.rungs]
    if published and any(result.reported for result in results):
        kinds.append("published")
    marks = [MARKS[kind] for kind in dict.fromkeys(kinds)]
    handles = [Line2D([], [], label=mark.word, **_look(mark)) for mark in marks]
    figure.legend(handles=handles, loc="lower left", ncols=4, handletextpad=0.1, columnspacing=1.2)


def _rank_legend(figure: Figure) -> None:
    live, published = MARKS["live"].colour, MARKS["published"].colour
    handles = [
        Line2D([], [], color=INK, marker="o", ls="none", label="rank of the mean over categories"),
        Line2D([], [], color=live, lw=5, label="its 95 % interval over categories (this page)"),
        Line2D([], [], color=published, marker="D", mfc="white", lw=0.9, ms=3.5,
               label="from best to worst category (published)"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="lower left")


def _rank_text(names: Sequence[str], stability: RankStability, n_tasks: int) -> str:
    first, most = int(np.argmin(stability.rank)), int(np.argmax(stability.swing))
    return (
        f"Ranks of {len(names)} models over {n_tasks} categories. Between its best and its worst "
        f"category the median model moves {np.median(stability.swing):.0f} places; {names[most]} "
        f"moves most, from {stability.best[most]:.0f} to {stability.worst[most]:.0f}. The interval "
        f"of a model's mean rank is {np.median(stability.high - stability.low):.0f} places wide at "
        f"the median. {names[first]} leads and wins {stability.p_best[first]:.0%} of resamplings; "
        f"{np.sum(stability.low == 1)} models have rank 1 in their interval."
    )


def _with_text(figure: Figure, text: str) -> Figure:
    figure.alt_text = text  # type: ignore[attr-defined]
    return figure


def _check(result: LadderResult) -> None:
    """Refuse what would be a comparison without its uncertainty."""
    if result.n_test < 1 or not result.rungs:
        raise ValueError(f"the ladder on {result.task!r} has no test sequences (n) or no rungs")
    for rung in result.rungs:
        if not rung.seeds:
            raise ValueError(f"rung {rung.name!r} on {result.task!r} names no seeds; record them")
        if not np.isfinite([rung.interval.low, rung.interval.high]).all():
            raise ValueError(f"rung {rung.name!r} on {result.task!r} has no interval; compute it")
