"""How often do nominal 95 % intervals cover? ``python -m benchmarks.coverage [TRIALS [WORD]]``.

Every world below has a known truth, so a trial is: draw a sample, make the interval, look whether
the truth lies inside. The table that this prints is the source of the figures in the Notes of
`hypecheck.resampling`; the tests repeat parts of it with 1,000 trials.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from hypecheck import resampling, scores
from hypecheck.resampling import Interval

Trial = Callable[[np.random.Generator], tuple[Interval, float]]
Array = npt.NDArray[np.float64]


class Mean:
    """The mean, with the batched form that makes a thousand bootstraps cheap."""

    def __call__(self, values: Array) -> float:
        """Average."""
        return float(np.mean(values))

    def weighted(self, values: Array, counts: Array) -> Array:
        """Average under each row of counts."""
        return counts @ values / counts.sum(axis=1)


MEAN = Mean()


def coverage(trial: Trial, *, n_trials: int, seed: int) -> tuple[float, float]:
    """Return the share of trials whose interval holds the truth, and the mean width."""
    rng = np.random.default_rng(seed)
    inside, width = 0, 0.0
    for _ in range(n_trials):
        interval, truth = trial(rng)
        inside += not interval.excludes(truth)
        width += interval.high - interval.low
    return inside / n_trials, width / n_trials


def mean_world(n: int, *, skewed: bool, method: resampling.Method, n_resamples: int) -> Trial:
    """Mean of n normal or exponential values."""

    def trial(rng: np.random.Generator) -> tuple[Interval, float]:
        values = rng.exponential(size=n) if skewed else rng.normal(1.0, 1.0, size=n)
        made = resampling.bootstrap_interval(
            MEAN, values, rng=rng, method=method, n_resamples=n_resamples
        )
        return made, 1.0

    return trial


def _predict(rng: np.random.Generator, truth: Array, skill: Array) -> Array:
    """Classes that are right with the probability given for each item."""
    return np.where(rng.random(skill.shape) < skill, truth, 1 - truth)


def matthews_world(n: int, *, method: resampling.Method, n_resamples: int) -> Trial:
    """Matthews correlation with 30 % positives, sensitivity .8, specificity .9."""
    share, sensitivity, specificity = 0.3, 0.8, 0.9
    tp, fn = share * sensitivity, share * (1 - sensitivity)
    tn, fp = (1 - share) * specificity, (1 - share) * (1 - specificity)
    true_value = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

    def trial(rng: np.random.Generator) -> tuple[Interval, float]:
        truth = (rng.random(n) < share).astype(float)
        predicted = _predict(rng, truth, np.where(truth == 1, sensitivity, specificity))
        made = resampling.bootstrap_interval(
            scores.matthews, truth, predicted, rng=rng, method=method, n_resamples=n_resamples
        )
        return made, float(true_value)

    return trial


def difference_world(n: int, *, method: resampling.Method, n_resamples: int) -> Trial:
    """Paired difference of Matthews correlations; both models fail on the same hard items."""
    skill_a, skill_b = np.array([0.95, 0.65]), np.array([0.9, 0.6])  # on easy and hard items
    true_value = 2 * (skill_a.mean() - skill_b.mean())  # MCC = 2 accuracy - 1 where symmetric

    def trial(rng: np.random.Generator) -> tuple[Interval, float]:
        truth, hard = rng.integers(2, size=n), rng.integers(2, size=n)
        made = resampling.paired_difference(
            scores.matthews,
            truth,
            _predict(rng, truth, skill_a[hard]),
            _predict(rng, truth, skill_b[hard]),
            rng=rng,
            method=method,
            n_resamples=n_resamples,
        )
        return made, float(true_value)

    return trial


def cluster_world(
    n_clusters: int, *, method: resampling.Method, n_resamples: int, aware: bool = True
) -> Trial:
    """Accuracy over clusters of 2 to 8 items that are easy or hard together."""
    skill = np.array([0.95, 0.55])

    def trial(rng: np.random.Generator) -> tuple[Interval, float]:
        sizes = rng.integers(2, 9, size=n_clusters)
        groups = np.repeat(np.arange(n_clusters), sizes)
        truth = rng.integers(2, size=len(groups))
        hard = rng.integers(2, size=n_clusters)
        made = resampling.bootstrap_interval(
            scores.accuracy,
            truth,
            _predict(rng, truth, skill[hard][groups]),
            rng=rng,
            method=method,
            n_resamples=n_resamples,
            groups=groups if aware else None,
        )
        return made, float(skill.mean())

    return trial


def seeds_world(
    n_seeds: int, n_items: int, *, seed_sd: float, paired: bool = False, n_resamples: int = 200
) -> Trial:
    """Matthews correlation of trained models: skill = common + seed + item + their interplay.

    A run is right on an item with probability Φ(1 + seed effect + item effect); its interplay with
    the item is the draw itself. Paired: against a second method of the same skill, so truth is 0.
    """
    item_sd = 1.0
    accuracy = ndtr(1.0 / np.sqrt(1 + item_sd**2 + seed_sd**2))

    def trial(rng: np.random.Generator) -> tuple[Interval, float]:
        truth = rng.integers(2, size=n_items)
        item = rng.normal(0, item_sd, size=n_items)
        runs = [
            _predict(rng, truth, ndtr(1.0 + rng.normal(0, seed_sd, size=(n_seeds, 1)) + item))
            for _ in range(1 + paired)
        ]
        if paired:
            made = resampling.paired_seeds_and_items(
                scores.matthews, truth, *runs, rng=rng, n_resamples=n_resamples
            )
            return made, 0.0
        made = resampling.seeds_and_items_interval(
            scores.matthews, truth, runs[0], rng=rng, n_resamples=n_resamples
        )
        return made, float(2 * accuracy - 1)

    return trial


SEED_SDS = {"no seed effect": 0.0, "seeds like items": 0.06, "seeds dominate": 0.6}


def table(n_resamples: int = 1000) -> dict[str, Trial]:
    """Name every world whose coverage the documentation states."""
    rows: dict[str, Trial] = {}
    methods: tuple[resampling.Method, ...] = ("percentile", "bca")
    for n in (30, 300):
        for method in methods:
            how = {"method": method, "n_resamples": n_resamples}
            rows[f"normal mean, n = {n}, {method}"] = mean_world(n, skewed=False, **how)
            rows[f"exponential mean, n = {n}, {method}"] = mean_world(n, skewed=True, **how)
            rows[f"MCC, n = {n}, {method}"] = matthews_world(n, **how)
            rows[f"MCC difference, n = {n}, {method}"] = difference_world(n, **how)
    for n in (10, 60):
        for method in methods:
            how = {"method": method, "n_resamples": n_resamples}
            rows[f"accuracy, {n} clusters, {method}"] = cluster_world(n, **how)
    rows["accuracy, 60 clusters ignored, percentile"] = cluster_world(
        60, method="percentile", n_resamples=n_resamples, aware=False
    )
    for n_seeds in (3, 5, 10):
        for name, seed_sd in SEED_SDS.items():
            for paired in (False, True):
                kind = "difference" if paired else "one method"
                rows[f"{n_seeds} seeds, {name}, {kind}"] = seeds_world(
                    n_seeds, 1000, seed_sd=seed_sd, paired=paired
                )
    return rows


def main(n_trials: int = 2000, word: str = "") -> None:
    """Print the table, or its rows with a word; at 2,000 trials 95 % has a standard error of .5."""
    print(f"| world | coverage of nominal 95 % ({n_trials} trials) | mean width |")
    print("|---|---|---|")
    chosen = {name: trial for name, trial in table().items() if word in name}
    for name, trial in chosen.items():
        share, width = coverage(trial, n_trials=n_trials, seed=1)
        print(f"| {name} | {share:.1%} | {width:.3f} |", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]), *sys.argv[2:3])
