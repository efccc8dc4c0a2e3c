"""The families keep their promises: no copies over a split, right sizes, windows in the middle."""

import numpy as np
import pytest

from hypecheck import task_families
from hypecheck.sequences import UNKNOWN, encode
from hypecheck.splits import audit
from hypecheck.task_families import FAMILIES, MOST, centre, family_task, shares_word

QUICK = ["reporter-activity", "coding", "ecoli-promoters", "brca1-variants", "brca1-conservation"]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    """Offline, so that every machine tests the same rows."""
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    monkeypatch.setenv("HYPECHECK_CACHE", "/nowhere")
    caches = (family_task, task_families._loaded, task_families.brca1_windows)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.parametrize("name", QUICK)
def test_a_task_is_split_clean_and_says_that_it_stands_in(name):
    task = family_task(name)
    assert task.stand_in
    assert task.train.codes.shape[1] == FAMILIES[name].length
    for part, most in MOST.items():
        assert 0 < len(getattr(task, part)) <= most
    found = audit(task.train, task.test)
    assert found.n_exact == found.n_reverse_complement == 0
    if FAMILIES[name].level != "single base":
        assert not shares_word(task.train.codes, task.test.codes).any()


def test_whole_exons_are_held_out():
    task, rows = family_task("brca1-variants"), task_families.brca1_windows()
    exons = [set(rows["exon"][[int(n) for n in part.names]]) for part in (task.train, task.test)]
    assert not exons[0] & exons[1]
    assert np.bincount(task.train.labels).tolist() == [len(task.train) // 2] * 2


def test_a_variant_window_differs_in_its_middle_alone():
    codes = family_task("brca1-variants").test.codes
    reference, altered = np.split(codes, 2, axis=1)
    middle = task_families.EXON_WINDOW // 2
    assert (np.flatnonzero((reference != altered).any(axis=0)) == middle).all()
    assert (reference[:, middle] != altered[:, middle]).all()


def test_the_place_in_the_codon_counts_to_three():
    rows = task_families.brca1_windows().drop_duplicates("position")
    rows = rows[rows["codon"] > 0]  # outside coding sequence there is none
    steps = np.diff(rows["codon"])[np.diff(rows["position"]) == 1] % 3
    assert (steps == 1).all()


def test_centre_by_hand():
    middle, is_long = centre(encode(["AACCGGTT", "ACG", "NNNNNNNN"], pad=True), 4)
    assert middle.tolist() == [encode("CCGG").tolist()]
    assert is_long.tolist() == [True, False, False]
    assert not (middle == UNKNOWN).any()


def test_shared_words_are_seen_on_the_other_strand():
    assert shares_word(encode(["AAAAACCCCC"]), encode(["GGGGGTTTTT"]), k=10).tolist() == [True]
    assert shares_word(encode(["AAAAACCCCC"]), encode(["CCCCCAAAAA"]), k=10).tolist() == [False]
