"""Faults of the ledger: a strict build fails and says why, a reader's goes on with a note."""

import json
import shutil
import sys
from dataclasses import replace

import pytest

from tests.build.conftest import copy_book

pytestmark = pytest.mark.build
SECOND, CLAIMS, VERDICTS = "notebooks/second.md", "claims.yml", "verdicts.json"

PLANTED = {
    "a claim without a verdict": (
        (VERDICTS, '"own.sum": [', '"own.some": ['),
        "own.sum: computed: holds; no verdict was ever accepted",
    ),
    "a result that nobody publishes": (
        (SECOND, '"second.recorded.long", 2.0', '"second.recorded.short", 2.0'),
        "own.record: nobody published second.recorded.long",
    ),
    "a rule on a name that nothing defines": (
        (CLAIMS, 'low("second.recorded.long") > 1\n', 'low("second.recorded.lung") > 1\n'),
        "own.record: nothing defines second.recorded.lung",
    ),
    "a record that no longer supports the verdict": (
        (SECOND, "2.0, low=1.9, high=2.1", "0.5, low=0.4, high=0.6"),
        "own.record: computed: not resolved here; accepted: holds",
    ),
    "a live result that contradicts the accepted one": (
        (SECOND, '"second.sum.total", 1 + 1', '"second.sum.total", 1 + 2'),
        "own.sum: this build contradicts the accepted numbers: second.sum.total",
    ),
    "a rule changed after the fact": (
        (CLAIMS, '> 1 and value("second.sum.total") == 2', '> 1 and value("second.sum.total") < 9'),
        "own.sum: its rule has changed since the verdict was accepted",
    ),
    "a rule that is no rule": (
        (CLAIMS, 'low("second.recorded.long") > 1\n', '__import__("os").getcwd()\n'),
        "own.record",
    ),
    "cells as evidence on models of DNA": (
        (CLAIMS, "evidence: {DNA: [feng2025]}", "evidence: {transcriptome: [feng2025]}"),
        "own.rows is about DNA models, and feng2025 is not",
    ),
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A copy whose chapters are in the cache, so that each fault costs a judgement and no run."""
    target = tmp_path_factory.mktemp("executed") / "copy"
    target.mkdir()
    book = copy_book(target, None)
    outcome = book.run(sys.executable, "-m", "bookkeeping", "execute")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return book


@pytest.fixture
def small_book(executed, tmp_path):
    target = tmp_path / "copy"
    shutil.copytree(executed.root, target)
    environment = executed.environment | {"PYTHONPATH": str(target / "src")}
    return replace(executed, root=target, environment=environment)


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_fails_the_strict_build(small_book, fault):
    place, message = PLANTED[fault]
    small_book.edit(*place)
    outcome = small_book.build()
    assert outcome.returncode != 0
    assert message in outcome.stdout + outcome.stderr


def test_a_reader_gets_the_book_and_a_note(small_book):
    small_book.edit(SECOND, "2.0, low=1.9, high=2.1", "0.5, low=0.4, high=0.6")
    outcome = small_book.run(sys.executable, "-m", "bookkeeping", "build")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "own.record: computed: not resolved here; accepted: holds" in outcome.stdout
    page = (small_book.root / "_build/html/notebooks/second.html").read_text()
    assert "This build alone would say: not resolved here." in page


def test_a_stand_in_is_not_judged_again(small_book):
    outcome = small_book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    last = "4 claims: 3 holds, 1 not yet run; 1 not judged again in this build"
    assert outcome.stdout.splitlines()[-1] == last
    page = (small_book.root / "_build/html/book/claims.html").read_text()
    assert 'data-verdict="not yet run"' in page
    rows = json.loads((small_book.root / "_build/html/_static/claims.json").read_text())
    assert [row["verdict"] for row in rows] == ["holds", "holds", "holds", "not yet run"]


def test_real_data_are_judged(small_book_with_data):
    outcome = small_book_with_data.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "4 claims: 3 holds, 1 not yet run\n" in outcome.stdout


def test_a_fast_build_judges_nothing(small_book):
    small_book.edit(SECOND, "2.0, low=1.9, high=2.1", "0.5, low=0.4, high=0.6")
    outcome = small_book.build(HYPECHECK_FAST="1")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "3 not judged again in this build" in outcome.stdout
