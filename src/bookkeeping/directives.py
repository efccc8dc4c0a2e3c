"""The Sphinx extension: results in prose, the chapter's card, and pages that need no network.

``{result}`` and ``{glance}`` read what the chapters of this very build published
(:mod:`bookkeeping.results`); a missing name or a file from another state of the code is a warning,
and warnings fail the strict build.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from bookkeeping.claims import Ledger
from bookkeeping.execute import RESULTS, state_key
from bookkeeping.results import Chapter, ResultError, Results
from bookkeeping.verdicts import judge

logger = logging.getLogger(__name__)
_KIND_WORDS = {
    "live": "computed in this build",
    "recorded": "from a recorded run of ours",
    "published": "as published by others",
    "simulated": "from a simulation with known truth",
}


class ResultRole(SphinxRole):
    """``{result}`chapter.experiment.quantity:form` ``: a published number in prose."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number with its provenance in a title, or a warning."""
        name, _, form = self.text.partition(":")
        try:
            result = _results(self.env.app)[name]
            text = result.text(form or "interval")
        except ResultError as error:
            logger.warning("%s", error, location=self.get_location(), type="bookkeeping")
            return [nodes.inline(text=f"[{name}?]")], []
        if isinstance(result.value, str):
            return [nodes.inline(text=text, classes=["result", "result-sentence"])], []
        origin = _KIND_WORDS[result.kind] + (
            f", on a stand-in: {result.stand_in}" if result.stand_in else ""
        )
        counts = [f"n = {result.n:,}" if result.n else "", _seeds(result.seeds)]
        title = "; ".join([origin, *(c for c in counts if c)])
        link = "../" * self.env.docname.count("/") + f"notebooks/{result.chapter}.html"
        markup = (
            f'<a class="result {result.kind}" href="{link}#result-{name.replace(".", "-")}" '
            f'title="{html.escape(title)}">{html.escape(text)}</a>'
        )
        return [nodes.raw("", markup, format="html")], []


def _seeds(seeds: int | None) -> str:
    return "" if not seeds else f"{seeds} seed{'s' if seeds > 1 else ''}"


class Glance(SphinxDirective):
    """``{glance}``: what a chapter needs, used and cost in this build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the card; the directive's body is the list of claims under test."""
        name = self.env.docname.rsplit("/", 1)[-1]
        card = nodes.container(classes=["glance"])
        card += nodes.rubric(text="At a glance")
        try:
            results = _results(self.env.app)
            chapter = results.chapters[name]
        except (ResultError, KeyError) as error:
            logger.warning("%s has no recorded run: %s", name, error, type="bookkeeping")
            return [card]
        if results.fast:
            card += _line("Test build", "sizes divided by ten; nothing on this page is evidence.")
        card += _line("Data", _data_words(chapter))
        card += _line("Last run", _cost_words(chapter, results))
        card += _claims(Path(self.env.srcdir), name)
        self.state.nested_parse(self.content, self.content_offset, card)
        return [card]


def _claims(root: Path, chapter: str) -> list[nodes.Node]:
    """List the claims that a chapter puts to the test, each with its verdict in force."""
    judged = [j for j in judge(Ledger.load(root), None, {chapter}) if j.claim.chapter == chapter]
    if not judged:
        return []
    listed = nodes.bullet_list(classes=["computed"])
    for judgement in judged:
        anchor = f"#claim-{judgement.claim.id.replace('.', '-')}"
        line = nodes.paragraph()
        line += nodes.strong(text=f"{judgement.verdict}: ".capitalize())
        line += nodes.reference("", judgement.claim.claim, internal=True, refuri=anchor)
        listed += nodes.list_item("", line)
    return [_line("Claims under test", "each with its verdict, explained at the end."), listed]


def _line(term: str, text: str) -> nodes.paragraph:
    line = nodes.paragraph(classes=["computed"])
    line += nodes.strong(text=f"{term}. ")
    line += nodes.Text(text)
    return line


def _data_words(chapter: Chapter) -> str:
    if not chapter.data:
        return "none of its own: everything here is simulated, recorded or published."
    words = [
        f"{d['name']} (STAND-IN: {d['stand_in']})" if d["stand_in"] else f"{d['name']} (real)"
        for d in chapter.data
    ]
    return "; ".join(words) + "."


def _cost_words(chapter: Chapter, results: Results) -> str:
    processors = results.machine.get("processors", "?")
    return (
        f"{chapter.seconds:.0f} s by the clock, {chapter.cpu_seconds:.0f} s of processor time and "
        f"{chapter.peak_mb:.0f} MB on a machine with {processors} processors."
    )


class ExecutionTable(SphinxDirective):
    """``{execution-table}``: seconds and memory of every chapter."""

    def run(self) -> list[nodes.Node]:
        """Return the table, one row a chapter, and a sentence on the machine."""
        try:
            results = _results(self.env.app)
        except ResultError as error:
            logger.warning("%s", error, type="bookkeeping")
            return []
        rows = "".join(
            f'<tr><th scope="row"><a href="../notebooks/{c.name}.html">{c.name}</a></th>'
            f"<td>{c.seconds:.0f}</td><td>{c.cpu_seconds:.0f}</td><td>{c.peak_mb:.0f}</td>"
            f"<td>{'stand-in' if c.stand_ins else 'real' if c.data else 'none'}</td></tr>"
            for c in sorted(results.chapters.values(), key=lambda c: -c.cpu_seconds)
        )
        head = "".join(
            f'<th scope="col">{h}</th>'
            for h in ("Chapter", "Seconds", "CPU seconds", "Peak MB", "Data")
        )
        table = (
            '<div class="scroll computed" tabindex="0" role="region" '
            'aria-label="Cost of each chapter"><table class="table">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
        machine = dict(results.machine)
        versions = ", ".join(f"{k} {v}" for k, v in machine.pop("versions", {}).items())
        where = _line(
            "Machine",
            f"{machine.get('processors')} processors, {machine.get('memory_gb')} GB, "
            f"{machine.get('platform')}, Python {machine.get('python')}; {versions}.",
        )
        return [nodes.raw("", table, format="html"), where]


class LaunchNote(SphinxDirective):
    """``{launch-note}``: how to run the book online, or why no button is there."""

    def run(self) -> list[nodes.Node]:
        """Return one paragraph."""
        url = _repository(self.env.app)
        text = (
            f"The rocket at the top of each chapter opens it on Binder, from {url}."
            if url
            else "This copy has no launch buttons: the address of its repository is not set "
            "(it is one line, repository.url in _config.yml)."
        )
        return [nodes.paragraph(text=text)]


def _repository(app: Sphinx) -> str:
    settings = yaml.safe_load((Path(app.srcdir) / "_config.yml").read_text())
    return str(settings.get("repository", {}).get("url") or "")


def _results(app: Sphinx) -> Results:
    loaded = getattr(app.env, "bookkeeping_results", None)
    if loaded is None:
        loaded = Results.load(Path(app.srcdir) / RESULTS)
        app.env.bookkeeping_results = loaded  # type: ignore[attr-defined]
    return loaded


def _check_state(app: Sphinx) -> None:
    """Refuse results that another state of the code or of the data computed."""
    app.env.bookkeeping_results = None  # type: ignore[attr-defined]
    try:
        key = _results(app).key
    except ResultError as error:
        logger.warning("%s", error, type="bookkeeping")
        return
    if key != state_key(Path(app.srcdir)):
        logger.warning(
            "the results in %s are stale: code, data or settings changed after the chapters ran; "
            "execute them again (make book)",
            RESULTS,
            type="bookkeeping",
        )


def _set_launch_buttons(app: Sphinx, _config: Any) -> None:
    """Offer launch buttons only where the repository's address is known."""
    url = _repository(app)
    options = app.config.html_theme_options
    if url:
        options["repository_url"] = url
        options["use_repository_button"] = options["use_issues_button"] = True
        options["launch_buttons"] = {"binderhub_url": "https://mybinder.org", "thebe": False}
    else:
        options.pop("repository_url", None)
        options.pop("launch_buttons", None)


def _strip_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Drop sphinx-thebe's scripts: they load from elsewhere, and the book runs no live kernel."""
    del app, pagename, templatename, doctree
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in str(getattr(script, "filename", script))
        and "THEBE_JS_URL" not in str(getattr(script, "attributes", ""))
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles, the directives and the offline fixes."""
    app.add_role("result", ResultRole())
    app.add_directive("glance", Glance)
    app.add_directive("execution-table", ExecutionTable)
    app.add_directive("launch-note", LaunchNote)
    app.connect("config-inited", _set_launch_buttons, priority=100)
    app.connect("builder-inited", _check_state)
    app.connect("html-page-context", _strip_thebe, priority=900)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
