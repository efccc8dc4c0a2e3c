"""Hidden bases told from both sides: by hand, against brute force, and on a known truth."""

import itertools

import numpy as np
import pytest

from hypecheck.gaps import certainty, gap_bits, hidden_places
from hypecheck.markov import MarkovModel
from hypecheck.sequences import encode


@pytest.fixture
def model():
    genome = np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8)
    return MarkovModel(2).fit(np.tile(genome, 3))


def test_order_zero_is_frequencies_on_any_side():
    model = MarkovModel(0).fit(encode("AAAC" * 50))
    bits = gap_bits(model, encode(["GGAGG"]), [2])
    assert bits[0, 0] == pytest.approx(-model.log2_probabilities(encode("AC"))[0])


def test_equals_brute_force_over_whole_windows(model):
    windows = np.random.default_rng(1).integers(0, 4, (20, 9)).astype(np.uint8)
    found = gap_bits(model, windows, [4])[:, 0]
    for row, bits in zip(windows, found, strict=True):
        whole = []
        for base in range(4):
            tried = row.copy()
            tried[4] = base
            whole.append(2.0 ** model.log2_probabilities(tried).sum())
        assert bits == pytest.approx(-np.log2(whole[row[4]] / sum(whole)))


def test_probabilities_of_the_four_bases_add_up(model):
    left, right = "ACG", "TTA"
    total = 0.0
    for base in "ACGT":
        total += 2.0 ** -gap_bits(model, encode([left + base + right]), [3])[0, 0]
    assert total == pytest.approx(1)


def test_gaps_at_the_ends_use_what_is_there(model):
    assert np.isfinite(gap_bits(model, encode(["ACGTACGT"]), [0, 7])).all()


def test_two_sides_tell_more_than_one_where_the_truth_is_known():
    rng = np.random.default_rng(2)
    chain = MarkovModel(1).fit(encode("ACGT" * 20 + "AACCGGTT" * 20))
    train, test = chain.sample(20_000, rng), chain.sample(4_800, rng).reshape(-1, 48)
    model = MarkovModel(1).fit(train)
    places = hidden_places(48)
    one_side = -model.log2_probabilities(test)[:, places].mean()
    assert gap_bits(model, test, places).mean() < one_side - 0.2


def test_certainty_lies_between_none_and_two_bits(model):
    windows = np.array(list(itertools.product(range(4), repeat=3)), dtype=np.uint8)
    sure = certainty(model, windows)
    assert sure.shape == windows.shape
    assert sure.min() >= -1e-9
    assert sure.max() <= 2


def test_certainty_finds_the_one_place_that_is_fixed():
    rows = np.random.default_rng(3).integers(0, 4, (2000, 9)).astype(np.uint8)
    rows[:, 3:6] = encode("GAT")
    sure = certainty(MarkovModel(3).fit(rows), rows[:50]).mean(axis=0)
    assert set(np.argsort(sure)[-3:]) == {3, 4, 5}


def test_crowded_gaps_unknown_bases_and_empty_choices_are_refused(model):
    with pytest.raises(ValueError, match="further apart"):
        gap_bits(model, encode(["ACGTACGT"]), [3, 5])
    with pytest.raises(ValueError, match="unknown"):
        gap_bits(model, encode(["ACNTACGT"]), [2])
    with pytest.raises(ValueError, match="no position is hidden"):
        hidden_places(5, first=8)
