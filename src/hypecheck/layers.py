"""The layers of the tiny transformer: relative-position bias, self-attention, block.

Design choices

- Position enters as a learned bias on the attention scores, one number per head and offset, which
  starts *local*: each head prefers the key next to its query. At the sizes that a laptop trains in
  a minute this is what makes a text model learn at all; with absolute positions and layer norms
  after the residual sum it stays at the frequency table.
- Those two older choices are kept as options (``positions="absolute"``, ``norm="post"``) so that
  the failure can be shown, and so that the same code can be checked against BERT and GPT-2.
- No dropout: the models see less than one epoch, and it would double the time of a step.

Glossary (Vaswani et al. 2017, section 3.2; Shaw et al. 2018 and Raffel et al. 2020 for the bias)

========== ================= =============================================
paper      here              meaning
========== ================= =============================================
Q, K, V    query, key, value projections of the input, (B, H, T, D / H)
h          n_heads           number of heads
d_model    d_model           width of the residual stream
d_ff       d_ff              width inside the feed-forward part
b(j - i)   RelativeBias      bias of key j for query i, by offset j - i
========== ================= =============================================

References
----------
Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762.
Shaw, Uszkoreit and Vaswani 2018, Self-attention with relative position representations,
arXiv:1803.02155.
Raffel et al. 2020, Exploring the limits of transfer learning, arXiv:1910.10683, section 2.1.
Xiong et al. 2020, On layer normalization in the transformer architecture, arXiv:2002.04745.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Positions = Literal["relative", "absolute"]
NormPlace = Literal["pre", "post"]

SLOPE = 0.7  # nats of score lost per token of distance from a head's preferred offset, at the start
MAX_OFFSET = 8  # keys further away than this share one bias


def preferred_offsets(n_heads: int, *, causal: bool = False) -> list[int]:
    """Offset, key position minus query position, that each head prefers at the start.

    Parameters
    ----------
    n_heads : int
        Number of heads.
    causal : bool, default False
        Whether keys to the right are hidden; then heads look only to the left.

    Returns
    -------
    offsets : list of int
        One offset for each head.

    Examples
    --------
    >>> preferred_offsets(4)
    [-1, 1, -2, 2]
    >>> preferred_offsets(4, causal=True)
    [-1, -2, -3, -4]
    """
    if causal:
        return [-(head + 1) for head in range(n_heads)]
    return [(head // 2 + 1) * (-1) ** (head + 1) for head in range(n_heads)]


class RelativeBias(nn.Module):
    """Learned bias of the attention scores by head and offset, started local.

    It starts at ``-0.7 * min(|offset - c|, 8)``, with ``c`` the head's preferred offset.

    Parameters
    ----------
    n_heads : int
        Number of heads.
    causal : bool, default False
        Whether heads should prefer only offsets to the left.

    Examples
    --------
    >>> bias = RelativeBias(n_heads=1)
    >>> print(bias(3)[0].detach())
    tensor([[-0.7000, -1.4000, -2.1000],
            [-0.0000, -0.7000, -1.4000],
            [-0.7000, -0.0000, -0.7000]])
    """

    def __init__(self, n_heads: int, *, causal: bool = False) -> None:
        super().__init__()
        offsets = torch.arange(-MAX_OFFSET, MAX_OFFSET + 1)
        preferred = torch.tensor(preferred_offsets(n_heads, causal=causal))
        distance = (offsets[None] - preferred[:, None]).abs().clamp(max=MAX_OFFSET)
        self.table = nn.Parameter(-SLOPE * distance.float())  # (H, 2 * MAX_OFFSET + 1)

    def forward(self, length: int) -> Tensor:
        """Spread the table over all pairs of positions.

        Parameters
        ----------
        length : int
            Number of tokens T.

        Returns
        -------
        bias : Tensor, shape (H, T, T)
            Row i, column j holds the bias of key j for query i.
        """
        position = torch.arange(length, device=self.table.device)
        offset = (position[None] - position[:, None]).clamp(-MAX_OFFSET, MAX_OFFSET)
        return self.table[:, offset + MAX_OFFSET]  # (H, T, T)


def attend(query: Tensor, key: Tensor, value: Tensor, added: Tensor | None = None) -> Tensor:
    """Compute attention as it is written, ``softmax(Q Kᵀ / sqrt(D / H) + added) V`` (equation 1).

    Parameters
    ----------
    query, key, value : Tensor, shape (B, H, T, D / H)
        Projections of the input.
    added : Tensor, broadcast to (B, H, T, T), optional
        Bias of the scores, -inf where a key is hidden.

    Returns
    -------
    y : Tensor, shape (B, H, T, D / H)
        Mixed values.

    Examples
    --------
    >>> one = torch.ones(1, 1, 2, 1)
    >>> print(attend(one, one, torch.tensor([[[[0.0], [4.0]]]])).flatten())
    tensor([2., 2.])
    """
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)  # (B, H, T, T)
    if added is not None:
        scores += added  # in place: these are the largest tensors of a training step
    return scores.softmax(-1) @ value


class Attention(nn.Module):
    """Multi-head self-attention, ``softmax(Q Kᵀ / sqrt(D / H) + bias) V`` (equation 1 and bias).

    Parameters
    ----------
    d_model : int
        Width D of the residual stream, a multiple of `n_heads`.
    n_heads : int
        Number of heads H.
    causal : bool, default False
        Whether a token sees only itself and tokens to its left.
    positions : {"relative", "absolute"}, default "relative"
        Whether scores get a `RelativeBias`; with "absolute" the model adds positions to its input.

    Examples
    --------
    >>> attention = Attention(d_model=8, n_heads=2)
    >>> attention(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        *,
        causal: bool = False,
        positions: Positions = "relative",
    ) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.causal = causal
        self.query_key_value = nn.Linear(d_model, 3 * d_model)
        self.output = nn.Linear(d_model, d_model)
        self.bias = RelativeBias(n_heads, causal=causal) if positions == "relative" else None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mix tokens.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Input.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens, False for padding, which nobody attends to.

        Returns
        -------
        y : Tensor, shape (B, T, D)
            Mixed tokens.
        """
        batch, length, width = x.shape
        query, key, value = self._projected(x)
        added = self._added_to_scores(length, mask)
        if self.bias is not None and torch.is_grad_enabled():
            y = attend(query, key, value, added)  # the fused kernel gives the bias no gradient
        else:
            y = F.scaled_dot_product_attention(
                query, key, value, attn_mask=added, is_causal=self.causal and added is None
            )
        return self.output(y.transpose(1, 2).reshape(batch, length, width))  # (B, T, D)

    def weights(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Say how much each token takes from each other one.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Input, as of `forward`.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens.

        Returns
        -------
        weights : Tensor, shape (B, H, T, T)
            Row i holds the shares that query i takes from all keys; each row adds up to one.
        """
        query, key, _ = self._projected(x)
        scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1)  # (B, H, T, T)
        added = self._added_to_scores(x.shape[1], mask)
        if added is not None:
            scores = scores + added
        elif self.causal:
            future = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        return scores.softmax(-1)

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, each (B, H, T, D / H)."""
        batch, length, width = x.shape
        query, key, value = (
            part.view(batch, length, self.n_heads, -1).transpose(1, 2)
            for part in self.query_key_value(x).split(width, dim=-1)
        )
        return query, key, value

    def _added_to_scores(self, length: int, mask: Tensor | None) -> Tensor | None:
        """Bias and -inf for hidden keys, broadcast to (B, H, T, T); None if nothing is added."""
        if self.bias is None and mask is None:
            return None  # the fused kernel knows causality itself
        device = self.query_key_value.weight.device
        added = (
            torch.zeros(1, length, length, device=device)
            if self.bias is None
            else self.bias(length)
        )
        if self.causal:
            future = torch.ones(length, length, dtype=torch.bool, device=device).triu(1)
            added = added.masked_fill(future, -torch.inf)
        added = added[None]  # (1, H, T, T)
        if mask is not None:
            added = added.masked_fill(~mask[:, None, None, :], -torch.inf)  # (B, H, T, T)
        return added


class Block(nn.Module):
    """One transformer layer: attention, then a feed-forward part, each added to its input.

    ``norm="pre"`` computes ``x + f(norm(x))``, ``norm="post"`` computes ``norm(x + f(x))``.

    Parameters
    ----------
    d_model, n_heads, d_ff : int
        Width D, number of heads, width inside the feed-forward part.
    causal : bool, default False
        As in `Attention`.
    positions : {"relative", "absolute"}, default "relative"
        As in `Attention`.
    norm : {"pre", "post"}, default "pre"
        Where the layer norms stand.

    Examples
    --------
    >>> block = Block(d_model=8, n_heads=2, d_ff=16)
    >>> block(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        n_heads: int,
        d_ff: int,
        *,
        causal: bool = False,
        positions: Positions = "relative",
        norm: NormPlace = "pre",
    ) -> None:
        super().__init__()
        self.norm_first = norm == "pre"
        self.attention = Attention(d_model, n_heads, causal=causal, positions=positions)
        self.attention_norm = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, d_ff),
            nn.GELU(approximate="tanh" if causal else "none"),
            nn.Linear(d_ff, d_model),
        )
        self.feed_forward_norm = nn.LayerNorm(d_model)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            Input.
        mask : Tensor of bool, shape (B, T), optional
            True for real tokens.

        Returns
        -------
        y : Tensor, shape (B, T, D)
            Output.
        """
        if self.norm_first:
            x = x + self.attention(self.attention_norm(x), mask)
            return x + self.feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x + self.attention(x, mask))
        return self.feed_forward_norm(x + self.feed_forward(x))
