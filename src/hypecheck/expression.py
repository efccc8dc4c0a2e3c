"""How strongly a bacterium uses each of its genes, and what classical features say about it.

Design choices

- The target is the mean log expression of a gene over the samples of a compendium.
- Regions, not genes, are divided: an operon is transcribed as one, and its genes stay together,
  with their neighbours within fifty kilobases.
- Every linear model chooses its penalty on validation regions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from hypecheck.kmers import KmerCounts
from hypecheck.models import ConvNet, ConvNetConfig
from hypecheck.optimisation import TrainingConfig, optimise
from hypecheck.scores import pearson
from hypecheck.sequences import Codes, encode, reverse_complement
from hypecheck.splits import Split, group_split

Floats = npt.NDArray[np.float64]
UPSTREAM, START, REGION = 150, 300, 50_000  # bp
ALPHAS = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


@dataclass(frozen=True, eq=False)
class Genes:
    """Genes with their expression, and where they lie.

    Attributes
    ----------
    names : ndarray of str, shape (N,)
    expression : ndarray of float64, shape (N,)
        Mean log expression over samples.
    promoters : ndarray of uint8, shape (N, 150)
        Bases before the operon's first gene, in reading direction.
    starts : ndarray of uint8, shape (N, 300)
        First bases of the gene, in frame; a short gene is padded with unknown bases.
    codons : ndarray of float64, shape (N, 64)
        Shares of the codons of the whole gene.
    operon : ndarray of float64, shape (N, 3)
        Genes in the operon, place in it, and log length of the gene.
    regions : ndarray of int64, shape (N,)
        Stretch of the chromosome; an operon lies in one.
    """

    names: npt.NDArray[np.str_]
    expression: Floats
    promoters: Codes
    starts: Codes
    codons: Floats
    operon: Floats
    regions: npt.NDArray[np.int64]

    @property
    def classical(self) -> Floats:
        """Codon usage, operon and promoter k-mers, shape (N, 407)."""
        words = KmerCounts((1, 4)).fit_transform(self.promoters)
        return np.hstack([self.codons, self.operon, np.asarray(words, dtype=np.float64)])

    @property
    def windows(self) -> Codes:
        """Promoter and start of the gene side by side, shape (N, 450)."""
        return np.hstack([self.promoters, self.starts])

    def split(self, rng: np.random.Generator) -> Split:
        """Divide the regions: .55, .15 and .30 of the genes."""
        return group_split(self.regions, rng=rng, fractions=(0.55, 0.15, 0.30))


def read_genes(genome: Codes, info: pd.DataFrame, log_tpm: pd.DataFrame) -> Genes:
    """Join genome, gene table and expression.

    Parameters
    ----------
    genome : ndarray of uint8, shape (L,)
        The chromosome.
    info : DataFrame
        By gene: start, stop (0-based, half-open), strand, operon.
    log_tpm : DataFrame
        Column Geneid, then one column a sample.

    Returns
    -------
    genes : Genes
        Those of whole codons without unknown bases, with expression, 150 bp or longer.
    """
    means = log_tpm.set_index("Geneid").mean(axis=1)
    table = info.join(means.rename("expression"), how="inner")
    size = table["stop"] - table["start"]
    table = table[(size % 3 == 0) & (size >= 150) & (table["start"] > UPSTREAM)]
    table = table[table["stop"] < len(genome) - UPSTREAM].sort_values("start")
    rows = [_read_gene(genome, gene) for gene in table.itertuples()]
    keep = np.array([_is_coding(body) for body, _ in rows])
    bodies = [body for (body, _), kept in zip(rows, keep, strict=True) if kept]
    table = table[keep]
    heads, place, size_of, first = _operons(table)
    return Genes(
        names=table.index.to_numpy(dtype=np.str_),
        expression=table["expression"].to_numpy(dtype=np.float64),
        promoters=np.stack([_before(genome, *head) for head in heads]),
        starts=np.stack([_padded(body[:START]) for body in bodies]),
        codons=np.stack([_codon_shares(body) for body in bodies]),
        operon=np.stack([size_of, place, np.log([len(body) for body in bodies])], axis=1),
        regions=(first // REGION).astype(np.int64),
    )


def fit_ridge(features: npt.NDArray[Any], target: Floats, split: Split) -> Floats:
    """Predict all genes from features; the penalty is chosen on the validation part.

    Parameters
    ----------
    features : ndarray of float, shape (N, D)
    target : ndarray, shape (N,)
    split : Split

    Returns
    -------
    predicted : ndarray of float64, shape (N,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(90, 3))
    >>> split = Split(np.arange(50), np.arange(50, 70), np.arange(70, 90))
    >>> predicted = fit_ridge(x, x[:, 0], split)
    >>> bool(pearson(x[70:, 0], predicted[70:]) > 0.99)
    True
    """
    best, kept = -np.inf, np.zeros(len(target))
    for alpha in ALPHAS:
        model = make_pipeline(StandardScaler(), Ridge(alpha=alpha))
        predicted = model.fit(features[split.train], target[split.train]).predict(features)
        score = pearson(target[split.validation], predicted[split.validation])
        if score > best:
            best, kept = score, predicted
    return np.asarray(kept, dtype=np.float64)


def fit_cnn(
    windows: Codes, target: Floats, split: Split, config: TrainingConfig, *, seed: int
) -> tuple[Floats, float]:
    """Predict all genes with a small CNN on bases, trained on squared error.

    Parameters
    ----------
    windows : ndarray of uint8, shape (N, L)
    target : ndarray, shape (N,)
    split : Split
        The weights kept are the best on its validation part.
    config : TrainingConfig
        How to train.
    seed : int
        Of weights and batches.

    Returns
    -------
    predicted : ndarray of float64, shape (N,)
        In standard deviations from the mean of the training part.
    validation : float
        Pearson r on the validation part.
    """
    net = ConvNet(ConvNetConfig(n_classes=1, length=windows.shape[1]), seed=seed)
    return fit_network(net, torch.from_numpy(windows), target, split, replace(config, seed=seed))


def fit_network(
    net: nn.Module, inputs: Tensor, target: Floats, split: Split, config: TrainingConfig
) -> tuple[Floats, float]:
    """Train a network with one output on squared error, and predict all items.

    Parameters
    ----------
    net : Module
        From ``inputs`` (B, ...) to (B, 1); its weights change.
    inputs : Tensor, shape (N, ...)
        What it reads.
    target, split
        As in `fit_ridge`; the weights kept are the best on the validation part.
    config : TrainingConfig
        How to train; its seed chooses the batches.

    Returns
    -------
    predicted : ndarray of float64, shape (N,)
        In standard deviations from the mean of the training part.
    validation : float
        Pearson r on the validation part.
    """
    scaled = (target - target[split.train].mean()) / target[split.train].std()
    outputs = torch.from_numpy(scaled.astype(np.float32))
    rng = np.random.default_rng(config.seed)
    order = torch.from_numpy(rng.choice(split.train, (config.steps, config.batch_size)))

    def step_loss(step: int) -> tuple[Tensor, int]:
        rows = order[step]
        loss = torch.mean((net(inputs[rows]).squeeze(1) - outputs[rows]) ** 2)
        return loss, inputs[rows].numel()

    def predicted(rows: npt.NDArray[np.int64]) -> Floats:
        with torch.no_grad():
            parts = [net(one).squeeze(1) for one in torch.split(inputs[rows], 256)]
        found: Floats = torch.cat(parts).double().numpy()
        return found

    def validate() -> float:
        return float(pearson(target[split.validation], predicted(split.validation)))

    identity = {"model": type(net).__name__, "data": str(inputs.shape)}
    parameters = dict(net.named_parameters())
    optimise(parameters, step_loss, config, identity=identity, validate=validate)
    return predicted(np.arange(len(target))), validate()


@dataclass(frozen=True, eq=False)
class Reporters:
    """Promoters on a reporter, with their measured activity.

    Attributes
    ----------
    codes : ndarray of uint8, shape (N, 150)
    activity : ndarray of float64, shape (N,)
        log2 of the activity, negative ones set to zero, plus a half.
    regions : ndarray of int64, shape (N,)
        Stretch of the chromosome, 100 kb.
    """

    codes: Codes
    activity: Floats
    regions: npt.NDArray[np.int64]

    def split(self, rng: np.random.Generator) -> Split:
        """Divide the regions: .55, .15 and .30 of the promoters."""
        return group_split(self.regions, rng=rng, fractions=(0.55, 0.15, 0.30))


def read_reporters(frame: pd.DataFrame, *, most: int, rng: np.random.Generator) -> Reporters:
    """Read promoters of 150 bp with their activity, at most so many, drawn by chance.

    Parameters
    ----------
    frame : DataFrame
        Columns sequence, tss_position, activity.
    most : int
        Rows to draw.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    reporters : Reporters
    """
    known = frame.dropna(subset=["sequence", "tss_position", "activity"])
    known = known[known["sequence"].str.len() == UPSTREAM].drop_duplicates("sequence")
    known = known.iloc[np.sort(rng.permutation(len(known))[:most])]
    activity = known["activity"].to_numpy(dtype=np.float64)
    return Reporters(
        encode(known["sequence"].tolist()),
        np.log2(np.maximum(activity, 0) + 0.5),
        known["tss_position"].to_numpy(dtype=np.int64) // 100_000,
    )


def _read_gene(genome: Codes, gene) -> tuple[Codes, str]:  # type: ignore[no-untyped-def]
    body = genome[int(gene.start) : int(gene.stop)]
    return (body if gene.strand == "+" else reverse_complement(body)), str(gene.operon)


def _is_coding(body: Codes) -> bool:
    """Whether a gene has no unknown base and ends in its only stop codon, one slip allowed."""
    words = body.reshape(-1, 3)
    stops = (words[:, 0] == 3) & (
        ((words[:, 1] == 0) & np.isin(words[:, 2], (0, 2)))
        | ((words[:, 1] == 2) & (words[:, 2] == 0))
    )
    return bool((body < 4).all() and stops[-1] and stops[:-1].sum() <= 1)


def _operons(table: pd.DataFrame):  # type: ignore[no-untyped-def]
    """Give each gene the head of its operon, its place and number of genes, and the first base."""
    groups = table.groupby("operon", sort=False)
    first, last = groups["start"].transform("min"), groups["stop"].transform("max")
    near = (last - first) < REGION  # names that meet twice are no operon
    first = first.where(near, table["start"])
    last = last.where(near, table["stop"])
    forward = (table["strand"] == "+").to_numpy()
    number = groups.cumcount().to_numpy()
    size = groups["start"].transform("size").to_numpy()
    place = np.where(forward, number, size - 1 - number)
    heads = [
        (int(a) if plus else int(b), bool(plus))
        for a, b, plus in zip(first, last, forward, strict=True)
    ]
    return heads, place.astype(float), size.astype(float), first.to_numpy()


def _before(genome: Codes, place: int, forward: bool) -> Codes:
    if forward:
        return genome[place - UPSTREAM : place]
    return reverse_complement(genome[place : place + UPSTREAM])


def _padded(codes: Codes) -> Codes:
    return np.pad(codes, (0, START - len(codes)), constant_values=4)


def _codon_shares(body: Codes) -> Floats:
    words = body.reshape(-1, 3).astype(np.int64) @ np.array([16, 4, 1])
    return np.bincount(words, minlength=64) / len(words)
