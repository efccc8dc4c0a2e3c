"""Which sequences are alike: near-duplicates by MinHash, and the clusters that they link.

Design choices

- Two sequences are near-duplicates if the Jaccard index of their sets of canonical words of k bases
  reaches a limit. MinHash finds candidate pairs without comparing all; the index of every
  candidate is then computed exactly, so that a reported pair is never an estimate.
- The hash functions are constants: the same sequences always give the same answer.
- Words are numbers of 64 bits, so that k may reach 31, and are made, hashed and compared in blocks
  that fit the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from hypecheck.sequences import UNKNOWN, check_codes

Indices: TypeAlias = npt.NDArray[np.int64]
Words: TypeAlias = npt.NDArray[np.uint64]

K = 11
SIMILARITY = 0.3
NO_WORD = np.uint64(2**64 - 1)
_K_LARGEST = 31  # two bits a base in 64, and one value left over
_RECALL = 0.99  # chance to find a pair that is just at the limit; more similar pairs are surer
_MOST_HASHES = 128
_MOST_PARTNERS = 100  # in one bucket; a repeat family must not cost the square of its size
_BLOCK = 1 << 16  # words hashed at a time: they and their hashes stay in the cache
_PAIRS = 1 << 14  # pairs verified at a time


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
    known = [np.flatnonzero((words != NO_WORD).any(axis=1)) for words in sets]
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
        return np.full((len(checked), 1), NO_WORD)
    words = np.empty((len(checked), n_words), dtype=np.uint64)
    n_rows = max(1, _BLOCK // n_words)
    for start in range(0, len(checked), n_rows):
        block = checked[start : start + n_rows]
        bases = (block & 3).astype(np.uint64)
        forward = _windows(bases, k, is_backward=False)
        backward = _windows(bases ^ np.uint64(3), k, is_backward=True)
        np.minimum(forward, backward, out=words[start : start + n_rows])
        unknown = block == UNKNOWN
        if unknown.any():
            so_far = np.pad(unknown.cumsum(axis=1), ((0, 0), (1, 0)))  # (rows, L + 1)
            spoilt = so_far[:, k:] > so_far[:, :-k]
            words[start : start + n_rows][spoilt] = NO_WORD
    return words  # (N, W)


def _windows(bases: Words, k: int, *, is_backward: bool) -> Words:
    """Join windows until they have k bases: about 2 log2(k) steps instead of k."""

    def join(left: Words, n_left: int, right: Words, n_right: int) -> Words:
        head, tail = left[:, : right.shape[1] - n_left], right[:, n_left:]
        if is_backward:  # the last base counts most
            return head | tail << np.uint64(2 * n_left)
        return head << np.uint64(2 * n_right) | tail

    span, doubled = 1, bases  # windows of 1, 2, 4, ... bases
    done, joined = 0, bases  # windows of the powers of 2 in k so far
    while True:
        if k & span:
            joined = join(joined, done, doubled, span) if done else doubled
            done += span
        if done == k:
            return joined
        doubled = join(doubled, span, doubled, span)
        span *= 2


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
        mixed = _mix(np.where(block == NO_WORD, stand_in, block))
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
    mixed = np.random.default_rng(0).permutation(n)  # in crowded buckets both sets meet
    found = []
    for band in range(n_bands):
        keys = np.zeros(n, dtype=np.uint64)
        for row in signatures.T[band * n_rows : (band + 1) * n_rows]:
            keys = (keys ^ row) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(32)
        order = mixed[np.argsort(keys[mixed], kind="stable")]
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
        sizes = (both != NO_WORD).sum(axis=1)
        both.sort(axis=1)
        shared = ((both[:, 1:] == both[:, :-1]) & (both[:, 1:] != NO_WORD)).sum(axis=1)
        parts.append(shared / (sizes - shared))
    return np.concatenate(parts)


def _blocks(pairs: Indices) -> Iterator[Indices]:
    for start in range(0, len(pairs), _PAIRS):
        yield pairs[start : start + _PAIRS]


def _sorted_set(words: Words) -> Words:
    """Sort each row and blank repeated words."""
    ordered = np.sort(words, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = NO_WORD
    return ordered
