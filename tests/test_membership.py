"""Dealing, canaries and the loss attack, by hand and on a model that remembers."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hypecheck.membership import (
    attack_scores,
    deal_members,
    exposure,
    sequence_bits,
    write_canaries,
)
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.sequences import reverse_complement
from hypecheck.tokenizers import CharTokenizer
from hypecheck.training import fit_language_model, tokenise


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_near_duplicates_are_dropped_on_either_strand(rng):
    codes = rng.integers(4, size=(12, 40)).astype(np.uint8)
    codes[5, 10:35] = codes[1, 3:28]
    codes[8] = reverse_complement(codes[2:3])[0]
    pool = deal_members(codes, 5, rng)
    assert pool.n_dropped == 2
    together = {row.tobytes() for row in np.concatenate([pool.members, pool.others])}
    assert together <= {codes[i].tobytes() for i in range(12) if i not in (5, 8)}
    assert len(together) == 10


def test_too_few_sequences(rng):
    with pytest.raises(ValueError, match="are left without"):
        deal_members(rng.integers(4, size=(5, 40)).astype(np.uint8), 3, rng)


def test_canaries_are_written_as_often_as_asked(rng):
    canaries = np.array([[1, 1], [2, 2], [3, 3]], np.uint8)
    mixed = write_canaries(np.zeros((4, 2), np.uint8), canaries, [0, 1, 5], rng)
    assert np.bincount(mixed[:, 0], minlength=4).tolist() == [4, 0, 1, 5]


def test_exposure_by_hand():
    others = np.arange(1.0, 16.0)  # fifteen, so that there are sixteen ranks
    assert exposure([0.0, 20.0, 8.5], others).tolist() == pytest.approx([4, 0, 4 - np.log2(9)])
    with pytest.raises(ValueError, match="no other sequence"):
        exposure([1.0], [])


def test_exposure_of_a_canary_like_the_others_is_small(rng):
    found = [exposure(rng.normal(size=5), rng.normal(size=200)).mean() for _ in range(200)]
    assert np.mean(found) == pytest.approx(1.44, abs=0.15)


def test_calibration_takes_what_is_easy_for_anybody_away():
    assert attack_scores([1.0, 2.0]).tolist() == [-1.0, -2.0]
    assert attack_scores([1.0, 2.0], [1.0, 2.5]).tolist() == [0.0, 0.5]


def test_a_model_that_reads_a_few_sequences_often_gives_them_away(rng):
    pool = deal_members(rng.integers(4, size=(40, 24)).astype(np.uint8), 20, rng)
    model = Transformer(TransformerConfig(7, d_model=32, n_layers=1, n_heads=2, d_ff=64))

    def attack():
        bits = sequence_bits(model, np.concatenate([pool.members, pool.others]))
        return roc_auc_score(np.repeat([1, 0], 20), attack_scores(bits))

    before = attack()
    tokens = tokenise(CharTokenizer(), pool.members)
    config = TrainingConfig(steps=400, batch_size=20, learning_rate=5e-3)
    fit_language_model(model, tokens, config, MaskedObjective())
    assert 0.2 < before < 0.6
    assert attack() > 0.6
