"""What tokens do: masks, edits, code lengths and rank curves against answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from hypecheck.figures import interval_rows, rank_curves
from hypecheck.intervals import Interval
from hypecheck.resampling import mean_interval, seed_interval
from hypecheck.sequences import decode
from hypecheck.token_statistics import (
    TextBPE,
    bits_per_letter,
    given_away,
    hidden_bases,
    insertion_changed,
    rank_slope,
    token_costs,
    token_counts,
    windows_of,
)
from hypecheck.tokenizers import BPETokenizer, CharTokenizer, KmerTokenizer


@pytest.fixture(scope="module")
def windows() -> list[str]:
    return windows_of(np.random.default_rng(0).integers(0, 4, 120_000).astype(np.uint8), 240)


@pytest.mark.parametrize("k", [3, 6])
def test_a_single_masked_overlapping_kmer_is_given_away(windows, k):
    tokenizer = KmerTokenizer(k)
    masked = np.zeros(240 - k + 1, dtype=bool)
    masked[::20] = True
    masked[[0, -1]] = False
    assert given_away(tokenizer, windows[0], masked).all()


def test_blocks_give_nothing_away(windows):
    masked = np.random.default_rng(0).random(40) < 0.15
    assert not given_away(KmerTokenizer(6, stride=6), windows[0], masked).any()


@pytest.mark.parametrize("k", [3, 6])
def test_a_span_hides_what_no_visible_window_covers(windows, k):
    found = [hidden_bases(KmerTokenizer(k), windows[0], 50, n) for n in range(1, 12)]
    assert found == [max(0, n - k + 1) for n in range(1, 12)]


def test_one_inserted_base_shifts_blocks_and_spares_bpe(windows):
    bpe = BPETokenizer(128).fit(windows[:300])
    changed = {
        name: insertion_changed(t, windows[300:400], np.random.default_rng(1), by="bag").mean()
        for name, t in {
            "char": CharTokenizer(),
            "block": KmerTokenizer(6, stride=6),
            "bpe": bpe,
        }.items()
    }
    assert changed["char"] < 0.01
    assert changed["block"] > 0.85
    assert changed["bpe"] < 0.1


def test_the_same_seed_gives_every_tokenizer_the_same_edits(windows):
    first, second = (
        insertion_changed(CharTokenizer(), windows, np.random.default_rng(2), by="position")
        for _ in range(2)
    )
    assert (first == second).all()


def test_random_dna_costs_two_bits_a_base_in_any_code(windows):
    train, test = windows[:400], windows[400:]
    tokenizers = {"char": CharTokenizer(), "3-mers": KmerTokenizer(3, stride=3)}
    for tokenizer in tokenizers.values():
        costs = token_costs(tokenizer.encode_batch(train), tokenizer.vocab_size)
        bits = bits_per_letter(costs, tokenizer.encode_batch(test), [240] * len(test))
        assert bits.mean() == pytest.approx(2, abs=0.02)


def test_code_lengths_are_a_code():
    costs = token_costs([np.array([0, 1, 1, 3])], vocab_size=6)
    assert np.exp2(-costs).sum() == pytest.approx(1)  # Kraft's inequality, met exactly


def test_slope_of_a_power_law_is_its_exponent():
    counts = 1e6 * np.arange(1, 201) ** -0.7
    assert rank_slope(counts) == pytest.approx(-0.7)
    with pytest.raises(ValueError, match="too few"):
        rank_slope([3, 2, 1])


def test_rank_slope_adds_rows_up():
    counts = token_counts([np.arange(40) % 20, np.repeat(np.arange(20), 3)], 20)
    assert rank_slope(counts) == rank_slope(counts.sum(axis=0))


def test_text_tokens_spell_the_text():
    tokens = TextBPE(60).fit(["the cat and the hat and the bat"] * 5)
    before, after = tokens.encode_batch(["the hat", "t h e"])
    assert len(before) < 7
    assert len(after) == 5
    assert tokens.vocab_size <= 60


def test_windows_with_unknown_bases_go():
    codes = np.zeros(30, dtype=np.uint8)
    codes[12] = 4
    assert windows_of(codes, 10) == [decode(codes[:10]), decode(codes[20:])]


def test_mean_interval_is_reproducible():
    values = np.arange(50.0)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, groups=np.arange(50) // 5).n == 10


def test_seed_interval_is_students():
    found = seed_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.low == pytest.approx(3 - 2.776 * np.sqrt(2.5 / 5), abs=1e-3)
    assert (found.n_seeds, found.estimate) == (5, 3)


def test_figures_are_five_inches_wide_and_speak():
    rows = interval_rows(
        {
            "a": {"x": Interval(0.1, 0, 0.2)},
            "b": {"x": Interval(0.3, 0.2, 0.4), "y": Interval(1, 1, 1)},
        },
        xlabel="share",
        alt_text="b is above a.",
        reference=0.2,
    )
    curves = rank_curves(
        {"a": [5, 3, 1], "b": [[2, 2], [1, 0]]}, xlabel="rank", alt_text="Both fall."
    )
    assert rows.get_figwidth() == curves.get_figwidth() == 5
    assert [rows.alt_text, curves.alt_text] == ["b is above a.", "Both fall."]
