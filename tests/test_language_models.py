"""What a causal model pays, against sums worked out otherwise; the twin without attention."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from hypecheck import language_models as lm
from hypecheck.alphabets import Windows
from hypecheck.convolutions import ConvolutionalLM
from hypecheck.intervals import Interval
from hypecheck.ladder_result import Difference
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, n_parameters
from hypecheck.objectives import CausalObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.training import evaluate_language_model
from hypecheck.uses import frozen_use, share_of, zero_shot_use

RNG = np.random.default_rng(0)
ROWS = RNG.integers(4, size=(30, 16)).astype(np.uint8)


def windows_of(rows, size=4):
    return Windows(size, rows, rows, rows, np.arange(len(rows)), 0)


@pytest.mark.parametrize("kind", [Transformer, ConvolutionalLM])
def test_symbol_bits_average_to_the_evaluated_loss(kind):
    model = kind(lm.shape(4), seed=3)
    expected = evaluate_language_model(model, ROWS.astype(np.int64) + 3, CausalObjective())
    assert lm.symbol_bits(model, ROWS).mean() == pytest.approx(expected, abs=1e-6)


def test_both_kinds_of_model_pay_for_the_same_symbols():
    assert lm.symbol_bits(Transformer(lm.shape(4)), ROWS).shape == (30, 15)
    assert lm.markov_bits(MarkovModel(1).fit(ROWS), ROWS).shape == (30, 15)


@pytest.mark.parametrize("kind", [Transformer, ConvolutionalLM])
def test_the_future_does_not_matter(kind):
    model, other = kind(lm.shape(4), seed=1), ROWS.copy()
    other[:, 9:] = 3 - other[:, 9:]
    before, after = (lm.symbol_bits(model, rows)[:, :8] for rows in (ROWS, other))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_convolutions_see_sixteen_symbols_and_no_more():
    model = ConvolutionalLM(TransformerConfig(7, causal=True), seed=1)
    ids = torch.from_numpy(RNG.integers(3, 7, size=(1, 40)))
    changed = {}
    for place in (23, 24):
        other = ids.clone()
        other[0, place] = (other[0, place] - 3 + 1) % 4 + 3
        changed[place] = not torch.allclose(model(ids)[0, 39], model(other)[0, 39], atol=1e-6)
    assert changed == {23: False, 24: True}


def test_the_convolutional_model_is_as_large_as_the_transformer():
    config = lm.shape(20)
    assert n_parameters(ConvolutionalLM(config)) == pytest.approx(
        n_parameters(Transformer(config)), rel=0.01
    )


@pytest.mark.parametrize("change", [{"causal": False}, {"norm": "post"}])
def test_convolutions_refuse_another_design(change):
    with pytest.raises(ValueError, match="left to right"):
        ConvolutionalLM(TransformerConfig(7, **({"causal": True} | change)))


def test_padding_changes_no_real_symbol():
    model = ConvolutionalLM(lm.shape(4), seed=2)
    ids = torch.tensor([[3, 4, 5, 6, 0, 0]])
    mask = ids != 0
    np.testing.assert_allclose(
        model(ids, mask)[0, :4].detach(), model(ids[:, :4])[0].detach(), atol=1e-5
    )


def test_both_learn_what_alternates():
    rows = np.tile(np.array([0, 1], np.uint8), (32, 8))
    for kind in (Transformer, ConvolutionalLM):
        model = kind(lm.shape(2), seed=0)
        lm.learn(model, windows_of(rows, 2), TrainingConfig(steps=40))
        assert lm.symbol_bits(model, rows).mean() < 0.2


def test_the_order_is_chosen_on_validation():
    random = RNG.integers(4, size=(200, 20)).astype(np.uint8)
    assert lm.markov_baseline(windows_of(random[:100]), [0]).order == 0
    held_out = Windows(4, random[:100], random[100:], random[100:], np.arange(100), 0)
    assert lm.markov_baseline(held_out, range(5)).order == 0


def test_saving_of_nothing_and_of_half():
    unigram = RNG.uniform(1, 3, 50)
    none, half = lm.saving(unigram, unigram[None]), lm.saving(unigram, unigram[None] / 2)
    assert none.estimate == pytest.approx(0)
    assert (half.estimate, half.low, half.high) == pytest.approx((0.5, 0.5, 0.5))


def test_saved_bits_are_positive_where_the_second_pays_less():
    costly = np.full((5, 40), 2.0) + RNG.normal(0, 0.01, (5, 40))
    found = lm.bits_saved(costly, costly - 0.1)
    assert found.estimate == pytest.approx(0.1)
    assert found.low > 0


def test_word_counts_are_those_of_a_loop():
    found = lm.word_counts(ROWS, 4, 2)
    pairs = np.zeros((30, 16))
    for row, symbols in enumerate(ROWS.astype(int)):
        for first, second in pairwise(symbols):
            pairs[row, 4 * first + second] += 1
    np.testing.assert_allclose(found[:, 4:], np.sqrt(pairs / 15), rtol=1e-6)
    assert found.shape == (30, 20)


def test_a_probe_never_reads_test_labels():
    x, y = RNG.normal(size=(60, 3)).astype(np.float32), RNG.integers(2, size=60)
    parts = {"train": x, "validation": x, "test": x[:7]}
    assert lm.probe(parts, {"train": y, "validation": y}).shape == (7,)


# --- uses ---------------------------------------------------------------------------------------


def difference(low90, word):
    middle = Interval(low90 + 0.05, low90 - 0.02, low90 + 0.12)
    narrow = Interval(low90 + 0.05, low90, low90 + 0.1, level=0.90)
    return Difference("pretrained_frozen", "kmer_linear", middle, narrow, 0.01, 0.01, word, False)


@pytest.mark.parametrize(
    ("low90", "word", "use"),
    [(-0.02, "not worse", "success"), (-0.04, "not resolved", "open"), (-0.2, "loses", "failure")],
)
def test_frozen_use(low90, word, use):
    assert frozen_use(difference(low90, word)) == use


def test_shares_keep_a_width_where_all_agree():
    share = share_of(["failure"] * 3)
    assert share.estimate == share.low == 0
    assert share.high > 0.5
    assert share_of(["success"] * 3).low < 0.5


def test_a_zero_shot_score_below_chance_is_a_failure():
    assert zero_shot_use(Interval(0.4, 0.35, 0.45)) == "failure"
