"""The plan of the study of the promise, and the four kinds of sequence that it reads.

Design choices

- Every kind brings as many training windows as the others, of the same length, and meets the same
  network, rate and number of steps: only the alphabet differs.
- The human windows share no word of 24 bases with the promoters that the frozen model is tried on.
- What a page runs for itself comes from the same functions, on whatever data are at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hypecheck import alphabets, language_models
from hypecheck.corpus import purge
from hypecheck.datasets import load
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.optimisation import TrainingConfig
from hypecheck.sequences import Codes
from hypecheck.splits import audit

Part = tuple[Codes, npt.NDArray[np.int64]]
PROMOTERS = "gue/prom/prom_core_all"
TRAINING = TrainingConfig(steps=200, batch_size=16, learning_rate=5e-3)
ECOLI_READ = 1_200_000  # bp; what lies behind is new to the model


@dataclass(frozen=True)
class PromisePlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    length : int
        Symbols a window.
    sizes : tuple of int
        Most windows for training, validation and test.
    seeds : tuple of int
        Of every trained model.
    training : TrainingConfig
        The same for every kind of sequence.
    labelled : tuple of int
        Examples of a labelled task for training, validation and test.
    n_scored : int
        Most items of each class in a zero-shot task.
    """

    length: int = 96
    sizes: tuple[int, int, int] = (3200, 400, 600)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    training: TrainingConfig = TRAINING
    labelled: tuple[int, int, int] = (800, 300, 1000)
    n_scored: int = 300


def text_streams() -> list[Codes]:
    """Give War and Peace in letters and spaces."""
    return [alphabets.letters(load("text/war_and_peace").text)]


def protein_streams() -> list[Codes]:
    """Translate the proteins of E. coli from its annotated genes."""
    genome = load("genome_ecoli_k12")
    genes = genome.features[genome.features["kind"] == "CDS"]
    return [
        protein
        for record, codes in genome.records.items()
        for protein in alphabets.proteins(codes, genes[genes["record"] == record])
    ]


def human_streams() -> list[Codes]:
    """Give human DNA without what it shares with the promoters of the labelled task."""
    records = load("genome_human_pieces").records
    tests = {PROMOTERS: load(PROMOTERS).test.codes}
    return [purge(codes, tests) for name, codes in records.items() if not name.startswith("MT")]


def ecoli_streams() -> list[Codes]:
    """Give the first stretch of the genome of E. coli."""
    return [codes[:ECOLI_READ] for codes in load("genome_ecoli_k12").records.values()]


# name: streams, size of the alphabet, length of a word that gives a copy away, Markov orders
KINDS: dict[str, tuple[Callable[[], list[Codes]], int, int, range]] = {
    "text": (text_streams, 27, 32, range(7)),
    "protein": (protein_streams, 20, 8, range(5)),
    "human": (human_streams, 4, 24, range(9)),
    "ecoli": (ecoli_streams, 4, 24, range(9)),
}


@lru_cache(maxsize=8)
def kind_windows(
    kind: str, length: int = 96, sizes: tuple[int, int, int] = (3200, 400, 600)
) -> alphabets.Windows:
    """Cut one kind of sequence into windows.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    length : int, default 96
        Symbols a window.
    sizes : tuple of int, default (3200, 400, 600)
        Most windows for training, validation and test.

    Returns
    -------
    windows : Windows
        Of the data at hand, stand-ins included.
    """
    streams, alphabet_size, word, _ = KINDS[kind]
    rng = np.random.default_rng(0)
    return alphabets.cut(streams(), alphabet_size, length=length, word=word, sizes=sizes, rng=rng)


def book_parts(sizes: tuple[int, int, int]) -> dict[str, Part]:
    """Windows of Shakespeare (0) and of an encyclopedia (1), neither of them pretrained on."""
    wiki = "".join(load(f"text/wikitext2_{part}").text for part in ("valid", "test"))
    plays = load("text/tinyshakespeare").text
    books = [alphabets.letters(one.replace("<unk>", "")) for one in (plays, wiki)]
    rng = np.random.default_rng(0)
    return alphabets.labelled_windows(books, length=100, sizes=sizes, rng=rng)


def promoter_parts(sizes: tuple[int, int, int]) -> dict[str, Part]:
    """Core promoters and other DNA, without test sequences that are near to a training row."""
    task, rng = load(PROMOTERS), np.random.default_rng(0)
    train = task.train.take(rng.permutation(len(task.train))[: sizes[0]])
    validation = task.validation.take(rng.permutation(len(task.validation))[: sizes[1]])
    rest = audit(train, task.test).clean_test_index[: sizes[2]]
    parts = {"train": train, "validation": validation, "test": task.test.take(rest)}
    return {name: (part.codes, part.labels.astype(np.int64)) for name, part in parts.items()}


# name: parts, kind of the model, longest counted words
TASKS: dict[str, tuple[Callable[[tuple[int, int, int]], dict[str, Part]], str, int]] = {
    "text": (book_parts, "text", 2),
    "dna": (promoter_parts, "human", 5),
}


def weights_file(folder: Path, kind: str, seed: int) -> Path:
    """Say where the transformer of one kind and seed lies."""
    return folder / f"promise-{kind}-{seed}.safetensors"


def model_of(folder: Path, kind: str, seed: int, *, trained: bool) -> Transformer:
    """Give a trained model, or the weights from which it began."""
    if not trained:
        return Transformer(language_models.shape(KINDS[kind][1]), seed=seed)
    model = load_model(weights_file(folder, kind, seed))
    if not isinstance(model, Transformer):
        raise TypeError(f"{weights_file(folder, kind, seed)} holds no language model")
    return model
