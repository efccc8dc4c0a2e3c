"""Fill in hidden stretches, and mark the same answers twice: base by base, and all or nothing.

A model's answers are the same under both marks. If one mark jumps with scale and the other does
not, the jump is made by the mark.

References
----------
Schaeffer, Miranda and Koyejo 2023, Are emergent abilities of large language models a mirage?,
arXiv:2304.15004.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from hypecheck.models import Transformer
from hypecheck.sequences import Codes
from hypecheck.tokenizers import MASK, KmerTokenizer
from hypecheck.training import tokenise

BLOCK = 3  # bases of a token
EVERY = 10  # tokens from one hidden stretch to the next
TOKENIZER = KmerTokenizer(BLOCK, BLOCK)

Floats = npt.NDArray[np.float64]


def fill_stretches(model: Transformer, windows: Codes, *, n_blocks: int = 3) -> dict[str, Floats]:
    """Hide stretches of a window, let a model of block 3-mers fill them in, and mark its answers.

    Every stretch is hidden once, a tenth of them at a time.

    Parameters
    ----------
    model : Transformer
        A masked language model that reads blocks of three bases.
    windows : ndarray of uint8, shape (N, L)
        Known bases; L a multiple of three.
    n_blocks : int, default 3
        Blocks of a hidden stretch.

    Returns
    -------
    marks : dict of str to ndarray of float64
        "right", shape (n_blocks,): share of bases that are right in the first one, two, … blocks
        of a stretch. "all right", shape (n_blocks,): share of stretches whose first one, two, …
        blocks hold no mistake. "bits", shape (): mean loss of a hidden base in bits.

    Raises
    ------
    ValueError
        If a window is shorter than a stretch.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(TOKENIZER.vocab_size, d_model=8))
    >>> windows = np.random.default_rng(0).integers(0, 4, (5, 60)).astype(np.uint8)
    >>> marks = fill_stretches(model, windows)
    >>> marks["all right"].shape, bool((marks["all right"] <= marks["right"]).all())
    ((3,), True)
    """
    tokens = tokenise(TOKENIZER, windows)  # (N, T)
    first = TOKENIZER.vocab_size - 4**BLOCK  # id of AAA
    starts = torch.arange(tokens.shape[1] - n_blocks + 1)
    if len(starts) == 0:
        raise ValueError(f"a stretch of {n_blocks} blocks does not fit into {tokens.shape[1]}")
    torch.set_num_threads(1)
    right, bits = [], []
    for offset in range(min(EVERY, len(starts))):
        places = (starts[offset::EVERY, None] + torch.arange(n_blocks)).ravel()
        shown = tokens.clone()
        shown[:, places] = MASK
        with torch.inference_mode():
            logits = model.decode(model.embed(shown)[:, places])[..., first:]  # (N, P, 64)
        truth = tokens[:, places] - first
        logs = logits.log_softmax(-1).gather(-1, truth[..., None])
        bits.append(-logs.double().mean().item() / BLOCK / math.log(2))
        correct = _bases(logits.argmax(-1)) == _bases(truth)  # (N, P, 3)
        right.append(correct.reshape(-1, n_blocks, BLOCK).numpy())
    answers = np.concatenate(right)  # (M, n_blocks, 3)
    upto = [answers[:, : n + 1].reshape(len(answers), -1) for n in range(n_blocks)]
    return {
        "right": np.array([one.mean() for one in upto]),
        "all right": np.array([one.all(axis=1).mean() for one in upto]),
        "bits": np.array(np.mean(bits)),
    }


def _bases(blocks: torch.Tensor) -> torch.Tensor:
    """Bases of blocks that are numbers in base four, the first base first: (..., 3)."""
    return blocks[..., None] // torch.tensor([16, 4, 1]) % 4
