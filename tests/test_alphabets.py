"""Letters, residues, windows: worked by hand, and kept apart."""

import numpy as np
import pandas as pd
import pytest

from hypecheck import alphabets
from hypecheck.alphabets import RESIDUES, STOP
from hypecheck.sequences import decode, encode, reverse_complement


def test_letters_become_small_and_gaps_one_space():
    assert alphabets.letters("It's  1812.\nYes").tolist() == [8, 19, 26, 18, 26, 24, 4, 18]


def test_letters_of_another_script_are_a_gap():
    assert alphabets.letters("aéb").tolist() == [0, 26, 1]


@pytest.mark.parametrize(
    ("codon", "residue"), [("ATG", "M"), ("TGG", "W"), ("AAA", "K"), ("GCT", "A"), ("TTC", "F")]
)
def test_codons_of_the_textbook(codon, residue):
    assert RESIDUES[alphabets.translate(encode(codon))[0]] == residue


def test_three_codons_stop():
    every = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT"]
    stops = [one for one in every if alphabets.translate(encode(one))[0] == STOP]
    assert stops == ["TAA", "TAG", "TGA"]


def test_a_gene_reads_the_same_from_either_strand():
    gene = encode("ATGAAATGGTAA")
    genes = pd.DataFrame({"start": [0], "end": [12], "strand": ["+"]})
    mirrored = genes.assign(strand="-")
    one = alphabets.proteins(gene, genes)
    other = alphabets.proteins(reverse_complement(gene), mirrored)
    assert one[0].tolist() == other[0].tolist() == [RESIDUES.index(x) for x in "MKW"]


@pytest.mark.parametrize("codes", ["ATGTAAAAATAA", "ATGAAAAA", "ATGAAAAAA", "ATGNAATAA"])
def test_what_is_no_whole_gene_is_left_out(codes):
    genes = pd.DataFrame({"start": [0], "end": [len(codes)], "strand": ["+"]})
    assert alphabets.proteins(encode(codes), genes) == []


def stream(length=12_000, seed=0):
    return np.random.default_rng(seed).integers(4, size=length).astype(np.uint8)


def cut(streams, **changes):
    options = {"length": 20, "word": 12, "sizes": (400, 30, 30)} | changes
    return alphabets.cut(streams, 4, rng=np.random.default_rng(1), **options)


def test_parts_hold_real_windows_and_share_none():
    codes = stream()
    found = cut([codes])
    windows = decode(codes.reshape(-1, 20))
    parts = [decode(part) for part in (found.train, found.validation, found.test)]
    assert all(set(part) <= set(windows) for part in parts)
    assert not set(parts[0]) & set(parts[2])
    assert [len(part) for part in parts] == [400, 30, 30]
    assert len(found.test_block) == 30


def test_a_planted_copy_is_dropped_and_counted():
    codes = stream()
    codes[6000:12000] = codes[:6000]  # every window occurs twice, often in different parts
    found = cut([codes], sizes=(600, 60, 60))
    assert found.n_dropped > 0
    assert not alphabets.sharing(found.train, found.test, 12).any()


def test_windows_with_a_foreign_symbol_are_left_out():
    codes = stream()
    codes[::40] = 4
    assert all((part < 4).all() for part in (cut([codes]).train, cut([codes]).test))


def test_sharing_is_that_of_sets_of_words():
    rng = np.random.default_rng(3)
    train, asked = rng.integers(3, size=(40, 12)), rng.integers(3, size=(40, 12))
    known = {tuple(row[i : i + 6]) for row in train for i in range(7)}
    expected = [any(tuple(row[i : i + 6]) in known for i in range(7)) for row in asked]
    assert alphabets.sharing(train, asked, 6).tolist() == expected


def test_no_window_is_an_error():
    with pytest.raises(ValueError, match="shorter windows"):
        cut([stream(200)])


def test_books_are_split_by_position():
    books = [np.arange(200, dtype=np.uint8), np.arange(200, dtype=np.uint8)]
    parts = alphabets.labelled_windows(
        books, length=5, sizes=(20, 8, 8), rng=np.random.default_rng(0)
    )
    assert parts["train"][0].max() < 120 <= parts["validation"][0].min()
    assert parts["validation"][0].max() < 160 <= parts["test"][0].min()
    assert np.bincount(parts["test"][1]).tolist() == [4, 4]
