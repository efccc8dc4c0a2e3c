"""Splits that keep together what belongs together.

Everything about splits is imported from here, the audit (`hypecheck.leakage`) and the clusters
(`hypecheck.similarity`) included.

Design choices

- A split is index arrays, so that it works for codes, tables and coordinates alike.
- What belongs together (homologous sequences, a stretch of chromosome, a species) is a group, and a
  group is never divided. Groups fall into the parts by chance, in proportion to the room left.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.leakage import LeakageAudit, LeakedPair, Regions, audit, overlapping
from hypecheck.similarity import SIMILARITY, K, homology_clusters, near_duplicates

__all__ = [
    "LeakageAudit",
    "LeakedPair",
    "Regions",
    "Split",
    "audit",
    "group_split",
    "homology_clusters",
    "homology_split",
    "near_duplicates",
    "overlapping",
    "random_split",
    "region_split",
    "species_split",
]

Indices: TypeAlias = npt.NDArray[np.int64]
Fractions: TypeAlias = tuple[float, float, float]


def _no_items() -> Indices:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Split:
    """Which items train, validate and test; sorted, and no item twice.

    Parameters
    ----------
    train, validation, test : ndarray of int64
        Indices of the items of each part.
    left_out : ndarray of int64, default empty
        Items that belong to no part, since they would tie two parts together.

    Raises
    ------
    ValueError
        If an item is in two parts.
    """

    train: Indices
    validation: Indices
    test: Indices
    left_out: Indices = field(default_factory=_no_items)

    def __post_init__(self) -> None:
        items = np.concatenate([self.train, self.validation, self.test, self.left_out])
        values, times = np.unique(items, return_counts=True)
        if (times > 1).any():
            raise ValueError(f"item {values[times > 1][0]} is in two parts; give each item one")


def random_split(
    n_items: int, *, rng: np.random.Generator, fractions: Fractions = (0.8, 0.1, 0.1)
) -> Split:
    """Split items at random: right only where no two items are related.

    Parameters
    ----------
    n_items : int
        Number of items.
    rng : numpy.random.Generator
        Source of randomness.
    fractions : tuple of three float, default (0.8, 0.1, 0.1)
        Shares of train, validation and test, together 1; a share may be 0.

    Returns
    -------
    split : Split
        Sizes are the rounded shares.

    Raises
    ------
    ValueError
        If the shares are no shares, or leave a part without an item.

    Examples
    --------
    >>> split = random_split(10, rng=np.random.default_rng(0))
    >>> len(split.train), len(split.validation), len(split.test)
    (8, 1, 1)
    """
    return group_split(np.arange(n_items), rng=rng, fractions=fractions)


def group_split(
    groups: npt.ArrayLike, *, rng: np.random.Generator, fractions: Fractions = (0.8, 0.1, 0.1)
) -> Split:
    """Split so that no group is divided.

    Parameters
    ----------
    groups : array_like, shape (N,)
        Group of each item, numbers or names.
    rng, fractions
        As in `random_split`; shares are of items, not of groups.

    Returns
    -------
    split : Split
        Shares are met as nearly as the sizes of the groups allow.

    Raises
    ------
    ValueError
        If a part stays empty: there are too few groups.

    Examples
    --------
    >>> split = group_split(["a", "a", "b", "c"], rng=np.random.default_rng(0),
    ...                     fractions=(0.5, 0.25, 0.25))
    >>> split.train.tolist()
    [0, 1]
    """
    labels = np.asarray(groups)
    if labels.ndim != 1:
        raise ValueError(f"groups must have one axis, got shape {labels.shape}")
    _, group, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    part = _assign(sizes, fractions, rng)[group]  # (N,)
    return _split_of(part, fractions)


def _split_of(part: Indices, fractions: Fractions) -> Split:
    """Turn the part of each item (0, 1, 2, or −1: left out) into indices."""
    train, validation, test, left_out = (np.flatnonzero(part == number) for number in (0, 1, 2, -1))
    parts = {"train": train, "validation": validation, "test": test}
    for (name, items), share in zip(parts.items(), fractions, strict=True):
        if share > 0 and not items.size:
            raise ValueError(
                f"the {name} part is empty, though it should hold {share:.0%} of {part.size} "
                "items; there are too few groups, so make them smaller or choose other fractions"
            )
    return Split(train, validation, test, left_out)


def _assign(sizes: Indices, fractions: Fractions, rng: np.random.Generator) -> Indices:
    """Draw a part for each group, largest first, in proportion to the room that is left in each."""
    if len(fractions) != 3 or min(fractions) < 0 or not math.isclose(sum(fractions), 1.0):
        raise ValueError(f"fractions must be three shares that sum to 1, got {fractions}")
    room = [share * float(sizes.sum()) for share in fractions]
    part = np.empty(len(sizes), dtype=np.int64)
    order = np.argsort(-sizes, kind="stable").tolist()
    for group, draw in zip(order, rng.random(len(sizes)).tolist(), strict=True):
        size = float(sizes[group])
        chances = [left if left >= size - 0.5 else 0.0 for left in room]  # half: rounded shares
        position = draw * sum(chances)
        if position < chances[0]:
            chosen = 0
        elif position < chances[0] + chances[1]:
            chosen = 1
        elif chances[2]:
            chosen = 2
        else:  # fits nowhere
            chosen = room.index(max(room))
        room[chosen] -= size
        part[group] = chosen
    return part


def region_split(
    regions: Regions,
    *,
    block_size: int,
    rng: np.random.Generator,
    fractions: Fractions = (0.8, 0.1, 0.1),
) -> Split:
    """Split a genome by blocks along its chromosomes, so that neighbours stay together.

    Parameters
    ----------
    regions : Regions
        Where the items lie.
    block_size : int
        Length of a block in bp, at least that of the longest item.
    rng, fractions
        As in `random_split`.

    Returns
    -------
    split : Split
        No item overlaps an item of another part. Items that lie across the border of two parts are
        left out.

    Raises
    ------
    ValueError
        If an item is longer than a block, or a part stays empty.

    Examples
    --------
    >>> starts = np.arange(0, 100_000, 50)
    >>> genes = Regions(np.repeat("chr1", 2000), starts, starts + 100)
    >>> split = region_split(genes, block_size=1000, rng=np.random.default_rng(0))
    >>> len(split.test), len(split.left_out)
    (191, 34)
    """
    longest = int((regions.ends - regions.starts).max(initial=0))
    if block_size < longest:
        raise ValueError(
            f"block_size is {block_size} bp, but an item has {longest} bp; make blocks longer"
        )
    _, chromosome = np.unique(regions.chromosomes, return_inverse=True)
    first, last = regions.starts // block_size, (regions.ends - 1) // block_size
    places = np.stack([np.tile(chromosome, 2), np.concatenate([first, last])])  # (2, 2 N)
    blocks, block = np.unique(places, axis=1, return_inverse=True)
    block = block.reshape(2, len(regions))  # of the first and of the last base
    sizes = np.bincount(block[0], minlength=blocks.shape[1])
    part_of_block = _assign(sizes, fractions, rng)
    part_first, part_last = part_of_block[block]
    return _split_of(np.where(part_first == part_last, part_first, -1), fractions)


def species_split(
    species: Sequence[str], *, validation: Collection[str], test: Collection[str]
) -> Split:
    """Hold out whole species.

    Parameters
    ----------
    species : sequence of str, length N
        Species of each item.
    validation, test : collection of str
        Species of these parts; all others train.

    Returns
    -------
    split : Split
        Indices of the items.

    Raises
    ------
    ValueError
        If a species is named twice or has no item, or none is left to train on.

    Examples
    --------
    >>> split = species_split(["yeast", "human", "fly"], validation=["fly"], test=["yeast"])
    >>> split.train.tolist(), split.test.tolist()
    ([1], [0])
    """
    held_out = [*validation, *test]
    absent = sorted(set(held_out) - set(species))
    if absent or len(set(held_out)) < len(held_out) or set(held_out) == set(species):
        raise ValueError(
            f"species {absent or held_out} cannot be held out: each must have items and one part, "
            f"and one must be left to train on; there are {sorted(set(species))}"
        )
    part = dict.fromkeys(validation, 1) | dict.fromkeys(test, 2)
    labels = np.array([part.get(name, 0) for name in species], dtype=np.int64)
    return _split_of(labels, (1.0, float(bool(validation)), float(bool(test))))


def homology_split(
    codes: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    fractions: Fractions = (0.8, 0.1, 0.1),
    k: int = K,
    similarity: float = SIMILARITY,
) -> Split:
    """Split so that no cluster of similar sequences is divided.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4.
    rng, fractions
        As in `random_split`.
    k, similarity
        As in `near_duplicates`.

    Returns
    -------
    split : Split
        Each of the `homology_clusters` is in one part.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["ACGTTGCATTAC", "ACGTTGCATTAC", "GGGATCCATAAA", "CTCTAGGACTGA"])
    >>> split = homology_split(codes, rng=np.random.default_rng(1), fractions=(0.5, 0.25, 0.25))
    >>> split.train.tolist()
    [0, 1]
    """
    clusters = homology_clusters(codes, k=k, similarity=similarity)
    return group_split(clusters, rng=rng, fractions=fractions)
