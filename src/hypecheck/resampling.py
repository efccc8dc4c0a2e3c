"""How sure a comparison may be: bootstrap, seeds and items, permutation, verdicts.

Everything of this kind is imported from here: intervals and verdicts (`hypecheck.intervals`),
intervals for trained models (`hypecheck.seeds`), the stability of ranks
(`hypecheck.leaderboards`), and, below, bootstrap and permutation.

Design choices

- For fixed predictions use `paired_difference`, for trained models `paired_seeds_and_items`: only
  the second knows that another seed would have given another model.
- Bootstrap tails are expanded for few units, and coverage is measured (``benchmarks/coverage.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest

from hypecheck.intervals import (
    NEEDED_SEEDS,
    Equivalence,
    Interval,
    Verdict,
    check_level,
    compare,
    holm,
    t_quantile,
    tost,
)
from hypecheck.leaderboards import RankStability, rank_stability
from hypecheck.resamples import (
    Metric,
    Units,
    aligned,
    check_resamples,
    collect,
    evaluate,
    make_units,
    once,
)
from hypecheck.seeds import paired_seeds_and_items, seed_interval, seeds_and_items_interval

__all__ = [
    "NEEDED_SEEDS",
    "Equivalence",
    "Interval",
    "Metric",
    "RankStability",
    "Verdict",
    "bootstrap_interval",
    "compare",
    "holm",
    "mean_interval",
    "mean_overlap",
    "paired_difference",
    "paired_seeds_and_items",
    "permutation_test",
    "rank_stability",
    "seed_interval",
    "seeds_and_items_interval",
    "share_interval",
    "tost",
]

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]
Method: TypeAlias = Literal["percentile", "bca"]


def bootstrap_interval(
    statistic: Callable[..., Any],
    *arrays: npt.ArrayLike,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of any statistic of items.

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays) -> float``, whatever the order of the items; with a method
        ``weighted(*arrays, counts)`` it is evaluated in blocks, and fast.
    *arrays : array_like, shape (N, ...)
        Resampled together along the first axis.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int, default 1000
        Number of resamples, 50 at least.
    level : float, default .95
        Nominal coverage.
    method : {"percentile", "bca"}, default "percentile"
        Quantiles of the resamples, or quantiles corrected for bias and skew.
    groups : array_like, shape (N,), optional
        Group of each item; whole groups are resampled (cluster bootstrap).

    Returns
    -------
    interval : Interval
        Without a standard error; ``n`` counts the units that were resampled.

    Raises
    ------
    ValueError
        If the arrays differ in length, or the statistic is undefined.

    Notes
    -----
    The items must be all there is to chance: for a trained model use `seeds_and_items_interval`.

    A bootstrap of n units is too narrow by about √((n − 1) / n), and knows no t quantile. So its
    tails are expanded, from (1 − level) / 2 to Φ(−t √(n / (n − 1))), t being Student's quantile for
    n − 1: 2.5 % becomes 1.9 % at n = 30. (Hesterberg's "expanded percentile interval"; here for
    ``"bca"`` and groups, too.)

    Measured coverage of the nominal 95 %, 2,000 trials each, standard error .5 points
    (``python -m benchmarks.coverage``):

    ================================  ==========  =====
    sample                            percentile  bca
    ================================  ==========  =====
    normal mean, n = 30               94.8        95.0
    exponential mean, n = 30          92.2        93.0
    MCC, n = 30                       91.0        96.0
    paired difference, MCC, n = 30    93.8        93.0
    normal mean, n = 300              95.1        95.0
    exponential mean, n = 300         93.8        93.7
    MCC, n = 300                      96.1        96.7
    paired difference, MCC, n = 300   94.3        94.1
    accuracy, 10 groups               94.0        95.2
    accuracy, 60 groups               93.5        93.8
    the same, groups ignored          83.3
    ================================  ==========  =====

    So thirty items are too few for a skewed statistic, and groups must not be forgotten.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 (percentile) and 14
    (BCa). Field and Welsh (2007), "Bootstrapping clustered data", Journal of the Royal Statistical
    Society B 69, 369–390. Hesterberg (2015), "What teachers should know about the bootstrap", The
    American Statistician 69, 371–386.

    Examples
    --------
    >>> interval = bootstrap_interval(np.mean, np.arange(100), rng=np.random.default_rng(0))
    >>> interval.estimate, interval.excludes(49), interval.excludes(30)
    (49.5, False, True)
    """
    checked = aligned(*arrays)
    return _bootstrap(
        lambda counts: evaluate(statistic, checked, counts),
        make_units(len(checked[0]), groups),
        rng=rng,
        n_resamples=n_resamples,
        level=level,
        method=method,
    )


def mean_interval(
    values: npt.ArrayLike, *, groups: npt.ArrayLike | None = None, n_resamples: int = 1000
) -> Interval:
    """Bootstrap the mean of items; of paired differences, if `values` are such.

    Parameters
    ----------
    values : array_like, shape (N,)
        One number for each item.
    groups : array_like, shape (N,), optional
        Group of each number, to be resampled whole.
    n_resamples : int, default 1000
        Number of resamples.

    Returns
    -------
    interval : Interval
        Always the same for the same values.

    Examples
    --------
    >>> print(mean_interval([1.0, 1.0, 1.0]))
    1.000 [1.000, 1.000]
    """
    rng = np.random.default_rng(0)
    return bootstrap_interval(np.mean, values, rng=rng, groups=groups, n_resamples=n_resamples)


def paired_difference(
    metric: Metric,
    y_true: npt.ArrayLike,
    scores_a: npt.ArrayLike,
    scores_b: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of ``metric(a) − metric(b)`` on the same resampled items.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score) -> float``; those of `hypecheck.scores` are fast.
    y_true : array_like, shape (N, ...)
        True values.
    scores_a, scores_b : array_like, shape (N, ...)
        What two fixed models, or methods without chance, predict for these items.
    rng, n_resamples, level, method, groups
        As in `bootstrap_interval`.

    Returns
    -------
    difference : Interval
        Positive where a is the better one.

    Notes
    -----
    Coverage is that of `bootstrap_interval`, whose Notes hold the figures. For trained models use
    `paired_seeds_and_items`.

    Examples
    --------
    >>> from hypecheck.scores import accuracy
    >>> truth = np.tile([0, 1], 50)
    >>> wrong_at_ten = truth.copy()
    >>> wrong_at_ten[:10] = 1 - truth[:10]
    >>> rng = np.random.default_rng(0)
    >>> print(paired_difference(accuracy, truth, truth, wrong_at_ten, rng=rng))
    .100 [.050, .160]
    """
    truth, a, b = aligned(y_true, scores_a, scores_b)
    return _bootstrap(
        lambda counts: evaluate(metric, (truth, a), counts) - evaluate(metric, (truth, b), counts),
        make_units(len(truth), groups),
        rng=rng,
        n_resamples=n_resamples,
        level=level,
        method=method,
    )


def _bootstrap(
    evaluate: Callable[[Array], Floats],
    units: Units,
    *,
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
    method: Method,
) -> Interval:
    check_level(level)
    check_resamples(n_resamples)
    if method not in ("percentile", "bca"):
        raise ValueError(f"method must be 'percentile' or 'bca', got {method!r}")
    estimate = float(collect(evaluate, iter([once(units.n_items)]))[0])
    resampled = collect(evaluate, units.draws(n_resamples, rng))
    reach = t_quantile(level, units.n_units - 1) * np.sqrt(units.n_units / (units.n_units - 1))
    tails = np.array([ndtr(-reach), ndtr(reach)])  # for many units (1 ± level) / 2
    if method == "bca":
        jackknife = collect(evaluate, units.leave_one_out())
        tails = _bca_tails(tails, estimate, resampled, jackknife)
    low, high = np.quantile(resampled, tails)
    name = f"{method} bootstrap over {'items' if units.unit_of_item is None else 'groups'}"
    return Interval(estimate, float(low), float(high), level, name, units.n_units)


def _bca_tails(tails: Floats, estimate: float, resampled: Floats, jackknife: Floats) -> Floats:
    """Shift the tail probabilities by bias z0 and acceleration a (Efron and Tibshirani, ch. 14)."""
    below = np.mean(resampled < estimate) + np.mean(resampled == estimate) / 2
    if below in (0.0, 1.0):  # e.g. a perfect score: no resample can be better
        return tails
    deviation = jackknife.mean() - jackknife
    spread = np.sum(deviation**2) ** 1.5
    acceleration = np.sum(deviation**3) / (6 * spread) if spread > 0 else 0.0
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)))


def permutation_test(
    statistic: Callable[..., Any],
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 9999,
    paired: bool = False,
) -> float:
    """Two-sided p value of ``statistic(a, b)`` when a and b may be exchanged.

    Parameters
    ----------
    statistic : callable
        ``statistic(a, b) -> float``, around the same value under exchange from either side.
    a, b : array_like, shape (Na, ...) and (Nb, ...)
        Two samples.
    rng : numpy.random.Generator
        Source of randomness.
    n_permutations : int, default 9999
        Number of random exchanges.
    paired : bool, default False
        Exchange within pairs ``a[i], b[i]`` instead of over both samples.

    Returns
    -------
    p_value : float
        Twice the smaller tail, each counted with the observed arrangement, so never 0.

    Raises
    ------
    ValueError
        If paired samples differ in shape.

    References
    ----------
    Phipson and Smyth (2010), "Permutation p-values should never be zero", Statistical Applications
    in Genetics and Molecular Biology 9, article 39.

    Examples
    --------
    >>> def shift(a, b):
    ...     return np.mean(a) - np.mean(b)
    >>> p = permutation_test(shift, [1, 2, 3, 4], [11, 12, 13, 14], rng=np.random.default_rng(0))
    >>> round(p, 2)  # 2 of 70 arrangements
    0.03
    """
    first, second = np.asarray(a), np.asarray(b)
    if paired and first.shape != second.shape:
        raise ValueError(f"paired samples must have one shape, got {first.shape}, {second.shape}")
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    observed = float(statistic(first, second))
    pooled = np.concatenate([first, second])
    n = len(first)
    null = np.empty(n_permutations)
    for number in range(n_permutations):
        if paired:
            swap = rng.integers(2, size=n) * n
            order = np.concatenate([np.arange(n) + swap, np.arange(n) + n - swap])
        else:
            order = rng.permutation(len(pooled))
        null[number] = statistic(pooled[order[:n]], pooled[order[n:]])
    slack = 1e-14 * max(1.0, abs(observed))  # sums in another order are not a larger difference
    above = 1 + np.sum(null >= observed - slack)
    below = 1 + np.sum(null <= observed + slack)
    return float(min(1.0, 2 * min(above, below) / (n_permutations + 1)))


def share_interval(outcomes: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Give the share of independent items for which something is true.

    Parameters
    ----------
    outcomes : array_like of bool, shape (N,)
        True where it is.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        Wilson's: it has width even where all outcomes agree, which a bootstrap has not.

    Raises
    ------
    ValueError
        If there is no item.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", Journal
    of the American Statistical Association 22, 209–212.

    Examples
    --------
    >>> print(share_interval([True, True, True]))
    1.000 [.439, 1.000]
    """
    found = np.asarray(outcomes, dtype=np.bool_)
    if not found.size:
        raise ValueError("a share of no items is not defined; give at least one outcome")
    ends = binomtest(int(found.sum()), found.size).proportion_ci(level, method="wilson")
    share = float(found.mean())
    return Interval(share, float(ends.low), float(ends.high), level, "Wilson", found.size)


def mean_overlap(
    sets: Mapping[str, AbstractSet[str]], *, rng: np.random.Generator, n_resamples: int = 1000
) -> Interval:
    """Give the mean Jaccard overlap of two sets of a collection, and resample its owners.

    Parameters
    ----------
    sets : mapping of str to set of str
        By owner, e.g. the data sets that each paper uses; two owners at least.
    rng : numpy.random.Generator
        Draws owners.
    n_resamples : int, default 1000
        Draws of as many owners; a pair of one owner with itself does not count.

    Returns
    -------
    interval : Interval
        Percentile interval over owners.

    Raises
    ------
    ValueError
        If there are fewer than two owners.

    Examples
    --------
    >>> sets = {"a": {"x", "y"}, "b": {"y", "z"}, "c": {"z"}}
    >>> print(mean_overlap(sets, rng=np.random.default_rng(0)))
    .278 [.000, .500]
    """
    if len(sets) < 2:
        raise ValueError(f"an overlap needs two owners or more, got {list(sets)}")
    owners = list(sets.values())
    table = np.array([[len(a & b) / max(len(a | b), 1) for b in owners] for a in owners])
    means = []
    for chosen in rng.integers(len(owners), size=(n_resamples, len(owners))):
        is_pair = chosen[:, None] != chosen
        if is_pair.any():
            means.append(table[np.ix_(chosen, chosen)][is_pair].mean())
    low, high = np.quantile(means, [0.025, 0.975])
    estimate = float(table[~np.eye(len(owners), dtype=np.bool_)].mean())
    return Interval(estimate, float(low), float(high), 0.95, "owners resampled", len(owners))
