"""What a chapter calls: it declares its data, shows its figures and publishes its results.

Everything leaves the chapter as metadata on an ordinary output, so that a chapter answered by the
execution cache still publishes, and a reader who runs a cell alone needs nothing else.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from IPython.display import display
from matplotlib.figure import Figure

from bookkeeping.results import METADATA_KEY, Result, is_fast, short

_FAST_FACTOR = 10
_LONG_CELL = 45  # letters


class HasProvenance(Protocol):
    """Anything that :func:`hypecheck.datasets.load` returns."""

    provenance: Any


class HasInterval(Protocol):
    """An estimate with its interval, as :mod:`hypecheck.resampling` makes them."""

    estimate: float
    low: float
    high: float


def quick(size: int, *, least: int = 1) -> int:
    """Return a size for this build: as it is, or a tenth of it in a fast build.

    Parameters
    ----------
    size : int
        Steps, draws or rows of a real run.
    least : int
        Never go below this.

    Returns
    -------
    size : int

    Examples
    --------
    >>> import os
    >>> os.environ.pop("HYPECHECK_FAST", None) and None
    >>> quick(500)
    500
    >>> os.environ["HYPECHECK_FAST"] = "1"
    >>> quick(500), quick(12, least=5)
    (50, 5)
    >>> del os.environ["HYPECHECK_FAST"]
    """
    return max(least, size // _FAST_FACTOR) if is_fast() else size


def uses(*datasets: HasProvenance) -> None:
    """Declare the data that a chapter stands on, in one visible line each.

    Parameters
    ----------
    *datasets : objects with ``provenance``
        As loaded.
    """
    for dataset in datasets:
        source = dataset.provenance
        record = {
            "type": "data",
            "name": source.name,
            "tier": source.tier,
            "stand_in": source.note if source.is_stand_in else None,
        }
        what = f"stand-in: {source.note}" if source.is_stand_in else "real data"
        _emit(f"Data: {source.name} ({what})", record, css="data-line")


def publish(
    name: str,
    value: float | str | HasInterval,
    *,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    seeds: int | None = None,
    kind: str = "live",
    data: HasProvenance | None = None,
) -> None:
    """Publish a result under a name that pages and the ledger can quote.

    Parameters
    ----------
    name : str
        ``chapter.experiment.quantity``.
    value : float, str, or an interval object
        An object with ``estimate``, ``low`` and ``high`` brings its own interval.
    low, high : float, optional
        Ends of the interval where ``value`` is a plain number.
    n, seeds : int, optional
        Items and independent trainings behind the number.
    kind : str
        ``live``, ``recorded``, ``published`` or ``simulated``.
    data : object with ``provenance``, optional
        The data behind the number; a stand-in is carried along.

    Raises
    ------
    ResultError
        If the name or the kind is malformed, or the number is NaN.
    """
    number: float | str
    if isinstance(value, (int, float, str)):
        number = value if isinstance(value, str) else float(value)
    else:
        number, low, high = float(value.estimate), float(value.low), float(value.high)
    stand_in = data.provenance.note if data and data.provenance.is_stand_in else None
    result = Result(name, number, low, high, n=n, seeds=seeds, kind=kind, stand_in=stand_in)
    record = {"type": "result"} | {
        k: v for k, v in vars(result).items() if k not in ("chapter", "cell")
    }
    text = number if isinstance(number, str) else result.text()
    anchor = name.replace(".", "-")
    _emit(f"{name} = {text}", record, markup=f'<span id="result-{anchor}"></span>')


def publish_ladder(prefix: str, ladder: Any, data: HasProvenance) -> None:
    """Publish every rung of a ladder, and its paired differences to the reference.

    Parameters
    ----------
    prefix : str
        ``chapter.experiment``; the rungs become quantities such as ``kmer-linear``, the differences
        ``cnn-minus-kmer``.
    ladder : hypecheck.ladder_result.LadderResult
        As climbed.
    data : object with ``provenance``
        The task.
    """
    counts = {"n": ladder.n_test, "data": data}
    for rung in ladder.rungs:
        name = f"{prefix}.{rung.name.replace('_', '-')}"
        publish(name, rung.interval, seeds=len(rung.seeds), kind=rung.kind, **counts)
    reference = ladder.reference.split("_")[0]
    for gap in ladder.differences:
        name = f"{prefix}.{gap.rung.replace('_', '-')}-minus-{reference}"
        rung = ladder[gap.rung]
        publish(name, gap.interval95, seeds=len(rung.seeds), kind=rung.kind, **counts)


def show(figure: Figure, *, name: str | None = None) -> None:
    """Show a figure with the alternative text that it carries.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        With an ``alt_text`` attribute, as :mod:`hypecheck.plots` makes them.
    name : str, optional
        Becomes the anchor of the figure.

    Raises
    ------
    ValueError
        If the figure has no alternative text of at least 40 characters.
    """
    alt = getattr(figure, "alt_text", "")
    if len(alt) < 40:
        raise ValueError(
            f"the figure's alt_text is {alt!r}: set figure.alt_text to a sentence "
            "of at least 40 characters that tells the finding"
        )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    identity = f' id="figure-{html.escape(name)}"' if name else ""
    width = round(figure.get_figwidth() * 96)
    markup = (
        f'<figure class="plot"{identity}><img alt="{html.escape(alt)}" width="{width}" '
        f'src="data:image/png;base64,{encoded}"></figure>'
    )
    _emit(alt, {"type": "figure", "alt": alt}, markup=markup)


def say(text: str, *, css: str = "finding") -> None:
    """Show a computed sentence as prose.

    Parameters
    ----------
    text : str
        One or more sentences whose numbers were computed.
    css : str
        Class of the paragraph.
    """
    display(
        {"text/plain": text, "text/html": f'<p class="{css}">{html.escape(text)}</p>'}, raw=True
    )


def table(rows: Sequence[Mapping[str, Any]], *, caption: str, filters: Sequence[str] = ()) -> None:
    """Show a table that a reader can filter and sort, and that stands there whole without a script.

    Parameters
    ----------
    rows : sequence of mappings
        All with the same keys, the heads of the columns; the first column names the row. A value is
        a text, a list of texts that are filtered one by one, a pair of a text and the number to
        sort it by, or None.
    caption : str
        What the table holds.
    filters : sequence of str
        Columns to choose a value of.

    Raises
    ------
    ValueError
        If there is no row, or a filter is no column.
    """
    if not rows or not set(filters) <= rows[0].keys():
        raise ValueError(f"filters {list(filters)} must be columns of a table with rows")
    heads = list(rows[0])
    lines = "".join(_table_row(row, heads, filters) for row in rows)
    chosen = "".join(_select(number, head, rows) for number, head in enumerate(filters))
    columns = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    title = html.escape(caption)
    markup = (
        f'<div class="explorer"><form class="filters" hidden>{chosen}<button type="reset">Show all'
        f'</button><p role="status"></p></form><div class="scroll" role="region" tabindex="0" '
        f'aria-label="{title}"><table><caption>{title}</caption><thead><tr>{columns}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div></div>"
    )
    display({"text/plain": caption, "text/html": markup}, raw=True)


def _table_row(row: Mapping[str, Any], heads: Sequence[str], filters: Sequence[str]) -> str:
    cells = []
    for number, head in enumerate(heads):
        value = row[head]
        shown, key = value if isinstance(value, tuple) else (", ".join(_texts(value)), None)
        order = "" if key is None else f' data-sort="{key}"'
        tag = 'th scope="row"' if number == 0 else "td"
        order += ' class="long"' if number and len(str(shown)) > _LONG_CELL else ""
        cells.append(f"<{tag}{order}>{html.escape(str(shown))}</{tag.split()[0]}>")
    kept = "".join(
        f' data-f{number}="{html.escape("|".join(_texts(row[head])))}"'
        for number, head in enumerate(filters)
    )
    return f"<tr{kept}>{''.join(cells)}</tr>"


def _select(number: int, head: str, rows: Sequence[Mapping[str, Any]]) -> str:
    found = [text for row in rows for text in _texts(row[head])]
    options = "".join(
        f'<option value="{html.escape(text)}">{html.escape(text)} ({found.count(text)})</option>'
        for text in sorted(set(found))
    )
    return (
        f'<label>{html.escape(head)} <select name="f{number}">'
        f'<option value="">all</option>{options}</select></label>'
    )


def _texts(value: Any) -> list[str]:
    """Give the texts of a value: a list as it is, None as a dash."""
    if isinstance(value, tuple):
        return [str(value[0])]
    return (
        [str(text) for text in value]
        if isinstance(value, list)
        else ["–" if value is None else str(value)]
    )


def _emit(text: str, record: dict[str, Any], *, css: str = "", markup: str | None = None) -> None:
    shown = f'<p class="{css}">{html.escape(text)}</p>' if markup is None else markup
    display({"text/plain": text, "text/html": shown}, raw=True, metadata={METADATA_KEY: record})


__all__ = ["is_fast", "publish", "publish_ladder", "quick", "say", "short", "show", "table", "uses"]
