"""Tasks, other sources of the same labels, heads and timing for the study "recommendations".

Design choices

- Another source asks the same question of sequences that other people collected; rows that share
  a word of 24 bases with the training or validation part are left out of it.
- Times of single predictions are told for models that were used before (warm), block by block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.baselines import KmerLogistic
from hypecheck.datasets import load
from hypecheck.embeddings import embed_sequences
from hypecheck.ladder_result import LadderResult
from hypecheck.ladder_study import recorded_ladder
from hypecheck.recorded import read_run
from hypecheck.rungs import FrozenVectors
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.splits import homology_clusters, homology_split
from hypecheck.studies.labels import (
    TOKENIZER,
    Configuration,
    LabelPlan,
    label_task,
    pretrained_model,
)
from hypecheck.task_families import centre, family_task, shares_word

SOURCES = ("enhancers", "enhancers, turned", "promoters", "promoters, turned")
CORE = slice(167, 237)  # where the 70 bp of the core promoters lie in those of 251 bp


def study_task(name: str) -> Task:
    """Load a task of the families, or one with its official parts.

    Parameters
    ----------
    name : str
        E.g. "splice-sites" or "gue/tf/0".

    Returns
    -------
    task : Task
    """
    return load(name) if name.startswith("gue/") else family_task(name)


def study_ladder(name: str) -> LadderResult:
    """Read the ladder that was recorded for such a task."""
    run = read_run("ladder" if name.startswith("gue/") else "families")
    return recorded_ladder(run, name, "kmer3")


def frozen_proba(task: Task, configuration: Configuration, seed: int) -> npt.NDArray[np.float64]:
    """Fit a head on frozen vectors; probabilities of all classes on the test part, (N, C)."""
    return frozen_head(task.train, configuration, seed)(task.test)


def frozen_head(
    train: LabelledSequences, configuration: Configuration, seed: int
) -> Callable[[LabelledSequences], npt.NDArray[np.float64]]:
    """Fit the head of the frozen rung, as the ladder does.

    Parameters
    ----------
    train : LabelledSequences
        To fit on.
    configuration : dict
        "pool" and "C".
    seed : int
        Of the pretrained model.

    Returns
    -------
    probabilities : callable
        ``probabilities(part)``, shape (N, C).
    """
    vectors, pool = FrozenVectors(pretrained_model, TOKENIZER), configuration["pool"]
    head = make_pipeline(
        StandardScaler(), LogisticRegression(C=configuration["C"], max_iter=2000)
    ).fit(vectors(train.codes, seed, pool), train.labels)
    return lambda part: np.asarray(head.predict_proba(vectors(part.codes, seed, pool)))


def sources(name: str, n_train: int) -> tuple[Task, LabelledSequences]:
    """Give a task, and the same question asked of another collection.

    Parameters
    ----------
    name : str
        One of `SOURCES`; "turned" learns from the second collection and tests on the first, so
        that how hard either test part is cancels in the mean of both.
    n_train : int
        Labels to learn from, at most.

    Returns
    -------
    task : Task
        Training, validation and test part from one source.
    other : LabelledSequences
        Items of the other source, windows of the same length, none of which shares a word of 24
        bases with the training or validation part.
    """
    task, other = _collections(name.split(",")[0])
    if name.endswith("turned"):
        task, other = _homology_task(name, other), task.test
    task = replace(task, train=task.train.take(_drawn(len(task.train), n_train)))
    seen = np.concatenate([task.train.codes, task.validation.codes])
    fresh = np.flatnonzero(~shares_word(other.codes, seen, k=24))
    return task, other.take(fresh[_drawn(len(fresh), len(task.test))])


def _collections(question: str) -> tuple[Task, LabelledSequences]:
    """Give a task of one collection, and all rows of another."""
    if question == "enhancers":
        task, parts = family_task("enhancers"), load("ienhancer_liu2016").parts
        codes = np.concatenate([part.codes for part in parts.values()])
        labels = np.concatenate([part.labels for part in parts.values()]) > 0  # weak or strong
        codes, _ = centre(codes, task.train.codes.shape[1])
    else:
        task = label_task("gue/prom/prom_core_all", replace(LabelPlan(), tasks=()))
        rows = load("genomic_benchmarks_seq/promoters_nontata").pooled()
        codes, labels = rows.codes[:, CORE], rows.labels
    return task, LabelledSequences(codes, np.asarray(labels, dtype=np.int64))


def _homology_task(name: str, pool: LabelledSequences) -> Task:
    """Split a collection by homology."""
    rng = np.random.default_rng(0)
    split = homology_split(pool.codes, rng=rng, fractions=(0.6, 0.1, 0.3))
    test = pool.take(split.test[_drawn(len(split.test), 2000)])
    test = replace(test, groups=homology_clusters(test.codes))
    return Task(name, pool.take(split.train), pool.take(split.validation), test)


def _drawn(size: int, most: int) -> npt.NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(size)[:most])


def single_prediction_seconds(n_blocks: int, n_in_block: int) -> dict[str, list[float]]:
    """Time single predictions, block by block, both models in turn and warm.

    Parameters
    ----------
    n_blocks, n_in_block : int
        Blocks, and sequences that each model predicts in a block, one by one.

    Returns
    -------
    seconds : dict of str to list of float
        Median time of one prediction in each block, for "kmer_linear" and "frozen".
    """
    task = family_task("coding")
    words = KmerLogistic().fit(task.train.codes, task.train.labels)
    model = pretrained_model(0)
    train = embed_sequences(model, TOKENIZER, task.train.codes)
    head = LogisticRegression(max_iter=2000).fit(train, task.train.labels)
    ways: Mapping[str, Callable[[Any], Any]] = {
        "kmer_linear": words.predict,
        "frozen": lambda codes: head.predict(embed_sequences(model, TOKENIZER, codes)),
    }
    blocks: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(n_blocks + 1):  # the first is for warming up
        for name, predict in ways.items():
            spent = []
            for row in range(n_in_block):
                before = time.perf_counter()
                predict(task.test.codes[row : row + 1])
                spent.append(time.perf_counter() - before)
            if block:
                blocks[name].append(float(np.median(spent)))
    return blocks
