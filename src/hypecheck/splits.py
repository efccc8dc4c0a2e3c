"""Splits that do not leak, and an audit that tells whether a given one does.

Design choices

- A split is index arrays, so that it works for codes, tables and coordinates alike.
- What belongs together (homologous sequences, a stretch of chromosome, a species) is a group, and a
  group is never divided. Groups fall into the parts by chance, in proportion to the room left.
- Two sequences are near-duplicates if the Jaccard index of their sets of canonical words of k bases
  reaches a limit. MinHash finds candidate pairs without comparing all; the index of every
  candidate is then computed exactly, so that a reported pair is never an estimate.
- The hash functions are constants: the same sequences always give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, check_codes, reverse_complement

Indices: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]
Fractions: TypeAlias = tuple[float, float, float]
_Join: TypeAlias = Callable[[Words, Words, np.uint64, np.uint64], Words]
Kind: TypeAlias = Literal["exact", "reverse complement", "near"]

K = 11
SIMILARITY = 0.3
_K_LARGEST = 31  # two bits a base in 64, and one value left over
_RECALL = 0.99  # chance to find a pair that is just at the limit; more similar pairs are surer
_MOST_HASHES = 128
_MOST_PARTNERS = 100  # in one bucket; a repeat family must not cost the square of its size
_BLOCK = 1 << 16  # words hashed at a time: they and their hashes stay in the cache
_PAIRS = 1 << 14  # pairs verified at a time


# --- splits -------------------------------------------------------------------------------------


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


@dataclass(frozen=True, eq=False)
class Intervals:
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
        If lengths differ or an interval is empty.
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
        empty = np.flatnonzero(self.ends <= self.starts)
        if empty.size:
            raise ValueError(
                f"interval {empty[0]} ends at {self.ends[empty[0]]}, not after its start "
                f"{self.starts[empty[0]]}; ends are not included, and strand does not swap them"
            )

    def __len__(self) -> int:
        return len(self.starts)


def region_split(
    intervals: Intervals,
    *,
    block_size: int,
    rng: np.random.Generator,
    fractions: Fractions = (0.8, 0.1, 0.1),
) -> Split:
    """Split a genome by blocks along its chromosomes, so that neighbours stay together.

    Parameters
    ----------
    intervals : Intervals
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
    >>> genes = Intervals(np.repeat("chr1", 2000), starts, starts + 100)
    >>> split = region_split(genes, block_size=1000, rng=np.random.default_rng(0))
    >>> len(split.test), len(split.left_out)
    (191, 34)
    """
    longest = int((intervals.ends - intervals.starts).max(initial=0))
    if block_size < longest:
        raise ValueError(
            f"block_size is {block_size} bp, but an item has {longest} bp; make blocks longer"
        )
    _, chromosome = np.unique(intervals.chromosomes, return_inverse=True)
    first, last = intervals.starts // block_size, (intervals.ends - 1) // block_size
    places = np.stack([np.tile(chromosome, 2), np.concatenate([first, last])])  # (2, 2 N)
    blocks, block = np.unique(places, axis=1, return_inverse=True)
    block = block.reshape(2, len(intervals))  # of the first and of the last base
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


# --- similar sequences --------------------------------------------------------------------------


def homology_clusters(
    codes: npt.ArrayLike, *, k: int = K, similarity: float = SIMILARITY
) -> Indices:
    """Find the clusters of sequences that are linked by near-duplicates.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4.
    k, similarity
        As in `near_duplicates`.

    Returns
    -------
    clusters : ndarray of int64, shape (N,)
        Connected components, numbered from 0. Members at two ends of a chain may share no word.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["ACGTTGCATTAC", "GGGATCCATAAA", "GTAATGCAACGT"])  # 2 is 0, other strand
    >>> homology_clusters(codes).tolist()
    [0, 1, 0]
    """
    checked = check_codes(codes, ndim=2)
    pairs, _ = near_duplicates(checked, k=k, similarity=similarity)
    n = len(checked)
    links = scipy.sparse.coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, clusters = connected_components(links, directed=False)
    return np.asarray(clusters, dtype=np.int64)


def near_duplicates(
    codes: npt.ArrayLike,
    others: npt.ArrayLike | None = None,
    *,
    k: int = K,
    similarity: float = SIMILARITY,
) -> tuple[Indices, npt.NDArray[np.float64]]:
    """Find all pairs of sequences that share most of their words.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4.
    others : array_like of int, shape (M, L'), optional
        Look for pairs between the two sets instead of pairs within `codes`.
    k : int, default 11
        Word length in bases, 1–31: long enough that unrelated sequences share few words (11 up to
        about 10 kb), and no longer, since one substitution spoils k words.
    similarity : float, default .3
        Least Jaccard index: words shared over words in either. At k = 11, .3 stands for 93 %
        identity over the whole length, or for the same sequence shifted by half its length.

    Returns
    -------
    pairs : ndarray of int64, shape (P, 2)
        Row in `codes`, row in `codes` (the larger) or `others`; most similar first.
    similarity : ndarray of float64, shape (P,)
        Exact Jaccard index of each pair.

    Raises
    ------
    ValueError
        If `k` or `similarity` is out of range.

    Notes
    -----
    A word and its reverse complement are one word, so the strand does not matter. A pair just at
    the limit is found with probability .99 or more; sequences without a known word are in no pair.
    In a bucket of more than 100 similar sequences each is compared with 100 others, so that pairs
    within so large a family may be missed, though its members are linked.

    References
    ----------
    Broder (1997), "On the resemblance and containment of documents", SEQUENCES, 21–29. Ondov et al.
    (2016), "Mash: fast genome and metagenome distance estimation using MinHash", Genome Biology
    17, 132, equation 4: identity = 1 + log(2 J / (1 + J)) / k.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> pairs, similarity = near_duplicates(encode(["ACGTTGCATTACG", "TACGTTGCATTAC"]))
    >>> pairs.tolist(), similarity.tolist()
    ([[0, 1]], [0.5])
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity must lie above 0 and at most at 1, got {similarity}")
    sets = [canonical_words(rows, k) for rows in ([codes] if others is None else [codes, others])]
    n_left = len(sets[0])
    known = [np.flatnonzero((words != _no_word()).any(axis=1)) for words in sets]
    rows = np.concatenate([known[0], *(index + n_left for index in known[1:])])  # of both sets
    n_bands, n_rows = banding(similarity)
    signatures = np.concatenate(
        [_minhash(w[index], n_bands * n_rows) for w, index in zip(sets, known, strict=True)]
    )
    pairs = rows[
        _candidates(signatures, n_bands, n_rows, None if others is None else len(known[0]))
    ]
    pairs -= np.array([0, 0 if others is None else n_left])
    jaccard = _jaccard(sets[0], sets[-1], pairs)
    keep = np.flatnonzero(jaccard >= similarity)
    keep = keep[np.lexsort((pairs[keep, 1], pairs[keep, 0], -jaccard[keep]))]
    return pairs[keep], jaccard[keep]


def banding(similarity: float) -> tuple[int, int]:
    """Choose bands and rows of a MinHash index so that pairs at the limit are found.

    Parameters
    ----------
    similarity : float
        Jaccard index at which a pair must be found with probability .99.

    Returns
    -------
    n_bands, n_rows : int
        A pair of Jaccard index J is a candidate with probability 1 − (1 − J^rows)^bands; as many
        rows as 128 hash functions allow, since more rows mean fewer false candidates.

    References
    ----------
    Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.

    Examples
    --------
    >>> banding(0.3), banding(0.5)
    ((49, 2), (35, 3))
    """
    best = (1, 1)
    for n_rows in range(1, _MOST_HASHES + 1):
        missed = 1 - similarity**n_rows
        n_bands = 1 if missed <= 0 else math.ceil(math.log(1 - _RECALL) / math.log(missed))
        if n_rows > 1 and n_bands * n_rows > _MOST_HASHES:
            break
        best = (n_bands, n_rows)
    return best


def _no_word() -> np.uint64:
    return np.uint64(2**64 - 1)


def canonical_words(codes: npt.ArrayLike, k: int) -> Words:
    """Turn each window of `k` bases into a number, the smaller of its two strands.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4.
    k : int
        Word length in bases, 1–31.

    Returns
    -------
    words : ndarray of uint64, shape (N, max(L − k + 1, 1))
        The word read as a number in base 4; 2**64 − 1 where a base is unknown.

    Raises
    ------
    ValueError
        If `k` is outside 1–31.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> canonical_words(encode(["ACGT"]), 2).tolist()  # AC, CG, and GT read as AC
    [[1, 6, 1]]
    """
    checked = check_codes(codes, ndim=2)
    if not 1 <= k <= _K_LARGEST:
        raise ValueError(f"k must be 1-{_K_LARGEST}, got {k}; words of 11 suit up to 10 kb")
    n_words = checked.shape[1] - k + 1
    if n_words < 1:
        return np.full((len(checked), 1), _no_word())
    words = np.empty((len(checked), n_words), dtype=np.uint64)
    n_rows = max(1, _BLOCK // n_words)
    for start in range(0, len(checked), n_rows):
        block = checked[start : start + n_rows]
        bases = (block & 3).astype(np.uint64)
        forward = _windows(bases, k, lambda left, right, a, b: left << (2 * b) | right)
        bases ^= np.uint64(3)
        backward = _windows(bases, k, lambda left, right, a, b: left | right << (2 * a))
        np.minimum(forward, backward, out=words[start : start + n_rows])
        unknown = block == UNKNOWN
        if unknown.any():
            so_far = np.pad(unknown.cumsum(axis=1), ((0, 0), (1, 0)))  # (rows, L + 1)
            spoilt = so_far[:, k:] > so_far[:, :-k]
            words[start : start + n_rows][spoilt] = _no_word()
    return words  # (N, W)


def _windows(bases: Words, k: int, join: _Join) -> Words:
    """Join the bases of all windows of length k, by doubling: about 2 log2(k) steps, not k."""
    span, doubled = 1, bases  # windows of length 1, 2, 4, ...
    done, joined = 0, bases  # windows of the length done so far
    while True:
        if k & span:
            joined = _join(joined, doubled, done, span, join) if done else doubled
            done += span
        if done == k:
            return joined
        doubled = _join(doubled, doubled, span, span, join)
        span *= 2


def _join(left: Words, right: Words, n_left: int, n_right: int, join: _Join) -> Words:
    """Windows of length n_left followed by windows of length n_right."""
    n_windows = right.shape[1] - n_left
    return join(left[:, :n_windows], right[:, n_left:], np.uint64(n_left), np.uint64(n_right))


def _mix(words: Words) -> npt.NDArray[np.uint32]:
    """Spread words over 32 bits (the finalizer of MurmurHash3, upper half)."""
    mixed = words.copy()
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _minhash(words: Words, n_hashes: int) -> npt.NDArray[np.uint32]:
    """Smallest value of each hash function over each row; every row has a known word."""
    rng = np.random.default_rng(20_240_229)  # fixes the hash functions
    factors = rng.integers(2**32, size=n_hashes, dtype=np.uint32) | np.uint32(1)
    shifts = rng.integers(2**32, size=n_hashes, dtype=np.uint32)
    signatures = np.empty((len(words), n_hashes), dtype=np.uint32)
    n_rows = max(1, _BLOCK // words.shape[1])
    for start in range(0, len(words), n_rows):
        block = words[start : start + n_rows]
        stand_in = block.min(axis=1, keepdims=True)  # a word twice does not change a minimum
        mixed = _mix(np.where(block == _no_word(), stand_in, block))
        hashed = np.empty_like(mixed)
        for number in range(n_hashes):
            np.multiply(mixed, factors[number], out=hashed)
            np.add(hashed, shifts[number], out=hashed)
            signatures[start : start + n_rows, number] = hashed.min(axis=1)
    return signatures  # (N, n_hashes)


def _candidates(
    signatures: npt.NDArray[np.uint32], n_bands: int, n_rows: int, n_left: int | None
) -> Indices:
    """Pairs (smaller, larger) that agree on all rows of a band; across `n_left` if given."""
    n = len(signatures)
    rng = np.random.default_rng(n_bands)  # mixes the members of crowded buckets
    found = []
    for band in range(n_bands):
        keys = np.zeros(n, dtype=np.uint64)
        for row in signatures.T[band * n_rows : (band + 1) * n_rows]:
            keys = (keys ^ row) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(32)
        order = rng.permutation(n)
        order = order[np.argsort(keys[order], kind="stable")]
        first, second = _within_runs(keys[order])
        pairs = np.sort(np.stack([order[first], order[second]]), axis=0)
        if n_left is not None:
            pairs = pairs[:, (pairs[0] < n_left) & (pairs[1] >= n_left)]
        found.append(np.unique(pairs[0] * n + pairs[1]))
    codes = np.unique(np.concatenate(found))
    return np.stack(np.divmod(codes, max(n, 1)), axis=1)  # (P, 2)


def _within_runs(ordered: Words) -> tuple[Indices, Indices]:
    """Positions of pairs of equal values in a sorted row, each with the next few of its run."""
    n = len(ordered)
    is_last = np.ones(n, dtype=np.bool_)
    is_last[:-1] = ordered[1:] != ordered[:-1]
    run_end = np.flatnonzero(is_last)[np.cumsum(is_last) - is_last]  # (n,)
    partners = np.minimum(run_end - np.arange(n), _MOST_PARTNERS)
    first = np.repeat(np.arange(n), partners)
    step = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners) + 1
    return first, first + step


def _jaccard(left: Words, right: Words, pairs: Indices) -> npt.NDArray[np.float64]:
    """Exact Jaccard index of the word sets of each pair."""
    parts = [np.empty(0)]
    for block in _blocks(pairs):
        both = np.concatenate([_sorted_set(left[block[:, 0]]), _sorted_set(right[block[:, 1]])], 1)
        sizes = (both != _no_word()).sum(axis=1)
        both.sort(axis=1)
        shared = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] != _no_word())).sum(axis=1)
        parts.append(shared / (sizes - shared))
    return np.concatenate(parts)


def _blocks(pairs: Indices) -> Iterator[Indices]:
    for start in range(0, len(pairs), _PAIRS):
        yield pairs[start : start + _PAIRS]


def _sorted_set(words: Words) -> Words:
    """Sort each row and blank repeated words."""
    ordered = np.sort(words, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = _no_word()
    return ordered


# --- audit --------------------------------------------------------------------------------------


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
    train_intervals: Intervals | None = None,
    test_intervals: Intervals | None = None,
) -> LeakageAudit:
    """Look for test items that the training part gives away.

    Parameters
    ----------
    train, test : LabelledSequences or array_like of int, shape (N, L)
        The two parts; lengths may differ, padding is not compared.
    k, similarity
        As in `near_duplicates`.
    train_intervals, test_intervals : Intervals, optional
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
    is_overlap = _audit_overlap(train_intervals, test_intervals, len(known), len(asked))
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
    train: Intervals | None, test: Intervals | None, n_train: int, n_test: int
) -> npt.NDArray[np.bool_] | None:
    if train is None and test is None:
        return None
    if train is None or test is None or (len(train), len(test)) != (n_train, n_test):
        raise ValueError(
            "train_intervals and test_intervals must be given together, one interval for each of "
            f"the {n_train} and {n_test} sequences; without sequences use overlapping()"
        )
    return overlapping(test, train)


def overlapping(intervals: Intervals, others: Intervals) -> npt.NDArray[np.bool_]:
    """Tell which intervals overlap any of the others, on either strand.

    Parameters
    ----------
    intervals, others : Intervals
        Of one assembly, with one way of naming chromosomes.

    Returns
    -------
    overlaps : ndarray of bool, shape (N,)
        True where an interval shares at least one base with one of the others.

    Examples
    --------
    >>> test = Intervals(np.array(["chr1", "chr1"]), np.array([0, 50]), np.array([10, 60]))
    >>> train = Intervals(np.array(["chr1"]), np.array([9]), np.array([50]))
    >>> overlapping(test, train).tolist()
    [True, False]
    """
    if not len(others):
        return np.zeros(len(intervals), dtype=np.bool_)
    names = np.concatenate([intervals.chromosomes, others.chromosomes])
    _, chromosome = np.unique(names, return_inverse=True)
    length = 1 + max(int(intervals.ends.max(initial=0)), int(others.ends.max()))
    offset = chromosome * np.int64(length)  # lays the chromosomes end to end
    mine, theirs = offset[: len(intervals)], offset[len(intervals) :]
    starts = others.starts + theirs
    order = np.argsort(starts, kind="stable")
    reach = np.maximum.accumulate((others.ends + theirs)[order])  # farthest end so far
    n_before = np.searchsorted(starts[order], intervals.ends + mine, side="left")
    return np.asarray((n_before > 0) & (reach[n_before - 1] > intervals.starts + mine))
