"""Families of sequence models under one budget: the same net around eight ways to mix tokens.

Design choices

- Every model is embedding, then layers of ``x += mixer(norm(x)); x += feed_forward(norm(x))``, then
  a norm and a linear decoder. Only the mixer, the width and the number of layers differ.
- The width of the feed-forward parts is the free knob that brings every family to the same number
  of parameters.
- All read from left to right: the logits at t depend on tokens up to t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.hierarchical import TwoScales
from hypecheck.local_attention import CausalAttention
from hypecheck.long_convolution import GatedConvolution, LongConvolution
from hypecheck.models import n_parameters, seeded
from hypecheck.state_space import GatedRecurrence, StateSpace

Mixer = Callable[[int], nn.Module]


@dataclass(frozen=True)
class Family:
    """One way to mix tokens.

    Parameters
    ----------
    title : str
        For tables and figures.
    d_model : int
        Width D.
    mixers : tuple of callable
        One a layer, each from the width to a module ``(B, T, D) -> (B, T, D)``.
    reach : int, optional
        Most tokens back that can matter, the present one not counted; None where all can.
    """

    title: str
    d_model: int
    mixers: tuple[Mixer, ...]
    reach: int | None = None


WINDOW = 16
_convolutions = tuple(partial(GatedConvolution, dilation=step) for step in (1, 4, 8, 16))
FAMILIES: Mapping[str, Family] = {
    "attention": Family("full attention", 32, (CausalAttention,) * 2),
    "convolution": Family("dilated convolution", 20, _convolutions, reach=4 * 29),
    "recurrence": Family("gated recurrence", 32, (GatedRecurrence,) * 2),
    "state_space": Family("state space", 32, (StateSpace,) * 2),
    "long_convolution": Family("long convolution", 32, (LongConvolution,) * 2),
    "sliding_window": Family(
        "sliding window", 32, (partial(CausalAttention, window=WINDOW),) * 2, reach=2 * (WINDOW - 1)
    ),
    "hierarchical": Family("hierarchical", 24, (TwoScales,) * 2),
    "hybrid": Family(
        "hybrid", 24, (GatedConvolution, partial(GatedConvolution, dilation=4), CausalAttention)
    ),
    "attention_short": Family(
        "attention after a short convolution", 32, (partial(CausalAttention, short=4),) * 2
    ),
}


class SequenceModel(nn.Module):
    """A causal language model of one family.

    Parameters
    ----------
    family : str
        A key of `FAMILIES`.
    vocab_size : int, default 4
        Number of token ids V.
    budget : int, default 20000
        Parameters to come as near to as the feed-forward width allows.
    seed : int, default 0
        Seed of the initial weights.

    Raises
    ------
    ValueError
        If there is no such family, or the mixers alone exceed the budget.

    Examples
    --------
    >>> import torch
    >>> model = SequenceModel("state_space")
    >>> model(torch.tensor([[0, 1, 2, 3]])).shape
    torch.Size([1, 4, 4])
    >>> abs(n_parameters(model) / 20_000 - 1) < 0.02
    True
    """

    def __init__(
        self, family: str, *, vocab_size: int = 4, budget: int = 20_000, seed: int = 0
    ) -> None:
        super().__init__()
        if family not in FAMILIES:
            raise ValueError(f"no family is called {family!r}; there are: {', '.join(FAMILIES)}")
        self.family = FAMILIES[family]
        width, n_layers = self.family.d_model, len(self.family.mixers)
        with seeded(seed):
            self.embedding = nn.Embedding(vocab_size, width)
            self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2 * n_layers + 1))
            self.mixers = nn.ModuleList(mixer(width) for mixer in self.family.mixers)
            self.decoder = nn.Linear(width, vocab_size)
            spent = n_parameters(self) + n_layers * width
            inner = round((budget - spent) / (n_layers * (2 * width + 1)))
            if inner < 1:
                raise ValueError(f"{family} spends {spent} parameters of {budget} on its mixers")
            self.feed_forward = nn.ModuleList(
                nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
                for _ in range(n_layers)
            )

    def forward(self, token_ids: Tensor) -> Tensor:
        """Predict the next token at every place.

        Parameters
        ----------
        token_ids : Tensor of int64, shape (B, T)
            Tokens.

        Returns
        -------
        logits : Tensor, shape (B, T, V)
            In nats; those at t are for token t + 1.
        """
        x = self.embedding(token_ids)
        norms = iter(self.norms)
        for mixer, feed_forward in zip(self.mixers, self.feed_forward, strict=True):
            x = x + mixer(next(norms)(x))
            x = x + feed_forward(next(norms)(x))
        logits: Tensor = self.decoder(next(norms)(x))
        return logits


def next_token_nats(model: Callable[[Tensor], Tensor], token_ids: Tensor) -> Tensor:
    """Give the loss of every token but the first.

    Parameters
    ----------
    model : callable
        From ``(B, T)`` to logits ``(B, T, V)``.
    token_ids : Tensor of int64, shape (B, T)
        Tokens.

    Returns
    -------
    nats : Tensor, shape (B, T - 1)
        Negative log probability of what came.
    """
    logits = model(token_ids[:, :-1])
    return F.cross_entropy(logits.transpose(1, 2), token_ids[:, 1:], reduction="none")
