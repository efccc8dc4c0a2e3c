"""Does a language model give away what it was trained on? A loss attack, and canaries.

Design choices

- Members and others come from one pool without near-duplicates, dealt at random: an attack that
  told two distributions apart would say nothing of privacy.
- The attack needs nothing but losses. Calibrated, it subtracts the loss under a model that has seen
  neither; what is left is what training on that very sequence changed.
- Canaries are sequences of random bases, written into the training part a known number of times:
  no biology can explain why a model prefers them to their like.

References
----------
Yeom et al. 2018, Privacy risk in machine learning, arXiv:1709.01604 (the loss attack).
Carlini et al. 2019, The secret sharer, arXiv:1802.08232 (canaries and exposure).
Carlini et al. 2022, Membership inference attacks from first principles, arXiv:2112.03570.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.learning import masked_bits
from hypecheck.models import Transformer
from hypecheck.sequences import Codes
from hypecheck.similarity import NO_WORD, canonical_words

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pool:
    """Sequences of one distribution, dealt into those that train and those that do not.

    Attributes
    ----------
    members, others : ndarray of uint8, shape (N, L)
        Seen in training, and not; no two of all of them share a long word.
    n_dropped : int
        Sequences left out because they share one.
    """

    members: Codes
    others: Codes
    n_dropped: int


def deal_members(codes: Codes, n_each: int, rng: np.random.Generator, *, k: int = 20) -> Pool:
    """Drop near-duplicates, and deal the rest into members and others.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Sequences of one distribution.
    n_each : int
        How many members, and how many others.
    rng : numpy.random.Generator
        Deals.
    k : int, default 20
        Sequences that share a word of so many bases, on either strand, count as near-duplicates;
        the first of them stays.

    Returns
    -------
    pool : Pool

    Raises
    ------
    ValueError
        If fewer than ``2 * n_each`` are left.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(4, size=(10, 40)).astype(np.uint8)
    >>> codes[7] = codes[2]
    >>> pool = deal_members(codes, 4, rng)
    >>> pool.members.shape, pool.others.shape, pool.n_dropped
    ((4, 40), (4, 40), 1)
    """
    seen: set[int] = set()
    keep = []
    for row, words in enumerate(canonical_words(codes, k)):
        known = {int(word) for word in words if word != NO_WORD}
        if seen.isdisjoint(known):
            keep.append(row)
        seen |= known
    if len(keep) < 2 * n_each:
        raise ValueError(
            f"{len(keep)} sequences are left without near-duplicates; {2 * n_each} are needed"
        )
    dealt = codes[rng.permutation(keep)]
    return Pool(dealt[:n_each], dealt[n_each : 2 * n_each], len(codes) - len(keep))


def write_canaries(
    codes: Codes, canaries: Codes, copies: npt.ArrayLike, rng: np.random.Generator
) -> Codes:
    """Add canaries to a training set, each a number of times.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        The training set.
    canaries : ndarray of uint8, shape (C, L)
        Sequences to add.
    copies : array_like of int, shape (C,)
        How often each; 0 keeps it out.
    rng : numpy.random.Generator
        Shuffles.

    Returns
    -------
    mixed : ndarray of uint8, shape (N + sum of copies, L)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mixed = write_canaries(np.zeros((2, 3), np.uint8), np.ones((1, 3), np.uint8), [4], rng)
    >>> mixed.shape, int(mixed.sum())
    ((6, 3), 12)
    """
    mixed: Codes = rng.permutation(
        np.concatenate([codes, np.repeat(canaries, np.asarray(copies, np.int64), axis=0)])
    )
    return mixed


def sequence_bits(
    model: Transformer, codes: Codes, *, every: int = 8, batch_size: int = 256
) -> Floats:
    """Ask a masked model for every base of a sequence, a few hidden at a time.

    Parameters
    ----------
    model : Transformer
        A masked model that reads single bases.
    codes : ndarray of uint8, shape (N, L)
        Sequences of known bases.
    every : int, default 8
        One base in so many is hidden at a time; each is hidden once.
    batch_size : int, default 256
        Sequences at a time.

    Returns
    -------
    bits : ndarray of float64, shape (N,)
        Mean bits per base.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.sequences import encode
    >>> model = Transformer(TransformerConfig(vocab_size=7), seed=0)
    >>> sequence_bits(model, encode(["ACGTACGT"])).shape
    (1,)
    """
    found = np.empty(codes.shape)
    for first in range(every):
        places = np.arange(first, codes.shape[1], every)
        found[:, places] = masked_bits(model, codes, places, batch_size=batch_size)
    bits: Floats = found.mean(axis=1)
    return bits


def attack_scores(bits: npt.ArrayLike, reference_bits: npt.ArrayLike = 0.0) -> Floats:
    """Score sequences by how likely they were in the training part.

    Parameters
    ----------
    bits : array_like, shape (N,)
        Loss of each sequence under the model under attack.
    reference_bits : array_like, shape (N,), optional
        Loss under a model that has seen none of them.

    Returns
    -------
    scores : ndarray of float64, shape (N,)
        Larger means: rather a member.

    Examples
    --------
    >>> attack_scores([1.5, 2.0], [1.9, 1.9]).round(1).tolist()
    [0.4, -0.1]
    """
    return np.asarray(reference_bits, dtype=np.float64) - np.asarray(bits, dtype=np.float64)


def exposure(canary_bits: npt.ArrayLike, other_bits: npt.ArrayLike) -> Floats:
    """Measure how far up a canary stands among random sequences that were never trained on.

    Parameters
    ----------
    canary_bits : array_like, shape (C,)
        Loss of each canary.
    other_bits : array_like, shape (R,)
        Losses of sequences drawn in the same way.

    Returns
    -------
    exposure : ndarray of float64, shape (C,)
        ``log2(R + 1)`` minus log2 of the canary's rank: 0 if it is the least likely of all; one on
        average says nothing (1.44 bits is the mean of a canary that is like the others).

    Raises
    ------
    ValueError
        If there is nothing to compare with.

    References
    ----------
    Carlini et al. 2019, definition of exposure, section 4.2.

    Examples
    --------
    >>> exposure([0.5, 2.5], [1.0, 2.0, 3.0]).round(2).tolist()
    [2.0, 0.42]
    """
    known = np.sort(np.asarray(other_bits, dtype=np.float64))
    if not known.size:
        raise ValueError("no other sequence: draw some in the way the canaries were drawn")
    ranks = 1 + np.searchsorted(known, np.asarray(canary_bits, dtype=np.float64))
    return np.asarray(np.log2(len(known) + 1) - np.log2(ranks))
