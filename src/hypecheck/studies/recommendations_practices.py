"""What each of the ten practices changes, from records, and from data of a build.

Design choices

- Two test parts are not paired: their variances add up.
- A mean over tasks has the spread over tasks in its interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.decision_map import PRETRAINED, SIMPLE, UNTRAINED, Case
from hypecheck.intervals import Interval, t_quantile
from hypecheck.ladder_result import unpack
from hypecheck.ladder_study import recorded_ladder
from hypecheck.recorded import RecordedRun
from hypecheck.resampling import (
    bootstrap_interval,
    seed_interval,
    seeds_and_items_interval,
    share_interval,
)
from hypecheck.scores import matthews
from hypecheck.seeds import grid_interval
from hypecheck.studies.recommendations_cases import Records, source_cases

Floats = npt.NDArray[np.float64]
WITHOUT = (*SIMPLE, *UNTRAINED)


def choices_changed(cases: Sequence[Case], *, share: float = 0.1) -> tuple[Interval, int]:
    """Say in which share of the cases a model at a tenth of the cost does as well.

    Parameters
    ----------
    cases : sequence of Case
        Those without a known cost are left out.
    share : float, default 0.1
        Of the cost of the best.

    Returns
    -------
    changed : Interval
        Share of cases in which the best model on validation data is not the best within that
        share of its cost, and is less than .03 ahead of it on the test part.
    n_cells : int
        Cases that were asked.
    """
    changed = []
    for case in cases:
        priced = [n for n in (*WITHOUT, *PRETRAINED) if n in case.methods]
        priced = [name for name in priced if not np.isnan(case.cost(name))]
        if len(priced) < 2:
            continue
        best = case.best(priced)
        cheap = case.best(priced, budget=share * case.cost(best), own_pretraining=True)
        lead = case.scores(best).mean() - case.scores(cheap).mean() if cheap else np.inf
        changed.append(bool(cheap) and cheap != best and lead < 0.03)
    return share_interval(changed), len(changed)


def same_minus_other(run: RecordedRun) -> Interval:
    """Score on the same source minus on another, mean over models and directions.

    Parameters
    ----------
    run : RecordedRun
        The record "recommendations".

    Returns
    -------
    difference : Interval
        Two test parts are not paired: variances over seeds and items add up. The average of both
        directions of a question does not depend on which test part is the harder one.
    """
    estimates, variances = [], []
    for at_home in (True, False):
        for case in source_cases(run, same=at_home):
            for method in case.methods.values():
                one = seeds_and_items_interval(
                    matthews,
                    case.truth,
                    method.predictions,
                    rng=np.random.default_rng(0),
                    n_resamples=300,
                    groups=case.groups,
                )
                estimates.append(one.estimate if at_home else -one.estimate)
                variances.append(one.standard_error**2)
    n_terms = len(estimates) // 2
    per_part = np.reshape(variances, (-1, len(case.methods)))  # models of a part share its items
    error = float(np.sqrt((np.sqrt(per_part).sum(axis=1) ** 2).sum())) / n_terms
    half = t_quantile(0.95, 4) * error
    mean = sum(estimates) / n_terms
    return Interval(
        mean, mean - half, mean + half, 0.95, "seeds and items, t", n_terms, 5, error, 4
    )


def tuning_gaps(records: Records, cases: Sequence[Case]) -> dict[str, Interval]:
    """Compare the pretrained model with an untuned and with a tuned k-mer model.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "ladder", "families" and "recommendations".
    cases : sequence of Case
        Those of `ladder_tasks`, for the choice of the protocol.

    Returns
    -------
    gaps : dict of str to Interval
        "untuned" and "tuned", mean over the tasks where both were run.
    """
    found: dict[str, list[Floats]] = {"untuned": [], "tuned": []}
    untuned = records["recommendations"].results["untuned"]
    for run in ("ladder", "families"):
        for task in records[run].results["ladders"]:
            if task not in untuned:
                continue
            ladder = recorded_ladder(records[run], task, "kmer3")
            case = next(c for c in cases if np.array_equal(c.truth, ladder.y_true))
            ours = case.scores(case.best(PRETRAINED))
            plain = matthews(case.truth, unpack(untuned[task]["predicted"])[0])
            found["untuned"].append(ours - plain)
            found["tuned"].append(ours - case.scores("kmer_linear"))
    return {name: grid_interval(np.stack(rows, axis=1)) for name, rows in found.items()}


def ensemble_gaps(records: Records) -> dict[str, Interval]:
    """Compare the mean of frozen and k-mer probabilities with either alone.

    Parameters
    ----------
    records : mapping of str to RecordedRun
        "families", "labels" and "recommendations".

    Returns
    -------
    gaps : dict of str to Interval
        "pretrained" and "kmer": the ensemble minus that member, mean over tasks.
    """
    found: dict[str, list[Floats]] = {"pretrained": [], "kmer": []}
    for truth, frozen, words in _members(records):
        scored = {
            name: np.array([matthews(truth, run.argmax(axis=-1)) for run in rows])
            for name, rows in {"pretrained": frozen, "kmer": words, "both": frozen + words}.items()
        }
        for name, gaps in found.items():
            gaps.append(scored["both"] - scored[name])
    return {name: grid_interval(np.stack(rows, axis=1)) for name, rows in found.items()}


def _members(records: Records) -> list[tuple[Any, Floats, Floats]]:
    """Truth and probabilities (S, N, C) of frozen and of k-mer models, by task."""
    found = []
    for task, part in records["recommendations"].results["members"].items():
        truth = recorded_ladder(records["families"], task, "kmer3").y_true
        packed = part["probability"]
        both = [(unpack(packed[name]) + 0.5) / 256 for name in ("frozen", "kmer_linear")]
        found.append((truth, *both))
    labels = records["labels"].results["tasks"]
    for task in ("gue/tf/0", "gue/prom/prom_core_all"):  # the third stands among the members
        part = labels[task]
        both = []
        for rung in ("pretrained_frozen", "kmer_linear"):
            one = (unpack(part["rungs"][rung]["1000"]["probability"]) + 0.5) / 256
            both.append(np.stack([1 - one, one], axis=-1))
        found.append((unpack(part["y_true"]), *both))
    return found


def latency(seconds: Mapping[str, Sequence[float]]) -> tuple[Interval, Interval]:
    """Divide the time of a single prediction by that of the k-mer model.

    Parameters
    ----------
    seconds : mapping of str to sequence of float
        By "frozen" and "kmer_linear": median time in each block.

    Returns
    -------
    ratio : Interval
        Geometric mean over blocks.
    seconds : Interval
        Of the frozen model.
    """
    logs = np.log(seconds["frozen"]) - np.log(seconds["kmer_linear"])
    found = seed_interval(logs)
    low, middle, high = (float(np.exp(x)) for x in (found.low, found.estimate, found.high))
    blocks = len(logs)
    ratio = Interval(middle, low, high, 0.95, "t over blocks, logarithms", blocks)
    return ratio, seed_interval(seconds["frozen"])


def most_favourable_half(scores: npt.ArrayLike) -> float:
    """Mean score over the half of the tasks that suits each model best, minus over all.

    Parameters
    ----------
    scores : array_like, shape (T, M)
        Tasks by models.

    Returns
    -------
    gain : float
        Mean over models.

    Examples
    --------
    >>> most_favourable_half([[0.1], [0.2], [0.3], [0.4]])
    0.1
    """
    table = np.sort(np.asarray(scores, dtype=np.float64), axis=0)
    best = table[-(len(table) // 2) :]
    return round(float((best.mean(axis=0) - table.mean(axis=0)).mean()), 12)


def rank_change(
    scores: npt.ArrayLike, rng: np.random.Generator, *, n_halves: int = 300
) -> Interval:
    """Mean change of rank when half of the categories is replaced by the other half.

    Parameters
    ----------
    scores : array_like, shape (M, C)
        Models by categories.
    rng : numpy.random.Generator
        Draws halves.
    n_halves : int, default 300
        How many.

    Returns
    -------
    change : Interval
        In places; the interval holds 95 % of the halves.

    Examples
    --------
    >>> table = np.tile(np.arange(4.0)[:, None], 6)
    >>> print(rank_change(table, np.random.default_rng(0)))
    .000 [.000, .000]
    """
    table = np.asarray(scores, dtype=np.float64)
    changes = []
    for _ in range(n_halves):
        order = rng.permutation(table.shape[1])
        half = table.shape[1] // 2
        means = [table[:, part].mean(axis=1) for part in (order[:half], order[half:])]
        first, second = (np.argsort(np.argsort(-one)) for one in means)
        changes.append(np.abs(first - second).mean())
    low, high = np.quantile(changes, [0.025, 0.975])
    return Interval(
        float(np.mean(changes)), float(low), float(high), 0.95, "halves of the categories", n_halves
    )


def two_parts_gap(
    first: tuple[npt.ArrayLike, npt.ArrayLike], second: tuple[npt.ArrayLike, npt.ArrayLike]
) -> Interval:
    """Compare one fixed model's scores on two test parts that share no item.

    Parameters
    ----------
    first, second : pair of array_like, shape (N,) and (M,)
        True and predicted classes.

    Returns
    -------
    gap : Interval
        Matthews correlation on the first minus that on the second; half widths of two bootstraps
        are added in squares.

    Examples
    --------
    >>> truth = np.tile([0, 1], 40)
    >>> print(two_parts_gap((truth, truth), (truth, truth)))
    .000 [.000, .000]
    """
    one, other = (
        bootstrap_interval(matthews, *part, rng=np.random.default_rng(0), n_resamples=300)
        for part in (first, second)
    )
    half = np.hypot(one.high - one.low, other.high - other.low) / 2
    gap = one.estimate - other.estimate
    return Interval(gap, gap - half, gap + half, 0.95, "two bootstraps", one.n + other.n)
