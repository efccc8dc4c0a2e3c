"""Sources are what they say: known frequencies, known entropy rates, no test tokens in training."""

from collections import Counter

import numpy as np
import pytest

from hypecheck import token_sources as ts
from hypecheck.fillers import best_filler, fill_bits
from hypecheck.markov import MarkovModel


@pytest.fixture
def letters():
    return np.random.default_rng(0).integers(4, size=80_000).astype(np.uint8)


def test_characters_by_frequency():
    assert ts.common_characters("aaabbc", 2).tolist() == [0, 0, 0, 1, 1, 1]


def test_dial(letters):
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(ts.turn_dial(letters, 0.0, 4, rng), letters)
    changed = (ts.turn_dial(letters, 0.6, 4, rng) != letters).mean()
    assert changed == pytest.approx(0.45, abs=0.02)
    with pytest.raises(ValueError, match="share"):
        ts.turn_dial(letters, 1.2, 4, rng)


def test_blocks_spell_the_letters(letters):
    source = ts.block_source(letters, 4, 3, length=16, n_tokens=5000)
    first = letters[:9].reshape(3, 3) @ [16, 4, 1]
    np.testing.assert_array_equal(source.train[:3], first)
    assert source.train.max() < 64
    assert source.test.shape[1] == 16


def test_repeats_are_dropped(letters):
    source = ts.block_source(np.tile(letters[: ts.BLOCK], 60), 4, 3, length=32, n_tokens=30_000)
    assert len(source.test) == 0 < source.n_dropped


def test_pairs_have_sixty_four_tokens(letters):
    source = ts.pair_source(letters, length=16, n_tokens=10_000)
    assert set(np.unique(source.train)) <= set(range(64))
    assert 2 < source.letters_per_token < 4


def test_shuffling_keeps_the_tokens(letters):
    source = ts.block_source(letters, 4, 3, length=16, n_tokens=5000)
    shuffled = ts.shuffled_source(source, np.random.default_rng(0))
    assert Counter(shuffled.test.ravel().tolist()) == Counter(source.test.ravel().tolist())
    assert (shuffled.train != source.train).any()


def test_too_few_letters():
    with pytest.raises(ValueError, match="too few"):
        ts.block_source(np.zeros(100, np.uint8), 4, 3, length=16, n_tokens=10)


def test_two_worlds_have_one_rate_and_one_frequency():
    world = ts.EqualRate(12, 3, 5)
    rng = np.random.default_rng(0)
    copies, diffuse = world.copies(4000, rng), world.diffuse(4000, rng)
    np.testing.assert_array_equal(copies[:, 9:], copies[:, 4:7])
    follows = np.random.default_rng(64).permutation(64)
    steps = (diffuse[:, 1:] - follows[diffuse[:, :-1]]) % 64
    p = np.bincount(steps.ravel(), minlength=64) / steps.size
    measured = -(p[p > 0] * np.log2(p[p > 0])).sum()
    assert measured == pytest.approx(world.rate, abs=0.02)
    assert world.rate == pytest.approx(6 * 8 / 11)
    for rows in (copies, diffuse):
        assert np.bincount(rows.ravel(), minlength=64).std() < 80
    with pytest.raises(ValueError, match="fit"):
        ts.EqualRate(12, 6, 9).copies(1, rng)


def test_filler_by_hand():
    model = MarkovModel(1, 3).fit(np.random.default_rng(0).integers(3, size=600))
    window = np.array([[0, 1, 2, 0]])
    joint = []
    for token in range(3):
        rows = window.copy()
        rows[0, 1] = token
        joint.append(model.log2_probabilities(rows)[0, 1:3].sum())
    p = np.exp2(joint)
    assert fill_bits(model, window, [1])[0, 0] == pytest.approx(-np.log2(p[1] / p.sum()))
    with pytest.raises(ValueError, match="apart"):
        fill_bits(model, window, [1, 2])


def test_filler_finds_no_context_in_chance():
    tokens = np.random.default_rng(1).integers(8, size=6000)
    filler = best_filler(
        tokens[:4000],
        tokens[4000:5000].reshape(-1, 20),
        tokens[5000:].reshape(-1, 20),
        [5, 15],
        alphabet_size=8,
        orders=(1, 2),
    )
    assert filler.order == 0
    assert filler.best.mean() == pytest.approx(3, abs=0.05)
