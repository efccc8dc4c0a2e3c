"""Filled-in stretches: a model that knows the answer gets full marks under every rule."""

import numpy as np
import pytest
import torch

from hypecheck.models import Transformer, TransformerConfig
from hypecheck.stretches import TOKENIZER, fill_stretches


class Knows(Transformer):
    """Always answers AAA with certainty."""

    def decode(self, hidden):
        logits = torch.full((*hidden.shape[:-1], TOKENIZER.vocab_size), -30.0)
        logits[..., TOKENIZER.vocab_size - 64] = 30.0
        return logits


def test_full_marks_for_the_right_answer_and_part_of_them_for_a_part():
    model = Knows(TransformerConfig(TOKENIZER.vocab_size, d_model=8))
    rows = np.zeros((4, 60), np.uint8)
    marks = fill_stretches(model, rows)
    assert marks["right"] == pytest.approx(1)
    assert marks["all right"] == pytest.approx(1)
    rows[:, 2::3] = 1  # AAC: two of three bases are right
    marks = fill_stretches(model, rows)
    assert marks["right"] == pytest.approx(2 / 3)
    assert marks["all right"] == pytest.approx(0)


def test_a_stretch_must_fit():
    model = Transformer(TransformerConfig(TOKENIZER.vocab_size, d_model=8))
    with pytest.raises(ValueError, match="does not fit"):
        fill_stretches(model, np.zeros((1, 6), np.uint8))
