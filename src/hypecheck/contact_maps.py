"""Contacts between parts of a chromosome: what distance explains, and what is left.

Design choices

- Counts are balanced with the weights that the map brings; bins without a weight are left out.
- The target is log2(observed / expected), the expected contact being a cubic in log distance that
  was fit on all cis pairs: what every polymer does is taken out before anything is predicted.
- Centromeres are found from contacts between *different* chromosomes, so that no target, which is
  always a contact within one, takes part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ContactMap:
    """Balanced contacts between bins.

    Parameters
    ----------
    chromosomes : tuple of str
        Their names.
    chromosome : ndarray of int64, shape (N,)
        Number of the chromosome of every bin.
    start : ndarray of int64, shape (N,)
        Where the bin begins, in bp.
    contacts : ndarray of float64, shape (N, N)
        Symmetric; NaN where a bin has no weight.
    """

    chromosomes: tuple[str, ...]
    chromosome: Ints
    start: Ints
    contacts: Floats

    def centromeres(self, *, rounds: int = 10) -> Ints:
        """Find, for every chromosome, the bin that touches the centromeres of all others most.

        Centromeres of yeast cluster. Starting from the bins with most contacts to other
        chromosomes, each is moved to
        the bin with the largest median contact to the present centromeres of the others.

        Parameters
        ----------
        rounds : int, default 10
            Most rounds; it stops when nothing moves.

        Returns
        -------
        bins : ndarray of int64, shape (number of chromosomes,)
        """
        rows = [
            np.flatnonzero(self.chromosome == number) for number in range(len(self.chromosomes))
        ]
        trans = np.where(self.chromosome[:, None] == self.chromosome, 0.0, self.contacts)
        total = np.nan_to_num(trans).sum(axis=1)
        found = np.array([own[np.argmax(total[own])] for own in rows])
        for _ in range(rounds):
            moved = found.copy()
            for number, own in enumerate(rows):
                others = np.delete(found, number)
                near = np.nan_to_num(self.contacts[np.ix_(own, others)])
                moved[number] = own[np.argmax(np.median(near, axis=1))]
            if np.array_equal(moved, found):
                break
            found = moved
        return found


def read_cooler(path: Path, *, leave_out: tuple[str, ...] = ()) -> ContactMap:
    """Read a map in the cooler format.

    Parameters
    ----------
    path : Path
        An HDF5 file with one resolution.
    leave_out : tuple of str
        Chromosomes to drop.

    Returns
    -------
    found : ContactMap
    """
    with h5py.File(path) as file:
        names = [name.decode() for name in file["chroms/name"][:]]
        chromosome, start = file["bins/chrom"][:], file["bins/start"][:]
        weight = file["bins/weight"][:]
        first, second = file["pixels/bin1_id"][:], file["pixels/bin2_id"][:]
        count = file["pixels/count"][:]
    contacts = np.zeros((len(start), len(start)))
    contacts[first, second] = contacts[second, first] = count
    contacts *= weight[:, None] * weight[None, :]
    kept = [number for number, name in enumerate(names) if name not in leave_out]
    rows = np.flatnonzero(np.isin(chromosome, kept))
    return ContactMap(
        tuple(names[number] for number in kept),
        np.searchsorted(kept, chromosome[rows]).astype(np.int64),
        start[rows].astype(np.int64),
        contacts[np.ix_(rows, rows)],
    )


@dataclass(frozen=True, eq=False)
class CisPairs:
    """Pairs of bins of one chromosome.

    Parameters
    ----------
    first, second, chromosome : ndarray of int64, shape (P,)
        Bins, and the chromosome they are on.
    enrichment : ndarray of float64, shape (P,)
        log2(observed / expected).
    distances : ndarray of float64, shape (P, F)
        Functions of the distance, and of the distances to centromere and chromosome ends.
    """

    first: Ints
    second: Ints
    chromosome: Ints
    enrichment: Floats
    distances: Floats


def cis_pairs(found: ContactMap, *, least: int = 2, every: int = 1) -> CisPairs:
    """List the pairs of bins on the same chromosome that touch, with what distance says of them.

    Parameters
    ----------
    found : ContactMap
        The map.
    least : int, default 2
        Fewest bins apart.
    every : int, default 1
        Take every so-manieth pair, for a smaller run.

    Returns
    -------
    pairs : CisPairs
    """
    first, second = np.triu_indices(len(found.start), least)
    value = found.contacts[first, second]
    same = found.chromosome[first] == found.chromosome[second]
    keep = np.flatnonzero(same & np.isfinite(value) & (value > 0))[::every]
    first, second, value = first[keep], second[keep], np.log2(value[keep])
    apart = np.log2(second - first)
    expected = np.polyval(np.polyfit(apart, value, 3), apart)
    to_centromere, to_end = _landmarks(found)
    known = [apart]
    for one in (to_centromere, to_end):
        both = np.stack([one[first], one[second]])
        known += [both.min(axis=0), both.max(axis=0)]
    return CisPairs(
        first, second, found.chromosome[first], value - expected, _smooth(np.stack(known, axis=1))
    )


def _landmarks(found: ContactMap) -> tuple[Floats, Floats]:
    """Give log2 distances of every bin to its centromere and to the nearest end, in bins."""
    to_centromere, to_end = np.empty(len(found.start)), np.empty(len(found.start))
    for number, centre in enumerate(found.centromeres()):
        rows = np.flatnonzero(found.chromosome == number)
        to_centromere[rows] = np.log2(1 + np.abs(rows - centre))
        to_end[rows] = np.log2(1 + np.minimum(rows - rows[0], rows[-1] - rows))
    return to_centromere, to_end


def _smooth(columns: Floats) -> Floats:
    """Add powers and products, and steps near zero, so that a linear model can bend."""
    scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    n = scaled.shape[1]
    products = [scaled[:, i] * scaled[:, j] for i in range(n) for j in range(i, n)]
    cubes = [scaled[:, i] * one for i in range(n) for one in products]
    steps = [(columns[:, i] < edge).astype(float) for i in range(1, n) for edge in (1.1, 2.1, 3.1)]
    return np.stack([*scaled.T, *products, *cubes, *steps], axis=1)


def bin_windows(found: ContactMap, genome: dict[str, npt.NDArray[np.uint8]], *, size: int,
                n_windows: int, length: int) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Take evenly spaced windows from every bin.

    Parameters
    ----------
    found : ContactMap
        The map; its chromosomes are named as in `genome`, perhaps with "chr" in front.
    genome : dict of str to ndarray of uint8
        Codes.
    size : int
        Of a bin, in bp.
    n_windows, length : int
        Windows of a bin, and their length in bp.

    Returns
    -------
    codes : ndarray of uint8, shape (number of bins, n_windows, length)
        A window that would pass the end of a chromosome is moved back.
    """
    rows = np.empty((len(found.start), n_windows, length), dtype=np.uint8)
    steps = np.linspace(0, size - length, n_windows).astype(int)
    for row, (number, start) in enumerate(zip(found.chromosome, found.start, strict=True)):
        codes = genome[found.chromosomes[number].removeprefix("chr")]
        for column, step in enumerate(steps):
            place = min(int(start) + int(step), len(codes) - length)
            rows[row, column] = codes[place : place + length]
    return rows
