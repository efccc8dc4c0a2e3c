"""Yeast with its codons, for pretraining, and three marks of its histones, to be told apart.

Design choices

- No window for pretraining shares a word of 24 bases with a test sequence of any mark; no training
  row of a mark shares one of 31 with its own test part.
- A test window belongs to the block of 20 kb of the genome in which it begins: intervals resample
  whole blocks, across marks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.auxiliary import annotated_windows, codon_classes
from hypecheck.corpus import BLOCK, HELD_OUT, purge
from hypecheck.datasets import Genome, load
from hypecheck.markov import MarkovModel
from hypecheck.optimisation import TrainingConfig
from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, Task
from hypecheck.similarity import NO_WORD, canonical_words
from hypecheck.task_families import centre, shares_word
from hypecheck.tokenizers import KmerTokenizer
from hypecheck.training import tokenise

READER = KmerTokenizer(3, 3)
Windows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Codes]


@dataclass(frozen=True)
class EmergingPlan:
    """Everything that decides the numbers.

    Parameters
    ----------
    marks : tuple of str
        Data sets of GUE/EMP.
    records : tuple of str
        Chromosomes to pretrain on.
    seeds : tuple of int
        Of everything trained.
    length, n_windows : int
        Bases of a window for pretraining, and how many there are.
    width : int
        Bases of a labelled window, its middle part.
    sizes : (int, int, int)
        Training, validation and test rows of a mark.
    order : int
        Of the Markov model that writes the synthetic sequence.
    weight : float
        Of the second loss.
    pretraining, tuning : TrainingConfig
        The rate of the second is chosen among `rates`, with the first seed, on validation data.
    rates : tuple of float
        Rates of fine-tuning to choose among.
    tuned_marks : tuple of str
        Marks on which fine-tuning is tried.
    """

    marks: tuple[str, ...] = ("H3", "H3K4me3", "H3K36me3")
    records: tuple[str, ...] = ("IV", "VII", "XII", "XV")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    length: int = 102
    n_windows: int = 20_000
    width: int = 300
    sizes: tuple[int, int, int] = (900, 280, 1400)
    order: int = 5
    weight: float = 1.0
    pretraining: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(steps=700, batch_size=32, learning_rate=3e-3)
    )
    tuning: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(steps=120, batch_size=32, evaluate_every=30)
    )
    rates: tuple[float, ...] = (1e-3, 3e-3)
    tuned_marks: tuple[str, ...] = ("H3K36me3",)


@lru_cache(maxsize=4)
def mark_task(plan: EmergingPlan, mark: str) -> Task:
    """Make the task of one mark; no training row shares a long word with the test part.

    Parameters
    ----------
    plan : EmergingPlan
        Sizes.
    mark : str
        One of its marks.

    Returns
    -------
    task : Task
        Middle parts of the windows; ``test.groups`` are places on the genome.
    """
    parts = load(f"gue/EMP/{mark}").parts
    rng, made = np.random.default_rng(0), {}
    n_train, n_validation, n_test = plan.sizes
    test = _drawn(parts["test"], n_test, rng)
    rest = parts["validation"]
    rest = _drawn(rest.take(~shares_word(rest.codes, test.codes)), n_train + n_validation, rng)
    for name, part in (("rest", rest), ("test", test)):
        codes, is_long = centre(part.codes, plan.width)
        made[name] = LabelledSequences(codes, part.labels[is_long])
    n_train = min(n_train, len(made["rest"]) * 3 // 4)
    return Task(
        name=mark,
        train=made["rest"].take(slice(n_train)),
        validation=made["rest"].take(slice(n_train, None)),
        test=replace(made["test"], groups=places(made["test"].codes)),
        classes=("not marked", "marked"),
    )


def _drawn(part: LabelledSequences, most: int, rng: np.random.Generator) -> LabelledSequences:
    return part.take(rng.permutation(len(part))[:most])


@lru_cache(maxsize=1)
def _first_words() -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Words of 24 bases of the genome of yeast, sorted, and the block of 20 kb of each."""
    words, blocks = [], []
    for number, codes in enumerate(load("genome_yeast").records.values()):
        words.append(canonical_words(codes[None], 24)[0])
        blocks.append(number * 10_000 + np.arange(len(words[-1])) // 20_000)
    joined = np.concatenate(words)
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate(blocks)[order].astype(np.int64)


def places(codes: Codes) -> npt.NDArray[np.int64]:
    """Find the block of 20 kb of the genome of yeast in which each window begins.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Windows of 24 bases at least.

    Returns
    -------
    blocks : ndarray of int64, shape (N,)
        Numbers of blocks; a window that is not in the genome is a block of its own.
    """
    words, blocks = _first_words()
    asked = canonical_words(codes[:, :24], 24)[:, 0]
    at = np.minimum(np.searchsorted(words, asked), len(words) - 1)
    found = (words[at] == asked) & (asked != NO_WORD)
    return np.where(found, blocks[at], 10**7 + np.arange(len(codes)))


@lru_cache(maxsize=1)
def _annotated(plan: EmergingPlan) -> tuple[dict[str, Codes], dict[str, npt.NDArray[np.int8]]]:
    """Chromosomes without words of test sequences, and the classes along them."""
    genome: Genome = load("genome_yeast")
    names = [name for name in plan.records if name in genome.records] or list(genome.records)
    tests = {mark: mark_task(plan, mark).test.codes for mark in plan.marks}
    genes = genome.features[genome.features["kind"] == "ORF"]
    records, classes = {}, {}
    for name in names:
        here = genes[genes["record"] == name][["start", "end", "strand"]]
        records[name] = purge(genome.records[name], tests)
        classes[name] = codon_classes(len(records[name]), here.itertuples(index=False, name=None))
    return records, classes


@lru_cache(maxsize=1)
def corpus(plan: EmergingPlan) -> tuple[Windows, Windows]:
    """Draw windows to pretrain on, and held-out ones: tokens, classes and bases.

    Parameters
    ----------
    plan : EmergingPlan
        What to draw.

    Returns
    -------
    train, held_out : (ndarray of int64, ndarray of int64, ndarray of uint8)
        Every twentieth block of 5 kb is held out.
    """
    records, classes = _annotated(plan)
    found = []
    for n, held_out in ((plan.n_windows, False), (plan.n_windows // 40, True)):
        part = {
            name: np.where(
                (np.arange(len(codes)) // BLOCK % HELD_OUT == HELD_OUT // 2) == held_out,
                codes,
                np.uint8(UNKNOWN),
            )
            for name, codes in records.items()
        }
        rng = np.random.default_rng([0, held_out])
        windows, told = annotated_windows(
            part, classes, length=plan.length, n_windows=max(n, 40), rng=rng
        )
        found.append((tokenise(READER, windows).numpy(), told, windows))
    return found[0], found[1]


@lru_cache(maxsize=2)
def made_up(plan: EmergingPlan, arm: str) -> npt.NDArray[np.int64]:
    """Write windows that nobody sequenced.

    Parameters
    ----------
    plan : EmergingPlan
        Sizes and the order of the Markov model.
    arm : {"synthetic", "coin"}
        Draws of a Markov model of the real windows, or every base with equal chance.

    Returns
    -------
    token_ids : ndarray of int64, shape (N, T)
        As many as there are real ones.
    """
    rng, shape = np.random.default_rng(7), (plan.n_windows, plan.length)
    if arm == "coin":
        windows = rng.integers(4, size=shape).astype(np.uint8)
    else:
        model = MarkovModel(plan.order).fit(corpus(plan)[0][2])
        windows = model.sample(plan.n_windows * plan.length, rng).reshape(shape)
    tokens: npt.NDArray[np.int64] = tokenise(READER, windows).numpy()
    return tokens
