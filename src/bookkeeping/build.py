"""The book in one call: get the data, execute, judge, render, and say how long each step took."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bookkeeping import citations, prose, verdicts
from bookkeeping.execute import BookError, execute, judge, over_budget, page_names
from hypecheck import datasets, downloads

FIRST_PAGE = Path("_build/html/index.html")
RENDERER = (sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build")
_NEEDED_GB = 1.0
# Offline pages keep the one MathJax component that they load, and its fonts.
_MATHJAX_KEPT = ("tex-chtml", "tex-mml-chtml", "output/chtml/fonts", "input/tex/extensions")


def build(root: Path, *, strict: bool) -> None:
    """Build the book and print the path of its first page.

    Parameters
    ----------
    root : Path
        The book's top folder.
    strict : bool
        Treat every warning, of a chapter or of a page, as a failure.

    Raises
    ------
    BookError
        If any step fails; the message says which and why.
    """
    _check_disk(root)
    chapters = page_names(root)
    with _step("data"):
        if datasets.data_folder() is None and downloads.online():
            downloads.fetch()
        print("  " + datasets.describe_source())
    with _step("chapters"):
        executions = execute(root)
        print(f"  {sum(e.cached for e in executions)} of {len(executions)} from the cache")
    with _step("judgement"):
        results = judge(root, executions, strict=strict)
        complaints, count = verdicts.check(root, results, chapters)
        _hold(complaints, strict=strict)
    with _step("citations"):
        _hold(citations.check(root), strict=strict)
    with _step("pages"):
        _render(root, strict=strict)
    with _step("prose"):
        _hold(prose.check(root / FIRST_PAGE.parent, root), strict=strict)
    for line in over_budget(results):
        print(f"note: {line}")
    print(f"\nThe book is at {(root / FIRST_PAGE).resolve()}\n{count}")


@contextmanager
def _step(name: str) -> Iterator[None]:
    print(f"{name} ...", flush=True)
    started = time.perf_counter()
    yield
    print(f"{name}: {time.perf_counter() - started:.1f} s", flush=True)


def _hold(complaints: list[str], *, strict: bool) -> None:
    """Let complaints fail a strict build, and print them in any other."""
    text = "\n  ".join([f"{len(complaints)} to mend:", *complaints])
    if complaints and strict:
        raise BookError(text)
    if complaints:
        print(f"  {text}")


def _check_disk(root: Path) -> None:
    free = shutil.disk_usage(root).free / 2**30
    if free < _NEEDED_GB:
        raise BookError(
            f"{free:.1f} GB free on the disk of {root.resolve()}: "
            f"the book needs {_NEEDED_GB:.0f} GB; make room and run it again"
        )


def _render(root: Path, *, strict: bool) -> None:
    """Let Sphinx read every page anew: a cached page would not repeat its warning."""
    command = [*RENDERER, str(root), "-q", "--all"]
    command += ["-n", "--keep-going", *(["-W"] if strict else [])]
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if finished.returncode:
        raise BookError("the pages were not built cleanly: the warnings above say where")
    _prune_mathjax(root / "_build/html/_static")


def _prune_mathjax(static: Path) -> None:
    folder = static / "mathjax"
    for path in sorted(folder.rglob("*")):
        relative = str(path.relative_to(folder))
        if path.is_file() and not relative.startswith(_MATHJAX_KEPT):
            path.unlink()
