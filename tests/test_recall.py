"""Rows whose answers are known."""

import numpy as np
import pytest
import torch

from hypecheck.recall import VOCABULARY, recall_accuracy, recall_loss, recall_rows


class Oracle(torch.nn.Module):
    """Reads the row as the task defines it."""

    def forward(self, token_ids):
        logits = torch.zeros(*token_ids.shape, VOCABULARY)
        for row, tokens in enumerate(token_ids.tolist()):
            known = {(t - 4) // 4: (t - 4) % 4 for t in tokens if 4 <= t < 20}
            for place, token in enumerate(tokens):
                if token >= 20:
                    logits[row, place, known[token - 20]] = 50.0
        return logits


def test_the_answer_is_that_of_the_site():
    rows = recall_rows(20, 128, np.random.default_rng(0))
    assert recall_accuracy(Oracle(), rows).tolist() == [1.0] * 4
    assert float(recall_loss(Oracle(), rows)) < 1e-6


def test_guessing_earns_a_quarter():
    rows = recall_rows(200, 128, np.random.default_rng(0))
    accuracy = recall_accuracy(lambda ids: torch.zeros(*ids.shape, VOCABULARY), rows)
    assert accuracy == pytest.approx(0.25, abs=0.05)


def test_distances_are_those_to_the_site():
    rows = recall_rows(3, 64, np.random.default_rng(0))
    for tokens, far in zip(rows.token_ids, rows.distances, strict=True):
        asked = tokens[rows.places] - 20
        site = tokens[rows.places - far]
        assert torch.equal((site - 4) // 4, asked)


def test_too_short_a_row_is_refused():
    with pytest.raises(ValueError, match="no room"):
        recall_rows(1, 16, np.random.default_rng(0))
