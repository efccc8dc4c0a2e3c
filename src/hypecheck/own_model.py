"""Bring your own model: run it on public tasks beside the baselines, and print its card.

Design choices

- A reader gives one function, ``fit(train, validation, seed)``, which gives ``predict(codes)``;
  what happens inside is the reader's affair.
- The split is audited before the score is read; the baselines meet the same test part, and every
  difference is paired.
- A recorded pretrained model stands beside it only where the test part is the recorded one.
- The card says which of its fields were measured here, and which its author has to fill in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.baselines import Composition, KmerLogistic, choose_on_validation
from hypecheck.intervals import NEEDED_SEEDS, Interval
from hypecheck.ladder_result import LadderResult
from hypecheck.resampling import paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, LabelledSequences, Task
from hypecheck.splits import audit

Predict = Callable[[Codes], npt.ArrayLike]
Fit = Callable[[LabelledSequences, LabelledSequences, int], Predict]
PRETRAINED = ("pretrained_frozen", "fine_tuned")


@dataclass(frozen=True)
class OwnResult:
    """What a reader's model did on one task.

    Parameters
    ----------
    task : str
        Name.
    n_train, n_test : int
        Sequences.
    n_known : int
        Test sequences with a copy or near copy in the training part.
    score : Interval
        Matthews correlation.
    minus_composition, minus_words : Interval
        Paired differences to base composition and to tuned word counts.
    minus_pretrained : Interval or None
        To the recorded pretrained model, frozen or fine-tuned by its validation score.
    seconds : float
        CPU seconds to train and predict, mean over seeds.
    """

    task: str
    n_train: int
    n_test: int
    n_known: int
    score: Interval
    minus_composition: Interval
    minus_words: Interval
    minus_pretrained: Interval | None
    seconds: float


@dataclass(frozen=True)
class OwnReport:
    """A reader's model on several tasks.

    Parameters
    ----------
    name : str
        Of the model.
    n_seeds : int
        Trainings of it.
    results : tuple of OwnResult
        One for each task.
    """

    name: str
    n_seeds: int
    results: tuple[OwnResult, ...]

    def series(self) -> dict[str, dict[str, Interval]]:
        """Differences to the baselines by task, for `hypecheck.figures.interval_rows`."""
        found: dict[str, dict[str, Interval]] = {
            "minus composition": {one.task: one.minus_composition for one in self.results},
            "minus tuned word counts": {one.task: one.minus_words for one in self.results},
            "minus the pretrained model": {
                one.task: one.minus_pretrained for one in self.results if one.minus_pretrained
            },
        }
        return {name: rows for name, rows in found.items() if rows}

    def counts(self, against: str = "minus_words") -> tuple[int, int, int]:
        """Tasks on which the model is above, below, and not clearly either.

        Parameters
        ----------
        against : str, default "minus_words"
            Name of a difference of `OwnResult`.

        Returns
        -------
        above, below, open_ : int
            An interval of 95 % that excludes zero, on one task at a time.
        """
        gaps = [getattr(one, against) for one in self.results]
        gaps = [gap for gap in gaps if gap is not None]
        above = sum(gap.low > 0 for gap in gaps)
        below = sum(gap.high < 0 for gap in gaps)
        return above, below, len(gaps) - above - below

    def sentence(self) -> str:
        """Say in one sentence how the model stands to the word counts, seeds included."""
        above, below, open_ = self.counts()
        few = "" if self.n_seeds >= NEEDED_SEEDS else f" ({self.n_seeds} of {NEEDED_SEEDS} seeds)"
        return (
            f"On {len(self.results)} tasks {self.name}{few} stands above tuned word counts on "
            f"{above}, below them on {below}, and not clearly either on {open_}."
        )

    def card(self, **stated: str) -> list[dict[str, str]]:
        """Fill in a model card.

        Parameters
        ----------
        **stated : str
            What the author says: ``reads``, ``pretrained_on``, ``intended_for``, ``not_for``,
            ``configurations``, ``availability``.

        Returns
        -------
        rows : list of dict
            "field", "entry" and "measured" ("here", "stated by the author" or "missing").
        """
        rows = [(field, entry, "here") for field, entry in self._measured()]
        for field in (
            "reads", "pretrained_on", "configurations", "intended_for", "not_for", "availability",
        ):  # fmt: skip
            entry = stated.get(field, "")
            source = "stated by the author" if entry else "missing"
            rows.append((field.replace("_", " "), entry or "to be filled in", source))
        return [{"field": f, "entry": e, "measured": m} for f, e, m in rows]

    def _measured(self) -> list[tuple[str, str]]:
        scores = {one.task: one.score for one in self.results}
        worst, best = (pick(scores, key=lambda t: scores[t].estimate) for pick in (min, max))
        known = sum(one.n_known for one in self.results)
        above, below, open_ = self.counts("minus_pretrained")
        fields = [
            ("tasks run", ", ".join(scores)),
            ("training sequences", _range([one.n_train for one in self.results])),
            ("test sequences", f"{sum(one.n_test for one in self.results):,}"),
            ("of these with a relative in the training part", f"{known:,}"),
            ("seeds", str(self.n_seeds)),
            ("best task", f"{best}, MCC {scores[best]}"),
            ("worst task", f"{worst}, MCC {scores[worst]}"),
            ("against word counts", "above {}, below {}, open {}".format(*self.counts())),
            (
                "against composition",
                "above {}, below {}, open {}".format(*self.counts("minus_composition")),
            ),
            (
                "CPU seconds to train and predict, one task",
                _range([one.seconds for one in self.results]),
            ),
        ]
        if above + below + open_:
            text = f"above {above}, below {below}, open {open_}"
            fields.append(("against a tiny pretrained model", text))
        return fields


def run_own_model(
    fit: Fit,
    tasks: Mapping[str, Task],
    *,
    name: str,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    ladders: Mapping[str, LadderResult] | None = None,
) -> OwnReport:
    """Run a model on tasks beside the baselines.

    Parameters
    ----------
    fit : callable
        ``fit(train, validation, seed)`` gives ``predict(codes)``, which gives class numbers.
    tasks : mapping of str to Task
        By the name to print.
    name : str
        Of the model.
    seeds : sequence of int, default five
        Trainings; one is enough for a model without chance.
    ladders : mapping of str to LadderResult, optional
        Recorded ladders by the same names: their k-mer configuration is used, and their pretrained
        models stand beside yours where the test part is the same.

    Returns
    -------
    report : OwnReport

    Raises
    ------
    ValueError
        If a prediction has another length than the test part.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["GGCCGGCC", "GCGCGCGC", "ATTAATTA", "AATTAATT"] * 6)
    >>> rows = LabelledSequences(codes, np.tile([1, 1, 0, 0], 6))
    >>> task = Task("toy", rows, rows, rows)
    >>> def fit(train, validation, seed):
    ...     return lambda codes: (codes[:, 0] % 3 != 0).astype(int)
    >>> run_own_model(fit, {"toy": task}, name="first letter", seeds=(0,)).results[0].score.estimate
    1.0
    """
    found = []
    for title, task in tasks.items():
        start = time.process_time()
        runs = np.stack([_classes(fit, task, seed) for seed in seeds])
        seconds = (time.process_time() - start) / len(seeds)
        found.append(_result(title, task, runs, (ladders or {}).get(title), seconds))
    return OwnReport(name, len(seeds), tuple(found))


def _classes(fit: Fit, task: Task, seed: int) -> npt.NDArray[np.int64]:
    predicted = np.asarray(fit(task.train, task.validation, seed)(task.test.codes))
    if predicted.shape != (len(task.test),):
        raise ValueError(
            f"predict gave shape {predicted.shape} for {len(task.test)} test sequences of "
            f"{task.name!r}; it must give one class number each"
        )
    return predicted.astype(np.int64)


def _result(
    title: str,
    task: Task,
    runs: npt.NDArray[np.int64],
    ladder: LadderResult | None,
    seconds: float,
) -> OwnResult:
    truth, groups = task.test.labels, task.test.groups
    same = ladder is not None and np.array_equal(ladder.y_true, truth)
    recorded = ladder if same else None

    def gap(rows: npt.ArrayLike) -> Interval:
        rng = np.random.default_rng(0)
        return paired_seeds_and_items(
            matthews, truth, runs, np.atleast_2d(rows), rng=rng, n_resamples=300, groups=groups
        )

    leaks = audit(task.train, task.test)
    return OwnResult(
        title,
        len(task.train),
        len(task.test),
        leaks.n_exact + leaks.n_reverse_complement + leaks.n_near,
        seeds_and_items_interval(
            matthews, truth, runs, rng=np.random.default_rng(0), n_resamples=300, groups=groups
        ),
        gap(_baseline(Composition, task, recorded, "composition")),
        gap(_baseline(KmerLogistic, task, recorded, "kmer_linear")),
        gap(recorded[best_pretrained(recorded)].predictions) if recorded else None,
        seconds,
    )


def best_pretrained(ladder: LadderResult) -> str:
    """Name the pretrained rung with the better validation score."""

    def score(name: str) -> float:
        known = [t.validation for t in ladder[name].trials if t.validation is not None]
        return max(known, default=-np.inf)

    return max(PRETRAINED, key=score)


def _baseline(
    estimator: type[Composition] | type[KmerLogistic],
    task: Task,
    ladder: LadderResult | None,
    rung: str,
) -> npt.NDArray[np.int64]:
    """Predict with a tuned baseline; its recorded predictions are those of the same test part."""
    if ladder is not None:
        recorded: npt.NDArray[np.int64] = ladder[rung].predictions.astype(np.int64)
        return recorded
    fitted, _, _ = choose_on_validation(estimator, task.train, task.validation, matthews)
    predicted: npt.NDArray[np.int64] = fitted.predict(task.test.codes)
    return predicted


def _range(numbers: Sequence[float]) -> str:
    low, high = min(numbers), max(numbers)
    text = [f"{x:,.0f}" if high >= 10 else f"{x:.2f}" for x in (low, high)]
    return text[0] if text[0] == text[1] else f"{text[0]} to {text[1]}"
