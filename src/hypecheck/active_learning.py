"""Which experiment next? Label a pool in rounds: at random, where a model is unsure, or far apart.

Design choices

- All strategies begin with the same labels, drawn at random, and are scored on the same test items:
  a draw gives paired curves.
- A strategy sees features and labels of what is labelled, and only features of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from hypecheck.doubt import Learner
from hypecheck.resampling import Interval, bootstrap_interval, seed_interval

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


def farthest_first(features: Floats, labelled: Floats, n: int) -> Rows:
    """Choose items far from what is labelled and from one another (greedy k-centre).

    Parameters
    ----------
    features : ndarray of float64, shape (N, F)
        Items to choose from.
    labelled : ndarray of float64, shape (n_labelled, F)
        Items that are labelled already, one at least.
    n : int
        How many to choose.

    Returns
    -------
    chosen : ndarray of int64, shape (n,)
        Rows of `features`; the first has the largest distance to its nearest labelled item.

    References
    ----------
    Gonzalez (1985), "Clustering to minimize the maximum intercluster distance", Theoretical
    Computer Science 38, 293–306.

    Examples
    --------
    >>> farthest_first(np.array([[1.0], [4.0], [6.0]]), np.array([[0.0]]), 2).tolist()
    [2, 1]
    """
    squares = (features**2).sum(axis=1)
    gaps = squares[:, None] - 2 * features @ labelled.T + (labelled**2).sum(axis=1)
    nearest = gaps.min(axis=1)
    chosen = np.empty(n, dtype=np.int64)
    for place in range(n):
        best = int(nearest.argmax())
        chosen[place] = best
        nearest = np.minimum(nearest, squares - 2 * features @ features[best] + squares[best])
        nearest[chosen[: place + 1]] = -np.inf
    return chosen


@dataclass(frozen=True, eq=False)
class Pool:
    """Items that could be measured, and items to be scored on.

    Attributes
    ----------
    features, test_features : ndarray of float64, shape (N, F) and (M, F)
        What is known before an experiment.
    labels, test_labels : ndarray, shape (N,) and (M,)
        What an experiment tells; of the pool, only to those who asked.
    """

    features: Floats
    labels: npt.NDArray[np.generic]
    test_features: Floats
    test_labels: npt.NDArray[np.generic]


def label_in_rounds(
    pool: Pool,
    strategy: str,
    new_learner: Callable[[], Learner],
    score: Callable[[npt.NDArray[np.generic], npt.NDArray[np.generic]], float],
    *,
    budgets: Sequence[int],
    seed: int,
) -> tuple[Floats, Rows]:
    """Label a pool up to each budget, and score the model on the test items there.

    Parameters
    ----------
    pool : Pool
        Items.
    strategy : {"random", "uncertainty", "diversity", "largest"}
        How the next items are chosen: by lot; where the model is unsure; far from what is labelled;
        or where the prediction is largest in size (a hunt for strong effects, not for knowledge).
    new_learner : callable
        Gives an untrained learner.
    score : callable
        ``score(truth, predicted)``, more is better.
    budgets : sequence of int
        Labels in all after each round; the first are drawn at random, the same for all strategies.
    seed : int
        Of that draw, and of the random strategy.

    Returns
    -------
    scores : ndarray of float64, shape (len(budgets),)
    labelled : ndarray of int64, shape (budgets[-1],)
        Rows of the pool, in the order in which they were labelled.

    Raises
    ------
    ValueError
        If the strategy is unknown, or the budgets do not increase or exceed the pool.

    Examples
    --------
    >>> from hypecheck.doubt import GaussianRidge
    >>> x = np.linspace(0, 1, 40)[:, None]
    >>> pool = Pool(x, x[:, 0], x, x[:, 0])
    >>> score = lambda truth, predicted: -float(np.abs(truth - predicted).mean())
    >>> found, rows = label_in_rounds(
    ...     pool, "uncertainty", GaussianRidge, score, budgets=(2, 4, 6), seed=0
    ... )
    >>> found.shape, len(set(rows.tolist()))
    ((3,), 6)
    """
    if strategy not in ("random", "uncertainty", "diversity", "largest"):
        raise ValueError(f"no strategy is called {strategy!r}; try 'random' or 'uncertainty'")
    if any(b <= a for a, b in pairwise(budgets)):
        raise ValueError(f"budgets must increase, got {list(budgets)}")
    if budgets[-1] > len(pool.features):
        raise ValueError(f"{budgets[-1]} labels from a pool of {len(pool.features)}")
    order = np.random.default_rng(seed).permutation(len(pool.features))
    labelled, scores = order[: budgets[0]], list[float]()
    last = new_learner()
    for place, budget in enumerate(budgets):
        model = new_learner()
        if place:
            rest = order[~np.isin(order, labelled)]  # in the order of the lot
            chosen = _choose(strategy, last, pool.features, rest, labelled, budget - len(labelled))
            labelled = np.concatenate([labelled, chosen])
        model.fit(pool.features[labelled], pool.labels[labelled])
        scores.append(score(pool.test_labels, model.predict(pool.test_features)))
        last = model
    return np.array(scores), labelled.astype(np.int64)


def _choose(
    strategy: str, model: Learner, features: Floats, rest: Rows, labelled: Rows, n: int
) -> Rows:
    if strategy == "random":
        return rest[:n]
    if strategy == "uncertainty":
        return rest[model.most_unsure(features[rest], n)]
    if strategy == "diversity":
        return rest[farthest_first(features[rest], features[labelled], n)]
    size = np.abs(np.asarray(model.predict(features[rest]), dtype=np.float64))
    return rest[np.argsort(-size, kind="stable")[:n]]


def gain(active: npt.ArrayLike, random: npt.ArrayLike) -> Interval:
    """Say what active choice gains over random choice, as a mean over the budgets.

    Parameters
    ----------
    active, random : array_like, shape (D, B)
        Scores by draw and budget; the first budget, which all strategies share, is left out.

    Returns
    -------
    gain : Interval
        95 %, Student's t over draws, which are pairs.

    Examples
    --------
    >>> print(gain([[0.5, 0.7], [0.5, 0.9]], [[0.5, 0.6], [0.5, 0.8]]))
    .100 [.100, .100]
    """
    a, b = (np.asarray(one, dtype=np.float64)[:, 1:].mean(axis=1) for one in (active, random))
    return seed_interval(a - b)


def experiments_saved(
    budgets: Sequence[int], active: npt.ArrayLike, random: npt.ArrayLike, *, at: int
) -> Interval:
    """Say how many experiments active choice saves on the way to one score.

    Parameters
    ----------
    budgets : sequence of int
        Labels, increasing.
    active, random : array_like, shape (D, B)
        Scores by draw and budget.
    at : int
        The score to reach is that of random choice with so many labels, one of the budgets.

    Returns
    -------
    saved : Interval
        `at` less the labels that active choice needs, on the mean curve made monotone; bootstrap
        over draws. Negative where active choice needs more; it cannot be less than `at` minus the
        largest budget.

    Examples
    --------
    >>> curve = [[0.1, 0.2, 0.3, 0.4]] * 3
    >>> faster = [[0.1, 0.3, 0.4, 0.5]] * 3
    >>> experiments_saved((10, 20, 30, 40), faster, curve, at=30).estimate
    10.0
    """
    places = list(budgets)

    def saved(one: Floats, other: Floats) -> float:
        rising = isotonic_regression(one.mean(axis=0)).x
        strict = rising + 1e-9 * np.arange(len(rising))
        target = isotonic_regression(other.mean(axis=0)).x[places.index(at)]
        return round(float(at - np.interp(target, strict, places)), 6)

    curves = [np.asarray(one, dtype=np.float64) for one in (active, random)]
    return bootstrap_interval(saved, *curves, rng=np.random.default_rng(0), n_resamples=400)


def hits_found(
    effects: npt.ArrayLike, labelled: Rows, budgets: Sequence[int], *, share: float
) -> Floats:
    """Say which share of the strongest effects of a pool was labelled by each budget.

    Parameters
    ----------
    effects : array_like, shape (N,)
        Measured values of the pool.
    labelled : ndarray of int64
        Rows in the order of labelling.
    budgets : sequence of int
        Labels that are counted.
    share : float
        The strongest so many, by size, are hits.

    Returns
    -------
    found : ndarray of float64, shape (len(budgets),)
        Between 0 and 1.

    Examples
    --------
    >>> hits_found([5.0, 0.1, -4.0, 0.2], np.array([2, 1, 0]), (1, 2, 3), share=0.5).tolist()
    [0.5, 0.5, 1.0]
    """
    size = np.abs(np.asarray(effects, dtype=np.float64))
    is_hit = size >= np.quantile(size, 1 - share)
    return np.array([is_hit[labelled[:n]].sum() / is_hit.sum() for n in budgets])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scores and finds of several strategies on the same draws.

    Attributes
    ----------
    budgets : tuple of int
        Labels.
    scores : dict of str to ndarray of float64, shape (D, B)
        By strategy, of each draw at each budget.
    hits : dict of str to ndarray of float64, shape (D, B)
        Share of the pool's strongest effects that was labelled so far.
    """

    budgets: tuple[int, ...]
    scores: dict[str, Floats]
    hits: dict[str, Floats]

    def gain(self, strategy: str) -> Interval:
        """Give `gain` of a strategy over random choice."""
        return gain(self.scores[strategy], self.scores["random"])

    def saved(self, strategy: str, *, at: int) -> Interval:
        """Give `experiments_saved` by a strategy against random choice."""
        both = (self.scores[strategy], self.scores["random"])
        return experiments_saved(self.budgets, *both, at=at)

    def curves(self, strategy: str, what: str = "scores") -> dict[float, Interval]:
        """Give the mean over draws at each budget, of "scores" or "hits"."""
        table = (self.scores if what == "scores" else self.hits)[strategy]
        return {
            float(budget): seed_interval(column)
            for budget, column in zip(self.budgets, table.T, strict=True)
        }

    def more_hits(self, strategy: str, *, at: int) -> Interval:
        """Give the share of hits that a strategy found by a budget, less that of random choice."""
        place = self.budgets.index(at)
        return seed_interval(self.hits[strategy][:, place] - self.hits["random"][:, place])


def compare(
    pools: Callable[[int], Sequence[Pool]],
    strategies: Sequence[str],
    new_learner: Callable[[], Learner],
    score: Callable[[npt.NDArray[np.generic], npt.NDArray[np.generic]], float],
    *,
    budgets: Sequence[int],
    draws: Sequence[int],
    hit_share: float = 0.05,
) -> Comparison:
    """Run strategies on the same draws of pools.

    Parameters
    ----------
    pools : callable
        From the number of a draw to its pools, over which scores are averaged.
    strategies : sequence of str
        As in `label_in_rounds`.
    new_learner, score, budgets
        As in `label_in_rounds`.
    draws : sequence of int
        Two or more.
    hit_share : float, default .05
        The strongest so many of a pool, by the size of their labels, are hits.

    Returns
    -------
    found : Comparison

    Examples
    --------
    >>> from hypecheck.doubt import GaussianRidge
    >>> def pools(draw):
    ...     x = np.random.default_rng(draw).random((30, 2))
    ...     return [Pool(x, x[:, 0], x, x[:, 0])]
    >>> score = lambda truth, predicted: -float(np.abs(truth - predicted).mean())
    >>> both = ("random", "diversity")
    >>> compare(pools, both, GaussianRidge, score, budgets=(4, 8), draws=(0, 1)).gain("random").high
    0.0
    """
    scores: dict[str, list[Floats]] = {name: [] for name in strategies}
    hits: dict[str, list[Floats]] = {name: [] for name in strategies}
    for draw in draws:
        asked = pools(draw)
        for name in strategies:
            found = [
                label_in_rounds(pool, name, new_learner, score, budgets=budgets, seed=draw)
                for pool in asked
            ]
            shares = [
                hits_found(pool.labels, rows, budgets, share=hit_share)
                for pool, (_, rows) in zip(asked, found, strict=True)
            ]
            scores[name].append(np.mean([one for one, _ in found], axis=0))
            hits[name].append(np.mean(shares, axis=0))
    return Comparison(
        tuple(budgets),
        {name: np.array(rows) for name, rows in scores.items()},
        {name: np.array(rows) for name, rows in hits.items()},
    )
