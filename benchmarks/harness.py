"""Time our code against a peer's, in interleaved pairs, after checking that both say the same.

Design choices

- A benchmark is two callables without arguments and a mark: the ratio peer / ours to reach.
- Seconds are CPU seconds of this process, all threads together: other work on the machine
  disturbs them less than seconds on the wall, and a second thread is no free gift.
- Ours and the peer's take turns, and take turns at going first, so that a slow minute hits both.
- The interval of the median ratio is made of order statistics: no normality, no resampling.
- A mark counts as reached only if the whole interval lies at or above it.
"""

from __future__ import annotations

import gc
import math
import platform
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal, TypedDict

import numpy as np
import scipy.sparse
from scipy.stats import binom

Verdict = Literal["reached", "not reached", "not resolved"]


@dataclass(frozen=True)
class Benchmark:
    """One comparison of speed.

    Parameters
    ----------
    name : str
        Short and unique, e.g. ``"k-mers, k = 6"``.
    ours, peer : callable
        Both take no argument, do the same work, and return its result.
    must_reach : float
        The ratio of seconds, peer / ours, that is promised.
    equal : callable, optional
        Given both results, raises if they differ; None only where there is nothing to compare.
    setup : callable, optional
        Runs once, untimed, before anything else (make inputs, warm up a compiler).
    memory_below : float, optional
        Promise for the peak memory of ours, as a multiple of the size of its result.
    packages : tuple of str, default ()
        Distributions whose versions belong beside the figures.
    """

    name: str
    ours: Callable[[], object]
    peer: Callable[[], object]
    must_reach: float
    equal: Callable[[object, object], None] | None = None
    setup: Callable[[], object] | None = None
    memory_below: float | None = None
    packages: tuple[str, ...] = ()


class Result(TypedDict):
    """What `run` measured: CPU seconds are medians, `ratio` is the median of peer / ours."""

    name: str
    ratio: float
    low: float
    high: float
    must_reach: float
    verdict: Verdict
    seconds_ours: float
    seconds_peer: float
    pairs: int
    peak_memory: float | None
    memory_below: float | None
    versions: dict[str, str]


def check_equality(benchmark: Benchmark) -> None:
    """Run both sides once and raise if their results differ.

    Parameters
    ----------
    benchmark : Benchmark
        The comparison; its `setup` runs first.
    """
    if benchmark.setup is not None:
        benchmark.setup()
    if benchmark.equal is not None:
        benchmark.equal(benchmark.ours(), benchmark.peer())


def run(benchmark: Benchmark, pairs: int = 7) -> Result:
    """Check equality, time both sides in turn, and judge the mark.

    Parameters
    ----------
    benchmark : Benchmark
        The comparison.
    pairs : int, default 7
        Number of interleaved pairs, at least 6: fewer give no 95 % interval.

    Returns
    -------
    result : Result
        Ratio with its 95 % interval, CPU seconds, memory if promised, versions, verdict.

    Raises
    ------
    ValueError
        If `pairs` is below 6.

    Examples
    --------
    >>> work = Benchmark("same", lambda: sum(range(9999)), lambda: sum(range(9999)), must_reach=0.1)
    >>> run(work)["verdict"]
    'reached'
    """
    check_equality(benchmark)
    calls_ours = _calls_per_timing(benchmark.ours)
    calls_peer = _calls_per_timing(benchmark.peer)
    ours, peer = np.empty(pairs), np.empty(pairs)
    for pair in range(pairs):
        for is_peer in (False, True) if pair % 2 else (True, False):
            if is_peer:
                peer[pair] = seconds_per_call(benchmark.peer, calls_peer)
            else:
                ours[pair] = seconds_per_call(benchmark.ours, calls_ours)
    low, high = median_interval(peer / ours)
    memory = peak_memory(benchmark.ours) if benchmark.memory_below is not None else None
    return Result(
        name=benchmark.name,
        ratio=float(np.median(peer / ours)),
        low=low,
        high=high,
        must_reach=benchmark.must_reach,
        verdict=judge(benchmark, low, high, memory),
        seconds_ours=float(np.median(ours)),
        seconds_peer=float(np.median(peer)),
        pairs=pairs,
        peak_memory=memory,
        memory_below=benchmark.memory_below,
        versions={"python": platform.python_version()}
        | {package: version(package) for package in ("numpy", *benchmark.packages)},
    )


def seconds_per_call(work: Callable[[], object], calls: int) -> float:
    """CPU seconds of one call, averaged over `calls`, the garbage collector held.

    Parameters
    ----------
    work : callable
        What to time.
    calls : int
        How many times to call it.

    Returns
    -------
    seconds : float
        CPU seconds of this process for each call.
    """
    gc.collect()
    gc.disable()
    try:
        start = time.process_time()
        for _ in range(calls):
            work()
        return (time.process_time() - start) / calls
    finally:
        gc.enable()


def _calls_per_timing(work: Callable[[], object], at_least: float = 0.05) -> int:
    """Count the calls that take `at_least` seconds; the trial call also warms caches."""
    once = seconds_per_call(work, 1)
    return max(1, math.ceil(at_least / max(once, 1e-6)))


def median_interval(
    values: Sequence[float] | np.ndarray, level: float = 0.95
) -> tuple[float, float]:
    """Distribution-free interval of a median, from order statistics.

    Parameters
    ----------
    values : sequence of float
        Independent measurements.
    level : float, default 0.95
        Coverage that the interval has at least.

    Returns
    -------
    low, high : float
        Two of the sorted values.

    Raises
    ------
    ValueError
        If even the smallest and the largest value do not enclose the median at that level.

    References
    ----------
    Conover (1999), Practical Nonparametric Statistics, 3rd ed., section 3.2.

    Examples
    --------
    >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0])
    (1.0, 7.0)
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    # P(fewer than rank + 1 values lie below the median) is the error at either end
    errors = 2 * binom.cdf(np.arange(len(ordered) // 2), len(ordered), 0.5)
    ranks = np.flatnonzero(errors <= 1 - level)
    if not ranks.size:
        raise ValueError(
            f"{len(ordered)} values give no {level:.0%} interval of their median; measure 6 or more"
        )
    return float(ordered[ranks[-1]]), float(ordered[-1 - ranks[-1]])


def judge(benchmark: Benchmark, low: float, high: float, memory: float | None) -> Verdict:
    """Hold an interval, and the memory, against what was promised.

    Parameters
    ----------
    benchmark : Benchmark
        The promise.
    low, high : float
        Interval of the ratio peer / ours.
    memory : float or None
        Peak memory as a multiple of the result's size.

    Returns
    -------
    verdict : {"reached", "not reached", "not resolved"}
        "not resolved" if the mark lies within the interval.
    """
    too_big = memory is not None and memory > (benchmark.memory_below or math.inf)
    if high < benchmark.must_reach or too_big:
        return "not reached"
    return "reached" if low >= benchmark.must_reach else "not resolved"


def peak_memory(work: Callable[[], object]) -> float:
    """Peak of the memory that a call allocates, as a multiple of its result's size.

    Parameters
    ----------
    work : callable
        Must return arrays of numpy or SciPy: the tracer sees Python's and numpy's memory.

    Returns
    -------
    multiple : float
        1 means that nothing besides the result was allocated.

    Examples
    --------
    >>> round(peak_memory(lambda: np.zeros(1_000_000)[::-1].copy()), 1)
    2.0
    """
    gc.collect()
    tracemalloc.start()
    try:
        result = work()
        return tracemalloc.get_traced_memory()[1] / n_bytes(result)
    finally:
        tracemalloc.stop()


def n_bytes(result: object) -> int:
    """Size of the arrays in a result.

    Parameters
    ----------
    result : ndarray, sparse CSR array or matrix, or tuple or list of these
        What a benchmark returned.

    Returns
    -------
    size : int
        Bytes.

    Raises
    ------
    TypeError
        If there is something else in it.

    Examples
    --------
    >>> n_bytes((np.zeros(2), np.zeros(1)))
    24
    """
    if isinstance(result, np.ndarray):
        return result.nbytes
    if isinstance(result, scipy.sparse.csr_array | scipy.sparse.csr_matrix):
        return int(result.data.nbytes + result.indices.nbytes + result.indptr.nbytes)
    if isinstance(result, tuple | list):
        return sum(n_bytes(part) for part in result)
    raise TypeError(f"cannot size a {type(result).__name__}; return numpy arrays or CSR")
