"""Models that carry a state along the sequence: a selective state space and a gated recurrence.

Design choices

- The selective state space is that of Mamba-2: one decay per head and step, chosen by the input.
  Inside chunks it is written as masked matrix products, between chunks as a `scan` of states, so
  that time and memory grow with the length and not with its square.
- Every difference of summed logarithms is at most 0, so no exponential overflows.
- Both mixers look at the last few tokens through a short convolution first, as the originals do.

Glossary (Dao and Gu 2024)

======== ================= ==================================================
paper    here              meaning
======== ================= ==================================================
Δ_t      step              how strongly a token enters; softplus of a projection
A        log_rate          rate of forgetting per head, exp(log_rate)
a_t      exp(log_decay)    exp(-Δ_t A), between 0 and 1
B_t, C_t write, read       where in the state a token is written and read, (B, T, N)
X_t      values            Δ_t times the input, (B, T, H, P)
h_t      state             a_t h_{t-1} + B_t X_tᵀ, (N, P) per head
======== ================= ==================================================

References
----------
Gu and Dao 2023, Mamba, arXiv:2312.00752.
Dao and Gu 2024, Transformers are SSMs, arXiv:2405.21060, section 6 and listing 1.
De et al. 2024, Griffin, arXiv:2402.19427, section 2.4 (gated recurrence).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.scans import scan

CHUNK = 32


class ShortConvolution(nn.Module):
    """Mix each channel with its own last few values: a causal depthwise convolution.

    Parameters
    ----------
    d_model : int
        Channels D.
    kernel : int, default 4
        Tokens seen, the present one included.

    Examples
    --------
    >>> ShortConvolution(3)(torch.zeros(1, 5, 3)).shape
    torch.Size([1, 5, 3])
    """

    def __init__(self, d_model: int, kernel: int = 4) -> None:
        super().__init__()
        self.reach = kernel - 1
        self.convolution = nn.Conv1d(d_model, d_model, kernel, groups=d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``."""
        past = F.pad(x.transpose(1, 2), (self.reach, 0))  # (B, D, reach + T)
        y: Tensor = self.convolution(past).transpose(1, 2)
        return y


def selective_scan(log_decay: Tensor, write: Tensor, read: Tensor, values: Tensor) -> Tensor:
    """Run ``h_t = a_t h_{t-1} + B_t X_tᵀ`` and read ``y_t = C_tᵀ h_t``, in chunks.

    Parameters
    ----------
    log_decay : Tensor, shape (B, T, H)
        log a_t, 0 or less.
    write, read : Tensor, shape (B, T, N)
        B_t and C_t.
    values : Tensor, shape (B, T, H, P)
        X_t.

    Returns
    -------
    y : Tensor, shape (B, T, H, P)
        What is read.

    Examples
    --------
    >>> one = torch.ones(1, 3, 1)
    >>> print(selective_scan(one.log() - 1, one, one, one[..., None]).flatten())
    tensor([1.0000, 1.3679, 1.5032])
    """
    length = values.shape[1]
    n_chunks = -(-length // CHUNK)
    log_decay, write, read, values = (
        F.pad(part, (0, 0) * (part.ndim - 2) + (0, n_chunks * CHUNK - length)).unflatten(
            1, (n_chunks, CHUNK)
        )
        for part in (log_decay, write, read, values)
    )
    values = values.transpose(2, 3)  # (B, c, H, Q, P)
    total = log_decay.transpose(2, 3).cumsum(-1)  # (B, c, H, Q)
    past = torch.ones(CHUNK, CHUNK, dtype=torch.bool, device=total.device).tril()
    between = (total[..., :, None] - total[..., None, :]).masked_fill(~past, -torch.inf).exp()
    inside = (between * (read @ write.transpose(-1, -2))[:, :, None]) @ values  # (B, c, H, Q, P)
    to_end = (total[..., -1:] - total).exp()[..., None] * values
    states = write.transpose(-1, -2)[:, :, None] @ to_end  # (B, c, H, N, P)
    carried = scan(total[..., -1].exp()[..., None, None].expand_as(states), states)
    before = torch.cat([torch.zeros_like(carried[:, :1]), carried[:, :-1]], 1)
    across = total.exp()[..., None] * (read[:, :, None] @ before)  # (B, c, H, Q, P)
    return (inside + across).transpose(2, 3).flatten(1, 2)[:, :length]


def selective_scan_loop(log_decay: Tensor, write: Tensor, read: Tensor, values: Tensor) -> Tensor:
    """Compute `selective_scan` as its equations are written, step by step (over ``unbind``).

    Parameters
    ----------
    log_decay, write, read, values : Tensor
        As in `selective_scan`.

    Returns
    -------
    y : Tensor, shape (B, T, H, P)
        What is read.
    """
    rows = (log_decay.exp(), write, read, values)
    state = torch.zeros(())
    found = []
    for a, b, c, x in zip(*(part.unbind(1) for part in rows), strict=True):
        state = a[..., None, None] * state + b[:, None, :, None] * x[:, :, None]  # (B, H, N, P)
        found.append((c[:, None, None] @ state).squeeze(2))
    return torch.stack(found, 1)


class StateSpace(nn.Module):
    """A selective state space mixer (Mamba-2, with one group).

    Parameters
    ----------
    d_model : int
        Width D, a multiple of `n_heads`.
    n_heads, d_state : int
        Heads H, each with D / H channels, and size N of the state of a channel.

    Examples
    --------
    >>> StateSpace(8, n_heads=2, d_state=4)(torch.zeros(1, 40, 8)).shape
    torch.Size([1, 40, 8])
    """

    def __init__(self, d_model: int, *, n_heads: int = 4, d_state: int = 16) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.sizes = (d_model, d_model + 2 * d_state, n_heads)
        self.parts = (d_model, d_state, d_state)
        self.input = nn.Linear(d_model, sum(self.sizes))
        self.short = ShortConvolution(self.sizes[1])
        self.log_rate = nn.Parameter(torch.linspace(-2.0, 2.0, n_heads))
        self.step_bias = nn.Parameter(torch.linspace(-4.0, -1.0, n_heads))
        self.skip = nn.Parameter(torch.ones(n_heads, 1))
        self.norm = nn.RMSNorm(d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        gate, mixed, raw_step = self.input(x).split(self.sizes, -1)
        u, write, read = F.silu(self.short(mixed)).split(self.parts, -1)
        u = u.unflatten(-1, (self.n_heads, -1))  # (B, T, H, P)
        step = F.softplus(raw_step + self.step_bias)  # (B, T, H)
        y = selective_scan(-step * self.log_rate.exp(), write, read, step[..., None] * u)
        y = (y + self.skip * u).flatten(2)
        out: Tensor = self.output(self.norm(y * F.silu(gate)))
        return out


class GatedRecurrence(nn.Module):
    """A gated linear recurrence, ``h_t = (1 - g_t) h_{t-1} + g_t u_t``, one number per channel.

    Parameters
    ----------
    d_model : int
        Width D. At the start, channels forget at rates from one token to several hundred.

    Examples
    --------
    >>> GatedRecurrence(8)(torch.zeros(1, 40, 8)).shape
    torch.Size([1, 40, 8])
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.input = nn.Linear(d_model, 3 * d_model)
        self.short = ShortConvolution(d_model)
        self.gate_bias = nn.Parameter(torch.linspace(-6.0, 0.0, d_model))
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        raw_gate, u, outer = self.input(x).chunk(3, -1)
        gate = (raw_gate + self.gate_bias).sigmoid()
        state = scan(1 - gate, gate * self.short(u))
        out: Tensor = self.output(state * F.silu(outer))
        return out
