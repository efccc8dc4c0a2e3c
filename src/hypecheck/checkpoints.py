"""Checkpoints of several runs: what their losses say about their scores.

Design choices

- A checkpoint stands for all seeds of one way to train, stopped at one step.
- A pair is chosen on validation data and read on test data, by different functions.
- Checkpoints of one run are no independent points: correlations are resampled by run.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hypecheck.resampling import Interval, bootstrap_interval, paired_seeds_and_items
from hypecheck.scores import matthews

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PARTS = ("validation", "test")
LEAST_GAIN = 0.01  # bits per base by which the first of a pair must lead on validation windows


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All seeds of one variant at one stop.

    Parameters
    ----------
    variant : str
        Which way to train.
    step : int
        Steps behind it; 0 before training.
    loss, score : dict of str to ndarray of float64, shape (S,)
        By part, "validation" and "test": bits per base, and Matthews correlation.
    window_losses : ndarray of float64, shape (S, M)
        Bits per base of each test window.
    predictions : ndarray of int64, shape (S, N)
        Predicted class of each test sequence.
    """

    variant: str
    step: int
    loss: dict[str, Floats]
    score: dict[str, Floats]
    window_losses: Floats
    predictions: Labels

    @property
    def label(self) -> str:
        """Its name in words."""
        return f"{self.variant}, {self.step:,} steps" if self.step else f"{self.variant}, untrained"


def checkpoints(runs: Sequence[Mapping[str, Any]]) -> list[Checkpoint]:
    """Gather runs by variant and stop.

    Parameters
    ----------
    runs : sequence of dict
        From `hypecheck.studies.evaluation.run_cell`.

    Returns
    -------
    gathered : list of Checkpoint
        Untrained models first, within each variant.

    Examples
    --------
    >>> stop = {"step": 5, "loss": {"validation": 1.9, "test": 1.8},
    ...         "score": {"validation": 0.2, "test": 0.1}, "millibits": [1800], "predicted": "01"}
    >>> [one.label for one in checkpoints([{"variant": "small", "stops": [stop]}] * 2)]
    ['small, 5 steps']
    """
    found = []
    for variant in dict.fromkeys(run["variant"] for run in runs):
        own = [run["stops"] for run in runs if run["variant"] == variant]
        for stops in zip(*own, strict=True):
            found.append(
                Checkpoint(
                    variant,
                    stops[0]["step"],
                    {part: np.array([s["loss"][part] for s in stops]) for part in PARTS},
                    {part: np.array([s["score"][part] for s in stops]) for part in PARTS},
                    np.array([s["millibits"] for s in stops]) / 1000,
                    np.array([classes(s["predicted"]) for s in stops]),
                )
            )
    return found


def classes(digits: str) -> Labels:
    """Read class numbers that were kept as a row of digits.

    Parameters
    ----------
    digits : str
        One digit for each item.

    Returns
    -------
    labels : ndarray of int64, shape (N,)
        Class numbers.

    Examples
    --------
    >>> classes("011").tolist()
    [0, 1, 1]
    """
    return np.array(list(digits), dtype=np.int64)


def choose_pair(
    found: Sequence[Checkpoint], *, alike: Mapping[str, str], least: float = LEAST_GAIN
) -> tuple[Checkpoint, Checkpoint]:
    """Choose, on validation data alone, two trained models that loss and score rank oppositely.

    Parameters
    ----------
    found : sequence of Checkpoint
        From `checkpoints`.
    alike : mapping of str to str
        Which variants may be compared: those with the same word, e.g. their tokenizer, since only
        models with the same tokens have the same gaps to fill.
    least : float, default .01
        Bits per base by which the first model must lead, and in every seed by more than nothing.

    Returns
    -------
    first, second : Checkpoint
        Of all pairs in which the first has the lower loss, the one in which it falls short most.

    Raises
    ------
    ValueError
        If no model leads another one by so much.
    """
    best, most = None, -np.inf
    trained = [one for one in found if one.step and one.variant in alike]
    for first, second in itertools.permutations(trained, 2):
        gain = second.loss["validation"] - first.loss["validation"]
        if alike[first.variant] != alike[second.variant] or gain.mean() < least or gain.min() <= 0:
            continue
        behind = float((second.score["validation"] - first.score["validation"]).mean())
        if behind > most:
            best, most = (first, second), behind
    if best is None:
        raise ValueError(f"no model leads another by {least} bits per base in every seed")
    return best


class _Mean:
    """The mean of numbers that stand where predictions usually stand."""

    def __call__(self, _truth: Any, values: Any) -> float:
        return float(np.mean(values))

    def weighted(self, _truth: Any, values: Any, counts: Any) -> Floats:
        return np.asarray(counts @ values / counts.sum(axis=1), dtype=np.float64)


mean_value = _Mean()  # a metric for the intervals of plain numbers, one for each seed and item


class _OwnLabels:
    """Matthews correlation of predictions that carry their own labels: 2 label + prediction."""

    def __call__(self, _truth: Any, both: Any) -> float:
        return float(matthews(both // 2, both % 2))

    def weighted(self, _truth: Any, both: Any, counts: Any) -> Floats:
        return np.asarray(matthews.weighted(both // 2, both % 2, counts), dtype=np.float64)


def loss_gain(first: Checkpoint, second: Checkpoint, *, rng: np.random.Generator) -> Interval:
    """Say by how much the first model's loss is the lower one, on the test windows.

    Parameters
    ----------
    first, second : Checkpoint
        With as many seeds.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    gain : Interval
        Bits per base, paired over seeds and windows; positive where the first predicts better.
    """
    nothing = np.zeros(second.window_losses.shape[1])
    return paired_seeds_and_items(
        mean_value, nothing, second.window_losses, first.window_losses, rng=rng
    )


def score_gap(
    first: Checkpoint, second: Checkpoint, truth: npt.ArrayLike, *, rng: np.random.Generator
) -> Interval:
    """Say by how much the first model's downstream score is the higher one, on the test part.

    Parameters
    ----------
    first, second : Checkpoint
        With as many seeds.
    truth : array_like of int, shape (N,)
        Classes of the test sequences.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    gap : Interval
        Matthews correlation, paired over seeds and items.
    """
    return paired_seeds_and_items(matthews, truth, first.predictions, second.predictions, rng=rng)


def control_gap(
    truth: npt.ArrayLike,
    predictions: npt.ArrayLike,
    control_truth: npt.ArrayLike,
    control_predictions: npt.ArrayLike,
    *,
    rng: np.random.Generator,
) -> Interval:
    """Compare a probe's score with its score on a control task, on the same resampled items.

    Parameters
    ----------
    truth : array_like of {0, 1}, shape (N,)
        True classes.
    predictions, control_truth, control_predictions : array_like of {0, 1}, shape (S, N)
        By seed: what the probe predicts, the control labels, and what it predicts for them.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    gap : Interval
        Selectivity: Matthews correlation on true labels minus that on control labels.

    References
    ----------
    Hewitt and Liang 2019, arXiv:1909.03368, section 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth, control = np.arange(400) % 2, rng.integers(0, 2, (5, 400))
    >>> gap = control_gap(truth, [truth] * 5, control, 1 - control, rng=rng)
    >>> gap.estimate
    2.0
    """
    own = 2 * np.asarray(truth) + np.asarray(predictions)
    control = 2 * np.asarray(control_truth) + np.asarray(control_predictions)
    return paired_seeds_and_items(_OwnLabels(), truth, own, control, rng=rng)


def rank_correlation(losses: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Give Spearman's rank correlation.

    Parameters
    ----------
    losses, values : array_like, shape (N,)
        Two numbers for each point.

    Returns
    -------
    rho : float
        Between -1 and 1; NaN where one of them does not vary.

    Examples
    --------
    >>> round(rank_correlation([1, 2, 3], [9, 5, 1]), 6)
    -1.0
    """
    first, second = rankdata(losses) - 0.5, rankdata(values) - 0.5
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def loss_score_correlation(
    runs: Sequence[Mapping[str, Any]], *, rng: np.random.Generator, n_resamples: int = 1000
) -> Interval:
    """Correlate test loss with test score over all trained checkpoints, clustered by run.

    Parameters
    ----------
    runs : sequence of dict
        As for `checkpoints`.
    rng : numpy.random.Generator
        Source of randomness.
    n_resamples : int, default 1000
        Number of resamples of whole runs.

    Returns
    -------
    rho : Interval
        Negative where models with a lower loss score higher.
    """
    points = [
        (stop["loss"]["test"], stop["score"]["test"], number)
        for number, run in enumerate(runs)
        for stop in run["stops"]
        if stop["step"]
    ]
    losses, values, number = (np.array(column) for column in zip(*points, strict=True))
    return bootstrap_interval(
        rank_correlation, losses, values, rng=rng, groups=number, n_resamples=n_resamples
    )
