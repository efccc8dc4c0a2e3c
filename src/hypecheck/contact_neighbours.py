"""What the neighbours of a stretch of genome in space tell about it.

Design choices

- One hop and a ridge: the mean of the neighbours' k-mer shares beside the bin's own. A trained
  graph network would have to beat this first.
- The control is the same graph rewired: every bin keeps its number of contacts and loses whom they
  are with. Whole chromosomes are held out, and only contacts that are far away along the genome
  count, since those near by tell of distance alone.

References
----------
Maslov and Sneppen 2002, https://doi.org/10.1126/science.1065103 (rewiring that keeps degrees).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import Ridge

from hypecheck.contact_maps import ContactMap
from hypecheck.sequences import UNKNOWN, Codes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PENALTIES = tuple(np.logspace(-2, 3, 6))


def far_contacts(found: ContactMap, *, n_top: int = 10, apart: int = 10) -> Ints:
    """List the strongest contacts of every bin with bins far away, or on other chromosomes.

    Parameters
    ----------
    found : ContactMap
        The map.
    n_top : int, default 10
        Contacts that each bin names.
    apart : int, default 10
        Fewest bins between two of the same chromosome.

    Returns
    -------
    edges : ndarray of int64, shape (E, 2)
        Each pair once, the smaller bin first.
    """
    n = len(found.start)
    places = np.arange(n)
    near = (found.chromosome[:, None] == found.chromosome) & (
        np.abs(places[:, None] - places) < apart
    )
    strength = np.where(near | ~np.isfinite(found.contacts), -np.inf, found.contacts)
    best = np.argsort(-strength, axis=1, kind="stable")[:, :n_top]
    pairs = np.stack([np.repeat(places, n_top), best.ravel()], axis=1)
    pairs = pairs[np.isfinite(strength[pairs[:, 0], pairs[:, 1]])]
    return np.unique(np.sort(pairs, axis=1), axis=0)


def rewire(edges: Ints, rng: np.random.Generator, *, rounds: int = 10) -> Ints:
    """Swap the ends of random pairs of edges, so that every node keeps its number of edges.

    Parameters
    ----------
    edges : ndarray of int64, shape (E, 2)
        Each pair once.
    rng : numpy.random.Generator
        Draws the swaps.
    rounds : int, default 10
        Attempted swaps of every edge.

    Returns
    -------
    rewired : ndarray of int64, shape (E, 2)
        No loops; swaps that would double an edge are undone.

    Examples
    --------
    >>> edges = np.array([[0, 1], [2, 3], [4, 5], [0, 2]])
    >>> new = rewire(edges, np.random.default_rng(0))
    >>> np.bincount(new.ravel()).tolist() == np.bincount(edges.ravel()).tolist()
    True
    """
    new, size = edges.copy(), int(edges.max()) + 1
    for _ in range(rounds):
        order = rng.permutation(len(new))[: len(new) // 2 * 2].reshape(-1, 2)
        flip = rng.random(len(order)) < 0.5
        first, second = new[order[:, 0]], new[order[:, 1]]
        second = np.where(flip[:, None], second[:, ::-1], second)
        offered = np.stack([first[:, 0], second[:, 1], second[:, 0], first[:, 1]], axis=1)
        sides = np.sort(offered.reshape(-1, 2, 2), axis=2)
        keys = sides[..., 0] * size + sides[..., 1]
        kept = np.sort(new, axis=1)
        taken = np.isin(keys, kept[:, 0] * size + kept[:, 1]).any(axis=1)
        _, index, times = np.unique(keys, return_inverse=True, return_counts=True)
        doubled = (times[index].reshape(keys.shape) > 1).any(axis=1)
        loop = (sides[..., 0] == sides[..., 1]).any(axis=1)
        fine = ~(taken | doubled | loop)
        new[order[fine, 0]], new[order[fine, 1]] = sides[fine, 0], sides[fine, 1]
    return new


def neighbour_mean(features: Floats, edges: Ints) -> Floats:
    """Average the features of the neighbours.

    Parameters
    ----------
    features : ndarray of float64, shape (N, D)
        Of the bins.
    edges : ndarray of int64, shape (E, 2)
        Contacts.

    Returns
    -------
    means : ndarray of float64, shape (N, D)
        The mean of all bins where a bin has no contact.

    Examples
    --------
    >>> neighbour_mean(np.array([[1.0], [3.0], [8.0]]), np.array([[0, 1], [0, 2]])).ravel().tolist()
    [5.5, 1.0, 1.0]
    """
    sums, counts = np.zeros_like(features), np.zeros(len(features))
    for one, other in (edges.T, edges.T[::-1]):
        np.add.at(sums, one, features[other])
        np.add.at(counts, one, 1)
    means = sums / np.maximum(counts, 1)[:, None]
    means[counts == 0] = features.mean(axis=0)
    return means


def held_out_correlations(
    features: Floats, target: Floats, chromosome: Ints, *, n_folds: int = 5
) -> Floats:
    """Predict a target with whole chromosomes held out, and correlate within each.

    Parameters
    ----------
    features : ndarray of float64, shape (N, D)
        Of the bins.
    target : ndarray of float64, shape (N,)
        What is predicted.
    chromosome : ndarray of int64, shape (N,)
        Of the bins.
    n_folds : int, default 5
        A chromosome goes to the fold of its number modulo this; the next fold chooses the penalty.

    Returns
    -------
    correlations : ndarray of float64, shape (number of chromosomes,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, where = rng.normal(size=(60, 2)), np.repeat(np.arange(6), 10)
    >>> bool(held_out_correlations(x, x[:, 0], where).min() > 0.99)
    True
    """
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    predicted, fold = np.empty(len(target)), chromosome % n_folds
    for number in range(n_folds):
        test, inner = fold == number, fold == (number + 1) % n_folds
        train = ~(test | inner)

        def error(penalty: float, train=train, inner=inner) -> float:  # type: ignore[no-untyped-def]
            model = Ridge(penalty).fit(scaled[train], target[train])
            return float(np.square(model.predict(scaled[inner]) - target[inner]).mean())

        model = Ridge(min(PENALTIES, key=error)).fit(scaled[~test], target[~test])
        predicted[test] = model.predict(scaled[test])
    return np.array(
        [
            np.corrcoef(predicted[chromosome == one], target[chromosome == one])[0, 1]
            for one in np.unique(chromosome)
        ]
    )


def bin_tables(
    found: ContactMap, records: Mapping[str, Codes], genes: pd.DataFrame
) -> tuple[Floats, Floats, Floats]:
    """Describe every bin by its letters and its genes.

    Parameters
    ----------
    found : ContactMap
        The map; its bins are of equal size.
    records : mapping of str to ndarray of uint8
        Chromosomes, named as in the map, perhaps without "chr" in front.
    genes : DataFrame
        Columns record, start, end (0-based, half-open).

    Returns
    -------
    words : ndarray of float64, shape (N, 64)
        Shares of the words of three bases.
    gc : ndarray of float64, shape (N,)
        Share of G and C among known bases.
    covered : ndarray of float64, shape (N,)
        Share of the bin that lies in a gene.
    """
    size = int(np.diff(found.start)[0])
    in_gene = {}
    for name, codes in records.items():
        inside = np.zeros(len(codes), dtype=np.bool_)
        for start, end in genes.loc[genes["record"] == name, ["start", "end"]].to_numpy(np.int64):
            inside[start:end] = True
        in_gene[name] = inside
    rows = []
    for number, start in zip(found.chromosome, found.start, strict=True):
        name = found.chromosomes[number].removeprefix("chr")
        codes = records[name][start : start + size].astype(np.int64)
        triples = np.lib.stride_tricks.sliding_window_view(codes, 3)
        triples = triples[(triples < UNKNOWN).all(axis=1)] @ np.array([16, 4, 1])
        words = np.bincount(triples, minlength=64) / max(1, len(triples))
        known = codes[codes < UNKNOWN]
        share = float(np.isin(known, (1, 2)).mean())
        rows.append([*words, share, float(in_gene[name][start : start + size].mean())])
    table = np.array(rows)
    return table[:, :64], table[:, 64], table[:, 65]


def made_up_map(rng: np.random.Generator) -> tuple[ContactMap, dict[str, Codes], pd.DataFrame]:
    """Make chromosomes of two compartments that prefer their own kind: a stand-in.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    found : ContactMap
        Six chromosomes of thirty bins.
    records : dict of str to ndarray of uint8
        One compartment is rich in G and C.
    genes : DataFrame
        It also holds more genes.

    Examples
    --------
    >>> found, records, genes = made_up_map(np.random.default_rng(0))
    >>> found.contacts.shape, len(records)
    ((180, 180), 6)
    """
    n, n_bins, size = 6, 30, 1000
    chromosome, start = np.repeat(np.arange(n), n_bins), np.tile(np.arange(n_bins) * size, n)
    kind = rng.integers(2, size=n * n_bins)
    contacts = np.exp((kind[:, None] == kind) + 0.3 * rng.normal(size=(n * n_bins, n * n_bins)))
    rich = 0.35 + 0.15 * kind[:, None]
    letters = np.where(
        rng.random((n * n_bins, size)) < rich,
        rng.integers(1, 3, (n * n_bins, size)),
        3 * rng.integers(2, size=(n * n_bins, size)),
    ).astype(np.uint8)
    records = {str(k): letters[chromosome == k].ravel() for k in range(n)}
    length = 300 + 400 * kind + rng.integers(-200, 200, n * n_bins)
    genes = pd.DataFrame({"record": chromosome.astype(str), "start": start, "end": start + length})
    names = tuple(f"chr{k}" for k in range(n))
    return ContactMap(names, chromosome, start, (contacts + contacts.T) / 2), records, genes
