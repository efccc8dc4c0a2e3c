"""What a chapter calls: it declares its data, shows its figures and publishes its results.

Everything leaves the chapter as metadata on an ordinary output, so that a chapter answered by the
execution cache still publishes, and a reader who runs a cell alone needs nothing else.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any, Protocol

from IPython.display import display
from matplotlib.figure import Figure

from bookkeeping.results import METADATA_KEY, Result, is_fast, short

_FAST_FACTOR = 10


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


def _emit(text: str, record: dict[str, Any], *, css: str = "", markup: str | None = None) -> None:
    shown = f'<p class="{css}">{html.escape(text)}</p>' if markup is None else markup
    display({"text/plain": text, "text/html": shown}, raw=True, metadata={METADATA_KEY: record})


__all__ = ["is_fast", "publish", "publish_ladder", "quick", "say", "short", "show", "uses"]
