"""Markov models with back-off: by hand, against a slow loop, on sources with known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hypecheck.markov import MarkovModel
from hypecheck.sequences import encode


def slow_probability(sequences, order, size, context, symbol):
    """Witten and Bell by counting with a loop, straight from the formula."""
    probability = 1 / size
    for depth in range(min(order, len(context)) + 1):
        past = tuple(context[len(context) - depth :])
        followers = [
            s[i]
            for s in sequences
            for i in range(depth, len(s))
            if tuple(s[i - depth : i]) == past and s[i] < size and all(x < size for x in past)
        ]
        if followers:
            kinds = len(set(followers))
            probability = (followers.count(symbol) + kinds * probability) / (len(followers) + kinds)
    return probability


def slow_log2(sequences, order, size, sequence):
    out = []
    for i, symbol in enumerate(sequence):
        past = list(sequence[max(0, i - order) : i])
        unknown = [j for j, x in enumerate(past) if x >= size]
        past = past[unknown[-1] + 1 :] if unknown else past
        known = symbol < size
        out.append(
            np.log2(slow_probability(sequences, order, size, past, symbol)) if known else np.nan
        )
    return np.array(out)


def test_by_hand():
    # Counts of A, C, G, T after fitting AAC: 2, 1, 0, 0, so T = 2 and n = 3 at order 0.
    model = MarkovModel(order=0).fit(encode("AAC"))
    expected = np.log2([(2 + 2 / 4) / 5, (1 + 2 / 4) / 5, (2 / 4) / 5, (2 / 4) / 5])
    np.testing.assert_allclose(model.log2_probabilities(encode("ACGT")), expected)


@given(
    arrays(np.uint8, (3, 12), elements=st.integers(0, 4)),
    st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_equals_a_slow_loop_with_unknown_bases(codes, order):
    codes[0, 0] = 1
    model = MarkovModel(order).fit(codes)
    rows = [list(map(int, row)) for row in codes]
    expected = np.stack([slow_log2(rows, order, 4, row) for row in rows])
    np.testing.assert_allclose(model.log2_probabilities(codes), expected, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_sparse_tables_equal_dense_ones(order, monkeypatch):
    codes = np.random.default_rng(0).integers(0, 4, 3000).astype(np.uint8)
    codes[1500] = 4
    dense = MarkovModel(order).fit(codes).log2_probabilities(codes)
    monkeypatch.setattr("hypecheck.markov.DENSE_CELLS", 16)
    sparse = MarkovModel(order).fit(codes).log2_probabilities(codes)
    np.testing.assert_allclose(sparse, dense)


def test_chunks_do_not_show(monkeypatch):
    codes = np.random.default_rng(1).integers(0, 4, 500).astype(np.uint8)
    whole = MarkovModel(3).fit(codes).log2_probabilities(codes)
    monkeypatch.setattr("hypecheck.markov._CHUNK", 7)
    np.testing.assert_allclose(MarkovModel(3).fit(codes).log2_probabilities(codes), whole)


@pytest.mark.parametrize(("order", "size"), [(2, 4), (1, 20), (3, 63)])
def test_probabilities_sum_to_one(order, size):
    rng = np.random.default_rng(2)
    codes = rng.integers(0, size, 4000).astype(np.uint8)
    model = MarkovModel(order, size).fit(codes)
    context = codes[100 : 100 + order]
    rows = np.array([[*context, last] for last in range(size)], dtype=np.uint8)
    assert np.exp2(model.log2_probabilities(rows)[:, -1]).sum() == pytest.approx(1)


def test_separate_sequences_share_no_context():
    joined = MarkovModel(1).fit(encode("ACGT"))
    split = MarkovModel(1).fit([encode("AC"), encode("GT")])
    assert joined.score(encode("CG")) < split.score(encode("CG"))


def test_finds_the_order_of_its_source():
    rng = np.random.default_rng(3)
    source = MarkovModel(2).fit(rng.integers(0, 4, 300).astype(np.uint8))
    train, test = source.sample(60_000, rng), source.sample(20_000, rng)
    losses = [MarkovModel(order).fit(train).score(test) for order in range(6)]
    assert int(np.argmin(losses)) == 2
    assert losses[2] == pytest.approx(source.score(test), abs=0.005)


def test_samples_have_the_statistics_of_the_model():
    rng = np.random.default_rng(4)
    model = MarkovModel(1).fit(encode("ACACACGTGTGTAAAC" * 20))
    drawn = model.sample(50_000, rng)
    expected = np.exp2(model.log2_probabilities(encode("AC"))[1])
    after_a = drawn[1:][drawn[:-1] == 0]
    assert np.mean(after_a == 1) == pytest.approx(expected, abs=0.01)
    assert np.array_equal(drawn[:9], model.sample(50_000, np.random.default_rng(4))[:9])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MarkovModel(-1), "order must be 0 or more"),
        (lambda: MarkovModel(40), "63 bits"),
        (lambda: MarkovModel(2).fit(encode("NNN")), "no known symbol to learn from"),
        (lambda: MarkovModel(0).fit(encode("A")).score(encode("N")), "no known symbol to score"),
        (lambda: MarkovModel(0).fit(np.zeros((1, 1, 1), dtype=int)), "3 axes"),
        (lambda: MarkovModel(0).fit([0.5]), "integers 0-255"),
        (lambda: MarkovModel(0).fit([300]), "from 300 to 300"),
        (lambda: MarkovModel(1, 256), "2 to 255 symbols"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
