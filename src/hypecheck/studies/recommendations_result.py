"""The numbers behind each piece of advice, from the cases that the records hold.

Design choices

- "Simple" is base composition, words or a small convolutional network; "without pretraining" adds
  the untrained twin and the same network from scratch. The better one is chosen on validation data.
- A mean over tasks has the spread over tasks in its interval, not only that over seeds: few tasks
  give wide intervals.
- Seconds are those of one user: all configurations that were tried, and the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hypecheck.decision_map import ADVISED, FEW, MANY, PRETRAINED, SIMPLE, UNTRAINED, Case
from hypecheck.intervals import Interval
from hypecheck.recorded import RecordedRun
from hypecheck.resampling import (
    seed_interval,
)
from hypecheck.seeds import grid_interval
from hypecheck.studies.gains_result import clear

Floats = npt.NDArray[np.float64]
Pair = tuple[str, str]
Chooser = Callable[[Case], Pair]
WITHOUT = (*SIMPLE, *UNTRAINED)
SMALL, MINUTE, LARGE = 10.0, 60.0, 600.0  # CPU seconds


def against(rivals: Sequence[str], *, ours: Sequence[str] = PRETRAINED) -> Chooser:
    """Make a rule that names the better of ours and the better of the rivals, on validation data.

    Parameters
    ----------
    rivals, ours : sequence of str
        Names of methods.

    Returns
    -------
    choose : callable
        ``choose(case)`` gives two names.
    """
    return lambda case: (case.best(ours), case.best(rivals))


def mean_gap(cases: Sequence[Case], choose: Chooser, *, by: str = "task") -> Interval:
    """Average paired differences over tasks or families, over seeds and over these.

    Parameters
    ----------
    cases : sequence of Case
        Cases of one task, or of one family, are averaged first.
    choose : callable
        From `against`.
    by : {"task", "family", "name"}, default "task"
        What counts as one.

    Returns
    -------
    gap : Interval
        Of the mean difference; ``n`` counts tasks or families.
    """
    columns: dict[str, list[Floats]] = {}
    for case in cases:
        columns.setdefault(getattr(case, by), []).append(case.seed_gaps(*choose(case)))
    n_seeds = max(len(gaps) for found in columns.values() for gaps in found)
    table = [
        np.mean([np.broadcast_to(gaps, n_seeds) for gaps in found], axis=0)
        for found in columns.values()
    ]
    return grid_interval(np.stack(table, axis=1))


def clear_losses(cases: Sequence[Case], choose: Chooser, *, by: str = "task") -> int:
    """Count the tasks, or families, with a clear loss in any of their cases (Holm over all)."""
    words = clear([case.gap(*choose(case)) for case in cases])
    pairs = zip(cases, words, strict=True)
    return len({getattr(case, by) for case, word in pairs if word == "loses"})


def few_label_cases(cases: Sequence[Case]) -> list[Case]:
    """Give the cases with labels, but at most 200 of them, trained and tested on one source."""
    return [c for c in cases if 0 < c.labels <= FEW and not c.is_divergent and c.metric == "MCC"]


def transfer_cases(cases: Sequence[Case]) -> list[Case]:
    """Give the cases whose test part comes from elsewhere; the most labels of each pair."""
    away = [case for case in cases if case.is_divergent]
    most = {case.task: max(c.labels for c in away if c.task == case.task) for case in away}
    return [case for case in away if case.labels == most[case.task]]


def ladder_tasks(cases: Sequence[Case]) -> list[Case]:
    """Give the cases with a whole ladder: a CNN and a fine-tuned model, and every label."""
    return [case for case in cases if {"chance", "cnn", "fine_tuned"} <= case.methods.keys()]


def abundant_cases(cases: Sequence[Case]) -> list[Case]:
    """Give the cases with five thousand labels and more."""
    return [case for case in cases if case.labels >= MANY and not case.is_divergent]


def break_even(ladder: RecordedRun, cases: Sequence[Case]) -> Interval:
    """Count the tasks from which on one pretraining and frozen vectors cost less than CNNs.

    Parameters
    ----------
    ladder : RecordedRun
        The record "ladder", for the seconds that each pretraining took.
    cases : sequence of Case
        Those of `ladder_tasks`.

    Returns
    -------
    tasks : Interval
        Whole tasks, at mean costs of a task, with everything that was tried; over seeds.
    """
    saved = [c.methods["cnn"].seconds - c.methods["pretrained_frozen"].seconds for c in cases]
    models = [m for m in ladder.results["pretraining"] if m["tokenizer"] == "kmer3"]
    return seed_interval([np.ceil(m["cpu_seconds"] / np.mean(saved)) for m in models])


def budget_gap(cases: Sequence[Case]) -> Interval:
    """Compare the best pretrained protocol for a large budget with the best of any for a small.

    Parameters
    ----------
    cases : sequence of Case
        Those of `ladder_tasks`. Pretraining is paid for.

    Returns
    -------
    gap : Interval
        Mean over tasks.
    """

    def choose(case: Case) -> Pair:
        ours = case.best(PRETRAINED, budget=LARGE, own_pretraining=True)
        return ours, case.best((*WITHOUT, *PRETRAINED), budget=SMALL, own_pretraining=True)

    return mean_gap(cases, choose)


def small_budget_gap(cases: Sequence[Case]) -> Interval:
    """Compare the two sides within one minute, pretraining being a gift of others."""
    return mean_gap(
        cases, lambda c: (c.best(PRETRAINED, budget=MINUTE), c.best(SIMPLE, budget=MINUTE))
    )


def established_gap(cases: Sequence[Case]) -> Interval:
    """Average, over the tasks that have one, the difference to the established method."""
    known = [case for case in cases if case.established and not case.is_long]
    return mean_gap(known, lambda case: (case.best(ADVISED), case.established))
