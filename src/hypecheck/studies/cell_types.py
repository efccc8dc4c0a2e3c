"""A masked-gene transformer on blood cells, pretrained and not, beside principal components.

Design choices

- Pretraining reads other cells first (a screen of four cell lines; hardly a gene in common), then
  the blood cells of the training part, without labels. Test cells are never read.
- The twin starts from the same random weights and gets the same labels, steps and grid.
- Learning rate and class weights were chosen for both on folds of a seed that is not judged.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from hypecheck.cell_types import (
    TypedCells,
    components,
    deal_cells,
    fewer_labels,
    logistic,
    macro_f1,
    neighbours,
    read_types,
)
from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.gene_transformer import (
    GeneTransformer,
    GeneTransformerConfig,
    ask_hidden,
    carry_over,
    cell_vectors,
    fine_tune,
    pretrain,
)
from hypecheck.optimisation import TrainingConfig, TrainingDivergedError
from hypecheck.recorded import RecordedRun, describe_run
from hypecheck.splits import Split

Floats = npt.NDArray[np.float64]
GRID = tuple((rate, balanced) for rate in (1e-3, 3e-3, 1e-2) for balanced in (False, True))

JUDGED = (0,)  # folds whose cells are judged: half of the cells learn, half are judged
DEAL = 0  # decides the folds, the same for all seeds, so that seeds are paired cell by cell
WARMUP = 0.3  # of the tuned networks, after the choice: with a tenth some runs diverged
PRETRAINING = TrainingConfig(steps=250, batch_size=32, learning_rate=5e-3, warmup=0.2)
TUNING = TrainingConfig(steps=200, batch_size=32, evaluate_every=40)


@dataclass(frozen=True)
class CellsPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    seeds : tuple of int
        Each starts the networks anew, on the same folds.
    choice_seed : int
        The seed on whose validation cells learning rate and class weights were chosen.
    n_folds : int
        Every cell is judged once a seed.
    pretraining, tuning : TrainingConfig
        The same for all; the grid replaces the rate of `tuning`.
    few_steps : int
        Steps of tuning where labels are few.
    labels : tuple of int
        Numbers of labels for the curves; all of them besides.
    few : int
        The number at which networks are tuned, too.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    choice_seed: int = 99
    n_folds: int = 2
    pretraining: TrainingConfig = PRETRAINING
    tuning: TrainingConfig = TUNING
    few_steps: int = 100
    labels: tuple[int, ...] = (50, 150)
    few: int = 50


@dataclass(frozen=True, eq=False)
class OtherCells:
    """Cells of another study.

    Parameters
    ----------
    expression : ndarray, shape (N, G)
        Log-normalised.
    genes : tuple of str
        Columns.
    """

    expression: Floats
    genes: tuple[str, ...]

    def shared_with(self, genes: tuple[str, ...]) -> list[tuple[int, int]]:
        """Give columns here and there of the genes in common."""
        return [(i, genes.index(g)) for i, g in enumerate(self.genes) if g in genes]


def read_others(cells: Any) -> OtherCells:
    """Take log-normalised expression out of annotated cells."""
    values = cells.X.toarray() if hasattr(cells.X, "toarray") else cells.X
    return OtherCells(np.asarray(values, dtype=np.float64), tuple(cells.var_names))


@lru_cache(maxsize=1)
def _trained_elsewhere(others: OtherCells, training: TrainingConfig) -> GeneTransformer:
    """Pretrain on cells of the other study: the same for all folds of a seed."""
    shape = GeneTransformerConfig(len(others.genes))
    model = GeneTransformer(shape, others.expression, seed=training.seed)
    pretrain(model, others.expression, training)
    return model


def bodies(
    plan: CellsPlan, typed: TypedCells, others: OtherCells, split: Split, seed: int
) -> dict[str, GeneTransformer]:
    """Make a random network and its pretrained twin.

    Parameters
    ----------
    plan : CellsPlan
        How to train.
    typed, others : TypedCells, OtherCells
        Blood cells, of which test cells are not read, and cells of another study.
    split : Split
        Of the blood cells.
    seed : int
        Of weights and batches.

    Returns
    -------
    models : dict of str to GeneTransformer
        "random", and "pretrained": on the other cells, then on the unlabelled training and
        validation cells.
    """
    unlabelled = typed.expression[np.concatenate([split.train, split.validation])]
    training = replace(plan.pretraining, seed=seed)
    random = GeneTransformer(GeneTransformerConfig(len(typed.genes)), unlabelled, seed=seed)
    both = copy.deepcopy(random)
    carry_over(_trained_elsewhere(others, training), both, others.shared_with(typed.genes))
    both.rescale(unlabelled)
    pretrain(both, unlabelled, training)
    return {"random": random, "pretrained": both}


def tune(
    plan: CellsPlan,
    model: GeneTransformer,
    typed: TypedCells,
    split: Split,
    seed: int,
    choice: tuple[float, bool],
    *,
    steps: int | None = None,
) -> npt.NDArray[np.int64]:
    """Fine-tune a copy of a model, and give its types for all cells.

    A run that diverges is repeated at a third of its rate.
    """
    rate, balanced = choice
    training = replace(plan.tuning, seed=seed, learning_rate=rate, warmup=WARMUP)
    if steps is not None:
        training = replace(training, steps=steps, evaluate_every=max(1, steps // 5))
    parts = (typed.expression, typed.labels, split.train, split.validation)
    try:
        logits, _ = fine_tune(copy.deepcopy(model), *parts, training, balanced=balanced)
    except TrainingDivergedError:
        slower = replace(training, learning_rate=rate / 3)
        logits, _ = fine_tune(copy.deepcopy(model), *parts, slower, balanced=balanced)
    return np.asarray(logits.argmax(axis=1))


def choice_cell(plan: CellsPlan, typed: TypedCells, others: OtherCells) -> dict[str, Any]:
    """Choose rate and class weights on validation cells of a seed that is not judged."""
    start = time.process_time()
    split = deal_cells(typed.labels, plan.n_folds, plan.choice_seed)[0]
    made = bodies(plan, typed, others, split, plan.choice_seed)
    truth, found = typed.labels[split.validation], {}
    for name in ("random", "pretrained"):
        found[name] = [
            macro_f1(
                truth,
                tune(plan, made[name], typed, split, plan.choice_seed, one)[split.validation],
            )
            for one in GRID
        ]
    chosen = {name: list(GRID[int(np.argmax(scores))]) for name, scores in found.items()}
    return {"scores": found, "chosen": chosen, "cpu_seconds": time.process_time() - start}


def simple_cell(plan: CellsPlan, typed: TypedCells, fold: int) -> dict[str, Any]:
    """Run every method without a network on one fold: nothing in it depends on a seed."""
    start = time.process_time()
    split = deal_cells(typed.labels, plan.n_folds, DEAL)[fold]
    scores = components(typed.expression, np.sort(np.concatenate([split.train, split.validation])))
    most = np.bincount(typed.labels[split.train]).argmax()
    rows = {
        "majority": np.full(len(typed.labels), most),
        "quality columns": logistic(np.log1p(typed.quality), typed.labels, split),
        "all genes": logistic(typed.expression, typed.labels, split),
    }
    rows |= read_view("PCA", scores, plan, typed, split)
    return {
        "test": split.test.tolist(),
        "rows": {name: one[split.test].tolist() for name, one in rows.items()},
        "clusters": {"PCA": cluster_score(scores, typed.labels, split.test)},
        "cpu_seconds": time.process_time() - start,
    }


def network_cell(
    plan: CellsPlan,
    typed: TypedCells,
    others: OtherCells,
    chosen: dict[str, Any],
    seed: int,
    fold: int,
) -> dict[str, Any]:
    """Run the two networks on one fold: frozen, tuned, tuned with few labels, and untuned."""
    start = time.process_time()
    split = deal_cells(typed.labels, plan.n_folds, DEAL)[fold]
    few = fewer_labels(split, typed.labels, plan.few, seed=DEAL)
    made = bodies(plan, typed, others, split, seed)
    rows: dict[str, npt.NDArray[np.int64]] = {}
    clusters: dict[str, float] = {}
    for name, model in made.items():
        view = cell_vectors(model, typed.expression)
        rows |= read_view(f"frozen {name}", view, plan, typed, split)
        clusters[f"frozen {name}"] = cluster_score(view, typed.labels, split.test)
        choice = tuple(chosen[name])
        rows[f"tuned {name}"] = tune(plan, model, typed, split, seed, choice)
        rows[f"tuned {name}, {plan.few} labels"] = tune(
            plan, model, typed, few, seed, choice, steps=plan.few_steps
        )
    return {
        "test": split.test.tolist(),
        "rows": {name: one[split.test].tolist() for name, one in rows.items()},
        "clusters": clusters,
        "hidden": hidden_errors(typed, split, made),
        "cpu_seconds": time.process_time() - start,
    }


def read_view(
    name: str, view: Floats, plan: CellsPlan, typed: TypedCells, split: Split
) -> dict[str, npt.NDArray[np.int64]]:
    """Tell types from vectors of cells: a head with all and with few labels, and neighbours."""
    rows = {
        name: logistic(view, typed.labels, split),
        f"{name}, neighbours": neighbours(view, typed.labels, split),
    }
    for n in plan.labels:
        few = fewer_labels(split, typed.labels, n, seed=DEAL)
        rows[f"{name}, {n} labels"] = logistic(view, typed.labels, few)
    return rows


def cluster_score(view: Floats, labels: npt.NDArray[np.int64], test: Any) -> float:
    """Cluster test cells without labels, and hold the clusters against the types: adjusted Rand."""
    n_types = len(np.unique(labels))
    found = KMeans(n_types, n_init=4, random_state=0).fit_predict(view[test])
    return float(adjusted_rand_score(labels[test], found))


def hidden_errors(
    typed: TypedCells, split: Split, made: dict[str, GeneTransformer]
) -> dict[str, float]:
    """Squared error on hidden genes of test cells, beside each gene's mean, overall and by type."""
    known = np.concatenate([split.train, split.validation])
    usual = typed.expression[known].mean(axis=0)
    by_type = np.stack(
        [typed.expression[known][typed.labels[known] == c].mean(0) for c in range(len(typed.names))]
    )
    asked = {name: ask_hidden(model, typed.expression[split.test]) for name, model in made.items()}
    genes = asked["random"].genes
    of_type = by_type[typed.labels[split.test]][np.arange(len(split.test))[:, None], genes]
    return {name: one.error() for name, one in asked.items()} | {
        "mean of the gene": asked["random"].error(usual[genes]),
        "mean of the gene in the type": asked["random"].error(of_type),
    }


def cells_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Judge half of the blood cells by every method, networks five times over.

    Parameters
    ----------
    folder : Path
        Where cells of the study are kept.
    n_jobs : int, default 1
        Processes, one thread each.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    run : RecordedRun
        "rows": for each method and seed the type of every judged cell; "clusters" and "hidden" by
        run; "choice": the scores that decided the networks' settings.
    weights : tuple of Path
        None are kept.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = CellsPlan()
    data = [load(n, offline=False) for n in ("pbmc68k_reduced", "perturbseq_norman_mcfaline_devel")]
    typed, others = read_types(data[0].data), read_others(data[1].data)
    first = Cell("choice", choice_cell, (plan, typed, others), repr(plan))
    (choice,) = run_cells([first], folder)
    chosen = choice["chosen"]
    jobs = [
        Cell(f"simple-{fold}", simple_cell, (plan, typed, fold), f"{plan} {fold}")
        for fold in JUDGED
    ]
    jobs += [
        Cell(
            f"network-{fold}-{seed}", network_cell, (plan, typed, others, chosen, seed, fold),
            f"{plan} {chosen} {seed} {fold}",
        )
        for fold in JUDGED
        for seed in plan.seeds
    ]  # fmt: skip
    found = run_cells(jobs, folder, n_jobs=n_jobs, progress=progress)
    seconds = choice["cpu_seconds"] + sum(one["cpu_seconds"] for one in found)
    results = gather(plan, typed, found[: len(JUDGED)], found[len(JUDGED) :])
    run = describe_run(
        "cells",
        results | {"warmup": WARMUP, "choice": choice, "cpu_seconds": seconds},
        command="hypecheck record cells",
        data=data,
        seeds=plan.seeds,
        cpu_hours=seconds / 3600,
    )
    return run, ()


def gather(
    plan: CellsPlan,
    typed: TypedCells,
    simple: Sequence[dict[str, Any]],
    networks: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Put the folds together.

    Parameters
    ----------
    plan : CellsPlan
        Which seeds.
    typed : TypedCells
        The cells.
    simple : sequence of dict
        By fold, as `simple_cell` gives them.
    networks : sequence of dict
        By fold, then seed, as `network_cell` gives them.

    Returns
    -------
    results : dict
        As `cells_study` records them; a method without a network has one run.
    """
    test = np.concatenate([one["test"] for one in simple])
    parts = {name: [[one["rows"][name] for one in simple]] for name in simple[0]["rows"]}
    n_seeds = len(plan.seeds)
    parts |= {
        name: [[one["rows"][name] for one in networks[i::n_seeds]] for i in range(n_seeds)]
        for name in networks[0]["rows"]
    }
    rows = {name: [np.concatenate(run) for run in runs] for name, runs in parts.items()}
    return {
        "plan": asdict(plan),
        "names": list(typed.names),
        "truth": _digits(typed.labels[test]),
        "test": test.tolist(),
        "rows": {name: [_digits(run) for run in runs] for name, runs in rows.items()},
        "clusters": [one["clusters"] for one in (*simple, *networks)],
        "hidden": [one["hidden"] for one in networks],
    }


def read_rows(results: Mapping[str, Any]) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    """Take types out of the record.

    Parameters
    ----------
    results : mapping
        Of the recorded run "cells".

    Returns
    -------
    truth : ndarray of int, shape (N,)
        The types of the judged cells.
    rows : dict of str to ndarray of int, shape (seeds, N)
        By method, what it says.
    """

    def read(text: str) -> list[int]:
        return [int(letter) for letter in text]

    rows = {name: np.array([read(run) for run in runs]) for name, runs in results["rows"].items()}
    return np.array(read(results["truth"])), rows


def _digits(labels: npt.NDArray[np.int64]) -> str:
    """Write types, of which there are ten at most, as one text."""
    return "".join(map(str, labels.tolist()))
