import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck.leakage import LeakageAudit, Regions, audit, overlapping
from hypecheck.sequences import LabelledSequences, encode, reverse_complement


def random_codes(n, length=80, seed=0):
    return np.random.default_rng(seed).integers(4, size=(n, length), dtype=np.uint8)


def regions(*rows):
    chromosomes, starts, ends = zip(*rows, strict=True)
    return Regions(np.array(chromosomes), np.array(starts), np.array(ends))


def planted():
    """Ten test items: two copies, one from the other strand, three mutated, four unrelated."""
    train, test = random_codes(40, seed=1), random_codes(10, seed=2)
    test[:2] = train[[5, 5]]
    test[2] = reverse_complement(train[7])
    test[3:6] = train[10:13]
    test[3, 40] = (test[3, 40] + 1) % 4
    test[4, [20, 60]] = (test[4, [20, 60]] + 1) % 4
    test[5] = np.roll(test[5], 8)
    return train, test


# --- worked by hand and planted -------------------------------------------------------------------


def test_planted_leaks_are_counted_each_once():
    result = audit(*planted())
    assert (result.n_exact, result.n_reverse_complement, result.n_near) == (2, 1, 3)
    assert result.clean_test_index.tolist() == [6, 7, 8, 9]
    assert result.n_coordinate_overlap is None


def test_worst_pairs_come_first_and_name_both_rows():
    pairs = audit(*planted()).worst_pairs
    assert [(p.test, p.train, p.kind) for p in pairs[:3]] == [
        (0, 5, "exact"),
        (1, 5, "exact"),
        (2, 7, "reverse complement"),
    ]
    assert {(p.test, p.train) for p in pairs[3:]} == {(3, 10), (4, 11), (5, 12)}
    values = [p.similarity for p in pairs]
    assert values == sorted(values, reverse=True)


def test_one_substitution_spoils_k_words():
    train = random_codes(1, 70, seed=3)
    test = train.copy()
    test[0, 35] = (test[0, 35] + 2) % 4
    (pair,) = audit(train, test).worst_pairs
    assert pair.similarity == pytest.approx(49 / 71)  # 60 words each, 11 changed


def test_the_sentence_says_it_all():
    assert audit(*planted()).sentence() == (
        "Among 10 test items there are 2 exact copies of a training item, 1 reverse complement and "
        "3 near-duplicates (at least 30% of their 11-mers shared); 4 (40.0%) are clean."
    )
    clean = LeakageAudit(2000, 0, 0, 0, 1, (), np.arange(1999), 11, 0.3)
    assert clean.sentence().startswith("Among 2,000 test items there are no exact copies")
    assert "; 1 overlap a training interval on the genome; 1,999 (100.0%)" in clean.sentence()


def test_a_palindrome_is_an_exact_copy():
    result = audit(encode(["ACGTACGTACGT"]), encode(["ACGTACGTACGT"]))
    assert (result.n_exact, result.n_reverse_complement) == (1, 0)


def test_padding_is_not_compared():
    train = encode(["ACGTTGCAAGCTAGCTT", "AACC"], pad=True)
    test = encode(["AACC", "NNNN", "GGTT"])
    result = audit(train, test)
    assert (result.n_exact, result.n_reverse_complement) == (1, 1)
    assert result.clean_test_index.tolist() == [1]


def test_labelled_sequences_and_empty_parts_are_welcome():
    train, test = planted()
    labelled = [
        LabelledSequences(codes, np.zeros(len(codes), dtype=int)) for codes in (train, test)
    ]
    assert audit(*labelled).sentence() == audit(train, test).sentence()
    nothing = np.empty((0, 80), dtype=np.uint8)
    assert audit(train, nothing).n_test == 0
    assert len(audit(nothing, test).clean_test_index) == 10


def test_coordinates_add_to_what_is_not_clean():
    train, test = planted()
    far = [("chr1", 1000 * i, 1000 * i + 80) for i in range(40)]
    asked = [("chr2", 1000 * i, 1000 * i + 80) for i in range(9)] + [("chr1", 39_079, 39_159)]
    result = audit(train, test, train_regions=regions(*far), test_regions=regions(*asked))
    assert result.n_coordinate_overlap == 1
    assert result.clean_test_index.tolist() == [6, 7, 8]


def test_neighbours_that_touch_do_not_overlap():
    asked = regions(("1", 0, 10), ("1", 20, 30), ("1", 9, 21), ("2", 10, 20), ("1", 12, 15))
    known = regions(("1", 10, 20))
    assert overlapping(asked, known).tolist() == [False, False, True, False, True]


# --- equal to a reference, properties -------------------------------------------------------------

places = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr10", "chr2"]), st.integers(0, 60), st.integers(1, 25)),
    min_size=1,
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(places, places)
def test_overlap_is_that_of_two_loops(left, right):
    asked = [(c, s, s + length) for c, s, length in left]
    known = [(c, s, s + length) for c, s, length in right]
    expected = [any(a == b and s < f and t < e for b, t, f in known) for a, s, e in asked]
    assert overlapping(regions(*asked), regions(*known)).tolist() == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_clean_items_are_clean(seed):
    rng = np.random.default_rng(seed)
    train = random_codes(20, seed=seed)
    test = np.concatenate([train[rng.integers(20, size=5)], random_codes(10, seed=seed + 1)])
    test[rng.random(test.shape) < 0.03] = 0
    result = audit(train, test)
    again = audit(train, test[result.clean_test_index])
    assert (again.n_exact, again.n_reverse_complement, again.n_near) == (0, 0, 0)
    assert len(result.clean_test_index) == again.n_test == len(again.clean_test_index)


# --- errors that help -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regions(("1", 5, 5)), "region 0 goes from 5 to 5"),
        (lambda: regions(("1", 0, 5), ("1", -3, 5)), "region 1"),
        (lambda: Regions(np.array(["1"]), np.array([1, 2]), np.array([3, 4])), "one length"),
        (lambda: audit(*planted(), train_regions=regions(("1", 0, 9))), "given together"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
