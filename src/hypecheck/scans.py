"""The recurrence of gated and state space models, ``h_t = a_t h_{t-1} + b_t``, without a long loop.

Design choices

- Time is cut into chunks of sixteen. One loop of sixteen steps runs inside all chunks at once; what
  every chunk hands to the next is a recurrence again, over a sixteenth of the length, and is solved
  in the same way. The number of calls grows with the logarithm of the length, the work with the
  length. Nothing is divided and no logarithm is taken, so nothing overflows.
- The gradient is written down, not traced: that of ``b`` is the same recurrence read from right to
  left, and that of ``a`` is that times the state before. Only ``a`` and ``h`` are kept.

References
----------
Blelloch 1990, Prefix sums and their applications, CMU-CS-90-190, section 1.4.
Gu and Dao 2023, Mamba, arXiv:2312.00752, section 3.3 (which fuses it into one GPU kernel).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 16


def scan(decay: Tensor, drive: Tensor) -> Tensor:
    """Run ``h_t = decay_t h_{t-1} + drive_t`` from ``h_{-1} = 0``.

    Parameters
    ----------
    decay, drive : Tensor, shape (B, T, ...)
        Both of the same shape; every number beyond the second axis is a recurrence of its own.

    Returns
    -------
    states : Tensor, shape (B, T, ...)
        All h_t, with gradients to both inputs.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> half, one = torch.full((1, 4), 0.5), torch.ones(1, 4)
    >>> scan(half, one)
    tensor([[1.0000, 1.5000, 1.7500, 1.8750]])
    """
    if decay.shape != drive.shape:
        raise ValueError(f"decay {tuple(decay.shape)} and drive {tuple(drive.shape)} must agree")
    states: Tensor = _Scan.apply(decay, drive)
    return states


def scan_loop(decay: Tensor, drive: Tensor) -> Tensor:
    """Run the same recurrence step by step: the reference, and the fair loop of the benchmark.

    ``unbind`` cuts the time axis once. Indexing ``decay[:, t]`` in the loop instead gives the same
    numbers, but the gradient of every such slice is a whole tensor of zeros: quadratic in T.

    Parameters
    ----------
    decay, drive : Tensor, shape (B, T, ...)
        As in `scan`.

    Returns
    -------
    states : Tensor, shape (B, T, ...)
        All h_t.

    Examples
    --------
    >>> scan_loop(torch.full((1, 3), 0.5), torch.ones(1, 3))
    tensor([[1.0000, 1.5000, 1.7500]])
    """
    state = torch.zeros_like(drive[:, 0])
    states = []
    for a, b in zip(decay.unbind(1), drive.unbind(1), strict=True):
        state = a * state + b
        states.append(state)
    return torch.stack(states, 1)


class _Scan(torch.autograd.Function):
    """`scan` with its gradient written down."""

    @staticmethod
    def forward(decay: Tensor, drive: Tensor) -> Tensor:
        return _chunked(decay, drive)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, int | None], decay: Tensor, drive: Tensor
    ) -> tuple[Tensor, int]:
        """Several models side by side are more rows of the same recurrence."""
        rows = [
            part.expand(info.batch_size, *part.shape) if dim is None else part.movedim(dim, 0)
            for part, dim in zip((decay, drive), in_dims, strict=True)
        ]
        states: Tensor = _Scan.apply(*(part.flatten(0, 1) for part in rows))
        return states.unflatten(0, (info.batch_size, -1)), 0

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        decay, states = ctx.saved_tensors
        following = torch.cat([decay[:, 1:], torch.zeros_like(decay[:, :1])], 1)
        to_drive = _chunked(following.flip(1), grad.flip(1)).flip(1)
        before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], 1)
        return to_drive * before, to_drive


def _chunked(decay: Tensor, drive: Tensor) -> Tensor:
    """Solve the recurrence inside all chunks at once, then across them."""
    length = drive.shape[1]
    if length <= CHUNK:
        return _serial(decay, drive)[0]
    n_chunks = -(-length // CHUNK)
    room = (0, 0) * (drive.ndim - 2) + (0, n_chunks * CHUNK - length)
    shape = (drive.shape[0], n_chunks, CHUNK, *drive.shape[2:])
    a, b = (F.pad(part, room).view(shape).transpose(1, 2) for part in (decay, drive))
    inside, decayed = _serial(a, b, keep_decay=True)  # (B, CHUNK, n_chunks, ...)
    carried = _chunked(decayed[:, -1], inside[:, -1])  # state at the end of every chunk
    before = torch.cat([torch.zeros_like(carried[:, :1]), carried[:, :-1]], 1)
    states = inside + decayed * before[:, None]
    return states.transpose(1, 2).reshape(shape[0], -1, *shape[3:])[:, :length]


def _serial(decay: Tensor, drive: Tensor, *, keep_decay: bool = False) -> tuple[Tensor, Tensor]:
    """Loop over the second axis; also give the running product of the decays, if asked."""
    states, products = torch.empty_like(drive), torch.empty_like(drive) if keep_decay else drive
    states[:, 0] = drive[:, 0]
    if keep_decay:
        products[:, 0] = decay[:, 0]
    for t in range(1, drive.shape[1]):
        torch.addcmul(drive[:, t], decay[:, t], states[:, t - 1], out=states[:, t])
        if keep_decay:
            torch.mul(decay[:, t], products[:, t - 1], out=products[:, t])
    return states, products
