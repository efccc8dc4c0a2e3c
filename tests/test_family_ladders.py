"""Rungs for pairs of windows, specialists, and windows that move; on stand-ins."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck import family_ladders, task_families
from hypecheck.family_ladders import family_rungs, one_specialist, specialists, window_task
from hypecheck.ladder import RUNGS, assemble, climb, run_rung
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.optimisation import TrainingConfig
from hypecheck.pair_rungs import counted_rung
from hypecheck.sequences import LabelledSequences, Task
from tests.test_task_families import stand_ins

STEPS = TrainingConfig(steps=2, batch_size=8, evaluate_every=2)
__all__ = ["stand_ins"]


def pairs(n, rng):
    """Windows whose middle A becomes C in class 1, and G in class 0."""
    reference = rng.integers(0, 4, (n, 12)).astype(np.uint8)
    reference[:, 6] = 0
    labels, altered = rng.integers(0, 2, n), reference.copy()
    altered[:, 6] = np.where(labels == 1, 1, 2)
    return LabelledSequences(np.concatenate([reference, altered], axis=1), labels)


def small_model(_seed):
    return Transformer(TransformerConfig(vocab_size=72, d_model=16, n_heads=2, n_layers=1), seed=0)


def test_the_difference_of_counts_knows_the_substitution():
    rng = np.random.default_rng(0)
    task = Task("pairs", *(pairs(n, rng) for n in (200, 50, 100)))
    for longest in (1, 3):
        rung = counted_rung("composition", longest, [{"C": 1.0}])
        assert run_rung(rung, task, seeds=(0, 1)).scores == (1.0,)


def test_all_rungs_climb_on_pairs_of_windows(monkeypatch):
    monkeypatch.setattr(family_ladders, "language_model", small_model)
    rng = np.random.default_rng(1)
    task = Task("pairs", *(pairs(n, rng) for n in (60, 20, 40)))
    chosen = {"cnn": [{"head": "global", "learning_rate": 1e-2}]}
    chosen |= {"fine_tuned": [{"learning_rate": 1e-3}]}
    rungs = family_rungs("brca1-variants", training=STEPS, cnn_training=STEPS, chosen=chosen)
    result = climb(task, rungs, seeds=(0, 1), n_resamples=50)
    assert [rung.name for rung in result.rungs] == list(RUNGS)
    assert result["composition"].interval.estimate == 1
    assert len(result["pretrained_frozen"].trials) == 6


def test_phylop_beats_chance_on_the_simulated_gene():
    task = task_families.family_task("brca1-variants")
    known = {rung.name: run_rung(rung, task, seeds=(0, 1)) for rung in specialists(task.name)}
    assert list(known) == ["phylop", "cadd"]
    assert all(found.interval.low > 0 for found in known.values())


def test_only_the_first_specialist_is_shown():
    task = task_families.family_task("brca1-conservation")
    names = [*RUNGS, "codon_place"]
    (codon,) = specialists(task.name)
    found = run_rung(codon, task, seeds=(0, 1))
    ladder = assemble(task, [replace(found, name=name) for name in names])
    shown = one_specialist(ladder)
    assert [rung.name for rung in shown.rungs] == [*RUNGS, "specialist"]
    assert shown.difference("specialist").interval95.estimate == 0


def test_windows_are_cut_and_moved_by_hand():
    part = LabelledSequences(np.tile(np.arange(4, dtype=np.uint8), (2, 2)), np.array([0, 1]))
    task = Task("toy", part, part, part)  # 0 1 2 3 0 1 2 3
    assert window_task(task, 2).train.codes.tolist() == [[3, 0], [3, 0]]
    moved = window_task(task, 2, shift=[1, 0, 0, 0, 0, -3])
    assert moved.train.codes.tolist() == [[0, 1], [3, 0]]
    assert moved.test.codes.tolist() == [[3, 0], [0, 1]]
    with pytest.raises(ValueError, match="leave sequences"):
        window_task(task, 6, shift=2)
