"""What pretraining is worth, by how hard each side was tuned: three tokenizers, five seeds.

Design choices

- Both arms are tuned by the same steps: a pretrained model and its twin with the weights from which
  its pretraining began see the same labels, batches, learning rates and validation sequences.
- Tuning is successive halving, so that a long run is spent only on rates that did well in a short
  one (Jamieson and Talwalkar 2016, arXiv:1502.07943). Every run's predictions are kept: a page can
  ask what would have been reported had the tuning stopped earlier, on either side.
- Seed s is one pretrained model (or one initialisation) and one draw of labels.
- Single letters and BPE have the models of the study "ladder"; block 6-mers are pretrained for more
  steps, since 4,096 words need more to be learnt at all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.ladder_result import pack
from hypecheck.ladder_study import (
    LadderPlan,
    pretrain_cell,
    study_folder,
    study_tokenizer,
    weights_file,
)
from hypecheck.models import ConvNet, ConvNetConfig, Transformer, random_twin
from hypecheck.models import load as load_model
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.splits import audit
from hypecheck.studies.labels import LabelPlan, draw_labels, label_task
from hypecheck.training import FittedClassifier, fit_classifier

ARMS = ("pretrained", "random")
Fit = Callable[[dict[str, Any], TrainingConfig], FittedClassifier]


@dataclass(frozen=True)
class PretrainingPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    task : str
        Data set of the labels.
    tokenizers : tuple of (str, int)
        Tokenizer, and the steps of its pretraining.
    n_labels : int
        Sequences to learn from.
    seeds : tuple of int
        Pretrained models and draws of labels.
    rates : tuple of float
        Learning rates to choose among.
    first_rate : float
        The rate of somebody who tries only one.
    stages : tuple of (int, int)
        How many rates are trained, and for how many steps; the later stage takes the best of the
        earlier one.
    batch_size : int
        Sequences per step.
    cnn_rates : tuple of float
        The same for the small CNN, with two heads.
    """

    task: str = "gue/prom/prom_core_all"
    tokenizers: tuple[tuple[str, int], ...] = (("char", 1500), ("kmer6", 3000), ("bpe512", 1500))
    n_labels: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    rates: tuple[float, ...] = (5e-4, 1e-3, 2e-3, 4e-3)
    first_rate: float = 1e-3
    stages: tuple[tuple[int, int], ...] = ((4, 60), (2, 240))
    batch_size: int = 32
    cnn_rates: tuple[float, ...] = (3e-3, 1e-2)


def pretraining_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Tune pretrained models and their random twins alike, and keep every run's predictions.

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
        For `hypecheck.tuning_effort`.
    weights : tuple
        Empty.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = PretrainingPlan()
    ladder = LadderPlan()
    names = dict.fromkeys((plan.task, ladder.corpus, *ladder.away_from))
    loaded = [load(name, offline=False) for name in names]  # a stand-in stops it here
    results = pretraining_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "pretraining",
        results,
        command="hypecheck record pretraining",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, ()


def pretraining_results(
    plan: PretrainingPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : PretrainingPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `pretraining_study`.

    Returns
    -------
    results : dict
        "plan", "truth", "groups" and "audit" of the test part, "pretraining" (one dict for each
        tokenizer and seed), "arms" (by tokenizer, then arm: one list of runs for each seed),
        "cnn" (the same, one list), and "cpu_seconds" of the cells.
    """
    task = label_task(plan.task, LabelPlan(tasks=()))
    digest = hashlib.sha256(task.test.codes.tobytes() + task.train.codes.tobytes()).hexdigest()[:16]
    models: list[dict[str, Any]] = []
    tuned: list[Cell] = []
    for name, steps in plan.tokenizers:
        core = reading_plan(steps)
        place = study_folder(core, folder)
        decided = f"{plan} {place.name} {digest}"
        if name != "char":  # whose weights come with the package
            cells = [
                Cell(
                    f"pretrain-{name}-{seed}", pretrain_cell, (core, name, seed, place), place.name
                )
                for seed in plan.seeds
            ]
            models += run_cells(cells, place, n_jobs=n_jobs, progress=progress)
        tuned += [
            Cell(
                f"tune-{name}-{arm}-{seed}", arm_cell, (plan, core, name, arm, seed, place), decided
            )
            for seed in plan.seeds
            for arm in ARMS
        ]
    nets = [
        Cell(f"tune-cnn-{seed}", cnn_cell, (plan, seed), f"{plan} {digest}") for seed in plan.seeds
    ]
    found = run_cells([*nets, *tuned], folder, n_jobs=n_jobs, progress=progress)
    arms: dict[str, dict[str, list[Any]]] = {}
    for cell, result in zip(tuned, found[len(nets) :], strict=True):
        _, _, name, arm, _, _ = cell.arguments
        arms.setdefault(name, {}).setdefault(arm, []).append(result["runs"])
    return {
        "plan": dataclasses.asdict(plan),
        "truth": pack(task.test.labels.astype(np.uint8)),
        "groups": pack(np.asarray(task.test.groups, dtype=np.uint16)),
        "audit": audit(task.train, task.test).sentence(),
        "pretraining": models,
        "arms": arms,
        "cnn": [result["runs"] for result in found[: len(nets)]],
        "cpu_seconds": sum(result["cpu_seconds"] for result in (*models, *found)),
    }


def reading_plan(steps: int) -> LadderPlan:
    """Give the plan of the study "ladder", with other steps of pretraining."""
    plan = replace(LadderPlan(), tasks=())
    return replace(plan, pretraining=replace(plan.pretraining, steps=steps))


# --- cells --------------------------------------------------------------------------------------


def arm_cell(
    plan: PretrainingPlan, core: LadderPlan, tokenizer: str, arm: str, seed: int, place: Path
) -> dict[str, Any]:
    """Tune one arm with one seed; every run is kept."""
    task, start = label_task(plan.task, LabelPlan(tasks=())), time.process_time()
    kept = weights_path(f"ladder-char-{seed}")
    body = load_model(kept if tokenizer == "char" else weights_file(place, tokenizer, seed))
    if not isinstance(body, Transformer):
        raise TypeError(f"the weights of {tokenizer} with seed {seed} are no language model")
    model = body if arm == "pretrained" else random_twin(body, seed)
    reader, train = study_tokenizer(tokenizer, core), draw_labels(task, plan.n_labels, seed)

    def fit(_: dict[str, Any], config: TrainingConfig) -> FittedClassifier:
        return fit_classifier(model, train, task.validation, config, tokenizer=reader)

    grid = [{"learning_rate": rate} for rate in plan.rates]
    runs = successive_halving(fit, grid, plan, task, seed)
    return {"runs": runs, "cpu_seconds": time.process_time() - start}


def cnn_cell(plan: PretrainingPlan, seed: int) -> dict[str, Any]:
    """Tune the small CNN by the same stages: another architecture, no pretraining."""
    task, start = label_task(plan.task, LabelPlan(tasks=())), time.process_time()
    train: LabelledSequences = draw_labels(task, plan.n_labels, seed)

    def fit(configuration: dict[str, Any], config: TrainingConfig) -> FittedClassifier:
        shape = ConvNetConfig(head=configuration["head"], length=train.codes.shape[1])
        return fit_classifier(ConvNet(shape, seed=seed), train, task.validation, config)

    grid = [
        {"head": head, "learning_rate": rate}
        for head in ("global", "positional")
        for rate in plan.cnn_rates
    ]
    runs = successive_halving(fit, grid, plan, task, seed)
    return {"runs": runs, "cpu_seconds": time.process_time() - start}


def successive_halving(
    fit: Fit, grid: Sequence[dict[str, Any]], plan: PretrainingPlan, task: Task, seed: int
) -> list[dict[str, Any]]:
    """Train many configurations briefly and the best of them for longer.

    Parameters
    ----------
    fit : callable
        ``fit(configuration, training)`` gives a fitted classifier.
    grid : sequence of dict
        Configurations, each with its "learning_rate".
    plan : PretrainingPlan
        With the stages.
    task : Task
        Whose test part every run predicts; no prediction decides anything.
    seed : int
        Of the batches.

    Returns
    -------
    runs : list of dict
        "configuration", "steps", "validation" (after how many steps, Matthews correlation) and
        "predicted" (packed bits, one for each test sequence), in the order of training.
    """
    runs, left = [], list(grid)
    for n_rates, steps in plan.stages:
        stage: list[dict[str, Any]] = []
        for configuration in left[:n_rates]:
            config = TrainingConfig(
                steps=steps,
                batch_size=plan.batch_size,
                learning_rate=configuration["learning_rate"],
                seed=seed,
                evaluate_every=max(1, steps // 6),
            )
            fitted = fit(configuration, config)
            stage.append(
                {
                    "configuration": configuration,
                    "steps": steps,
                    "validation": fitted.history.validation,
                    "predicted": pack(np.packbits(fitted.predict(task.test.codes) == 1)),
                }
            )
        stage_best = sorted(stage, key=_best_validation, reverse=True)
        left = [run["configuration"] for run in stage_best]
        runs += stage
    return runs


def _best_validation(run: dict[str, Any]) -> float:
    return max(score for _, score in run["validation"])
