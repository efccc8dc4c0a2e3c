"""What masked and causal training learn of a genome, and when: against Markov floors, by seed.

Design choices

- The network and the Markov models read the same windows of *E. coli*, each once; held-out blocks
  of the genome lie elsewhere, and windows that share a long word with the training part are gone.
- The control is the same genome with its bases in random order: nothing is left to learn there.
- Everything is kept as sums over the held-out blocks, by class of base, so that intervals can treat
  blocks, not neighbouring bases, as items.
- The ladder's models of human DNA are read again, base by base; nothing is trained for them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import BLOCK, HELD_OUT, make_corpus, purge
from hypecheck.datasets import Genome, load
from hypecheck.gaps import gap_bits, hidden_places
from hypecheck.ladder_study import LadderPlan, study_corpus
from hypecheck.learning import causal_bits, masked_bits, watch_training
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.models import load as load_model
from hypecheck.objectives import CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.reading_frames import codon_positions
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.resampling import Interval, paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import WeightedScore
from hypecheck.sequences import UNKNOWN, Codes
from hypecheck.similarity import NO_WORD, canonical_words

CLASSES = ("between genes", "codon position 1", "codon position 2", "codon position 3", "unclear")
ORDERS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12)
PAST = 16  # bases that every causal prediction may lean on
TRAINING = TrainingConfig(steps=800, batch_size=32, learning_rate=3e-3)  # not tuned
Sums = dict[str, Any]


@dataclass(frozen=True)
class LearningPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    runs : tuple of (str, tuple of int)
        Kinds of training and their seeds.
    length : int
        Bases of a window.
    looks : tuple of int
        Steps at which the model is asked.
    training : TrainingConfig
        The same for all kinds; nothing was tuned.
    """

    runs: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("masked", (0, 1, 2, 3, 4)),
        ("shuffled", (0,)),
        ("causal", (0,)),
    )
    length: int = 96
    looks: tuple[int, ...] = (12, 25, 50, 100, 200, 400, 800)
    training: TrainingConfig = TRAINING


@dataclass(frozen=True, eq=False)
class Reading:
    """Windows to learn from, and windows to be asked about.

    Attributes
    ----------
    train, test : ndarray of uint8, shape (N, L) and (M, L)
        Known bases; no test window shares a word of 24 bases with the training part.
    classes : ndarray of int8, shape (M, L)
        Class of each test base, an index into `CLASSES`.
    blocks : ndarray of int64, shape (M,)
        Held-out block of each test window.
    n_dropped : int
        Test windows that were dropped for sharing a word.
    """

    train: Codes
    test: Codes
    classes: npt.NDArray[np.int8]
    blocks: npt.NDArray[np.int64]
    n_dropped: int


def learning_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Train masked models on *E. coli*, and read the ladder's models of human DNA.

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
        "plan", "floors", "runs", "human" and what was dropped.
    weights : tuple of Path
        None are kept.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan, ladder = LearningPlan(), replace(LadderPlan(), tasks=())
    names = ("genome_ecoli_k12", ladder.corpus, *ladder.away_from)
    loaded = [load(name, offline=False) for name in names]
    decided = repr(replace(plan, runs=()))  # more kinds or seeds can be added later
    cells = [Cell("floors", floors_cell, (plan,), decided)]
    cells += [Cell("human", human_cell, (ladder,), repr(ladder))]
    cells += [
        Cell(f"{kind}-{seed}", train_cell, (plan, kind, seed), decided)
        for kind, seeds in plan.runs
        for seed in seeds
    ]
    floors, human, *runs = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    seconds = sum(one["cpu_seconds"] for one in (floors, *runs, human))
    results = {"plan": asdict(plan), "floors": floors, "runs": runs, "human": human}
    run = describe_run(
        "learning",
        results | {"cpu_seconds": seconds},
        command="hypecheck record learning",
        data=loaded,
        seeds=tuple(sorted({seed for _, seeds in plan.runs for seed in seeds})),
        cpu_hours=seconds / 3600,
    )
    return run, ()


@lru_cache(maxsize=2)
def ecoli_reading(plan: LearningPlan, *, shuffled: bool = False) -> Reading:
    """Cut *E. coli* into windows to learn from and windows to be asked about.

    Parameters
    ----------
    plan : LearningPlan
        How long and how many.
    shuffled : bool, default False
        Put the bases of the genome in random order first.

    Returns
    -------
    reading : Reading
        The parts.
    """
    return make_reading(
        load("genome_ecoli_k12"),
        length=plan.length,
        n_windows=plan.training.steps * plan.training.batch_size,
        shuffled=shuffled,
    )


def make_reading(
    genome: Genome, *, length: int, n_windows: int, shuffled: bool = False, block: int = BLOCK
) -> Reading:
    """Cut the first record of a genome into windows to learn from and windows to be asked about.

    Parameters
    ----------
    genome : Genome
        With annotation.
    length, n_windows : int
        Bases of a window, and windows to learn from.
    shuffled : bool, default False
        Put the bases in random order first.
    block : int, default 5000
        Bases held out at a stretch, of every twenty times as many.

    Returns
    -------
    reading : Reading
        Test windows lie side by side in every twentieth block.

    Examples
    --------
    >>> from hypecheck.datasets import load
    >>> reading = make_reading(load("genome_ecoli_k12", offline=True), length=96, n_windows=10)
    >>> reading.train.shape, reading.test.shape == reading.classes.shape
    ((10, 96), True)
    """
    name, codes = next(iter(genome.records.items()))
    features = genome.features[genome.features["record"] == name]
    labels = codon_positions(features, len(codes))
    if shuffled:
        codes = np.random.default_rng(99).permutation(codes)
    corpus = make_corpus(
        [codes], {}, length=length, n_windows=n_windows, rng=np.random.default_rng(0), block=block
    )
    begins = np.arange(block * (HELD_OUT // 2), len(codes) - length, block * HELD_OUT)
    starts = (begins[:, None] + np.arange(0, block - length + 1, length)).ravel()
    starts = starts[starts + length <= len(codes)]
    at = starts[:, None] + np.arange(length)  # (M, L)
    is_held_out = np.arange(len(codes)) // block % HELD_OUT == HELD_OUT // 2
    known = canonical_words(np.where(is_held_out, np.uint8(UNKNOWN), codes)[None], 24)
    words = canonical_words(codes[at], 24)  # (M, W)
    shares = (np.isin(words, known) & (words != NO_WORD)).any(axis=1)
    keep = ~shares & (codes[at] < UNKNOWN).all(axis=1)
    classes = np.where(labels[at] < 0, len(CLASSES) - 1, labels[at]).astype(np.int8)
    blocks = starts // block
    return Reading(corpus.train, codes[at][keep], classes[keep], blocks[keep], int(shares.sum()))


def block_sums(
    bits: npt.NDArray[np.float64], classes: npt.NDArray[np.int8], blocks: npt.NDArray[np.int64]
) -> Sums:
    """Add bits up by block and class.

    Parameters
    ----------
    bits : ndarray of float64, shape (M, P)
        Of each base that was asked for.
    classes : ndarray of int8, shape (M, P)
        Their classes.
    blocks : ndarray of int64, shape (M,)
        Block of each window.

    Returns
    -------
    sums : dict
        "bits" and "n", each a list for every class of sums by block.

    Examples
    --------
    >>> one = np.zeros((2, 1), np.int8)
    >>> block_sums(np.array([[1.0], [2.0]]), one, np.array([7, 9]))["bits"][0]
    [1.0, 2.0]
    """
    _, at = np.unique(blocks, return_inverse=True)
    n_blocks, n_classes = int(at.max()) + 1, len(CLASSES)
    cell = (classes.astype(np.int64) * n_blocks + at[:, None]).ravel()
    size = n_classes * n_blocks
    total = np.bincount(cell, bits.ravel(), minlength=size).reshape(n_classes, n_blocks)
    count = np.bincount(cell, minlength=size).reshape(n_classes, n_blocks)
    return {"bits": total.round(4).tolist(), "n": count.tolist()}


def floors_cell(plan: LearningPlan) -> dict[str, Any]:
    """Bits of Markov models of every order, from both sides and from the left."""
    start, reading = time.process_time(), ecoli_reading(plan)
    places = hidden_places(plan.length)
    both: dict[str, Sums] = {}
    left: dict[str, Sums] = {}
    for order in ORDERS:
        model = MarkovModel(order).fit(reading.train)
        gaps = gap_bits(model, reading.test, places)
        both[str(order)] = block_sums(gaps, reading.classes[:, places], reading.blocks)
        bits = -model.log2_probabilities(reading.test)[:, PAST:]
        left[str(order)] = block_sums(bits, reading.classes[:, PAST:], reading.blocks)
    return {
        "both": both,
        "left": left,
        "n_dropped": reading.n_dropped,
        "n_windows": len(reading.test),
        "cpu_seconds": time.process_time() - start,
    }


def train_cell(plan: LearningPlan, kind: str, seed: int) -> dict[str, Any]:
    """Train one model and ask it about the held-out bases on the way."""
    start = time.process_time()
    reading = ecoli_reading(plan, shuffled=kind == "shuffled")
    causal = kind == "causal"
    shape = TransformerConfig(vocab_size=7, max_length=128, causal=causal)
    places = hidden_places(plan.length)

    def look(model: Transformer) -> Sums:
        if causal:
            bits = causal_bits(model, reading.test)[:, PAST - 1 :]
            return block_sums(bits, reading.classes[:, PAST:], reading.blocks)
        bits = masked_bits(model, reading.test, places)
        return block_sums(bits, reading.classes[:, places], reading.blocks)

    order = np.random.default_rng([seed, 1]).permutation(len(reading.train))
    seen = watch_training(
        Transformer(shape, seed=seed),
        reading.train[order],
        CausalObjective() if causal else MaskedObjective(),
        replace(plan.training, seed=seed),
        look,
        plan.looks,
    )
    return {
        "kind": kind,
        "seed": seed,
        "seen": {str(step): sums for step, sums in seen.items()},
        "cpu_seconds": time.process_time() - start,
    }


def human_cell(plan: LadderPlan) -> dict[str, Any]:
    """Bits of the ladder's character models on held-out human DNA, and of Markov models there."""
    start, corpus = time.process_time(), study_corpus(plan)
    genome = load(plan.corpus).records
    tests = {}
    for name in plan.away_from:
        task = load(name)
        tests[name] = (task.test if hasattr(task, "test") else task.parts["test"]).codes
    rows, blocks = [], []
    for number, name in enumerate(plan.records):
        clean = purge(genome[name], tests)
        for begin in range(BLOCK * (HELD_OUT // 2), len(clean), BLOCK * HELD_OUT):
            piece = clean[begin : begin + BLOCK]
            cut = piece[: len(piece) // plan.length * plan.length].reshape(-1, plan.length)
            rows.append(cut[(cut < UNKNOWN).all(axis=1)])
            blocks += [1000 * number + begin // BLOCK] * len(rows[-1])
    windows, places = np.concatenate(rows), hidden_places(plan.length)
    ask = partial(masked_bits, codes=windows, places=places)
    found = [load_model(weights_path(f"ladder-char-{seed}")) for seed in plan.seeds]
    models = [model for model in found if isinstance(model, Transformer)]
    markov = {order: MarkovModel(order).fit(corpus.train) for order in ORDERS}
    kinds = {
        "network": [ask(model) for model in models],
        "both": [gap_bits(model, windows, places) for model in markov.values()],
        "left": [-model.log2_probabilities(windows)[:, places] for model in markov.values()],
    }
    means = {name: [one.mean(1).round(4).tolist() for one in all_] for name, all_ in kinds.items()}
    return means | {
        "orders": list(ORDERS),
        "blocks": blocks,
        "places": len(places),
        "cpu_seconds": time.process_time() - start,
    }


def seen(run: RecordedRun, kind: str, step: int) -> list[Sums]:
    """Take what the models of one kind paid at one step.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("learning")``.
    kind : str
        One of the plan's runs, e.g. "masked", "shuffled" or "causal".
    step : int
        One of the plan's looks.

    Returns
    -------
    sums : list of dict
        One for each seed.

    Examples
    --------
    >>> from hypecheck.recorded import read_run
    >>> len(seen(read_run("learning"), "masked", 800))
    5
    """
    return [one["seen"][str(step)] for one in run.results["runs"] if one["kind"] == kind]


def mean_bits(sums: Sequence[Sums], classes: Collection[int] | None = None) -> Interval:
    """Bits per base, with an interval over seeds and held-out blocks.

    Parameters
    ----------
    sums : sequence of dict
        One for each seed; one alone gives an interval over blocks.
    classes : collection of int, optional
        Classes of bases to take, all by default.

    Returns
    -------
    bits : Interval
        95 %.

    Examples
    --------
    >>> one = {"bits": [[2.0, 4.0]] + [[0.0, 0.0]] * 4, "n": [[1, 2]] + [[0, 0]] * 4}
    >>> mean_bits([one]).estimate
    2.0
    """
    bits, n = _totals(sums, classes)
    return seeds_and_items_interval(_PER_BASE, n, bits, rng=np.random.default_rng(0))


def saving(floor: Sums, sums: Sequence[Sums], classes: Collection[int] | None = None) -> Interval:
    """Bits per base that models save against a floor, paired by block.

    Parameters
    ----------
    floor : dict
        Of a Markov model, on the same bases.
    sums : sequence of dict
        One for each seed.
    classes : collection of int, optional
        Classes of bases to take, all by default.

    Returns
    -------
    saved : Interval
        95 %, over seeds and blocks; positive if the models pay less.

    Examples
    --------
    >>> one = {"bits": [[2.0, 4.0]] + [[0.0, 0.0]] * 4, "n": [[1, 2]] + [[0, 0]] * 4}
    >>> saving(one, [one]).estimate
    0.0
    """
    bits, n = _totals(sums, classes)
    below, _ = _totals([floor], classes)
    return paired_seeds_and_items(_PER_BASE, n, below, bits, rng=np.random.default_rng(0))


def gap_share(
    network: npt.ArrayLike,
    unigram: npt.ArrayLike,
    best: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Share of the learnable gap that models capture, over seeds and windows.

    Parameters
    ----------
    network : array_like, shape (S, N)
        Bits of each seed in each window.
    unigram, best : array_like, shape (N,)
        Bits of base frequencies, and of the best reference, in the same windows.
    groups : array_like, shape (N,), optional
        Stretch of the genome of each window; whole stretches are resampled.

    Returns
    -------
    share : Interval
        ``(unigram - network) / (unigram - best)`` of the mean bits, 95 %.

    Examples
    --------
    >>> round(gap_share([[1.5, 1.6], [1.5, 1.6]], [2.0, 2.0], [1.0, 1.2]).estimate, 3)
    0.5
    """
    most, least = np.asarray(unigram, dtype=np.float64), np.asarray(best, dtype=np.float64)

    def weighted(_: Any, bits: Any, counts: Any) -> Any:
        return counts @ (most - bits) / (counts @ (most - least))

    return seeds_and_items_interval(
        WeightedScore("share of the learnable gap", weighted),
        np.arange(len(most)),
        np.asarray(network, dtype=np.float64),
        rng=np.random.default_rng(0),
        groups=groups,
    )


def per_block(sums: Sequence[Sums]) -> npt.NDArray[np.float64]:
    """Bits by seed and held-out block, of all classes together.

    Parameters
    ----------
    sums : sequence of dict
        One for each seed.

    Returns
    -------
    bits : ndarray of float64, shape (S, N)
        Sums over the bases of a block.

    Examples
    --------
    >>> per_block([{"bits": [[2.0, 4.0]] + [[1.0, 0.0]] * 4, "n": [[1, 2]] * 5}]).tolist()
    [[6.0, 4.0]]
    """
    return _totals(sums, None)[0]


def mean_over_seeds(values: npt.ArrayLike) -> Interval:
    """Mean of what several seeds reach on the same items.

    Parameters
    ----------
    values : array_like, shape (S, N)
        One number for each seed and item.

    Returns
    -------
    mean : Interval
        95 %, over seeds and items.

    Examples
    --------
    >>> mean_over_seeds([[1.0, 2.0], [1.0, 4.0]]).estimate
    2.0
    """
    array = np.asarray(values, dtype=np.float64)
    ones = np.ones(array.shape[1])
    return seeds_and_items_interval(_PER_BASE, ones, array, rng=np.random.default_rng(0))


def _totals(
    sums: Sequence[Sums], classes: Collection[int] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bits by seed and block, and the number of bases by block, where there are any."""
    rows = sorted(classes) if classes is not None else range(len(CLASSES))
    bits = np.array([np.sum([one["bits"][row] for row in rows], axis=0) for one in sums])
    n = np.array([sums[0]["n"][row] for row in rows], dtype=np.float64).sum(axis=0)
    return bits[:, n > 0], n[n > 0]


def _per_base(n: Any, bits: Any, counts: Any) -> Any:
    return counts @ bits / (counts @ n)


_PER_BASE = WeightedScore("bits per base", _per_base)

__all__ = [
    "CLASSES",
    "ORDERS",
    "LearningPlan",
    "Reading",
    "block_sums",
    "gap_share",
    "learning_study",
    "make_reading",
    "mean_bits",
    "mean_over_seeds",
    "per_block",
    "saving",
    "seen",
]
