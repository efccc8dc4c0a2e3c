"""A graph network on contacts between parts of a genome, with the two controls that it needs.

Design choices

- A layer is ``relu(x W_self + mean of the neighbours' x W_near)``: the mean over neighbours is the
  convolution of Kipf and Welling with rows that sum to one, the own vector has weights of its own.
- "No graph" is the same network with every bin its own and only neighbour: as many parameters, as
  many steps.
- "Rewired" keeps the number of neighbours of every bin and nothing else of the contacts.
- What is predicted is read off the genome, never off the contacts: a target that was computed from
  the matrix would let the network read its own input.
- Features are three-letter word counts of the bin; whole chromosomes are held out.

References
----------
Kipf and Welling 2017, Semi-supervised classification with graph convolutional networks,
arXiv:1609.02907, section 2.
Hamilton, Ying and Leskovec 2017, Inductive representation learning on large graphs (GraphSAGE),
arXiv:1706.02216, section 3.1 (mean aggregator, own vector apart).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from hypecheck import datasets
from hypecheck.contact_maps import ContactMap, read_cooler
from hypecheck.datasets import Provenance
from hypecheck.models import seeded
from hypecheck.registry import entry

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
GC_OF_WORD = np.isin(np.arange(64)[:, None] // [16, 4, 1] % 4, (1, 2)).mean(axis=1)
SIMULATED = "simulated: bins with similar hidden labels touch, and the label is the target"


def strongest_contacts(found: ContactMap, *, n: int = 10, least: int = 0) -> Ints:
    """Join every bin to the bins that it touches most.

    Parameters
    ----------
    found : ContactMap
        The map.
    n : int, default 10
        Contacts of a bin that count; some bins get more, by being chosen by others.
    least : int, default 0
        Fewest bins between two bins of one chromosome that may be joined, less one; bins of
        different chromosomes may always be.

    Returns
    -------
    edges : ndarray of int64, shape (E, 2)
        Each pair once, the smaller number first.
    """
    value = np.nan_to_num(found.contacts)
    apart = np.abs(np.subtract.outer(np.arange(len(value)), np.arange(len(value))))
    same = np.equal.outer(found.chromosome, found.chromosome)
    value = np.where((apart == 0) | (same & (apart < least)), 0.0, value)
    chosen = np.argsort(-value, axis=1, kind="stable")[:, :n]
    pairs = np.stack([np.repeat(np.arange(len(value)), n), chosen.ravel()], axis=1)
    pairs = pairs[value[pairs[:, 0], pairs[:, 1]] > 0]
    edges: Ints = np.unique(np.sort(pairs, axis=1), axis=0)
    return edges


def rewire(edges: npt.ArrayLike, rng: np.random.Generator, *, swaps: int = 10) -> Ints:
    """Exchange partners until nothing but everybody's number of neighbours is left.

    Parameters
    ----------
    edges : array_like of int, shape (E, 2)
        Each pair once, the smaller number first.
    rng : numpy.random.Generator
        Source of randomness.
    swaps : int, default 10
        Exchanges tried for every edge; one that would double an edge or join a bin to itself is
        not made.

    Returns
    -------
    rewired : ndarray of int64, shape (E, 2)
        As many edges, every bin with as many as before.

    Examples
    --------
    >>> rewired = rewire([[0, 1], [2, 3]], np.random.default_rng(0))
    >>> np.bincount(rewired.ravel()).tolist()
    [1, 1, 1, 1]
    """
    pairs = [(int(a), int(b)) for a, b in np.asarray(edges)]
    known = set(pairs)
    draws = rng.integers(len(pairs), size=(swaps * len(pairs), 2)).tolist()
    for (i, j), turned in zip(draws, (rng.random(len(draws)) < 0.5).tolist(), strict=True):
        (a, b), (c, d) = pairs[i], pairs[j]
        if turned:
            c, d = d, c
        first, second = (min(a, d), max(a, d)), (min(c, b), max(c, b))
        if a == d or b == c or first == second or first in known or second in known:
            continue
        known -= {pairs[i], pairs[j]}
        known |= {first, second}
        pairs[i], pairs[j] = first, second
    return np.array(sorted(known), dtype=np.int64)


def neighbour_mean(edges: npt.ArrayLike, n_bins: int) -> csr_matrix:
    """Make the matrix that averages over neighbours.

    Parameters
    ----------
    edges : array_like of int, shape (E, 2)
        Each pair once; an empty list joins every bin to itself alone.
    n_bins : int
        Number of bins N.

    Returns
    -------
    mean : csr_matrix of float64, shape (N, N)
        Rows sum to one; a bin without neighbours averages over itself.

    Examples
    --------
    >>> neighbour_mean([[0, 1], [0, 2]], 3).toarray()
    array([[0. , 0.5, 0.5],
           [1. , 0. , 0. ],
           [1. , 0. , 0. ]])
    """
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    alone = np.setdiff1d(np.arange(n_bins), pairs)
    row = np.concatenate([pairs[:, 0], pairs[:, 1], alone])
    column = np.concatenate([pairs[:, 1], pairs[:, 0], alone])
    weight = 1.0 / np.bincount(row, minlength=n_bins)[row]
    return csr_matrix((weight, (row, column)), shape=(n_bins, n_bins))


class GraphNetwork(nn.Module):
    """Two graph convolutions and a linear read-out.

    Parameters
    ----------
    n_features, d_hidden : int
        Features of a bin, and width between the layers.
    seed : int, default 0
        Seed of the initial weights.

    Examples
    --------
    >>> mean = torch.eye(3)
    >>> x = torch.zeros(3, 2)
    >>> GraphNetwork(2)(x, mean @ x, mean).shape
    torch.Size([3])
    """

    def __init__(self, n_features: int, d_hidden: int = 16, *, seed: int = 0) -> None:
        super().__init__()
        with seeded(seed):
            self.own = nn.ModuleList([nn.Linear(n_features, d_hidden), nn.Linear(d_hidden, 1)])
            self.near = nn.ModuleList(
                nn.Linear(size, width, bias=False)
                for size, width in ((n_features, d_hidden), (d_hidden, 1))
            )

    def forward(self, x: Tensor, near_x: Tensor, mean: Tensor) -> Tensor:
        """Predict a number for every bin.

        Parameters
        ----------
        x : Tensor, shape (N, F)
            Features.
        near_x : Tensor, shape (N, F)
            ``mean @ x``, which is the same in every step.
        mean : Tensor, shape (N, N), sparse or dense
            From `neighbour_mean`.

        Returns
        -------
        predicted : Tensor, shape (N,)
        """
        hidden = F.relu(self.own[0](x) + self.near[0](near_x))  # (N, H)
        y: Tensor = self.own[1](hidden) + mean @ self.near[1](hidden)  # (N, 1)
        return y[:, 0]


@dataclass(frozen=True, eq=False)
class BinTask:
    """Bins of a genome, what is known of each and what is to be predicted.

    Parameters
    ----------
    features : ndarray of float64, shape (N, F)
        Standardised.
    target : ndarray of float64, shape (N,)
        Read off the genome.
    chromosome : ndarray of int64, shape (N,)
        Number of the chromosome; every fourth one makes a fold.
    gc : ndarray of float64, shape (N,)
        Share of G and C.
    provenance : Provenance
        Of the contacts.
    """

    features: Floats
    target: Floats
    chromosome: Ints
    gc: Floats
    provenance: Provenance

    def predict(
        self, edges: npt.ArrayLike, *, seed: int, steps: int = 80, rate: float = 0.01
    ) -> Floats:
        """Predict every bin by a network that was trained on other chromosomes.

        Of four folds one is predicted, one says when to stop, two train.

        Parameters
        ----------
        edges : array_like of int, shape (E, 2)
            Neighbours; none join every bin to itself. Features of held-out bins may be averaged
            over, their targets are never seen.
        seed : int
            Of the weights.
        steps : int, default 80
            Most steps of AdamW, on all training bins at once.
        rate : float, default 0.01
            Learning rate.

        Returns
        -------
        predicted : ndarray of float64, shape (N,)
        """
        mean = neighbour_mean(edges, len(self.target)).tocoo()
        near = torch.sparse_coo_tensor(
            torch.from_numpy(np.stack([mean.row, mean.col]).astype(np.int64)),
            torch.from_numpy(mean.data).float(),
            size=mean.shape,
            check_invariants=True,
        ).coalesce()
        x = torch.from_numpy(self.features).float()
        known = (x, near @ x, near)
        predicted = np.zeros(len(self.target))
        for fold in range(4):
            held_out, stop = (self.chromosome % 4 == (fold + k) % 4 for k in (0, 1))
            found = self._fit(known, ~(held_out | stop), stop, (seed, steps, rate))
            predicted[held_out] = found[held_out]
        return predicted

    def _fit(
        self,
        known: tuple[Tensor, Tensor, Tensor],
        is_train: npt.NDArray[np.bool_],
        is_stop: npt.NDArray[np.bool_],
        how: tuple[int, int, float],
    ) -> Floats:
        """Train on some bins; give all predictions of the step that did best on others."""
        seed, steps, rate = how
        train, stop = (torch.from_numpy(np.flatnonzero(rows)) for rows in (is_train, is_stop))
        target = torch.from_numpy(self.target).float()
        target = (target - target[train].mean()) / target[train].std()
        model = GraphNetwork(known[0].shape[1], seed=seed)
        adam = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1, fused=True)
        best, kept = np.inf, np.zeros(len(self.target))
        for _ in range(steps):
            adam.zero_grad(set_to_none=True)
            predicted = model(*known)
            loss = float(F.mse_loss(predicted[stop], target[stop]).detach())
            if loss < best:
                best, kept = loss, predicted.detach().double().numpy().copy()
            torch.autograd.backward(F.mse_loss(predicted[train], target[train]))
            adam.step()
        return kept


def word_shares(codes: Mapping[str, npt.NDArray[np.uint8]], found: ContactMap, size: int) -> Floats:
    """Count three-letter words in every bin.

    Parameters
    ----------
    codes : mapping of str to ndarray of uint8
        Chromosomes, named as in `found`, perhaps without "chr" in front.
    found : ContactMap
        Its bins are looked up.
    size : int
        Of a bin, in bp.

    Returns
    -------
    shares : ndarray of float64, shape (N, 64)
        Rows sum to one.
    """
    shares = np.zeros((len(found.start), 64))
    for row, (number, start) in enumerate(zip(found.chromosome, found.start, strict=True)):
        piece = codes[found.chromosomes[number].removeprefix("chr")][start : start + size]
        piece = piece[piece < 4].astype(np.int64)
        words = 16 * piece[:-2] + 4 * piece[1:-1] + piece[2:]
        shares[row] = np.bincount(words, minlength=64)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1)


def covered_share(
    intervals: Mapping[str, npt.NDArray[np.int64]], found: ContactMap, size: int
) -> Floats:
    """Give the share of every bin that some interval covers.

    Parameters
    ----------
    intervals : mapping of str to ndarray of int64, shape (K, 2)
        Starts and ends by chromosome, named as in `found`, perhaps without "chr" in front.
    found : ContactMap
        Its bins are looked up.
    size : int
        Of a bin, in bp.

    Returns
    -------
    shares : ndarray of float64, shape (N,)
        Between 0 and 1; a short last bin of a chromosome counts as a whole one.
    """
    shares = np.zeros(len(found.start))
    for number, name in enumerate(found.chromosomes):
        rows = np.flatnonzero(found.chromosome == number)
        covered = np.zeros((int(found.start[rows].max()) // size + 1) * size, dtype=np.bool_)
        for start, end in intervals.get(name.removeprefix("chr"), np.empty((0, 2), np.int64)):
            covered[start:end] = True
        shares[rows] = covered.reshape(-1, size).mean(axis=1)[found.start[rows] // size]
    return shares


def gene_cover_task(*, size: int = 10_000) -> tuple[BinTask, ContactMap]:
    """Ask which share of a bin of the yeast genome is covered by genes.

    Parameters
    ----------
    size : int, default 10000
        Of a bin, in bp: that of the map.

    Returns
    -------
    task : BinTask
        Whole bins that the map could balance. Without data everything is simulated, and neighbours
        do carry the answer.
    found : ContactMap
        Contacts of these bins.
    """
    genome = datasets.load("genome_yeast")
    if genome.provenance.is_stand_in:
        return simulated_task()
    whole = read_cooler(
        datasets.path("hic", "hic/yeast.10kb.cool"), leave_out=("chrMito", "chr2-micron")
    )
    ends = np.array([len(genome.records[name.removeprefix("chr")]) for name in whole.chromosomes])
    usable = np.nan_to_num(whole.contacts).sum(axis=1) > 0
    kept = np.flatnonzero(usable & (whole.start + size <= ends[whole.chromosome]))
    found = ContactMap(
        whole.chromosomes,
        whole.chromosome[kept],
        whole.start[kept],
        whole.contacts[np.ix_(kept, kept)],
    )
    genes = genome.features[genome.features["kind"] == "ORF"]
    places = {str(name): one[["start", "end"]].to_numpy() for name, one in genes.groupby("record")}
    words = word_shares(genome.records, found, size)
    known = entry("hic")
    checksums = {file.path: file.sha256 for file in known.files}
    tier = genome.provenance.tier
    task = BinTask(
        standardised(words),
        covered_share(places, found, size),
        found.chromosome,
        words @ GC_OF_WORD,
        Provenance("hic", tier, False, "", checksums, known.licence, known.citation),
    )
    return task, found


def simulated_task(*, n_chromosomes: int = 8, n_bins: int = 40) -> tuple[BinTask, ContactMap]:
    """Make bins whose target is a hidden label, and that touch those with similar labels.

    Parameters
    ----------
    n_chromosomes, n_bins : int
        Chromosomes, and bins on each.

    Returns
    -------
    task, found
        As in `gene_cover_task`; the graph must win here.

    Examples
    --------
    >>> task, found = simulated_task(n_chromosomes=4, n_bins=5)
    >>> task.features.shape, found.contacts.shape, task.provenance.is_stand_in
    ((20, 8), (20, 20), True)
    """
    rng, n = np.random.default_rng(0), n_chromosomes * n_bins
    label = rng.normal(size=n)
    contacts = np.exp(-3 * np.abs(np.subtract.outer(label, label)) + 0.1 * rng.normal(size=(n, n)))
    chromosome = np.repeat(np.arange(n_chromosomes), n_bins)
    start = np.tile(np.arange(n_bins) * 10_000, n_chromosomes)
    names = tuple(f"chr{number}" for number in range(n_chromosomes))
    features = standardised(label[:, None] + 2 * rng.normal(size=(n, 8)))
    known = entry("hic")
    provenance = Provenance("hic", "embedded", True, SIMULATED, {}, known.licence, known.citation)
    found = ContactMap(names, chromosome, start, (contacts + contacts.T) / 2)
    return BinTask(features, label, chromosome, label, provenance), found


def standardised(columns: Floats) -> Floats:
    """Give columns a mean of zero and a spread of one."""
    spread: Floats = np.maximum(columns.std(axis=0), 1e-12)
    return (columns - columns.mean(axis=0)) / spread
