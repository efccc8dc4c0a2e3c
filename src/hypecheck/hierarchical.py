"""A mixer on two scales: neighbours at full resolution, and attention over blocks of tokens.

Design choices

- Tokens are gathered in blocks of r; each block becomes one vector, blocks attend to blocks, and
  the answer is handed down to the tokens of the *next* block: handed to its own, the first token of
  a block would see the last. A dense convolution covers the neighbours meanwhile.
- Attention over T / r blocks costs r² times less than over T tokens; it is still quadratic.

References
----------
Nawrot et al. 2022, Hierarchical transformers are more efficient language models (Hourglass),
arXiv:2110.13711, section 2.2 (shift before pooling).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.local_attention import CausalAttention


class TwoScales(nn.Module):
    """Down-sample, attend, up-sample, and add a convolution over the neighbours.

    Parameters
    ----------
    d_model, n_heads : int
        Width D and number of heads of the attention over blocks.
    block : int, default 4
        Tokens r of a block, and taps of the convolution.

    Examples
    --------
    >>> import torch
    >>> TwoScales(8, 2)(torch.zeros(1, 10, 8)).shape
    torch.Size([1, 10, 8])
    """

    def __init__(self, d_model: int, n_heads: int = 4, *, block: int = 4) -> None:
        super().__init__()
        self.block = block
        self.near = nn.Conv1d(d_model, d_model, block)
        self.down = nn.Linear(block * d_model, d_model)
        self.norm = nn.RMSNorm(d_model)
        self.far = CausalAttention(d_model, n_heads)
        self.gate = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, D)`` to ``(B, T, D)``, reading from left to right."""
        length = x.shape[1]
        near = self.near(F.pad(x.transpose(1, 2), (self.block - 1, 0))).transpose(1, 2)
        whole = F.pad(x, (0, 0, 0, -length % self.block))
        blocks = self.down(whole.unflatten(1, (-1, self.block)).flatten(2))  # (B, T / r, D)
        blocks = blocks + self.far(self.norm(blocks))
        handed_down = F.pad(blocks, (0, 0, 1, 0))[:, :-1].repeat_interleave(self.block, 1)
        y: Tensor = near + self.gate(x).sigmoid() * handed_down[:, :length]
        return y
