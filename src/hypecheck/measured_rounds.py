"""Rounds of measuring and learning on data that are measured already, at several budgets.

Design choices

- Every variant has been measured, so a smaller budget is simulated by looking at fewer of them.
- Variants are drawn at random, never chosen by the model: this asks what money buys, not how to
  spend it.

References
----------
Kircher et al. 2019, https://doi.org/10.1038/s41467-019-11526-w (the variants of the chapters).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import Ridge

Floats = npt.NDArray[np.float64]
PENALTIES = tuple(np.logspace(-1, 4, 6))


def round_scores(
    features: npt.NDArray[np.floating],
    effects: Floats,
    test: npt.NDArray[np.int64],
    budgets: tuple[int, ...],
    rng: np.random.Generator,
    *,
    n_rounds: int = 10,
) -> Floats:
    """Measure a few variants a round, learn from all measured so far, and score.

    Parameters
    ----------
    features : ndarray of float, shape (V, D)
        Of the variants.
    effects : ndarray of float64, shape (V,)
        As measured.
    test : ndarray of int64
        Variants that are never looked at before the end.
    budgets : tuple of int
        Measurements a round; all budgets draw from one order, so a small one is part of a large.
    rng : numpy.random.Generator
        Draws the order.
    n_rounds : int, default 10
        Rounds.

    Returns
    -------
    scores : ndarray of float64, shape (len(budgets), n_rounds)
        Pearson correlation with the measured effects of the test variants.

    Raises
    ------
    ValueError
        If there are too few variants for the largest budget.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 5))
    >>> scores = round_scores(x, x.sum(axis=1), np.arange(100), (5, 20), rng)
    >>> scores.shape, bool(scores[1, -1] > 0.95)
    ((2, 10), True)
    """
    pool = rng.permutation(np.setdiff1d(np.arange(len(effects)), test))
    if max(budgets) * n_rounds > len(pool):
        raise ValueError(
            f"{max(budgets)} a round for {n_rounds} rounds need {max(budgets) * n_rounds} "
            f"variants, but {len(pool)} are left; take smaller budgets"
        )
    rows = [
        [_learn(features, effects, pool[: budget * (n + 1)], test) for n in range(n_rounds)]
        for budget in budgets
    ]
    return np.array(rows)


def _learn(
    features: npt.NDArray[np.floating],
    effects: Floats,
    known: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> float:
    """Fit a ridge on what is known, its penalty chosen on a fifth of it."""
    cut = max(1, len(known) // 5)
    inner, outer = known[cut:], known[:cut]

    def error(penalty: float) -> float:
        model = Ridge(penalty).fit(features[inner], effects[inner])
        return float(np.square(model.predict(features[outer]) - effects[outer]).mean())

    best = min(PENALTIES, key=error)
    predicted = Ridge(best).fit(features[known], effects[known]).predict(features[test])
    return float(np.corrcoef(predicted, effects[test])[0, 1]) if predicted.std() > 0 else 0.0
