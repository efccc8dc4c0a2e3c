import gzip
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypecheck.sequences import (
    LabelledSequences,
    SequenceFileError,
    Task,
    check_codes,
    decode,
    dinucleotide_shuffle,
    encode,
    gc_content,
    one_hot,
    read_fasta,
    reverse_complement,
    write_fasta,
)

dna = st.text(alphabet="ACGTN", max_size=50)


@given(dna)
def test_encode_and_decode_are_a_round_trip(letters):
    assert decode(encode(letters)) == letters
    assert decode(encode([letters, letters])) == [letters, letters]


def test_ambiguity_case_and_u_follow_iupac():
    assert decode(encode("acgtuRYSWKMBDHVN")) == "ACGTTNNNNNNNNNNN"


def test_padding_fills_on_the_right():
    codes = encode(["", "ACGT", "G"], pad=True)
    assert codes.dtype == np.uint8
    assert decode(codes) == ["NNNN", "ACGT", "GNNN"]


def test_nothing_to_encode_is_allowed():
    assert encode("").shape == (0,)
    assert encode([]).shape == (0, 0)


def test_unequal_lengths_are_refused_with_the_fix():
    with pytest.raises(ValueError, match=r"number 1 has 2.*pad=True"):
        encode(["ACG", "AC"])


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ("AC-T", "'-' in sequence 0 at position 2"),
        (["ACGT", "AX"], "'X' in sequence 1 at position 1"),
        ("ACé", "'é' in sequence 0 at position 2"),
        ("AC→", "'→' in sequence 0 at position 2"),
        ("MKLV", "'L' in sequence 0 at position 2.*not protein"),
    ],
)
def test_letters_outside_iupac_are_named(sequences, message):
    with pytest.raises(ValueError, match=message):
        encode(sequences)


@pytest.mark.parametrize("bad", [[0, 5], [-1], [0.5], ["A"]])
def test_numbers_that_are_no_codes_are_refused(bad):
    with pytest.raises(ValueError, match="codes must"):
        check_codes(bad)
    with pytest.raises(ValueError, match="codes must"):
        decode(bad)


def test_one_hot_of_a_tiny_sequence():
    expected = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_array_equal(one_hot(encode("ACGTN")), expected)
    assert one_hot(encode(["AC"] * 3), dtype=np.int8).shape == (3, 2, 4)


@given(dna)
def test_reverse_complement_twice_is_the_sequence(letters):
    codes = encode(letters)
    other = decode(reverse_complement(codes))
    assert other == letters.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)


def test_one_hot_of_the_other_strand_is_the_array_turned_around():
    codes = encode(["AACGTN", "TTTTGA"])
    np.testing.assert_array_equal(one_hot(reverse_complement(codes)), one_hot(codes)[:, ::-1, ::-1])


def test_gc_content_counts_known_bases_only():
    np.testing.assert_array_equal(gc_content(encode(["GCNN", "ATGC", "NNNN"])), [1, 0.5, np.nan])
    assert gc_content(encode("GGGA")) == 0.75


@given(st.text(alphabet="ACGT", max_size=60), st.integers(0, 2**32))
def test_shuffle_keeps_dinucleotides_and_ends(letters, seed):
    shuffled = decode(dinucleotide_shuffle(encode(letters), np.random.default_rng(seed)))
    assert Counter(pairwise(shuffled)) == Counter(pairwise(letters))
    assert (shuffled[:1], shuffled[-1:]) == (letters[:1], letters[-1:])


def test_shuffle_draws_every_arrangement_equally_often():
    letters = "ACAGATCAGA"
    arrangements = _same_dinucleotides(letters)
    rng = np.random.default_rng(0)
    n = 400 * len(arrangements)
    seen = Counter(decode(dinucleotide_shuffle(encode(letters), rng)) for _ in range(n))
    assert set(seen) == arrangements
    expected = n / len(arrangements)
    chi_squared = sum((count - expected) ** 2 / expected for count in seen.values())
    degrees = len(arrangements) - 1
    assert chi_squared < degrees + 4 * np.sqrt(2 * degrees)


def _same_dinucleotides(letters):
    """List by trial all sequences that use each dinucleotide as often as `letters`."""

    def extend(so_far, left):
        if not left:
            return {so_far}
        return {
            whole
            for pair in left
            if pair[0] == so_far[-1]
            for whole in extend(so_far + pair[1], left - Counter([pair]))
        }

    return extend(letters[0], Counter(map("".join, pairwise(letters))))


def test_shuffle_refuses_unknown_bases_and_many_sequences():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="2 unknown bases"):
        dinucleotide_shuffle(encode("ACNNGT"), rng)
    with pytest.raises(ValueError, match="1 axes"):
        dinucleotide_shuffle(encode(["ACGT"]), rng)


@pytest.mark.parametrize("name", ["a.fa", "a.fasta.gz"])
def test_fasta_is_a_round_trip(tmp_path, name):
    records = {"one": "ACGT" * 50, "two": "nnacgt", "three": "R"}
    write_fasta(records, tmp_path / name)
    assert read_fasta(tmp_path / name) == records
    assert [path.name for path in tmp_path.iterdir()] == [name]  # no half-written file beside it


def test_fasta_as_others_write_it(tmp_path):
    path = tmp_path / "a.fa"
    path.write_bytes(b"\n>chr1 first chromosome\r\nACGT\r\nAC GT\r\n\r\n>chr2\r\nTT\r\n")
    assert read_fasta(path) == {"chr1": "ACGTACGT", "chr2": "TT"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; download"),
        (b" \n\n", "is empty"),
        (b"ACGT\n", "no FASTA: it begins with 'ACGT"),
        (b"sequence,label\nACGT,1\n", "no FASTA"),
        (b">a\nAC\n>a\nGT\n", "record 2 \\('a'\\) is there twice"),
        (b">a\n>b\nGT\n", "record 1 \\('a'\\) has no sequence"),
        (b">\nGT\n", "record 1 \\(''\\) has no name"),
        (b"\xff\xfe\x00\x80", "cannot be read as text"),
    ],
)
def test_bad_fasta_is_named_with_its_path(tmp_path, content, message):
    path = tmp_path / "bad.fa"
    path.write_bytes(content)
    with pytest.raises(SequenceFileError, match=f"bad.fa.*{message}"):
        read_fasta(path)


def test_broken_gzip_is_named(tmp_path):
    path = tmp_path / "plain.fa.gz"
    path.write_text(">a\nACGT\n")
    with pytest.raises(SequenceFileError, match="cannot be read as text"):
        read_fasta(path)
    path.write_bytes(gzip.compress(b">a\nACGT\n" * 99)[:-12])
    with pytest.raises(SequenceFileError, match="cut short"):
        read_fasta(path)


def test_a_missing_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_fasta(tmp_path / "none.fa")


@pytest.mark.parametrize("records", [{}, {"a b": "ACGT"}, {"": "ACGT"}, {"a": ""}, {"a": "A\n>b"}])
def test_records_that_would_not_come_back_are_not_written(tmp_path, records):
    with pytest.raises(SequenceFileError):
        write_fasta(records, tmp_path / "a.fa")
    assert not list(tmp_path.iterdir())


def test_take_keeps_what_belongs_together():
    examples = LabelledSequences(
        encode(["AA", "CC", "GG"]),
        np.array([0.5, 1.5, 2.5]),
        names=("a", "c", "g"),
        groups=np.array([7, 8, 9]),
    )
    for index in ([2, 0], np.array([2, 0]), slice(None, None, -2)):
        part = examples.take(index)
        assert decode(part.codes) == ["GG", "AA"]
        assert part.labels.tolist() == [2.5, 0.5]
        assert part.names == ("g", "a")
        assert part.groups is not None
        assert part.groups.tolist() == [9, 7]
    assert len(examples.take(np.array([True, False, True]))) == 2
    assert len(examples.take([])) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 1]}, "3 sequences but 2 labels"),
        ({"labels": [0, np.nan, np.inf]}, "2 of 3 labels are NaN or infinite"),
        ({"labels": ["a", "b", "c"]}, "labels must be numbers.*return_inverse"),
        ({"labels": [[0], [1], [0]]}, "one axis"),
        ({"names": ("x",)}, "3 sequences but 1 names"),
        ({"groups": np.array([0, 1])}, "3 sequences but 2 groups"),
        ({"groups": np.array([0.5, 1, 2])}, "groups must be integers"),
        ({"codes": encode("ACG")}, "2 axes"),
    ],
)
def test_examples_that_do_not_fit_are_refused(changes, message):
    good = {"codes": encode(["AA", "CC", "GG"]), "labels": [0, 1, 1]}
    with pytest.raises(ValueError, match=message):
        LabelledSequences(**(good | changes))


def test_labels_become_int64_or_float64():
    codes = encode(["A", "C"])
    assert LabelledSequences(codes, np.array([True, False])).labels.dtype == np.int64
    assert LabelledSequences(codes, np.array([0, 1], dtype=np.float32)).labels.dtype == np.float64


def part(sequences, labels):
    return LabelledSequences(encode(sequences), np.array(labels))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (part(["AA", "CC"], [0, 0]), part(["AA"], [0]), r"no example of class \[1\]"),
        (part(["AA", "CC"], [0, 1]), part(["AA"], [2]), r"test has class numbers \[2\]"),
        (part(["AA", "CC"], [0, 1]), part(["AAA"], [0]), "lengths differ.*pad=True"),
        (part(["AA", "CC"], [0, 1]), part(["AA"], [0.5]), "labels differ in type"),
    ],
)
def test_a_task_whose_parts_do_not_fit_is_refused(train, test, message):
    with pytest.raises(ValueError, match=message):
        Task("toy", train, train, test)


def test_a_task_of_measured_values_needs_no_classes():
    values = part(["AA", "CC"], [0.25, 3.5])
    assert Task("dose", values, values, values).train is values
