"""The whole book from a clone with nothing beside it: it runs, and says what it stands on."""

from __future__ import annotations

import html
import re
import shutil

import pytest

from bookkeeping.execute import RESULTS, pages
from bookkeeping.results import Results
from tests.build.conftest import ROOT, SmallBook, copy_book

pytestmark = pytest.mark.build
REAL = (
    "_toc.yml",
    "chapters.yml",
    "claims.yml",
    "identifiers.yml",
    "prose.toml",
    "references.bib",
    "sources.sha",
    "verdicts.json",
)


@pytest.fixture(scope="module")
def lonely_book(tmp_path_factory: pytest.TempPathFactory) -> SmallBook:
    """Build every chapter offline, without data, with sizes divided by ten."""
    target = tmp_path_factory.mktemp("lonely") / "copy"
    target.mkdir()
    book = copy_book(target, None)
    for folder in ("book", "notebooks"):
        shutil.rmtree(target / folder)
        shutil.copytree(ROOT / folder, target / folder)
    for name in REAL:
        shutil.copy(ROOT / name, target / name)
    outcome = book.build(HYPECHECK_FAST="1")
    assert outcome.returncode == 0, outcome.stdout[-3000:] + outcome.stderr[-3000:]
    return book


def test_every_page_is_built(lonely_book):
    for page in pages(lonely_book.root):
        assert (lonely_book.root / f"_build/html/{page}.html").exists()


def test_every_chapter_says_what_stands_in_and_that_it_judges_nothing(lonely_book):
    chapters = Results.load(lonely_book.root / RESULTS).chapters.values()
    assert any(chapter.stand_ins for chapter in chapters)
    for chapter in chapters:
        text = (lonely_book.root / f"_build/html/notebooks/{chapter.name}.html").read_text()
        assert ("STAND-IN" in text) == bool(chapter.stand_ins), chapter.name
        assert "nothing on this page is evidence" in text, chapter.name


def test_every_live_figure_says_it_too(lonely_book):
    for path in (lonely_book.root / "_build/html/notebooks").glob("*.html"):
        texts = map(html.unescape, re.findall(r'<img alt="([^"]*)"', path.read_text()))
        live = [text for text in texts if "(live" in text or " live" in text.lower()]
        assert all("stand-in" in text.lower() for text in live), path.name
