"""What a test part gives away: copies, near-duplicates and overlaps with the training part.

Design choices

- Exact copies and copies of the other strand are found by dictionary, near-duplicates by
  `hypecheck.similarity`, overlaps by coordinates. An item counts once among the first three.
- The result names the test items that are clean, so that every score can be given on them, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, check_codes, reverse_complement
from hypecheck.similarity import SIMILARITY, K, near_duplicates

Indices: TypeAlias = npt.NDArray[np.int64]
Kind: TypeAlias = Literal["exact", "reverse complement", "near"]


@dataclass(frozen=True, eq=False)
class Regions:
    """Where items lie on chromosomes; 0-based, the end not included, as in BED files.

    Parameters
    ----------
    chromosomes : ndarray of str, shape (N,)
        Names of chromosomes.
    starts, ends : ndarray of int64, shape (N,)
        Positions in bp.

    Raises
    ------
    ValueError
        If lengths differ, a region is empty, or a position is negative.
    """

    chromosomes: npt.NDArray[np.str_]
    starts: Indices
    ends: Indices

    def __post_init__(self) -> None:
        object.__setattr__(self, "chromosomes", np.asarray(self.chromosomes, dtype=np.str_))
        object.__setattr__(self, "starts", np.asarray(self.starts, dtype=np.int64))
        object.__setattr__(self, "ends", np.asarray(self.ends, dtype=np.int64))
        shapes = {self.chromosomes.shape, self.starts.shape, self.ends.shape}
        if len(shapes) > 1 or self.starts.ndim != 1:
            raise ValueError(f"chromosomes, starts and ends must be rows of one length: {shapes}")
        wrong = np.flatnonzero((self.ends <= self.starts) | (self.starts < 0))
        if wrong.size:
            raise ValueError(
                f"region {wrong[0]} goes from {self.starts[wrong[0]]} to {self.ends[wrong[0]]}; "
                "count from 0, let the end be larger than the start on either strand, and do not "
                "include it"
            )

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class LeakedPair:
    """A test item and the training item that gives it away.

    Parameters
    ----------
    test, train : int
        Rows in the two parts.
    kind : {"exact", "reverse complement", "near"}
        How they are alike.
    similarity : float
        Jaccard index of their canonical words.
    """

    test: int
    train: int
    kind: Kind
    similarity: float


@dataclass(frozen=True, eq=False)
class LeakageAudit:
    """What of a test part is known from the training part.

    Parameters
    ----------
    n_test : int
        Number of test items.
    n_exact, n_reverse_complement, n_near : int
        Test items with such a training item; each item counts once, under the first that applies.
    n_coordinate_overlap : int or None
        Test items whose interval overlaps a training interval, whatever else they are; None where
        coordinates were not given.
    worst_pairs : tuple of LeakedPair
        Up to ten, most alike first, one for each test item.
    clean_test_index : ndarray of int64
        Test items to which nothing of that applies.
    k, similarity : int, float
        What "near" meant, as in `near_duplicates`.
    """

    n_test: int
    n_exact: int
    n_reverse_complement: int
    n_near: int
    n_coordinate_overlap: int | None
    worst_pairs: tuple[LeakedPair, ...]
    clean_test_index: Indices
    k: int
    similarity: float

    def sentence(self) -> str:
        """Say it in one sentence.

        Returns
        -------
        sentence : str
            Counts and the share of clean items.
        """
        n_clean = len(self.clean_test_index)
        counts = [
            _counted(self.n_exact, "exact copy", "exact copies") + " of a training item",
            _counted(self.n_reverse_complement, "reverse complement", "reverse complements"),
            _counted(self.n_near, "near-duplicate", "near-duplicates")
            + f" (at least {self.similarity:.0%} of their {self.k}-mers shared)",
        ]
        overlap = (
            ""
            if self.n_coordinate_overlap is None
            else f"; {self.n_coordinate_overlap:,} overlap a training interval on the genome"
        )
        return (
            f"Among {self.n_test:,} test items there are {counts[0]}, {counts[1]} and {counts[2]}"
            f"{overlap}; {n_clean:,} ({n_clean / max(self.n_test, 1):.1%}) are clean."
        )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}" if number else f"no {many}"


def audit(
    train: LabelledSequences | npt.ArrayLike,
    test: LabelledSequences | npt.ArrayLike,
    *,
    k: int = K,
    similarity: float = SIMILARITY,
    train_regions: Regions | None = None,
    test_regions: Regions | None = None,
) -> LeakageAudit:
    """Look for test items that the training part gives away.

    Parameters
    ----------
    train, test : LabelledSequences or array_like of int, shape (N, L)
        The two parts; lengths may differ, padding is not compared.
    k, similarity
        As in `near_duplicates`.
    train_regions, test_regions : Regions, optional
        Where the items come from, in the order of the sequences; both or none.

    Returns
    -------
    audit : LeakageAudit
        Counts, the worst pairs, and the test items that are clean.

    Raises
    ------
    ValueError
        If coordinates are given for one part only or do not fit the sequences.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> known = encode(["ACGTTGCATTACGATC", "GGGATCCATAAACCGT"])
    >>> asked = encode(["ACGTTGCATTACGATC", "TTTTTTTTTTTTTTTT"])
    >>> result = audit(known, asked)
    >>> result.n_exact, result.clean_test_index.tolist()
    (1, [1])
    """
    known, asked = _codes_of(train), _codes_of(test)
    is_overlap = _audit_overlap(train_regions, test_regions, len(known), len(asked))
    pairs: dict[int, LeakedPair] = _copies(known, asked)
    near, values = near_duplicates(asked, known, k=k, similarity=similarity)
    for (row, other), value in zip(near.tolist(), values.tolist(), strict=True):
        if row not in pairs:  # most similar first
            pairs[row] = LeakedPair(row, other, "near", value)
    kinds = [pair.kind for pair in pairs.values()]
    is_clean = np.ones(len(asked), dtype=np.bool_)
    is_clean[list(pairs)] = False
    if is_overlap is not None:
        is_clean &= ~is_overlap
    rank = {"exact": 0, "reverse complement": 1, "near": 2}
    worst = sorted(pairs.values(), key=lambda p: (rank[p.kind], -p.similarity, p.test))
    return LeakageAudit(
        n_test=len(asked),
        n_exact=kinds.count("exact"),
        n_reverse_complement=kinds.count("reverse complement"),
        n_near=kinds.count("near"),
        n_coordinate_overlap=None if is_overlap is None else int(is_overlap.sum()),
        worst_pairs=tuple(worst[:10]),
        clean_test_index=np.flatnonzero(is_clean),
        k=k,
        similarity=similarity,
    )


def _codes_of(part: LabelledSequences | npt.ArrayLike) -> Codes:
    return part.codes if isinstance(part, LabelledSequences) else check_codes(part, ndim=2)


def _keys(codes: Codes) -> list[bytes]:
    """Bytes of each sequence without the padding at its ends."""
    padding = bytes([UNKNOWN])
    return [row.tobytes().strip(padding) for row in codes]


def _copies(known: Codes, asked: Codes) -> dict[int, LeakedPair]:
    """Exact copies, and copies from the other strand, by test item."""
    first_seen: dict[bytes, int] = {}
    for row, key in enumerate(_keys(known)):
        first_seen.setdefault(key, row)
    first_seen.pop(b"", None)
    strands: tuple[tuple[Kind, Codes], ...] = (
        ("reverse complement", reverse_complement(asked)),
        ("exact", asked),
    )
    return {
        row: LeakedPair(row, first_seen[key], kind, 1.0)
        for kind, strand in strands  # a palindrome is both, and counts as exact
        for row, key in enumerate(_keys(strand))
        if key in first_seen
    }


def _audit_overlap(
    train: Regions | None, test: Regions | None, n_train: int, n_test: int
) -> npt.NDArray[np.bool_] | None:
    if train is None and test is None:
        return None
    if train is None or test is None or (len(train), len(test)) != (n_train, n_test):
        raise ValueError(
            "train_regions and test_regions must be given together, one region for each of "
            f"the {n_train} and {n_test} sequences; without sequences use overlapping()"
        )
    return overlapping(test, train)


def overlapping(regions: Regions, others: Regions) -> npt.NDArray[np.bool_]:
    """Tell which regions overlap any of the others, on either strand.

    Parameters
    ----------
    regions, others : Regions
        Of one assembly, with one way of naming chromosomes.

    Returns
    -------
    overlaps : ndarray of bool, shape (N,)
        True where a region shares at least one base with one of the others.

    Examples
    --------
    >>> test = Regions(np.array(["chr1", "chr1"]), np.array([0, 50]), np.array([10, 60]))
    >>> train = Regions(np.array(["chr1"]), np.array([9]), np.array([50]))
    >>> overlapping(test, train).tolist()
    [True, False]
    """
    if not len(others):
        return np.zeros(len(regions), dtype=np.bool_)
    names = np.concatenate([regions.chromosomes, others.chromosomes])
    _, chromosome = np.unique(names, return_inverse=True)
    length = 1 + max(int(regions.ends.max(initial=0)), int(others.ends.max()))
    offset = chromosome * np.int64(length)  # lays the chromosomes end to end
    mine, theirs = offset[: len(regions)], offset[len(regions) :]
    starts = others.starts + theirs
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate((others.ends + theirs)[order])  # farthest end so far
    n_before = np.searchsorted(starts[order], regions.ends + mine, side="left")
    return np.asarray((n_before > 0) & (reach[n_before - 1] > regions.starts + mine))
