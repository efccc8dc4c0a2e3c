"""The ``bookkeeping`` command: build the book, execute its chapters."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bookkeeping.build import build
from bookkeeping.execute import BookError, execute, judge


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="bookkeeping", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the book's top folder (here)")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("build", "execute, judge and render; prints the path of the first page"),
        ("execute", "execute and judge only, leaving _build/results.json"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--strict", action="store_true", help="every warning is a failure")
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            build(options.root, strict=options.strict)
        else:
            judge(options.root, execute(options.root), strict=options.strict)
    except BookError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
