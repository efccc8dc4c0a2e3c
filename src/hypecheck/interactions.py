"""Two tests of what sequence vectors know of interactions: contacts in space, and regulation.

Design choices

- Both tests ask for the gain over distances alone, never for a bare score: places that are near
  each other touch more and are regulated together more, whatever their letters.
- Whole chromosomes, or stretches of one, are held out.
- Without the data, places and pairs are simulated: distance decides, letters say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck import datasets, scores
from hypecheck.contact_maps import CisPairs, ContactMap, bin_windows, cis_pairs, read_cooler
from hypecheck.datasets import Provenance
from hypecheck.embeddings import embed_sequences
from hypecheck.intervals import Interval
from hypecheck.models import Transformer
from hypecheck.pair_models import held_out_ridge, pair_features, principal_parts
from hypecheck.registry import entry
from hypecheck.regulation import Network, bilinear, read_network, rewired
from hypecheck.resamples import Metric
from hypecheck.seeds import paired_seeds_and_items
from hypecheck.tokenizers import KmerTokenizer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
N_PARTS = 10
SIMULATED = "simulated: distance decides which places interact, and letters are drawn at random"


@dataclass(frozen=True, eq=False)
class PairTask:
    """Pairs of places, something to predict of each, and the sequences of the places.

    Parameters
    ----------
    target : ndarray of float64, shape (P,)
        What to predict.
    distances : ndarray of float64, shape (P, F)
        What distance says.
    folds, groups : ndarray of int64, shape (P,)
        Held out together; resampled together.
    codes : ndarray of uint8, shape (N, W, L)
        W windows of each of N places.
    describe : callable
        ``describe(parts)`` makes features of all pairs from vectors of all places.
    metric : callable
        Of target and prediction.
    provenance : Provenance
        Of the pairs.
    """

    target: Floats
    distances: Floats
    folds: Ints
    groups: Ints
    codes: npt.NDArray[np.uint8]
    describe: Callable[[Floats], Floats]
    metric: Metric
    provenance: Provenance

    def vectors(self, model: Transformer) -> Floats:
        """Embed every place: the mean over the tokens of all its windows (model reads 3-mers)."""
        n, n_windows, length = self.codes.shape
        rows = embed_sequences(
            model, KmerTokenizer(3, 3), self.codes.reshape(-1, length), "mean", 256
        )
        return np.asarray(rows, dtype=np.float64).reshape(n, n_windows, -1).mean(axis=1)

    def predict(self, vectors: npt.ArrayLike | None = None, *, alone: bool = False) -> Floats:
        """Predict every pair from the other folds.

        Parameters
        ----------
        vectors : array_like of float, shape (N, D), optional
            Vectors of the places, reduced to ten principal components.
        alone : bool, default False
            Leave the distances out.

        Returns
        -------
        predicted : ndarray of float64, shape (P,)
        """
        known = [] if alone else [self.distances]
        if vectors is not None:
            known.append(self.describe(principal_parts(vectors, N_PARTS)))
        return held_out_ridge(np.hstack(known), self.target, self.folds)

    def gain(self, vectors: Sequence[npt.ArrayLike], *, n_resamples: int = 300) -> Interval:
        """Compare distances and vectors with distances alone.

        Parameters
        ----------
        vectors : sequence of array_like, shape (N, D)
            One for each seed.
        n_resamples : int, default 300
            Of the groups.

        Returns
        -------
        gain : Interval
            Of the metric, paired, over seeds and groups.
        """
        return paired_seeds_and_items(
            self.metric,
            self.target,
            np.stack([self.predict(one) for one in vectors]),
            self.predict()[None],
            rng=np.random.default_rng(0),
            n_resamples=n_resamples,
            groups=self.groups,
        )


def contact_task(*, every: int = 4, n_windows: int = 8, length: int = 102) -> PairTask:
    """Make the contacts within chromosomes of yeast a task.

    Parameters
    ----------
    every : int, default 4
        Take every so-manieth pair of bins.
    n_windows, length : int
        Windows of every bin, and their length in bp.

    Returns
    -------
    task : PairTask
        The target is log2(observed / expected), the metric Pearson's correlation, a fold every
        fourth chromosome, a group one chromosome.
    """
    genome = datasets.load("genome_yeast")
    if genome.provenance.is_stand_in:
        found, records = _simulated_contacts()
        provenance = stand_in_provenance("hic")
    else:
        file = datasets.path("hic", "hic/yeast.10kb.cool")
        found, records = read_cooler(file, leave_out=("chrMito", "chr2-micron")), genome.records
        provenance = real_provenance("hic", genome.provenance.tier)
    pairs: CisPairs = cis_pairs(found, every=every)
    return PairTask(
        pairs.enrichment,
        pairs.distances,
        pairs.chromosome % 4,
        pairs.chromosome,
        bin_windows(found, dict(records), size=10_000, n_windows=n_windows, length=length),
        lambda parts: pair_features(parts, pairs.first, pairs.second),
        scores.pearson,
        provenance,
    )


def network_task(*, seed: int = 0, length: int = 204) -> PairTask:
    """Make the regulatory network of E. coli a task: true edges among rewired ones.

    Parameters
    ----------
    seed : int, default 0
        Of the rewiring.
    length : int, default 204
        Bases before the first gene of an operon that are read.

    Returns
    -------
    task : PairTask
        The target is 1 for a true edge, the metric AUROC, a fold every fifth of forty stretches of
        the chromosome, a group the pairs of one operon.
    """
    genome = datasets.load("genome_ecoli_k12")
    codes = max(genome.records.values(), key=len)
    if genome.provenance.is_stand_in:
        network, provenance = (
            _simulated_network(len(codes)),
            stand_in_provenance("ecoli_expression"),
        )
    else:
        tables = datasets.load("ecoli_expression")
        network = read_network(tables.frames["TRN"], tables.frames["gene_info"])
        provenance = tables.provenance
    null = rewired(network.edges, np.random.default_rng(seed))
    pairs = np.concatenate([network.edges, null])
    n_regulators = len(network.regulators)
    return PairTask(
        np.concatenate([np.ones(len(network.edges)), np.zeros(len(null))]),
        network.distances(pairs, len(codes)),
        network.folds(pairs, len(codes), blocks=40, n=5),
        pairs[:, 1],
        network.promoters(codes, length)[:, None, :],
        lambda parts: bilinear(parts, pairs, n_regulators),
        scores.auroc,
        provenance,
    )


def stand_in_provenance(name: str) -> Provenance:
    """Say that a data set was simulated here."""
    found = entry(name)
    return Provenance(name, "embedded", True, SIMULATED, {}, found.licence, found.citation)


def real_provenance(name: str, tier: str) -> Provenance:
    """Say that a file of a data set was read, with its checksums."""
    found = entry(name)
    checksums = {file.path: file.sha256 for file in found.files}
    return Provenance(name, tier, False, "", checksums, found.licence, found.citation)


def _simulated_contacts() -> tuple[ContactMap, dict[str, npt.NDArray[np.uint8]]]:
    """Five chromosomes of thirty bins whose contacts fall with distance, and random letters."""
    rng, n, size = np.random.default_rng(0), 5, 30
    chromosome, start = np.repeat(np.arange(n), size), np.tile(np.arange(size) * 10_000, n)
    apart = np.abs(start[:, None] - start) / 10_000
    contacts = np.where(chromosome[:, None] == chromosome, 1 / (1 + apart), 0.01)
    noise = np.exp(0.2 * rng.normal(size=contacts.shape))
    names = tuple(f"chr{number}" for number in range(n))
    records = {str(k): rng.integers(4, size=size * 10_000).astype(np.uint8) for k in range(n)}
    return ContactMap(names, chromosome, start, contacts * (noise + noise.T) / 2), records


def _simulated_network(genome_length: int) -> Network:
    """Two hundred operons and six regulators that like their neighbours."""
    rng, n, n_regulators = np.random.default_rng(0), 200, 6
    place = np.sort(rng.choice(genome_length - 300, n, replace=False)) + 300
    home = np.linspace(0, n - 1, n_regulators).astype(np.int64)
    near = np.exp(-np.abs(place[home][:, None] - place) / 50_000)
    edges = np.argwhere(rng.random((n_regulators, n)) < 0.1 + 0.4 * near)
    forward = rng.random(n) < 0.5
    names = tuple(map(str, range(n)))
    return Network(names, names[:n_regulators], edges, place, forward, home)
