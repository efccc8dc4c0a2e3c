"""A map of measured cases, to be asked whether pretraining won on a task like mine.

Design choices

- A case is one task with so many labels, and every method that was run on it, on one test part.
- One side is what the advice is about: a pretrained model, or one that reads a long context.
- On either side of a comparison the method is chosen by its validation score, among those that a
  budget allows; the test part only says how large the difference is.
- A map that holds no case of the kind asked for says so, and advises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.intervals import Interval, compare, holm
from hypecheck.resamples import Metric
from hypecheck.scores import accuracy, auroc, matthews, pearson
from hypecheck.seeds import paired_seeds_and_items, seed_interval

METRICS: dict[str, Metric] = {
    "MCC": matthews,
    "AUROC": auroc,
    "Pearson r": pearson,
    "accuracy": accuracy,
}
PRETRAINED = ("pretrained_frozen", "fine_tuned")
ADVISED = (*PRETRAINED, "zero_shot", "long_frozen", "long_network")
SIMPLE = ("composition", "kmer_linear", "cnn", "trivial", "words", "agreement")
WORDS = ("kmer_linear", "words")
UNTRAINED = ("random_frozen", "from_scratch")
FEW, MANY = 200, 5000
LABELS = {
    "at most 200": (0, FEW),
    "more than 200, fewer than 5,000": (FEW + 1, MANY - 1),
    "5,000 or more": (MANY, 10**9),
}
TWINS = {"pretrained_frozen": "random_frozen", "fine_tuned": "from_scratch"}
RIVALS = (
    "the best simple model",
    "tuned word counts",
    "the same network without pretraining",
    "the established method",
)
BUDGETS = {"no limit": np.inf, "one processor minute": 60.0, "ten seconds": 10.0}
MARGIN = 0.03


@dataclass(frozen=True, eq=False)
class Method:
    """What one method did on the test part of a case.

    Parameters
    ----------
    predictions : ndarray, shape (S, N)
        One row for each seed; one row in all if there is no chance in it.
    validation : float, default NaN
        Score on the validation part, by which it is chosen.
    seconds : float, default NaN
        CPU seconds for one user: all configurations tried, and the model.
    pretraining : float, default 0
        CPU seconds that somebody spent before.
    """

    predictions: npt.NDArray[Any]
    validation: float = float("nan")
    seconds: float = float("nan")
    pretraining: float = 0.0


@dataclass(frozen=True, eq=False)
class Case:
    """One task with so many labels, and what was run on it.

    Parameters
    ----------
    name, task, family : str
        In words; several cases may share a task, several tasks a family.
    labels : int
        Training sequences with labels.
    truth : ndarray, shape (N,)
        Of the test part.
    methods : mapping of str to Method
        By name, see `ADVISED`, `SIMPLE`, `UNTRAINED`; and the established method, if any.
    groups : ndarray, shape (N,), optional
        Test items that are resampled together.
    metric : str, default "MCC"
        One of `METRICS`.
    is_divergent : bool, default False
        Whether training and test part come from two species, or two collections.
    is_long : bool, default False
        Whether the answer may lie more than a thousand bases away.
    established : str, default ""
        The method of the field among `methods`.
    is_simulated : bool, default False
        Whether the data were made up.
    """

    name: str
    task: str
    family: str
    labels: int
    truth: npt.NDArray[Any]
    methods: Mapping[str, Method]
    groups: npt.NDArray[Any] | None = None
    metric: str = "MCC"
    is_divergent: bool = False
    is_long: bool = False
    established: str = ""
    is_simulated: bool = False

    def best(
        self, names: Iterable[str], *, budget: float = np.inf, own_pretraining: bool = False
    ) -> str:
        """Choose by the validation score, the first of equals.

        Parameters
        ----------
        names : iterable of str
            Among which; those that were not run are passed over.
        budget : float
            CPU seconds that may be spent; a method of unknown cost is within no finite budget.
        own_pretraining : bool, default False
            Whether pretraining is paid for, too.

        Returns
        -------
        name : str
            "" if there is none.
        """
        within = [
            name
            for name in names
            if name in self.methods
            and (budget == np.inf or self.cost(name, own_pretraining=own_pretraining) <= budget)
        ]
        scored = [name for name in within if not np.isnan(self.methods[name].validation)]
        if len(within) > 1 and scored:
            return max(scored, key=lambda name: self.methods[name].validation)
        return within[0] if within else ""

    def cost(self, name: str, *, own_pretraining: bool = True) -> float:
        """CPU seconds of a method, with or without its pretraining; NaN if unknown."""
        method = self.methods[name]
        return method.seconds + (method.pretraining if own_pretraining else 0.0)

    def scores(self, name: str) -> npt.NDArray[np.float64]:
        """Score of every seed of a method, shape (S,)."""
        metric = METRICS[self.metric]
        return np.array([metric(self.truth, row) for row in self.methods[name].predictions])

    def seed_gaps(self, name: str, other: str) -> npt.NDArray[np.float64]:
        """Score of a method minus that of another, seed by seed, shape (S,)."""
        return np.asarray(self.scores(name) - self.scores(other))

    def gap(self, name: str, other: str, *, n_resamples: int = 300) -> Interval:
        """Paired difference of two methods over seeds and test items; over seeds if simulated."""
        if self.is_simulated:
            return seed_interval(self.seed_gaps(name, other))
        return paired_seeds_and_items(
            METRICS[self.metric],
            self.truth,
            self.methods[name].predictions,
            self.methods[other].predictions,
            rng=np.random.default_rng(0),
            n_resamples=n_resamples,
            groups=self.groups,
        )


@dataclass(frozen=True)
class Cell:
    """One field of the map: who met whom on a case, and how it ended.

    Parameters
    ----------
    case : Case
        Where.
    pretrained, rival : str
        The methods that were chosen on either side.
    gap : Interval
        Pretrained minus rival.
    word : str
        "beats", "loses", "matches", "not worse" or "not resolved", for the pretrained side.
    """

    case: Case
    pretrained: str
    rival: str
    gap: Interval
    word: str = "not resolved"


@dataclass
class DecisionMap:
    """Cases to be asked; differences are computed once.

    Parameters
    ----------
    cases : sequence of Case
        All that was measured.
    """

    cases: Sequence[Case]
    _known: dict[tuple[str, str, str], Interval] = field(default_factory=dict, repr=False)

    def select(
        self,
        *,
        labels: str = "any",
        divergent: bool | None = None,
        long: bool | None = None,
        rival: str = RIVALS[0],
        budget: float = np.inf,
    ) -> list[Cell]:
        """Give the cells of a kind, judged together.

        Parameters
        ----------
        labels : str
            A key of `LABELS`, or "any".
        divergent, long : bool, optional
            As in `Case`; None for either.
        rival : str, default "the best simple model"
            One of `RIVALS`; cases where it was not run are left out.
        budget : float
            CPU seconds on either side, pretraining not counted; an established method costs none.

        Returns
        -------
        cells : list of Cell
            Each judged by its own interval, see `judged`.

        Raises
        ------
        KeyError
            If `labels` is no key of `LABELS`.
        ValueError
            If there is no such rival.
        """
        if rival not in RIVALS:
            raise ValueError(f"no rival is called {rival!r}; there are: {', '.join(RIVALS)}")
        low, high = (0, 10**9) if labels == "any" else LABELS[labels]
        cells = []
        for case in self.cases:
            right = low <= case.labels <= high and long in (None, case.is_long)
            right &= divergent in (None, case.is_divergent)
            cell = self._cell(case, budget, rival) if right else None
            if cell:
                cells.append(cell)
        return judged(cells)

    def _cell(self, case: Case, budget: float, rival: str) -> Cell | None:
        ours = case.best(ADVISED, budget=budget)
        if rival == RIVALS[0]:
            theirs = case.best(SIMPLE, budget=budget)
        elif rival == RIVALS[1]:
            theirs = case.best(WORDS, budget=budget)
        elif rival == RIVALS[2]:
            with_twin = [name for name, twin in TWINS.items() if twin in case.methods]
            ours = case.best(with_twin, budget=budget)
            theirs = TWINS.get(ours, "")
        else:
            theirs = case.established
        if not (ours and theirs):
            return None
        key = (case.name, ours, theirs)
        if key not in self._known:
            self._known[key] = case.gap(ours, theirs)
        return Cell(case, ours, theirs, self._known[key])


def judged(cells: Sequence[Cell], *, corrected: bool = False) -> list[Cell]:
    """Say of each cell how the advised side did.

    Parameters
    ----------
    cells : sequence of Cell
        To be judged.
    corrected : bool, default False
        Whether "beats" and "loses" must survive Holm's correction over all of these cells. A
        reader who looks for his own case asks one cell; whoever counts clear ones asks them all.

    Returns
    -------
    cells : list of Cell
        With their words.
    """
    p_values = [cell.gap.p_value() for cell in cells]
    adjusted = holm(p_values) if corrected and cells else p_values
    return [
        replace(
            cell,
            word=compare(cell.gap, cell.gap.at_level(0.90), MARGIN, p_adjusted=float(p)),
        )
        for cell, p in zip(cells, adjusted, strict=True)
    ]


def advice(cells: Sequence[Cell], *, rival: str = RIVALS[0]) -> str:
    """Say in plain words what a selection of cells carries, and how surely.

    Parameters
    ----------
    cells : sequence of Cell
        From `DecisionMap.select`.
    rival : str, default "the best simple model"
        Whom the pretrained side met.

    Returns
    -------
    text : str
        "We have not measured this." if there is no cell.

    Examples
    --------
    >>> advice([]).split(".")[0]
    'We have not measured this'
    """
    if not cells:
        return "We have not measured this. The map holds no such case, and advises nothing."
    counts = Counter(cell.word for cell in cells)
    won, lost = counts["beats"], counts["loses"]
    alike = counts["matches"] + counts["not worse"]
    open_ = len(cells) - won - lost - alike
    gaps = [cell.gap.estimate for cell in cells]
    tasks = len({cell.case.task for cell in cells})
    facts = (
        f"{len(cells)} {'case' if len(cells) == 1 else 'cases'} on {tasks} "
        f"{'task' if tasks == 1 else 'tasks'} against {rival}: pretraining clearly won {won}, "
        f"clearly lost {lost}, was as good or not worse on {alike}, and {open_} stayed open; "
        f"differences from {min(gaps):+.2f} to {max(gaps):+.2f}."
    )
    return f"{_counsel(won, lost, alike, len(cells))} {facts}"


def _counsel(won: int, lost: int, alike: int, n_cells: int) -> str:
    if won and not lost:
        return "Try the pretrained one as well."
    if lost and not won:
        return "Start with the rival, and expect to stay with it."
    if won and lost:
        return "It depends on the task: run both on yours."
    if alike > n_cells / 2:
        return "No difference that matters was seen: take the cheaper one."
    return "Our measurements do not decide this: run both on yours."


def rows(cells: Sequence[Cell]) -> dict[str, dict[str, Interval]]:
    """Sort cells into series for `hypecheck.figures.interval_rows`.

    Parameters
    ----------
    cells : sequence of Cell
        From `DecisionMap.select`.

    Returns
    -------
    series : dict of str to dict of str to Interval
        "pretrained ahead", "not clearly different" and "pretrained behind", by name of the case,
        the largest difference first; empty series are left out.
    """
    names = {"beats": "pretrained ahead", "loses": "pretrained behind"}
    order = sorted(cells, key=lambda cell: -cell.gap.estimate)
    series: dict[str, dict[str, Interval]] = {
        name: {} for name in ("pretrained ahead", "not clearly different", "pretrained behind")
    }
    for cell in order:
        series[names.get(cell.word, "not clearly different")][cell.case.name] = cell.gap
    return {name: found for name, found in series.items() if found}
