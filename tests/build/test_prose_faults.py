"""Faults of citation and prose, planted one by one: each must make the build fail, and say why."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from tests.build.conftest import copy_book

pytestmark = pytest.mark.build
PAGE = "notebooks/second.md"
BIB = "references.bib"
HERE = "A review treats the subject {cite}`consens2025`."

PLANTED = {
    "another author than the identifier's": (
        (BIB, "author = {Consens, Micaela E. and", "author = {Nguyen, Eric and"),
        "consens2025: authors Nguyen, Dufault",
    ),
    "another year": ((BIB, "year = {2025}", "year = {2024}"), "consens2025: year 2024"),
    "a name beside another author's work": (
        (PAGE, HERE, "Nguyen et al. {cite}`consens2025` treat the subject."),
        "'Nguyen et al.' stands before consens2025",
    ),
    "a link under a wrong name": (
        (PAGE, HERE, HERE + " See [Zrimec et al., 2024](https://arxiv.org/abs/2410.13956)."),
        "'Zrimec et al., 2024' links to arXiv:2410.13956, which is Bendidi 2024",
    ),
    "an unused key": ((PAGE, HERE, "A review treats the subject."), "no page cites consens2025"),
    "an unresolved key": (
        (PAGE, HERE, "A review treats the subject {cite}`consens2052`."),
        "consens2052 is cited and not in references.bib",
    ),
    "an unknown figure": (
        (PAGE, "human-tfbs-1.dnabert2", "human-tfbs-1.dnabert3"),
        "no published figure is called 'feng2025-auc.human-tfbs-1.dnabert3'",
    ),
    "hearsay without a word": (
        (PAGE, "dnabert-2.mcc:.2f`", "dnabert-2.mcc:bare`"),
        "0.7199 was read second hand",
    ),
    "a number typed by hand": (
        ("book/intro.md", "It starts", "The score is .683. It starts"),
        "book/intro: .683 in “The score is .683.” has no source",
    ),
    "eight words of a source": (
        (
            "book/intro.md",
            "It starts",
            "Linear models trained on k-mer features often match or exceed the others. It starts",
        ),
        "book/intro: “linear models trained on k mer features often match or exceed”",
    ),
}


@pytest.fixture(scope="module")
def executed_book(tmp_path_factory):
    """A copy whose chapters have run: what follows changes prose alone."""
    target = tmp_path_factory.mktemp("executed") / "copy"
    target.mkdir()
    book = copy_book(target, None)
    outcome = book.build()
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return book


@pytest.fixture
def small_book(executed_book, tmp_path):
    target = tmp_path / "copy"
    shutil.copytree(executed_book.root, target)
    environment = executed_book.environment | {"PYTHONPATH": str(target / "src")}
    return replace(executed_book, root=target, environment=environment)


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_fault_fails_the_build(small_book, fault):
    place, message = PLANTED[fault]
    small_book.edit(*place)
    outcome = small_book.build()
    assert outcome.returncode != 0
    assert message in outcome.stdout + outcome.stderr


def test_cited_figures_carry_their_source(executed_book):
    page = (executed_book.root / "_build/html/notebooks/second.html").read_text()
    assert 'class="cited published" href="../book/bibliography.html#ref-feng2025"' in page
    assert "Nat Commun 16:10780; Tables 1 to 3" in page
    assert ">0.72</a> (as reported by three third-party tables that agree)" in page
    references = page.split('id="references"')[1]
    assert all(name in references for name in ("Consens", "Haonan Feng", "Zhihan Zhou"))
    entries = (executed_book.root / "_build/html/book/bibliography.html").read_text()
    assert entries.count('<li class="citation" id="ref-') == 3
    assert 'id="ref-feng2025"' in entries


def test_a_quotation_with_its_source_is_fine(small_book):
    quoted = (
        'S1 holds that "Linear models trained on k-mer features often match or exceed '
        'foundation model performance". It starts'
    )
    small_book.edit("book/intro.md", "It starts", quoted)
    assert small_book.build().returncode == 0
