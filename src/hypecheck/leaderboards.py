"""Leaderboards under resampled tasks: who might have won, had other tasks been asked.

Design choices

- A table has models in rows, tasks (or categories of tasks) in columns, and higher is better.
- Tasks are the sample: they are drawn, left out or re-weighted, while the models stay.
- What differs between tasks is a speciality or noise. One table alone cannot say which, so the
  null of `common_ability` names the noise that it assumes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import Interval, check_level, t_quantile
from hypecheck.resamples import check_resamples

Floats: TypeAlias = npt.NDArray[np.float64]
MOST_TASKS = 16  # of which all subsets are tried


@dataclass(frozen=True, eq=False)
class RankStability:
    """How firmly models hold their ranks; 1 is best.

    Parameters
    ----------
    rank : ndarray of float64, shape (models,)
        Rank by the mean over all tasks; equal means share their mean rank.
    low, high : ndarray of float64, shape (models,)
        Interval of the rank over resampled tasks.
    p_best : ndarray of float64, shape (models,)
        Share of resamples that the model wins; equal winners share it.
    best, worst : ndarray of float64, shape (models,)
        Rank on the single task where the model does best, and worst.
    level : float
        Nominal coverage of the interval.
    """

    rank: Floats
    low: Floats
    high: Floats
    p_best: Floats
    best: Floats
    worst: Floats
    level: float

    @property
    def swing(self) -> Floats:
        """Worst minus best rank over single tasks."""
        return self.worst - self.best


def rank_stability(
    scores: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 2000,
    level: float = 0.95,
) -> RankStability:
    """Bootstrap a leaderboard over its tasks.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better; every model on every task.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int, default 2000
        Number of resampled sets of tasks.
    level : float, default .95
        Nominal coverage of the rank interval.

    Returns
    -------
    stability : RankStability
        Ranks, their intervals, the chance to be best, and the swing over tasks.

    Raises
    ------
    ValueError
        If there are fewer than two models or tasks, or scores are missing.

    Notes
    -----
    Tasks are taken as a random sample of the tasks that might have been asked; a table of chosen or
    related tasks has wider truth than this. Percentile intervals of ranks are conservative for ties
    and too narrow for few tasks.

    Examples
    --------
    >>> table = [[0.9, 0.8, 0.9], [0.5, 0.9, 0.4], [0.1, 0.2, 0.3]]
    >>> stability = rank_stability(table, rng=np.random.default_rng(0))
    >>> stability.rank.tolist(), stability.swing.tolist()
    ([1.0, 2.0, 3.0], [1.0, 1.0, 0.0])
    """
    table = _table(scores)
    check_level(level)
    check_resamples(n_resamples)
    n_tasks = table.shape[1]
    counts = rng.multinomial(n_tasks, np.full(n_tasks, 1 / n_tasks), size=n_resamples)
    ranks = _ranks(counts @ table.T / n_tasks)  # (B, models)
    best = ranks == ranks.min(axis=1, keepdims=True)
    by_task = _ranks(table.T)  # (tasks, models)
    low, high = np.quantile(ranks, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return RankStability(
        rank=_ranks(table.mean(axis=1)[None])[0],
        low=low,
        high=high,
        p_best=(best / best.sum(axis=1, keepdims=True)).mean(axis=0),
        best=by_task.min(axis=0),
        worst=by_task.max(axis=0),
        level=level,
    )


@dataclass(frozen=True, eq=False)
class CommonAbility:
    """A world in which every task measures one ability, with noise.

    Parameters
    ----------
    expected : ndarray of float64, shape (models, tasks)
        What each model would score without noise.
    noise : ndarray of float64, shape (tasks,)
        Standard deviation of the noise of each task.
    """

    expected: Floats
    noise: Floats

    def draw(self, n_tables: int, rng: np.random.Generator) -> Floats:
        """Simulate tables, shape (n_tables, models, tasks)."""
        return self.expected + self.noise * rng.normal(size=(n_tables, *self.expected.shape))


def common_ability(scores: npt.ArrayLike, families: Sequence[str] | None = None) -> CommonAbility:
    """Fit one ability for each model, one line for each task, and the noise around the lines.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better; every model on every task.
    families : sequence of str, optional
        Family of each model. The noise is then what close relatives do not share. Without it, all
        that the lines leave over is called noise.

    Returns
    -------
    null : CommonAbility
        To draw tables from.

    Raises
    ------
    ValueError
        If scores are missing, or no family has two members.

    Notes
    -----
    The ability is the mean over tasks. What relatives do not share is no clean measure of noise: it
    counts their true differences as noise (too large), and misses the luck that they share on one
    test set (too small). Without families the null disagrees as much as the table does, by
    construction, and no speciality can show.

    Examples
    --------
    >>> table = [[0.9, 0.7], [0.8, 0.6], [0.3, 0.1]]
    >>> common_ability(table).noise.round(6).tolist()
    [0.0, 0.0]
    """
    table = _table(scores)
    ability = table.mean(axis=1) - table.mean()
    if not ability.any():
        raise ValueError("all models have the same mean: there is no ability to fit")
    slope = ability @ table / (ability @ ability)
    expected = table.mean(axis=0) + np.outer(ability, slope)
    left = table - expected
    labels = np.asarray(["all"] * len(table) if families is None else list(families))
    members = [labels == family for family in dict.fromkeys(labels.tolist())]
    freedom = len(table) - (2 if families is None else len(members))
    if len(labels) != len(table) or freedom < 1:
        raise ValueError("noise needs a family of each model, and one with two members or more")
    squares = sum(((left[m] - left[m].mean(axis=0)) ** 2).sum(axis=0) for m in members)
    n_tasks = table.shape[1]  # a model's mean over tasks was fitted, too
    return CommonAbility(expected, np.sqrt(squares / freedom * n_tasks / (n_tasks - 1)))


def swing_beyond(scores: npt.ArrayLike, null: npt.ArrayLike, *, n_out: int = 4) -> Interval:
    """Compare the median model's swing over tasks with that of simulated tables.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        The table.
    null : array_like, shape (tables, models, tasks)
        Simulated, e.g. by `CommonAbility.draw`.
    n_out : int, default 4
        Tasks to leave out at a time for the interval; more than the root of their number.

    Returns
    -------
    difference : Interval
        Median swing of the table minus the mean of the null's, over tasks.

    Notes
    -----
    A bootstrap of tasks would draw some of them twice, and a range over fewer different tasks is
    shorter. Leaving several out at a time has no such pull on the interval: only the spread of the
    differences is used, not their mean.

    References
    ----------
    Shao and Wu (1989), "A general theory for jackknife variance estimation", Annals of Statistics
    17, 1176–1197.

    Examples
    --------
    >>> table = [[1.0, 0.0, 1.0, 0.0], [0.5, 0.5, 0.5, 0.5], [0.0, 1.0, 0.0, 1.0]]
    >>> swing_beyond(table, [table], n_out=2).estimate
    0.0
    """
    ranks = _ranks_of_models(_table(scores))
    simulated = np.stack([_ranks_of_models(one) for one in np.asarray(null)])

    def difference(tasks: Sequence[int]) -> float:
        chosen = list(tasks)
        return float(_median_swing(ranks[:, chosen]) - _median_swing(simulated[..., chosen]).mean())

    return _leave_some_out(difference, ranks.shape[1], n_out)


def leader_share(
    scores: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 400,
    level: float = 0.95,
) -> Interval:
    """Share of resampled sets of tasks on which the leader of the mean stays first.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int, default 400
        Resampled tables for the interval, and resamples of each of them.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    share : Interval
        Each resampled table is asked for its own leader, and how often that one stays first.

    Notes
    -----
    A share of resamples is itself an estimate from few tasks: hence resamples of resamples. A
    resampled table repeats tasks, so its leader looks firmer than it should; read the upper end
    with care.

    Examples
    --------
    >>> table = [[0.9, 0.8, 0.9], [0.1, 0.2, 0.3]]
    >>> leader_share(table, rng=np.random.default_rng(0)).estimate
    1.0
    """
    table = _table(scores)
    check_level(level)
    check_resamples(n_resamples)
    n_tasks = table.shape[1]

    def share(weights: Floats, n_draws: int) -> float:
        draws = rng.multinomial(n_tasks, weights, size=n_draws)
        means = np.round(draws @ table.T / n_tasks, 12)
        best = means == means.max(axis=1, keepdims=True)
        leader = np.argmax(table @ weights)
        return float((best / best.sum(axis=1, keepdims=True))[:, leader].mean())

    even = np.full(n_tasks, 1 / n_tasks)
    tables = rng.multinomial(n_tasks, even, size=n_resamples) / n_tasks
    shares = [share(weights, n_resamples) for weights in tables]
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    estimate = share(even, 20 * n_resamples)
    return Interval(estimate, float(low), float(high), level, "nested bootstrap", n_tasks)


@dataclass(frozen=True, eq=False)
class Winners:
    """Who wins when only some of the tasks are reported.

    Parameters
    ----------
    n_winners : ndarray of int, shape (tasks,)
        Number of models that win at least one set of 1, 2, … tasks.
    leader_wins : ndarray of float64, shape (tasks,)
        Share of those sets that the leader over all tasks wins.
    """

    n_winners: npt.NDArray[np.int64]
    leader_wins: Floats


def winners_of_subsets(scores: npt.ArrayLike) -> Winners:
    """Try every set of tasks of every size, and count the models that win one.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better; at most 16 tasks.

    Returns
    -------
    winners : Winners
        By the number of tasks in the set; the last has them all.

    Raises
    ------
    ValueError
        If there are too many tasks to try all sets.

    Examples
    --------
    >>> winners_of_subsets([[0.9, 0.6], [0.2, 0.7]]).n_winners.tolist()
    [2, 1]
    """
    table = _table(scores)
    n_tasks = table.shape[1]
    if n_tasks > MOST_TASKS:
        raise ValueError(f"{n_tasks} tasks have too many sets; give {MOST_TASKS} at most")
    sets = (np.arange(1, 2**n_tasks)[:, None] >> np.arange(n_tasks)) & 1
    first = np.argmax(np.round(sets @ table.T, 12), axis=1)
    size = sets.sum(axis=1)
    by_size = [first[size == number] for number in range(1, n_tasks + 1)]
    return Winners(
        n_winners=np.array([len(np.unique(won)) for won in by_size]),
        leader_wins=np.array([np.mean(won == first[-1]) for won in by_size]),
    )


@dataclass(frozen=True, eq=False)
class Regret:
    """What it costs to trust the average on a task that it has not seen.

    Parameters
    ----------
    pick : ndarray of int, shape (tasks,)
        The model with the best mean over the other tasks.
    rank : ndarray of float64, shape (tasks,)
        Its rank on the task left out.
    followed, blind : ndarray of float64, shape (tasks,)
        Best score on the task minus that of the pick, and minus that of a model drawn blindly.
    """

    pick: npt.NDArray[np.int64]
    rank: Floats
    followed: Floats
    blind: Floats


def regret(scores: npt.ArrayLike) -> Regret:
    """Leave each task out, pick by the others, and see what the pick loses.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better.

    Returns
    -------
    regret : Regret
        For each task.

    Examples
    --------
    >>> regret([[0.9, 0.8, 0.2], [0.1, 0.1, 0.6]]).followed.round(2).tolist()
    [0.0, 0.0, 0.4]
    """
    table = _table(scores)
    others = table.sum(axis=1, keepdims=True) - table
    pick = np.argmax(np.round(others, 12), axis=0)
    tasks = np.arange(table.shape[1])
    top = table.max(axis=0)
    return Regret(
        pick=pick,
        rank=_ranks_of_models(table)[pick, tasks],
        followed=top - table[pick, tasks],
        blind=top - table.mean(axis=0),
    )


@dataclass(frozen=True, eq=False)
class CriticalDifference:
    """Friedman's test, and the distance of mean ranks that Nemenyi's test asks for.

    Parameters
    ----------
    statistic, p_value : float
        Of Friedman's test that all models are equal.
    mean_rank : ndarray of float64, shape (models,)
        Over tasks, 1 is best.
    distance : float
        Two models whose mean ranks are closer than this are not told apart.
    """

    statistic: float
    p_value: float
    mean_rank: Floats
    distance: float

    @property
    def with_the_best(self) -> npt.NDArray[np.bool_]:
        """Models that are not told apart from the one with the best mean rank."""
        return self.mean_rank - self.mean_rank.min() < self.distance


def critical_difference(scores: npt.ArrayLike, *, level: float = 0.95) -> CriticalDifference:
    """Compare all models with all others by their ranks.

    Parameters
    ----------
    scores : array_like, shape (models, tasks)
        Higher is better; three models or more.
    level : float, default .95
        One minus the chance of a false difference anywhere in the table.

    Returns
    -------
    result : CriticalDifference
        Test, mean ranks and distance.

    References
    ----------
    Demšar (2006), "Statistical comparisons of classifiers over multiple data sets", Journal of
    Machine Learning Research 7, 1–30.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> result = critical_difference(rng.normal(size=(5, 30)))
    >>> round(result.distance, 3)  # Demšar's table: 2.728 · √(5 · 6 / (6 · 30))
    1.114
    """
    from scipy.stats import friedmanchisquare, studentized_range  # slow to import

    table = _table(scores)
    check_level(level)
    n_models, n_tasks = table.shape
    statistic, p_value = friedmanchisquare(*table)
    quantile = studentized_range.ppf(level, n_models, np.inf) / np.sqrt(2)
    return CriticalDifference(
        statistic=float(statistic),
        p_value=float(p_value),
        mean_rank=_ranks_of_models(table).mean(axis=1),
        distance=float(quantile * np.sqrt(n_models * (n_models + 1) / (6 * n_tasks))),
    )


def spread_between(
    scores: npt.ArrayLike, sizes: npt.ArrayLike, families: npt.ArrayLike, factor: float = 2.0
) -> float:
    """Mean absolute difference between models of like size and different families.

    Parameters
    ----------
    scores, sizes : array_like, shape (models,)
        One score and one number of parameters for each model.
    families : array_like, shape (models,)
        Labels.
    factor : float, default 2
        Sizes that differ by less count as alike.

    Returns
    -------
    spread : float
        NaN if no two models can be compared.

    Examples
    --------
    >>> round(spread_between([0.5, 0.6, 0.9], [1e6, 1.5e6, 1e9], ["a", "b", "c"]), 3)
    0.1
    """
    score, labels = np.asarray(scores, dtype=np.float64), np.asarray(families)
    log_size = np.log(np.asarray(sizes, dtype=np.float64))
    alike = np.abs(log_size[:, None] - log_size) <= np.log(factor) + 1e-12
    pairs = np.triu(alike & (labels[:, None] != labels))
    return float(np.abs(score[:, None] - score)[pairs].mean()) if pairs.any() else float("nan")


def gain_within(scores: npt.ArrayLike, sizes: npt.ArrayLike, families: npt.ArrayLike) -> float:
    """Gain from the smallest to the largest model of a family, each model of a family counting.

    Parameters
    ----------
    scores, sizes, families : array_like, shape (models,)
        As for `spread_between`.

    Returns
    -------
    gain : float
        Mean over the families with more than one size; NaN if there is none.

    Examples
    --------
    >>> round(gain_within([0.5, 0.6, 0.9], [1e6, 1e8, 1e9], ["a", "a", "c"]), 3)
    0.1
    """
    score, size = np.asarray(scores, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    labels = np.asarray(families)
    gains, weights = [], []
    for family in np.unique(labels):
        own, value = size[labels == family], score[labels == family]
        if own.min() < own.max():
            gains.append(value[own == own.max()].mean() - value[own == own.min()].mean())
            weights.append(len(own))
    return float(np.average(gains, weights=weights)) if gains else float("nan")


def between_minus_within(
    scores: npt.ArrayLike, sizes: npt.ArrayLike, families: npt.ArrayLike
) -> float:
    """Spread between families of like size minus the gain from size within families.

    Parameters
    ----------
    scores, sizes, families : array_like, shape (models,)
        As for `spread_between`; bootstrap it with the families as groups.

    Returns
    -------
    difference : float
        Positive if it matters more which family a model is of.

    Examples
    --------
    >>> table = [0.5, 0.6, 0.9], [1e6, 1e8, 1e8], ["a", "a", "c"]
    >>> round(between_minus_within(*table), 3)
    0.2
    """
    return spread_between(scores, sizes, families) - gain_within(scores, sizes, families)


def _table(scores: npt.ArrayLike) -> Floats:
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(
            f"scores must be a complete table of at least 2 models by 2 tasks, got shape "
            f"{table.shape} with {int((~np.isfinite(table)).sum())} missing; drop models or tasks"
        )
    return table


def _leave_some_out(
    statistic: Callable[[Sequence[int]], float], n_tasks: int, n_out: int, level: float = 0.95
) -> Interval:
    """Jackknife that leaves every set of `n_out` tasks out in turn."""
    if not 1 <= n_out <= n_tasks - 2:
        raise ValueError(f"n_out must lie between 1 and {n_tasks - 2}, got {n_out}")
    kept = n_tasks - n_out
    values = np.array([statistic(tasks) for tasks in combinations(range(n_tasks), kept)])
    error = float(np.sqrt(kept / n_out * values.var()))
    estimate = statistic(range(n_tasks))
    reach = t_quantile(level, n_tasks - 1) * error
    return Interval(
        estimate,
        estimate - reach,
        estimate + reach,
        level,
        f"jackknife over tasks, {n_out} left out",
        n_tasks,
        standard_error=error,
        degrees_of_freedom=n_tasks - 1,
    )


def _median_swing(ranks: Floats) -> Floats:
    """Swing of the median model; ranks have shape (..., models, tasks)."""
    return np.asarray(np.median(ranks.max(axis=-1) - ranks.min(axis=-1), axis=-1))


def _ranks_of_models(table: Floats) -> Floats:
    """Rank within each column, 1 for the highest."""
    return _ranks(table.T).T


def _ranks(values: Floats) -> Floats:
    """Rank within each row, 1 for the highest; equal values share their mean rank."""
    from scipy.stats import rankdata  # slow to import, and needed here alone

    rounded = np.round(values, 12)  # the same mean summed in another order is a tie
    return np.asarray(rankdata(-rounded, axis=1))
