"""Intervals, and the verdicts that may be read off them.

Design choices

- An interval says what it rests on: items or groups, seeds, method, level.
- An interval that is estimate ± t · standard error can be had at another level, and has a p value.
  One made of quantiles of resamples has neither: bootstrap again, or use a permutation test.
- The rules of comparison stand in one function, `compare`, in the order in which they apply.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Floats: TypeAlias = npt.NDArray[np.float64]
Verdict: TypeAlias = Literal["beats", "loses", "matches", "not worse", "not resolved"]

NEEDED_SEEDS = 5


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval and what it rests on.

    Parameters
    ----------
    estimate, low, high : float
        The estimate and the ends of its interval.
    level : float, default .95
        Nominal coverage.
    method : str
        How the interval was made.
    n : int
        Number of items, or of groups where whole groups were resampled.
    n_seeds : int, optional
        Number of training runs; None where nothing was trained, or training has no randomness.
    standard_error, degrees_of_freedom : float, optional
        Set where the interval is estimate ± t · standard error; then `at_level`, `p_value` and
        `tost` work. NaN for bootstrap intervals.

    Examples
    --------
    >>> print(Interval(0.531, 0.493, 0.569))
    .531 [.493, .569]
    """

    estimate: float
    low: float
    high: float
    level: float = 0.95
    method: str = ""
    n: int = 0
    n_seeds: int | None = None
    standard_error: float = float("nan")
    degrees_of_freedom: float = float("nan")

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside the interval (its ends belong to it)."""
        return not self.low <= value <= self.high

    def overlaps(self, other: Interval) -> bool:
        """Whether two intervals share a point; no test of a difference: pair the items for that."""
        return self.low <= other.high and other.low <= self.high

    def at_level(self, level: float) -> Interval:
        """Give the same estimate with its interval at another level.

        Raises
        ------
        ValueError
            If the interval has no standard error: bootstrap again with that level.
        """
        self.need_standard_error("at_level")
        half = t_quantile(level, self.degrees_of_freedom) * self.standard_error
        return replace(self, low=self.estimate - half, high=self.estimate + half, level=level)

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided p of the t test that the truth is `null`.

        Raises
        ------
        ValueError
            If the interval has no standard error: use `permutation_test`.
        """
        self.need_standard_error("p_value")
        distance = abs(self.estimate - null)
        return min(1.0, 2 * _upper_tail(distance, self.standard_error, self.degrees_of_freedom))

    def need_standard_error(self, name: str) -> None:
        """Refuse what cannot be done without a standard error.

        Parameters
        ----------
        name : str
            What is asked for.

        Raises
        ------
        ValueError
            If the interval has none; the message says what to do instead.
        """
        if np.isnan(self.standard_error):
            raise ValueError(
                f"{name} needs a standard error, which a {self.method or 'plain'} interval lacks; "
                "bootstrap again with the other level, use permutation_test for a p value, or make "
                "the interval with paired_seeds_and_items"
            )

    def __str__(self) -> str:
        return f"{_short(self.estimate)} [{_short(self.low)}, {_short(self.high)}]"


def _short(number: float) -> str:
    """Three decimals, no zero before the point: .531, −.027, 1.250."""
    text = f"{number:.3f}"
    text = "0.000" if text == "-0.000" else text
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def t_quantile(level: float, degrees_of_freedom: float) -> float:
    """Half width of a t interval in standard errors.

    Parameters
    ----------
    level : float
        Nominal coverage.
    degrees_of_freedom : float
        Those of Student's distribution.

    Returns
    -------
    quantile : float
        The (1 + level) / 2 quantile.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.

    Examples
    --------
    >>> round(t_quantile(0.95, 4), 3)  # five seeds
    2.776
    """
    check_level(level)
    return float(stdtrit(degrees_of_freedom, (1 + level) / 2))


def check_level(level: float) -> None:
    """Refuse a level that is no probability, such as 95.

    Parameters
    ----------
    level : float
        Nominal coverage.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}; use .95 for 95 %")


def _upper_tail(distance: float, standard_error: float, degrees_of_freedom: float) -> float:
    """P(T · standard error >= distance); a standard error of 0 leaves no doubt either way."""
    if standard_error == 0:
        return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
    return float(stdtr(degrees_of_freedom, -distance / standard_error))


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust p values for several tests so that the chance of any false rejection is kept.

    Parameters
    ----------
    p_values : array_like, shape (M,)
        One p value for each test.

    Returns
    -------
    adjusted : ndarray of float64, shape (M,)
        Reject where ``adjusted < alpha``.

    Raises
    ------
    ValueError
        If a value is no probability.

    References
    ----------
    Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 65–70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be one row of numbers between 0 and 1, got {p_values!r}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


@dataclass(frozen=True)
class Equivalence:
    """The p values of two one-sided tests.

    Parameters
    ----------
    p_equivalent : float
        Small: the difference lies within ± margin.
    p_not_worse : float
        Small: the difference lies above − margin.
    margin : float
        The margin, fixed beforehand.
    """

    p_equivalent: float
    p_not_worse: float
    margin: float


def tost(difference: Interval, margin: float) -> Equivalence:
    """Test equivalence and non-inferiority by a margin: two one-sided t tests.

    Parameters
    ----------
    difference : Interval
        A difference with its standard error, from `paired_seeds_and_items`.
    margin : float
        The largest difference that does not matter, in the metric's units.

    Returns
    -------
    equivalence : Equivalence
        ``p_equivalent < .05`` exactly where the 90 % interval lies within ± margin, and
        ``p_not_worse < .05`` exactly where its lower end exceeds − margin.

    Raises
    ------
    ValueError
        If the margin is not positive or the interval has no standard error.

    References
    ----------
    Schuirmann (1987), "A comparison of the two one-sided tests procedure and the power approach",
    Journal of Pharmacokinetics and Biopharmaceutics 15, 657–680.

    Examples
    --------
    >>> small = Interval(0.01, 0.0, 0.0, n=500, standard_error=0.01, degrees_of_freedom=9)
    >>> result = tost(small, margin=0.03)
    >>> round(result.p_equivalent, 3), round(result.p_not_worse, 3)
    (0.038, 0.002)
    """
    _check_margin(margin)
    difference.need_standard_error("tost")
    error, freedom = difference.standard_error, difference.degrees_of_freedom
    not_worse = _upper_tail(difference.estimate + margin, error, freedom)
    not_better = _upper_tail(margin - difference.estimate, error, freedom)
    return Equivalence(max(not_worse, not_better), not_worse, margin)


def _check_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}; .03 is usual for MCC and AUROC")


def compare(
    interval95: Interval,
    interval90: Interval,
    margin: float,
    *,
    p_adjusted: float | None = None,
) -> Verdict:
    """Judge a paired difference by the book's rules, in the order in which they stand here.

    - "beats", "loses": the 95 % interval excludes zero;
    - "matches": the 90 % interval lies within ± margin;
    - "not worse": the lower end of the 90 % interval exceeds − margin;
    - "not resolved": nothing of that, or fewer than five seeds.

    Parameters
    ----------
    interval95, interval90 : Interval
        The same difference at both levels.
    margin : float
        The largest difference that does not matter, fixed beforehand.
    p_adjusted : float, optional
        The difference's p value after `holm`; "beats" and "loses" then also need it below .05.

    Returns
    -------
    verdict : {"beats", "loses", "matches", "not worse", "not resolved"}
        A difference that is sure and small "beats", though it may lie within the margin.

    Raises
    ------
    ValueError
        If the levels are not 95 % and 90 %, or the margin is not positive.

    Examples
    --------
    >>> compare(Interval(0.0, -0.02, 0.02), Interval(0.0, -0.01, 0.01, level=0.90), 0.03)
    'matches'
    """
    _check_margin(margin)
    if not (np.isclose(interval95.level, 0.95) and np.isclose(interval90.level, 0.90)):
        raise ValueError(
            f"compare needs a 95 % and a 90 % interval, got {interval95.level:g} and "
            f"{interval90.level:g}; make them with level=.95 and level=.90, or at_level"
        )
    if interval95.n_seeds is not None and interval95.n_seeds < NEEDED_SEEDS:
        return "not resolved"
    if interval95.excludes(0.0) and (p_adjusted is None or p_adjusted < 0.05):
        return "beats" if interval95.low > 0 else "loses"
    if -margin < interval90.low and interval90.high < margin:
        return "matches"
    return "not worse" if interval90.low > -margin else "not resolved"
