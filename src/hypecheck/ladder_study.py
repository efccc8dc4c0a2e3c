"""The full ladder on GUE tasks: small transformers, three tokenizers, five seeds of everything.

Design choices

- Every trained rung has the plan's seeds, pretraining included: seed s of a pretrained rung stands
  on the model pretrained with seed s, and its untrained twin has the weights from which that began.
- Rungs without a tokenizer are run once for a task and shared by its ladders.
- A cell depends on the plan without its list of tasks: tasks can be added later, and nothing that
  is there runs again. The corpus stays away from the test parts of all tasks that may be added.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import Corpus, make_corpus
from hypecheck.datasets import load
from hypecheck.ladder import LadderResult, ReportedScore, assemble, climb, run_rung
from hypecheck.ladder_result import rung_from_dict, rung_to_dict
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, n_parameters, save
from hypecheck.models import load as load_model
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run, published, weights_path
from hypecheck.rungs import CNN_TRAINING, TRAINING, standard_rungs
from hypecheck.scores import learnable_gap_share
from hypecheck.sequences import Task, decode
from hypecheck.splits import audit
from hypecheck.tokenizers import BPETokenizer, CharTokenizer, KmerTokenizer, Tokenizer
from hypecheck.training import evaluate_language_model, fit_language_model, tokenise

SHARED_RUNGS = ("chance", "composition", "kmer_linear", "cnn")
PRETRAINING = TrainingConfig(steps=1500, batch_size=32, learning_rate=3e-3)
PRETRAINED = ("pretrained_frozen", "fine_tuned")
KEPT = ("kmer3", "char")  # ladders are climbed on block 3-mers, single variants read by letters
MODEL_RUNGS = ("random_frozen", "pretrained_frozen", "fine_tuned", "from_scratch")


@dataclass(frozen=True)
class LadderPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    tasks : tuple of (str, tuple of str)
        Data set, and the tokenizers whose models climb its ladder.
    away_from : tuple of str
        Data sets whose test parts the corpus must not touch.
    corpus, records : str and tuple of str
        Data set of the genome pieces for pretraining, and which of its records.
    seeds : tuple of int
        Seeds of every trained rung, pretraining included.
    n_train, n_validation : int
        Most rows taken of a task's training and validation part, the same for all rungs.
    length, n_windows : int
        Length in bp and number of the windows for pretraining.
    d_model, n_layers : int
        Size of the transformer.
    pretraining, training, cnn_training : TrainingConfig
        How to pretrain, fine-tune and train the CNN; learning rates of the last two are chosen.
    """

    tasks: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("gue/prom/prom_core_tata", ("kmer3", "bpe512", "char")),
        ("gue/tf/0", ("kmer3",)),
        ("gue/tf/2", ("kmer3",)),
    )
    away_from: tuple[str, ...] = (
        "gue/prom/prom_300_all",
        "gue/prom/prom_core_all",
        "gue/tf/0",
        "gue/tf/1",
        "gue/tf/2",
    )
    corpus: str = "genome_human_pieces"
    records: tuple[str, ...] = ("z", "chr8:11496144-11627216", "MT_human")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    n_train: int = 40_000  # more than any has: a published score asks for the whole official part
    n_validation: int = 1000
    length: int = 102
    n_windows: int = 20_000
    d_model: int = 64
    n_layers: int = 2
    pretraining: TrainingConfig = PRETRAINING
    training: TrainingConfig = TRAINING
    cnn_training: TrainingConfig = CNN_TRAINING


def ladder_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Climb the full ladder on the GUE tasks at hand, pretraining included.

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
        Its results are those of `ladder_results`; `recorded_ladder` reads them.
    weights : tuple of Path
        The pretrained models that pages load, one for each tokenizer of `KEPT` and each seed.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = LadderPlan()
    names = dict.fromkeys((plan.corpus, *plan.away_from, *(name for name, _ in plan.tasks)))
    loaded = [load(name, offline=False) for name in names]  # a stand-in stops it here
    results = ladder_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "ladder",
        results,
        command="hypecheck record ladder",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    place = study_folder(plan, folder)
    return run, tuple(weights_file(place, name, seed) for name in KEPT for seed in plan.seeds)


def ladder_results(
    plan: LadderPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell of the study that is not there yet, and put the results together.

    Parameters
    ----------
    plan : LadderPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `ladder_study`.

    Returns
    -------
    results : dict
        "plan", "corpus", "audits" by task, "pretraining" (one dict for each tokenizer and seed),
        "ladders" by task and tokenizer, and "cpu_seconds" in all.
    """
    core = replace(plan, tasks=())
    corpus = study_corpus(core)
    place = study_folder(plan, folder)
    decided = place.name
    tokenizers = dict.fromkeys(name for _, names in plan.tasks for name in names)
    pretraining = [
        Cell(f"pretrain-{name}-{seed}", pretrain_cell, (core, name, seed, place), decided)
        for name in tokenizers
        for seed in plan.seeds
    ]
    tasks = {name: study_task(name, core) for name, _ in plan.tasks}
    wanted = [
        (task, tokenizer, rung)
        for task, names in plan.tasks
        for tokenizer in ("", *names)
        for rung in (MODEL_RUNGS if tokenizer else SHARED_RUNGS)
    ]
    cells = [
        Cell("-".join(key), rung_cell, (core, *key, place), f"{decided} {_parts(tasks[key[0]])}")
        for key in wanted
    ]
    models = run_cells(pretraining, place, n_jobs=n_jobs, progress=progress)
    rungs = run_cells(cells, place, n_jobs=n_jobs, progress=progress)
    found = dict(zip(wanted, rungs, strict=True))
    return {
        "plan": dataclasses.asdict(plan),
        "corpus": {
            "bases": corpus.n_bases,
            "removed": corpus.n_removed,
            "test_sequences_sharing_a_word": corpus.n_sharing,
        },
        "audits": {name: _audit(task) for name, task in tasks.items()},
        "pretraining": models,
        "ladders": {
            name: {one: _ladder(tasks[name], name, one, found, models) for one in names}
            for name, names in plan.tasks
        },
        "cpu_seconds": sum(result["cpu_seconds"] for result in (*models, *rungs)),
    }


def study_folder(plan: LadderPlan, folder: Path) -> Path:
    """Where the cells of a plan lie: other settings or another corpus have another folder."""
    core = replace(plan, tasks=())
    corpus = study_corpus(core)
    decided = f"{core} {_digest(corpus.train, corpus.held_out)}"
    return folder / f"plan-{hashlib.sha256(decided.encode()).hexdigest()[:16]}"


def _ladder(
    task: Task,
    name: str,
    tokenizer: str,
    found: Mapping[tuple[str, str, str], dict[str, Any]],
    models: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Put one ladder together from its cells, ready for JSON."""
    keys = [(name, "", rung) for rung in SHARED_RUNGS]
    keys += [(name, tokenizer, rung) for rung in MODEL_RUNGS]
    spent = sum(model["cpu_seconds"] for model in models if model["tokenizer"] == tokenizer)
    costs = {rung: {"pretraining_seconds": spent} for rung in PRETRAINED}
    results = [rung_from_dict(found[key] | costs.get(key[2], {})) for key in keys]
    ladder = assemble(task, results, reported=reported_scores(name), groups=task.test.groups)
    fields: dict[str, Any] = json.loads(ladder.to_json())
    return fields


def recorded_ladder(run: RecordedRun, task: str, tokenizer: str) -> LadderResult:
    """Take one ladder from the record of the study.

    Parameters
    ----------
    run : RecordedRun
        From ``recorded.read_run("ladder")``.
    task, tokenizer : str
        E.g. "gue/tf/0" and "kmer3".

    Returns
    -------
    result : LadderResult
        All its rungs of kind "recorded".

    Raises
    ------
    ValueError
        If the record has no such ladder.
    """
    ladders = run.results["ladders"]
    if tokenizer not in ladders.get(task, {}):
        known = "; ".join(f"{name}: {', '.join(found)}" for name, found in ladders.items())
        raise ValueError(f"no recorded ladder for {task!r} with {tokenizer!r}; there are {known}")
    result = LadderResult.from_json(json.dumps(ladders[task][tokenizer]))
    return replace(result, rungs=tuple(replace(rung, kind="recorded") for rung in result.rungs))


def live_ladder(
    task: Task,
    recorded: LadderResult,
    *,
    seeds: Sequence[int],
    tokenizer: str = "kmer3",
    cnn_steps: int = CNN_TRAINING.steps,
    stand_in_steps: int = 150,
) -> LadderResult:
    """Climb what a page has time for, and take the other rungs from the record.

    The baselines choose among all their configurations; trained rungs use the configuration that
    the study chose on validation data. On a stand-in, whose test sequences no record knows, every
    rung is climbed, with the recorded weights as language model.

    Parameters
    ----------
    task : Task
        With its official split.
    recorded : LadderResult
        From `recorded_ladder`, of the same task.
    seeds : sequence of int
        Seeds of the rungs that are trained here.
    tokenizer : str, default "kmer3"
        Of the recorded weights.
    cnn_steps : int, default 1000
        Steps of the CNN.
    stand_in_steps : int, default 150
        Steps of fine-tuning, which happens here on stand-ins only.

    Returns
    -------
    result : LadderResult
        All seven rungs; those from the record are marked so.
    """
    trained = ("cnn", *MODEL_RUNGS)
    chosen = {k: v for k, v in recorded.chosen_configurations().items() if k in trained}
    rungs = standard_rungs(
        lambda seed: _recorded_model(tokenizer, seed),
        study_tokenizer(tokenizer, replace(LadderPlan(), tasks=())),
        training=_steps(TRAINING, stand_in_steps),
        cnn_training=_steps(CNN_TRAINING, cnn_steps),
        chosen=chosen,
    )
    if task.stand_in:
        return climb(task, rungs, seeds=seeds)
    live = [rung for rung in rungs if rung.name in SHARED_RUNGS]
    return climb(task, live, seeds=seeds, recorded=recorded, reported=recorded.reported)


def _steps(config: TrainingConfig, steps: int) -> TrainingConfig:
    return replace(config, steps=steps, evaluate_every=max(1, steps // 10))


@lru_cache
def _recorded_model(tokenizer: str, seed: int) -> Transformer:
    model = load_model(weights_path(f"ladder-{tokenizer}-{seed}"))
    if not isinstance(model, Transformer):
        raise TypeError(f"the recorded weights ladder-{tokenizer}-{seed} are no language model")
    return model


def reported_scores(task: str) -> tuple[ReportedScore, ...]:
    """Give the published scores on a GUE task, frozen and fine-tuned.

    Parameters
    ----------
    task : str
        E.g. "gue/tf/0".

    Returns
    -------
    scores : tuple of ReportedScore
        Matthews correlations on the official test part; empty where none is at hand.

    Examples
    --------
    >>> sorted({score.protocol for score in reported_scores("gue/tf/0")})
    ['fine-tuned', 'frozen']
    """
    found = []
    for protocol, name in (("frozen", "dnafm_benchmark"), ("fine-tuned", "gue_finetuned")):
        table = published(name)
        rows = table.frame[table.frame["gue"] == task]
        found += [
            ReportedScore(model, protocol, float(mcc), table.citation, table.confidence)
            for model, mcc in zip(rows["model"], rows["mcc"], strict=True)
        ]
    return tuple(found)


# --- data ---------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def study_task(name: str, plan: LadderPlan) -> Task:
    """Load a task and draw its rows: the same rows for every rung."""
    task: Task = load(name)
    rng = np.random.default_rng(0)
    train = rng.permutation(len(task.train))[: plan.n_train]
    validation = rng.permutation(len(task.validation))[: plan.n_validation]
    return replace(task, train=task.train.take(train), validation=task.validation.take(validation))


@lru_cache(maxsize=2)
def study_corpus(plan: LadderPlan) -> Corpus:
    """Draw the windows for pretraining, away from the test sequences."""
    genome = load(plan.corpus).records
    tests = {}
    for name in plan.away_from:
        loaded = load(name)
        part = loaded.test if isinstance(loaded, Task) else loaded.parts["test"]
        tests[name] = part.codes
    return make_corpus(
        [genome[name] for name in plan.records],
        tests,
        length=plan.length,
        n_windows=plan.n_windows,
        rng=np.random.default_rng(0),
    )


@lru_cache(maxsize=8)
def study_tokenizer(name: str, plan: LadderPlan) -> Tokenizer:
    """Make a tokenizer: "char", "kmer3" (block 3-mers), "bpe512" (learnt on the corpus)."""
    if name == "char":
        return CharTokenizer()
    if name.startswith("kmer"):
        k = int(name.removeprefix("kmer"))
        return KmerTokenizer(k, k)
    return BPETokenizer(int(name.removeprefix("bpe"))).fit(decode(study_corpus(plan).train))


@lru_cache(maxsize=2)
def markov_bits(plan: LadderPlan) -> dict[str, float]:
    """Held-out bits per base of Markov models fit on the same windows, by order."""
    corpus = study_corpus(plan)
    return {
        str(order): float(MarkovModel(order).fit(corpus.train).score(corpus.held_out))
        for order in range(9)
    }


def weights_file(folder: Path, tokenizer: str, seed: int) -> Path:
    """Where the model pretrained with one tokenizer and seed lies."""
    return folder / f"ladder-{tokenizer}-{seed}.safetensors"


# --- cells --------------------------------------------------------------------------------------


def pretrain_cell(plan: LadderPlan, tokenizer: str, seed: int, folder: Path) -> dict[str, Any]:
    """Pretrain one model, keep its weights, and say how much of the learnable gap it captured."""
    corpus, reader = study_corpus(plan), study_tokenizer(tokenizer, plan)
    train, held_out = tokenise(reader, corpus.train), tokenise(reader, corpus.held_out)
    shape = TransformerConfig(reader.vocab_size, d_model=plan.d_model, n_layers=plan.n_layers)
    model = Transformer(shape, seed=seed)
    start = time.process_time()
    config = replace(plan.pretraining, seed=seed)
    history = fit_language_model(model, train, config, MaskedObjective())
    seconds = time.process_time() - start
    save(model, weights_file(folder, tokenizer, seed))
    counts = np.bincount(train[train > 0], minlength=reader.vocab_size) + 1.0
    tokens = held_out[held_out > 0].numpy()
    bases = corpus.held_out.size / len(tokens)  # of a token, on average
    unigram = -float(np.log2(counts / counts.sum())[tokens].mean()) / bases
    loss = evaluate_language_model(model, held_out, MaskedObjective()) / bases
    steps = (config.steps // 4, config.steps // 2, config.steps)
    return {
        "tokenizer": tokenizer,
        "seed": seed,
        "cpu_seconds": seconds,
        "n_parameters": n_parameters(model),
        "bases_per_token": bases,
        "bits_per_base": loss,
        "unigram_bits_per_base": unigram,
        "markov_bits_per_base": markov_bits(plan),
        "learnable_gap_share": learnable_gap_share(
            loss, unigram=unigram, best=min(markov_bits(plan).values())
        ),
        "training_bits_per_base": {
            str(step): float(np.mean(history.losses[step // 2 : step])) / bases for step in steps
        },
    }


def rung_cell(
    plan: LadderPlan, task: str, tokenizer: str, rung: str, folder: Path
) -> dict[str, Any]:
    """Choose, train and score one rung; `tokenizer` is empty for those that have none."""

    @lru_cache
    def language_model(seed: int) -> Transformer:
        model = load_model(weights_file(folder, tokenizer, seed))
        if not isinstance(model, Transformer):
            raise TypeError(f"{weights_file(folder, tokenizer, seed)} holds no language model")
        return model

    rungs = standard_rungs(
        language_model,
        study_tokenizer(tokenizer or "char", plan),
        training=plan.training,
        cnn_training=plan.cnn_training,
        from_scratch=True,
    )
    loaded = study_task(task, plan)
    chosen = next(one for one in rungs if one.name == rung)
    return rung_to_dict(run_rung(chosen, loaded, seeds=plan.seeds, groups=loaded.test.groups))


def _audit(task: Task) -> dict[str, Any]:
    found = audit(task.train, task.test)
    counts = ("n_test", "n_exact", "n_reverse_complement", "n_near")
    return {name: getattr(found, name) for name in counts} | {"sentence": found.sentence()}


def _parts(task: Task) -> str:
    parts = (task.train, task.validation, task.test)
    return _digest(*(part.codes for part in parts), *(part.labels for part in parts))


def _digest(*arrays: npt.NDArray[Any]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
