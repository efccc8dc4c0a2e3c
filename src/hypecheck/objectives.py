"""What a language model is trained to predict: hidden tokens, or the next one.

Design choices

- An objective returns the loss of every predicted token, so that the caller can average them, sum
  them over sequences, or look at them by position.
- Logits are computed only for the tokens that are predicted: the same loss, less work.
- Masks come from a generator that is passed in; nothing here reads a global random state.

References
----------
Devlin et al. 2019, BERT, arXiv:1810.04805, section 3.1, task 1 (15 %, of these 80/10/10).
Joshi et al. 2020, SpanBERT, arXiv:1907.10529 (masked spans).
Radford et al. 2018, Improving language understanding by generative pre-training (next token).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hypecheck.models import Transformer, padding_mask
from hypecheck.tokenizers import MASK, PAD, UNK

FIRST_ORDINARY_ID = max(PAD, MASK, UNK) + 1


class Objective(Protocol):
    """What a language model is trained on: tokens and a generator in, loss out."""

    def losses(self, model: Transformer, token_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Losses of the predicted tokens of one batch ``(B, T)``, in nats, ``(n_predicted,)``."""
        ...

    def for_evaluation(self) -> Objective:
        """Return the objective to measure a model with."""
        ...


@dataclass(frozen=True)
class MaskedObjective:
    """Hide some tokens and predict them from both sides.

    Parameters
    ----------
    share : float, default 0.15
        Expected share of the tokens that are predicted.
    span : int, default 1
        Tokens are chosen in runs of this length (runs may touch and overlap).
    as_mask, as_random : float, default 0.8 and 0.1
        Shares of the predicted tokens that are shown as MASK, and as a random ordinary token; the
        rest is shown as it is.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1, or `span` is less than 1.

    Examples
    --------
    >>> ids = torch.full((2, 6), 5)
    >>> shown, chosen = MaskedObjective(share=0.5).corrupt(ids, 9, np.random.default_rng(0))
    >>> bool((shown == ids)[~chosen].all())
    True
    """

    share: float = 0.15
    span: int = 1
    as_mask: float = 0.8
    as_random: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must lie between 0 and 1, got {self.share}")
        if self.span < 1:
            raise ValueError(f"span must be 1 or more, got {self.span}")
        if min(self.as_mask, self.as_random) < 0 or self.as_mask + self.as_random > 1:
            raise ValueError(
                f"as_mask {self.as_mask} and as_random {self.as_random} must be shares that add up "
                "to 1 at most"
            )

    def for_evaluation(self) -> MaskedObjective:
        """Show every predicted token as MASK: one that shines through would flatter the model.

        Returns
        -------
        objective : MaskedObjective
            The same choice of tokens, all hidden.

        Examples
        --------
        >>> MaskedObjective(span=3).for_evaluation()
        MaskedObjective(share=0.15, span=3, as_mask=1.0, as_random=0.0)
        """
        return dataclasses.replace(self, as_mask=1.0, as_random=0.0)

    def choose(
        self, real: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> npt.NDArray[np.bool_]:
        """Choose the tokens to predict.

        Parameters
        ----------
        real : ndarray of bool, shape (B, T)
            True for tokens that may be chosen.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        chosen : ndarray of bool, shape (B, T)
            At least one True.
        """
        rows, length = real.shape
        start_rate = 1 - (1 - self.share) ** (1 / self.span)  # then a token is covered with `share`
        starts = rng.random((rows, length + self.span - 1)) < start_rate
        chosen = np.zeros_like(real)
        for shift in range(self.span):
            chosen |= starts[:, shift : shift + length]
        chosen &= real
        if not chosen.any():
            chosen.flat[rng.choice(np.flatnonzero(real))] = True
        return chosen

    def corrupt(
        self, token_ids: Tensor, vocab_size: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Hide the chosen tokens.

        Parameters
        ----------
        token_ids : Tensor of int64, shape (B, T)
            True tokens, padded with 0.
        vocab_size : int
            Number of ids.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        shown : Tensor of int64, shape (B, T)
            What the model sees.
        chosen : Tensor of bool, shape (B, T)
            Which tokens it must predict.
        """
        true = token_ids.numpy()
        chosen = self.choose(true != PAD, rng)
        fate = rng.random(true.shape)
        anything = rng.integers(FIRST_ORDINARY_ID, vocab_size, true.shape)
        shown = np.where(chosen & (fate < self.as_mask), MASK, true)
        shown = np.where(chosen & (fate >= 1 - self.as_random), anything, shown)
        return torch.from_numpy(shown), torch.from_numpy(chosen)

    def losses(self, model: Transformer, token_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of the chosen tokens.

        Parameters
        ----------
        model : Transformer
            A masked model.
        token_ids : Tensor of int64, shape (B, T)
            True tokens, padded with 0.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        losses : Tensor, shape (n_chosen,)
            Nats, one for each chosen token, row by row.

        Raises
        ------
        ValueError
            If the model is causal.
        """
        if model.config.causal:
            raise ValueError("the model is causal; train it with CausalObjective()")
        shown, chosen = self.corrupt(token_ids, model.config.vocab_size, rng)
        hidden = model.embed(shown, padding_mask(token_ids))
        return F.cross_entropy(model.decode(hidden[chosen]), token_ids[chosen], reduction="none")


@dataclass(frozen=True)
class CausalObjective:
    """Predict every token from those to its left."""

    def for_evaluation(self) -> CausalObjective:
        """Measure what is trained.

        Returns
        -------
        objective : CausalObjective
            The same.
        """
        return self

    def losses(
        self,
        model: Transformer,
        token_ids: Tensor,
        rng: np.random.Generator,  # noqa: ARG002  (nothing is left to chance here)
    ) -> Tensor:
        """Cross-entropy of every token but the first of each row.

        Parameters
        ----------
        model : Transformer
            A causal model.
        token_ids : Tensor of int64, shape (B, T)
            Tokens, padded with 0.
        rng : numpy.random.Generator
            Not used: nothing is left to chance.

        Returns
        -------
        losses : Tensor, shape (n_predicted,)
            Nats, one for each token that is not the first of its row nor padding, row by row.

        Raises
        ------
        ValueError
            If the model is not causal.
        """
        if not model.config.causal:
            raise ValueError(
                "the model sees both sides, so the next token is no secret; build it with "
                "TransformerConfig(causal=True), or train it with MaskedObjective()"
            )
        mask = padding_mask(token_ids)
        hidden, targets = model.embed(token_ids, mask)[:, :-1], token_ids[:, 1:]  # (B, T - 1, ...)
        if mask is None:
            hidden, targets = hidden.flatten(0, 1), targets.flatten()
        else:
            hidden, targets = hidden[mask[:, 1:]], targets[mask[:, 1:]]
        return F.cross_entropy(model.decode(hidden), targets, reduction="none")
