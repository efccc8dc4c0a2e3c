"""Where a model's Fisher information sits: by layer, in all and per parameter.

Design choices

- One hidden token per window, one gradient per window: squares are of single gradients, as in the
  definition. The paper's code squares the gradient of a whole batch, which depends on the batch.
- *Empirical*: the label is the true token. *True*: the label is drawn from the model. They agree
  only where the model fits.
- The decoder has a group of its own where weights are not tied. With tied weights the one matrix is
  both, and its gradient is the sum of both; it then counts as the embedding, as in BERT's code.

References
----------
Kunstner, Balles and Hennig 2019, Limitations of the empirical Fisher approximation,
arXiv:1905.12558.
Press and Wolf 2017, Using the output embedding to improve language models, arXiv:1608.05859.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, vmap

from hypecheck.models import Transformer, seeded
from hypecheck.tokenizers import MASK

Labels = Literal["empirical", "true"]


def group_of(name: str) -> str:
    """Say to which part of the model a parameter belongs.

    Parameters
    ----------
    name : str
        As in ``model.named_parameters()``.

    Returns
    -------
    group : str
        "embedding", "layer 0", "layer 1", …, "head" or "decoder".

    Examples
    --------
    >>> [group_of(name) for name in ("token_embedding.weight", "blocks.1.attention.output.bias")]
    ['embedding', 'layer 1']
    >>> [group_of(name) for name in ("decoder.weight", "decoder_bias", "output_norm.weight")]
    ['decoder', 'head', 'head']
    """
    first, *rest = name.split(".")
    if first == "blocks":
        return f"layer {rest[0]}"
    if first in ("token_embedding", "position_embedding", "input_norm"):
        return "embedding"
    return "decoder" if first == "decoder" else "head"


def fisher_information(
    model: Transformer,
    windows: npt.ArrayLike,
    place: int,
    *,
    labels: Labels = "empirical",
    seed: int = 0,
    batch_size: int = 32,
) -> dict[str, float]:
    """Mean squared gradient of the log probability of one hidden token, summed by group.

    Parameters
    ----------
    model : Transformer
        A masked model.
    windows : array_like of int64, shape (N, T)
        Token ids without padding.
    place : int
        Which token is hidden.
    labels : {"empirical", "true"}, default "empirical"
        Whether the label is the token that was there, or one drawn from the model.
    seed : int, default 0
        Of the drawn labels.
    batch_size : int, default 32
        Windows at a time.

    Returns
    -------
    information : dict of str to float
        Trace of the Fisher information of each group, in nats squared.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(7, d_model=8, n_layers=1, n_heads=2, d_ff=8))
    >>> sorted(fisher_information(model, [[3, 4, 5, 6]] * 4, 2))
    ['embedding', 'head', 'layer 0']
    """
    torch.set_num_threads(1)
    true = torch.as_tensor(np.asarray(windows), dtype=torch.int64)
    shown = true.clone()
    shown[:, place] = MASK
    target = true[:, place]
    if labels == "true":
        target = _drawn(model, shown, place, seed)
    weights = {name: p.detach() for name, p in model.named_parameters()}
    template = _AtPlace(model, place)

    def loss(named: dict[str, Tensor], window: Tensor, label: Tensor) -> Tensor:
        renamed = {f"model.{name}": p for name, p in named.items()}
        logits = functional_call(template, renamed, (window[None],))
        return F.cross_entropy(logits, label[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))
    found: dict[str, float] = {}
    parts = zip(torch.split(shown, batch_size), torch.split(target, batch_size), strict=True)
    for some, wanted in parts:
        for name, gradient in gradients(weights, some, wanted).items():
            group = group_of(name)
            found[group] = found.get(group, 0.0) + gradient.double().square().sum().item()
    return {group: total / len(true) for group, total in found.items()}


def group_sizes(model: Transformer) -> dict[str, int]:
    """Count the parameters of each group.

    Parameters
    ----------
    model : Transformer
        The model.

    Returns
    -------
    sizes : dict of str to int
        They sum to the number of parameters.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> group_sizes(Transformer(TransformerConfig(7, d_model=8, n_layers=0)))
    {'head': 111, 'embedding': 56}
    """
    sizes: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        sizes[group_of(name)] = sizes.get(group_of(name), 0) + parameter.numel()
    return sizes


class _AtPlace(torch.nn.Module):
    """Logits of one place, through the code path that has gradients."""

    def __init__(self, model: Transformer, place: int) -> None:
        super().__init__()
        self.model = model
        self.place = place

    def forward(self, token_ids: Tensor) -> Tensor:
        logits: Tensor = self.model.decode(self.model.embed(token_ids)[:, self.place])
        return logits


def _drawn(model: Transformer, shown: Tensor, place: int, seed: int) -> Tensor:
    with torch.no_grad(), seeded(seed):
        logits = model.decode(model.embed(shown)[:, place])
        return torch.multinomial(logits.softmax(-1), 1)[:, 0]
