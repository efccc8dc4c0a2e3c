"""The Sphinx extension for the way through the book: its spine, and what to read before what.

``{spine}`` lists the chapters of the short way, each with the question that it ``asks`` or, with
the argument ``audit``, with its page of the running case; ``{chapter-map}`` lists all chapters with
what each builds on. Both read ``chapters.yml`` and link to a chapter only if it is in ``_toc.yml``.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bookkeeping.execute import pages

CHAPTERS = Path("chapters.yml")
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)


class ChapterMapError(ValueError):
    """``chapters.yml`` contradicts itself; the message says where."""


@dataclass(frozen=True)
class Planned:
    """A chapter that the book has, or is planned to have.

    Parameters
    ----------
    name : str
        As the ledger names it: file name without folder and ending.
    title : str
        The heading of its page, or the planned one.
    part : str
        Caption of its part.
    needs : tuple of str
        Names of the chapters that it builds on.
    asks, audit : str
        The question that it answers, and its page of the running case; empty outside the spine.
    page : str
        Path without ending if it is in ``_toc.yml``, else empty.
    """

    name: str
    title: str
    part: str
    needs: tuple[str, ...]
    asks: str
    audit: str
    page: str


def chapters(root: Path) -> dict[str, Planned]:
    """Read the plan and what of it is there.

    Parameters
    ----------
    root : Path
        The book's top folder.

    Returns
    -------
    chapters : dict of str to Planned
        By name, in the order of the book.

    Raises
    ------
    ChapterMapError
        If a chapter needs, or the spine names, one that is not planned, or if needs run in a ring.

    Examples
    --------
    >>> found = chapters(Path(__file__).parents[2])
    >>> found["tokenisation"].page, found["benchmarking"].needs
    ('notebooks/tokenisation', ('evaluation',))
    """
    plan: Mapping[str, Any] = yaml.safe_load((root / CHAPTERS).read_text("utf-8"))
    built = {page.rsplit("/", 1)[-1]: page for page in pages(root)}
    found = {
        name: Planned(
            name,
            _title(root, built.get(name, ""), chapter["title"]),
            part["caption"],
            tuple(chapter["needs"]),
            plan["spine"].get(name, {}).get("asks", ""),
            plan["spine"].get(name, {}).get("audit", ""),
            built.get(name, ""),
        )
        for part in plan["parts"]
        for name, chapter in part["chapters"].items()
    }
    _check(found, plan["spine"])
    return found


def spine(root: Path) -> list[Planned]:
    """Return the chapters of the short way, in reading order."""
    planned = chapters(root)
    order = yaml.safe_load((root / CHAPTERS).read_text("utf-8"))["spine"]
    return [planned[name] for name in order]


def _title(root: Path, page: str, planned: str) -> str:
    """Prefer the heading of a page that is there."""
    heading = _HEADING.search((root / f"{page}.md").read_text("utf-8")) if page else None
    return heading[1] if heading else planned


def _check(found: Mapping[str, Planned], order: Iterable[str]) -> None:
    named = {need for chapter in found.values() for need in chapter.needs} | set(order)
    if unknown := sorted(named - found.keys()):
        raise ChapterMapError(f"{CHAPTERS} names {', '.join(unknown)}, which no part lists")
    try:
        graphlib.TopologicalSorter({c.name: c.needs for c in found.values()}).prepare()
    except graphlib.CycleError as error:
        ring = " needs ".join(reversed(error.args[1]))
        raise ChapterMapError(f"{CHAPTERS}: {ring}; one of these has to come first") from error


class _Piece(SphinxDirective):
    """A macro of the template, drawn from the plan."""

    macro = ""

    def run(self) -> list[nodes.Node]:
        """Return the piece as markup."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / CHAPTERS))
        planned = chapters(root)
        context = {
            "chapters": planned,
            "parts": list(dict.fromkeys(chapter.part for chapter in planned.values())),
            "spine": spine(root),
            "says": self.arguments[0] if self.arguments else "asks",
            "up": "../" * self.env.docname.count("/"),
        }
        template: Any = _TEMPLATES.get_template("chapters.html").make_module(context)
        return [nodes.raw("", str(getattr(template, self.macro)()), format="html")]


class Spine(_Piece):
    """``{spine}``, ``{spine} audit``: the short way, chapter by chapter."""

    macro = "way"
    optional_arguments = 1


class ChapterMap(_Piece):
    """``{chapter-map}``: every chapter, and what it builds on."""

    macro = "map"


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register both directives and their style."""
    app.add_directive("spine", Spine)
    app.add_directive("chapter-map", ChapterMap)
    app.add_css_file("chapters.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
