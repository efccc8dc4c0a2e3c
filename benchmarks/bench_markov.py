"""Fitting and scoring a Markov model: against collections.Counter, and against a compiled loop.

All three fit an order-7 model with Witten and Bell's back-off to ten million bases and score it
on ten million others; they differ in how windows are counted and looked up.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks.harness import Benchmark
from hypecheck.markov import MarkovModel
from hypecheck.sequences import Codes, decode

N_BASES, ORDER = 10_000_000, 7


@functools.cache
def genome(part: int) -> Codes:
    """Draw a genome with some structure: a base repeats the fifth before it in one case of five."""
    rng = np.random.default_rng(part)
    codes = rng.integers(0, 4, N_BASES, dtype=np.uint8)
    repeats = np.flatnonzero(rng.random(N_BASES - 5) < 0.2) + 5
    codes[repeats] = codes[repeats - 5]
    return codes


@functools.cache
def letters(part: int) -> str:
    return str(decode(genome(part)))


def with_ours() -> float:
    return MarkovModel(ORDER).fit(genome(0)).score(genome(1))


def windows_by_order(text: str) -> list[Counter[str]]:
    """Count the windows of each order, shorter ones at the start only."""
    ends = [Counter([text[: order + 1]]) for order in range(ORDER)]
    return [*ends, Counter(text[i : i + ORDER + 1] for i in range(len(text) - ORDER))]


def log2_table(counts: Counter[str], below: Callable[[str], float]) -> Callable[[str], float]:
    """Return P of the last letter of a window, mixed with what the order below says."""
    follow: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for window, count in counts.items():
        follow[window[:-1]] += count
        kinds[window[:-1]] += 1

    @functools.cache
    def probability(window: str) -> float:
        n, t = follow[window[:-1]], kinds[window[:-1]]
        return (counts[window] + t * below(window[1:])) / (n + t) if n else below(window[1:])

    return probability


def with_counter() -> float:
    fitted = windows_by_order(letters(0))
    for order in range(ORDER, 0, -1):
        for window, count in fitted[order].items():
            fitted[order - 1][window[1:]] += count
    tables: list[Callable[[str], float]] = [lambda _: 0.25]
    for counts in fitted:
        tables.append(log2_table(counts, tables[-1]))
    bits = 0.0
    for counts, table in zip(windows_by_order(letters(1)), tables[1:], strict=True):
        bits -= sum(count * np.log2(table(window)) for window, count in counts.items())
    return bits / N_BASES


@numba.njit
def count_loop(codes: Any, order: int) -> Any:  # pragma: no cover
    counts = np.zeros((order + 1, 4 ** (order + 1)), dtype=np.int64)
    window, depth, mask = 0, 0, 4 ** (order + 1) - 1
    for code in codes:
        if code > 3:
            window, depth = 0, 0
            continue
        window = ((window << 2) | code) & mask
        counts[depth, window] += 1
        depth = min(depth + 1, order)
    return counts


@numba.njit
def score_loop(codes: Any, tables: Any, order: int) -> float:  # pragma: no cover
    bits, n, window, depth, mask = 0.0, 0, 0, 0, 4 ** (order + 1) - 1
    for code in codes:
        if code > 3:
            window, depth = 0, 0
            continue
        window = ((window << 2) | code) & mask
        bits -= tables[depth, window]
        n += 1
        depth = min(depth + 1, order)
    return bits / n


def with_numba() -> float:
    counts = count_loop(genome(0), ORDER)
    for order in range(ORDER, 0, -1):
        longer = counts[order, : 4 ** (order + 1)].reshape(4, -1)
        counts[order - 1, : 4**order] += longer.sum(axis=0)
    tables, below = np.zeros(counts.shape), np.full(1, 0.25)
    for order in range(ORDER + 1):
        here = counts[order, : 4 ** (order + 1)].reshape(-1, 4)
        n, t = here.sum(axis=1, keepdims=True), (here > 0).sum(axis=1, keepdims=True)
        lower = np.resize(below, here.shape) if order else np.full((1, 4), 0.25)
        mixed = np.where(n > 0, (here + t * lower) / np.maximum(n + t, 1), lower)
        below = mixed.ravel()
        tables[order, : below.size] = np.log2(below)
    return float(score_loop(genome(1), tables, ORDER))


def equal_bits(ours: Any, peer: Any) -> None:
    np.testing.assert_allclose(ours, peer, rtol=1e-10)


BENCHMARKS = [
    Benchmark(
        "Markov order 7, 10 Mb, against Counter",
        ours=with_ours,
        peer=with_counter,
        must_reach=40,
        equal=equal_bits,
    ),
    Benchmark(
        "Markov order 7, 10 Mb, against a numba loop",
        ours=with_ours,
        peer=with_numba,
        must_reach=1 / 3,
        equal=equal_bits,
        packages=("numba",),
    ),
]
