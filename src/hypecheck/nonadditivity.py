"""How much of the fitness of pairs is not the sum of two effects, and how much of that repeats.

Design choices

- What the additive model leaves over is interaction and noise together: an upper bound.
- Without replicates, the part that repeats is the part that can be told from other pairs: hide
  some pairs, complete the rest by a few strong patterns, and look. That is a lower bound.

References
----------
Norman et al. 2019, https://doi.org/10.1126/science.aax4438 (the measurements).
Candès and Recht 2009, https://doi.org/10.1007/s10208-009-9045-5 (completing a matrix of low rank).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import Interval

Floats = npt.NDArray[np.float64]


def additive_rest(pairs: Floats) -> tuple[Floats, Floats]:
    """Split pairs into the sum of two effects and the rest.

    Parameters
    ----------
    pairs : ndarray of float64, shape (n, n)
        Symmetric; the diagonal is not used.

    Returns
    -------
    sums, rest : ndarray of float64, shape (n, n)
        By least squares over all pairs of different genes; the diagonal of the rest is zero.

    Examples
    --------
    >>> effects = np.array([0.0, 1.0, 2.0, 4.0])
    >>> bool(np.allclose(additive_rest(effects[:, None] + effects)[1], 0))
    True
    """
    n = len(pairs)
    total = pairs.sum(axis=1) - np.diag(pairs)
    effects = (total - total.sum() / (2 * (n - 1))) / (n - 2)
    sums = effects[:, None] + effects
    rest = pairs - sums
    np.fill_diagonal(rest, 0)
    return sums, rest


def nonadditive_shares(
    pairs: Floats, rng: np.random.Generator, *, rank: int = 4, n_folds: int = 5, rounds: int = 15
) -> tuple[float, float]:
    """Bound the share of the variance of pairs that is not additive.

    Parameters
    ----------
    pairs : ndarray of float64, shape (n, n)
        Symmetric; the diagonal is not used.
    rng : numpy.random.Generator
        Deals pairs into folds.
    rank : int, default 4
        Patterns to complete by.
    n_folds, rounds : int
        Folds of pairs, and rounds of completion.

    Returns
    -------
    all_of_it : float
        Variance that the additive model leaves over, noise included, as a share of all.
    repeatable : float
        Additive variance and what hidden pairs confirm of the rest are the repeatable variance;
        the share of the latter in it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pattern = rng.normal(size=(30, 1))
    >>> all_of_it, repeatable = nonadditive_shares(pattern @ pattern.T, rng, rank=1)
    >>> repeatable > 0.8
    True
    """
    sums, rest = additive_rest(pairs)
    upper = np.triu_indices(len(pairs), 1)
    fold, told = rng.integers(n_folds, size=len(upper[0])), np.zeros(pairs.shape)
    for number in range(n_folds):
        hidden = tuple(axis[fold == number] for axis in upper)
        filled = rest.copy()
        for _ in range(rounds):
            values, vectors = np.linalg.eigh(filled)
            top = np.argsort(-np.abs(values))[:rank]
            patterns = (vectors[:, top] * values[top]) @ vectors[:, top].T
            for one in (hidden, hidden[::-1]):
                filled[one] = patterns[one]
            np.fill_diagonal(filled, np.diag(patterns))
        told[hidden] = filled[hidden]
    left, additive = rest[upper], sums[upper]
    confirmed = max(0.0, float(np.var(left) - np.var(left - told[upper])))
    share = confirmed / (confirmed + float(np.var(additive)))
    return missed_share(pairs), share


def missed_share(pairs: Floats) -> float:
    """Give the share of the variance of pairs that the additive model leaves over.

    Parameters
    ----------
    pairs : ndarray of float64, shape (n, n)
        Symmetric; the diagonal is not used.

    Returns
    -------
    share : float
        Interaction and noise together.

    Examples
    --------
    >>> missed_share(np.array([[0, 1, 2.0], [1, 0, 3], [2, 3, 0]])) < 1e-12
    True
    """
    sums, rest = additive_rest(pairs)
    upper = np.triu_indices(len(pairs), 1)
    return float(np.var(rest[upper]) / np.var((sums + rest)[upper]))


def jackknife_interval(estimate: float, without: npt.ArrayLike) -> Interval:
    """Give an interval from leaving out one gene at a time.

    Parameters
    ----------
    estimate : float
        From all genes.
    without : array_like, shape (n,)
        The same without each gene.

    Returns
    -------
    interval : Interval
        Normal, with the jackknife's standard error.

    References
    ----------
    Efron and Stein 1981, The jackknife estimate of variance.

    Examples
    --------
    >>> print(jackknife_interval(2.0, [1.5, 2.0, 2.5]))
    2.000 [-.484, 4.484]
    """
    values = np.asarray(without, dtype=np.float64)
    n = len(values)
    error = float(np.sqrt((n - 1) / n * np.square(values - values.mean()).sum()))
    return Interval(
        estimate=estimate,
        low=np.nan,
        high=np.nan,
        method="jackknife, t",
        n=n,
        standard_error=error,
        degrees_of_freedom=float(n - 1),
    ).at_level(0.95)
