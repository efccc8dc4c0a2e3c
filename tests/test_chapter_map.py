"""The way through the book: what is planned, what is there, and what pages show of it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from bookkeeping.chapter_map import ChapterMapError, chapters, spine
from bookkeeping.claims import Ledger
from bookkeeping.execute import pages

ROOT = Path(__file__).resolve().parents[1]
PLAN = """
spine:
  one: {asks: "Is it <so>?", audit: The first page.}
  three: {asks: "Or so?", audit: The second page.}
parts:
  - caption: Part A
    chapters:
      one: {title: The first as planned, needs: []}
      two: {title: The second, needs: [one]}
  - caption: Part B
    chapters:
      three: {title: The third, needs: [one, two]}
"""
PAGES = {
    "book/intro.md": "# Intro\n\n```{spine}\n```\n\n```{spine} audit\n```\n\n"
    "```{chapter-map}\n```\n",
    "notebooks/one.md": "---\nkey: value\n---\n\n# One & only\n",
}
TOC = "root: book/intro\nchapters:\n- file: notebooks/one\n"
CONF = "extensions = ['myst_parser', 'bookkeeping.chapter_map']\nhtml_static_path = ['static']\n"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    for name, text in PAGES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "conf.py").write_text(CONF)
    (root / "static").mkdir()
    (root / "static/chapters.css").write_text("")
    (root / "_toc.yml").write_text(TOC)
    (root / "chapters.yml").write_text(PLAN)
    return root


@pytest.fixture(scope="module")
def intro(book):
    options = ["-D", "root_doc=book/intro", "-D", "exclude_patterns=_build"]
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", *options, str(book), str(book / "_build/html")],
        check=True, capture_output=True,
    )  # fmt: skip
    return BeautifulSoup((book / "_build/html/book/intro.html").read_text("utf-8"), "html.parser")


def words(tag):
    return " ".join(tag.get_text(" ").split())


def test_a_page_that_is_there_has_its_own_heading(book):
    found = chapters(book)
    assert [chapter.name for chapter in found.values()] == ["one", "two", "three"]
    assert (found["one"].title, found["one"].page) == ("One & only", "notebooks/one")
    assert (found["two"].title, found["two"].page) == ("The second", "")
    assert [(c.name, c.audit) for c in spine(book)] == [
        ("one", "The first page."),
        ("three", "The second page."),
    ]


def test_the_spine_links_to_what_is_there_and_says_what_is_not(intro):
    asked, audited = intro.select("ol.spine")
    assert [words(item) for item in asked.select("li")] == [
        "One & only Is it <so>?",
        "The third (not there yet) Or so?",
    ]
    assert [link["href"] for link in asked.select("a")] == ["../notebooks/one.html"]
    assert words(audited.select("li")[1]) == "The third (not there yet) The second page."


def test_the_map_tells_needs_row_by_row(intro):
    table = intro.select_one(".chapter-map table")
    rows = [[words(cell) for cell in row.select("th, td")] for row in table.select("tbody tr")]
    assert rows == [
        ["Part A"],
        ["★ One & only", "the primers"],
        ["The second (not there yet)", "one"],
        ["Part B"],
        ["★ The third (not there yet)", "one , two"],
    ]
    assert {link["href"] for link in table.select("a")} == {"../notebooks/one.html"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("needs: [one]", "needs: [four]", "names four, which no part lists"),
        ("  three: {asks", "  four: {asks", "names four, which no part lists"),
        ("planned, needs: []", "planned, needs: [three]", "one of these has to come first"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(book, tmp_path, old, new, complaint):
    for folder in ("book", "notebooks"):
        (tmp_path / folder).symlink_to(book / folder)
    (tmp_path / "_toc.yml").write_text(TOC)
    assert old in PLAN
    (tmp_path / "chapters.yml").write_text(PLAN.replace(old, new, 1))
    with pytest.raises(ChapterMapError, match=complaint):
        chapters(tmp_path)


# --- this book ------------------------------------------------------------------------------------


def test_the_map_holds_every_chapter_of_the_ledger_and_of_the_book():
    planned = chapters(ROOT)
    assert {claim.chapter for claim in Ledger.load(ROOT).claims.values()} <= planned.keys()
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    listed = {
        chapter["file"].rsplit("/", 1)[-1]: part["caption"]
        for part in parts
        if part["caption"].startswith("Part ")
        for chapter in part["chapters"]
    }
    assert listed == {name: planned[name].part for name in listed}, "another part, or not planned"
    assert {p.name for p in planned.values() if p.page} == listed.keys()


def test_every_link_of_the_map_is_a_page():
    there = {chapter.page for chapter in chapters(ROOT).values()} - {""}
    assert there <= set(pages(ROOT))


def test_the_spine_is_six_chapters_that_need_no_other():
    way = [chapter.name for chapter in spine(ROOT)]
    assert len(way) == 6
    for place, chapter in enumerate(spine(ROOT)):
        assert set(chapter.needs) <= set(way[:place]), chapter.name
        assert chapter.asks, chapter.name
        assert chapter.audit, chapter.name
