"""Probes: patterns are what they say, parts share no window, and controls are hopeless."""

import numpy as np
import pandas as pd
import pytest

from hypecheck import probes
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.sequences import encode
from hypecheck.tokenizers import CharTokenizer

SIZES = (60, 20, 20)


@pytest.fixture
def record():
    return np.random.default_rng(0).integers(0, 4, 60_000).astype(np.uint8)


def test_composition_classes_lie_on_both_sides_of_one_share(record):
    pattern = probes.composition_pattern(record, SIZES, np.random.default_rng(0))
    for part in pattern.parts:
        gc = np.isin(part.codes, (1, 2)).mean(axis=1)
        assert gc[part.labels == 1].min() > gc[part.labels == 0].max()


def test_codon_windows_begin_where_their_class_says():
    record = np.tile(np.arange(3, dtype=np.uint8), 10_000)  # ACGACG: the base tells the phase
    starts = np.arange(0, 29_000, 300)
    genes = pd.DataFrame({"start": starts, "end": starts + 240, "strand": "+", "kind": "CDS"})
    pattern = probes.codon_pattern(record, genes, (30, 10, 10), np.random.default_rng(0))
    for part in pattern.parts:
        assert (part.codes[:, 0] == part.labels).all()


def test_word_windows_hold_one_word_and_not_its_rival(record):
    words = "ACGT", "TGCA"
    pattern = probes.word_pattern(record, words, SIZES, np.random.default_rng(0), length=30)
    for part in pattern.parts:
        for codes, label in zip(part.codes, part.labels, strict=True):
            windows = np.lib.stride_tricks.sliding_window_view(codes, 4)
            held = [(windows == encode(word)).all(axis=1).any() for word in words]
            assert held == [label == 1, label == 0]


def test_words_must_share_their_letters(record):
    with pytest.raises(ValueError, match="same letters"):
        probes.word_pattern(record, ("AAAA", "CCCC"), SIZES, np.random.default_rng(0))


def test_a_probe_beats_its_control_on_composition(record):
    pattern = probes.composition_pattern(record, (200, 60, 100), np.random.default_rng(0))
    model = Transformer(TransformerConfig(7, d_model=16))
    right = probes.probe(model, CharTokenizer(), pattern, seed=0)
    assert right["pattern"].mean() > right["control"].mean() + 0.2


def test_patterns_count_the_same_whatever_their_size():
    found = probes.mean_over_patterns([np.ones((3, 90)), np.zeros((3, 10))])
    assert found.estimate == pytest.approx(0.5)
