"""Squares of single gradients, by the long way round; true labels average to the true value."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hypecheck.fisher import fisher_information, group_of, group_sizes
from hypecheck.models import Transformer, TransformerConfig, n_parameters
from hypecheck.tokenizers import MASK


def model(**options):
    return Transformer(
        TransformerConfig(8, d_model=8, n_layers=2, n_heads=2, d_ff=8, max_length=6, **options)
    )


@pytest.fixture
def windows():
    return np.random.default_rng(0).integers(3, 8, size=(7, 6))


@pytest.mark.parametrize("tied", [True, False])
def test_equals_one_gradient_at_a_time(windows, tied):
    one = model(tied=tied)
    true = torch.as_tensor(windows)
    shown = true.clone()
    shown[:, 2] = MASK
    expected: dict[str, float] = {}
    for row in range(len(true)):
        one.zero_grad()
        logits = one.decode(one.embed(shown[row : row + 1])[:, 2])
        F.cross_entropy(logits, true[row : row + 1, 2]).backward()
        for name, parameter in one.named_parameters():
            group = group_of(name)
            squares = parameter.grad.square().sum().item()
            expected[group] = expected.get(group, 0.0) + squares / len(true)
    found = fisher_information(one, windows, 2, batch_size=3)
    assert found == pytest.approx(expected, rel=1e-4)
    assert ("decoder" in found) is not tied


def test_drawn_labels_are_reproducible_and_near_their_expectation():
    one, many = model(tied=False), np.tile([[3, 4, 5, 6, 7, 3]], (2000, 1))
    found = fisher_information(one, many, 2, labels="true", batch_size=500)
    assert found == fisher_information(one, many, 2, labels="true", batch_size=500)
    shown = torch.as_tensor(many[:1]).clone()
    shown[:, 2] = MASK
    logits = one.decode(one.embed(shown)[:, 2])
    expected = 0.0
    for label, p in enumerate(logits.softmax(-1)[0].tolist()):
        one.zero_grad()
        F.cross_entropy(one.decode(one.embed(shown)[:, 2]), torch.tensor([label])).backward()
        expected += p * one.decoder.weight.grad.square().sum().item()
    assert found["decoder"] == pytest.approx(expected, rel=0.15)


def test_sizes_sum_to_the_parameters():
    for options in ({}, {"tied": False}, {"positions": "absolute", "norm": "post"}):
        one = model(**options)
        assert sum(group_sizes(one).values()) == n_parameters(one)


def test_a_model_without_layers_has_none():
    bare = Transformer(TransformerConfig(8, d_model=8, n_layers=0, n_heads=2, d_ff=8))
    assert set(fisher_information(bare, [[3, 4, 5]], 1)) == {"embedding", "head"}
    with pytest.raises(ValueError, match="n_layers"):
        TransformerConfig(8, n_layers=-1)
