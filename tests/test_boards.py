"""What pages show of the verdicts, in a tiny book of five pages."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from bookkeeping import boards
from bookkeeping.results import Chapter, Result, Results

ROOT = Path(__file__).resolve().parents[1]
CONF = "extensions = ['myst_parser', 'bookkeeping.boards']\nhtml_static_path = ['static']\n"
PAGES = {
    "book/intro.md": "# Intro\n\n```{board}\n```\n",
    "book/claims.md": "# Claims\n\n```{claims-table}\n```\n",
    "notebooks/one.md": "# One\n\n```{verdict}\n```\n",
    "notebooks/two.md": "# Two\n\n```{verdict}\n```\n",
    "book/takeaways.md": "# Taken\n\n```{evidence} S1.d\n```\n\n```{tally} source\n```\n",
}
TOC = "root: book/intro\nchapters:\n" + "".join(
    f"- file: {name[:-3]}\n" for name in PAGES if "intro" not in name
)
CLAIMS = """
margin: 0.03
seeds: 5
evidence: {DNA: [feng2025, huang2023]}
claims:
  S1.a:
    &row
    claim: Is <b>this</b> & that so.
    source: S1, S2
    section: One
    modality: DNA
    form: fact
    paradigm: any
    basis: exploratory
    kinds: [live]
    chapter: one
    published: [feng2025, huang2023]
    numbers: {one.x.a: what decides, one.x.b: what is watched}
    rule: {reads: Holds above zero., holds: 'low("one.x.a") > 0'}
  S1.b:
    <<: *row
    chapter: two
    numbers: {two.x.a: another}
    rule: {reads: Holds above zero., holds: 'low("two.x.a") > 0'}
  S1.c:
    <<: *row
    chapter: three
    kinds: [published]
    numbers: {three.published.a: a third}
    rule: {reads: Holds above zero., holds: 'value("three.published.a") > 0'}
  S1.d:
    <<: *row
    kinds: [computed]
    numbers: {}
    rule: {reads: Holds if the first does., holds: 'verdict("S1.a") == "holds"'}
"""
ACCEPTED = {
    "verdict": "holds", "commit": "c0ffee1234", "date": "2026-01-02", "why": "First <run>.",
    "rule": "", "numbers": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    for name, text in PAGES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (root / "conf.py").write_text(CONF)
    (root / "static").mkdir()
    for name in ("claims.css", "claims.js"):
        (root / "static" / name).write_text((ROOT / "book/_static" / name).read_text())
    (root / "_toc.yml").write_text(TOC)
    (root / "claims.yml").write_text(CLAIMS)
    (root / "verdicts.json").write_text(json.dumps({"S1.a": [ACCEPTED], "S1.b": [ACCEPTED]}))
    (root / "identifiers.yml").write_text((ROOT / "identifiers.yml").read_text("utf-8"))
    found = [
        Result("one.x.a", 0.5, 0.4, 0.6, n=1000, seeds=5, chapter="one"),
        Result("one.x.b", 0.1, chapter="one"),
        Result("two.x.a", 0.5, 0.4, 0.6, chapter="two", stand_in="a toy"),
    ]
    chapters = {name: Chapter(name, 1.0, 1.0, 1.0) for name in ("one", "two")}
    Results("key", False, {}, chapters, {r.name: r for r in found}).save(
        root / "_build/results.json"
    )
    options = ["-D", "root_doc=book/intro", "-D", "exclude_patterns=_build"]
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", *options, str(root), str(root / "_build/html")],
        check=True, capture_output=True,
    )  # fmt: skip
    return root / "_build/html"


def page(site, name):
    return BeautifulSoup((site / name).read_text("utf-8"), "html.parser")


def words(tag):
    return " ".join(tag.get_text(" ").split())


def test_a_card_tells_verdict_numbers_evidence_and_history(site):
    card = page(site, "notebooks/one.html").select_one("#claim-S1-a")
    verdict = card.select_one(".verdict")
    assert words(verdict) == "✔ holds"
    assert verdict.span["aria-hidden"] == "true"
    assert words(card.select_one(".claim-text")) == "Is <b>this</b> & that so."
    first, second = card.select("ul")
    assert words(first) == ".500 [.400, .600] what decides (n = 1,000, seeds: 5, live) one.x.a"
    assert first.a["href"] == "../notebooks/one.html#result-one-x-a"
    assert words(second) == ".100 what is watched (live) one.x.b"
    assert "Feng et al. 2025" in words(card)
    assert card.select_one("a[href='https://doi.org/10.1038/s41467-025-65823-8']")
    assert "Huang" in words(card)
    assert "(as reported by a reference list)" in words(card)
    assert "exploratory" in words(card.select_one(".claim-kind"))
    history = words(card.details)
    assert "2026-01-02, at c0ffee1234 : holds. First <run>." in history
    assert 'holds: low("one.x.a") > 0' in history


def test_a_card_on_a_stand_in_says_so(site):
    card = page(site, "notebooks/two.html").select_one("#claim-S1-b")
    assert words(card.select_one(".verdict")) == "✔ holds"
    assert "Not judged again in this build (stand-ins: a toy)" in words(card)


def test_evidence_shows_what_a_claim_rests_on(site):
    card = page(site, "book/takeaways.html").select_one("#claim-S1-d")
    assert words(card.select_one(".verdict")) == "+ not yet accepted"
    (item,) = card.select("li")
    assert words(item.select_one(".verdict")) == "✔ holds"
    assert words(item.select_one("a[href='../notebooks/one.html#claim-S1-a']")).startswith("Is <b>")
    assert words(item.select_one(".carried")) == "what decides: .500 [.400, .600] ."
    assert "Holds if the first does." in words(card.details)


def test_a_board_on_which_everything_ran():
    template = boards._TEMPLATES.get_template("ledger.html")
    context = {"judgements": [], "counts": {"holds": 3}, "skipped": 0, "up": ""}
    text = words(BeautifulSoup(template.make_module(context).board(), "html.parser"))
    assert "holds 3" in text
    assert "not yet run" not in text


def test_a_tally_counts_a_claim_of_two_sources_with_both(site):
    table = page(site, "book/takeaways.html").select_one(".board table")
    assert words(table.caption) == "Verdicts by source"
    heads = [words(cell) for cell in table.thead.select("th")]
    rows = {
        words(row.th): [words(cell) for cell in row.select("td")]
        for row in table.select("tbody tr")
    }
    assert set(rows) == {"S1", "S2"}
    assert rows["S1"] == rows["S2"]
    assert sum(map(int, rows["S1"])) == 4
    assert heads[0] == "Source"
    assert len(heads) == 1 + len(rows["S1"])


@pytest.mark.parametrize("directive", ["{evidence} S1.a", "{evidence} nobody", "{tally} colour"])
def test_what_does_not_exist_is_refused(tmp_path, directive):
    (tmp_path / "conf.py").write_text(CONF.replace("['static']", "[]"))
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "intro.md").write_text(f"# One\n\n```{directive}\n```\n")
    (tmp_path / "claims.yml").write_text(CLAIMS)
    (tmp_path / "verdicts.json").write_text("{}")
    (tmp_path / "_toc.yml").write_text("root: book/intro\n")
    (tmp_path / "identifiers.yml").write_text((ROOT / "identifiers.yml").read_text("utf-8"))
    options = ["-W", "-D", "root_doc=book/intro", str(tmp_path), str(tmp_path / "html")]
    command = [sys.executable, "-m", "sphinx", "-q", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert directive.split()[1] in done.stderr


def test_a_card_that_rests_on_verdicts_links_to_them(site):
    card = page(site, "notebooks/one.html").select_one("#claim-S1-d")
    assert words(card.select_one(".verdict")) == "+ not yet accepted"
    assert "This build alone would say: holds." in words(card)
    link = card.select_one("a[href='../book/claims.html#claim-S1-a']")
    assert words(link) == "S1.a"


def test_the_board_counts_and_its_bar_agrees(site):
    board = page(site, "book/intro.html").select_one(".board")
    rows = {words(row.th).split(" ", 1)[1]: int(row.td.text) for row in board.select("tbody tr")}
    assert rows == {"holds": 2, "not yet run": 1, "not yet accepted": 1}
    bar = board.select_one(".bar")
    assert bar["aria-hidden"] == "true"
    assert [int(s["style"].split(":")[1]) for s in bar.select("span")] == list(rows.values())
    assert "not yet run while its chapter is not part" in words(board)
    assert "Not judged again in this build: 1," in words(board)
    assert board.select_one("a[href='../book/claims.html']")


def test_the_table_stands_whole_without_a_script(site):
    ledger = page(site, "book/claims.html").select_one(".ledger")
    rows = ledger.select("tbody tr")
    assert [row["id"] for row in rows] == [f"claim-S1-{x}" for x in "abcd"]
    assert not any(row.has_attr("hidden") for row in rows)
    assert ledger.form.has_attr("hidden")
    first, _, third, _ = rows
    assert (first["data-source"], first["data-verdict"]) == ("S1|S2", "holds")
    assert (third["data-kinds"], third["data-modality"]) == ("published", "DNA")
    assert first.select_one("a[href='../notebooks/one.html#claim-S1-a']")
    assert first.select_one("a[href='../notebooks/one.html#result-one-x-a']")
    assert "Its chapter, three, is not written yet." in words(third)
    assert not third.th.a


def test_filters_offer_what_the_table_holds(site):
    form = page(site, "book/claims.html").form
    options = {
        select["name"]: [(o["value"], words(o)) for o in select.select("option")][1:]
        for select in form.select("select")
    }
    assert set(options) == {"source", "modality", "kinds", "verdict"}
    assert options["source"] == [("S1", "S1 (4)"), ("S2", "S2 (4)")]
    assert [value for value, _ in options["verdict"]] == [
        "holds",
        "not yet run",
        "not yet accepted",
    ]
    assert all(select.find_parent("label") for select in form.select("select"))


def test_downloads_hold_every_row(site):
    rows = json.loads((site / "_static/claims.json").read_text("utf-8"))
    assert [row["id"] for row in rows] == ["S1.a", "S1.b", "S1.c", "S1.d"]
    assert rows[0]["numbers"] == {"one.x.a": [0.5, 0.4, 0.6], "one.x.b": [0.1, None, None]}
    assert (rows[0]["verdict"], rows[0]["date"], rows[2]["date"]) == ("holds", "2026-01-02", "")
    with (site / "_static/claims.csv").open(encoding="utf-8", newline="") as handle:
        flat = list(csv.DictReader(handle))
    assert [row["id"] for row in flat] == [row["id"] for row in rows]
    assert flat[0]["numbers"] == "one.x.a = 0.5; one.x.b = 0.1"
    assert flat[0]["published"] == "feng2025; huang2023"
    links = page(site, "book/claims.html").select("a[download]")
    assert [link["href"] for link in links] == ["../_static/claims.json", "../_static/claims.csv"]


def test_the_script_is_loaded_where_the_table_is(site):
    loads = {name: "claims.js" in (site / name).read_text() for name in
             ("book/claims.html", "book/intro.html", "notebooks/one.html")}  # fmt: skip
    assert loads == {
        "book/claims.html": True,
        "book/intro.html": False,
        "notebooks/one.html": False,
    }
