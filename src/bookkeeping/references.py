"""The Sphinx extension for what others published: cited figures, and cards of the data.

``{cited}`name` `` prints a number of a published table (:mod:`bookkeeping.published`) and links it
to the entry of its work; ``{data-cards} kinds`` draws the registry, and says what this build had at
hand.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinxcontrib.bibtex.citation_target import CitationTarget
from sphinxcontrib.bibtex.roles import CitationRef

from bookkeeping.execute import RESULTS
from bookkeeping.identifiers import records
from bookkeeping.published import PublishedError, find
from bookkeeping.results import ResultError, Results
from hypecheck import datasets
from hypecheck.registry import DataSet, registry

logger = logging.getLogger(__name__)
BIBLIOGRAPHY = "book/bibliography"
_TIERS = {
    "A": "clear permissive terms, or public domain",
    "B": "free data in a repository under a copyleft licence",
    "C": "no licence stated",
}
_SERVED = {
    "folder": "real data, from the folder named in HYPECHECK_DATA",
    "cache": "real data, from a checked download",
    "embedded": "absent: a declared stand-in serves",
    "unusable": "not usable: absent or damaged, and nothing stands in for it",
}
_RAW = re.compile(r"https://raw\.githubusercontent\.com/([^/]+/[^/]+)/([0-9a-f]{40})/")


class CitedRole(SphinxRole):
    """``{cited}`table.row.column:form` ``: a number that others published.

    A number read second hand says so behind itself; the form ``bare`` leaves that to the sentence.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number, linked to the entry of its work, or a warning."""
        name, _, form = self.text.partition(":")
        try:
            figure = find(name)
            text = figure.text("" if form == "bare" else form)
            key = records(Path(self.env.srcdir))[figure.table.identifier].key
        except PublishedError as error:
            logger.warning("%s", error, location=self.get_location(), type="bookkeeping")
            return [nodes.inline(text=f"[{name}?]")], []
        except KeyError as error:
            message = "%s: identifiers.yml does not know %s"
            logger.warning(message, name, error, location=self.get_location(), type="bookkeeping")
            return [nodes.inline(text=f"[{name}?]")], []
        self._note(key)
        link = "../" * self.env.docname.count("/") + f"{BIBLIOGRAPHY}.html#ref-{key}"
        hearsay = " second-hand" if figure.is_second_hand else ""
        markup = (
            f'<a class="cited published{hearsay}" href="{link}" '
            f'title="{html.escape(figure.source)}">{html.escape(text)}</a>'
        )
        if figure.is_second_hand and form != "bare":
            markup += f" (as reported by {html.escape(figure.table.via)})"
        return [nodes.raw("", markup, format="html")], []

    def _note(self, key: str) -> None:
        """Count as a citation, so that the chapter's own list of references shows the work."""
        domain = self.env.get_domain("cite")
        place = CitationRef("", self.env.docname, self.lineno, [CitationTarget(key, "", "")])
        domain.citation_refs.append(place)  # type: ignore[attr-defined]


class PlainEntries(SphinxPostTransform):
    """Make the bibliography an ordinary list: the roles it is given otherwise are obsolete."""

    default_priority = 900  # after the entries and the links to them are made

    def run(self, **_options: Any) -> None:
        """Replace each container of citations by a list with the same anchors."""
        for box in list(self.document.findall(nodes.container)):
            entries = [child for child in box if isinstance(child, nodes.citation)]
            if entries and len(entries) == len(box):
                items = nodes.bullet_list(classes=["citation-list"])
                for entry in entries:
                    item = nodes.list_item(ids=entry["ids"], classes=["citation"])
                    item += [child for child in entry if not isinstance(child, nodes.label)]
                    items += item
                box.replace_self(items)


class DataCards(SphinxDirective):
    """``{data-cards} kinds``: the registered data sets of some kinds, similar ones on one card."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the cards as folded details."""
        kinds = {dataset.kind for dataset in registry().values()}
        wanted = set(" ".join(self.arguments).split()) or kinds
        for kind in sorted(wanted - kinds):
            logger.warning("no data set is of kind %s", kind, location=self.get_location())
        served = {name: state["tier"] for name, state in datasets.identity().items()}
        users = _users(Path(self.env.srcdir) / RESULTS)
        chosen = (dataset for dataset in registry().values() if dataset.kind in wanted)
        groups = [list(group) for _, group in groupby(chosen, key=_group)]
        cards = "".join(_card(group, served, users) for group in groups)
        return [nodes.raw("", f'<div class="computed data-cards">{cards}</div>', format="html")]


def _group(dataset: DataSet) -> tuple[str, str]:
    """Put sets of one folder on one card if they are the same kind of thing."""
    folder = dataset.name.rpartition("/")[0]
    return (folder, dataset.what if folder else dataset.name)


def _users(results: Path) -> dict[str, list[str]]:
    """Say which chapters of this build declared each data set."""
    try:
        chapters = Results.load(results).chapters.values()
    except ResultError as error:
        logger.warning("%s", error, type="bookkeeping")
        return {}
    users: dict[str, list[str]] = {}
    for chapter in chapters:
        for used in chapter.data:
            users.setdefault(used["name"], []).append(chapter.name)
    return users


def _card(group: list[DataSet], served: Mapping[str, str], users: Mapping[str, list[str]]) -> str:
    first, names = group[0], [dataset.name for dataset in group]
    title = first.name if len(group) == 1 else first.name.rpartition("/")[0]
    present = sum(_is_present(dataset, served) for dataset in group)
    count = f"{present} of {len(group)} at hand" if len(group) > 1 else _short_state(present)
    chapters = sorted({chapter for name in names for chapter in users.get(name, [])})
    links = (f'<a href="../notebooks/{c}.html">{html.escape(c)}</a>' for c in chapters)
    facts = {
        "Licence": f"{html.escape(first.licence)} ({_TIERS[first.licence_tier]})",
        "Cite": html.escape(first.citation),
        "Source": _sources(group),
        "Known flaws": _listed(dict.fromkeys(flaw for d in group for flaw in d.flaws)),
        "Used by": ", ".join(links) or "no chapter of this build",
        "This build": _states(group, served),
    }
    terms = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in facts.items() if text)
    rows = "".join(
        f'<tr><th scope="row"><code>{html.escape(d.name)}</code></th>'
        f"<td>{html.escape(d.rows)}</td></tr>"
        for d in group
    )
    label = html.escape(f"Data sets of {title}")
    return (
        f'<details class="data-card" id="data-{html.escape(title.replace("/", "-"))}">'
        f"<summary><code>{html.escape(title)}</code> <span>{html.escape(first.what)}</span> "
        f'<span class="state">{count}</span></summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table class="table">'
        '<thead><tr><th scope="col">Name</th><th scope="col">Rows</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div><dl>{terms}</dl></details>"
    )


def _is_present(dataset: DataSet, served: Mapping[str, str]) -> bool:
    return bool(dataset.carrier) or served[dataset.name] in ("folder", "cache")


def _short_state(present: int) -> str:
    return "at hand" if present else "not at hand"


def _states(group: list[DataSet], served: Mapping[str, str]) -> str:
    by_state: dict[str, list[str]] = {}
    for dataset in group:
        carried = f"always at hand: it comes with the package {dataset.carrier}"
        state = carried if dataset.carrier else _SERVED[served[dataset.name]]
        by_state.setdefault(state, []).append(dataset.name.rpartition("/")[2])
    if len(by_state) == 1:
        return html.escape(next(iter(by_state)))
    return _listed(f"{', '.join(names)}: {state}" for state, names in by_state.items())


def _sources(group: list[DataSet]) -> str:
    """Link each repository at its commit."""
    matches = (_RAW.match(file.url) for dataset in group for file in dataset.files)
    pinned = dict.fromkeys((match[1], match[2]) for match in matches if match)
    return ", ".join(
        f'<a href="https://github.com/{repository}/tree/{commit}">{html.escape(repository)}</a> '
        f"at <code>{commit[:8]}</code>"
        for repository, commit in pinned
    )


def _listed(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role, the directive and their style."""
    app.add_role("cited", CitedRole())
    app.add_directive("data-cards", DataCards)
    app.add_post_transform(PlainEntries)
    app.add_css_file("references.css")
    return {"parallel_read_safe": False, "parallel_write_safe": True}
