"""What more data and more computing bring to one small model, and under which mark it looks sudden.

Design choices

- Two axes, four or five points each, ten times apart: distinct bases to pretrain on at a fixed
  number of steps, and windows read with all bases at hand. The model is that of the study "ladder",
  whose finished weights are the last point of the second axis; the first point of both is the
  untrained twin.
- Each model is scored on four tasks with 500 labels: frozen, and on the second axis fine-tuned. The
  penalty and the pooling of the frozen head are chosen on validation rows; fine-tuning has one
  learning rate, the one that the study "labels" tried in the middle.
- The same models fill in hidden stretches of held-out genome (`hypecheck.stretches`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.ladder_result import pack
from hypecheck.ladder_study import LadderPlan, study_corpus
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, LabelledSequences, Task, reverse_complement
from hypecheck.stretches import fill_stretches
from hypecheck.studies.evaluation import EvaluationPlan, study_windows
from hypecheck.studies.labels import (
    TOKENIZER,
    LabelPlan,
    Probability,
    choose_frozen,
    draw_labels,
    label_task,
    pretrained_model,
)
from hypecheck.training import fit_classifier, fit_language_model, tokenise

Results = dict[str, Any]
DATA_TRAINING = TrainingConfig(steps=150, batch_size=32, learning_rate=3e-3, evaluate_every=50)
TUNING = TrainingConfig(steps=100, batch_size=32, learning_rate=2e-3)


@dataclass(frozen=True)
class QuestionsPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    tasks : tuple of str
        Where the models are scored.
    n_labels : int
        Labels of each task.
    data_windows : tuple of int
        Windows of 102 bp to pretrain on, read again and again.
    data_training : TrainingConfig
        How to pretrain on them.
    budgets : tuple of (int, int, int)
        Windows read, steps and windows in a batch; the last is the finished model of the ladder.
    learning_rate : float
        Of pretraining on those budgets, as in the ladder.
    tuning : TrainingConfig
        How to fine-tune.
    seeds : tuple of int
        Of models, labels and batches.
    """

    tasks: tuple[str, ...] = (
        "gue/prom/prom_core_all",
        "gue/tf/0",
        "gue/tf/2",
        "ecoli_promoters_2860",
    )
    n_labels: int = 500
    data_windows: tuple[int, ...] = (1, 10, 100, 1000, 10_000)
    data_training: TrainingConfig = DATA_TRAINING
    budgets: tuple[tuple[int, int, int], ...] = (
        (0, 0, 0),
        (48, 3, 16),
        (480, 15, 32),
        (4800, 150, 32),
        (48_000, 1500, 32),
    )
    learning_rate: float = 3e-3
    tuning: TrainingConfig = TUNING
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def questions_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Measure what the chapter on open questions records.

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
        For `hypecheck.budget_curves`.
    weights : tuple
        Empty.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan, ladder = QuestionsPlan(), LadderPlan()
    names = dict.fromkeys((ladder.corpus, *plan.tasks, *ladder.away_from))
    loaded = [load(name, offline=False) for name in names]  # a stand-in stops it here
    results = questions_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("questions", plan, results, loaded), ()


def questions_results(
    plan: QuestionsPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> Results:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : QuestionsPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `questions_study`.

    Returns
    -------
    results : dict
        "models", a list of what `model_cell` gives; "tasks", facts, truth and groups of each test
        part; "cpu_seconds".
    """
    core = replace(plan, seeds=())
    wanted = [
        (axis, amount, seed)
        for seed in plan.seeds
        for axis, amounts in (
            ("computing", [budget[0] for budget in plan.budgets]),
            ("data", plan.data_windows),
        )
        for amount in amounts
    ]
    cells = [
        Cell(f"{axis}-{amount}-{seed}", model_cell, (plan, axis, amount, seed), f"{core} {one}")
        for one in wanted
        for axis, amount, seed in (one,)
    ]
    found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    return {
        "models": found,
        "tasks": {name: task_facts(scored_task(name)) for name in plan.tasks},
        "cpu_seconds": sum(cell["cpu_seconds"] for cell in found),
    }


def scored_task(name: str) -> Task:
    """Load a task as the study "labels" cuts it: a test part without look-alikes of training."""
    return label_task(name, replace(LabelPlan(), tasks=()))


def task_facts(task: Task) -> dict[str, Any]:
    """Keep the truth and the groups of a test part."""
    groups = np.asarray(task.test.groups, dtype=np.uint16)
    truth = task.test.labels.astype(np.uint8)
    return {"n_test": len(task.test), "y_true": pack(truth), "groups": pack(groups)}


@lru_cache(maxsize=1)
def corpus_windows() -> tuple[Codes, Codes]:
    """Windows of the ladder's corpus: to train on, and held out to stop by."""
    corpus = study_corpus(replace(LadderPlan(), tasks=()))
    return corpus.train, corpus.held_out


@lru_cache(maxsize=1)
def stretch_windows() -> dict[str, Codes]:
    """Held-out windows of two parts, "validation" and "test", on both strands."""
    held_out = study_windows(EvaluationPlan()).held_out
    return {
        part: np.concatenate([codes, reverse_complement(codes)]) for part, codes in held_out.items()
    }


def model_cell(plan: QuestionsPlan, axis: str, amount: int, seed: int) -> dict[str, Any]:
    """Pretrain one model, and score it on the tasks and on hidden stretches.

    Parameters
    ----------
    plan : QuestionsPlan
        How to train.
    axis : {"data", "computing"}
        Whether `amount` counts windows to choose from, or windows read.
    amount : int
        Windows.
    seed : int
        Of weights, batches, labels.

    Returns
    -------
    found : dict
        "axis", "amount", "seed", "stretches", "frozen" and, for computing, "tuned": predicted
        classes and validation score by task; "pretraining_seconds" and "cpu_seconds".
    """
    start = time.process_time()
    train, held_out = corpus_windows()
    began = time.process_time()
    if axis == "data":
        model = pretrain(train[:amount], held_out[::2], replace(plan.data_training, seed=seed))
    elif amount == plan.budgets[-1][0]:
        model = pretrained_model(seed)
    else:
        _, steps, batch = next(one for one in plan.budgets if one[0] == amount)
        config = TrainingConfig(max(1, steps), max(1, batch), plan.learning_rate, seed=seed)
        model = pretrain(train if amount else train[:0], None, config)
    spent = time.process_time() - began
    found = {"axis": axis, "amount": amount, "seed": seed, "pretraining_seconds": spent}
    found["stretches"] = {
        part: {name: marks.tolist() for name, marks in fill_stretches(model, codes).items()}
        for part, codes in stretch_windows().items()
    }
    protocols = ("frozen", "tuned") if axis == "computing" else ("frozen",)
    for protocol in protocols:
        found[protocol] = {
            name: score_model(model, scored_task(name), protocol, plan, seed) for name in plan.tasks
        }
    return found | {"cpu_seconds": time.process_time() - start}


def pretrain(windows: Codes, held_out: Codes | None, config: TrainingConfig) -> Transformer:
    """Train a block-3-mer model of the ladder's shape; without windows it stays untrained.

    Parameters
    ----------
    windows : ndarray of uint8, shape (N, L)
        To read.
    held_out : ndarray of uint8, shape (M, L), optional
        Windows that choose the weights to keep.
    config : TrainingConfig
        How to train; its seed is also that of the weights.

    Returns
    -------
    model : Transformer
        The model.

    Examples
    --------
    >>> pretrain(np.zeros((0, 12), np.uint8), None, TrainingConfig()).config.d_model
    64
    """
    model = Transformer(TransformerConfig(TOKENIZER.vocab_size), seed=config.seed)
    if len(windows):
        stop_by = None if held_out is None else tokenise(TOKENIZER, held_out)
        tokens = tokenise(TOKENIZER, windows)
        fit_language_model(model, tokens, config, MaskedObjective(), validation=stop_by)
    return model


def score_model(
    model: Transformer, task: Task, protocol: str, plan: QuestionsPlan, seed: int
) -> dict[str, Any]:
    """Score a model on one task, frozen or tuned.

    Parameters
    ----------
    model : Transformer
        A model of block 3-mers.
    task : Task
        Labels to learn from, to choose by, and to be tested on.
    protocol : {"frozen", "tuned"}
        What is trained.
    plan : QuestionsPlan
        Number of labels, and how to fine-tune.
    seed : int
        Of the draw of labels, and of fine-tuning.

    Returns
    -------
    found : dict
        "validation", the Matthews correlation there, and "test", the packed predicted classes.
    """
    labelled = draw_labels(task, plan.n_labels, seed)
    if protocol == "frozen":
        predict = choose_frozen(model, labelled, task.validation)
    else:
        predict = _tune(model, labelled, task.validation, replace(plan.tuning, seed=seed))
    answers = [predict(part.codes) >= 0.5 for part in (task.validation, task.test)]
    return {
        "validation": float(matthews(task.validation.labels, answers[0])),
        "test": pack(answers[1].astype(np.uint8)),
    }


def _tune(
    model: Transformer,
    labelled: LabelledSequences,
    validation: LabelledSequences,
    config: TrainingConfig,
) -> Probability:
    fitted = fit_classifier(model, labelled, validation, config, tokenizer=TOKENIZER)

    def probability(codes: Codes) -> npt.NDArray[np.float64]:
        return fitted.predict_proba(codes)[:, 1].astype(np.float64)

    return probability
