"""One species or many at equal tokens, more data, more weights: small masked models, by seed.

Design choices

- Every run has the same steps and the same number of windows; what differs is where they come from,
  how much distinct sequence is behind them, or how wide the network is.
- The many are distant from one another and from the unseen species. Salmonella is left out: it is
  so near to *E. coli* that it would be a second helping of the same.
- Windows that share a word of 24 bases with any training part are not asked about.
- The same held-out windows are asked of every model, with every sixteenth base hidden.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import BLOCK, HELD_OUT, draw_windows
from hypecheck.datasets import load
from hypecheck.gaps import gap_bits, hidden_places
from hypecheck.learning import masked_bits, watch_training
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, n_parameters
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run
from hypecheck.resampling import Interval, paired_seeds_and_items, seed_interval
from hypecheck.scores import WeightedScore
from hypecheck.sequences import UNKNOWN, Codes, reverse_complement
from hypecheck.similarity import NO_WORD, canonical_words

OWN, UNSEEN = "E. coli", "S. suis"
MANY = (OWN, "C. diphtheriae", "yeast", "human")
RECORDS: dict[str, tuple[str, str]] = {
    OWN: ("genome_ecoli_k12", ""),
    "C. diphtheriae": ("genome_bacteria", "NZ_LN831026.1"),
    "yeast": ("genome_yeast", "IV"),
    "human": ("genome_human_pieces", "z"),
    UNSEEN: ("genome_bacteria", "Streptococcus_suis"),
    "Salmonella": ("genome_bacteria", "NC_003197.1"),
}
TRAINING = TrainingConfig(steps=250, batch_size=32, learning_rate=3e-3)  # not tuned
ORDER = 5  # of the table that is set beside the networks


@dataclass(frozen=True)
class ScalePlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    runs : tuple of (str, tuple of int)
        Runs and their seeds: "one", "many", "bases-N" for N distinct bases, "width-D".
    length, n_test : int
        Bases of a window, and most windows asked about in each species.
    training : TrainingConfig
        The same for all runs.
    """

    runs: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("one", (0, 1, 2, 3, 4)),
        ("many", (0, 1, 2, 3, 4)),
        ("bases-10000", (0, 1, 2)),
        ("bases-100000", (0, 1, 2)),
        ("width-16", (0, 1, 2)),
        ("width-32", (0, 1, 2)),
    )
    length: int = 96
    n_test: int = 2000
    training: TrainingConfig = TRAINING


def scale_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Train one against many species, with more and less data, and with more and fewer weights.

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
        "plan", "tables" and "runs".
    weights : tuple of Path
        None are kept.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = ScalePlan()
    loaded = [load(name, offline=False) for name in dict.fromkeys(n for n, _ in RECORDS.values())]
    decided = repr(replace(plan, runs=()))  # more runs or seeds can be added later
    cells = [Cell("tables", tables_cell, (plan,), decided)]
    cells += [
        Cell(f"{run}-{seed}", scale_cell, (plan, run, seed), decided)
        for run, seeds in plan.runs
        for seed in seeds
    ]
    tables, *runs = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    seconds = sum(one["cpu_seconds"] for one in (tables, *runs))
    run = describe_run(
        "scale",
        {"plan": asdict(plan), "tables": tables, "runs": runs, "cpu_seconds": seconds},
        command="hypecheck record scale",
        data=loaded,
        seeds=tuple(sorted({seed for _, seeds in plan.runs for seed in seeds})),
        cpu_hours=seconds / 3600,
    )
    return run, ()


@lru_cache(maxsize=8)
def species_codes(name: str) -> Codes:
    """Load the sequence that stands for a species.

    Parameters
    ----------
    name : str
        One of `RECORDS`.

    Returns
    -------
    codes : ndarray of uint8, shape (L,)
        One record; of a stand-in, some record.

    Raises
    ------
    KeyError
        If the species is not one of `RECORDS`.
    """
    data, record = RECORDS[name]
    records = load(data).records
    if record in records:
        return records[record]
    others = [species for species, (where, _) in RECORDS.items() if where == data]
    return list(records.values())[others.index(name) % len(records)]


def training_part(codes: Codes) -> Codes:
    """Blank every twentieth block, which is held out.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        A sequence.

    Returns
    -------
    part : ndarray of uint8, shape (L,)
        ``UNKNOWN`` where it is held out.

    Examples
    --------
    >>> int((training_part(np.zeros(100_000, np.uint8)) == UNKNOWN).sum())
    5000
    """
    is_held_out = np.arange(len(codes)) // BLOCK % HELD_OUT == HELD_OUT // 2
    return np.where(is_held_out, np.uint8(UNKNOWN), codes)


def training_windows(
    parts: Sequence[Codes], n_windows: int, length: int, *, seed: int, n_bases: int | None = None
) -> Codes:
    """Draw equally many windows from each part, half of them read on the other strand, and mix.

    Parameters
    ----------
    parts : sequence of ndarray of uint8
        Training parts, one for each species.
    n_windows, length : int
        In all, and bases of each.
    seed : int
        Seed of places and order.
    n_bases : int, optional
        Draw from the first so many known bases of each part only.

    Returns
    -------
    windows : ndarray of uint8, shape (n_windows, length)
        Known bases.

    Examples
    --------
    >>> parts = [np.zeros(500, np.uint8), np.ones(500, np.uint8)]
    >>> windows = training_windows(parts, 8, 20, seed=0)
    >>> windows.shape, len(np.unique(windows))
    ((8, 20), 4)
    """
    rng = np.random.default_rng([seed, 7])
    share = -(-n_windows // len(parts))
    drawn = []
    for part in parts:
        end = len(part)
        if n_bases is not None:
            end = int(np.searchsorted(np.cumsum(part < UNKNOWN), n_bases)) + 1
        windows = draw_windows([part[:end]], length, share, rng)
        windows[::2] = reverse_complement(windows[::2])
        drawn.append(windows)
    return rng.permutation(np.concatenate(drawn))[:n_windows]


def held_out_windows(
    codes: Codes, away_from: Iterable[npt.NDArray[Any]], *, length: int, n_test: int, whole: bool
) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Cut windows to ask about, none of which shares a long word with what was trained on.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        A sequence.
    away_from : iterable of ndarray
        Canonical words of 24 bases of all training parts.
    length, n_test : int
        Bases of a window, and most windows.
    whole : bool
        Take them from all over the sequence; else from its held-out blocks.

    Returns
    -------
    windows : ndarray of uint8, shape (M, length)
        In the order of the sequence.
    blocks : ndarray of int64, shape (M,)
        The block of each.

    Raises
    ------
    ValueError
        If no window is left.
    """
    starts = np.arange(0, len(codes) - length + 1, length)
    blocks = starts // BLOCK
    inside = blocks == (starts + length - 1) // BLOCK
    if not whole:
        inside &= blocks % HELD_OUT == HELD_OUT // 2
    starts, blocks = starts[inside], blocks[inside]
    if whole:  # a few whole blocks rather than windows here and there
        kept = np.unique(blocks)[:: max(1, len(starts) // n_test)]
        starts, blocks = starts[np.isin(blocks, kept)], blocks[np.isin(blocks, kept)]
    windows = codes[starts[:, None] + np.arange(length)]
    words = canonical_words(windows, 24)
    asked = np.unique(words[words != NO_WORD])
    told = np.zeros(len(asked), dtype=np.bool_)
    for known in away_from:
        told |= _occur(asked, known)
    shares = np.isin(words, asked[told]).any(axis=1)
    keep = ~shares & (windows < UNKNOWN).all(axis=1)
    if not keep.any():
        raise ValueError("every window shares a word with what was trained on; none is left")
    return windows[keep][:n_test], blocks[keep][:n_test]


@lru_cache(maxsize=2)
def asked_windows(plan: ScalePlan) -> dict[str, tuple[Codes, npt.NDArray[np.int64]]]:
    """Windows to ask about, of the own species and of the unseen one.

    Parameters
    ----------
    plan : ScalePlan
        How long and how many.

    Returns
    -------
    asked : dict of str to (windows, blocks)
        By species.
    """
    parts = [canonical_words(training_part(species_codes(name))[None], 24)[0] for name in MANY]
    cut = {"length": plan.length, "n_test": plan.n_test}
    return {
        name: held_out_windows(species_codes(name), parts, **cut, whole=name == UNSEEN)
        for name in (OWN, UNSEEN)
    }


def windows_of(plan: ScalePlan, run: str, seed: int) -> Codes:
    """Windows that a run is trained on.

    Parameters
    ----------
    plan : ScalePlan
        How long and how many.
    run : str
        As in the plan.
    seed : int
        Seed of the run.

    Returns
    -------
    windows : ndarray of uint8, shape (steps * batch, length)
        Each is read once.
    """
    names = MANY if run == "many" else (OWN,)
    kind, _, number = run.partition("-")
    return training_windows(
        [training_part(species_codes(name)) for name in names],
        plan.training.steps * plan.training.batch_size,
        plan.length,
        seed=seed,
        n_bases=int(number) if kind == "bases" else None,
    )


def tables_cell(plan: ScalePlan) -> dict[str, Any]:
    """Bits of counting tables on the windows of seed 0: frequencies and order 5, one and many."""
    start, places = time.process_time(), hidden_places(plan.length)
    found: dict[str, Any] = {}
    for run in ("one", "many"):
        train = windows_of(plan, run, 0)
        for order in (0, ORDER):
            model = MarkovModel(order).fit(train)
            found[f"{run}-{order}"] = {
                name: gap_bits(model, windows, places).mean(1).round(4).tolist()
                for name, (windows, _) in asked_windows(plan).items()
            }
    blocks = {name: blocks.tolist() for name, (_, blocks) in asked_windows(plan).items()}
    return found | {"blocks": blocks, "cpu_seconds": time.process_time() - start}


def scale_cell(plan: ScalePlan, run: str, seed: int) -> dict[str, Any]:
    """Train one model and ask it about both species."""
    start, places = time.process_time(), hidden_places(plan.length)
    kind, _, number = run.partition("-")
    width = int(number) if kind == "width" else 64
    shape = TransformerConfig(vocab_size=7, d_model=width, d_ff=2 * width, max_length=128)
    model, train = Transformer(shape, seed=seed), windows_of(plan, run, seed)
    config = replace(plan.training, seed=seed)
    watch_training(model, train, MaskedObjective(), config, n_parameters, ())
    asked = asked_windows(plan)
    return {
        "run": run,
        "seed": seed,
        "n_parameters": n_parameters(model),
        "distinct_bases": len(np.unique(canonical_words(train, 24))),
        "bits": {
            name: masked_bits(model, windows, places).mean(1).round(4).tolist()
            for name, (windows, _) in asked.items()
        },
        "cpu_seconds": time.process_time() - start,
    }


def bits_of(runs: Iterable[Mapping[str, Any]], run: str, species: str) -> npt.NDArray[np.float64]:
    """Bits by seed and window of one run.

    Parameters
    ----------
    runs : iterable of dict
        "runs" of the record.
    run, species : str
        Which.

    Returns
    -------
    bits : ndarray of float64, shape (S, M)
        Per hidden base.

    Examples
    --------
    >>> bits_of([{"run": "one", "bits": {"E. coli": [1.9]}}], "one", "E. coli").tolist()
    [[1.9]]
    """
    return np.array([one["bits"][species] for one in runs if one["run"] == run])


def per_decade(sizes: npt.ArrayLike, bits: npt.ArrayLike) -> Interval:
    """Bits saved for ten times more, as a slope through several sizes, over seeds.

    Parameters
    ----------
    sizes : array_like, shape (K,)
        Data or weights.
    bits : array_like, shape (S, K)
        Loss of each seed at each size.

    Returns
    -------
    slope : Interval
        Positive if more is better; Student's interval over seeds.

    Examples
    --------
    >>> per_decade([10, 100], [[2.0, 1.9], [2.0, 1.8]]).estimate.__round__(3)
    0.15
    """
    x = np.log10(np.asarray(sizes, dtype=np.float64))
    x = x - x.mean()
    slopes = -np.asarray(bits, dtype=np.float64) @ x / (x @ x)
    return seed_interval(slopes)


def saved_bits(one: npt.ArrayLike, many: npt.ArrayLike, blocks: npt.ArrayLike) -> Interval:
    """Bits per base that one set of models saves against another, over seeds and blocks.

    Parameters
    ----------
    one, many : array_like, shape (S, M)
        Bits by seed and window; run s of both is a pair.
    blocks : array_like, shape (M,)
        Stretch of the genome of each window; whole stretches are resampled.

    Returns
    -------
    saved : Interval
        95 %; positive if the second pays less.

    Examples
    --------
    >>> saved_bits([[2.0, 2.0]], [[1.9, 1.9]], [0, 1]).estimate.__round__(3)
    0.1
    """
    first, second = (np.asarray(bits, dtype=np.float64) for bits in (one, many))
    return paired_seeds_and_items(
        _MEAN,
        np.ones(first.shape[1]),
        first,
        second,
        rng=np.random.default_rng(0),
        groups=blocks,
    )


def shared_words(codes: Codes, other: Codes, *, k: int = 16) -> float:
    """Share of the words of one sequence that occur in another, on either strand.

    Parameters
    ----------
    codes, other : ndarray of uint8, shape (L,) and (M,)
        Sequences.
    k : int, default 16
        Letters of a word; chance alone gives a few in a thousand for bacteria at 16.

    Returns
    -------
    share : float
        Between 0 and 1.

    Examples
    --------
    >>> shared_words(np.zeros(30, np.uint8), np.full(30, 3, np.uint8))
    1.0
    """
    words = np.unique(canonical_words(codes[None], k))
    words = words[words != NO_WORD]
    return float(_occur(words, canonical_words(other[None], k)[0]).mean())


def _occur(words: npt.NDArray[Any], known: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Say which of some sorted, different words occur among many unsorted ones."""
    at = np.minimum(np.searchsorted(words, known), len(words) - 1)
    found = np.zeros(len(words), dtype=np.bool_)
    found[at[words[at] == known]] = True
    return found


def _mean(_: Any, bits: Any, counts: Any) -> Any:
    return counts @ bits / counts.sum(axis=1)


_MEAN = WeightedScore("mean", _mean)
