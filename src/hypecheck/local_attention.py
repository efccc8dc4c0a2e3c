"""Causal attention that tells places apart by rotation: over all tokens, or over a sliding window.

Design choices

- Places enter by rotating queries and keys (equation 34 of Su et al.): nothing is learnt about
  them, any length is accepted, and torch's fused kernel can be used, which never stores the T by T
  scores. (`hypecheck.layers.Attention` learns a bias of the scores and therefore stores them.)
- The window is computed in blocks of its own width: a query sees its block and the one before, less
  what is further back than the window. Time grows with T times the window.

References
----------
Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762, equation 1.
Su et al. 2021, RoFormer, arXiv:2104.09864.
Beltagy, Peters and Cohan 2020, Longformer, arXiv:2004.05150, section 3.1 (sliding window).
So et al. 2021, Primer, arXiv:2109.08668 (short convolution of queries, keys and values).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.state_space import ShortConvolution


def rotate(x: Tensor, *, base: float = 10_000.0) -> Tensor:
    """Rotate pairs of channels by angles that grow with the place.

    Parameters
    ----------
    x : Tensor, shape (..., T, P)
        Queries or keys, P even.
    base : float, default 10000
        Ratio of the slowest to the fastest rotation, nearly.

    Returns
    -------
    rotated : Tensor, shape (..., T, P)
        The product of a rotated query and key depends on their distance only.

    Examples
    --------
    >>> q, k = torch.randn(2, 1, 9, 4).expand(2, 1, 9, 4)
    >>> q, k = q[:, :1].expand(1, 9, 4), k[:, :1].expand(1, 9, 4)
    >>> products = (rotate(q) @ rotate(k).transpose(-1, -2))[0]
    >>> bool(torch.isclose(products[3, 1], products[8, 6], atol=1e-5))
    True
    """
    length, width = x.shape[-2:]
    angle = torch.arange(length, device=x.device)[:, None] * base ** (
        -torch.arange(0, width, 2, device=x.device) / width
    )  # (T, P / 2)
    first, second = x.chunk(2, -1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


class CausalAttention(nn.Module):
    """Multi-head causal attention with rotated places, over all tokens or a window of them.

    Parameters
    ----------
    d_model, n_heads : int
        Width D and number of heads H; D / H must be even.
    window : int, optional
        A query sees itself and ``window - 1`` tokens before; all of them by default.
    short : int, default 0
        Kernel of a short convolution of queries, keys and values; none by default.

    Examples
    --------
    >>> CausalAttention(8, 2, window=4)(torch.zeros(1, 10, 8)).shape
    torch.Size([1, 10, 8])
    """

    def __init__(
        self, d_model: int, n_heads: int = 4, *, window: int | None = None, short: int = 0
    ) -> None:
        super().__init__()
        self.n_heads, self.window = n_heads, window
        self.input = nn.Linear(d_model, 3 * d_model)
        self.short = ShortConvolution(3 * d_model, short) if short else nn.Identity()
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        parts = self.short(self.input(x)).chunk(3, -1)
        query, key, value = (
            part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in parts
        )  # (B, H, T, P)
        query, key = rotate(query), rotate(key)
        if self.window is None or self.window >= x.shape[1]:
            y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            y = attend_window(query, key, value, self.window)
        out: Tensor = self.output(y.transpose(1, 2).flatten(2))
        return out


def attend_window(query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """Attend to the last `window` tokens, block by block.

    Parameters
    ----------
    query, key, value : Tensor, shape (B, H, T, P)
        Projections, places already in them.
    window : int
        Tokens seen, the query's own included.

    Returns
    -------
    y : Tensor, shape (B, H, T, P)
        Mixed values.

    Examples
    --------
    >>> value = torch.tensor([0.0, 2.0, 4.0])[None, None, :, None]
    >>> attend_window(torch.zeros_like(value), torch.zeros_like(value), value, 2).flatten()
    tensor([0., 1., 3.])
    """
    length = query.shape[2]
    n_blocks = -(-length // window)
    query, key, value = (
        F.pad(part, (0, 0, 0, n_blocks * window - length)).unflatten(2, (n_blocks, window))
        for part in (query, key, value)
    )  # (B, H, n, w, P)
    key, value = (
        torch.cat([F.pad(part, (0, 0, 0, 0, 1, 0))[:, :, :-1], part], 3) for part in (key, value)
    )  # (B, H, n, 2 w, P)
    place = torch.arange(2 * window, device=query.device)
    back = place[window:, None] - place  # (w, 2 w), how far back a key lies
    seen = (back >= 0) & (back < window)
    seen = seen.expand(n_blocks, -1, -1).clone()
    seen[0, :, :window] = False  # nothing stands before the first block
    y = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    return y.flatten(2, 3)[:, :, :length]
