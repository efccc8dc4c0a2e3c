"""What a climbed ladder leaves behind: scores, paired differences and their words, and costs.

Design choices

- Predictions are kept, packed, so that every interval can be drawn again from the result alone,
  and rungs of a stored run can be compared, row by row, with rungs run live.
- Differences are made here, from the predictions, so that live and stored rungs meet one rule.
- A score that others reported stands apart and is never subtracted from ours.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck import scores
from hypecheck.resampling import (
    NEEDED_SEEDS,
    Interval,
    compare,
    holm,
    paired_seeds_and_items,
)

RUNGS = (
    "chance",
    "composition",
    "kmer_linear",
    "cnn",
    "random_frozen",
    "pretrained_frozen",
    "fine_tuned",
)
LABELS = {
    "chance": "chance",
    "composition": "composition",
    "kmer_linear": "k-mer linear",
    "cnn": "small CNN",
    "random_frozen": "random, frozen",
    "pretrained_frozen": "pretrained, frozen",
    "fine_tuned": "fine-tuned",
    "from_scratch": "same net, from scratch",
    "position_table": "position table",
    "phylop": "phyloP",
    "cadd": "CADD",
    "codon_place": "place in the codon",
    "specialist": "a specialist",
}
METRICS = {"mcc": scores.matthews, "accuracy": scores.accuracy}
METRIC_LABELS = {"mcc": "MCC", "accuracy": "accuracy"}
RESAMPLING_SEED = 0  # one for all rungs: they meet the same resamples
WATTS_PER_CORE = 10.0
ENERGY_METHOD = (
    f"CPU seconds times {WATTS_PER_CORE:g} W, an assumed draw of one busy laptop core with its "
    "share of memory; right within a factor of two or three"
)
MEMORY_METHOD = (
    "rise of the process's high-water mark of resident memory (getrusage) while the rung ran; "
    "0 where an earlier step had needed as much"
)

Kind: TypeAlias = Literal["live", "recorded", "published", "simulated"]


@dataclass(frozen=True)
class Trial:
    """One configuration tried: hyper-parameters, validation score (None: diverged), CPU seconds."""

    configuration: dict[str, Any]
    validation: float | None
    cpu_seconds: float


@dataclass(frozen=True)
class Difference:
    """Paired difference of a rung to the reference rung, and the word it earns.

    Attributes
    ----------
    rung, reference : str
        The difference is the score of `rung` minus that of `reference`.
    interval95, interval90 : Interval
        Intervals over seeds and test items.
    p, p_holm : float
        Two-sided p of no difference, alone and Holm-adjusted over the differences of one ladder.
    word : str
        "beats", "loses", "matches", "not worse" or "not resolved" (`resampling.compare`).
        "beats" and "loses" need ``p_holm < .05``; with fewer than `NEEDED_SEEDS` seeds of a
        trained rung the word is always "not resolved".
    few_seeds : bool
        Whether that rule decided the word.
    """

    rung: str
    reference: str
    interval95: Interval
    interval90: Interval
    p: float
    p_holm: float
    word: str
    few_seeds: bool


@dataclass(frozen=True)
class ReportedScore:
    """A score that others reported; drawn apart, never subtracted from ours.

    Parameters
    ----------
    model, protocol : str
        E.g. "DNABERT-2" and "frozen" or "fine-tuned".
    value : float
        In the metric of the ladder.
    source, confidence : str
        Where it stands, and how sure it is ("read", "second hand").
    """

    model: str
    protocol: str
    value: float
    source: str
    confidence: str


@dataclass(frozen=True, eq=False)
class RungResult:
    """What one rung achieved: predictions on the test part, score, and what it cost.

    Attributes
    ----------
    name : str
        One of `RUNGS`, or an extra rung.
    kind : {"live", "recorded", "published", "simulated"}
        Where the numbers come from.
    seeds : tuple of int
        One per row of `predictions`; a deterministic rung has one.
    predictions : ndarray of uint8, shape (S, N)
        Predicted class of every test sequence, per seed.
    scores : tuple of float
        Test score of every seed.
    interval : Interval
        Mean of `scores` with its interval over seeds and test items.
    trials : tuple of Trial
        Every configuration tried, in order.
    chosen : dict
        The configuration with the best validation score.
    cpu_seconds, wall_seconds : float
        For all trials, seeds and predictions of this rung.
    peak_mib : float or None
        Memory; see `MEMORY_METHOD`.
    pretraining_seconds : float
        CPU seconds spent beforehand on the bodies of all seeds.
    """

    name: str
    kind: Kind
    seeds: tuple[int, ...]
    deterministic: bool
    predictions: npt.NDArray[np.uint8]
    scores: tuple[float, ...]
    interval: Interval
    trials: tuple[Trial, ...]
    chosen: dict[str, Any]
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float | None
    pretraining_seconds: float = 0.0

    @property
    def label(self) -> str:
        """The rung's name in words."""
        return LABELS.get(self.name, self.name.replace("_", " "))

    @property
    def energy_joules(self) -> float:
        """Estimated energy, pretraining included; see `ENERGY_METHOD`."""
        return (self.cpu_seconds + self.pretraining_seconds) * WATTS_PER_CORE


@dataclass(frozen=True, eq=False)
class LadderResult:
    """One ladder climbed: all rungs on one test part, with their paired differences.

    Attributes
    ----------
    task : str
        Name of the task.
    stand_in : str or None
        What the data stand in for, if they are not the real ones.
    metric : str
        One of `METRICS`.
    reference : str
        The rung that all others are compared with.
    margin : float
        Differences within it are as good as none (delta).
    n_train, n_validation, n_test : int
        Sequences in each part.
    test_sha256 : str
        Hash of the test sequences: rungs are comparable only where it agrees.
    y_true : ndarray of uint8, shape (N,)
        Classes of the test part.
    groups : ndarray of int64, shape (N,), or None
        Groups of test sequences that were resampled together.
    rungs : tuple of RungResult
        In the order of `RUNGS`, extra rungs last.
    differences : tuple of Difference
        One for every rung but the reference.
    not_applicable : dict of str to str
        Reason by rung.
    reported : tuple of ReportedScore
        Published scores to be shown apart.
    """

    task: str
    stand_in: str | None
    metric: str
    reference: str
    margin: float
    n_train: int
    n_validation: int
    n_test: int
    n_resamples: int
    test_sha256: str
    y_true: npt.NDArray[np.uint8]
    groups: npt.NDArray[np.int64] | None
    rungs: tuple[RungResult, ...]
    differences: tuple[Difference, ...]
    not_applicable: dict[str, str]
    reported: tuple[ReportedScore, ...] = ()

    def __getitem__(self, name: str) -> RungResult:
        for rung in self.rungs:
            if rung.name == name:
                return rung
        raise ValueError(f"no rung {name!r} in this ladder; it has {[r.name for r in self.rungs]}")

    def difference(self, name: str) -> Difference:
        """Paired difference of rung `name` to the reference rung."""
        for difference in self.differences:
            if difference.rung == name:
                return difference
        raise ValueError(f"no difference for {name!r}; the reference is {self.reference!r}")

    @property
    def n_seeds(self) -> int:
        """Seeds of the trained rungs: the fewest that any of them has."""
        return min((len(rung.seeds) for rung in self.rungs if not rung.deterministic), default=1)

    @property
    def best(self) -> RungResult:
        """The rung with the highest mean score."""
        return max(self.rungs, key=lambda rung: rung.interval.estimate)

    def relative_to(self, name: str) -> LadderResult:
        """Compare every rung with another reference, on the same predictions.

        Parameters
        ----------
        name : str
            The rung to compare with, e.g. "random_frozen" to see what pretraining added.

        Returns
        -------
        result : LadderResult
            With differences to that rung.
        """
        self[name]  # says which rungs there are, if this is none of them
        return compared(replace(self, reference=name))

    def against_reported(self, protocol: str, name: str = "kmer_linear") -> str:
        """Hold a rung's interval against the best published score under one protocol.

        Parameters
        ----------
        protocol : str
            "frozen" or "fine-tuned", as in `ReportedScore`.
        name : str, default "kmer_linear"
            The rung.

        Returns
        -------
        word : {"above", "not clearly below", "below", "nothing reported"}
            "above": the interval lies wholly above the published score. "below": wholly below it.
            A published score has no interval of its own here, so no difference is computed.
        """
        if not any(one.protocol == protocol for one in self.reported):
            return "nothing reported"
        interval, best = self[name].interval, self.best_reported(protocol)
        if interval.low > best:
            return "above"
        return "below" if interval.high < best else "not clearly below"

    def best_reported(self, protocol: str) -> float:
        """Return the best published score under one protocol; ValueError if there is none."""
        return max(one.value for one in self.reported if one.protocol == protocol)

    def chosen_configurations(self) -> dict[str, list[dict[str, Any]]]:
        """Chosen configuration by rung, in the form that `standard_rungs` takes."""
        return {rung.name: [rung.chosen] for rung in self.rungs}

    def expected_best(self) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """CPU seconds and expected best validation score after 1, 2, … trials, by rung.

        Returns
        -------
        curves : dict of str to (ndarray, ndarray)
            Mean seconds of n trials, and `scores.expected_best`, of rungs with two scored trials.
        """
        curves: dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = {}
        for rung in self.rungs:
            kept = [trial.validation for trial in rung.trials if trial.validation is not None]
            if len(kept) > 1:
                seconds = float(np.mean([trial.cpu_seconds for trial in rung.trials]))
                n_trials = np.arange(1.0, len(kept) + 1.0)
                curves[rung.name] = (np.asarray(seconds * n_trials), scores.expected_best(kept))
        return curves

    def table(self) -> pd.DataFrame:
        """All rungs as a table, one row each, those not applicable with their reason."""
        rows = [self._row(rung) for rung in self.rungs]
        rows += [
            {"rung": LABELS.get(name, name), "kind": "not applicable", "word": reason}
            for name, reason in self.not_applicable.items()
        ]
        return pd.DataFrame(rows).set_index("rung")

    def _row(self, rung: RungResult) -> dict[str, Any]:
        row = {
            "rung": rung.label,
            "kind": rung.kind,
            self.metric: rung.interval.estimate,
            "low": rung.interval.low,
            "high": rung.interval.high,
            "n": self.n_test,
            "seeds": len(rung.seeds),
            "configurations": len(rung.trials),
            "cpu_seconds": rung.cpu_seconds,
            "pretraining_seconds": rung.pretraining_seconds,
            "peak_mib": rung.peak_mib,
            "joules": rung.energy_joules,
        }
        if rung.name != self.reference:
            gap = self.difference(rung.name)
            row |= {
                "difference": gap.interval95.estimate,
                "difference_low": gap.interval95.low,
                "difference_high": gap.interval95.high,
                "p_holm": gap.p_holm,
                "word": gap.word,
            }
        return row

    def headline(self) -> str:
        """Say in a few words how the best rung stands to the reference."""
        reference = self[self.reference].label
        if self.best.name == self.reference:
            return f"no rung scores above {reference}"
        word = self.difference(self.best.name).word
        if word == "not resolved":
            return f"{self.best.label} against {reference}: not resolved"
        return (
            f"{self.best.label} {'is not worse than' if word == 'not worse' else word} {reference}"
        )

    def sentence(self) -> str:
        """Say in one sentence who scored highest, and how that stands to the reference."""
        best, metric = self.best, METRIC_LABELS[self.metric]
        where = f"On stand-in data for {self.task}" if self.stand_in else f"On {self.task}"
        start = f"{where}, {best.label} scored highest, {metric} {best.interval}"
        if best.name == self.reference:
            rivals = [rung for rung in self.rungs if rung.name != self.reference]
            best = max(rivals, key=lambda rung: rung.interval.estimate)
        gap = self.difference(best.name)
        seeds = f", with {self.n_seeds} seeds of the {NEEDED_SEEDS} needed" if gap.few_seeds else ""
        return (
            f"{start}; {best.label} minus {self[self.reference].label} is {gap.interval95} "
            f"({gap.word}{seeds})."
        )

    def alt_text(self) -> str:
        """Describe the figure of this ladder for those who do not see it, numbers included."""
        kinds = " and ".join(sorted({rung.kind for rung in self.rungs}))
        rungs = ", ".join(f"{rung.label} {rung.interval}" for rung in self.rungs)
        stand_in = f"Stand-in data: {self.stand_in}. " if self.stand_in else ""
        return (
            f"{stand_in}Ladder of {len(self.rungs)} rungs on {self.task} ({kinds}; {self.n_test} "
            f"test sequences, {self.n_seeds} seeds), {METRIC_LABELS[self.metric]} with 95 % "
            f"interval: {rungs}. {self.sentence()}"
        )

    def with_recorded(self, recorded: LadderResult, names: Sequence[str] = ()) -> LadderResult:
        """Take rungs from a stored run on the same test sequences, and compare again.

        Parameters
        ----------
        recorded : LadderResult
            The stored run.
        names : sequence of str, optional
            Which rungs; by default all that this ladder lacks.

        Returns
        -------
        result : LadderResult
            Both, the stored rungs marked ``kind="recorded"``.

        Raises
        ------
        ValueError
            If the two were not scored on the same test sequences by the same metric.
        """
        if (recorded.test_sha256, recorded.metric) != (self.test_sha256, self.metric):
            raise ValueError(
                f"the stored run of {recorded.task!r} has another test part or metric than "
                f"{self.task!r}: their scores are two experiments; show them as two figures"
            )
        have = {rung.name for rung in self.rungs} | set(self.not_applicable)
        names = names or [rung.name for rung in recorded.rungs if rung.name not in have]
        taken = [replace(recorded[name], kind="recorded") for name in names]
        kept = [rung for rung in self.rungs if rung.name not in names]
        return compared(replace(self, rungs=in_order([*kept, *taken])))

    def to_json(self) -> str:
        """Write everything as JSON, arrays packed."""
        return _dumps(self)

    @classmethod
    def from_json(cls, text: str) -> LadderResult:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            If the text holds no ladder of this version.
        """
        fields = json.loads(text)
        try:
            fields["rungs"] = tuple(rung_from_dict(rung) for rung in fields["rungs"])
            fields["differences"] = tuple(_difference(gap) for gap in fields["differences"])
            fields["reported"] = tuple(ReportedScore(**score) for score in fields["reported"])
            fields["y_true"] = unpack(fields["y_true"])
            fields["groups"] = unpack(fields["groups"])
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"this JSON holds no ladder as this version writes it ({error}); record it again"
            ) from error


def pack(array: npt.NDArray[Any]) -> dict[str, Any]:
    """Turn an array into a dict that JSON can hold; `unpack` reads it."""
    data = base64.b85encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()
    return {"dtype": str(array.dtype), "shape": array.shape, "zlib85": data}


def unpack(packed: dict[str, Any] | None) -> Any:
    """Give back the array that `pack` was given; None for None."""
    if packed is None:
        return None
    data = zlib.decompress(base64.b85decode(packed["zlib85"]))
    return np.frombuffer(data, dtype=packed["dtype"]).reshape(packed["shape"])


def _dumps(result: LadderResult | RungResult) -> str:
    return json.dumps(dataclasses.asdict(result), default=pack, allow_nan=False)


def rung_to_dict(rung: RungResult) -> dict[str, Any]:
    """Turn one rung into a dict that JSON can hold, for runs that are kept rung by rung.

    Parameters
    ----------
    rung : RungResult
        The rung.

    Returns
    -------
    fields : dict
        For `rung_from_dict`.
    """
    fields: dict[str, Any] = json.loads(_dumps(rung))
    return fields


def rung_from_dict(fields: dict[str, Any]) -> RungResult:
    """Read what `rung_to_dict` made.

    Parameters
    ----------
    fields : dict
        From `rung_to_dict`, straight or by way of JSON.

    Returns
    -------
    rung : RungResult
        The same rung.
    """
    trials = [
        Trial(**trial | {"configuration": _tuples(trial["configuration"])})
        for trial in fields["trials"]
    ]
    return RungResult(
        **fields
        | {
            "seeds": tuple(fields["seeds"]),
            "chosen": _tuples(fields["chosen"]),
            "scores": tuple(fields["scores"]),
            "predictions": unpack(fields["predictions"]),
            "interval": Interval(**fields["interval"]),
            "trials": tuple(trials),
        }
    )


def _tuples(configuration: dict[str, Any]) -> dict[str, Any]:
    """Undo JSON, which makes lists of tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in configuration.items()
    }


def _difference(fields: dict[str, Any]) -> Difference:
    intervals = {name: Interval(**fields[name]) for name in ("interval95", "interval90")}
    return Difference(**fields | intervals)


def in_order(rungs: Sequence[RungResult]) -> tuple[RungResult, ...]:
    """Sort by rung from the bottom up, extra rungs last."""
    position = {name: number for number, name in enumerate(RUNGS)}
    return tuple(sorted(rungs, key=lambda rung: position.get(rung.name, len(RUNGS))))


def compared(result: LadderResult) -> LadderResult:
    """Compute every paired difference to the reference rung and judge it, Holm-adjusted."""
    reference = result[result.reference]
    others = [rung for rung in result.rungs if rung.name != reference.name]
    intervals = [
        paired_seeds_and_items(
            METRICS[result.metric],
            result.y_true,
            rung.predictions,
            reference.predictions,
            rng=np.random.default_rng(RESAMPLING_SEED),
            n_resamples=result.n_resamples,
            groups=result.groups,
        )
        for rung in others
    ]
    p_values = [interval.p_value() for interval in intervals]
    differences = []
    for rung, interval, p, p_holm in zip(others, intervals, p_values, holm(p_values), strict=True):
        interval90 = interval.at_level(0.90)
        differences.append(
            Difference(
                rung=rung.name,
                reference=reference.name,
                interval95=interval,
                interval90=interval90,
                p=p,
                p_holm=float(p_holm),
                word=compare(interval, interval90, result.margin, p_adjusted=float(p_holm)),
                few_seeds=interval.n_seeds is not None and interval.n_seeds < NEEDED_SEEDS,
            )
        )
    return replace(result, differences=tuple(differences))
