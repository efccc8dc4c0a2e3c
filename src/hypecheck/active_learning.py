"""Which experiment next? Label a pool in rounds: at random, where a model is unsure, or far apart.

Design choices

- All strategies begin with the same labels, drawn at random, and are scored on the same test items:
  a draw gives paired curves.
- A strategy sees features and labels of what is labelled, and only features of the rest.
- The regression is a Gaussian process with a linear kernel, that is, ridge regression that knows
  how unsure it is. Its doubt does not depend on measured values, so that a batch can be chosen one
  by one: each choice lowers the doubt about its relatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import isotonic_regression
from sklearn.linear_model import LogisticRegression

from hypecheck.resampling import Interval, bootstrap_interval, seed_interval

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class Learner(Protocol):
    """A model that can say how unsure it is."""

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn from labelled items, shape (n, F) and (n,)."""
        ...

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Predict items, shape (N,)."""
        ...

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Choose n of the items."""
        ...


class Logistic:
    """Logistic regression; unsure where the two classes are about as likely.

    Parameters
    ----------
    C : float, default .01
        Inverse strength of the penalty.

    Examples
    --------
    >>> model = Logistic(C=1.0)
    >>> model.fit(np.array([[0.0], [1.0], [3.0], [4.0]]), np.array([0, 0, 1, 1]))
    >>> model.most_unsure(np.array([[0.0], [2.0], [9.0]]), 1).tolist()
    [1]
    """

    def __init__(self, C: float = 0.01) -> None:
        self._model = LogisticRegression(C=C, max_iter=300, tol=1e-3)
        self._only: int | None = None

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn; of one class only, remember that class."""
        classes = np.unique(target)
        self._only = int(classes[0]) if len(classes) == 1 else None
        if self._only is None:
            self._model.fit(features, target)

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Most likely class of each item."""
        if self._only is not None:
            return np.full(len(features), self._only)
        return np.asarray(self._model.predict(features))

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Items nearest to the border between the classes."""
        if self._only is not None:
            return np.arange(n)
        margin = np.abs(self._model.decision_function(features))
        return np.argsort(margin, kind="stable")[:n].astype(np.int64)


class GaussianRidge:
    r"""Ridge regression that knows its own doubt.

    Parameters
    ----------
    penalty : float, default 3
        Variance of the noise, if weights have variance 1.

    Notes
    -----
    With labelled features X and penalty λ the doubt about x is
    :math:`x^T x - x^T X^T (X X^T + λ I)^{-1} X x`. `most_unsure` takes the largest, treats it as
    labelled, and goes on (greedy choice of the largest posterior variance).

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, chapter 2.

    Examples
    --------
    >>> model = GaussianRidge(penalty=0.1)
    >>> model.fit(np.array([[1.0, 0.0]]), np.array([2.0]))
    >>> model.most_unsure(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 2).tolist()
    [1, 0]
    """

    def __init__(self, penalty: float = 3.0) -> None:
        self._penalty = penalty

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn weights and the mean."""
        self._known = features
        self._factor = cho_factor(features @ features.T + self._penalty * np.eye(len(features)))
        values = np.asarray(target, dtype=np.float64)
        self._mean = float(values.mean())
        self._weights = features.T @ cho_solve(self._factor, values - self._mean)

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Mean of the posterior."""
        return np.asarray(features @ self._weights + self._mean)

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Items of the largest posterior variance, one after the other."""
        cross = features @ self._known.T  # (N, n_labelled)
        covariance = features @ features.T - cross @ cho_solve(self._factor, cross.T)
        chosen = np.empty(n, dtype=np.int64)
        taken = np.zeros(len(features), dtype=np.bool_)
        for place in range(n):
            doubt = np.where(taken, -np.inf, covariance.diagonal())
            best = int(doubt.argmax())
            chosen[place], taken[best] = best, True
            column = covariance[:, best].copy()
            covariance -= np.outer(column, column) / (column[best] + self._penalty)
        return chosen


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
    effects: npt.ArrayLike, labelled: Mapping[int, Rows], *, share: float, n: int
) -> list[float]:
    """Say which share of the strongest effects of a pool a labelling found, draw by draw.

    Parameters
    ----------
    effects : array_like, shape (N,)
        Measured values of the pool.
    labelled : mapping of int to ndarray of int64
        By draw, rows in the order of labelling.
    share : float
        The strongest so many, by size, are hits.
    n : int
        Labels that are counted.

    Returns
    -------
    found : list of float
        Between 0 and 1.

    Examples
    --------
    >>> hits_found([5.0, 0.1, -4.0, 0.2], {0: np.array([2, 1])}, share=0.5, n=2)
    [0.5]
    """
    size = np.abs(np.asarray(effects, dtype=np.float64))
    hits = size >= np.quantile(size, 1 - share)
    return [float(hits[rows[:n]].sum() / hits.sum()) for rows in labelled.values()]


def neighbourhoods(positions: npt.ArrayLike, *, step: int = 10) -> Floats:
    """Describe places along a sequence by their nearness to marks set at equal steps.

    Parameters
    ----------
    positions : array_like of int, shape (N,)
        Places in bp, from 0.
    step : int, default 10
        Between marks in bp; nearness is a bell curve of that width.

    Returns
    -------
    features : ndarray of float64, shape (N, marks)
        Between 0 and 1.

    Examples
    --------
    >>> neighbourhoods([0, 10], step=10).round(1).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    """
    place = np.asarray(positions, dtype=np.float64)
    marks = np.arange(0, place.max() + step, step)
    marks = marks[marks <= place.max()]
    nearness: Floats = np.exp(-0.5 * ((place[:, None] - marks) / step) ** 2)
    return nearness
