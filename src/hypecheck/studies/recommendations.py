"""What a practitioner would ask, and no other record answers.

Design choices

- Tasks, parts, language models and chosen configurations are those of the studies "ladder",
  "families" and "labels"; nothing that they hold is trained again.
- Probabilities of frozen and of k-mer models are kept, so that their mean can be scored.
- "Untuned" is the k-mer model with the penalty that its library sets by default.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from hypecheck.baselines import KmerLogistic, PositionWeightMatrix, choose_on_validation
from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.expression import fit_network, fit_ridge
from hypecheck.kmers import KmerCounts
from hypecheck.ladder_result import pack
from hypecheck.long_windows import (
    LongReader,
    gene_contexts,
    most_agreeing_place,
    piecewise_vectors,
)
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.scores import matthews, pearson
from hypecheck.sequences import Task
from hypecheck.studies.gains import expression_genes
from hypecheck.studies.labels import (
    TOKENIZER,
    LabelPlan,
    Probability,
    label_results,
    learner,
    pretrained_model,
    quantised,
)
from hypecheck.studies.reach import planted_rows
from hypecheck.studies.recommendations_parts import (
    SOURCES,
    frozen_proba,
    single_prediction_seconds,
    sources,
    study_ladder,
    study_task,
)
from hypecheck.task_families import family_task

MEMBERS = (
    "splice-sites", "enhancers", "reporter-activity", "histone-h3", "brca1-conservation",
    "coding", "ecoli-promoters",
)  # fmt: skip
OFFICIAL = ("gue/tf/0", "gue/tf/2", "gue/prom/prom_core_tata")
SOURCE_RUNGS = ("kmer_linear", "cnn", "pretrained_frozen")
WITH_TABLE = ("ecoli-promoters", "gue/prom/prom_core_tata")
PIECE = 102  # bases that the language models were pretrained on
UNTUNED_C = 1.0
LONG_TRAINING = TrainingConfig(steps=300, batch_size=64, learning_rate=2e-3, evaluate_every=25)


@dataclass(frozen=True)
class RecommendationsPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    seeds : tuple of int
        Of every trained model.
    labels : LabelPlan
        One task with many labels.
    n_source : int
        Labels to learn from, where another source is read as well.
    window : (int, int)
        Bases before and after the start of a gene.
    short : (int, int)
        The same for the control.
    long_training : TrainingConfig
        For the network that reads long windows; not tuned.
    distance : int
        Of the planted dependency, in bases.
    n_blocks, n_in_block : int
        Blocks of single predictions that are timed.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    labels: LabelPlan = field(
        default_factory=lambda: LabelPlan(
            tasks=(("gue/prom/prom_core_all", (8000,)),),
            counts=(8000,),
            training=TrainingConfig(steps=300, batch_size=32, evaluate_every=50),
            cnn_training=TrainingConfig(steps=400, batch_size=64, evaluate_every=50),
        )
    )
    n_source: int = 2000
    window: tuple[int, int] = (1530, 510)
    short: tuple[int, int] = (204, 306)
    long_training: TrainingConfig = LONG_TRAINING
    distance: int = 1536
    n_blocks: int = 20
    n_in_block: int = 25


def recommendations_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Measure what a practitioner asks and no other study answers.

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
        Results by cell, see the functions of this module; "labels" as in the study "labels".
    weights : tuple
        Empty.

    Raises
    ------
    DatasetError
        If a data set is not at hand.
    """
    plan = RecommendationsPlan()
    names = (
        *OFFICIAL, "gue/prom/prom_core_all", "genomic_benchmarks_seq/promoters_nontata",
        "genomic_benchmarks_seq/enhancers_cohn", "ienhancer_liu2016", "gue/splice/reconstructed",
        "gue/EMP/H3", "brca1_sge", "ecoli_tss_mpra", "ecoli_promoters_2860", "genome_ecoli_k12",
        "ecoli_expression",
    )  # fmt: skip
    loaded = [load(name, offline=False) for name in names]  # a stand-in stops it here
    results = recommendations_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("recommendations", plan, results, loaded), ()


def recommendations_results(
    plan: RecommendationsPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : RecommendationsPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `recommendations_study`.

    Returns
    -------
    results : dict
        "members", "untuned", "tables" and "sources" by task, "long" and "planted" by seed,
        "long_facts", "latency", "labels", and "cpu_seconds".
    """
    kinds: dict[str, tuple[Callable[..., dict[str, Any]], Sequence[Any]]] = {
        "members": (member_cell, MEMBERS),
        "untuned": (untuned_cell, (*MEMBERS, "brca1-variants", *OFFICIAL)),
        "tables": (table_cell, WITH_TABLE),
        "sources": (source_cell, SOURCES),
        "long_facts": (long_facts_cell, ("",)),
        "long": (long_cell, plan.seeds),
        "planted": (planted_cell, plan.seeds),
        "latency": (latency_cell, ("",)),
    }
    found: dict[str, Any] = {}
    for kind, (function, values) in kinds.items():
        cells = [
            Cell(f"{kind}-{one}", function, (plan, one), f"{plan} {one}")
            for one in values
            if one != "brca1-variants"  # its k-mer model reads a difference of two windows
        ]
        done = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
        found[kind] = dict(zip((cell.arguments[1] for cell in cells), done, strict=True))
    labels = label_results(plan.labels, folder, n_jobs=n_jobs, progress=progress)
    seconds = sum(one["cpu_seconds"] for kind in found.values() for one in kind.values())
    found["long"], found["planted"] = (list(found[k].values()) for k in ("long", "planted"))
    found["long_facts"], found["latency"] = found["long_facts"][""], found["latency"][""]
    return found | {"labels": labels, "cpu_seconds": seconds + labels["cpu_seconds"]}


# --- cells --------------------------------------------------------------------------------------


def member_cell(plan: RecommendationsPlan, name: str) -> dict[str, Any]:
    """Keep probabilities of the k-mer model and of the frozen models on the test part."""
    start, task, ladder = time.process_time(), family_task(name), study_ladder(name)
    words = KmerLogistic(**ladder["kmer_linear"].chosen).fit(task.train.codes, task.train.labels)
    chosen = ladder["pretrained_frozen"].chosen
    frozen = np.stack([frozen_proba(task, chosen, seed) for seed in plan.seeds])
    kept = {"kmer_linear": words.predict_proba(task.test.codes)[None], "frozen": frozen}
    return {
        "probability": {rung: pack(quantised(values)) for rung, values in kept.items()},
        "cpu_seconds": time.process_time() - start,
    }


def untuned_cell(_plan: RecommendationsPlan, name: str) -> dict[str, Any]:
    """Predict with the k-mer model as its library would set it."""
    start, task = time.process_time(), study_task(name)
    model = KmerLogistic(C=UNTUNED_C).fit(task.train.codes, task.train.labels)
    predicted = model.predict(task.test.codes).astype(np.uint8)
    return {"predicted": pack(predicted[None]), "cpu_seconds": time.process_time() - start}


def table_cell(_plan: RecommendationsPlan, name: str) -> dict[str, Any]:
    """Predict with a table of bases by position, its configuration chosen on validation data."""
    start, task = time.process_time(), study_task(name)
    grid = PositionWeightMatrix.configurations()
    model, chosen, _ = choose_on_validation(
        PositionWeightMatrix, task.train, task.validation, matthews, grid
    )
    predicted = model.predict(task.test.codes).astype(np.uint8)
    return {
        "predicted": pack(predicted[None]),
        "chosen": chosen,
        "cpu_seconds": time.process_time() - start,
    }


def source_cell(plan: RecommendationsPlan, name: str) -> dict[str, Any]:
    """Train three kinds of model on one source, and predict its test part and another source."""
    start = time.process_time()
    task, other = sources(name, plan.n_source)
    same: dict[str, Any] = {}
    away: dict[str, Any] = {}
    for rung in SOURCE_RUNGS:
        seeds = plan.seeds[:1] if rung == "kmer_linear" else plan.seeds  # no chance in it
        fitted = [_best(rung, task, seed) for seed in seeds]
        for kept, part in ((same, task.test), (away, other)):
            runs = np.stack([predict(part.codes) >= 0.5 for predict in fitted])
            kept[rung] = pack(runs.astype(np.uint8))
    return {
        "same": same,
        "other": away,
        "truth": pack(task.test.labels.astype(np.uint8)),
        "truth_other": pack(other.labels.astype(np.uint8)),
        "groups": pack(np.asarray(task.test.groups, dtype=np.int64)),
        "n_train": len(task.train),
        "cpu_seconds": time.process_time() - start,
    }


def _best(rung: str, task: Task, seed: int) -> Probability:
    """Fit a rung, its configuration chosen on the validation part (the CNN has one only)."""
    fit, grid = learner(rung, LabelPlan())
    if rung == "cnn":
        grid = [{"head": "global", "learning_rate": 3e-3}]
    tried = [fit(task.train, task.validation, one, seed) for one in grid]
    truth, codes = task.validation.labels, task.validation.codes
    return max(tried, key=lambda one: matthews(truth, one(codes) >= 0.5))


def long_cell(plan: RecommendationsPlan, seed: int) -> dict[str, Any]:
    """Predict expression from long windows: a network, a frozen model; and a short control."""
    start, genes = time.process_time(), expression_genes()
    split = genes.split(np.random.default_rng(0))
    config = replace(plan.long_training, seed=seed)
    found, validation = {}, {}
    for name, (before, after) in (("network", plan.window), ("short network", plan.short)):
        windows = _windows(genes.names.tolist(), before, after)
        net = LongReader(windows.shape[1], seed=seed)
        inputs = torch.from_numpy(windows)
        found[name], validation[name] = fit_network(net, inputs, genes.expression, split, config)
    windows = _windows(genes.names.tolist(), *plan.window)
    vectors = piecewise_vectors(pretrained_model(seed), TOKENIZER, windows, piece=PIECE)
    found["frozen pieces"] = fit_ridge(vectors, genes.expression, split)
    here = split.validation
    validation["frozen pieces"] = float(
        pearson(genes.expression[here], found["frozen pieces"][here])
    )
    return {
        "predicted": {k: pack(v[split.test].astype(np.float32)) for k, v in found.items()},
        "validation": validation,
        "cpu_seconds": time.process_time() - start,
    }


def long_facts_cell(plan: RecommendationsPlan, _name: str) -> dict[str, Any]:
    """Predict expression by simple means: classical features, and words of the long window."""
    start, genes = time.process_time(), expression_genes()
    split = genes.split(np.random.default_rng(0))
    windows = _windows(genes.names.tolist(), *plan.window)
    words = np.asarray(KmerCounts((1, 4)).fit_transform(windows), dtype=np.float64)
    found = {
        name: fit_ridge(features, genes.expression, split)
        for name, features in (("classical features", genes.classical), ("words", words))
    }
    here = split.validation
    truth = genes.expression[here]
    return {
        "predicted": {k: pack(v[split.test].astype(np.float32)[None]) for k, v in found.items()},
        "validation": {k: float(pearson(truth, v[here])) for k, v in found.items()},
        "truth": pack(genes.expression[split.test]),
        "groups": pack(genes.regions[split.test]),
        "cpu_seconds": time.process_time() - start,
    }


def _windows(names: list[str], before: int, after: int) -> Any:
    genome = next(iter(load("genome_ecoli_k12").records.values()))
    info = load("ecoli_expression").frames["gene_info"]
    return gene_contexts(genome, info, names, before=before, after=after)


def planted_cell(plan: RecommendationsPlan, seed: int) -> dict[str, Any]:
    """Predict the planted last token by words, and by the place that agrees most often."""
    start = time.process_time()
    rows, new = (
        planted_rows(n, plan.distance, np.random.default_rng([seed, draw])).numpy()
        for n, draw in ((1000, 999_999), (512, 1_000_000))  # the second is the study reach's test
    )
    place, accuracy = most_agreeing_place(rows, new)
    bags = [" ".join(map(str, row[:-1])) for row in (*rows, *new)]
    counts = CountVectorizer(token_pattern=r"\d+").fit(bags).transform(bags)
    words = LogisticRegression(C=0.1, max_iter=200).fit(counts[: len(rows)], rows[:, -1])
    right = words.predict(counts[len(rows) :]) == new[:, -1]
    return {
        "seed": seed,
        "place": place,
        "accuracy": {"place that agrees": accuracy, "words": float(right.mean())},
        "cpu_seconds": time.process_time() - start,
    }


def latency_cell(plan: RecommendationsPlan, _name: str) -> dict[str, Any]:
    """Time single predictions of a frozen model and of the k-mer model, in turn."""
    start = time.process_time()
    seconds = single_prediction_seconds(plan.n_blocks, plan.n_in_block)
    return {"seconds": seconds, "cpu_seconds": time.process_time() - start}
