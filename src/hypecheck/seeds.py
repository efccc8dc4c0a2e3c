"""Intervals for trained models: the seed and the test items both vary.

A trained model is one draw of its seed. A bootstrap over test items alone leaves that draw out, and
a bootstrap of a few seeds' scores cannot leave their range. Here both variances are added, and the
t quantile says how little a few seeds can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import Interval, check_level, t_quantile
from hypecheck.resamples import Metric, check_resamples, collect, evaluate, make_units, once

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]


def seeds_and_items_interval(
    metric: Metric,
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    groups: npt.ArrayLike | None = None,
) -> Interval:
    r"""Interval of a trained model's mean score, over seeds and over test items.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score) -> float``; those of `hypecheck.scores` are fast.
    y_true : array_like, shape (N,)
        True values of the test items.
    predictions : array_like, shape (S, N) or (S, N, C)
        What each of S training runs predicts. S = 1 says that the method has no randomness; never
        pass a single run of one that has.
    rng, n_resamples, level, groups
        As in `bootstrap_interval`; `groups` concerns the items.

    Returns
    -------
    interval : Interval
        With standard error, degrees of freedom, and the number of seeds (None where S = 1).

    Raises
    ------
    ValueError
        If shapes disagree, or the metric is undefined.

    Notes
    -----
    With :math:`\hat\theta_s` the score of seed s on the test set, the estimate is their mean and

    .. math:: \mathrm{SE}^2 = \frac{1}{S}\,\mathrm{var}_s(\hat\theta_s)
              + \mathrm{var}_{\text{items}}\Bigl(\frac1S\sum_s\hat\theta_s\Bigr),

    the first term a sample variance (divisor S − 1), the second a bootstrap over items, or groups,
    that holds the S models fixed and is enlarged by n / (n − 1) for its n units. The interval is
    the estimate ± t(S − 1) · SE; without seeds it has n − 1 degrees of freedom.

    It is right where seeds dominate and too wide where items do, not the other way: t(S − 1) is
    meant for the seeds alone, and both terms hold the chance by which seed and items interact.
    Measured coverage of the nominal 95 % on 1,000 items, 2,000 trials each, standard error .5
    points (``python -m benchmarks.coverage``); "like items": a seed moves the score as much as a
    new test set does:

    =================  ==========  ===========  ==============
    MCC, one method    no effect   like items   seeds dominate
    =================  ==========  ===========  ==============
    3 seeds            100         100          94.8
    5 seeds            99.7        99.8         93.9
    10 seeds           98.6        97.9         94.5
    =================  ==========  ===========  ==============

    A percentile bootstrap of the seeds' scores would cover 1 − 2 (1/2)^S of the time at best,
    75 % at S = 3: it cannot leave the range of the scores it has.

    References
    ----------
    Bouthillier et al. (2021), "Accounting for variance in machine learning benchmarks", MLSys 3,
    747–769. Hesterberg (2015), "What teachers should know about the bootstrap", The American
    Statistician 69, 371–386 (why a bootstrap variance is enlarged by n / (n − 1)).

    Examples
    --------
    >>> from hypecheck.scores import accuracy
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=400)
    >>> predictions = np.where(rng.random((5, 400)) < 0.8, truth, 1 - truth)
    >>> interval = seeds_and_items_interval(accuracy, truth, predictions, rng=rng)
    >>> interval.n_seeds, interval.excludes(0.5), interval.excludes(0.8)
    (5, True, False)
    """
    return _seeds_and_items(
        metric, y_true, [predictions], rng=rng, n_resamples=n_resamples, level=level, groups=groups
    )


def paired_seeds_and_items(
    metric: Metric,
    y_true: npt.ArrayLike,
    predictions_a: npt.ArrayLike,
    predictions_b: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    groups: npt.ArrayLike | None = None,
) -> Interval:
    r"""Interval of the difference of two methods' mean scores, over seeds and over test items.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score) -> float``; those of `hypecheck.scores` are fast.
    y_true : array_like, shape (N,)
        True values of the test items, the same for both.
    predictions_a, predictions_b : array_like, shape (S, N) or (S, N, C)
        What each training run predicts. Equal S: run s of a is paired with run s of b. S = 1: a
        method without randomness.
    rng, n_resamples, level, groups
        As in `bootstrap_interval`; `groups` concerns the items.

    Returns
    -------
    difference : Interval
        Of a minus b. ``n_seeds`` is the smaller number of seeds of the methods that have any.

    Raises
    ------
    ValueError
        If shapes disagree, or the metric is undefined.

    Notes
    -----
    As `seeds_and_items_interval`, of the difference. The same resampled items serve both methods.
    The seed term is the variance of the S paired differences over S, which is right whether or not
    sharing a seed makes the runs alike; with unequal S it is the sum of both methods' terms, and
    the degrees of freedom are those of the smaller S (fewer than Welch's).

    Measured coverage of the nominal 95 %, as in `seeds_and_items_interval`, two methods of the same
    skill and S seeds each:

    =================  ==========  ===========  ==============
    MCC, difference    no effect   like items   seeds dominate
    =================  ==========  ===========  ==============
    3 seeds            100         100          94.9
    5 seeds            100         99.5         95.5
    10 seeds           99.8        98.4         95.0
    =================  ==========  ===========  ==============

    Where seeds hardly matter, the interval is about 1.5 times as wide as it need be.

    Examples
    --------
    >>> from hypecheck.intervals import compare
    >>> from hypecheck.scores import accuracy
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(2, size=1000)
    >>> good = np.where(rng.random((5, 1000)) < 0.8, truth, 1 - truth)
    >>> fair = np.where(rng.random((5, 1000)) < 0.7, truth, 1 - truth)
    >>> difference = paired_seeds_and_items(accuracy, truth, good, fair, rng=rng)
    >>> compare(difference, difference.at_level(0.90), 0.03)
    'beats'
    """
    both = [predictions_a, predictions_b]
    return _seeds_and_items(
        metric, y_true, both, rng=rng, n_resamples=n_resamples, level=level, groups=groups
    )


def seed_interval(values: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Give the mean over trainings with Student's interval; items are taken as fixed.

    Parameters
    ----------
    values : array_like, shape (S,)
        One number for each seed, two at least.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        It knows the spread between seeds, and nothing of the choice of test windows.

    Examples
    --------
    >>> print(seed_interval([0.1, 0.2, 0.3]))
    .200 [-.048, .448]
    """
    array = np.asarray(values, dtype=np.float64)
    error = float(array.std(ddof=1) / np.sqrt(len(array)))
    mean, half = float(array.mean()), t_quantile(level, len(array) - 1) * error
    return Interval(
        mean, mean - half, mean + half, level, "t over seeds", 0, len(array), error, len(array) - 1
    )


def grid_interval(values: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    r"""Interval of a mean over seeds and over cases, such as pairs of species or tasks.

    Parameters
    ----------
    values : array_like of float, shape (S, C)
        One number for each of S trainings and C cases, every training having met every case.
    level : float, default .95
        Nominal coverage.

    Returns
    -------
    interval : Interval
        Of the mean of all values.

    Raises
    ------
    ValueError
        If there are fewer than two trainings or cases.

    Notes
    -----
    Both spreads count: :math:`\mathrm{SE}^2 = \mathrm{var}_s / S + \mathrm{var}_c / C`, variances
    of the row means and of the column means, with the t quantile of the smaller number less one.
    Cases that have something in common (pairs of the same three species) are fewer than they look.

    Examples
    --------
    >>> print(grid_interval([[0.1, 0.3], [0.1, 0.3]]))
    .200 [-1.071, 1.471]
    """
    table = np.asarray(values, dtype=np.float64)
    check_level(level)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"two seeds and two cases are needed at least, got shape {table.shape}")
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    variance = rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns)
    interval = Interval(
        estimate=float(table.mean()),
        low=np.nan,
        high=np.nan,
        method="cases and seeds, t",
        n=len(columns),
        n_seeds=len(rows),
        standard_error=float(np.sqrt(variance)),
        degrees_of_freedom=float(min(table.shape) - 1),
    )
    return interval.at_level(level)


def _seeds_and_items(
    metric: Metric,
    y_true: npt.ArrayLike,
    methods: Sequence[npt.ArrayLike],
    *,
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
    groups: npt.ArrayLike | None,
) -> Interval:
    """Interval of the first method's mean score, less the second's if there is one."""
    check_level(level)
    check_resamples(n_resamples)
    truth = np.asarray(y_true)
    runs = [_check_runs(predictions, truth) for predictions in methods]
    units = make_units(len(truth), groups)

    def mean_score(counts: Array) -> Floats:
        means = [np.mean([evaluate(metric, (truth, run), counts) for run in s], 0) for s in runs]
        return np.asarray(means[0] - means[1] if len(means) > 1 else means[0])  # (B,)

    scores = [
        np.array([evaluate(metric, (truth, run), once(len(truth)))[0] for run in seeds])
        for seeds in runs
    ]
    if not all(np.isfinite(values).all() for values in scores):
        raise ValueError("the metric is NaN or infinite on the whole test set; look at its classes")
    resampled = collect(mean_score, units.draws(n_resamples, rng))
    items = resampled.var(ddof=1) * units.n_units / (units.n_units - 1)
    seeds, n_seeds = _seed_variance(scores)
    interval = Interval(
        estimate=float(np.mean(scores[0]) - (np.mean(scores[1]) if len(scores) > 1 else 0.0)),
        low=np.nan,
        high=np.nan,
        method=f"{'items' if groups is None else 'groups'}{' and seeds' if n_seeds else ''}, t",
        n=units.n_units,
        n_seeds=n_seeds,
        standard_error=float(np.sqrt(seeds + items)),
        degrees_of_freedom=float(min(n_seeds or np.inf, units.n_units) - 1),
    )
    return interval.at_level(level)


def _seed_variance(scores: Sequence[Floats]) -> tuple[float, int | None]:
    """Variance that the seeds give to the mean (or difference of means), and how many there are."""
    random = [values for values in scores if len(values) > 1]
    if not random:
        return 0.0, None
    n_seeds = min(map(len, random))
    if len(random) == 2 and len(random[0]) == len(random[1]):
        random = [random[0] - random[1]]
    return sum(float(values.var(ddof=1)) / len(values) for values in random), n_seeds


def _check_runs(predictions: npt.ArrayLike, truth: Array) -> Array:
    runs = np.asarray(predictions)
    if runs.ndim < 2 or len(runs) < 1 or runs.shape[1] != len(truth):
        raise ValueError(
            f"predictions must have shape (seeds, {len(truth)}, ...), got {runs.shape}; give a "
            "method without randomness one leading axis of length 1"
        )
    return runs
