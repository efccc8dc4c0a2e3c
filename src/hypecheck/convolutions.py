"""A causal convolutional language model: the transformer with its attention taken out.

Embedding, norms, feed-forward parts and decoder are those of `hypecheck.models.Transformer`. Where
attention stood, stands a convolution over the tokens to the left, with as many parameters; it sees
a fixed neighbourhood, and weighs it in the same way wherever it stands.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.models import Transformer, TransformerConfig, seeded


class ConvolutionalLM(Transformer):
    """A causal language model of dilated convolutions, as large as a transformer.

    Parameters
    ----------
    config : TransformerConfig
        Of the transformer to stand beside; it must be causal and pre-norm. Heads and positions do
        not matter here.
    seed : int, default 0
        Seed of the initial weights.
    kernel : int, default 4
        Tokens that one convolution sees; with four it has the parameters of the attention that it
        replaces. Layer l looks at every ``kernel ** l``-th token: the view grows with depth.

    Raises
    ------
    ValueError
        If the configuration is not causal and pre-norm.

    Examples
    --------
    >>> import torch
    >>> from hypecheck.models import n_parameters
    >>> config = TransformerConfig(vocab_size=7, causal=True)
    >>> model = ConvolutionalLM(config)
    >>> model(torch.tensor([[3, 4, 5, 6]])).shape
    torch.Size([1, 4, 7])
    >>> abs(n_parameters(model) / n_parameters(Transformer(config)) - 1) < 0.01
    True
    """

    def __init__(self, config: TransformerConfig, *, seed: int = 0, kernel: int = 4) -> None:
        if not config.causal or config.norm != "pre":
            raise ValueError(
                "the convolutional model reads from left to right, with the norm in front; give "
                "TransformerConfig(causal=True, norm='pre')"
            )
        super().__init__(config, seed=seed)
        with seeded(seed):
            for depth, block in enumerate(self.blocks):
                block.attention = _Neighbours(config.d_model, kernel, kernel**depth)


class _Neighbours(nn.Module):
    """What stands where attention stood: a dilated convolution over tokens to the left."""

    def __init__(self, d_model: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.convolution = nn.Conv1d(d_model, d_model, kernel, dilation=dilation)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is not None:
            x = x * mask[:, :, None]
        past = F.pad(x.transpose(1, 2), (self.reach, 0))  # (B, D, reach + T)
        mixed: Tensor = self.convolution(past).transpose(1, 2)
        return mixed
