"""Better pretraining tasks: a codon objective beside masking, and sequence that nobody sequenced.

Design choices

- Five ways to pretrain one small network, equal in steps, batch and rate, then judged frozen on
  three marks of yeast histones, and fine-tuned on one of them: "masked" reads yeast; "auxiliary"
  also tells the place in a codon; "shuffled" has the same second loss with the classes of other
  windows; "synthetic" reads draws of a Markov model of yeast; "coin" reads fair coin tosses.
  "random" is not pretrained.
- Neither the weight of the second loss nor the rate of pretraining was tuned.
- No window for pretraining shares a word of 24 bases with a test sequence, so the annotation of no
  test sequence is seen; no label of a mark is either.
- What decides is the frozen score, mean of the three marks; fine-tuning, with few steps and one
  mark, is a second look.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hypecheck import scores
from hypecheck.auxiliary import N_CLASSES, auxiliary_bits, fit_with_auxiliary
from hypecheck.baselines import Composition, KmerLogistic, choose_on_validation
from hypecheck.cells import Cell, run_cells
from hypecheck.datasets import load
from hypecheck.ladder import Rung
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, random_twin, save
from hypecheck.models import load as load_model
from hypecheck.objectives import MaskedObjective
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.rungs import fine_tuned_rung, frozen_rung
from hypecheck.sequences import Codes, Task
from hypecheck.splits import audit
from hypecheck.studies.emerging_data import READER, EmergingPlan, corpus, made_up, mark_task, places
from hypecheck.training import evaluate_language_model

PRETRAINED = ("masked", "auxiliary", "shuffled", "synthetic", "coin")
CONTROLS = ("shuffled", "coin")  # with the first two seeds: they are shown, and decide nothing
TUNED = ("random", "masked", "auxiliary")
PROTOCOLS = ("frozen", "fine_tuned")


def emerging_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Pretrain five ways, and judge each on three marks of yeast histones.

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
        "plan", "pretraining", "rates", "marks" and "runs"; `emerging_result` reads it.
    weights : tuple of Path
        Empty: no page loads them.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = EmergingPlan()
    names = ("genome_yeast", *(f"gue/EMP/{mark}" for mark in plan.marks))
    loaded = [load(name, offline=False) for name in names]
    results = emerging_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("emerging", plan, results, loaded), ()


def emerging_results(
    plan: EmergingPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : EmergingPlan
        What to run.
    folder, n_jobs, progress
        As in `emerging_study`.

    Returns
    -------
    results : dict
        See `emerging_study`; with "cpu_seconds".
    """
    decided = hashlib.sha256(repr(plan).encode()).hexdigest()[:16]
    place = folder / f"plan-{decided}"
    place.mkdir(parents=True, exist_ok=True)

    def run(function: Callable[..., dict[str, Any]], *asked: tuple[Any, ...]) -> list[Any]:
        cells = [
            Cell(
                "-".join([function.__name__, *(str(x) for x in one if not isinstance(x, tuple))]),
                function,
                (plan, place, *one),
                f"{decided} {one}",
            )
            for one in asked
        ]
        return run_cells(cells, place, n_jobs=n_jobs, progress=progress)

    seeds = {arm: plan.seeds[:2] if arm in CONTROLS else plan.seeds for arm in PRETRAINED}
    pretraining = run(pretrain_cell, *[(arm, s) for arm in PRETRAINED for s in seeds[arm]])
    rates = run(rate_cell, ())[0]
    chosen = tuple((way, rates[way]) for way in ("pretrained", "from_scratch"))
    arms = {"random": plan.seeds, **seeds}
    pairs = [(arm, seed) for arm, some in arms.items() for seed in some]
    runs = run(mark_cell, *[(mark, *pair, chosen) for mark in plan.marks for pair in pairs])
    marks = run(describe_mark_cell, *[(mark,) for mark in plan.marks])
    every = [*pretraining, rates, *runs, *marks]
    return {
        "plan": asdict(plan),
        "pretraining": pretraining,
        "rates": dict(chosen),
        "marks": dict(zip(plan.marks, marks, strict=True)),
        "runs": runs,
        "cpu_seconds": sum(one["cpu_seconds"] for one in every),
    }


# --- models -------------------------------------------------------------------------------------


def new_model(seed: int) -> Transformer:
    """Give the one network of all arms, untrained."""
    return Transformer(TransformerConfig(READER.vocab_size), seed=seed)


def pretrain(plan: EmergingPlan, arm: str, seed: int) -> tuple[Transformer, dict[str, float]]:
    """Pretrain one network one way.

    Parameters
    ----------
    plan : EmergingPlan
        How.
    arm : str
        One of `PRETRAINED`.
    seed : int
        Of weights, batches and masks: the same in all arms.

    Returns
    -------
    model : Transformer
    learnt : dict of str to float
        Held-out bits of real windows, the share of the learnable gap, and for the second objective
        the bits of a class, with those of guessing by frequency.
    """
    (tokens, classes, _), (unseen, told, _) = corpus(plan)
    rows = made_up(plan, arm) if arm in ("synthetic", "coin") else tokens
    if arm == "shuffled":
        classes = np.random.default_rng(seed).permutation(classes)
    model = new_model(seed)
    weight = plan.weight if arm in ("auxiliary", "shuffled") else 0.0
    config = replace(plan.pretraining, seed=seed)
    run = fit_with_auxiliary(model, rows, classes, config, weight=weight)
    counts = np.bincount(tokens.ravel(), minlength=READER.vocab_size) + 1.0
    unigram = -float(np.log2(counts / counts.sum())[unseen].mean()) / 3
    loss = evaluate_language_model(model, unseen, MaskedObjective()) / 3
    best = _markov_bits(plan)
    shares = np.bincount(told.ravel(), minlength=N_CLASSES) / told.size
    learnt = {
        "bits_per_base": loss,
        "unigram_bits_per_base": unigram,
        "markov_bits_per_base": best,
        "learnable_gap_share": scores.learnable_gap_share(loss, unigram=unigram, best=best),
        "class_bits_by_frequency": -float((shares * np.log2(np.maximum(shares, 1e-9))).sum()),
    }
    if weight:
        learnt["class_bits"] = auxiliary_bits(model, run.head, unseen, told)
    return model, learnt


@lru_cache(maxsize=2)
def _markov_bits(plan: EmergingPlan) -> float:
    (_, _, windows), (_, _, held_out) = corpus(plan)
    return min(float(MarkovModel(order).fit(windows).score(held_out)) for order in range(2, 8))


def _body(folder: Path, arm: str, seed: int) -> Transformer:
    if arm == "random":
        return random_twin(new_model(seed), seed)
    found = load_model(folder / f"{arm}-{seed}.safetensors")
    if not isinstance(found, Transformer):
        raise TypeError(f"the weights {arm}-{seed} are no language model")
    return found


def rung_of(
    plan: EmergingPlan, protocol: str, model: Transformer, rates: tuple[float, ...]
) -> Rung:
    """Give frozen vectors with their six configurations, or fine-tuning with some rates."""
    if protocol == "frozen":
        return frozen_rung("frozen", lambda _: model, READER)
    grid = tuple({"learning_rate": rate} for rate in rates)
    made = fine_tuned_rung("fine_tuned", lambda _: model, READER, plan.tuning)
    return replace(made, configurations=grid)


def best_fit(rung: Rung, task: Task, seed: int) -> tuple[Callable[[Codes], Any], float, Any]:
    """Fit every configuration; give the predictor, its validation score and its configuration."""
    tried = []
    for one in rung.configurations:
        predict = rung.fit(task, one, seed)
        score = scores.matthews(task.validation.labels, predict(task.validation.codes))
        tried.append((predict, float(score), one))
    return max(tried, key=lambda trial: trial[1])


# --- cells --------------------------------------------------------------------------------------


def pretrain_cell(plan: EmergingPlan, folder: Path, arm: str, seed: int) -> dict[str, Any]:
    """Pretrain, keep the weights, and say what was learnt."""
    start = time.process_time()
    model, learnt = pretrain(plan, arm, seed)
    save(model, folder / f"{arm}-{seed}.safetensors")
    return {"arm": arm, "seed": seed, **learnt, "cpu_seconds": time.process_time() - start}


def rate_cell(plan: EmergingPlan, folder: Path) -> dict[str, Any]:
    """Choose the rates of fine-tuning with the first seed, on validation data."""
    start, seed, chosen = time.process_time(), plan.seeds[0], {}
    tasks = [mark_task(plan, mark) for mark in plan.tuned_marks]
    for way, arm in (("pretrained", "masked"), ("from_scratch", "random")):
        body = _body(folder, arm, seed)
        found = {
            rate: np.mean(
                [best_fit(rung_of(plan, "fine_tuned", body, (rate,)), t, seed)[1] for t in tasks]
            )
            for rate in plan.rates
        }
        chosen[way] = max(found, key=lambda rate: float(found[rate]))
    return {**chosen, "cpu_seconds": time.process_time() - start}


def mark_cell(
    plan: EmergingPlan,
    folder: Path,
    mark: str,
    arm: str,
    seed: int,
    rates: tuple[tuple[str, float], ...],
) -> dict[str, Any]:
    """Predict the test part of one mark from one body, frozen and, where planned, fine-tuned."""
    start, task, body = time.process_time(), mark_task(plan, mark), _body(folder, arm, seed)
    rate = dict(rates)["from_scratch" if arm == "random" else "pretrained"]
    found = {}
    is_tuned = arm in TUNED and mark in plan.tuned_marks
    for protocol in PROTOCOLS if is_tuned else PROTOCOLS[:1]:
        predict, validation, configuration = best_fit(
            rung_of(plan, protocol, body, (rate,)), task, seed
        )
        found[protocol] = {
            "predicted": "".join(map(str, predict(task.test.codes))),
            "validation": validation,
            "configuration": dict(configuration),
        }
    seconds = time.process_time() - start
    return {"mark": mark, "arm": arm, "seed": seed, "found": found, "cpu_seconds": seconds}


def describe_mark_cell(plan: EmergingPlan, _folder: Path, mark: str) -> dict[str, Any]:
    """Say what the parts of a mark share, and what words and composition reach there."""
    start, task = time.process_time(), mark_task(plan, mark)
    baselines = {}
    for name, estimator in (("kmer_linear", KmerLogistic), ("composition", Composition)):
        model, *_ = choose_on_validation(estimator, task.train, task.validation, scores.matthews)
        baselines[name] = "".join(map(str, model.predict(task.test.codes)))
    return {
        "truth": "".join(map(str, task.test.labels)),
        "groups": " ".join(map(str, places(task.test.codes))),
        "n_train": len(task.train),
        "audit": audit(task.train, task.test).sentence(),
        "baselines": baselines,
        "cpu_seconds": time.process_time() - start,
    }
