"""Faults planted one by one: each must make the build fail, and say why."""

from __future__ import annotations

import json
import os

import pytest

pytestmark = pytest.mark.build
SECOND = "notebooks/second.md"
FIRST_DATA = "gue/prom/prom_core_tata/test.csv"

LADDER = """from dataclasses import replace
from hypecheck import intervals, ladder_study, plots, recorded
ladder = ladder_study.recorded_ladder(recorded.read_run("ladder"), "gue/tf/0", "kmer3")
"""
NO_INTERVAL = """bare = intervals.Interval(0.5, float("nan"), float("nan"))
rungs = tuple(replace(rung, interval=bare) for rung in ladder.rungs)
page.show(plots.ladder_figure(replace(ladder, rungs=rungs)))
"""
ONE_RUNG = """from hypecheck import baselines, datasets, ladder, rungs
chance = rungs.baseline_rung("chance", baselines.Majority, [{}])
ladder.climb(datasets.load("gue/prom/prom_core_tata"), [chance], seeds=[0])
"""

PLANTED = {
    "a raising cell": ((SECOND, "1 + 1)", "1 / 0)"), "ZeroDivisionError"),
    "a cell that warns": (
        (SECOND, "page.publish(", 'import warnings\nwarnings.warn("careful")\npage.publish('),
        "careful",
    ),
    "a page of the toc missing": (
        ("_toc.yml", "notebooks/second", "notebooks/secund"),
        "notebooks/secund: in _toc.yml, not on disk",
    ),
    "a page missing from the toc": (
        ("_toc.yml", "  - file: notebooks/second\n", ""),
        "notebooks/second: on disk, not in _toc.yml",
    ),
    "a broken cross-reference": ((SECOND, "(first.md)", "(furst.md)"), "furst.md"),
    "a comparison without intervals": (
        (SECOND, "page.publish(", LADDER + NO_INTERVAL + "page.publish("),
        "has no interval",
    ),
    "a rung missing without a reason": (
        (SECOND, "page.publish(", ONE_RUNG + "page.publish("),
        "give its reason: not_applicable=",
    ),
    "an unknown result name": (
        (SECOND, "`second.sum.total:value`", "`second.sum.totl:value`"),
        "second.sum.totl",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_fails_the_build(small_book, fault):
    place, message = PLANTED[fault]
    small_book.edit(*place)
    outcome = small_book.build()
    assert outcome.returncode != 0
    assert message in outcome.stdout + outcome.stderr


def test_a_record_of_other_data_fails_the_build(small_book):
    small_book.edit(SECOND, "page.publish(", LADDER + "page.publish(")
    record = small_book.root / "src/hypecheck/assets/recorded/ladder.json"
    data = json.loads(record.read_text())["data"]
    small_book.edit(str(record.relative_to(small_book.root)), data["gue/tf/0"], "0" * 64)
    outcome = small_book.build()
    assert outcome.returncode != 0
    assert "recorded run 'ladder' read gue/tf/0 with sha256 000" in outcome.stdout + outcome.stderr


def test_the_copy_builds_and_a_failed_build_keeps_failing(small_book):
    outcome = small_book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    page = (small_book.root / "_build/html/notebooks/first.html").read_text()
    assert "STAND-IN" in page
    small_book.edit(SECOND, "(first.md)", "(furst.md)")
    assert small_book.build().returncode != 0
    assert small_book.build().returncode != 0


def test_results_of_another_code_are_stale(small_book):
    assert small_book.build().returncode == 0
    small_book.edit("src/hypecheck/__init__.py", '"0.1.0"', '"0.1.1"')
    outcome = small_book.render()
    assert outcome.returncode != 0
    assert "stale" in outcome.stderr
    again = small_book.build()
    assert again.returncode == 0
    assert "0 of 2 from the cache" in again.stdout


def test_edited_prose_executes_nothing(small_book):
    assert small_book.build().returncode == 0
    small_book.edit(SECOND, "The sum is", "The sum of both is")
    again = small_book.build()
    assert again.returncode == 0
    assert "2 of 2 from the cache" in again.stdout


def test_stand_in_is_not_shown_once_data_arrive(small_book, data_copy):
    assert small_book.build().returncode == 0
    outcome = small_book.render(HYPECHECK_DATA=str(data_copy))
    assert outcome.returncode != 0
    assert "stale" in outcome.stderr
    assert small_book.build(HYPECHECK_DATA=str(data_copy)).returncode == 0
    page = (small_book.root / "_build/html/notebooks/first.html").read_text()
    assert "STAND-IN" not in page


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_damaged_data_fail_the_build(small_book_with_data, data_copy, damage):
    assert small_book_with_data.build().returncode == 0
    path = data_copy / FIRST_DATA
    path.chmod(0o644)
    content = path.read_bytes()
    before = path.stat()
    changed = content[: len(content) // 2] if damage == "truncated" else b"S" + content[1:]
    path.write_bytes(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    outcome = small_book_with_data.build()
    assert outcome.returncode != 0
    assert FIRST_DATA in outcome.stdout + outcome.stderr


def test_launch_buttons_wait_for_the_address_of_the_repository(small_book):
    shown = "_build/html/notebooks/second.html"
    assert small_book.build().returncode == 0
    assert "mybinder.org" not in (small_book.root / shown).read_text()
    small_book.edit("_config.yml", 'url: ""', 'url: "https://github.com/someone/some-book"')
    outcome = small_book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    page = (small_book.root / shown).read_text()
    assert "https://mybinder.org/v2/gh/someone/some-book" in page
    assert "https://github.com/someone/some-book/issues" in page
