"""The selective scan against its equations."""

import pytest
import torch

from hypecheck.state_space import GatedRecurrence, StateSpace, selective_scan, selective_scan_loop


@pytest.mark.parametrize("length", [1, 31, 32, 33, 100])
def test_chunks_say_what_the_loop_says(length):
    rng = torch.Generator().manual_seed(0)
    shapes = ((2, length, 3), (2, length, 5), (2, length, 5), (2, length, 3, 4))
    decay, write, read, values = (torch.randn(shape, generator=rng) for shape in shapes)
    parts = [one.requires_grad_() for one in (-decay.abs(), write, read, values)]
    found = [
        (y := f(*parts), *torch.autograd.grad(y.square().sum(), parts))
        for f in (selective_scan, selective_scan_loop)
    ]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_without_decay_it_is_linear_attention():
    rng = torch.Generator().manual_seed(0)
    write, read = (torch.randn(1, 40, 3, generator=rng) for _ in range(2))
    values = torch.randn(1, 40, 1, 2, generator=rng)
    expected = (read @ write.transpose(1, 2)).tril() @ values[:, :, 0]
    y = selective_scan(torch.zeros(1, 40, 1), write, read, values)[:, :, 0]
    torch.testing.assert_close(y, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("make", [StateSpace, GatedRecurrence])
def test_the_future_does_not_reach_the_past(make):
    mixer, x = make(8), torch.randn(1, 50, 8)
    y = x.clone()
    y[:, 20:] += 1
    torch.testing.assert_close(mixer(x)[:, :20], mixer(y)[:, :20])
    assert not torch.allclose(mixer(x)[:, 20:], mixer(y)[:, 20:])
