"""A small transformer that reads a cell as a set of genes, each with its expression.

Design choices

- One token per gene: a vector for which gene it is, plus a vector made from its value. Cells have
  no order of genes, so no position is added; the attention layers are those of `hypecheck.layers`.
- A cell is read in samples of its expressed genes, as its published kin do: the cost grows with
  the square of the number of tokens. Several samples of a cell are averaged when it is judged.
- Masked training hides the values of some genes, expressed or silent, and asks for them by squared
  error in the units of the data (log-normalised expression).
- All three published ideas are older: values as added vectors and masked values (scBERT, scGPT),
  the mean over tokens as the vector of a cell (Geneformer).

References
----------
Yang et al. 2022, Nature Machine Intelligence 4, 852–866 (scBERT).
Theodoris et al. 2023, Nature 618, 616–624 (Geneformer).
Cui et al. 2024, Nature Methods 21, 1470–1480 (scGPT).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypecheck.cell_types import macro_f1
from hypecheck.layers import Block
from hypecheck.optimisation import History, TrainingConfig, optimise

Floats = npt.NDArray[np.float64]
N_VISIBLE, N_HIDDEN, N_SAMPLES = 128, 64, 4  # genes of a cell; samples of its genes
SPREAD = 0.1  # of the initial gene vectors
_AT_ONCE = 128  # cells of one forward pass


@dataclass(frozen=True)
class GeneTransformerConfig:
    """Shape of the model.

    Parameters
    ----------
    n_genes : int
        Genes that it knows.
    d_model, n_layers, n_heads, d_ff : int
        Width, layers, heads, and width inside the feed-forward parts.

    Raises
    ------
    ValueError
        If there is no gene, or the heads do not divide the width.
    """

    n_genes: int
    d_model: int = 32
    n_layers: int = 1
    n_heads: int = 2
    d_ff: int = 64

    def __post_init__(self) -> None:
        if self.n_genes < 1 or self.d_model % self.n_heads:
            raise ValueError(
                f"need one gene or more (got {self.n_genes}), and a width ({self.d_model}) that "
                f"the heads ({self.n_heads}) divide"
            )


class GeneTransformer(nn.Module):
    """From expressed genes with their values to a vector for the cell.

    Parameters
    ----------
    config : GeneTransformerConfig
        Its shape.
    cells : array_like, shape (N, G)
        Unlabelled training cells: they set each gene's usual expression, and the scale on which
        cell vectors differ before training. Without it a mean over many tokens hardly varies from
        cell to cell, and nothing is learnt in so few steps.
    seed : int, default 0
        Of the initial weights.

    Examples
    --------
    >>> model = GeneTransformer(GeneTransformerConfig(n_genes=5), np.eye(5))
    >>> genes, values = torch.tensor([[3, 4]]), torch.tensor([[0.5, 2.0]])
    >>> model(genes, values).shape
    torch.Size([1, 32])
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self, config: GeneTransformerConfig, cells: npt.ArrayLike, *, seed: int = 0
    ) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.genes = nn.Embedding(config.n_genes, width)
            self.value = nn.Sequential(nn.Linear(1, width), nn.GELU(), nn.Linear(width, width))
            self.blocks = nn.ModuleList(
                Block(width, config.n_heads, config.d_ff, positions="absolute")
                for _ in range(config.n_layers)
            )
            self.norm = nn.LayerNorm(width)
            self.asks = nn.Linear(width, width)
        nn.init.zeros_(self.asks.weight)  # the first guess is each gene's usual expression
        nn.init.zeros_(self.asks.bias)
        matrix = _tensor(config, cells)
        with torch.no_grad():
            self.genes.weight.mul_(SPREAD)
        self.usual = nn.Parameter(matrix.mean(dim=0))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.rescale(matrix)

    def rescale(self, cells: npt.ArrayLike) -> None:
        """Put cell vectors on the scale on which these cells differ; before training only."""
        self.centre, self.scale = torch.zeros_like(self.centre), torch.ones_like(self.scale)
        start = torch.from_numpy(cell_vectors(self, cells)).float()
        self.centre, self.scale = start.mean(dim=0), start.std(dim=0).clamp(min=1e-6)

    def forward(self, genes: Tensor, values: Tensor) -> Tensor:
        """Read cells.

        Parameters
        ----------
        genes : Tensor of int, shape (B, T)
            Which genes.
        values : Tensor, shape (B, T)
            Their expression.

        Returns
        -------
        cells : Tensor, shape (B, D)
            The mean of the token vectors, on the scale of the untrained model.
        """
        seen = self.value(values[..., None])  # (B, T, D)
        x = self.genes(genes) * (1 + seen) + seen
        for block in self.blocks:
            x = block(x)
        return (self.norm(x).mean(dim=1) - self.centre) / self.scale

    def expected(self, cells: Tensor, genes: Tensor) -> Tensor:
        """Tell the expression of genes that were not read, shape (B, T), from cell vectors."""
        wanted = self.genes(genes)  # (B, T, D)
        return self.usual[genes] + (wanted @ self.asks(cells)[..., None]).squeeze(-1)


def sample_genes(values: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Draw genes of each cell by chance, expressed ones first.

    Parameters
    ----------
    values : Tensor, shape (B, G)
        Expression.
    n : int
        Genes to draw, at most G.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    genes : Tensor of int, shape (B, n)
        Different ones; a silent gene only where too few are expressed.

    Examples
    --------
    >>> cells = torch.tensor([[0.0, 2.0, 1.0, 0.0]])
    >>> sorted(sample_genes(cells, 2, torch.Generator().manual_seed(0))[0].tolist())
    [1, 2]
    """
    keys = torch.rand(values.shape, generator=generator) + (values > 0)
    return keys.topk(min(n, values.shape[1]), dim=1).indices


def masked_batch(
    values: Tensor, generator: torch.Generator, *, n_visible: int, n_hidden: int
) -> tuple[Tensor, Tensor]:
    """Draw genes to see and other genes to ask for.

    Parameters
    ----------
    values : Tensor, shape (B, G)
        Expression.
    generator : torch.Generator
        Source of randomness.
    n_visible, n_hidden : int
        How many of each; those to ask for are drawn from all that are not seen.

    Returns
    -------
    seen : Tensor of int, shape (B, n_visible)
        Expressed genes, silent ones only where too few are expressed.
    asked : Tensor of int, shape (B, n_hidden)
        Others, expressed or silent.
    """
    seen = sample_genes(values, n_visible, generator)
    keys = torch.rand(values.shape, generator=generator).scatter(1, seen, -1.0)
    return seen, keys.topk(n_hidden, dim=1).indices


def pretrain(model: GeneTransformer, cells: npt.ArrayLike, config: TrainingConfig) -> History:
    """Train on hidden values of cells, without labels, in place.

    Parameters
    ----------
    model : GeneTransformer
        Its weights change.
    cells : array_like, shape (N, G)
        Log-normalised expression of the genes that the model knows.
    config : TrainingConfig
        How to train.

    Returns
    -------
    history : History
        Its losses are squared errors divided by ln 2.

    Raises
    ------
    ValueError
        If the cells have another number of genes than the model.
    """
    matrix = _tensor(model.config, cells)
    generator = torch.Generator()

    def step_loss(step: int) -> tuple[Tensor, int]:
        generator.manual_seed(config.seed * 1_000_003 + step)
        rows = matrix[torch.randint(len(matrix), (config.batch_size,), generator=generator)]
        shape = _sizes(model.config)
        seen, asked = masked_batch(rows, generator, n_visible=shape[0], n_hidden=shape[1])
        guess = model.expected(model(seen, rows.gather(1, seen)), asked)
        return F.mse_loss(guess, rows.gather(1, asked)), seen.numel()

    parameters = dict(model.named_parameters())
    identity = {"model": repr(model.config), "cells": str(tuple(matrix.shape))}
    return optimise(parameters, step_loss, config, identity=identity)


@dataclass(frozen=True, eq=False)
class HiddenGenes:
    """Values that held-out cells were asked for.

    Parameters
    ----------
    genes : ndarray of int, shape (N, hidden)
        Which genes of each cell.
    truth, guess : ndarray, shape (N, hidden)
        Measured and foretold expression.
    """

    genes: npt.NDArray[np.int64]
    truth: Floats
    guess: Floats

    def error(self, guess: Floats | None = None) -> float:
        """Mean squared error of the model's, or of another, guess."""
        return float(np.mean(((self.guess if guess is None else guess) - self.truth) ** 2))


@torch.no_grad()
def ask_hidden(model: GeneTransformer, cells: npt.ArrayLike, *, seed: int = 0) -> HiddenGenes:
    """Ask for hidden values of cells.

    Parameters
    ----------
    model : GeneTransformer
        As trained.
    cells : array_like, shape (N, G)
        Expression.
    seed : int
        Draws what is seen and asked for.

    Returns
    -------
    hidden : HiddenGenes
        So that other predictors can be asked the same.
    """
    matrix, generator = _tensor(model.config, cells), torch.Generator().manual_seed(seed)
    shape = _sizes(model.config)
    seen, asked = masked_batch(matrix, generator, n_visible=shape[0], n_hidden=shape[1])
    guess = model.expected(model(seen, matrix.gather(1, seen)), asked)
    return HiddenGenes(
        asked.numpy(), matrix.gather(1, asked).double().numpy(), guess.double().numpy()
    )


def cell_vectors(model: GeneTransformer, cells: npt.ArrayLike, *, seed: int = 0) -> Floats:
    """Give each cell its vector, averaged over samples of its expressed genes.

    Parameters
    ----------
    model : GeneTransformer
        Trained or not; its weights stay.
    cells : array_like, shape (N, G)
        Expression.
    seed : int
        Draws the samples.

    Returns
    -------
    vectors : ndarray, shape (N, D)

    Examples
    --------
    >>> model = GeneTransformer(GeneTransformerConfig(n_genes=5), np.eye(5))
    >>> cell_vectors(model, np.eye(5)[:2]).shape
    (2, 32)
    """
    with torch.no_grad():
        return _sampled(model, _tensor(model.config, cells), seed)


def fine_tune(
    model: GeneTransformer,
    cells: npt.ArrayLike,
    labels: npt.NDArray[np.int64],
    train: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    config: TrainingConfig,
    *,
    balanced: bool = False,
) -> tuple[Floats, History]:
    """Train a linear head and all weights on labels, and judge every cell.

    Parameters
    ----------
    model : GeneTransformer
        Its weights change.
    cells : array_like, shape (N, G)
        Expression.
    labels : ndarray of int, shape (N,)
        0, 1, … ; read for training and validation cells only.
    train, validation : ndarray of int
        Rows to learn from, and rows whose macro-F1 says which weights to keep.
    config : TrainingConfig
        How to train.
    balanced : bool, default False
        Whether every class weighs the same in the loss.

    Returns
    -------
    logits : ndarray, shape (N, classes)
        For every cell.
    history : History
        With the validation scores.
    """
    matrix, targets = _tensor(model.config, cells), torch.from_numpy(labels)
    known = targets[train]
    n_classes = int(labels[np.concatenate([train, validation])].max()) + 1
    head = nn.Linear(model.config.d_model, n_classes)
    nn.init.zeros_(head.weight)  # the body is left in peace until the head points somewhere
    nn.init.zeros_(head.bias)
    counts = torch.bincount(known, minlength=n_classes).clamp(min=1)
    weights = (1 / counts.float()) if balanced else torch.ones(n_classes)
    generator, rows_of = torch.Generator(), torch.from_numpy(train)

    def judge(genes: Tensor, values: Tensor) -> Tensor:
        return head(model(genes, values))

    def step_loss(step: int) -> tuple[Tensor, int]:
        generator.manual_seed(config.seed * 1_000_003 + step)
        rows = rows_of[torch.randint(len(train), (config.batch_size,), generator=generator)]
        genes = sample_genes(matrix[rows], N_VISIBLE, generator)
        logits = judge(genes, matrix[rows].gather(1, genes))
        return F.cross_entropy(logits, targets[rows], weight=weights), genes.numel()

    def validate() -> float:
        with torch.no_grad():
            guess = _sampled(judge, matrix[validation], 0).argmax(axis=1)
        return macro_f1(labels[validation], guess)

    parameters = dict(model.named_parameters()) | {
        f"head.{name}": p for name, p in head.named_parameters()
    }
    identity = {"model": repr(model.config), "cells": str(tuple(matrix.shape))}
    history = optimise(parameters, step_loss, config, identity=identity, validate=validate)
    with torch.no_grad():
        return _sampled(judge, matrix, 1), history


def carry_over(source: GeneTransformer, target: GeneTransformer, shared: npt.ArrayLike) -> None:
    """Copy the layers of one model into another that knows other genes, in place.

    Parameters
    ----------
    source, target : GeneTransformer
        Of the same shape but for the genes.
    shared : array_like of int, shape (S, 2)
        Pairs (row in source, row in target) of genes that both know; the vectors of all other
        genes of the target stay as they are.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if replace(source.config, n_genes=target.config.n_genes) != target.config:
        raise ValueError(
            f"{source.config} cannot be carried over into {target.config}; they may differ in "
            "their genes alone, and need one width"
        )
    pairs = torch.as_tensor(np.asarray(shared, dtype=np.int64).reshape(-1, 2))
    theirs = dict(source.named_parameters())
    with torch.no_grad():
        for name, p in target.named_parameters():
            if name.startswith(("usual", "asks")):
                continue  # what these hold depends on the cells, and on genes that are new
            if name == "genes.weight":
                p[pairs[:, 1]] = theirs[name][pairs[:, 0]]
            else:
                p.copy_(theirs[name])


def _sampled(judge, matrix: Tensor, seed: int) -> Floats:  # type: ignore[no-untyped-def]
    """Average over samples of each cell's expressed genes, shape (N, outputs)."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for cells in torch.split(matrix, _AT_ONCE):
        samples = [sample_genes(cells, N_VISIBLE, generator) for _ in range(N_SAMPLES)]
        parts.append(sum(judge(genes, cells.gather(1, genes)) for genes in samples) / N_SAMPLES)
    found: Floats = torch.cat(parts).double().numpy()
    return found


def _sizes(config: GeneTransformerConfig) -> tuple[int, int]:
    """How many genes to see and to ask for: never all of them to see."""
    n_visible = min(N_VISIBLE, config.n_genes // 2)
    return n_visible, min(N_HIDDEN, config.n_genes - n_visible)


def _tensor(config: GeneTransformerConfig, cells: npt.ArrayLike) -> Tensor:
    matrix = torch.as_tensor(np.asarray(cells), dtype=torch.float32)
    if matrix.ndim != 2 or matrix.shape[1] != config.n_genes:
        raise ValueError(
            f"cells of shape {tuple(matrix.shape)} do not fit a model of "
            f"{config.n_genes} genes; give it the columns that it knows"
        )
    return matrix
