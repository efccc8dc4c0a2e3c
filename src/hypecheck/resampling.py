"""Intervals, tests and verdicts: how sure a comparison of models may be.

Design choices

- Every resample is a row of counts: how often each item was drawn. Whole groups are drawn for the
  cluster bootstrap, so its rows repeat one count within a group.
- A statistic that has a method ``weighted(*arrays, counts)`` (those of `hypecheck.scores`) gets a
  block of rows at once; any other callable gets the resampled arrays, one row at a time.
- A trained model is one draw of its seed: `seeds_and_items_interval` and `paired_seeds_and_items`
  add that variance to the variance of the test items. A bootstrap over items alone does not.
- Intervals say what they rest on: items or groups, seeds, method. `compare` reads that, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtr, stdtrit

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]
Method: TypeAlias = Literal["percentile", "bca"]
Verdict: TypeAlias = Literal["beats", "loses", "matches", "not worse", "not resolved"]

NEEDED_SEEDS = 5
_FEWEST_RESAMPLES = 50
_MOST_UNDEFINED = 0.05  # share of resamples in which a statistic may be undefined
_BLOCK = 1 << 21  # counts held at a time


class Metric(Protocol):
    """Any function of true and predicted values, one number for N items."""

    def __call__(self, y_true: Array, y_score: Array, /) -> float:
        """Score the predictions."""


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
        self._need_standard_error("at_level")
        half = _t_quantile(level, self.degrees_of_freedom) * self.standard_error
        return replace(self, low=self.estimate - half, high=self.estimate + half, level=level)

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided p of the t test that the truth is `null`.

        Raises
        ------
        ValueError
            If the interval has no standard error: use `permutation_test`.
        """
        self._need_standard_error("p_value")
        distance = abs(self.estimate - null)
        return min(1.0, 2 * _upper_tail(distance, self.standard_error, self.degrees_of_freedom))

    def _need_standard_error(self, name: str) -> None:
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


def _t_quantile(level: float, degrees_of_freedom: float) -> float:
    _check_level(level)
    return float(stdtrit(degrees_of_freedom, (1 + level) / 2))


def _upper_tail(distance: float, standard_error: float, degrees_of_freedom: float) -> float:
    """P(T · standard error >= distance); a standard error of 0 leaves no doubt either way."""
    if standard_error == 0:
        return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
    return float(stdtr(degrees_of_freedom, -distance / standard_error))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}; use .95 for 95 %")


# --- resamples as counts ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Units:
    """What is drawn: single items, or whole groups of them."""

    n_items: int
    n_units: int
    unit_of_item: Array | None  # (N,), None: each item is a unit

    def spread(self, counts: Array) -> Array:
        """Give each item the count of its unit."""
        return counts if self.unit_of_item is None else counts[:, self.unit_of_item]  # (B, N)

    def draws(self, n_resamples: int, rng: np.random.Generator) -> Iterator[Array]:
        """Yield blocks of bootstrap counts over the items."""
        rows = max(1, _BLOCK // self.n_items)
        for start in range(0, n_resamples, rows):
            n_rows = min(rows, n_resamples - start)
            drawn = rng.integers(self.n_units, size=(n_rows, self.n_units))
            drawn += np.arange(n_rows)[:, None] * self.n_units
            counts = np.bincount(drawn.ravel(), minlength=n_rows * self.n_units)
            yield self.spread(counts.reshape(n_rows, self.n_units).astype(np.float32))  # (B, N)

    def leave_one_out(self) -> Iterator[Array]:
        """Yield blocks of jackknife counts: each row lacks one unit."""
        rows = max(1, _BLOCK // self.n_items)
        for start in range(0, self.n_units, rows):
            left_out = np.arange(start, min(start + rows, self.n_units))
            yield self.spread((left_out[:, None] != np.arange(self.n_units)).astype(np.float32))


def _units(n_items: int, groups: npt.ArrayLike | None) -> _Units:
    if groups is None:
        units = _Units(n_items, n_items, None)
    else:
        labels = np.asarray(groups)
        if labels.shape != (n_items,):
            raise ValueError(
                f"groups must have shape ({n_items},), one for each item, got {labels.shape}"
            )
        names, unit_of_item = np.unique(labels, return_inverse=True)
        units = _Units(n_items, len(names), unit_of_item)
    if units.n_units < 2:
        raise ValueError(
            f"{units.n_units} {'item' if groups is None else 'group'} cannot be resampled; "
            "an interval needs at least 2, and should have 30 or more"
        )
    return units


def _evaluate(statistic: Callable[..., Any], arrays: Sequence[Array], counts: Array) -> Floats:
    """Give the statistic for every row of counts."""
    weighted = getattr(statistic, "weighted", None)
    if weighted is not None:
        return np.asarray(weighted(*arrays, counts), dtype=np.float64)  # (B,)
    values = np.empty(len(counts))
    for number, row in enumerate(counts):
        items = np.repeat(np.arange(len(row)), row.astype(np.int64))
        values[number] = statistic(*(array[items] for array in arrays))
    return values  # (B,)


def _collect(evaluate: Callable[[Array], Floats], blocks: Iterator[Array]) -> Floats:
    """Evaluate all blocks; drop the few undefined values, refuse many."""
    values = np.concatenate([evaluate(counts) for counts in blocks])
    undefined = ~np.isfinite(values)
    if undefined.mean() > _MOST_UNDEFINED:
        raise ValueError(
            f"the statistic is NaN or infinite in {int(undefined.sum())} of {values.size} "
            "resamples; there are too few items, or too few of one class, for an interval"
        )
    return values[~undefined]


def _one(n_items: int) -> Array:
    """Give the counts of the sample itself: each item once."""
    return np.ones((1, n_items), dtype=np.float32)


def _aligned(*arrays: npt.ArrayLike) -> list[Array]:
    """Return arrays of one length, or say which are not."""
    checked = [np.asarray(array) for array in arrays]
    if not checked or any(array.ndim == 0 for array in checked):
        raise ValueError("pass at least one array, each with the items along its first axis")
    lengths = [len(array) for array in checked]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"arrays have {lengths} items along their first axis; give the same items, in the same "
            "order, to each"
        )
    return checked


# --- bootstrap ----------------------------------------------------------------------------------


def bootstrap_interval(
    statistic: Callable[..., Any],
    *arrays: npt.ArrayLike,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of any statistic of items.

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays) -> float``, whatever the order of the items; with a method
        ``weighted(*arrays, counts)`` it is evaluated in blocks, and fast.
    *arrays : array_like, shape (N, ...)
        Resampled together along the first axis.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int, default 1000
        Number of resamples, 50 at least.
    level : float, default .95
        Nominal coverage.
    method : {"percentile", "bca"}, default "percentile"
        Quantiles of the resamples, or quantiles corrected for bias and skew.
    groups : array_like, shape (N,), optional
        Group of each item; whole groups are resampled (cluster bootstrap).

    Returns
    -------
    interval : Interval
        Without a standard error; ``n`` counts the units that were resampled.

    Raises
    ------
    ValueError
        If the arrays differ in length, or the statistic is undefined.

    Notes
    -----
    The items must be all there is to chance: for a trained model use `seeds_and_items_interval`.

    A bootstrap of n units is too narrow by about √((n − 1) / n), and knows no t quantile. So its
    tails are expanded, from (1 − level) / 2 to Φ(−t √(n / (n − 1))), t being Student's quantile for
    n − 1: 2.5 % becomes 1.9 % at n = 30. (Hesterberg's "expanded percentile interval"; here for
    ``"bca"`` and groups, too.)

    Measured coverage of the nominal 95 %, 2,000 trials each, standard error .5 points
    (``python -m benchmarks.coverage``):

    ================================  ==========  =====
    sample                            percentile  bca
    ================================  ==========  =====
    normal mean, n = 30               94.8        95.0
    exponential mean, n = 30          92.2        93.0
    MCC, n = 30                       91.0        96.0
    paired difference, MCC, n = 30    93.8        93.0
    normal mean, n = 300              95.1        95.0
    exponential mean, n = 300         93.8        93.7
    MCC, n = 300                      96.1        96.7
    paired difference, MCC, n = 300   94.3        94.1
    accuracy, 10 groups               94.0        95.2
    accuracy, 60 groups               93.5        93.8
    the same, groups ignored          83.3
    ================================  ==========  =====

    So thirty items are too few for a skewed statistic, and groups must not be forgotten.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 13 (percentile) and 14
    (BCa). Field and Welsh (2007), "Bootstrapping clustered data", Journal of the Royal Statistical
    Society B 69, 369–390. Hesterberg (2015), "What teachers should know about the bootstrap", The
    American Statistician 69, 371–386.

    Examples
    --------
    >>> interval = bootstrap_interval(np.mean, np.arange(100), rng=np.random.default_rng(0))
    >>> interval.estimate, interval.excludes(49), interval.excludes(30)
    (49.5, False, True)
    """
    checked = _aligned(*arrays)
    return _bootstrap(
        lambda counts: _evaluate(statistic, checked, counts),
        _units(len(checked[0]), groups),
        rng=rng,
        n_resamples=n_resamples,
        level=level,
        method=method,
    )


def paired_difference(
    metric: Metric,
    y_true: npt.ArrayLike,
    scores_a: npt.ArrayLike,
    scores_b: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_resamples: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Bootstrap interval of ``metric(a) − metric(b)`` on the same resampled items.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score) -> float``; those of `hypecheck.scores` are fast.
    y_true : array_like, shape (N, ...)
        True values.
    scores_a, scores_b : array_like, shape (N, ...)
        What two fixed models, or methods without chance, predict for these items.
    rng, n_resamples, level, method, groups
        As in `bootstrap_interval`.

    Returns
    -------
    difference : Interval
        Positive where a is the better one.

    Notes
    -----
    Coverage is that of `bootstrap_interval`, whose Notes hold the figures. For trained models use
    `paired_seeds_and_items`.

    Examples
    --------
    >>> from hypecheck.scores import accuracy
    >>> truth = np.tile([0, 1], 50)
    >>> wrong_at_ten = truth.copy()
    >>> wrong_at_ten[:10] = 1 - truth[:10]
    >>> rng = np.random.default_rng(0)
    >>> print(paired_difference(accuracy, truth, truth, wrong_at_ten, rng=rng))
    .100 [.050, .160]
    """
    truth, a, b = _aligned(y_true, scores_a, scores_b)
    return _bootstrap(
        lambda counts: (
            _evaluate(metric, (truth, a), counts) - _evaluate(metric, (truth, b), counts)
        ),
        _units(len(truth), groups),
        rng=rng,
        n_resamples=n_resamples,
        level=level,
        method=method,
    )


def _bootstrap(
    evaluate: Callable[[Array], Floats],
    units: _Units,
    *,
    rng: np.random.Generator,
    n_resamples: int,
    level: float,
    method: Method,
) -> Interval:
    _check_level(level)
    _check_resamples(n_resamples)
    if method not in ("percentile", "bca"):
        raise ValueError(f"method must be 'percentile' or 'bca', got {method!r}")
    estimate = float(_collect(evaluate, iter([_one(units.n_items)]))[0])
    resampled = _collect(evaluate, units.draws(n_resamples, rng))
    reach = _t_quantile(level, units.n_units - 1) * np.sqrt(units.n_units / (units.n_units - 1))
    tails = np.array([ndtr(-reach), ndtr(reach)])  # for many units (1 ± level) / 2
    if method == "bca":
        jackknife = _collect(evaluate, units.leave_one_out())
        tails = _bca_tails(tails, estimate, resampled, jackknife)
    low, high = np.quantile(resampled, tails)
    name = f"{method} bootstrap over {'items' if units.unit_of_item is None else 'groups'}"
    return Interval(estimate, float(low), float(high), level, name, units.n_units)


def _check_resamples(n_resamples: int) -> None:
    if n_resamples < _FEWEST_RESAMPLES:
        raise ValueError(
            f"n_resamples must be at least {_FEWEST_RESAMPLES}, got {n_resamples}; use 1,000"
        )


def _bca_tails(tails: Floats, estimate: float, resampled: Floats, jackknife: Floats) -> Floats:
    """Shift the tail probabilities by bias z0 and acceleration a (Efron and Tibshirani, ch. 14)."""
    below = np.mean(resampled < estimate) + np.mean(resampled == estimate) / 2
    if below in (0.0, 1.0):  # e.g. a perfect score: no resample can be better
        return tails
    deviation = jackknife.mean() - jackknife
    spread = np.sum(deviation**2) ** 1.5
    acceleration = np.sum(deviation**3) / (6 * spread) if spread > 0 else 0.0
    bias = ndtri(below)
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)))


# --- seeds and items ----------------------------------------------------------------------------


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
    _check_level(level)
    _check_resamples(n_resamples)
    truth = np.asarray(y_true)
    runs = [_check_runs(predictions, truth) for predictions in methods]
    units = _units(len(truth), groups)

    def mean_score(counts: Array) -> Floats:
        means = [np.mean([_evaluate(metric, (truth, run), counts) for run in s], 0) for s in runs]
        return np.asarray(means[0] - means[1] if len(means) > 1 else means[0])  # (B,)

    scores = [
        np.array([_evaluate(metric, (truth, run), _one(len(truth)))[0] for run in seeds])
        for seeds in runs
    ]
    if not all(np.isfinite(values).all() for values in scores):
        raise ValueError("the metric is NaN or infinite on the whole test set; look at its classes")
    resampled = _collect(mean_score, units.draws(n_resamples, rng))
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


# --- tests and verdicts -------------------------------------------------------------------------


def permutation_test(
    statistic: Callable[..., Any],
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_permutations: int = 9999,
    paired: bool = False,
) -> float:
    """Two-sided p value of ``statistic(a, b)`` when a and b may be exchanged.

    Parameters
    ----------
    statistic : callable
        ``statistic(a, b) -> float``, around the same value under exchange from either side.
    a, b : array_like, shape (Na, ...) and (Nb, ...)
        Two samples.
    rng : numpy.random.Generator
        Source of randomness.
    n_permutations : int, default 9999
        Number of random exchanges.
    paired : bool, default False
        Exchange within pairs ``a[i], b[i]`` instead of over both samples.

    Returns
    -------
    p_value : float
        Twice the smaller tail, each counted with the observed arrangement, so never 0.

    Raises
    ------
    ValueError
        If paired samples differ in shape.

    References
    ----------
    Phipson and Smyth (2010), "Permutation p-values should never be zero", Statistical Applications
    in Genetics and Molecular Biology 9, article 39.

    Examples
    --------
    >>> def shift(a, b):
    ...     return np.mean(a) - np.mean(b)
    >>> p = permutation_test(shift, [1, 2, 3, 4], [11, 12, 13, 14], rng=np.random.default_rng(0))
    >>> round(p, 2)  # 2 of 70 arrangements
    0.03
    """
    first, second = np.asarray(a), np.asarray(b)
    if paired and first.shape != second.shape:
        raise ValueError(f"paired samples must have one shape, got {first.shape}, {second.shape}")
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    observed = float(statistic(first, second))
    pooled = np.concatenate([first, second])
    n = len(first)
    null = np.empty(n_permutations)
    for number in range(n_permutations):
        if paired:
            swap = rng.integers(2, size=n) * n
            order = np.concatenate([np.arange(n) + swap, np.arange(n) + n - swap])
        else:
            order = rng.permutation(len(pooled))
        null[number] = statistic(pooled[order[:n]], pooled[order[n:]])
    slack = 1e-14 * max(1.0, abs(observed))  # sums in another order are not a larger difference
    above = 1 + np.sum(null >= observed - slack)
    below = 1 + np.sum(null <= observed + slack)
    return float(min(1.0, 2 * min(above, below) / (n_permutations + 1)))


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
    difference._need_standard_error("tost")
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


# --- leaderboards -------------------------------------------------------------------------------


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
    _check_level(level)
    _check_resamples(n_resamples)
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
