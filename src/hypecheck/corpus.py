"""Windows of genome to pretrain on, away from everything that will be tested.

Design choices

- A window that shares a word of 24 bases with a test sequence, on either strand, is not pretrained
  on: a model that has read the test sequences unlabelled has an advantage that no baseline has.
- Every twentieth block is held out: what is held out is like what is not (repeats and
  base composition vary along a genome), and no training window reaches into it.
- Half of the windows are read on the other strand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from hypecheck.sequences import UNKNOWN, Codes, reverse_complement
from hypecheck.similarity import NO_WORD, canonical_words

BLOCK = 5_000  # bp
HELD_OUT = 20  # one block in


@dataclass(frozen=True, eq=False)
class Corpus:
    """Windows for pretraining, windows held out, and what was taken away.

    Attributes
    ----------
    train, held_out : ndarray of uint8, shape (N, length) and (M, length)
        Without unknown bases.
    n_bases, n_removed : int
        Bases in all records, and those blanked for sharing a word with a test sequence.
    n_sharing : dict of str to int
        Test sequences that share a word with the records, by task.
    """

    train: Codes
    held_out: Codes
    n_bases: int
    n_removed: int
    n_sharing: dict[str, int]


def make_corpus(
    records: Iterable[Codes],
    tests: Mapping[str, Codes],
    *,
    length: int,
    n_windows: int,
    rng: np.random.Generator,
    block: int = BLOCK,
) -> Corpus:
    """Draw windows for pretraining and for measuring its loss.

    Parameters
    ----------
    records : iterable of ndarray of uint8, shape (L,)
        Stretches of genome.
    tests : mapping of str to ndarray of uint8, shape (N, l)
        Test sequences by task, to stay away from.
    length, n_windows : int
        Of each window in bp, and how many; a fortieth as many are held out.
    rng : numpy.random.Generator
        Source of randomness.
    block : int, default 5000
        Bases held out at a stretch, of every twenty times as many.

    Returns
    -------
    corpus : Corpus
        Training windows overlap one another, but no held-out one, and the other way round.

    Raises
    ------
    ValueError
        If nothing is left.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> genome = rng.integers(4, size=5000).astype(np.uint8)
    >>> tests = {"toy": genome[None, 1000:1050]}
    >>> corpus = make_corpus([genome], tests, length=100, n_windows=400, rng=rng, block=250)
    >>> corpus.train.shape, corpus.held_out.shape, corpus.n_removed, corpus.n_sharing
    ((400, 100), (10, 100), 50, {'toy': 1})
    """
    inner, outer = [], []
    n_bases = n_removed = 0
    n_sharing = dict.fromkeys(tests, 0)
    sequences = list(records)
    for name, test in tests.items():
        n_sharing[name] = count_sharing(sequences, test)
    for codes in sequences:
        clean = purge(codes, tests)
        n_bases, n_removed = n_bases + len(codes), n_removed + int((clean != codes).sum())
        is_held_out = np.arange(len(codes)) // block % HELD_OUT == HELD_OUT // 2
        inner.append(np.where(is_held_out, np.uint8(UNKNOWN), clean))
        outer.append(np.where(is_held_out, clean, np.uint8(UNKNOWN)))
    train = draw_windows(inner, length, n_windows, rng)
    train[::2] = reverse_complement(train[::2])
    held_out = draw_windows(outer, length, max(n_windows // 40, 1), rng)
    return Corpus(train, held_out, n_bases, n_removed, n_sharing)


def count_sharing(records: Iterable[Codes], test: Codes, *, k: int = 24) -> int:
    """Count the test sequences that share a word of `k` bases with some record, on either strand.

    Parameters
    ----------
    records : iterable of ndarray of uint8, shape (L,)
        Stretches of genome.
    test : ndarray of uint8, shape (N, l)
        Test sequences.
    k : int, default 24
        Length of a word in bases.

    Returns
    -------
    n : int
        Between 0 and N.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> count_sharing([encode("AACCGGTTAC")], encode(["GTAACC", "AAAAAA"]), k=5)
    1
    """
    asked = canonical_words(test, k)  # (N, W)
    known = np.unique(np.concatenate([canonical_words(codes[None], k)[0] for codes in records]))
    return int((np.isin(asked, known) & (asked != NO_WORD)).any(axis=1).sum())


def purge(codes: Codes, tests: Mapping[str, Codes], *, k: int = 24) -> Codes:
    """Blank every word of `k` bases that some test sequence holds, on either strand.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        A stretch of genome.
    tests : mapping of str to ndarray of uint8, shape (N, l)
        Test sequences by task.
    k : int, default 24
        Length of a word in bases.

    Returns
    -------
    clean : ndarray of uint8, shape (L,)
        ``UNKNOWN`` wherever a shared word lay.

    Examples
    --------
    >>> from hypecheck.sequences import decode, encode
    >>> decode(purge(encode("AACCGGTTAC"), {"toy": encode(["GTAACC"])}, k=5))
    'AACCNNNNNN'
    """
    words = canonical_words(codes[None], k)[0]  # (W,)
    is_shared = np.zeros(len(words), dtype=np.bool_)
    for test in tests.values():
        is_shared |= np.isin(words, canonical_words(test, k))
    starts = np.flatnonzero(is_shared & (words != NO_WORD))
    clean = codes.copy()
    clean[(starts[:, None] + np.arange(k)).ravel()] = UNKNOWN
    return clean


def draw_windows(
    records: Iterable[Codes], length: int, n_windows: int, rng: np.random.Generator
) -> Codes:
    """Draw windows without unknown bases, every possible place equally likely.

    Parameters
    ----------
    records : iterable of ndarray of uint8, shape (L,)
        Stretches of genome.
    length, n_windows : int
        Of each window in bp, and how many.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    windows : ndarray of uint8, shape (n_windows, length)
        They may overlap.

    Raises
    ------
    ValueError
        If no window is free of unknown bases.
    """
    joined = np.concatenate([np.append(codes, np.uint8(UNKNOWN)) for codes in records])
    unknown = np.concatenate([[0], np.cumsum(joined == UNKNOWN)])
    starts = np.flatnonzero(unknown[length:] == unknown[:-length])
    if not starts.size:
        raise ValueError(f"no stretch of {length} known bases; use shorter windows")
    return joined[rng.choice(starts, n_windows)[:, None] + np.arange(length)]  # (n_windows, length)
