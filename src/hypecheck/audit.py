"""An evaluation read as an auditor reads it: what can be checked, and what has to be shared for it.

Design choices

- An evaluation holds what its authors could share: a report, the data, the predictions, the code.
- A check reads one kind of thing and gives a sentence, or nothing. It never learns which flaw was
  planted; `hypecheck.planted_flaws` plants them.
- Checks that need sequences call the same functions as the chapters: `leakage.audit`,
  `corpus.count_sharing`, the simple models of `baselines`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import baselines, leakage
from hypecheck.corpus import count_sharing
from hypecheck.intervals import Interval
from hypecheck.scores import accuracy, matthews
from hypecheck.seeds import paired_seeds_and_items, seed_interval
from hypecheck.sequences import Codes, LabelledSequences

LEVELS = ("report", "data", "predictions", "code")
FEWEST_SEEDS = 3
MARGIN = 0.03  # MCC: what a tuned opponent may add before it counts as another opponent
MOST_SKEWED = 0.6  # share of the commoner class up to which accuracy can be read as it stands
MOST_REPEATED = 0.01  # share of test items that may repeat another one

Predictions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Report:
    """What a paper says of its evaluation.

    Parameters
    ----------
    metric : {"MCC", "accuracy"}
        Name of the metric.
    score : float
        Of the new model.
    claims_gain : bool
        Whether it says that the new model beats its opponent.
    n_seeds : int
        Training runs behind the score.
    class_share : float
        Share of the commoner class in the test part.
    tasks_shown, tasks_in_suite : int
        Tasks with a score, and tasks that the benchmark has.
    """

    metric: str
    score: float
    claims_gain: bool
    n_seeds: int
    class_share: float
    tasks_shown: int
    tasks_in_suite: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report with everything behind it.

    Parameters
    ----------
    report : Report
        What is printed.
    train, validation, test : LabelledSequences
        The data.
    corpus : ndarray of uint8, shape (M, L), or None
        What the model was pretrained on; None if that is not shared.
    predictions : ndarray of int, shape (S, N)
        Of the new model, one row for each seed.
    opponent : ndarray of int, shape (N,)
        Predictions of the model that it is compared with.
    rerun : callable
        ``rerun(seed)`` trains the new model again as described, and gives its predictions.
    """

    report: Report
    train: LabelledSequences
    validation: LabelledSequences
    test: LabelledSequences
    corpus: Codes | None
    predictions: Predictions
    opponent: Predictions
    rerun: Callable[[int], Predictions]

    def gain(self) -> Interval:
        """Return the MCC of the new model minus that of its opponent, over seeds and items."""
        rng = np.random.default_rng(0)
        both = self.predictions, self.opponent[None]
        return paired_seeds_and_items(matthews, self.test.labels, *both, rng=rng)


@dataclass(frozen=True)
class Check:
    """One question of an audit.

    Parameters
    ----------
    name : str
        What it looks for.
    level : {"report", "data", "predictions", "code"}
        What has to be shared for it.
    run : callable
        Gives a sentence for an `Evaluation` that fails, else None.
    """

    name: str
    level: str
    run: Callable[[Evaluation], str | None]


def few_seeds(one: Evaluation) -> str | None:
    """Say if the score rests on too few training runs."""
    number = one.report.n_seeds
    return f"{number} training run(s) behind the score" if number < FEWEST_SEEDS else None


def unfit_metric(one: Evaluation) -> str | None:
    """Say if accuracy is reported on classes of unequal size."""
    share = one.report.class_share
    if one.report.metric == "accuracy" and share > MOST_SKEWED:
        return f"accuracy, where always naming one class earns {share:.0%}"
    return None


def missing_tasks(one: Evaluation) -> str | None:
    """Say if tasks of the benchmark have no score."""
    shown, offered = one.report.tasks_shown, one.report.tasks_in_suite
    return f"{shown} of {offered} tasks shown" if shown < offered else None


def leaked_items(one: Evaluation) -> str | None:
    """Say if test items stand in the training part, as they are or nearly so, on either strand."""
    found = leakage.audit(one.train, one.test)
    n_leaked = len(one.test) - len(found.clean_test_index)
    return found.sentence() if n_leaked > MOST_REPEATED * len(one.test) else None


def repeated_items(one: Evaluation) -> str | None:
    """Say if the test part holds an item more than once, so that it is smaller than it looks."""
    share = 1 - len(np.unique(one.test.codes, axis=0)) / len(one.test)
    return f"{share:.0%} of the test items repeat another" if share > MOST_REPEATED else None


def composition_suffices(one: Evaluation) -> str | None:
    """Say if base composition alone reaches half of the reported score."""
    model = baselines.Composition().fit(one.train.codes, one.train.labels)
    alone = float(matthews(one.test.labels, model.predict(one.test.codes)))
    if alone > max(one.report.score, 0.2) / 2:
        return f"base composition alone reaches an MCC of {alone:.2f}"
    return None


def seen_in_pretraining(one: Evaluation) -> str | None:
    """Say if test items stand in the pretraining corpus; silent if that is not shared."""
    if one.corpus is None:
        return None
    number = count_sharing(list(one.corpus), one.test.codes)
    if number > MOST_REPEATED * len(one.test):
        return f"{number} test items share 24 bases with the pretraining corpus"
    return None


def gain_in_noise(one: Evaluation) -> str | None:
    """Say if a gain is claimed whose interval holds zero."""
    if not one.report.claims_gain:
        return None
    gain = one.gain()
    return f"a gain of {gain} is within noise" if gain.low <= 0 else None


def not_reproduced(one: Evaluation, *, n_runs: int = 5) -> str | None:
    """Say if the reported score lies above the interval of fresh runs of the same code."""
    metric = {"MCC": matthews, "accuracy": accuracy}[one.report.metric]
    scores = [float(metric(one.test.labels, one.rerun(1000 + i))) for i in range(n_runs)]
    again = seed_interval(scores)
    told = one.report.score
    return f"told {told:.3f}, run again {again}" if told > again.high else None


def weak_opponent(one: Evaluation) -> str | None:
    """Say if tuned word counts beat the opponent that was shown by more than the margin."""
    tuned, _, _ = baselines.choose_on_validation(
        baselines.KmerLogistic, one.train, one.validation, matthews
    )
    told = float(matthews(one.test.labels, one.opponent))
    better = float(matthews(one.test.labels, tuned.predict(one.test.codes)))
    return f"opponent {told:.2f}, tuned {better:.2f}" if better - told > MARGIN else None


CHECKS = (
    Check("seeds", "report", few_seeds),
    Check("metric", "report", unfit_metric),
    Check("tasks", "report", missing_tasks),
    Check("leaks", "data", leaked_items),
    Check("repeats", "data", repeated_items),
    Check("composition", "data", composition_suffices),
    Check("corpus", "data", seen_in_pretraining),
    Check("noise", "predictions", gain_in_noise),
    Check("reruns", "code", not_reproduced),
    Check("opponent", "code", weak_opponent),
)


def audit(one: Evaluation, *, checks: Sequence[Check] = CHECKS) -> dict[str, str]:
    """Ask every check, and keep what fails.

    Parameters
    ----------
    one : Evaluation
        What to audit.
    checks : sequence of Check
        The questions; by default all.

    Returns
    -------
    findings : dict of str to str
        A sentence for each check that fails, by its name.
    """
    found = {check.name: check.run(one) for check in checks}
    return {name: sentence for name, sentence in found.items() if sentence is not None}


def level_of(name: str) -> str:
    """Return what has to be shared for a check.

    Parameters
    ----------
    name : str
        Of one of `CHECKS`.

    Returns
    -------
    level : str
        One of `LEVELS`.

    Raises
    ------
    ValueError
        If there is no such check.

    Examples
    --------
    >>> level_of("leaks")
    'data'
    """
    levels = {check.name: check.level for check in CHECKS}
    if name not in levels:
        raise ValueError(f"no check is called {name!r}; there are: {', '.join(levels)}")
    return levels[name]


def first_level(findings: Sequence[str] | dict[str, Any]) -> int | None:
    """Return the place in `LEVELS` of the least that has to be shared for any of these findings.

    Parameters
    ----------
    findings : iterable of str
        Names of checks that failed.

    Returns
    -------
    place : int or None
        None if nothing was found.

    Examples
    --------
    >>> first_level(["opponent", "leaks"]), first_level([])
    (1, None)
    """
    return min((LEVELS.index(level_of(name)) for name in findings), default=None)
