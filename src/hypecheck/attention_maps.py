"""Attention as an explanation: the weights, their roll-out, what a token receives.

A question to be put to a planted truth, not an answer.

Design choices

- Weights are recomputed from the input of every attention layer, so that the fast path of the
  models stays as it is; a test checks that they give the output of the layer.
- Nothing here says that attention explains anything: `interpret.motif_recovery` asks that of a
  planted truth, and an untrained twin tells what the geometry alone gives.

References
----------
Abnar and Zuidema 2020, Quantifying attention flow in transformers, arXiv:2005.00928, section 3.
Jain and Wallace 2019, Attention is not explanation, arXiv:1902.10186.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from hypecheck.layers import Attention
from hypecheck.models import Classifier, Transformer

Weights = npt.NDArray[np.float32]


def attention_weights(
    model: Transformer | Classifier, token_ids: Tensor, mask: Tensor | None = None
) -> Weights:
    """Read the attention weights of every layer and head.

    Parameters
    ----------
    model : Transformer or Classifier
        The model.
    token_ids : Tensor of int64, shape (B, T)
        Token ids.
    mask : Tensor of bool, shape (B, T), optional
        True for real tokens; padding receives nothing.

    Returns
    -------
    weights : ndarray of float32, shape (B, layers, H, T, T)
        ``weights[..., i, j]`` is what query i takes from key j; each row adds up to one.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7, n_layers=2, n_heads=4))
    >>> weights = attention_weights(model, torch.tensor([[3, 4, 5]]))
    >>> weights.shape, bool(np.allclose(weights.sum(-1), 1))
    ((1, 2, 4, 3, 3), True)
    """
    body = model.body if isinstance(model, Classifier) else model
    found: list[Tensor] = []
    layers = [layer for layer in body.modules() if isinstance(layer, Attention)]
    hooks = [layer.register_forward_hook(_keep_weights(found)) for layer in layers]
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            body.embed(token_ids, mask)
    finally:
        for hook in hooks:
            hook.remove()
    weights: Weights = torch.stack(found, dim=1).numpy()
    return weights


def rollout(weights: npt.ArrayLike, *, residual: float = 0.5) -> Weights:
    """Multiply the attention of all layers, each mixed with its residual connection.

    Parameters
    ----------
    weights : array_like, shape (B, layers, H, T, T)
        As from `attention_weights`.
    residual : float, default 0.5
        Share of a token that goes past attention in every layer.

    Returns
    -------
    flow : ndarray of float32, shape (B, T, T)
        Row i says which inputs the output token i came from; each row adds up to one.

    Raises
    ------
    ValueError
        If `residual` is no share, or the weights have another number of axes.

    References
    ----------
    Abnar and Zuidema 2020, equation 1, heads averaged.

    Examples
    --------
    >>> first = [[1.0, 0.0], [1.0, 0.0]]
    >>> second = [[0.0, 1.0], [0.0, 1.0]]
    >>> print(rollout([[[first], [second]]], residual=0.0)[0])
    [[1. 0.]
     [1. 0.]]
    """
    layers = np.asarray(weights, dtype=np.float32)
    if layers.ndim != 5 or not 0 <= residual <= 1:
        raise ValueError(
            f"weights of shape {layers.shape} and residual {residual}: expected "
            "(B, layers, H, T, T), as from attention_weights, and a share from 0 to 1"
        )
    mixed = (1 - residual) * layers.mean(2) + residual * np.eye(layers.shape[-1])  # (B, l, T, T)
    flow = mixed[:, 0]
    for number in range(1, mixed.shape[1]):
        flow = mixed[:, number] @ flow
    return np.asarray(flow, dtype=np.float32)


def received(weights: npt.ArrayLike) -> Weights:
    """Average what every token receives over queries, heads and layers.

    Parameters
    ----------
    weights : array_like, shape (B, ..., T, T)
        Attention weights, or their roll-out.

    Returns
    -------
    per_token : ndarray of float32, shape (B, T)
        One on average times 1 / T; the numbers of a sequence add up to one.

    Examples
    --------
    >>> received([[[0.0, 1.0], [0.5, 0.5]]]).tolist()
    [[0.25, 0.75]]
    """
    every = np.asarray(weights, dtype=np.float32)
    return np.asarray(every.mean(axis=tuple(range(1, every.ndim - 1))), dtype=np.float32)


def _keep_weights(found: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        if isinstance(layer, Attention):
            found.append(layer.weights(*inputs))

    return keep
