"""The ``bookkeeping`` command: build the book, execute its chapters, keep ledger and references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bookkeeping import lookup, prose, verdicts
from bookkeeping.build import build
from bookkeeping.claims import LedgerError
from bookkeeping.execute import RESULTS, BookError, execute, judge, over_budget, page_names
from bookkeeping.identifiers import entry_text, records
from bookkeeping.results import ResultError, Results

_TRY_AGAIN = 75  # EX_TEMPFAIL: nothing was found out, neither right nor wrong


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            build(options.root, strict=options.strict)
        elif options.command == "execute":
            judge(options.root, execute(options.root), strict=options.strict)
        elif options.command == "budgets":
            lines = over_budget(Results.load(options.root / RESULTS))
            print("\n".join(lines) or "every chapter keeps to its budget of processor time")
        elif options.command == "claims":
            return verdicts.run(options, RESULTS, page_names(options.root))
        elif options.command == "prose":
            _hash(options.root, options.sources)
        elif options.action == "entry":
            print(_entry(options.root, options.key))
        else:
            return _verify(options.root)
    except (BookError, LedgerError, ResultError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bookkeeping", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the book's top folder (here)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("build", "execute, judge and render; prints the path of the first page"),
        ("execute", "execute and judge only, leaving _build/results.json"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--strict", action="store_true", help="every warning is a failure")
    text = "name the chapters that took too much processor time in the last build"
    commands.add_parser("budgets", help=text, description=text)
    verdicts.add_commands(commands)
    text = "compare identifiers.yml with Crossref and arXiv, or print an entry for references.bib"
    citations = commands.add_parser("citations", help=text, description=text)
    actions = citations.add_subparsers(dest="action", required=True)
    actions.add_parser("verify", help="ask the registrars; 1 if they disagree, 75 if offline")
    action = actions.add_parser("entry", help="print an entry ready for references.bib")
    action.add_argument("key", help="key of a record in identifiers.yml")
    text = "renew the hashes of the documents that the book examines (sources.sha)"
    command = commands.add_parser("prose", help=text, description=text)
    command.add_argument("action", choices=["hash"])
    command.add_argument("sources", type=Path, help="folder of their Markdown files")
    return parser


def _hash(root: Path, sources: Path) -> None:
    titles = [t for work in records(root).values() for t in (work.title, *work.also_titles)]
    try:
        (root / prose.HASHES).write_text(prose.hash_sources(sources, titles))
    except FileNotFoundError as error:
        raise BookError(str(error)) from error


def _entry(root: Path, key: str) -> str:
    found = {work.key: work for work in records(root).values()}
    if key not in found:
        raise BookError(f"no record has the key {key!r}; there are: {', '.join(sorted(found))}")
    return entry_text(found[key])


def _verify(root: Path) -> int:
    try:
        disagreements = lookup.verify(root)
    except lookup.UnreachableError as error:
        print(f"offline: {error}; nothing was verified", file=sys.stderr)
        return _TRY_AGAIN
    print("\n".join(disagreements) or "every identifier is what identifiers.yml says")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
