"""The selective scan, forward and backward, against loops over time.

The fair loop cuts the time axis once, with ``unbind``. The naive loop indexes ``x[:, t]`` in every
step: the gradient of each such slice is a tensor of zeros as large as the whole input, so that its
backward pass is quadratic in length. It is what a first draft looks like, and a strawman: a ratio
over it says how bad a loop can be, not how good a scan is. It is measured here to show just that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Benchmark
from hypecheck.scans import scan, scan_loop
from hypecheck.state_space import selective_scan

LENGTH = 1024
Function = Callable[..., Tensor]


@functools.cache
def selective_inputs() -> tuple[Tensor, ...]:
    """Two rows, 4 heads of 8 channels with 16 states each."""
    rng = torch.Generator().manual_seed(0)
    shapes = ((2, LENGTH, 4), (2, LENGTH, 16), (2, LENGTH, 16), (2, LENGTH, 4, 8))
    decay, write, read, values = (torch.randn(shape, generator=rng) for shape in shapes)
    return tuple(one.requires_grad_() for one in (-decay.abs(), write, read, values))


@functools.cache
def plain_inputs() -> tuple[Tensor, ...]:
    """Four rows of 64 recurrences."""
    rng = torch.Generator().manual_seed(0)
    shape = (4, LENGTH, 64)
    decay, drive = torch.rand(shape, generator=rng), torch.randn(shape, generator=rng)
    return decay.requires_grad_(), drive.requires_grad_()


def with_gradients(function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    y = function(*inputs)
    return (y.detach(), *torch.autograd.grad(y.square().sum(), inputs))


def by_states(recurrence: Function) -> Function:
    """Do all that needs no loop at once, and only the recurrence step by step: the fairest loop."""

    def run(log_decay: Tensor, write: Tensor, read: Tensor, values: Tensor) -> Tensor:
        drive = write[:, :, None, :, None] * values[:, :, :, None]  # (B, T, H, N, P)
        states = recurrence(log_decay.exp()[..., None, None].expand_as(drive), drive)
        return (read[:, :, None, None] @ states).squeeze(3)

    return run


def naive_loop(decay: Tensor, drive: Tensor) -> Tensor:
    state = torch.zeros_like(drive[:, 0])
    states = []
    for t in range(drive.shape[1]):
        state = decay[:, t] * state + drive[:, t]
        states.append(state)
    return torch.stack(states, 1)


def equal_tensors(ours: Any, peer: Any) -> None:
    for a, b in zip(ours, peer, strict=True):
        scale = float(b.abs().max())
        np.testing.assert_allclose(a.numpy() / scale, b.numpy() / scale, atol=2e-5)


def measure(function: Function, inputs: Callable[[], tuple[Tensor, ...]]) -> Callable[[], Any]:
    return lambda: with_gradients(function, inputs())


BENCHMARKS = [
    Benchmark(
        "selective scan, length 1,024, against unbind",
        ours=measure(selective_scan, selective_inputs),
        peer=measure(by_states(scan_loop), selective_inputs),
        must_reach=2.5,
        equal=equal_tensors,
    ),
    Benchmark(
        "gated recurrence, length 1,024, against unbind",
        ours=measure(scan, plain_inputs),
        peer=measure(scan_loop, plain_inputs),
        must_reach=2.5,
        equal=equal_tensors,
    ),
    Benchmark(
        "gated recurrence, against a loop that indexes",
        ours=measure(scan, plain_inputs),
        peer=measure(naive_loop, plain_inputs),
        must_reach=10,
        equal=equal_tensors,
    ),
]
