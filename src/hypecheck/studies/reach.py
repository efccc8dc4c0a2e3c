"""How far small models reach: with ever more unlabelled bases, and over ever longer distances.

Design choices

- Three small questions, each with five seeds: what ten times more bases to pretrain on bring; over
  what distance a planted dependency is learnt; what a longer context saves on human DNA.
- Pretraining sees the same number of steps whatever the number of bases; the weights kept are those
  with the least loss on half of the held-out windows, the loss told is that of the other half.
- The planted dependency is the easiest there is: the last token of a row repeats the first, always
  at the same places, and training begins with short distances (a curriculum). A model that fails
  here cannot be expected to find an enhancer.
- The two contexts are compared on the same tokens, with models trained on as many tokens each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import Corpus, make_corpus
from hypecheck.datasets import Genome, load
from hypecheck.ladder_result import pack
from hypecheck.ladder_study import LadderPlan, study_corpus
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig, optimise
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.sequences import LabelledSequences
from hypecheck.simulate import long_range_pairs
from hypecheck.studies.labels import (
    TOKENIZER,
    LabelPlan,
    Probability,
    choose_frozen,
    draw_labels,
    label_task,
    quantised,
)
from hypecheck.tokenizers import MASK
from hypecheck.training import evaluate_language_model, fit_language_model, tokenise

WIDTH = 3  # bases of a token
SHORTEST = 48  # bases at which the curriculum begins
SOLVED = 0.95  # accuracy from which a planted dependency counts as solved
SIZE_TRAINING = TrainingConfig(steps=90, batch_size=32, learning_rate=3e-3, evaluate_every=45)
PLANTED_TRAINING = TrainingConfig(steps=150, batch_size=32, learning_rate=6e-3)
CONTEXT_TRAINING = TrainingConfig(steps=40, learning_rate=3e-3)


@dataclass(frozen=True)
class ReachPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    windows : tuple of int
        Numbers of windows of 102 bp to pretrain on.
    task, n_labels : str and int
        Where the frozen model is scored, and with how many labels.
    distances : tuple of int
        Of the planted dependency, in bases, multiples of three.
    contexts : tuple of int
        Lengths of windows in tokens of three bases.
    n_predicted, tokens_per_step : int
        Tokens at the end of a window that both contexts predict; tokens in a batch.
    seeds, context_seeds, size_seeds : tuple of int
        Of the planted dependency, the contexts and the numbers of bases.
    size_training, planted_training, context_training : TrainingConfig
        How to train.
    """

    windows: tuple[int, ...] = (10, 100, 1000, 10_000)
    task: str = "gue/prom/prom_core_all"
    n_labels: int = 1000
    distances: tuple[int, ...] = (96, 384, 1536)
    contexts: tuple[int, ...] = (42, 682)
    n_predicted: int = 14
    tokens_per_step: int = 2728
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    context_seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    size_seeds: tuple[int, ...] = ()  # not run yet
    size_training: TrainingConfig = SIZE_TRAINING
    planted_training: TrainingConfig = PLANTED_TRAINING
    context_training: TrainingConfig = CONTEXT_TRAINING


def reach_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Measure what more bases, longer distances and longer contexts bring.

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
        Results "sizes", "planted" and "context", a list of cells each.
    weights : tuple
        Empty.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan, ladder = ReachPlan(), LadderPlan()
    names = dict.fromkeys((ladder.corpus, plan.task, *ladder.away_from))
    loaded = [load(name, offline=False) for name in names]  # a stand-in stops it here
    results = reach_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("reach", plan, results, loaded), ()


def reach_results(
    plan: ReachPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : ReachPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `reach_study`.

    Returns
    -------
    results : dict
        "plan", "sizes", "planted", "context", "y_true" and "groups" of the task, "cpu_seconds".
    """
    core = replace(plan, seeds=(), context_seeds=(), size_seeds=())  # seeds can be added later
    kinds = {
        "planted": (planted_cell, plan.distances, plan.seeds),
        "context": (context_cell, plan.contexts, plan.context_seeds),
        "sizes": (size_cell, plan.windows, plan.size_seeds),
    }
    found = {}
    for kind, (function, values, seeds) in kinds.items():
        cells = [
            Cell(f"{kind}-{value}-{seed}", function, (plan, value, seed), f"{core} {value} {seed}")
            for value in values
            for seed in seeds
        ]
        found[kind] = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    test = label_task(plan.task, replace(LabelPlan(), tasks=())).test
    return {
        "plan": asdict(plan),
        **found,
        "y_true": pack(test.labels.astype(np.uint8)),
        "groups": pack(np.asarray(test.groups, dtype=np.uint16)),
        "cpu_seconds": sum(cell["cpu_seconds"] for cells in found.values() for cell in cells),
    }


# --- more bases ---------------------------------------------------------------------------------


def size_cell(plan: ReachPlan, n_windows: int, seed: int) -> dict[str, Any]:
    """Pretrain on the first windows of the ladder's corpus; tell loss and frozen score."""
    start = time.process_time()
    corpus = study_corpus(replace(LadderPlan(), tasks=()))
    task = label_task(plan.task, replace(LabelPlan(), tasks=()))
    labelled = draw_labels(task, plan.n_labels, seed)
    config = replace(plan.size_training, seed=seed)
    loss, predict = pretrain_and_probe(corpus, n_windows, labelled, task.validation, config)
    return {
        "windows": n_windows,
        "bases": int(n_windows * corpus.train.shape[1]),
        "seed": seed,
        "bits_per_base": loss,
        "probability": pack(quantised(predict(task.test.codes))),
        "cpu_seconds": time.process_time() - start,
    }


def pretrain_and_probe(
    corpus: Corpus,
    n_windows: int,
    labelled: LabelledSequences,
    validation: LabelledSequences,
    config: TrainingConfig,
) -> tuple[float, Probability]:
    """Pretrain a block-3-mer model on some windows of a corpus, and fit a head on it, frozen.

    Parameters
    ----------
    corpus : Corpus
        Its first windows are read; half of its held-out windows choose the weights.
    n_windows : int
        How many.
    labelled, validation : LabelledSequences
        Labels for the head, and to choose its penalty by.
    config : TrainingConfig
        How to pretrain; its seed is also that of the weights.

    Returns
    -------
    bits_per_base : float
        Masked loss on the other half of the held-out windows.
    probability : callable
        ``probability(codes)`` of class 1.
    """
    train, held_out = (tokenise(TOKENIZER, part) for part in (corpus.train, corpus.held_out))
    model = Transformer(TransformerConfig(TOKENIZER.vocab_size), seed=config.seed)
    objective = MaskedObjective()
    fit_language_model(model, train[:n_windows], config, objective, validation=held_out[::2])
    loss = evaluate_language_model(model, held_out[1::2], objective, seed=1) / WIDTH
    return loss, choose_frozen(model, labelled, validation)


def live_sizes(
    genome: Genome, plan: LabelPlan, *, windows: Sequence[int], steps: int
) -> tuple[npt.NDArray[np.int64], dict[int, npt.NDArray[np.uint8]], npt.NDArray[np.float64]]:
    """Pretrain on few and on many windows of one genome, and score each model frozen.

    Parameters
    ----------
    genome : Genome
        Its longest record is read, away from the test sequences.
    plan : LabelPlan
        Its first task, largest number of labels and seeds are taken.
    windows : sequence of int
        Numbers of windows of 102 bp.
    steps : int
        Of pretraining.

    Returns
    -------
    truth : ndarray of int64, shape (N,)
        Classes of the test part.
    predictions : dict of int to ndarray of uint8, shape (S, N)
        Predicted classes by number of bases.
    losses : ndarray of float64, shape (S, n_windows)
        Masked loss on held-out windows, in bits per base.
    """
    task = label_task(plan.tasks[0][0], replace(plan, tasks=()))
    longest = max(genome.records.values(), key=len)
    corpus = make_corpus(
        [longest],
        {"test": task.test.codes},
        length=102,
        n_windows=max(windows),
        rng=np.random.default_rng(0),
    )
    found: dict[int, npt.NDArray[np.uint8]] = {}
    losses = np.zeros((len(plan.seeds), len(windows)))
    for column, n_windows in enumerate(windows):
        runs = []
        for row, seed in enumerate(plan.seeds):
            labelled = draw_labels(task, max(plan.counts), seed)
            config = replace(SIZE_TRAINING, steps=steps, evaluate_every=0, seed=seed)
            losses[row, column], predict = pretrain_and_probe(
                corpus, n_windows, labelled, task.validation, config
            )
            runs.append((predict(task.test.codes) >= 0.5).astype(np.uint8))
        found[n_windows * 102] = np.stack(runs)
    return np.asarray(task.test.labels, dtype=np.int64), found, losses


# --- longer distances ---------------------------------------------------------------------------


def planted_rows(n_rows: int, distance: int, rng: np.random.Generator) -> Tensor:
    """Draw rows of random bases whose last token repeats the first.

    Parameters
    ----------
    n_rows, distance : int
        Rows, and bases from the first token to the last, a multiple of three.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    token_ids : Tensor of int64, shape (n_rows, distance / 3 + 1)
        Block 3-mers.

    Examples
    --------
    >>> rows = planted_rows(2, 12, np.random.default_rng(0))
    >>> rows.shape, bool((rows[:, 0] == rows[:, -1]).all())
    (torch.Size([2, 5]), True)
    """
    background = rng.integers(0, 4, (n_rows, distance + WIDTH), dtype=np.uint8)
    world = long_range_pairs(background, distance, rng, width=WIDTH, share=1)
    return tokenise(TOKENIZER, world.data.codes)


def recall_logits(model: Transformer, token_ids: Tensor) -> Tensor:
    """Hide the last token and predict it: logits ``(B, V)``."""
    shown = token_ids.clone()
    shown[:, -1] = MASK
    return model.decode(model.embed(shown)[:, -1])


def fit_recall(
    distance: int,
    seed: int,
    config: TrainingConfig = PLANTED_TRAINING,
    *,
    curriculum: bool = True,
) -> float:
    """Train a one-layer transformer to recall the first token; give its accuracy on 512 new rows.

    Parameters
    ----------
    distance : int
        Bases from the first token to the last.
    seed : int
        Of weights and rows.
    config : TrainingConfig, default 150 steps of 32 rows
        How to train.
    curriculum : bool, default True
        Let the distance grow from 48 bases, by the same factor from step to step, and stay at the
        full one for the last fifth of the steps; else it is the full one throughout.

    Returns
    -------
    accuracy : float
        Chance is 1/64.
    """
    shape = TransformerConfig(
        TOKENIZER.vocab_size,
        d_model=32,
        n_layers=1,
        n_heads=2,
        d_ff=64,
        max_length=distance // WIDTH + 1,
        positions="absolute",
    )
    model = Transformer(shape, seed=seed)

    def step_loss(step: int) -> tuple[Tensor, int]:
        grown = SHORTEST * (distance / SHORTEST) ** min(1.0, 1.25 * step / config.steps)
        here = round(grown / WIDTH) * WIDTH if curriculum else distance
        rows = planted_rows(config.batch_size, here, np.random.default_rng([seed, step]))
        return F.cross_entropy(recall_logits(model, rows), rows[:, -1]), rows.numel()

    optimise(dict(model.named_parameters()), step_loss, replace(config, seed=seed), identity={})
    with torch.inference_mode():
        rows = planted_rows(512, distance, np.random.default_rng([seed, 1_000_000]))
        right = [recall_logits(model, part).argmax(1) == part[:, -1] for part in rows.split(64)]
    return float(torch.cat(right).double().mean())


def planted_cell(plan: ReachPlan, distance: int, seed: int) -> dict[str, Any]:
    """Score one transformer on one distance."""
    start = time.process_time()
    accuracy = fit_recall(distance, seed, plan.planted_training)
    return {
        "distance": distance,
        "seed": seed,
        "accuracy": accuracy,
        "cpu_seconds": time.process_time() - start,
    }


# --- longer contexts ----------------------------------------------------------------------------


@lru_cache(maxsize=2)
def context_corpus(n_tokens: int) -> Corpus:
    """Draw windows of human DNA that hold the longest context."""
    ladder = LadderPlan()
    genome = load(ladder.corpus).records
    return make_corpus(
        [genome[name] for name in ladder.records],
        {},
        length=n_tokens * WIDTH,
        n_windows=8000,
        rng=np.random.default_rng(0),
    )


def context_cell(plan: ReachPlan, context: int, seed: int) -> dict[str, Any]:
    """Train a causal model on windows of one length; tell its loss on the last tokens."""
    start = time.process_time()
    corpus = context_corpus(max(plan.contexts))
    train = tokenise(TOKENIZER, corpus.train)[:, -context:]
    shape = TransformerConfig(TOKENIZER.vocab_size, causal=True, max_length=max(plan.contexts))
    model = Transformer(shape, seed=seed)
    config = replace(
        plan.context_training, batch_size=max(1, plan.tokens_per_step // context), seed=seed
    )
    fit_language_model(model, train, config, CausalObjective())
    bits = last_bits(model, tokenise(TOKENIZER, corpus.held_out)[:, -context:], plan.n_predicted)
    return {
        "context": context * WIDTH,
        "seed": seed,
        "bits_per_base": (bits / WIDTH).round(4).tolist(),
        "cpu_seconds": time.process_time() - start,
    }


def last_bits(model: Transformer, rows: Tensor, n_predicted: int) -> npt.NDArray[np.float64]:
    """Mean loss of the last tokens of each row, in bits per token, shape (N,)."""
    losses: Sequence[Tensor] = []
    with torch.inference_mode():
        for batch in rows.split(16):
            hidden = model.embed(batch)[:, -n_predicted - 1 : -1]  # (B, n, D)
            loss = F.cross_entropy(
                model.decode(hidden).flatten(0, 1),
                batch[:, -n_predicted:].flatten(),
                reduction="none",
            )
            losses = [*losses, loss.view(len(batch), n_predicted).double().mean(1)]
    return (torch.cat(list(losses)) / np.log(2)).numpy()
