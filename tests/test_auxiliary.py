"""The codon objective: classes by hand, strands, and what the second loss may and may not do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hypecheck.auxiliary import (
    annotated_windows,
    auxiliary_bits,
    codon_classes,
    fit_with_auxiliary,
    other_strand,
)
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.optimisation import TrainingConfig
from hypecheck.sequences import UNKNOWN, reverse_complement

SMALL = TransformerConfig(vocab_size=9, d_model=16, n_heads=2, n_layers=1, d_ff=16)
CONFIG = TrainingConfig(steps=60, batch_size=8, learning_rate=0.02)


def test_classes_of_both_strands_mirror_each_other():
    forward = codon_classes(12, [(2, 11, "+")])
    backward = codon_classes(12, [(1, 10, "-")])  # the same gene on the other strand
    tokens = np.arange(0, 12, 3)
    assert other_strand(forward[tokens][None].astype(np.int64)).tolist() == [
        backward[tokens].tolist()
    ]


def test_turning_twice_is_nothing():
    classes = np.random.default_rng(0).integers(7, size=(5, 9))
    assert (other_strand(other_strand(classes)) == classes).all()


def test_windows_and_classes_stay_together():
    """The base tells the class: A where no gene is, C, G, T at the three places of a codon."""
    genes = [(30, 90, "+"), (120, 240, "+")]
    classes = codon_classes(300, genes)
    codes = np.zeros(300, np.uint8)
    for start, end, _ in genes:
        codes[start:end] = 1 + np.arange(end - start) % 3
    rng = np.random.default_rng(0)
    windows, told = annotated_windows(
        {"c": codes}, {"c": classes}, length=30, n_windows=200, rng=rng
    )
    windows[::2], told[::2] = reverse_complement(windows[::2]), other_strand(told[::2])
    inside = told > 0
    assert (windows[:, ::3][inside] == told[inside]).all()
    assert inside.any()


def test_blanked_stretches_are_never_read():
    codes = np.zeros(90, np.uint8)
    codes[30:60] = UNKNOWN
    rng = np.random.default_rng(0)
    told = {"c": codon_classes(90, [])}
    windows, _ = annotated_windows({"c": codes}, told, length=15, n_windows=50, rng=rng)
    assert (windows < UNKNOWN).all()
    for length, message in ((16, "multiple"), (45, "no stretch")):
        with pytest.raises(ValueError, match=message):
            annotated_windows({"c": codes}, told, length=length, n_windows=5, rng=rng)


def test_weight_zero_is_plain_masking_whatever_the_classes():
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 9, size=(40, 10))
    models = [Transformer(SMALL, seed=1) for _ in range(2)]
    for model, classes in zip(models, (ids % 7, ids * 0), strict=True):
        fit_with_auxiliary(model, ids, classes, replace(CONFIG, steps=5), weight=0.0)
    pairs = zip(models[0].parameters(), models[1].parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_true_classes_are_learnt_and_shuffled_ones_are_not():
    rng = np.random.default_rng(0)
    ids = rng.integers(3, 9, size=(60, 10))
    classes = ids - 3
    bits = {}
    for name, told in (("true", classes), ("shuffled", rng.permutation(classes))):
        model = Transformer(SMALL, seed=0)
        run = fit_with_auxiliary(model, ids, told, CONFIG)
        bits[name] = auxiliary_bits(model, run.head, ids, classes)
    assert bits["true"] < 0.3
    assert bits["shuffled"] > 2.0


def test_faults_are_told():
    model, ids = Transformer(SMALL), np.full((4, 6), 3)
    with pytest.raises(ValueError, match="one each"):
        fit_with_auxiliary(model, ids, ids[:2], CONFIG)
    with pytest.raises(ValueError, match="0 or more"):
        fit_with_auxiliary(model, ids, ids - 3, CONFIG, weight=-1.0)
