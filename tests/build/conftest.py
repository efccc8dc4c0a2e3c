"""A copy of the book cut to two small chapters, built by the same command and extensions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bookkeeping.build import RENDERER

ROOT = Path(__file__).resolve().parents[2]
SMALL = Path(__file__).resolve().parent / "small"
DATA = "gue/prom/prom_core_tata"
TOC = """format: jb-book
root: book/intro
chapters:
  - file: notebooks/first
  - file: notebooks/second
  - file: book/claims
  - file: book/bibliography
"""
COPIED = (
    "_config.yml", "requirements.lock", "pyproject.toml", "identifiers.yml", "prose.toml",
    "sources.sha",
)  # fmt: skip


@dataclass(frozen=True)
class SmallBook:
    """The copy, and the environment that its builds run in."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the copy's own packages."""
        environment = self.environment | extra
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def build(self, **extra: str) -> subprocess.CompletedProcess[str]:
        """Build as `make test` does."""
        return self.run(sys.executable, "-m", "bookkeeping", "build", "--strict", **extra)

    def render(self, **extra: str) -> subprocess.CompletedProcess[str]:
        """Render the pages alone, as somebody in a hurry would."""
        return self.run(*RENDERER, ".", "-q", "-W", "-n", "--keep-going", "--all", **extra)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a piece of one file, which must be there."""
        path = self.root / name
        text = path.read_text()
        if old not in text:
            pytest.fail(f"{name} does not hold {old!r}: the fault cannot be planted")
        path.write_text(text.replace(old, new, 1))


def copy_book(target: Path, data: Path | None) -> SmallBook:
    """Copy what a build needs, with two small chapters in place of the real ones."""
    for name in COPIED:
        shutil.copy(ROOT / name, target / name)
    shutil.copytree(ROOT / "src", target / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "book/_static", target / "book/_static")
    shutil.copy(SMALL / "references.bib", target / "references.bib")
    for name in ("intro.md", "claims.md", "bibliography.md"):
        shutil.copy(SMALL / name, target / "book" / name)
    for name in ("claims.yml", "verdicts.json"):
        shutil.copy(SMALL / name, target / name)
    (target / "notebooks").mkdir()
    for name in ("first.md", "second.md"):
        shutil.copy(SMALL / name, target / "notebooks" / name)
    (target / "_toc.yml").write_text(TOC)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HYPECHECK_")}
    environment |= {"PYTHONPATH": str(target / "src"), "HYPECHECK_OFFLINE": "1"}
    if data is not None:
        environment["HYPECHECK_DATA"] = str(data)
    return SmallBook(target, environment)


@pytest.fixture(scope="session")
def real_data() -> Path | None:
    """The folder of real data, where this machine has one."""
    named = os.environ.get("HYPECHECK_DATA")
    return Path(named) if named else None


@pytest.fixture
def data_copy(tmp_path: Path, real_data: Path | None) -> Path:
    """A small folder of real data that a test may damage."""
    if real_data is None:
        pytest.skip("needs a folder of real data (HYPECHECK_DATA): nothing to damage here")
    folder = tmp_path / "data"
    shutil.copytree(real_data / DATA, folder / DATA)
    return folder


@pytest.fixture
def small_book(tmp_path: Path) -> SmallBook:
    """A copy without data: the chapter that needs some runs on its stand-in."""
    target = tmp_path / "copy"
    target.mkdir()
    return copy_book(target, None)


@pytest.fixture
def small_book_with_data(tmp_path: Path, data_copy: Path) -> SmallBook:
    """A copy with its own small folder of real data."""
    target = tmp_path / "copy"
    target.mkdir()
    return copy_book(target, data_copy)
