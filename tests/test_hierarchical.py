"""Two scales, and no look ahead."""

import pytest
import torch

from hypecheck.hierarchical import TwoScales


@pytest.mark.parametrize("place", range(12))
def test_no_token_sees_a_later_one(place):
    mixer, x = TwoScales(8, 2), torch.randn(1, 12, 8)
    y = x.clone()
    y[:, place] += 1
    torch.testing.assert_close(mixer(x)[:, :place], mixer(y)[:, :place])


def test_far_blocks_are_seen():
    mixer, x = TwoScales(8, 2, block=4), torch.randn(1, 40, 8)
    y = x.clone()
    y[:, 0] += 1
    assert not torch.allclose(mixer(x)[:, -1], mixer(y)[:, -1])


def test_lengths_need_be_no_multiple_of_the_block():
    mixer, x = TwoScales(8, 2, block=4), torch.randn(1, 11, 8)
    torch.testing.assert_close(mixer(x)[:, :9], mixer(x[:, :9]))
