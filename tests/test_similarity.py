import numpy as np
import pytest
from benchmarks import bench_audit
from hypothesis import given, settings
from hypothesis import strategies as st

from hypecheck import similarity
from hypecheck.sequences import UNKNOWN, decode, encode, reverse_complement
from hypecheck.similarity import banding, canonical_words, homology_clusters, near_duplicates


def random_codes(n, length, seed=0):
    return np.random.default_rng(seed).integers(4, size=(n, length), dtype=np.uint8)


def word_set(sequence, k):
    """Canonical words by the slow way: letters, slices, sets."""
    other = decode(reverse_complement(encode(sequence)))
    n = len(sequence) - k + 1
    words = {min(sequence[i : i + k], other[n - 1 - i : n - 1 - i + k]) for i in range(n)}
    return {word for word in words if "N" not in word}


def slow_pairs(codes, k, limit):
    sets = [word_set(sequence, k) for sequence in decode(codes)]
    pairs = {}
    for i, left in enumerate(sets):
        for j in range(i + 1, len(sets)):
            union = len(left | sets[j])
            if union and len(left & sets[j]) / union >= limit:
                pairs[i, j] = len(left & sets[j]) / union
    return pairs


# --- worked by hand -------------------------------------------------------------------------------


def test_words_are_numbers_in_base_4_of_the_smaller_strand():
    # AAC reads GTT on the other strand, ACG reads CGT, CGT reads ACG
    assert canonical_words(encode(["AACGT"]), 3).tolist() == [[1, 6, 6]]


def test_a_word_with_an_unknown_base_is_no_word():
    words = canonical_words(encode(["AACNTT"]), 2)[0]
    assert (words == 2**64 - 1).tolist() == [False, False, True, True, False]
    assert (canonical_words(encode(["AC"]), 3) == 2**64 - 1).tolist() == [[True]]


def test_sharing_one_word_of_three():
    pairs, value = near_duplicates(encode(["AACC", "GAAC"]), k=3, similarity=0.3)
    assert pairs.tolist() == [[0, 1]]  # {AAC, ACC} and {GAA, AAC}
    assert value.tolist() == [1 / 3]


def test_two_sets_are_compared_across_and_not_within():
    left, right = encode(["AACCGGTA", "AACCGGTA"]), encode(["TACCGGTT", "GGGGGGGG"])
    pairs, value = near_duplicates(left, right, k=4)
    assert pairs.tolist() == [[0, 0], [1, 0]]
    assert value.tolist() == [1, 1]


def test_sequences_without_a_known_word_resemble_nothing():
    nothing = np.full((3, 20), UNKNOWN, dtype=np.uint8)
    assert len(near_duplicates(nothing)[0]) == 0
    assert len(near_duplicates(np.empty((0, 20), dtype=np.uint8))[0]) == 0
    assert len(near_duplicates(random_codes(3, 5))[0]) == 0  # shorter than a word
    assert homology_clusters(nothing).tolist() == [0, 1, 2]


def test_a_chain_is_one_cluster():
    genome = random_codes(1, 160)[0]
    codes = np.stack([genome[start : start + 100] for start in (0, 30, 60)])
    pairs, _ = near_duplicates(codes, similarity=0.4)
    assert sorted(map(tuple, pairs.tolist())) == [(0, 1), (1, 2)]
    assert len(set(homology_clusters(codes, similarity=0.4).tolist())) == 1


# --- equal to a reference -------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 5, 8, 11, 16, 31])
def test_words_are_those_of_the_slow_way(k):
    codes = random_codes(20, 40, seed=k)
    codes[np.random.default_rng(k).random(codes.shape) < 0.02] = UNKNOWN
    spelt = canonical_words(codes, k)
    for row, sequence in zip(spelt, decode(codes), strict=True):
        letters = {
            "".join("ACGT"[int(word) >> 2 * (k - 1 - i) & 3] for i in range(k))
            for word in row
            if word != similarity.NO_WORD
        }
        assert letters == word_set(sequence, k)


@pytest.mark.parametrize(("k", "limit"), [(11, 0.3), (8, 0.5), (11, 0.1), (6, 0.9)])
def test_pairs_are_those_of_all_against_all(k, limit):
    rng = np.random.default_rng(k)
    codes = np.repeat(random_codes(12, 90, seed=1), 5, axis=0)
    changed = rng.random(codes.shape) < 0.02
    codes[changed] = rng.integers(5, size=changed.sum())
    codes[::3] = reverse_complement(codes[::3])
    pairs, value = near_duplicates(codes, k=k, similarity=limit)
    expected = slow_pairs(codes, k, limit)
    found = dict(zip(map(tuple, pairs.tolist()), value.tolist(), strict=True))
    assert found == pytest.approx(expected)
    assert (np.diff(value) <= 0).all()


def test_pairs_across_are_those_of_all_against_all():
    codes = np.repeat(random_codes(10, 90, seed=1), 4, axis=0)
    codes[::2, 40:44] = 0
    order = np.random.default_rng(0).permutation(40)
    left, right = codes[order[:15]], codes[order[15:]]
    pairs, _ = near_duplicates(left, right)
    expected = {(i, j - 15) for i, j in slow_pairs(codes[order], 11, 0.3) if i < 15 <= j}
    assert set(map(tuple, pairs.tolist())) == expected


def test_pairs_are_those_of_datasketch_and_those_planted():
    for benchmark in [bench_audit.benchmark(600)]:
        ours, peer = benchmark.ours(), benchmark.peer()
        bench_audit.same_pairs(ours, peer)
        bench_audit.same_pairs(ours, bench_audit.planted_pairs(600))


def test_minhash_estimates_the_jaccard_index():
    rng = np.random.default_rng(0)
    ancestor = random_codes(1, 400)
    copy = np.where(rng.random(ancestor.shape) < 0.04, (ancestor + 1) % 4, ancestor)
    words = canonical_words(np.concatenate([ancestor, copy]).astype(np.uint8), 11)
    truth = similarity._jaccard(words, words, np.array([[0, 1]]))[0]
    signatures = similarity._minhash(words, 4000)
    assert np.mean(signatures[0] == signatures[1]) == pytest.approx(truth, abs=0.04)


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.text("ACGTN", min_size=1, max_size=60), st.integers(1, 31))
def test_the_strand_does_not_matter(sequence, k):
    codes = encode([sequence])
    there = np.sort(canonical_words(codes, k))
    back = np.sort(canonical_words(reverse_complement(codes), k))
    assert (there == back).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_order_does_not_matter(seed):
    codes = np.repeat(random_codes(6, 60, seed=seed), 2, axis=0)
    order = np.random.default_rng(seed).permutation(len(codes))
    clusters, shuffled = homology_clusters(codes), homology_clusters(codes[order])
    together = clusters[:, None] == clusters[None]
    assert (together[np.ix_(order, order)] == (shuffled[:, None] == shuffled[None])).all()


@given(st.floats(0.06, 1.0))
def test_banding_finds_pairs_at_the_limit(limit):
    n_bands, n_rows = banding(limit)
    assert 1 - (1 - limit**n_rows) ** n_bands >= 0.99 - 1e-12
    assert n_bands * n_rows <= 128 or n_rows == 1


def test_the_answer_is_always_the_same():
    codes = np.repeat(random_codes(30, 80), 3, axis=0)
    first, second = near_duplicates(codes), near_duplicates(codes)
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()


# --- known truth ----------------------------------------------------------------------------------


def test_planted_families_are_the_clusters():
    codes, family = bench_audit.planted(1500)
    clusters = homology_clusters(codes)
    alone = family == -1
    assert len(set(clusters[alone])) == alone.sum()
    for number in range(family.max() + 1):
        assert len(set(clusters[family == number])) == 1
    assert len(set(clusters)) == alone.sum() + family.max() + 1


def test_a_crowded_bucket_stays_linked_and_cheap(monkeypatch):
    monkeypatch.setattr(similarity, "_MOST_PARTNERS", 10)
    one = random_codes(1, 60)[0]
    codes = np.concatenate([np.tile(one, (200, 1)), random_codes(50, 60, seed=1)])
    pairs, value = near_duplicates(codes)
    assert len(pairs) <= 200 * 10
    assert (value == 1).all()
    assert len(set(homology_clusters(codes))) == 51
    asked, _ = near_duplicates(codes[:20], codes[20:])  # each finds one, though not all
    assert set(asked[:, 0]) == set(range(20))


# --- errors that help -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: canonical_words(encode("ACGT"), 2), "2 axes"),
        (lambda: canonical_words(encode(["ACGT"]), 0), "k must be 1-31"),
        (lambda: canonical_words(encode(["ACGT"]), 32), "k must be 1-31"),
        (lambda: near_duplicates(encode(["ACGT"]), similarity=0.0), "similarity must"),
        (lambda: near_duplicates(encode(["ACGT"]), similarity=30), "similarity must"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
