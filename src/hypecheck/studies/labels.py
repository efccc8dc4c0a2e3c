"""How many labels does pretraining save? Seven rungs climbed with few labels and with many.

Design choices

- Seed s stands for one pretrained model (or one initialisation) and one draw of labels: all rungs
  meet the same draws, and a draw of 50 is part of the draw of 200.
- All rungs choose on one validation part, which is fixed beforehand and is not counted among the
  labels; the cheap ones by the mean over seeds, the trained ones with the first seed.
- Test items with a look-alike in the training part are left out before anything is drawn.
- Probabilities on the test part are kept, at a resolution of 1/256, so that every comparison,
  paired over seeds and items, can be made from the record.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.baselines import Composition, KmerLogistic
from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.ladder_result import pack
from hypecheck.models import ConvNet, ConvNetConfig, Transformer, random_twin
from hypecheck.models import load as load_model
from hypecheck.motifs import mutate
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.rungs import FROZEN_GRID, FrozenVectors
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, LabelledSequences, Task
from hypecheck.splits import audit, homology_clusters, homology_split
from hypecheck.tokenizers import KmerTokenizer
from hypecheck.training import fit_classifier

CHEAP = ("composition", "kmer_linear", "random_frozen", "pretrained_frozen")
TRAINED = ("fine_tuned", "from_scratch", "cnn")
PRETRAINED = ("pretrained_frozen", "fine_tuned")
SIMPLE = ("composition", "kmer_linear", "cnn")
TOKENIZER = KmerTokenizer(3, 3)
RATES = ({"learning_rate": 1e-3}, {"learning_rate": 2e-3}, {"learning_rate": 4e-3})
CNN_GRID = tuple(
    {"head": h, "learning_rate": r} for h in ("global", "positional") for r in (3e-3, 1e-2)
)
TRAINING = TrainingConfig(steps=150, batch_size=32, evaluate_every=50)
CNN_TRAINING = TrainingConfig(steps=200, batch_size=64, evaluate_every=50)

Configuration = dict[str, Any]
Probability = Callable[[Codes], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class LabelPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    tasks : tuple of (str, tuple of int)
        Data set, and the numbers of labels at which the expensive rungs (`TRAINED`) are climbed.
    counts : tuple of int
        Numbers of labels for the cheap rungs.
    seeds : tuple of int
        Pretrained models and draws.
    n_validation, n_test : int
        Most rows of these parts.
    error_rate, error_count : float and int
        Substitutions in the noisy copy of the test part, and the number of labels at which it is
        read.
    training, cnn_training : TrainingConfig
        How to fine-tune, and how to train the CNN.
    """

    tasks: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("gue/prom/prom_core_all", (50, 200, 1000, 4000)),
        ("gue/tf/0", (50, 1000)),
        ("ecoli_promoters_2860", ()),
    )
    counts: tuple[int, ...] = (50, 200, 1000, 4000)
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    n_validation: int = 400
    n_test: int = 2000
    error_rate: float = 0.05
    error_count: int = 1000
    training: TrainingConfig = TRAINING
    cnn_training: TrainingConfig = CNN_TRAINING


def labels_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Score seven rungs on three tasks with 50 to 4,000 labels.

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
        For `label_curve`, `label_gain` and `label_ratio`.
    weights : tuple
        Empty: the models are those of the study "ladder".

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = LabelPlan()
    loaded = [load(name, offline=False) for name, _ in plan.tasks]  # a stand-in stops it here
    results = label_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "labels",
        results,
        command="hypecheck record labels",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, ()


def label_results(
    plan: LabelPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : LabelPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `labels_study`.

    Returns
    -------
    results : dict
        "plan", "tasks" (facts, truth, groups, and "rungs" by name and number of labels), and
        "cpu_seconds" in all.
    """
    core = replace(plan, tasks=())
    tasks = {name: label_task(name, core) for name, _ in plan.tasks}
    wanted = [
        (name, rung, count)
        for rungs in (CHEAP, TRAINED)
        for name, few in plan.tasks
        for rung in rungs
        for count in (plan.counts if rungs is CHEAP else few)
    ]
    cells = [
        Cell(
            f"{name}-{rung}-{count}",
            label_cell,
            (core, name, rung, count),
            f"{core}{_digest(tasks[name])}",
        )
        for name, rung, count in wanted
    ]
    found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    parts = {name: _facts(task) for name, task in tasks.items()}
    for (name, rung, count), result in zip(wanted, found, strict=True):
        parts[name]["rungs"].setdefault(rung, {})[str(count)] = result
    seconds = sum(result["cpu_seconds"] for result in found)
    return {"plan": asdict(plan), "tasks": parts, "cpu_seconds": seconds}


@lru_cache(maxsize=8)
def label_task(name: str, plan: LabelPlan) -> Task:
    """Load a task with a clean test part: official where there is one, else split by homology."""
    loaded = load(name)
    if isinstance(loaded, Task):
        train, validation, test = loaded.train, loaded.validation, loaded.test
    else:
        train, validation, test = _split(loaded.parts)
    rng = np.random.default_rng(0)
    clean = audit(train, test).clean_test_index
    test = test.take(rng.permutation(clean)[: plan.n_test])
    validation = validation.take(rng.permutation(len(validation))[: plan.n_validation])
    return Task(name, train, validation, replace(test, groups=homology_clusters(test.codes)))


def _split(parts: dict[str, LabelledSequences]) -> tuple[LabelledSequences, ...]:
    """Train, validation and test of a set without an official training part."""
    rng, pool = np.random.default_rng(0), parts["all"]
    split = homology_split(pool.codes, rng=rng, fractions=(0.7, 0.1, 0.2))
    return pool.take(split.train), pool.take(split.validation), pool.take(split.test)


def draw_labels(task: Task, count: int, seed: int) -> LabelledSequences:
    """Draw labelled rows of the training part; a smaller draw of the same seed is part of it."""
    return task.train.take(np.random.default_rng([7, seed]).permutation(len(task.train))[:count])


def _facts(task: Task) -> dict[str, Any]:
    return {
        "n_train": len(task.train),
        "n_validation": len(task.validation),
        "n_test": len(task.test),
        "length": int(task.test.codes.shape[1]),
        "y_true": pack(task.test.labels.astype(np.uint8)),
        "groups": pack(np.asarray(task.test.groups, dtype=np.uint16)),
        "rungs": {},
    }


def _digest(task: Task) -> str:
    parts = (task.train, task.validation, task.test)
    content = b"".join(part.codes.tobytes() + part.labels.tobytes() for part in parts)
    return hashlib.sha256(content).hexdigest()[:16]


# --- cells --------------------------------------------------------------------------------------


def label_cell(plan: LabelPlan, name: str, rung: str, count: int) -> dict[str, Any]:
    """Choose a configuration of one rung with `count` labels, and read the test part."""
    task, start = label_task(name, plan), time.process_time()
    fit, grid = learner(rung, plan)
    draws = {seed: draw_labels(task, count, seed) for seed in plan.seeds}
    tuning = plan.seeds if rung in CHEAP else plan.seeds[:1]
    fitted: dict[tuple[int, int], Probability] = {}
    trials = np.zeros((len(grid), len(tuning)))
    for column, seed in enumerate(tuning):
        for row, configuration in enumerate(grid):
            fitted[row, seed] = fit(draws[seed], task.validation, configuration, seed)
            trials[row, column] = _validate(fitted[row, seed], task)
    best = int(trials.mean(axis=1).argmax())
    clean, noisy, scores = [], [], []
    for seed in plan.seeds:
        if (best, seed) not in fitted:
            fitted[best, seed] = fit(draws[seed], task.validation, grid[best], seed)
        predict = fitted[best, seed]
        scores.append(_validate(predict, task))
        clean.append(quantised(predict(task.test.codes)))
        if count == plan.error_count:
            rng = np.random.default_rng([11, seed])
            noisy.append(quantised(predict(mutate(task.test.codes, plan.error_rate, rng)[0])))
    return {
        "chosen": grid[best],
        "trials": trials.mean(axis=1).tolist(),
        "validation": scores,
        "probability": pack(np.stack(clean)),
        "probability_noisy": pack(np.stack(noisy)) if noisy else None,
        "cpu_seconds": time.process_time() - start,
    }


def _validate(predict: Probability, task: Task) -> float:
    return float(matthews(task.validation.labels, predict(task.validation.codes) >= 0.5))


def quantised(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Keep a probability in one byte; 128 and more is class 1."""
    return np.minimum(np.floor(probability * 256), 255).astype(np.uint8)


Fit = Callable[[LabelledSequences, LabelledSequences, Configuration, int], Probability]


def learner(rung: str, plan: LabelPlan) -> tuple[Fit, Sequence[Configuration]]:
    """Give a rung's way to learn, and what it chooses among.

    Parameters
    ----------
    rung : str
        One of `CHEAP` or `TRAINED`.
    plan : LabelPlan
        How to train.

    Returns
    -------
    fit : callable
        ``fit(train, validation, configuration, seed)`` gives ``probability(codes)`` of class 1.
    grid : sequence of dict
        Configurations.

    Raises
    ------
    ValueError
        If there is no such rung.
    """
    if rung == "composition":
        return _baseline(Composition), Composition.configurations()
    if rung == "kmer_linear":
        return _baseline(KmerLogistic), KmerLogistic.configurations()
    if rung == "random_frozen":
        return _frozen(untrained_model), [dict(one) for one in FROZEN_GRID]
    if rung == "pretrained_frozen":
        return _frozen(pretrained_model), [dict(one) for one in FROZEN_GRID]
    if rung == "fine_tuned":
        return _network(pretrained_model, plan.training), RATES
    if rung == "from_scratch":
        return _network(untrained_model, plan.training), RATES
    if rung == "cnn":
        return _cnn(plan.cnn_training), CNN_GRID
    raise ValueError(f"no rung is called {rung!r}; there are {', '.join((*CHEAP, *TRAINED))}")


@cache
def pretrained_model(seed: int) -> Transformer:
    """Load the block-3-mer model of the study "ladder" with that seed."""
    model = load_model(weights_path(f"ladder-kmer3-{seed}"))
    if not isinstance(model, Transformer):
        raise TypeError(f"the recorded weights ladder-kmer3-{seed} are no language model")
    return model


@cache
def untrained_model(seed: int) -> Transformer:
    """Give its twin that was never trained."""
    return random_twin(pretrained_model(seed), seed)


def _baseline(estimator: Callable[..., Any]) -> Fit:
    def fit(
        train: LabelledSequences, _: LabelledSequences, configuration: Configuration, _seed: int
    ) -> Probability:
        fitted = estimator(**configuration).fit(train.codes, train.labels)
        return lambda codes: fitted.predict_proba(codes)[:, 1]

    return fit


def _frozen(model_of_seed: Callable[[int], Transformer]) -> Fit:
    vectors = FrozenVectors(model_of_seed, TOKENIZER)

    def fit(
        train: LabelledSequences, _: LabelledSequences, configuration: Configuration, seed: int
    ) -> Probability:
        pool = configuration["pool"]
        head = LogisticRegression(C=configuration["C"], max_iter=2000)
        fitted = make_pipeline(StandardScaler(), head)
        fitted.fit(vectors(train.codes, seed, pool), train.labels)
        return lambda codes: fitted.predict_proba(vectors(codes, seed, pool))[:, 1]

    return fit


def choose_frozen(
    model: Transformer, train: LabelledSequences, validation: LabelledSequences
) -> Probability:
    """Fit the head of a frozen model, its configuration chosen on the validation part.

    Parameters
    ----------
    model : Transformer
        A model of block 3-mers; its weights do not change.
    train, validation : LabelledSequences
        Labels to learn from, and to choose by.

    Returns
    -------
    probability : callable
        ``probability(codes)`` of class 1, shape (N,).
    """
    fit = _frozen(lambda _: model)
    tried = [fit(train, validation, dict(one), 0) for one in FROZEN_GRID]
    scores = [matthews(validation.labels, one(validation.codes) >= 0.5) for one in tried]
    return tried[int(np.argmax(scores))]


def _network(model_of_seed: Callable[[int], Transformer], training: TrainingConfig) -> Fit:
    def fit(
        train: LabelledSequences,
        validation: LabelledSequences,
        configuration: Configuration,
        seed: int,
    ) -> Probability:
        config = replace(training, learning_rate=configuration["learning_rate"], seed=seed)
        body = model_of_seed(seed)
        fitted = fit_classifier(body, train, validation, config, tokenizer=TOKENIZER)
        return lambda codes: fitted.predict_proba(codes)[:, 1].astype(np.float64)

    return fit


def _cnn(training: TrainingConfig) -> Fit:
    def fit(
        train: LabelledSequences,
        validation: LabelledSequences,
        configuration: Configuration,
        seed: int,
    ) -> Probability:
        config = replace(training, learning_rate=configuration["learning_rate"], seed=seed)
        shape = ConvNetConfig(head=configuration["head"], length=train.codes.shape[1])
        fitted = fit_classifier(ConvNet(shape, seed=seed), train, validation, config)
        return lambda codes: fitted.predict_proba(codes)[:, 1].astype(np.float64)

    return fit
