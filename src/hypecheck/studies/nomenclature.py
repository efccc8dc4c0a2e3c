"""What a name promises and a model does: context in use, other species, tasks of other kinds.

Design choices

- The study itself only measures how much of its window each recorded model uses, on the held-out
  windows of its own pretraining; nothing is trained.
- Losses on another species and gains by task are read from the studies that measured them.
- The distance of a task from the training objective is the loss of that very objective on the
  task's sequences, less the loss of a model that knows the frequencies of the tokens alone. It was
  fixed before any gain was looked at.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from hypecheck import scores
from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.effective_context import bits_kept, hidden_token_bits
from hypecheck.intervals import Interval
from hypecheck.ladder_result import LadderResult
from hypecheck.ladder_study import LadderPlan, recorded_ladder, study_corpus, study_tokenizer
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.resampling import paired_seeds_and_items, seeds_and_items_interval
from hypecheck.seeds import grid_interval
from hypecheck.studies.gains_result import SpeciesPairs
from hypecheck.training import tokenise

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ContextPlan:
    """What decides the numbers.

    Parameters
    ----------
    seeds : tuple of int
        Of the recorded models.
    distances : tuple of (str, tuple of int)
        By what the model reads: distances kept, in tokens, the last one the whole window.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    distances: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("char", (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 51)),
        ("kmer3", (0, 1, 2, 3, 4, 6, 8, 12, 17)),
    )


def nomenclature_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Measure how much of its window each of ten recorded models uses.

    Parameters
    ----------
    folder : Path
        Where cells are kept.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    run : RecordedRun
        Results "plan", "context" by reader, and "cpu_seconds".
    weights : tuple of Path
        None.
    """
    plan, corpus = ContextPlan(), LadderPlan()
    asked = [(reader, seed) for reader, _ in plan.distances for seed in plan.seeds]
    cells = [
        Cell(f"context-{reader}-{seed}", context_cell, (plan, reader, seed), f"{plan} {corpus}")
        for reader, seed in asked
    ]
    found = dict(
        zip(asked, run_cells(cells, folder, n_jobs=n_jobs, progress=progress), strict=True)
    )
    seconds = sum(one["cpu_seconds"] for one in found.values())
    results = {
        "plan": asdict(plan),
        "context": {
            reader: {
                "distances": list(distances),
                "bits": [found[reader, seed]["bits"] for seed in plan.seeds],
            }
            for reader, distances in plan.distances
        },
        "cpu_seconds": seconds,
    }
    run = describe_run(
        "nomenclature",
        results,
        command="hypecheck record nomenclature",
        data=[load(name, offline=False) for name in (corpus.corpus, *corpus.away_from)],
        seeds=plan.seeds,
        cpu_hours=seconds / 3600,
    )
    return run, ()


def context_cell(plan: ContextPlan, reader: str, seed: int) -> dict[str, Any]:
    """Measure one model: log2 probability of the hidden middle token, as text, a row a distance."""
    start, corpus = time.process_time(), LadderPlan()
    model = load_model(weights_path(f"ladder-{reader}-{seed}"))
    if not isinstance(model, Transformer):
        raise TypeError(f"the weights ladder-{reader}-{seed} are no language model")
    tokens = tokenise(study_tokenizer(reader, corpus), study_corpus(corpus).held_out).numpy()
    middle = tokens.shape[1] // 2
    predict, rng = hidden_token_bits(model, middle), np.random.default_rng(0)
    bits = bits_kept(predict, tokens, middle, dict(plan.distances)[reader], rng)
    return {
        "bits": [" ".join(f"{one:.3f}" for one in row) for row in bits.T],
        "cpu_seconds": time.process_time() - start,
    }


def recorded_bits(run: RecordedRun, reader: str) -> tuple[Floats, list[int]]:
    """Read the record: bits by seed, window and distance, and the distances.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("nomenclature")``.
    reader : {"char", "kmer3"}
        What the model reads.

    Returns
    -------
    bits : ndarray of float64, shape (S, N, D)
    distances : list of int, length D
    """
    found = run.results["context"][reader]
    rows = [[np.array(row.split(), dtype=np.float64) for row in seed] for seed in found["bits"]]
    return np.array(rows).transpose(0, 2, 1), list(found["distances"])


def species_scores(run: RecordedRun, *, labels: int = 1000) -> dict[tuple[str, str], Floats]:
    """Score the better pretrained protocol of every species on every species.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("gains")``.
    labels : int, default 1000
        Training sequences.

    Returns
    -------
    scores : dict of (str, str) to ndarray of float64, shape (S,)
        Matthews correlation by species of training and of test; the protocol (frozen or
        fine-tuned) is the one with the better validation score at home.
    """
    pairs = SpeciesPairs(run)
    truth = {
        name: np.array(list(text), dtype=np.int64)
        for name, text in run.results["species"]["truth"].items()
    }
    return {
        (a, b): np.array(
            [
                scores.matthews(truth[b], one)
                for one in pairs.predictions(a, b, pairs.best(a, labels), labels)
            ]
        )
        for a in pairs.species
        for b in pairs.species
    }


def species_drop(found: dict[tuple[str, str], Floats]) -> Interval:
    """Give the mean loss from the species of training to another one.

    Parameters
    ----------
    found : dict
        From `species_scores`.

    Returns
    -------
    drop : Interval
        Score at home minus score abroad, over seeds and ordered pairs.

    Examples
    --------
    >>> flat = {(a, b): np.array([0.5, 0.5]) - 0.1 * (a != b) for a in "xyz" for b in "xyz"}
    >>> round(species_drop(flat).estimate, 3)
    0.1
    """
    away = [(a, b) for a, b in found if a != b]
    return grid_interval(np.stack([found[a, a] - found[a, b] for a, b in away], axis=1))


def difference_of_scores(home: Interval, abroad: Interval) -> Interval:
    """Subtract two scores on different test items, as if nothing tied them together.

    Parameters
    ----------
    home, abroad : Interval
        With standard errors.

    Returns
    -------
    difference : Interval
        Too wide rather than too narrow where the same seeds were used.

    Examples
    --------
    >>> one = Interval(0.7, 0.6, 0.8, standard_error=0.03, degrees_of_freedom=4, n_seeds=5)
    >>> other = Interval(0.5, 0.4, 0.6, standard_error=0.04, degrees_of_freedom=4, n_seeds=5)
    >>> print(difference_of_scores(one, other))
    .200 [.061, .339]
    """
    plain = Interval(
        estimate=home.estimate - abroad.estimate,
        low=np.nan,
        high=np.nan,
        method="two test parts, t",
        n=min(home.n, abroad.n),
        n_seeds=home.n_seeds,
        standard_error=float(np.hypot(home.standard_error, abroad.standard_error)),
        degrees_of_freedom=min(home.degrees_of_freedom, abroad.degrees_of_freedom),
    )
    return plain.at_level(0.95)


class FamilyGains:
    """What pretraining gained on every family of tasks, by distance from its objective.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("families")``.
    """

    def __init__(self, run: RecordedRun) -> None:
        self.facts: dict[str, dict[str, Any]] = run.results["families"]
        self._ladders = {name: recorded_ladder(run, name, "kmer3") for name in self.facts}
        excess = {
            name: float(np.mean(one["masked_bits"])) - one["unigram_bits"]
            for name, one in self.facts.items()
        }
        self.names = sorted(excess, key=lambda name: excess[name])
        self.distance = {name: excess[name] for name in self.names}

    def ladder(self, name: str) -> LadderResult:
        """Give the recorded ladder of a family."""
        return self._ladders[name]

    def farthest(self) -> list[str]:
        """Name the farthest third of the families (rounded)."""
        return self.names[-round(len(self.names) / 3) :]

    def gain(self, name: str) -> Interval:
        """Give frozen pretrained minus random twin on one family, paired."""
        ladder = self._ladders[name]
        return paired_seeds_and_items(
            scores.matthews,
            ladder.y_true,
            ladder["pretrained_frozen"].predictions,
            ladder["random_frozen"].predictions,
            rng=np.random.default_rng(0),
            n_resamples=300,
            groups=ladder.groups,
        )

    def gains_by_seed(self) -> Floats:
        """Give the gains of every seed, shape (S, number of families), nearest family first."""
        return np.stack(
            [
                np.subtract(ladder["pretrained_frozen"].scores, ladder["random_frozen"].scores)
                for ladder in (self._ladders[name] for name in self.names)
            ],
            axis=1,
        )

    def correlation(self, distance: dict[str, float] | None = None) -> Interval:
        """Correlate the ranks of distance and gain, over seeds and families.

        Parameters
        ----------
        distance : dict of str to float, optional
            Another distance of every family.

        Returns
        -------
        correlation : Interval
            Spearman's, with a bootstrap over families: wide, since there are few.
        """
        known = distance or self.distance
        place = np.array([known[name] for name in self.names])
        return seeds_and_items_interval(
            _spearman, place, self.gains_by_seed(), rng=np.random.default_rng(0), n_resamples=1000
        )

    def mean_gain(self, names: list[str]) -> Interval:
        """Give the mean gain on some families, over seeds and the test items of each.

        Parameters
        ----------
        names : list of str
            Families.

        Returns
        -------
        gain : Interval
            The seeds are those of the same five models in all families, so their spread is that of
            the mean; the items of different families are independent.
        """
        columns = self.gains_by_seed()[:, [self.names.index(name) for name in names]]
        found, n_seeds = [self.gain(name) for name in names], len(columns)
        seeds = columns.mean(axis=1).var(ddof=1) / n_seeds
        items = sum(
            max(0.0, one.standard_error**2 - column.var(ddof=1) / n_seeds)
            for one, column in zip(found, columns.T, strict=True)
        )
        plain = Interval(
            estimate=float(columns.mean()),
            low=np.nan,
            high=np.nan,
            method="items and seeds, t",
            n=sum(one.n for one in found),
            n_seeds=n_seeds,
            standard_error=float(np.sqrt(seeds + items / len(names) ** 2)),
            degrees_of_freedom=float(n_seeds - 1),
        )
        return plain.at_level(0.95)


def _spearman(x: Floats, y: Floats) -> float:
    """Rank correlation; NaN if a sample holds one family only."""
    a, b = rankdata(x), rankdata(y)
    if a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
