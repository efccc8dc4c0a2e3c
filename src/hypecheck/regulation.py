"""A network of regulation as pairs of a regulator and an operon, beside a null with its degrees.

Design choices

- Genes of one operon share a promoter: targets are operons, each with one promoter.
- The negatives are the network rewired: partners of two edges are swapped again and again, so that
  every regulator keeps its number of targets and every operon its number of regulators. A model
  that only knows who is popular scores .5.
- Folds are stretches of the chromosome, so that neighbours are held out together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.sequences import reverse_complement

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Network:
    """Who regulates which operon.

    Parameters
    ----------
    operons, regulators : tuple of str
        Names.
    edges : ndarray of int64, shape (E, 2)
        Regulator and operon of every edge, each pair once.
    place : ndarray of int64, shape (number of operons,)
        First base of the operon's first gene, in the direction of reading.
    forward : ndarray of bool, shape (number of operons,)
        Whether it is read along the forward strand.
    home : ndarray of int64, shape (number of regulators,)
        The operon in which the regulator itself is encoded.
    """

    operons: tuple[str, ...]
    regulators: tuple[str, ...]
    edges: Ints
    place: Ints
    forward: npt.NDArray[np.bool_]
    home: Ints

    def promoters(self, genome: Codes, length: int) -> Codes:
        """Give the bases before the first gene of every operon.

        Parameters
        ----------
        genome : ndarray of uint8
            A circular chromosome.
        length : int
            Bases to give.

        Returns
        -------
        codes : ndarray of uint8, shape (number of operons, length)
            In the direction of reading.
        """
        rows = np.empty((len(self.operons), length), dtype=np.uint8)
        for row, (place, forward) in enumerate(zip(self.place, self.forward, strict=True)):
            first = place - length if forward else place
            cut = genome[np.arange(first, first + length) % len(genome)]
            rows[row] = cut if forward else reverse_complement(cut[None])[0]
        return rows

    def distances(self, pairs: npt.ArrayLike, genome_length: int) -> Floats:
        """Say how far apart regulator and target are on the circle.

        Parameters
        ----------
        pairs : array_like of int, shape (P, 2)
            Regulator and operon.
        genome_length : int
            In bp.

        Returns
        -------
        features : ndarray of float64, shape (P, 6)
            log10 of the distance and its square, whether it is the regulator's own operon, whether
            they are within 5 and 50 kb, and whether both are read in one direction.
        """
        regulator, operon = np.asarray(pairs).T
        home = self.home[regulator]
        apart = np.abs(self.place[home] - self.place[operon])
        apart = np.minimum(apart, genome_length - apart)
        log = np.log10(100.0 + apart)
        own, same = home == operon, self.forward[home] == self.forward[operon]
        columns = [log, log**2, own, apart < 5_000, apart < 50_000, same]
        return np.stack(columns, axis=1).astype(np.float64)

    def folds(self, pairs: npt.ArrayLike, genome_length: int, *, blocks: int, n: int) -> Ints:
        """Put the pairs into folds by stretches of the chromosome that hold the target.

        Parameters
        ----------
        pairs : array_like of int, shape (P, 2)
            Regulator and operon.
        genome_length : int
            In bp.
        blocks, n : int
            Stretches, and folds they are dealt to in turn.

        Returns
        -------
        folds : ndarray of int64, shape (P,)
        """
        return self.blocks(pairs, genome_length, blocks=blocks) % n

    def blocks(self, pairs: npt.ArrayLike, genome_length: int, *, blocks: int) -> Ints:
        """Give the stretch of the chromosome that holds the target of every pair."""
        block = self.place[np.asarray(pairs)[:, 1]] * blocks // genome_length
        return np.minimum(block, blocks - 1).astype(np.int64)


def read_network(edges: pd.DataFrame, genes: pd.DataFrame, *, least: int = 15) -> Network:
    """Make the network of operons from tables of edges and genes.

    Parameters
    ----------
    edges : DataFrame
        Columns regulator (a gene's name) and gene_id.
    genes : DataFrame
        Indexed by gene_id; columns start, stop, strand, gene_name, operon.
    least : int, default 15
        Regulators with fewer target operons, or without a gene of their own, are left out.

    Returns
    -------
    network : Network
    """
    known = edges[edges["gene_id"].isin(genes.index)]
    by_name = genes.reset_index().drop_duplicates("gene_name").set_index("gene_name")["operon"]
    pairs = pd.DataFrame(
        {
            "regulator": known["regulator"],
            "operon": genes["operon"].reindex(known["gene_id"]).values,
        }
    ).drop_duplicates()
    pairs = pairs[pairs["regulator"].isin(by_name.index)]
    counts = pairs["regulator"].value_counts()
    pairs = pairs[pairs["regulator"].map(counts) >= least]
    regulators = tuple(sorted(pairs["regulator"].unique()))
    operons, place, forward = _leaders(genes)
    rows = {name: row for row, name in enumerate(operons)}
    numbered = np.stack(
        [
            [regulators.index(name) for name in pairs["regulator"]],
            [rows[name] for name in pairs["operon"]],
        ],
        axis=1,
    )
    home = np.array([rows[by_name[name]] for name in regulators])
    return Network(operons, regulators, numbered.astype(np.int64), place, forward, home)


def _leaders(genes: pd.DataFrame) -> tuple[tuple[str, ...], Ints, npt.NDArray[np.bool_]]:
    """Find the first base of every operon, in its direction of reading."""
    names, places, forward = [], [], []
    for name, group in genes.groupby("operon"):
        plus = bool((group["strand"] == "+").mean() >= 0.5)
        names.append(str(name))
        forward.append(plus)
        places.append(int(group["start"].min() - 1 if plus else group["stop"].max()))
    return tuple(names), np.array(places, dtype=np.int64), np.array(forward)


def rewired(edges: npt.ArrayLike, rng: np.random.Generator, *, rounds: int = 20) -> Ints:
    """Draw a network in which everybody keeps his number of partners, and no true edge is left.

    Parameters
    ----------
    edges : array_like of int, shape (E, 2)
        Each pair once.
    rng : numpy.random.Generator
        Source of chance.
    rounds : int, default 20
        Swaps tried for every edge.

    Returns
    -------
    null : ndarray of int64, shape (K, 2)
        At most E pairs: those that could not be moved off a true edge are left out.

    Examples
    --------
    >>> edges = np.array([[0, 0], [1, 1]])
    >>> rewired(edges, np.random.default_rng(0)).tolist()
    [[0, 1], [1, 0]]
    """
    pairs = np.array(edges, dtype=np.int64)
    true = {(int(a), int(b)) for a, b in pairs}
    now = set(true)
    draws = rng.integers(len(pairs), size=(rounds * len(pairs), 2))
    for i, j in draws.tolist():
        (a, b), (c, d) = pairs[i].tolist(), pairs[j].tolist()
        new = ((a, d), (c, b))
        worse = sum(pair in true for pair in new) > sum(pair in true for pair in ((a, b), (c, d)))
        if a == c or b == d or new[0] in now or new[1] in now or worse:
            continue
        now -= {(a, b), (c, d)}
        now |= set(new)
        pairs[i, 1], pairs[j, 1] = d, b
    return np.array([pair for pair in pairs.tolist() if tuple(pair) not in true], dtype=np.int64)


def bilinear(parts: npt.ArrayLike, pairs: npt.ArrayLike, n_regulators: int) -> Floats:
    """Let every regulator weigh the vector of the target's promoter in its own way.

    Parameters
    ----------
    parts : array_like of float, shape (number of operons, K)
        Vectors of the promoters.
    pairs : array_like of int, shape (P, 2)
        Regulator and operon.
    n_regulators : int
        Regulators in all.

    Returns
    -------
    features : ndarray of float64, shape (P, n_regulators K)
        The target's vector in the columns of its regulator, zeros elsewhere.

    Examples
    --------
    >>> bilinear([[5.0], [7.0]], [[1, 0], [0, 1]], 2).tolist()
    [[0.0, 5.0], [7.0, 0.0]]
    """
    rows, (regulator, operon) = np.asarray(parts, dtype=np.float64), np.asarray(pairs).T
    features = np.zeros((len(regulator), n_regulators, rows.shape[1]))
    features[np.arange(len(regulator)), regulator] = rows[operon]
    return features.reshape(len(regulator), -1)
