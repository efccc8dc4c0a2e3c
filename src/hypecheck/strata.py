"""Scores within strata, leaving groups out in turn, and what a flag is worth as evidence.

Design choices

- A pooled AUROC compares every harmful item with every harmless one. Most of these pairs may lie in
  different strata, and are then decided by the stratum. `WithinStrata` compares pairs of one
  stratum only; 0.5 is guessing for both.
- A dozen groups are too few to bootstrap. `leave_out_interval` leaves each out in turn.
- A threshold is chosen on other groups than those that it is then applied to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.resamples import Metric, evaluate, make_units, once
from hypecheck.resampling import Interval, bootstrap_interval, paired_seeds_and_items
from hypecheck.resampling import seeds_and_items_interval as over_seeds_and_items
from hypecheck.scores import auroc

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WithinStrata:
    """Area under the ROC curve over pairs of one stratum.

    Parameters
    ----------
    strata : ndarray of int64, shape (N,)
        Stratum of each item; the items must come in this order.

    Examples
    --------
    >>> truth, score = np.array([1, 1, 0, 0]), np.array([9.0, 1.0, 8.0, 2.0])
    >>> float(auroc(truth, score)), WithinStrata(np.array([0, 1, 0, 1]))(truth, score)
    (0.5, 0.5)
    >>> WithinStrata(np.array([0, 1, 1, 0]))(truth, score)
    0.5
    """

    strata: npt.NDArray[np.int64]

    def __call__(self, y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
        """Score every item once.

        Parameters
        ----------
        y_true, y_score : array_like, shape (N,)
            0 or 1, and scores.

        Returns
        -------
        score : float
            NaN if no stratum holds both classes.
        """
        truth, score = np.asarray(y_true), np.asarray(y_score)
        return float(self.weighted(truth, score, once(len(truth)))[0])

    def weighted(self, y_true: Labels, y_score: Array, counts: Array) -> Array:
        """Score every row of counts.

        Parameters
        ----------
        y_true, y_score : ndarray, shape (N,)
            0 or 1, and scores.
        counts : ndarray, shape (B, N)
            How often each item was drawn.

        Returns
        -------
        scores : ndarray of float64, shape (B,)
            Mean of the strata's areas, weighted by their pairs.
        """
        wins, pairs = np.zeros(len(counts)), np.zeros(len(counts))
        for stratum in np.unique(self.strata):
            here = self.strata == stratum
            if len(np.unique(y_true[here])) < 2:
                continue
            part = counts[:, here]
            n_pairs = part[:, y_true[here] == 1].sum(axis=1) * part[:, y_true[here] == 0].sum(
                axis=1
            )
            area = auroc.weighted(y_true[here], y_score[here], part)
            wins += np.where(n_pairs > 0, area, 0.0) * n_pairs
            pairs += n_pairs
        return np.divide(wins, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def _likelihood_ratio(y_true: Labels, flagged: Array, counts: Array) -> Array:
    """Give the share flagged among the harmful over that among the harmless, half a one added."""
    shares = []
    for label in (1, 0):
        weights = counts * (y_true == label)
        shares.append((weights @ (flagged > 0) + 0.5) / (weights.sum(axis=1) + 1.0))
    return np.asarray(shares[0] / shares[1], dtype=np.float64)


@dataclass(frozen=True)
class LikelihoodRatio:
    """How many times likelier a harmful item is to be flagged than a harmless one.

    Examples
    --------
    >>> truth, flagged = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, 1, 0, 0])
    >>> round(LikelihoodRatio()(truth, flagged), 3)  # (2.5 / 4) / (1.5 / 4)
    1.667
    """

    def __call__(self, y_true: npt.ArrayLike, flagged: npt.ArrayLike) -> float:
        """Score every item once.

        Parameters
        ----------
        y_true, flagged : array_like, shape (N,)
            0 or 1.

        Returns
        -------
        ratio : float
            With half an item added to each count, so that no ratio is infinite.
        """
        truth = np.asarray(y_true)
        return float(_likelihood_ratio(truth, np.asarray(flagged), once(len(truth)))[0])

    def weighted(self, y_true: Labels, flagged: Array, counts: Array) -> Array:
        """Score every row of counts.

        Parameters
        ----------
        y_true, flagged : ndarray, shape (N,)
            0 or 1.
        counts : ndarray, shape (B, N)
            How often each item was drawn.

        Returns
        -------
        ratios : ndarray of float64, shape (B,)
            One for each row.
        """
        return _likelihood_ratio(y_true, flagged, counts)


def ratio_curve(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, least_share: float = 0.1
) -> tuple[Array, Array, Array]:
    """Give the likelihood ratio of being flagged at every threshold that flags enough.

    Parameters
    ----------
    y_true, y_score : array_like, shape (N,)
        0 or 1, and scores; a score at the threshold or above it is flagged.
    least_share : float, default .1
        Of the harmful items that a threshold has to flag.

    Returns
    -------
    thresholds, shares, ratios : ndarray of float64, shape (T,)
        From the highest threshold down: the share of the harmful that is flagged, and the ratio.

    Examples
    --------
    >>> thresholds, shares, ratios = ratio_curve([1, 1, 0, 0], [4, 2, 3, 1])
    >>> thresholds.tolist(), shares.tolist(), ratios.round(2).tolist()
    ([4.0, 3.0, 2.0, 1.0], [0.5, 0.5, 1.0, 1.0], [3.0, 1.0, 1.67, 1.0])
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    thresholds, place = np.unique(-score, return_inverse=True)
    harmful, harmless = (
        np.cumsum(np.bincount(place[truth == label], minlength=len(thresholds))) for label in (1, 0)
    )
    shares = harmful / harmful[-1]
    ratios = ((harmful + 0.5) / (harmful[-1] + 1)) / ((harmless + 0.5) / (harmless[-1] + 1))
    enough = shares >= least_share
    return -thresholds[enough], shares[enough], ratios[enough]


def flag_by_others(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    least_share: float = 0.1,
) -> npt.NDArray[np.int64]:
    """Flag the items of each group by the threshold with the best ratio on the other groups.

    Parameters
    ----------
    y_true, y_score, groups : array_like, shape (N,)
        0 or 1, scores, and groups, e.g. exons.
    least_share : float, default .1
        As in `ratio_curve`.

    Returns
    -------
    flagged : ndarray of int64, shape (N,)
        0 or 1.

    Examples
    --------
    >>> flag_by_others([1, 0, 1, 0], [4, 1, 3, 2], ["a", "a", "b", "b"]).tolist()
    [1, 0, 0, 0]
    """
    truth, score, group = np.asarray(y_true), np.asarray(y_score), np.asarray(groups)
    flagged = np.zeros(len(truth), dtype=np.int64)
    for name in np.unique(group):
        others = group != name
        thresholds, _, ratios = ratio_curve(truth[others], score[others], least_share=least_share)
        flagged[~others] = score[~others] >= thresholds[ratios.argmax()]
    return flagged


def published_auroc(area: float, n_harmful: int, n_harmless: int) -> Interval:
    r"""Give an interval to a printed AUROC of which only the numbers of both classes are known.

    Parameters
    ----------
    area : float
        As printed.
    n_harmful, n_harmless : int
        Items of both classes.

    Returns
    -------
    interval : Interval
        Estimate ± 1.96 standard errors, the scores taken as exponential and the items as
        independent: a rough guide.

    Notes
    -----
    With :math:`Q_1 = A/(2-A)` and :math:`Q_2 = 2A^2/(1+A)`,
    :math:`\mathrm{SE}^2 = [A(1-A) + (m-1)(Q_1-A^2) + (n-1)(Q_2-A^2)] / mn`.

    References
    ----------
    Hanley and McNeil (1982), "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143, 29–36.

    Examples
    --------
    >>> print(published_auroc(0.9, 50, 50))
    .900 [.837, .963]
    """
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n_harmful - 1) * (first - area**2)
    spread += (n_harmless - 1) * (second - area**2)
    error = float(np.sqrt(spread / (n_harmful * n_harmless)))
    interval = Interval(
        area,
        np.nan,
        np.nan,
        method="Hanley and McNeil",
        n=n_harmful + n_harmless,
        standard_error=error,
        degrees_of_freedom=np.inf,
    )
    return interval.at_level(0.95)


def leave_out_interval(
    metric: Metric,
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    groups: npt.ArrayLike,
    minus: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Interval:
    r"""Interval of a mean score, or of a difference, by leaving each group out in turn.

    Parameters
    ----------
    metric : callable
        As in `hypecheck.resampling`.
    y_true : array_like, shape (N,)
        True values.
    predictions, minus : array_like, shape (S, N)
        Of S runs; S = 1 for a score without chance. With `minus`, the difference.
    groups : array_like, shape (N,)
        What is left out, e.g. exons.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        Estimate ± t · standard error, ``n`` groups.

    Raises
    ------
    ValueError
        If the score is undefined without one of the groups.

    Notes
    -----
    With :math:`\hat\theta_{(j)}` the score without group j of g,

    .. math:: \mathrm{SE}^2 = \frac{g-1}{g}\sum_j(\hat\theta_{(j)}-\bar\theta)^2
              + \frac{1}{S}\mathrm{var}_s(\hat\theta_s),

    with the degrees of freedom of the smaller number, g − 1 or S − 1.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 11.

    Examples
    --------
    >>> from hypecheck.scores import accuracy
    >>> truth = np.tile([0, 1], 6)
    >>> interval = leave_out_interval(accuracy, truth, truth[None], groups=np.arange(12) // 4)
    >>> print(interval)
    1.000 [1.000, 1.000]
    """
    truth, units = np.asarray(y_true), make_units(len(np.asarray(y_true)), groups)
    runs = [np.asarray(one) for one in (predictions, minus) if one is not None]

    def means(counts: Array) -> Array:
        values = [
            np.array([evaluate(metric, (truth, run), counts) for run in some]) for some in runs
        ]
        return values[0] - values[1] if len(values) > 1 else values[0]  # (S, B)

    whole = means(once(len(truth)))[:, 0]
    without = np.concatenate([means(counts) for counts in units.leave_one_out()], axis=1).mean(
        axis=0
    )
    if not np.isfinite(without).all():
        raise ValueError("the score is undefined without one of the groups; merge small groups")
    spread = (units.n_units - 1) * without.var()
    n_seeds = len(whole) if len(whole) > 1 else None
    interval = Interval(
        estimate=float(whole.mean()),
        low=np.nan,
        high=np.nan,
        method="each group left out in turn, t",
        n=units.n_units,
        n_seeds=n_seeds,
        standard_error=float(np.sqrt(spread + (whole.var(ddof=1) / n_seeds if n_seeds else 0.0))),
        degrees_of_freedom=float(min(n_seeds or np.inf, units.n_units) - 1),
    )
    return interval.at_level(level)


def wider_interval(
    metric: Metric,
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    small: npt.ArrayLike,
    large: npt.ArrayLike,
    minus: npt.ArrayLike | None = None,
    n_resamples: int = 500,
) -> Interval:
    """Bootstrap the small groups, leave out the large ones in turn, and give the wider interval.

    Parameters
    ----------
    metric, y_true, predictions, minus
        As in `leave_out_interval`.
    small, large : array_like, shape (N,)
        Groups of both kinds, e.g. positions and exons.
    n_resamples : int, default 500
        Draws of the small groups.

    Returns
    -------
    interval : Interval
        Always the same for the same numbers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=300)
    >>> score = truth + rng.normal(size=300)
    >>> exon = np.arange(300) // 50
    >>> found = wider_interval(auroc, truth, score[None], small=np.arange(300) // 3, large=exon)
    >>> found.low < auroc(truth, score) < found.high
    True
    """
    rng, runs = np.random.default_rng(0), np.asarray(predictions)
    drawn = {"rng": rng, "groups": small, "n_resamples": n_resamples}
    if minus is not None:
        first = paired_seeds_and_items(metric, y_true, runs, minus, **drawn)  # type: ignore[arg-type]
    elif len(runs) > 1:
        first = over_seeds_and_items(metric, y_true, runs, **drawn)  # type: ignore[arg-type]
    else:
        first = bootstrap_interval(metric, y_true, runs[0], **drawn)  # type: ignore[arg-type]
    second = leave_out_interval(metric, y_true, runs, groups=large, minus=minus)
    return max(first, second, key=lambda one: one.high - one.low)
