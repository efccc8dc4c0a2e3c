import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypecheck.corpus import BLOCK, count_sharing, draw_windows, make_corpus, purge
from hypecheck.sequences import UNKNOWN, encode, reverse_complement


def genome(n=30_000, seed=0):
    return np.random.default_rng(seed).integers(4, size=n).astype(np.uint8)


def words(codes, k):
    return {codes[i : i + k].tobytes() for i in range(len(codes) - k + 1)}


def test_a_shared_word_is_blanked_on_either_strand():
    codes = encode("AACCGGTTAC")
    expected = encode("AACCNNNNNN")
    assert np.array_equal(purge(codes, {"toy": encode(["GTAACC"])}, k=5), expected)
    assert np.array_equal(purge(codes, {"toy": encode(["GGTTAC"])}, k=5), expected)


@given(st.integers(0, 2**16), st.integers(6, 12))
def test_nothing_is_shared_after_purging(seed, k):
    """Against a slow set of words."""
    codes = genome(400, seed)
    test = np.stack([codes[50:80], reverse_complement(codes[200:230]), genome(30, seed + 1)])
    clean = purge(codes, {"toy": test}, k=k)
    known = set().union(*(words(row, k) | words(reverse_complement(row), k) for row in test))
    left = {w for w in words(clean, k) if UNKNOWN not in w}
    assert not left & known
    is_shared = np.array([codes[i : i + k].tobytes() in known for i in range(len(codes) - k + 1)])
    blanked = np.convolve(is_shared, np.ones(k)) > 0  # no base more than needed
    assert np.array_equal(clean == UNKNOWN, blanked)


def test_unknown_bases_are_no_shared_word():
    codes = encode("A" * 10 + "N" * 30 + "C" * 10)
    assert np.array_equal(purge(codes, {"toy": encode(["N" * 30])}, k=24), codes)
    assert count_sharing([codes], encode(["N" * 30]), k=24) == 0


def test_count_sharing_counts_sequences_not_words():
    codes = genome()
    test = np.stack([codes[100:150], reverse_complement(codes[300:350]), genome(50, 9)])
    assert count_sharing([codes], test) == 2


def test_windows_have_no_unknown_base_and_do_not_cross_records():
    records = [encode("AAAANAAAA"), encode("CCCC")]
    windows = draw_windows(records, 3, 200, np.random.default_rng(0))
    assert {tuple(row) for row in windows.tolist()} == {(0, 0, 0), (1, 1, 1)}
    with pytest.raises(ValueError, match="shorter windows"):
        draw_windows(records, 5, 1, np.random.default_rng(0))


def test_held_out_windows_share_no_place_with_training_windows():
    codes = genome(20 * BLOCK)
    rng = np.random.default_rng(0)
    corpus = make_corpus([codes], {}, length=40, n_windows=4000, rng=rng)
    seen = set().union(
        *(words(row, 24) | words(reverse_complement(row), 24) for row in corpus.train)
    )
    assert not any(words(row, 24) & seen for row in corpus.held_out)
    assert (corpus.n_bases, corpus.n_removed, corpus.n_sharing) == (len(codes), 0, {})


def test_half_of_the_training_windows_lie_on_the_other_strand():
    codes = genome()
    corpus = make_corpus(
        [codes], {}, length=40, n_windows=100, rng=np.random.default_rng(0), block=500
    )
    forward = [row.tobytes() in words(codes, 40) for row in corpus.train]
    assert sum(forward) == 50
