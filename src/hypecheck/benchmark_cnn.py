"""The small network that a popular benchmark offers as its baseline, and the same net mended.

Design choices

- Written from the description of the published code, not copied from it: an embedding of the
  letters, three convolutions of width eight with batch normalisation and max-pooling, and two
  dense layers.
- What is mended is two switches, so that their effects can be told apart: activations after every
  convolution and between the dense layers, and a loss that gets logits, as it expects.

References
----------
Grešová et al. (2023), "Genomic benchmarks", BMC Genomic Data 24:25, and the authors' repository.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.models import seeded
from hypecheck.sequences import Codes, LabelledSequences

EMBEDDING, BATCH, EPOCHS = 100, 32, 10  # as in the published runs


@dataclass(frozen=True)
class BenchmarkCNNConfig:
    """What is mended in the net.

    Parameters
    ----------
    length : int
        Sequence length in bp.
    activations : bool, default False
        Put a ReLU after every convolution and between the dense layers; published with one ReLU,
        after the first convolution.
    plain_logits : bool, default False
        Give the loss what it expects; published with a sigmoid before a loss that applies one.
    """

    length: int
    activations: bool = False
    plain_logits: bool = False


class BenchmarkCNN(nn.Module):
    """Embedding, three convolutions, two dense layers, one output.

    Parameters
    ----------
    config : BenchmarkCNNConfig
        What is mended.
    seed : int, default 0
        Of the initial weights.

    Examples
    --------
    >>> net = BenchmarkCNN(BenchmarkCNNConfig(length=251)).eval()
    >>> net(torch.zeros(2, 251, dtype=torch.long)).shape
    torch.Size([2])
    """

    def __init__(self, config: BenchmarkCNNConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        with seeded(seed):
            self.letters = nn.Embedding(5, EMBEDDING)
            widths = ((EMBEDDING, 16), (16, 8), (8, 4))
            self.convolutions = nn.ModuleList(nn.Conv1d(a, b, 8) for a, b in widths)
            self.norms = nn.ModuleList(nn.BatchNorm1d(b) for _, b in widths)
            n = config.length
            for _ in widths:
                n = (n - 7) // 2
            self.dense, self.out = nn.Linear(4 * n, 512), nn.Linear(512, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """Give one number a sequence, more for class 1; codes (B, L) to (B,)."""
        x = self.letters(codes.long()).transpose(1, 2)  # (B, 100, L)
        for number, (conv, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = norm(conv(x))
            if number == 0 or self.config.activations:
                x = F.relu(x)
            x = F.max_pool1d(x, 2)
        x = self.dense(x.flatten(1))
        if self.config.activations:
            x = F.relu(x)
        x = self.out(x).squeeze(1)
        return x if self.config.plain_logits else torch.sigmoid(x)


def least_loss(*, plain_logits: bool) -> float:
    """Give the loss in nats that a perfect classifier of two equal classes can reach.

    Parameters
    ----------
    plain_logits : bool
        As in `BenchmarkCNNConfig`.

    Returns
    -------
    loss : float
        Zero for plain logits; with two sigmoids the net cannot say more than 0 or 1 to the loss.

    Examples
    --------
    >>> round(least_loss(plain_logits=False), 3)
    0.503
    """
    if plain_logits:
        return 0.0
    return float((np.log(2) + np.log1p(np.exp(-1))) / 2)


def fit_benchmark_cnn(
    train: LabelledSequences,
    config: BenchmarkCNNConfig,
    *,
    seed: int,
    epochs: int = EPOCHS,
) -> tuple[BenchmarkCNN, float]:
    """Train the net as published: Adam at its default rate, batches of 32, ten rounds.

    Parameters
    ----------
    train : LabelledSequences
        Classes 0 and 1.
    config : BenchmarkCNNConfig
        What is mended.
    seed : int
        Of weights and order.
    epochs : int, default 10
        Rounds over the training part.

    Returns
    -------
    net : BenchmarkCNN
        Ready to predict.
    loss : float
        Mean training loss of the last round, in nats.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(4, size=(64, 80)).astype(np.uint8)
    >>> part = LabelledSequences(codes, np.arange(64) % 2)
    >>> net, loss = fit_benchmark_cnn(part, BenchmarkCNNConfig(80), seed=0, epochs=1)
    >>> predict(net, codes).shape, loss > 0.5
    ((64,), True)
    """
    torch.set_num_threads(1)
    net = BenchmarkCNN(config, seed=seed).train()
    optimiser = torch.optim.Adam(net.parameters())
    codes = torch.from_numpy(train.codes)
    labels = torch.from_numpy(train.labels.astype(np.float32))
    rng, losses = np.random.default_rng(seed), [0.0]
    for _ in range(epochs):
        order, losses = torch.from_numpy(rng.permutation(len(labels))), []
        for rows in torch.split(order, BATCH):
            if len(rows) < 2:  # batch normalisation needs two
                continue
            loss = F.binary_cross_entropy_with_logits(net(codes[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    return net.eval(), float(np.mean(losses))


def predict(net: BenchmarkCNN, codes: Codes) -> npt.NDArray[np.int64]:
    """Predict classes, shape (N,)."""
    with torch.no_grad():
        found = torch.cat([net(rows) for rows in torch.split(torch.from_numpy(codes), 512)]).numpy()
    border = 0.0 if net.config.plain_logits else 0.5
    return (found > border).astype(np.int64)
