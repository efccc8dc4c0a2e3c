"""What the reader of rendered pages objects to, and what it lets pass."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookkeeping import prose
from bookkeeping.__main__ import main
from bookkeeping.rendered import GONE, article, blocks, needs_no_source
from tests.test_project import ROOT

SOURCE = "One two three four five six seven eight nine ten eleven.\n\n- twelve thirteen\n"


def numbers(markup: str, *patterns: str) -> list[str]:
    """List the numbers that a page holds without a source."""
    faults = prose.bare_numbers(article(f"<article>{markup}</article>"), patterns)
    return [number for fault in faults for number in fault.split(" in “")[0].split(", ")]


def copied(markup: str, tmp_path) -> list[str]:
    (tmp_path / "source.md").write_text(SOURCE)
    hashes = frozenset(prose.hash_sources(tmp_path, []).split())
    return list(prose.copied_runs(article(f"<article>{markup}</article>"), hashes))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A score of 0.55.", ["0.55"]),
        ("A score of .55 and −.02.", [".55", "−.02"]),
        ("It rose by 40 % in 1,000 runs.", ["40 %", "1,000"]),
        ("MCC=.55 (p<.001)", [".55", ".001"]),
        ("5-fold, 10kb, 3x", ["5", "10kb", "3x"]),
        ("between 10–100 kb", ["10", "100"]),
        ("0.7/0.8 and 2.5B", ["0.7", "0.8", "2.5B"]),
        ("<table><tr><td>a</td><td>12</td></tr></table>", ["12"]),
        ("<ul><li>one</li><li>2</li></ul>", ["2"]),
        ("<details><summary>3 cards</summary></details>", ["3"]),
        ("It has 12000 bases and 1234 genes.", ["12000", "1234"]),
        ("2000 bp and 1999 %", ["2000", "1999 %"]),
    ],
)
def test_bare_numbers_are_found(text, found):
    assert numbers(f"<p>{text}</p>") == found


@pytest.mark.parametrize(
    "text",
    [
        "DNABERT-2 on tf/0, prom_300_tata, H3K4me3, BRCA1, hg38, NT-2.5B and S1.",
        "In 2024 [Feng et al., 2025a], on 13 March 2025, in the 1990s.",
        "<code>x = 5</code> <pre>6</pre> <kbd>7</kbd>",
        '<span class="math notranslate">\\(p = 0.05\\)</span> <math><mn>5</mn></math>',
        "<h2>Seven of 7</h2>",
        '<a class="result live" href="#">.683 [.645, .719]</a>',
        '<a class="cited published" href="#">0.84</a>',
        '<p class="computed">3 s by the clock</p>',
        '<div class="cell docutils container"><p class="finding">.5</p></div>',
        '<p class="admonition-title"><span class="caption-number">Exercise 1 </span></p>',
        '<li class="citation" id="ref-x"><p>Nature 649:1206</p></li><li id="ref-y">26:101</li>',
        "<!-- 12 --><script>12</script><style>12</style>",
        'S1 says "most models max out at 10-100kb".',
        "As <a href='x'>they</a> write, “up to 100 kb”.",
    ],
)
def test_what_needs_no_source_passes(text):
    assert numbers(f"<p>{text}</p>") == []


def test_quotation_without_source_does_not_hide_a_number():
    assert numbers("<p>They write “up to 100 kb”.</p>") == ["100"]


def test_constants_cover_their_surroundings_only():
    assert numbers("<p>The 95 % interval holds 95 % of them.</p>", "95 % interval") == ["95 %"]


def test_each_sentence_is_named_with_its_ways_out():
    page = article("<article><p>It is fine. It is 5. So is <b>6</b>.</p></article>")
    first, second = prose.bare_numbers(page, [])
    assert first.startswith(
        "5 in “It is 5.” has no source: compute it, publish it and quote {result}"
    )
    assert second.startswith("6 in “So is 6.”")
    assert all(way in first for way in ("{cited}`name`", "prose.toml with a reason"))


@given(st.integers(0, 10**6), st.sampled_from(["{}", "a {}", "({})", "{}.", "= {} %", "–{}"]))
def test_every_integer_is_seen_unless_it_is_a_year(number, form):
    found = numbers(f"<p>{form.format(number)}</p>")
    assert bool(found) or 1950 <= number < 2040


def test_copied_run_is_shown_whole_once(tmp_path):
    words = "two three four five six seven eight nine ten"
    (fault,) = copied(f"<p>Then <b>Two</b>, {words[4:]} and more.</p>", tmp_path)
    assert fault.startswith(f"“{words}” stands in a source as well")


@pytest.mark.parametrize(
    "markup",
    [
        "<p>One two three four five six seven: seven words are nobody's.</p>",
        "<p>one two three four, say, five six seven eight nine</p>",
        '<p>S1 says "one two three four five six seven eight nine".</p>',
        "<p>“one two three four five six seven eight” (<a href='x'>there</a>)</p>",
        '<li id="ref-x">one two three four five six seven eight</li>',
    ],
)
def test_own_words_and_short_quotations_pass(markup, tmp_path):
    assert copied(markup, tmp_path) == []


@pytest.mark.parametrize(
    "markup",
    [
        '<p>"one two three four five six seven eight nine"</p>',
        "<ul><li>seven eight nine</li><li>ten eleven</li><li>twelve thirteen</li></ul>"
        .replace("<ul>", "<p>four five six</p><ul>"),
        "<h2>One two three four</h2><p>five six <code>seven</code> eight</p>",
        "<pre># one two three four five six seven eight</pre>",
    ],
)  # fmt: skip
def test_copied_lists_headings_and_comments_are_found(markup, tmp_path):
    assert len(copied(markup, tmp_path)) == 1


def test_long_quotation_is_no_quotation(tmp_path):
    text = "S1: “" + "one two three four five six seven eight nine ten eleven " * 4 + "”"
    assert copied(f"<p>{text}</p>", tmp_path)


def test_titles_are_nobodys(tmp_path):
    (tmp_path / "source.md").write_text(SOURCE)
    every = prose.hash_sources(tmp_path, []).split()
    fewer = prose.hash_sources(tmp_path, ["Two three four five six seven eight: nine"]).split()
    assert len(every) == 13 - prose.RUN + 1
    assert set(every) - set(fewer) == {prose.digest("two three four five six seven eight nine")}


def test_empty_folder_of_sources_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="name the folder of the sources"):
        prose.hash_sources(tmp_path, [])


def test_hashing_from_the_command(tmp_path, capsys):
    (tmp_path / "identifiers.yml").write_text((ROOT / "identifiers.yml").read_text())
    (tmp_path / "texts").mkdir()
    assert main(["--root", str(tmp_path), "prose", "hash", str(tmp_path / "texts")]) == 1
    assert "no Markdown files" in capsys.readouterr().err
    (tmp_path / "texts/a.md").write_text(SOURCE)
    assert main(["--root", str(tmp_path), "prose", "hash", str(tmp_path / "texts")]) == 0
    assert len((tmp_path / prose.HASHES).read_text().split()) == 6


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "site/book").mkdir(parents=True)
    (tmp_path / "book/page.md").write_text("")
    (tmp_path / "prose.toml").write_text(
        "[[constant]]\npattern = 'only 7'\nreason = 'a test'\npages = ['book/page']\n"
        "[[constant]]\npattern = 'not 8'\nreason = 'a test'\npages = ['book/other']\n"
    )
    (tmp_path / "sources.sha").write_text("\n")
    return tmp_path


def test_pages_are_checked_with_their_own_constants(book):
    (book / "site/book/page.html").write_text("<nav>9</nav><article><p>only 7, not 8</p></article>")
    (fault,) = prose.check(book / "site", book)
    assert fault.startswith("book/page: 8 in “only 7, not 8”")


def test_hearsay_says_so_in_its_section(book):
    mark = '<a class="cited published second-hand" href="x">.5</a>'
    page = book / "site/book/page.html"
    page.write_text(f"<article><section><p>{mark}</p></section></article>")
    (fault,) = prose.check(book / "site", book)
    assert ".5 was read second hand and its section does not say so" in fault
    page.write_text(f"<article><section><p>As reported by them:</p>{mark}</section></article>")
    assert prose.check(book / "site", book) == []


def test_page_that_was_not_rendered_is_named(book):
    (fault,) = prose.check(book / "site", book)
    assert "render the pages first" in fault


def test_constant_without_reason_is_refused(book):
    (book / "prose.toml").write_text("[[constant]]\npattern = '7'\nreason = ''\n")
    with pytest.raises(ValueError, match="'7' is listed without a reason"):
        prose.constants(book, "book/page")


def test_constants_of_this_book_are_sound():
    listed = tomllib.loads((ROOT / prose.CONSTANTS).read_text())["constant"]
    assert all(re.compile(constant["pattern"]) and constant["reason"] for constant in listed)
    assert all(re.search(r"\d|\\d|\[", constant["pattern"]) for constant in listed)


def test_image_bytes_are_not_read():
    page = article(f'<article><p>A <img src="data:image/png;base64,{"1" * 99}"> b</p></article>')
    assert list(blocks(page, needs_no_source)) == ["A b"]
    assert GONE not in "".join(blocks(page, needs_no_source))
