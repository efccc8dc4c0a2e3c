"""The ``hypecheck`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from hypecheck import __version__, datasets, downloads
from hypecheck.registry import DatasetError, select

_ENVIRONMENT = """environment:
  HYPECHECK_DATA     folder that holds the data; then nothing else is used
  HYPECHECK_CACHE    folder for downloads, instead of the usual cache folder
  HYPECHECK_OFFLINE  1 forbids the network; what is not at hand is replaced by a stand-in
                     that says so
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the command's name; those of the process if not given.

    Returns
    -------
    status : int
        0 if all is well, 1 if not.
    """
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.action(parsed))
    except DatasetError as error:
        print(f"hypecheck: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hypecheck", description="Small instruments for judging genomic foundation models."
    )
    parser.add_argument("--version", action="version", version=f"hypecheck {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    data = commands.add_parser(
        "data",
        help="list, fetch and check the data sets",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = data.add_subparsers(required=True, metavar="action")
    for name, action, text in (
        ("list", _list, "say what each data set is, how large, and under which licence"),
        ("fetch", _fetch, "download into the cache; a broken download goes on where it stopped"),
        ("verify", _verify, "check every file at hand against its registered checksum"),
        ("where", _where, "say where each data set would be read from"),
    ):
        command = actions.add_parser(name, help=text, description=text.capitalize() + ".")
        command.add_argument(
            "names", nargs="*", help="data sets, or groups such as gue or gue/tf; default: all"
        )
        command.set_defaults(action=action)
        if name == "list":
            command.add_argument("--files", action="store_true", help="also list address and file")
    text = "make a recorded run again, or go on with one; without a name, list them"
    record = commands.add_parser("record", help=text, description=text.capitalize() + ".")
    record.add_argument("name", nargs="?", help="a study")
    record.add_argument("--jobs", type=int, default=1, help="processes, one thread each (1)")
    record.set_defaults(action=_record)
    return parser


def _list(parsed: argparse.Namespace) -> int:
    for dataset in select(parsed.names or None):
        size = f"{dataset.bytes / 1e6:.1f} MB" if dataset.files else f"with {dataset.carrier}"
        print(f"{dataset.name}  [{dataset.kind}, {size}, tier {dataset.licence_tier}]")
        print(f"    {dataset.what}")
        print(f"    {dataset.rows}. Licence: {dataset.licence}. Cite: {dataset.citation}")
        for file in dataset.files if parsed.files else ():
            print(f"    {file.path}  {file.sha256}  {file.url or 'no public address'}")
    return 0


def _fetch(parsed: argparse.Namespace) -> int:
    paths = downloads.fetch(parsed.names or None)
    print(f"{len(paths)} files are in {downloads.cache_folder()}")
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    problems = datasets.verify(parsed.names or None)
    for problem in problems.values():
        print(problem)
    print(f"{len(problems)} problems; {datasets.describe_source()}")
    return int(bool(problems))


def _where(parsed: argparse.Namespace) -> int:
    print(datasets.describe_source())
    for name, served in datasets.identity(parsed.names or None).items():
        print(f"{served['tier']:9} {name}")
    return 0


def _record(parsed: argparse.Namespace) -> int:
    from hypecheck import studies  # brings torch, which no other command needs

    if parsed.name is None:
        for study in studies.STUDIES.values():
            print(f"{study.name}  {study.description}")
        return 0
    try:
        paths = studies.record(parsed.name, n_jobs=parsed.jobs)
    except ValueError as error:
        print(f"hypecheck: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(str, paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
