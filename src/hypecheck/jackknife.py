"""Intervals for what is measured between the members of an ensemble, by leaving members out.

Design choices

- Ten pairs of five members are not ten independent numbers. What varies is the member, so one
  member at a time is left out, with all its pairs, and the spread of what remains is told.
- Student's quantile with one degree of freedom fewer than there are members.

References
----------
Efron and Stein 1981, The jackknife estimate of variance, Annals of Statistics 9, 586–596.
Arvesen 1969, Jackknifing U-statistics, Annals of Mathematical Statistics 40, 2076–2100.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import Interval, t_quantile

Floats = npt.NDArray[np.float64]


def jackknife_interval(
    estimate: float, left_out: npt.ArrayLike, *, level: float = 0.95
) -> Interval:
    """Interval of a statistic of an ensemble from its values without one member each.

    Parameters
    ----------
    estimate : float
        With all members.
    left_out : array_like, shape (S,)
        The same without member 0, 1, …; three at least.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        ``n_seeds`` is S.

    Raises
    ------
    ValueError
        If there are fewer than three members.

    Examples
    --------
    >>> print(jackknife_interval(2.0, [2.5, 2.0, 1.5]))
    2.000 [-.484, 4.484]
    """
    values = np.asarray(left_out, dtype=np.float64)
    n_members = values.size
    if n_members < 3:
        raise ValueError(f"{n_members} members cannot be jackknifed; train three at least")
    error = math.sqrt((n_members - 1) / n_members * np.sum((values - values.mean()) ** 2))
    return _interval(float(estimate), error, n_members, level)


def pair_interval(pairs: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Interval of the mean over all pairs of members.

    Parameters
    ----------
    pairs : array_like, shape (S, S)
        Symmetric; the diagonal is not read.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        Of the mean of the off-diagonal values.

    Examples
    --------
    >>> pair_interval([[0, 1, 2], [1, 0, 3], [2, 3, 0]]).estimate
    2.0
    """
    matrix = np.asarray(pairs, dtype=np.float64)
    return jackknife_interval(
        _off_diagonal(matrix),
        [_off_diagonal(np.delete(np.delete(matrix, one, 0), one, 1)) for one in range(len(matrix))],
        level=level,
    )


def member_difference(a: Interval, b: Interval) -> Interval:
    """Interval of the difference of two ensembles that were trained apart.

    Parameters
    ----------
    a, b : Interval
        With standard errors, over members or seeds.

    Returns
    -------
    difference : Interval
        Of a minus b; variances add, and the smaller number of members gives the quantile.

    Examples
    --------
    >>> a = pair_interval([[0, 5, 4], [5, 0, 6], [4, 6, 0]])
    >>> b = pair_interval([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    >>> member_difference(a, b).estimate
    3.0
    """
    a.need_standard_error("a")
    b.need_standard_error("b")
    error = math.hypot(a.standard_error or 0.0, b.standard_error or 0.0)
    n_members = min(a.n_seeds or 0, b.n_seeds or 0)
    return _interval(a.estimate - b.estimate, error, n_members, a.level)


def _off_diagonal(matrix: Floats) -> float:
    return float(matrix[~np.eye(len(matrix), dtype=bool)].mean())


def _interval(estimate: float, error: float, n_members: int, level: float) -> Interval:
    half = t_quantile(level, n_members - 1) * error
    return Interval(
        estimate,
        estimate - half,
        estimate + half,
        level,
        "jackknife over members",
        0,
        n_members,
        error,
        n_members - 1,
    )
