"""Leaderboards under resampled tasks: who might have won, had other tasks been asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import check_level
from hypecheck.resamples import check_resamples

Floats: TypeAlias = npt.NDArray[np.float64]


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
    swing : ndarray of float64, shape (models,)
        Worst minus best rank over single tasks.
    level : float
        Nominal coverage of the interval.
    """

    rank: Floats
    low: Floats
    high: Floats
    p_best: Floats
    swing: Floats
    level: float


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
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(
            f"scores must be a complete table of at least 2 models by 2 tasks, got shape "
            f"{table.shape} with {int((~np.isfinite(table)).sum())} missing; drop models or tasks"
        )
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
        swing=by_task.max(axis=0) - by_task.min(axis=0),
        level=level,
    )


def _ranks(values: Floats) -> Floats:
    """Rank within each row, 1 for the highest; equal values share their mean rank."""
    from scipy.stats import rankdata  # slow to import, and needed here alone

    rounded = np.round(values, 12)  # the same mean summed in another order is a tie
    return np.asarray(rankdata(-rounded, axis=1))
