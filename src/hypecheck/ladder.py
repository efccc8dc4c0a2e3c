"""The ladder: seven rungs from chance to a fine-tuned model, climbed under one protocol.

Design choices

- A rung never sees the test part while it chooses or trains: `climb` hands it a task whose test
  part is empty, and reads the real one once per rung and seed, after every choice is made.
- `climb` scores every configuration itself, on the validation part and by the metric of the test,
  with the first seed; the chosen configuration is then trained once for every seed.
- A rung is there, or not applicable with a reason, or an error. There is no fourth case.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.ladder_result import (
    METRICS,
    RESAMPLING_SEED,
    RUNGS,
    LadderResult,
    ReportedScore,
    RungResult,
    Trial,
    compared,
    in_order,
)
from hypecheck.optimisation import TrainingDivergedError
from hypecheck.resampling import NEEDED_SEEDS, seeds_and_items_interval
from hypecheck.sequences import Codes, Task

__all__ = [
    "RUNGS",
    "LadderResult",
    "MissingRungError",
    "ReportedScore",
    "Rung",
    "RungResult",
    "assemble",
    "climb",
    "run_rung",
]

MOST_NOT_APPLICABLE = 2

Predict: TypeAlias = Callable[[Codes], npt.NDArray[np.int64]]
Configuration: TypeAlias = Mapping[str, Any]


class MissingRungError(ValueError):
    """A ladder lacks a rung and gives no reason; the message names the rung and the fix."""


@dataclass(frozen=True)
class Rung:
    """One way to make predictions, with the configurations it may choose among.

    Parameters
    ----------
    name : str
        One of `RUNGS`, or the name of an extra rung.
    configurations : sequence of mappings
        Hyper-parameters to choose among; one only where the choice was made before.
    fit : callable
        ``fit(task, configuration, seed)`` returns ``predict(codes) -> classes``. The test part of
        the task that it gets is empty.
    deterministic : bool, default False
        Whether the seed changes nothing; such a rung is run once.
    pretraining_seconds : float, default 0
        CPU seconds spent beforehand on the body of one seed; reported beside the rung's own.
    """

    name: str
    configurations: Sequence[Configuration]
    fit: Callable[[Task, Configuration, int], Predict]
    deterministic: bool = False
    pretraining_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.configurations:
            raise ValueError(
                f"rung {self.name!r} has no configuration; pass at least one, [{{}}] if it has "
                "nothing to choose"
            )


def climb(
    task: Task,
    rungs: Sequence[Rung],
    *,
    seeds: Sequence[int],
    not_applicable: Mapping[str, str] | None = None,
    recorded: LadderResult | None = None,
    reported: Sequence[ReportedScore] = (),
    reference: str = "kmer_linear",
    metric: str = "mcc",
    margin: float = 0.03,
    n_resamples: int = 1000,
    groups: npt.ArrayLike | None = None,
) -> LadderResult:
    """Choose, train and score every rung under one protocol.

    Parameters
    ----------
    task : Task
        A classification task with its fixed split.
    rungs : sequence of Rung
        All of `RUNGS` that are neither not applicable nor recorded, in any order, and extra ones.
    seeds : sequence of int
        Two or more; the first also chooses the configurations. Fewer than five resolve nothing.
    not_applicable : mapping of str to str, optional
        Reason for each rung that makes no sense here; two at most.
    recorded : LadderResult, optional
        A stored run on the same test part, from which missing rungs are taken.
    reported : sequence of ReportedScore, optional
        Published scores to be shown apart.
    reference : str, default "kmer_linear"
        The rung that all others are compared with.
    metric : {"mcc", "accuracy"}, default "mcc"
        For choosing and for the test alike.
    margin : float, default .03
        Differences within it are as good as none; fixed beforehand.
    n_resamples : int, default 1000
        Resamples of the test items.
    groups : array_like, shape (N,), optional
        Groups of test sequences, resampled whole; by default those of ``task.test``.

    Returns
    -------
    result : LadderResult
        Scores with intervals, paired differences with words, and costs.

    Raises
    ------
    MissingRungError
        If a rung is missing without a reason, or more than two are not applicable.
    ValueError
        If task, seeds, metric or reference do not fit.
    TrainingDivergedError
        If all configurations of a rung diverge; one that does is a trial without a score.

    References
    ----------
    Dodge et al. (2019), "Show your work", EMNLP: report validation scores of all trials.

    Examples
    --------
    See `hypecheck.rungs.standard_rungs`.
    """
    names = [rung.name for rung in rungs]
    _check_complete(names, not_applicable or {}, recorded)
    _check_protocol(task, seeds, metric)
    blind = _blind(task)
    trained = [_train(rung, blind, seeds, metric) for rung in rungs]
    groups = task.test.groups if groups is None else np.asarray(groups, dtype=np.int64)
    return assemble(
        task,
        [_test(one, task, metric, n_resamples=n_resamples, groups=groups) for one in trained],
        not_applicable=not_applicable,
        recorded=recorded,
        reported=reported,
        reference=reference,
        metric=metric,
        margin=margin,
        n_resamples=n_resamples,
        groups=groups,
    )


def run_rung(
    rung: Rung,
    task: Task,
    *,
    seeds: Sequence[int],
    metric: str = "mcc",
    n_resamples: int = 1000,
    groups: npt.NDArray[np.int64] | None = None,
) -> RungResult:
    """Choose, train and score one rung, for runs that are kept rung by rung.

    Parameters
    ----------
    rung : Rung
        The rung.
    task, seeds, metric, n_resamples, groups
        As in `climb`.

    Returns
    -------
    result : RungResult
        For `assemble`.

    Raises
    ------
    ValueError
        If seeds, metric or task do not fit.
    """
    _check_protocol(task, seeds, metric)
    trained = _train(rung, _blind(task), seeds, metric)
    return _test(trained, task, metric, n_resamples=n_resamples, groups=groups)


def assemble(
    task: Task,
    results: Sequence[RungResult],
    *,
    not_applicable: Mapping[str, str] | None = None,
    recorded: LadderResult | None = None,
    reported: Sequence[ReportedScore] = (),
    reference: str = "kmer_linear",
    metric: str = "mcc",
    margin: float = 0.03,
    n_resamples: int = 1000,
    groups: npt.NDArray[np.int64] | None = None,
) -> LadderResult:
    """Make a ladder of rungs that were run on one test part, and compare them.

    Parameters
    ----------
    task : Task
        The task of all rungs.
    results : sequence of RungResult
        From `run_rung`.
    not_applicable, recorded, reported, reference, metric, margin, n_resamples, groups
        As in `climb`.

    Returns
    -------
    result : LadderResult
        As `climb` gives it.

    Raises
    ------
    MissingRungError, ValueError
        As in `climb`.
    """
    reasons = dict(not_applicable or {})
    _check_complete([one.name for one in results], reasons, recorded)
    result = LadderResult(
        task=task.name,
        stand_in=task.stand_in,
        metric=metric,
        reference=reference,
        margin=margin,
        n_train=len(task.train),
        n_validation=len(task.validation),
        n_test=len(task.test),
        n_resamples=n_resamples,
        test_sha256=_digest(task),
        y_true=task.test.labels.astype(np.uint8),
        groups=groups,
        rungs=in_order(results),
        differences=(),
        not_applicable=reasons,
        reported=tuple(reported),
    )
    return compared(result) if recorded is None else result.with_recorded(recorded)


def _blind(task: Task) -> Task:
    """Take the test part away."""
    return replace(task, test=task.test.take(slice(0)))


def _digest(task: Task) -> str:
    test = task.test
    return hashlib.sha256(test.codes.tobytes() + test.labels.tobytes()).hexdigest()


def _check_complete(
    names: Sequence[str], reasons: Mapping[str, str], recorded: LadderResult | None
) -> None:
    stored = [] if recorded is None else [rung.name for rung in recorded.rungs]
    for name in RUNGS:
        if name not in names and name not in stored and not reasons.get(name, "").strip():
            raise MissingRungError(
                f"rung {name!r} is missing; add it, pass a recorded ladder that holds it, or give "
                f"its reason: not_applicable={{{name!r}: 'because …'}}"
            )
    if len(reasons) > MOST_NOT_APPLICABLE:
        raise MissingRungError(
            f"{len(reasons)} rungs are called not applicable ({', '.join(reasons)}), at most "
            f"{MOST_NOT_APPLICABLE} may be; run the others, smaller if need be"
        )
    if set(reasons) - set(RUNGS):
        raise ValueError(f"not_applicable names {sorted(set(reasons) - set(RUNGS))}, no rungs")
    if len(set(names)) < len(names) or set(names) & set(reasons):
        raise ValueError(
            f"a rung is named twice, or both run and not applicable: {names}, {list(reasons)}"
        )


def _check_protocol(task: Task, seeds: Sequence[int], metric: str) -> None:
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; got {metric!r}")
    if task.train.labels.dtype.kind != "i" or not len(task.validation) or not len(task.test):
        raise ValueError(
            f"task {task.name!r} must have class numbers as labels, and sequences in all parts; "
            f"it has {task.train.labels.dtype}, {len(task.validation)} validation and "
            f"{len(task.test)} test sequences"
        )
    if len(set(seeds)) < 2 or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"a ladder needs two different seeds or more, got {list(seeds)}: one run says nothing "
            f"of the spread between runs ({NEEDED_SEEDS} are needed to resolve a comparison)"
        )


@dataclass(frozen=True)
class _Trained:
    """A rung after its choices: one predict function per seed, the test part still unread."""

    rung: Rung
    seeds: tuple[int, ...]
    predict: tuple[Predict, ...]
    trials: tuple[Trial, ...]
    chosen: dict[str, Any]
    cost: _Cost


@dataclass(frozen=True)
class _Cost:
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float | None


class _Meter:
    """Measures what happens until `read`."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        self._peak = _peak_mib()

    def read(self) -> _Cost:
        peak = _peak_mib()
        rise = None if peak is None or self._peak is None else peak - self._peak
        return _Cost(time.process_time() - self._cpu, time.perf_counter() - self._wall, rise)


def _peak_mib() -> float | None:
    """High-water mark of this process's resident memory; None where the system keeps none."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _train(rung: Rung, blind: Task, seeds: Sequence[int], metric: str) -> _Trained:
    """Choose by validation score with the first seed, then train for every seed."""
    meter = _Meter()
    tried = [_try(rung, one, blind, seeds[0], metric) for one in rung.configurations]
    scores = [-np.inf if trial.validation is None else trial.validation for trial, _ in tried]
    chosen, first = tried[int(np.argmax(scores))]
    if first is None:
        raise TrainingDivergedError(
            f"rung {rung.name!r} diverged with each of its configurations; offer smaller learning "
            f"rates than {[dict(one) for one in rung.configurations]}"
        )
    used = tuple(seeds[:1]) if rung.deterministic else tuple(seeds)
    others = [rung.fit(blind, chosen.configuration, seed) for seed in used[1:]]
    return _Trained(
        rung=rung,
        seeds=used,
        predict=(first, *others),
        trials=tuple(trial for trial, _ in tried),
        chosen=chosen.configuration,
        cost=meter.read(),
    )


def _try(
    rung: Rung, configuration: Configuration, blind: Task, seed: int, metric: str
) -> tuple[Trial, Predict | None]:
    """Fit one configuration; one that diverges has no score, and stays among the trials."""
    start, predict, score = time.process_time(), None, None
    try:
        predict = rung.fit(blind, configuration, seed)
        score = METRICS[metric](blind.validation.labels, predict(blind.validation.codes))
    except TrainingDivergedError:
        pass
    return Trial(dict(configuration), score, time.process_time() - start), predict


def _test(trained: _Trained, task: Task, metric: str, **resampled: Any) -> RungResult:
    """Read the test part, once for every seed."""
    meter, score = _Meter(), METRICS[metric]
    rng = np.random.default_rng(RESAMPLING_SEED)  # the same resamples for every rung
    predictions = np.stack([predict(task.test.codes) for predict in trained.predict])  # (S, N)
    interval = seeds_and_items_interval(score, task.test.labels, predictions, rng=rng, **resampled)
    reading = meter.read()
    return RungResult(
        name=trained.rung.name,
        kind="live",
        seeds=trained.seeds,
        deterministic=trained.rung.deterministic,
        predictions=predictions.astype(np.uint8),
        scores=tuple(score(task.test.labels, row) for row in predictions),
        interval=interval,
        trials=trained.trials,
        chosen=trained.chosen,
        cpu_seconds=trained.cost.cpu_seconds + reading.cpu_seconds,
        wall_seconds=trained.cost.wall_seconds + reading.wall_seconds,
        peak_mib=trained.cost.peak_mib,
        pretraining_seconds=trained.rung.pretraining_seconds * len(trained.seeds),
    )
