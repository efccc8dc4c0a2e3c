"""The Sphinx extension for verdicts: a chapter's box, the board of counts, and the whole ledger.

``{verdict}`` draws the claims of a chapter, ``{board}`` counts all verdicts, ``{claims-table}``
lists every claim; the site also gets the ledger as ``_static/claims.json`` and ``claims.csv``.
Nothing is decided here (:mod:`bookkeeping.verdicts`); the markup is ``templates/ledger.html``.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from bookkeeping.claims import Ledger, LedgerError
from bookkeeping.execute import RESULTS, page_names
from bookkeeping.identifiers import Record, records
from bookkeeping.results import Result, ResultError, Results
from bookkeeping.rules import Rule
from bookkeeping.verdicts import WORDS, Judgement, judge

logger = logging.getLogger(__name__)
_SIGNS = dict(zip(WORDS, "✔◐✘?–…+", strict=True))
_FIELDS = ("source", "section", "modality", "form", "paradigm", "basis", "chapter")
_FILTERS = {"source": "Source", "modality": "About", "kinds": "Evidence", "verdict": "Verdict"}
_TITLES = {"modality": "field"}  # of a tally, where the name of the field would not do
_HOMES = {"doi": "https://doi.org/", "arXiv": "https://arxiv.org/abs/"}


class _Piece(SphinxDirective):
    """A macro of the template, drawn with what this build found."""

    macro = ""

    def run(self) -> list[nodes.Node]:
        """Return the piece as markup."""
        everything = _judgements(self.env.app)
        judgements = self.chosen(everything)
        found = Counter(j.verdict for j in judgements)
        context = {
            "judgements": judgements,
            "counts": {word: found[word] for word in WORDS if found[word]},
            "skipped": sum(bool(j.skipped) for j in judgements),
            "filters": [(key, title, _options(key, judgements)) for key, title in _FILTERS.items()],
            "meanings": {n: text for j in everything for n, text in j.claim.numbers.items()},
            "chapters": page_names(Path(self.env.srcdir)),
            "works": {work.key: work for work in records(Path(self.env.srcdir)).values()},
            "up": "../" * self.env.docname.count("/"),
            "by_id": {j.claim.id: j for j in everything},
            **self.counted(judgements),
        }
        template: Any = _TEMPLATES.get_template("ledger.html").make_module(context)
        return [nodes.raw("", str(getattr(template, self.macro)()), format="html")]

    def chosen(self, judgements: list[Judgement]) -> list[Judgement]:
        """Return the claims that the piece is about."""
        return judgements

    def counted(self, _: list[Judgement]) -> dict[str, Any]:
        """Return what only this piece needs."""
        return {}


class VerdictBox(_Piece):
    """``{verdict}``: what became of the claims of this chapter."""

    macro = "cards"

    def chosen(self, judgements: list[Judgement]) -> list[Judgement]:
        """Return the claims of this page, or warn that there are none."""
        chapter = self.env.docname.rsplit("/", 1)[-1]
        own = [j for j in judgements if j.claim.chapter == chapter]
        if not own:
            logger.warning("the ledger has no claim of %s", chapter, type="bookkeeping")
        return own


class Evidence(_Piece):
    """``{evidence} CLAIM``: a claim that follows from others, with what each of them rests on."""

    macro = "evidence"
    required_arguments = 1

    def chosen(self, judgements: list[Judgement]) -> list[Judgement]:
        """Return the one claim that is asked for."""
        own = [j for j in judgements if j.claim.id == self.arguments[0]]
        if not own or not own[0].claim.read("claims"):
            raise self.error(f"{self.arguments[0]} is no claim that follows from others")
        return own


class Tally(_Piece):
    """``{tally} FIELD``: the verdicts, counted by a field of the claims (source, modality, ...)."""

    macro = "tally"
    required_arguments = 1

    def counted(self, judgements: list[Judgement]) -> dict[str, Any]:
        """Count the verdicts for each value of the field."""
        key = self.arguments[0]
        if key not in _FILTERS and key not in _FIELDS:
            raise self.error(f"claims have no field {key!r}; there are: {', '.join(_FIELDS)}")
        counts: dict[str, Counter[str]] = {}
        for judgement in judgements:
            for value in _values(judgement, key):
                counts.setdefault(value, Counter())[judgement.verdict] += 1
        rows = dict(sorted(counts.items(), key=lambda row: -row[1].total()))
        words = [word for word in WORDS if any(row[word] for row in rows.values())]
        return {"rows": rows, "words": words, "title": _TITLES.get(key, key)}


class Board(_Piece):
    """``{board}``: how many claims came out how, as a bar and as a table."""

    macro = "board"


class ClaimsTable(_Piece):
    """``{claims-table}``: every claim, with filters where scripts run."""

    macro = "table"


def _values(judgement: Judgement, key: str) -> tuple[str, ...]:
    """Return what a claim is filtered by; a claim of two sources counts with both."""
    if key == "verdict":
        return (judgement.verdict,)
    value = getattr(judgement.claim, key)
    return value if isinstance(value, tuple) else tuple(value.split(", "))


def _options(key: str, judgements: Iterable[Judgement]) -> list[tuple[str, int]]:
    found = Counter(value for j in judgements for value in _values(j, key))
    order = [word for word in WORDS if word in found] if key == "verdict" else sorted(found)
    return [(value, found[value]) for value in order]


def _numbers(judgement: Judgement) -> list[tuple[str, list[Result]]]:
    """Part what decided from what is watched beside it."""
    deciding = judgement.claim.read("names")
    return [
        ("Decided by", [r for r in judgement.numbers if r.name in deciding]),
        ("Watched beside it", [r for r in judgement.numbers if r.name not in deciding]),
    ]


def _conditions(rule: Rule) -> str:
    needs = [f"needs: {rule.needs.text}"] if rule.needs else []
    lines = [*needs, *(f"{verdict}: {case.text}" for verdict, case in rule.cases)]
    return "\n".join(" ".join(line.split()) for line in lines)


def _label(work: Record) -> str:
    first, *others = work.families
    names = f"{first} et al." if len(others) > 1 else " and ".join(work.families)
    return f"{names} {work.year}"


def _address(work: Record) -> str:
    scheme, _, number = work.identifier.partition(":")
    return _HOMES[scheme] + number if scheme in _HOMES else work.identifier


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters |= {
    "slug": lambda word: "is-" + word.replace(" ", "-"),
    "sign": _SIGNS.get,
    "anchor": lambda claim: f"claim-{claim.replace('.', '-')}",
    "page": lambda name: f"{'book' if name == 'takeaways' else 'notebooks'}/{name}.html",
    "values": _values,
    "numbers": _numbers,
    "conditions": _conditions,
    "label": _label,
    "address": _address,
}


def _judgements(app: Sphinx) -> list[Judgement]:
    """Judge once for each build of the pages."""
    known: list[Judgement] | None = getattr(app, "bookkeeping_judgements", None)
    if known is not None:
        return known
    root = Path(app.srcdir)
    try:
        results = Results.load(root / RESULTS)
    except ResultError:
        results = None  # bookkeeping.directives warns of it
    try:
        known = judge(Ledger.load(root), results, page_names(root))
    except LedgerError as error:
        logger.warning("%s", error, type="bookkeeping")
        known = []
    app.bookkeeping_judgements = known  # type: ignore[attr-defined]
    return known


def rows(judgements: Iterable[Judgement]) -> list[dict[str, Any]]:
    """Return the ledger as plain rows, as the downloads have it.

    Parameters
    ----------
    judgements : iterable of Judgement

    Returns
    -------
    rows : list of dict
        Texts, the verdict with its date and reason, and numbers as value, low and high by name.
    """
    plain = []
    for j in judgements:
        row: dict[str, Any] = {"id": j.claim.id, "claim": j.claim.claim, "verdict": j.verdict}
        row |= {key: getattr(j.claim, key) for key in _FIELDS}
        row |= {"kinds": list(j.claim.kinds), "published": list(j.claim.published)}
        row |= {"rule": j.claim.rule.reads if j.claim.rule else "", "reason": j.claim.reason}
        last = j.history[-1] if j.history else None
        row |= {key: getattr(last, key, "") for key in ("date", "commit", "why")}
        plain.append(row | {"numbers": {r.name: [r.value, r.low, r.high] for r in j.numbers}})
    return plain


def _write_downloads(app: Sphinx, error: Exception | None) -> None:
    plain = rows(_judgements(app)) if error is None and app.builder.format == "html" else []
    if not plain:
        return
    folder = Path(app.outdir) / "_static"
    (folder / "claims.json").write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    with (folder / "claims.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, plain[0])
        writer.writeheader()
        writer.writerows({key: _flat(value) for key, value in row.items()} for row in plain)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} = {ends[0]}" for name, ends in value.items())
    return "; ".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    del pagename, templatename, doctree
    body = str(context.get("body", ""))
    for piece, script in (("ledger ", "claims.js"), ('explorer"', "tables.js")):
        if f'class="{piece}' in body:
            app.add_js_file(script, loading_method="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, the downloads, style and script."""
    app.add_directive("verdict", VerdictBox)
    app.add_directive("evidence", Evidence)
    app.add_directive("tally", Tally)
    app.add_directive("board", Board)
    app.add_directive("claims-table", ClaimsTable)
    app.add_css_file("claims.css")
    app.add_css_file("tables.css")
    app.connect("html-page-context", _add_script)
    app.connect("build-finished", _write_downloads)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
