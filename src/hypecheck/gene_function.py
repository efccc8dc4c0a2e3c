"""What does a gene do? A functional question to ask of vectors of its sequence.

Design choices

- The question is one of function, not of sequence: does the gene belong to metabolism, or to
  another known class of the COG scheme? Genes without a known class are left out.
- A gene is its first windows, read in its own frame, so that a token of three bases is a codon.
- Genes are divided by stretches of the genome, since neighbours share operons; test genes that
  share a long word with a training gene are dropped.

References
----------
Galperin et al. 2021, COG database update, https://doi.org/10.1093/nar/gkaa1018 (the classes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.embeddings import linear_probe
from hypecheck.sequences import UNKNOWN, Codes, reverse_complement
from hypecheck.similarity import NO_WORD, canonical_words
from hypecheck.splits import Split, group_split

Floats = npt.NDArray[np.float64]
METABOLISM = ("metabolism", "conversion", "catabolism")
UNKNOWN_CLASSES = ("Function unknown", "No COG Annotation")
WINDOW, MOST_WINDOWS, REGION = 69, 6, 100_000


@dataclass(frozen=True, eq=False)
class FunctionTask:
    """Genes, their windows, and what they do.

    Attributes
    ----------
    windows : ndarray of uint8, shape (W, 69)
        The first windows of each gene, in frame.
    gene_of : ndarray of int64, shape (W,)
        The gene of each window, in order.
    labels : ndarray of int64, shape (N,)
        1 for genes of metabolism, 0 for genes of another known class.
    codons : ndarray of float64, shape (N, 64)
        Shares of the codons in the same windows.
    regions : ndarray of int64, shape (N,)
        Stretch of 100,000 bases.
    split : Split
        By regions.
    """

    windows: Codes
    gene_of: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    codons: Floats
    regions: npt.NDArray[np.int64]
    split: Split

    def per_gene(self, vectors: npt.NDArray[np.floating]) -> Floats:
        """Average vectors of windows, shape (W, D), into vectors of genes, shape (N, D)."""
        starts = np.searchsorted(self.gene_of, np.arange(len(self.labels)))
        sums = np.add.reduceat(np.asarray(vectors, np.float64), starts, axis=0)
        counts = np.bincount(self.gene_of, minlength=len(self.labels))
        return np.asarray(sums / counts[:, None])

    def windows_of(self, genes: npt.NDArray[np.int64]) -> Codes:
        """Give the windows of some genes."""
        return self.windows[np.isin(self.gene_of, genes)]


def read_functions(genome: Codes, info: pd.DataFrame) -> FunctionTask:
    """Cut genes of known class out of a genome.

    Parameters
    ----------
    genome : ndarray of uint8, shape (L,)
        The chromosome.
    info : DataFrame
        By gene: start, stop (0-based, half-open), strand, cog.

    Returns
    -------
    task : FunctionTask
        Genes of whole codons, one window long or longer.

    Raises
    ------
    ValueError
        If no gene is left.
    """
    size = info["stop"] - info["start"]
    known = ~info["cog"].isin(UNKNOWN_CLASSES) & info["cog"].notna()
    table = info[known & (size % 3 == 0) & (size >= WINDOW)].sort_values("start")
    bodies, labels, regions = [], [], []
    ends = table[["start", "stop"]].to_numpy(np.int64)
    for (start, stop), strand, what in zip(ends, table["strand"], table["cog"], strict=True):
        body = genome[start:stop] if strand == "+" else reverse_complement(genome[start:stop])
        if (body < UNKNOWN).all():
            bodies.append(body)
            labels.append(int(any(word in what for word in METABOLISM)))
            regions.append(start // REGION)
    if not bodies:
        raise ValueError("no gene of a known class has a window of known bases")
    return _task(bodies, np.array(labels), np.array(regions))


def made_up_functions(n_genes: int, rng: np.random.Generator) -> FunctionTask:
    """Make genes of two classes that differ a little in their codons: a stand-in.

    Parameters
    ----------
    n_genes : int
        Number of genes.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    task : FunctionTask
        In which codon usage knows the class, by construction.

    Examples
    --------
    >>> task = made_up_functions(60, np.random.default_rng(0))
    >>> task.windows.shape, task.codons.shape
    ((360, 69), (60, 64))
    """
    labels = np.arange(n_genes) % 2
    common = rng.dirichlet(np.ones(64))
    usage = [common, 0.7 * common + 0.3 * rng.dirichlet(np.ones(64))]
    n_codons = WINDOW // 3 * MOST_WINDOWS
    places = np.array([16, 4, 1])
    bodies = [
        (rng.choice(64, size=(n_codons, 1), p=usage[label]) // places % 4).astype(np.uint8).ravel()
        for label in labels
    ]
    return _task(bodies, labels, np.arange(n_genes) // max(1, n_genes // 30))


def score_genes(task: FunctionTask, features: npt.NDArray[np.floating]) -> Floats:
    """Predict the class of the test genes from features of genes.

    Parameters
    ----------
    task : FunctionTask
        Genes and their division.
    features : ndarray, shape (N, D)
        Of all genes.

    Returns
    -------
    scores : ndarray of float64, shape (number of test genes,)
        Probability of class 1 by a linear probe, its penalty chosen on the validation genes.
    """
    split = task.split
    probe = linear_probe(
        features[split.train],
        task.labels[split.train],
        features[split.validation],
        task.labels[split.validation],
    )
    return np.asarray(probe.predict_proba(features[split.test])[:, 1], dtype=np.float64)


def mean_vectors(task: FunctionTask, embed: Callable[[Codes], npt.NDArray[np.floating]]) -> Floats:
    """Embed all windows, and average them by gene.

    Parameters
    ----------
    task : FunctionTask
        Genes.
    embed : callable
        Windows of shape (W, 69) to vectors of shape (W, D).

    Returns
    -------
    vectors : ndarray of float64, shape (N, D)
    """
    return task.per_gene(embed(task.windows))


def _task(
    bodies: list[Codes], labels: npt.NDArray[np.int64], regions: npt.NDArray[np.int64]
) -> FunctionTask:
    counts = np.array([min(MOST_WINDOWS, len(body) // WINDOW) for body in bodies])
    windows = np.concatenate(
        [body[: n * WINDOW].reshape(n, WINDOW) for body, n in zip(bodies, counts, strict=True)]
    )
    gene_of = np.repeat(np.arange(len(bodies)), counts)
    codons = windows.reshape(len(windows), -1, 3).astype(np.int64) @ np.array([16, 4, 1])
    shares = np.zeros((len(bodies), 64))
    np.add.at(shares, (gene_of[:, None], codons), 1.0)
    shares /= shares.sum(axis=1, keepdims=True)
    split = group_split(regions, rng=np.random.default_rng(0), fractions=(0.45, 0.15, 0.4))
    clean = _without_shared_words(windows, gene_of, split)
    return FunctionTask(windows, gene_of, labels, shares, regions, clean)


def _without_shared_words(
    windows: Codes, gene_of: npt.NDArray[np.int64], split: Split, *, k: int = 24
) -> Split:
    """Drop test genes that share a word with a training or validation gene."""
    words = canonical_words(windows, k)
    is_test = np.isin(gene_of, split.test)
    seen = np.unique(words[~is_test])
    shared = (np.isin(words, seen) & (words != NO_WORD)).any(axis=1) & is_test
    dropped = np.unique(gene_of[shared])
    return Split(split.train, split.validation, np.setdiff1d(split.test, dropped), dropped)
