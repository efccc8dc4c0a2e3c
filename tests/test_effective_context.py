"""The measured context of predictors whose context is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypecheck.effective_context import (
    bits_kept,
    effective_share,
    effective_share_interval,
    hidden_token_bits,
    swap_far,
)
from hypecheck.models import Transformer, TransformerConfig


def looks_at(offset):
    """Make a predictor that copies the token `offset` places from place 6."""

    def predict(tokens):
        return np.log2(np.where(np.arange(4) == tokens[:, [6 + offset]], 0.91, 0.03))

    return predict


@pytest.mark.parametrize("offset", [-5, -2, 1, 4])
def test_the_reach_of_a_copying_predictor_is_found(offset):
    tokens = np.repeat(np.random.default_rng(0).integers(4, size=(300, 1)), 13, axis=1)
    bits = bits_kept(looks_at(offset), tokens, 6, range(7), np.random.default_rng(1))
    share = effective_share(bits, range(7), n_tokens=13, keep=1.0)
    assert share == pytest.approx((2 * abs(offset) + 1) / 13)


def test_nothing_is_used_where_nothing_helps():
    bits = bits_kept(lambda t: np.full((len(t), 4), -2.0), np.eye(4, 13, dtype=int), 6, range(7),
                     np.random.default_rng(0))  # fmt: skip
    assert effective_share(bits, range(7), n_tokens=13) == 0.0


@given(st.integers(0, 6))
def test_near_tokens_stay_and_far_ones_come_from_the_donor(distance):
    tokens = np.arange(26).reshape(2, 13)
    swapped = swap_far(tokens, 6, distance, [1, 0])
    near = slice(6 - distance, 7 + distance)
    assert np.array_equal(swapped[:, near], tokens[:, near])
    far = np.abs(np.arange(13) - 6) > distance
    assert np.array_equal(swapped[:, far], tokens[::-1][:, far])


def test_the_whole_window_is_the_plain_prediction():
    model = Transformer(TransformerConfig(7, d_model=8, n_layers=1), seed=0)
    tokens = np.random.default_rng(0).integers(3, 7, size=(5, 9))
    predict = hidden_token_bits(model, 4)
    kept = bits_kept(predict, tokens, 4, [0, 4], np.random.default_rng(0))
    assert np.allclose(kept[:, 1], predict(tokens)[np.arange(5), tokens[:, 4]])
    assert np.allclose((2.0 ** predict(tokens)).sum(axis=1), 1.0, atol=1e-5)


def test_one_sequence_has_no_donor():
    with pytest.raises(ValueError, match="give at least two"):
        bits_kept(looks_at(1), np.zeros((1, 13), dtype=int), 6, [0, 6], np.random.default_rng(0))


def test_the_interval_widens_with_seeds_that_disagree():
    rng = np.random.default_rng(0)
    same = np.tile([0.0, 0.8, 1.0], (5, 50, 1))
    other = same.copy()
    other[::2, :, 1] = 0.95
    widths = [
        (found := effective_share_interval(one, [0, 2, 6], n_tokens=13, rng=rng)).high - found.low
        for one in (same, other)
    ]
    assert widths[0] < 1e-9 < widths[1]
