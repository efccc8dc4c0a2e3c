"""The decision map as a reader asks it: six questions in, a counsel and its evidence out.

Design choices

- The counsel, the counts behind it and the rows of the figure come from the same cells.
- What the map does not hold is said, never filled in.
- A figure shows at most sixteen rows, those farthest from zero on either side, and says so.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

from matplotlib.figure import Figure

from hypecheck.decision_map import BUDGETS, LABELS, RIVALS, Cell, DecisionMap, advice, rows
from hypecheck.figures import interval_rows, number_map
from hypecheck.intervals import Interval
from hypecheck.plots import LINE, WIDTH, style

DATA = {"the same source": False, "another species or source": True}
CONTEXT = {"up to a thousand bases": False, "longer": True}
MOST_ROWS = 16


def ask(
    found: DecisionMap,
    *,
    labels: str = "any",
    test_data: str = "the same source",
    context: str = "up to a thousand bases",
    compute: str = "no limit",
    rival: str = RIVALS[0],
) -> list[Cell]:
    """Give the cells that answer a reader's questions.

    Parameters
    ----------
    found : DecisionMap
        The map.
    labels : str
        A key of `decision_map.LABELS`, or "any".
    test_data, context, compute : str
        Keys of `DATA`, `CONTEXT` and `decision_map.BUDGETS`.
    rival : str
        One of `decision_map.RIVALS`.

    Returns
    -------
    cells : list of Cell
        None if nothing of the kind was measured.

    Raises
    ------
    KeyError
        If an answer is none of those offered.
    """
    return found.select(
        labels=labels,
        divergent=DATA[test_data],
        long=CONTEXT[context],
        budget=BUDGETS[compute],
        rival=rival,
    )


def reading_clause(difference: Interval) -> str:
    """Say what the experiment on reading models adds, where a prediction must be explained.

    Parameters
    ----------
    difference : Interval
        Recovery of a planted motif from the simple model minus from the pretrained one.

    Returns
    -------
    text : str

    Examples
    --------
    >>> reading_clause(Interval(0.0, -0.01, 0.01))
    'Reading: no difference seen, base by base (.000 [-.010, .010] AUROC, one planted motif).'
    """
    if difference.low > 0:
        word = "the simple model is read better"
    elif difference.high < 0:
        word = "the pretrained model is read better"
    else:
        word = "no difference seen"
    return f"Reading: {word}, base by base ({difference} AUROC, one planted motif)."


def aid_figure(cells: list[Cell], *, rival: str = RIVALS[0], also: str = "") -> Figure:
    """Draw the cells that answer, and write the counsel above them.

    Parameters
    ----------
    cells : list of Cell
        From `ask`.
    rival : str
        Whom the pretrained side met.
    also : str
        A further sentence.

    Returns
    -------
    figure : Figure
        With ``alt_text``; a page without rows if nothing was measured.
    """
    text = f"{advice(cells, rival=rival)} {also}".strip()
    lines = textwrap.wrap(text, 72)
    if not cells:
        with style():
            figure = Figure((WIDTH, 0.4 + LINE * len(lines)))
            figure.text(0.03, 0.5, "\n".join(lines), va="center")
        figure.alt_text = text  # type: ignore[attr-defined]
        return figure
    shown = sorted(cells, key=lambda cell: -cell.gap.estimate)
    if len(shown) > MOST_ROWS:
        half = MOST_ROWS // 2
        shown = [*shown[:half], *shown[-half:]]
        lines.append(f"(Shown: the {half} highest and the {half} lowest of {len(cells)}.)")
    drawn = "; ".join(f"{cell.case.name} {cell.gap}" for cell in shown)
    figure = interval_rows(
        rows(shown),
        xlabel="pretrained minus rival, score of the task",
        alt_text=f"{text} {drawn}.",
        reference=0.0,
        left=2.15,
    )
    return _headed(figure, lines)


def _headed(figure: Figure, lines: list[str]) -> Figure:
    """Make room above a figure's axes, and write there."""
    before = figure.get_figheight()
    height = before + LINE * len(lines) + 0.15
    figure.set_figheight(height)
    for axes in figure.axes:
        place = axes.get_position()
        axes.set_position(
            (place.x0, place.y0 * before / height, place.width, place.height * before / height)
        )
    figure.text(0.02, 1 - 0.06 / height, "\n".join(lines), va="top", fontsize=9)
    return figure


def answers(found: DecisionMap) -> list[dict[str, str]]:
    """Ask the map every combination of labels, test data and context.

    Parameters
    ----------
    found : DecisionMap
        The map.

    Returns
    -------
    rows : list of dict
        One for each combination: the answers given, the counsel, the counts of cells, the counsel
        within a minute, and against an established method.
    """
    table = []
    for labels in LABELS:
        for test_data in DATA:
            for context in CONTEXT:
                asked = {"labels": labels, "test_data": test_data, "context": context}
                cells = ask(found, **asked)
                quick = ask(found, compute="one processor minute", **asked)
                known = ask(found, rival=RIVALS[3], **asked)
                table.append(
                    {
                        "labels": labels,
                        "test data": test_data,
                        "context": context,
                        "counsel": counsel(cells),
                        "won, lost, alike, open": counted(cells),
                        "within a minute": counsel(quick),
                        "against an established method": counsel(known),
                    }
                )
    return table


def counsel(cells: list[Cell]) -> str:
    """Give the first sentence of `decision_map.advice`, without its stop."""
    return advice(cells).split(".")[0]


def counted(cells: list[Cell]) -> str:
    """Count cells won, lost, alike and open.

    Parameters
    ----------
    cells : list of Cell

    Returns
    -------
    counts : str
        A dash if there is none.

    Examples
    --------
    >>> counted([])
    '–'
    """
    counts = Counter(cell.word for cell in cells)
    alike = counts["matches"] + counts["not worse"]
    numbers = (counts["beats"], counts["loses"], alike, counts["not resolved"])
    return ", ".join(map(str, numbers)) if cells else "–"


def overview(found: DecisionMap) -> Figure:
    """Draw the whole map: situations by rivals, cells clearly won and lost in each.

    Parameters
    ----------
    found : DecisionMap
        The map.

    Returns
    -------
    figure : Figure
        Each field prints won : lost of all its cells; colour is the share won minus the share lost.
    """
    situations: dict[str, dict[str, Any]] = {
        "at most 200 labels": {"labels": "at most 200"},
        "200 to 5,000 labels": {"labels": "more than 200, fewer than 5,000"},
        "5,000 labels or more": {"labels": "5,000 or more"},
        "tested elsewhere": {"divergent": True},
        "beyond 1,000 bases": {"long": True},
        "within a minute": {"budget": BUDGETS["one processor minute"]},
        "all cells": {},
    }
    values: list[list[float]] = []
    words: list[list[str]] = []
    told: list[str] = []
    for title, asked in situations.items():
        row, texts = [], []
        for rival in RIVALS:
            cells = found.select(rival=rival, **asked)
            won, lost = (sum(cell.word == word for cell in cells) for word in ("beats", "loses"))
            row.append((won - lost) / len(cells) if cells else float("nan"))
            texts.append(f"{won} : {lost} of {len(cells)}" if cells else "not run")
            told.append(f"{title} against {rival}, {texts[-1]}")
        values.append(row)
        words.append(texts)
    return number_map(
        values,
        list(situations),
        ["best\nsimple", "tuned\nwords", "untrained\ntwin", "established\nmethod"],
        xlabel="cells clearly won : lost by the pretrained side;\n"
        "colour: share won minus share lost (recorded)",
        words=words,
        alt_text=f"Cells clearly won and lost by the pretrained side. {'; '.join(told)}.",
    )
