"""Near-duplicates among 20,000 sequences of 300 bp: ours against datasketch's MinHash LSH.

The peer gets every advantage that its interface allows: the words as ready-made integers instead of
bytes, no hash function of its own (the identity), its fast 32-bit scheme, and the same bands and
rows as ours. Its candidates are then verified as ours are, by the exact Jaccard index. Both must
find the same pairs: those of planted families, whose members are far more alike than the limit.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
from datasketch import MinHash, MinHashLSH

from benchmarks.harness import Benchmark
from hypecheck.sequences import Codes, reverse_complement
from hypecheck.similarity import SIMILARITY, K, banding, canonical_words, near_duplicates

LENGTH = 300  # bp
FAMILY = 5  # members


@cache
def planted(n_sequences: int) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Random sequences of which a fifth are families: 1 % mutated, every other one turned round.

    Returns the codes and the family of each sequence, −1 for those that stand alone.
    """
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(n_sequences, LENGTH), dtype=np.uint8)
    n_families = n_sequences // 5 // FAMILY
    family = np.full(n_sequences, -1)
    members = rng.permutation(n_sequences)[: n_families * FAMILY].reshape(n_families, FAMILY)
    for number, rows in enumerate(members):
        changed = rng.random((FAMILY, LENGTH)) < 0.01
        shift = rng.integers(1, 4, size=(FAMILY, LENGTH)).astype(np.uint8)
        codes[rows] = (codes[rows[0]] + shift * changed) % 4
        codes[rows[::2]] = reverse_complement(codes[rows[::2]])
        family[rows] = number
    return codes, family


def planted_pairs(n_sequences: int) -> npt.NDArray[np.int64]:
    """All pairs within the families, ordered."""
    _, family = planted(n_sequences)
    order = np.argsort(family, kind="stable")
    rows = np.sort(order[family[order] >= 0].reshape(-1, FAMILY), axis=1)
    first, second = np.triu_indices(FAMILY, 1)
    pairs = np.concatenate([rows[:, [i, j]] for i, j in zip(first, second, strict=True)])
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def with_ours(n_sequences: int) -> npt.NDArray[np.int64]:
    pairs, _ = near_duplicates(planted(n_sequences)[0])
    return pairs


def _itself(word: int) -> int:
    return word


def with_datasketch(n_sequences: int) -> npt.NDArray[np.int64]:
    words = canonical_words(planted(n_sequences)[0], K).tolist()
    n_bands, n_rows = banding(SIMILARITY)
    how = {"num_perm": n_bands * n_rows, "hashfunc": _itself, "scheme": "affine32"}
    index = MinHashLSH(num_perm=n_bands * n_rows, params=(n_bands, n_rows))
    sets = [set(row) for row in words]
    pairs = []
    for number, sketch in enumerate(MinHash.generator(words, **how)):
        for other in index.query(sketch):
            shared = len(sets[number] & sets[other])
            if shared >= SIMILARITY * (len(sets[number]) + len(sets[other]) - shared):
                pairs.append((other, number))
        index.insert(number, sketch, check_duplication=False)
    return np.array(pairs)


def same_pairs(ours: object, peer: object) -> None:
    """Raise unless both found the same pairs."""
    found = {tuple(pair) for pair in cast(npt.NDArray[np.int64], ours).tolist()}
    theirs = {tuple(pair) for pair in cast(npt.NDArray[np.int64], peer).tolist()}
    if found != theirs:
        raise ValueError(f"pairs differ: {len(found - theirs)} are ours, {len(theirs - found)} not")


def benchmark(n_sequences: int) -> Benchmark:
    return Benchmark(
        name=f"near-duplicates, {n_sequences:,} x {LENGTH} bp",
        ours=lambda: with_ours(n_sequences),
        peer=lambda: with_datasketch(n_sequences),
        must_reach=5,
        equal=same_pairs,
        setup=lambda: planted(n_sequences),
        packages=("datasketch", "scipy"),
    )


BENCHMARKS = [benchmark(20_000)]
