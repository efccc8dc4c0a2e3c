import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from hypecheck import kmers
from hypecheck.kmers import KmerCounts, count_kmers, count_kmers_upto, kmer_names
from hypecheck.sequences import decode, encode, reverse_complement

codes_with_n = arrays(np.uint8, (4, 30), elements=st.integers(0, 4))


def slow_counts(codes, k, canonical=False):
    """Count by spelling every window."""
    names = kmer_names(k, canonical)
    column = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(codes), len(names)))
    for row, letters in enumerate(decode(codes)):
        for start in range(len(letters) - k + 1):
            word = letters[start : start + k]
            if canonical and "N" not in word:
                word = min(word, decode(reverse_complement(encode(word))))
            if word in column:
                counts[row, column[word]] += 1
    return counts


def test_dinucleotides_of_a_tiny_sequence():
    counts = count_kmers(encode(["AACGNAA"]), 2)
    expected = dict.fromkeys(kmer_names(2), 0) | {"AA": 2, "AC": 1, "CG": 1}
    assert counts[0].tolist() == list(expected.values())


def test_canonical_dinucleotides_of_a_tiny_sequence():
    # AA, AT, TT: AA and TT are one word; AT is its own reverse complement and counts once
    counts = count_kmers(encode(["AATT"]), 2, canonical=True)
    found = dict(zip(kmer_names(2, canonical=True), counts[0].tolist(), strict=True))
    assert found == dict.fromkeys(found, 0) | {"AA": 2, "AT": 1}


@pytest.mark.parametrize("canonical", [False, True])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 6])
@settings(max_examples=15, deadline=None)
@given(codes=codes_with_n)
def test_equals_a_slow_count(k, canonical, codes):
    counts = count_kmers(codes, k, canonical=canonical, sparse=False)
    np.testing.assert_array_equal(counts, slow_counts(codes, k, canonical))


@pytest.mark.parametrize("k", [4, 7, 9, 12])
def test_long_words_equal_count_vectorizer(k):
    codes = np.random.default_rng(k).integers(0, 4, (20, 50), dtype=np.uint8)
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(k, k), lowercase=False)
    expected = vectorizer.fit_transform(decode(codes))
    counts = count_kmers(codes, k, sparse=True)
    word_number = [
        int(word.translate(str.maketrans("ACGT", "0123")), 4)
        for word in vectorizer.get_feature_names_out()
    ]
    np.testing.assert_array_equal(counts[:, word_number].toarray(), expected.toarray())
    assert counts.sum() == expected.sum()


@pytest.mark.parametrize("canonical", [False, True])
@settings(max_examples=15, deadline=None)
@given(codes=codes_with_n, k_min=st.integers(1, 3), k_more=st.integers(0, 3))
def test_all_lengths_together_equal_each_alone(canonical, codes, k_min, k_more):
    sizes = range(k_min, k_min + k_more + 1)
    together = count_kmers_upto(codes, sizes[-1], k_min=k_min, canonical=canonical, sparse=False)
    alone = [count_kmers(codes, k, canonical=canonical, sparse=False) for k in sizes]
    np.testing.assert_array_equal(together, np.hstack(alone))


def test_blocks_join_without_a_seam(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 5, (23, 40), dtype=np.uint8)
    whole = count_kmers_upto(codes, 5)
    monkeypatch.setattr(kmers, "_BASES_PER_BLOCK", 100)
    in_blocks = count_kmers_upto(codes, 5)
    np.testing.assert_array_equal(whole.toarray(), in_blocks.toarray())


def test_rows_of_the_matrix_are_sorted_and_free_of_duplicates():
    counts = count_kmers_upto(np.random.default_rng(0).integers(0, 5, (9, 99)), 6)
    assert isinstance(counts, scipy.sparse.csr_array)
    assert counts.dtype == np.float32
    assert counts.has_canonical_format
    assert (counts.data > 0).all()


@settings(max_examples=20, deadline=None)
@given(codes=codes_with_n, k=st.integers(1, 6))
def test_canonical_counts_do_not_depend_on_the_strand(codes, k):
    here = count_kmers(codes, k, canonical=True, sparse=False)
    there = count_kmers(reverse_complement(codes), k, canonical=True, sparse=False)
    np.testing.assert_array_equal(here, there)


@settings(max_examples=20, deadline=None)
@given(codes=codes_with_n, k=st.integers(1, 6))
def test_padding_changes_no_count(codes, k):
    padded = np.pad(codes, ((0, 0), (0, 7)), constant_values=4)
    np.testing.assert_array_equal(
        count_kmers(codes, k, sparse=False), count_kmers(padded, k, sparse=False)
    )


def test_windows_without_a_known_base_give_an_empty_row():
    counts = count_kmers(encode(["NNNNNN", "ACGTAC"]), 5)
    assert counts.indptr.tolist() == [0, 0, 2]


def test_no_sequences_give_no_rows():
    assert count_kmers(np.zeros((0, 9), dtype=np.uint8), 6).shape == (0, 4096)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_names_are_as_many_as_columns(k):
    for canonical in (False, True):
        names = kmer_names(k, canonical)
        assert names == sorted(set(names))
        assert len(names) == count_kmers(encode(["ACGTACGT"]), k, canonical=canonical).shape[1]


@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, r"k must lie in 1-12"),
        (13, r"k must lie in 1-12.*\b13;"),
        (9, "k = 9 is longer than the sequences, 8 bases"),
    ],
)
def test_impossible_k_is_refused(k, message):
    codes = encode(["ACGTACGT"])
    for refuse in (
        lambda: count_kmers(codes, k),
        lambda: count_kmers_upto(codes, k),
        lambda: KmerCounts(k=k).fit(codes),
    ):
        with pytest.raises(ValueError, match=message):
            refuse()


def test_other_bad_input_is_refused():
    with pytest.raises(ValueError, match="2 axes"):
        count_kmers(encode("ACGT"), 2)
    with pytest.raises(ValueError, match="0-4"):
        count_kmers([[0, 7]], 1)
    with pytest.raises(ValueError, match="shortest first"):
        KmerCounts(k=(3, 2)).fit(encode(["ACGT"]))
    with pytest.raises(ValueError, match="got 'log'"):
        KmerCounts(k=2, scaling="log").fit(encode(["ACGT"]))


@pytest.mark.parametrize("k", [(1, 2), (1, 5)])
def test_scalings(k):
    codes = encode(["AAACGNNNN", "NNNNNNNNN"])
    counts = count_kmers_upto(codes, k[1], sparse=False)

    def scaled(scaling):
        features = KmerCounts(k=k, scaling=scaling).fit_transform(codes)
        return features.toarray() if scipy.sparse.issparse(features) else features

    np.testing.assert_array_equal(scaled("count"), counts)
    np.testing.assert_array_equal(scaled("sqrt"), np.sqrt(counts))
    np.testing.assert_array_equal(scaled("binary"), counts > 0)
    shares = scaled("frequency")
    np.testing.assert_allclose(shares[0, :4], [0.6, 0.2, 0.2, 0])
    np.testing.assert_allclose(shares[0, 4:20].sum(), 1, rtol=1e-6)
    assert not shares[1].any()


def test_transformer_finds_a_planted_word():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (200, 60), dtype=np.uint8)
    labels = np.arange(200) % 2
    codes[labels == 1, 20:26] = encode("TATAAT")
    model = make_pipeline(KmerCounts(k=6), LogisticRegression())
    model.fit(codes, labels)
    best = np.argmax(model[-1].coef_)
    assert model[0].get_feature_names_out()[best] == "TATAAT"
