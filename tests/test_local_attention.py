"""Attention over a window against attention with a mask."""

import pytest
import torch
import torch.nn.functional as F

from hypecheck.local_attention import CausalAttention, attend_window, rotate


@pytest.mark.parametrize(("length", "window"), [(1, 4), (7, 4), (8, 4), (30, 7), (5, 9)])
def test_blocks_say_what_a_mask_says(length, window):
    rng = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, length, 4, generator=rng)
    back = torch.arange(length)[:, None] - torch.arange(length)
    seen = (back >= 0) & (back < window)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    torch.testing.assert_close(attend_window(q, k, v, window), expected)


def test_a_wide_window_is_full_attention():
    full, wide = CausalAttention(8, 2), CausalAttention(8, 2, window=50)
    wide.load_state_dict(full.state_dict())
    x = torch.randn(2, 20, 8)
    torch.testing.assert_close(full(x), wide(x))


def test_rotation_keeps_lengths():
    x = torch.randn(1, 9, 6)
    torch.testing.assert_close(rotate(x).norm(dim=-1), x.norm(dim=-1))


def test_what_lies_outside_the_window_does_not_matter():
    mixer, x = CausalAttention(8, 2, window=5), torch.randn(1, 30, 8)
    y = x.clone()
    y[:, :10] += 1
    torch.testing.assert_close(mixer(x)[:, 14:], mixer(y)[:, 14:])
    assert not torch.allclose(mixer(x)[:, 13], mixer(y)[:, 13])
