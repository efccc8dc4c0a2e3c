"""In-silico mutagenesis: all 600 single-base mutants of 200 bp, ours against tangermeme.

The same CNN, the same mutants, the same numbers (checked first), one thread, batches of 32 on both
sides: the peer's default, and the largest whose activations stay in the cache here. Nearly all the
time is spent in the same convolutions, so about 1 is what can be had.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import torch
from tangermeme.saturation_mutagenesis import saturation_mutagenesis
from torch import Tensor, nn

from benchmarks.harness import Benchmark
from hypecheck.models import ConvNet, ConvNetConfig
from hypecheck.sequences import one_hot
from hypecheck.variants import in_silico_mutagenesis

LENGTH = 200


class ChannelsFirst(nn.Module):
    """Our CNN as the peer calls it, on one-hot (B, 4, L)."""

    def __init__(self, model: ConvNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, C) of one-hot sequences (B, 4, L)."""
        return self.model.from_one_hot(inputs.transpose(1, 2))


@cache
def model() -> ConvNet:
    return ConvNet(ConvNetConfig(), seed=0).eval()


@cache
def codes() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, LENGTH).astype(np.uint8)


def run_tangermeme() -> np.ndarray:
    inputs = torch.from_numpy(one_hot(codes()).T[None].copy())  # (1, 4, L)
    before, after = saturation_mutagenesis(
        ChannelsFirst(model()), inputs, raw_outputs=True, device="cpu"
    )
    return (after[0] - before[0]).permute(1, 0, 2).numpy()  # (L, 4, C)


def same_effects(ours: object, peer: object) -> None:
    np.testing.assert_allclose(cast(np.ndarray, ours), peer, rtol=1e-4, atol=1e-5)


BENCHMARKS = [
    Benchmark(
        name="mutagenesis, 600 mutants v tangermeme",
        ours=lambda: in_silico_mutagenesis(model(), codes()),
        peer=run_tangermeme,
        must_reach=1.0,
        equal=same_effects,
        packages=("torch", "tangermeme"),
    )
]
