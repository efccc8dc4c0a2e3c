"""Convolutions against their sums."""

import torch

from hypecheck.long_convolution import GatedConvolution, LongConvolution, causal_convolution


def test_fourier_says_what_the_sum_says():
    rng = torch.Generator().manual_seed(0)
    x, h = torch.randn(2, 33, 3, generator=rng), torch.randn(33, 3, generator=rng)
    expected = torch.stack([sum(h[s] * x[:, t - s] for s in range(t + 1)) for t in range(33)], 1)
    torch.testing.assert_close(causal_convolution(x, h), expected, atol=1e-5, rtol=1e-4)


def test_long_convolution_is_causal():
    mixer, x = LongConvolution(8), torch.randn(1, 50, 8)
    y = x.clone()
    y[:, 20:] += 1
    torch.testing.assert_close(mixer(x)[:, :20], mixer(y)[:, :20], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(mixer(x)[:, 20:], mixer(y)[:, 20:])


def test_filters_of_a_longer_sequence_begin_alike():
    mixer = LongConvolution(4)
    torch.testing.assert_close(mixer.filters(40)[:20], mixer.filters(20))


def test_a_dilated_convolution_sees_its_reach_and_no_further():
    mixer, x = GatedConvolution(4, kernel=3, dilation=5), torch.randn(1, 40, 4)
    y = x.clone()
    y[:, 10] += 1
    changed = ((mixer(x) - mixer(y)).abs().amax((0, 2)) > 1e-6).nonzero().flatten().tolist()
    assert changed == [10, 15, 20]
