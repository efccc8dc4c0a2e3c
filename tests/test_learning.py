"""What a model knows, base by base: shapes, floors, and a truth that can be learnt."""

import numpy as np
import pytest
import torch

from hypecheck.datasets import load
from hypecheck.learning import as_tokens, causal_bits, certainty, masked_bits, watch_training
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import read_run
from hypecheck.studies import learning as study
from hypecheck.tokenizers import CharTokenizer
from hypecheck.training import tokenise

SMALL = {"vocab_size": 7, "d_model": 16, "n_heads": 2, "n_layers": 1, "d_ff": 32}


@pytest.fixture
def windows():
    return np.random.default_rng(0).integers(0, 4, (64, 32)).astype(np.uint8)


@pytest.fixture
def repeats():
    starts = np.random.default_rng(1).integers(0, 4, (1600, 1))
    return ((starts + np.arange(32)) % 4).astype(np.uint8)  # ACGT ACGT …, any phase


def test_tokens_are_those_of_the_character_tokenizer(windows):
    assert torch.equal(as_tokens(windows), tokenise(CharTokenizer(), windows))
    with pytest.raises(ValueError, match="unknown"):
        as_tokens(np.array([[4]], np.uint8))


def test_causal_bits_equal_the_loss_of_the_objective(windows):
    model = Transformer(TransformerConfig(**SMALL, causal=True))
    with torch.no_grad():
        loss = CausalObjective().losses(model, as_tokens(windows), np.random.default_rng(0)).mean()
    assert causal_bits(model, windows).mean() == pytest.approx(loss.item() / np.log(2), rel=1e-5)


def test_causal_bits_refuse_a_model_that_sees_both_sides(windows):
    with pytest.raises(ValueError, match="both sides"):
        causal_bits(Transformer(TransformerConfig(**SMALL)), windows)


def test_masked_bits_do_not_depend_on_the_hidden_base(windows):
    model, other = Transformer(TransformerConfig(**SMALL)), windows.copy()
    other[:, 10] = (other[:, 10] + 1) % 4
    at = np.arange(len(windows))
    total = np.zeros(len(windows))
    for base in range(4):
        other[:, 10] = base
        total += 2.0 ** -masked_bits(model, other, [10])[at, 0]
    assert (total < 1.0001).all()  # what is missing went to the special tokens
    assert (total > 0.2).all()


def test_what_repeats_is_learnt_and_chance_is_not(windows, repeats):
    config = TrainingConfig(steps=100, batch_size=16, learning_rate=1e-2)

    def final(rows):
        model = Transformer(TransformerConfig(**SMALL))
        asked = rows[:50]
        bits = lambda m: masked_bits(m, asked, [8, 24]).mean()  # noqa: E731
        return watch_training(model, rows, MaskedObjective(), config, bits, (0, 100)), model

    (seen, model), chance = final(repeats), np.tile(windows, (25, 1))
    assert seen[0] > 1.5 > 0.5 > seen[100]
    assert certainty(model, repeats[:5]).mean() > 1
    rng = np.random.default_rng(2)
    seen, _ = final(rng.permuted(chance, axis=1))
    assert 1.9 < seen[100] < 2.3


def test_watching_changes_nothing(windows):
    config = TrainingConfig(steps=4, batch_size=8)
    models = [Transformer(TransformerConfig(**SMALL)) for _ in range(2)]
    for model, steps in zip(models, ((4,), (0, 1, 2, 3, 4)), strict=True):
        watch_training(model, windows, MaskedObjective(), config, lambda _: None, steps)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_too_few_windows_are_refused(windows):
    model = Transformer(TransformerConfig(**SMALL))
    with pytest.raises(ValueError, match="need 160"):
        watch_training(model, windows, MaskedObjective(), TrainingConfig(steps=10), len, ())


def test_reading_keeps_parts_apart():
    genome = load("genome_ecoli_k12", offline=True)
    reading = study.make_reading(genome, length=50, n_windows=200)
    known = {
        row.tobytes()
        for row in np.lib.stride_tricks.sliding_window_view(reading.train, 24, axis=1).reshape(
            -1, 24
        )
    }
    asked = np.lib.stride_tricks.sliding_window_view(reading.test, 24, axis=1).reshape(-1, 24)
    assert not any(row.tobytes() in known for row in asked)
    assert reading.test.shape == reading.classes.shape
    assert len(reading.blocks) == len(reading.test)


def test_shuffled_reading_has_the_same_letters_only():
    genome = load("genome_ecoli_k12", offline=True)
    real, mixed = (
        study.make_reading(genome, length=50, n_windows=4000, shuffled=s) for s in (False, True)
    )
    assert np.bincount(real.train.ravel()) / real.train.size == pytest.approx(
        np.bincount(mixed.train.ravel()) / mixed.train.size, abs=0.02
    )


def test_sums_and_means_by_hand():
    bits = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    classes = np.array([[0, 1], [0, 1], [1, 1]], np.int8)
    sums = study.block_sums(bits, classes, np.array([5, 5, 8]))
    assert sums["bits"][0] == [4.0, 0.0]
    assert sums["n"][1] == [2, 2]
    assert study.mean_bits([sums]).estimate == pytest.approx(3.5)
    both = {"bits": [[4.0, 6.0]] * 5, "n": [[2, 1]] * 5}
    assert study.mean_bits([both], [0]).estimate == pytest.approx(10 / 3)
    assert study.saving(sums, [sums, sums]).estimate == 0
    assert study.per_block([sums]).tolist() == [[10.0, 11.0]]


def test_gap_share_is_one_for_the_reference_and_none_for_frequencies():
    rng = np.random.default_rng(0)
    unigram, best = 2 + rng.normal(0, 0.1, 50), 1.8 + rng.normal(0, 0.1, 50)
    assert study.gap_share([best, best], unigram, best).estimate == pytest.approx(1)
    assert study.gap_share([unigram, unigram], unigram, best).estimate == pytest.approx(0)
    low, high = (
        study.gap_share([best, unigram], unigram, best),
        study.gap_share([best], unigram, best),
    )
    assert low.n_seeds == 2
    assert high.n_seeds is None


def test_record_holds_what_the_page_asks_for():
    run = read_run("learning")
    assert len(study.seen(run, "masked", 800)) == 5
    human = run.results["human"]
    assert len(human["network"]) == 5
    assert len(human["blocks"]) == len(human["network"][0])
    floors = [
        study.mean_bits([run.results["floors"]["both"][str(order)]]).estimate for order in range(6)
    ]
    assert floors == sorted(floors, reverse=True)
