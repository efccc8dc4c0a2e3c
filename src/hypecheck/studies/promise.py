"""One design for text, proteins and DNA: what it saves, what it transfers, what it does untouched.

Design choices

- Transformer and convolutions have one learning rate, which was tuned for neither.
- A task's test part is predicted once, from vectors that no label has touched.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import alphabets, language_models
from hypecheck.cells import Cell, run_cells
from hypecheck.convolutions import ConvolutionalLM
from hypecheck.datasets import load
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, n_parameters, save
from hypecheck.recorded import RecordedRun, describe_run
from hypecheck.scores import learnable_gap_share
from hypecheck.sequences import Codes
from hypecheck.studies.kinds import (
    KINDS,
    PROMOTERS,
    TASKS,
    PromisePlan,
    kind_windows,
    model_of,
    weights_file,
)
from hypecheck.studies.zero_shot import ZERO_SHOT, zero_shot_cell

Found = dict[str, dict[str, Any]]
DATA = (
    "text/war_and_peace",
    "text/tinyshakespeare",
    "text/wikitext2_test",
    "text/wikitext2_valid",
    "genome_ecoli_k12",
    "genome_human_pieces",
    PROMOTERS,
    "brca1_sge",
    "satmut_mpra_kircher",
)


def promise_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Train the one design on four kinds of sequence, and try the models out.

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
        "kinds", "convolution", "transfer" and "zero_shot".
    weights : tuple of Path
        Empty: no page loads them.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = PromisePlan()
    loaded = [load(name, offline=False) for name in DATA]  # a stand-in stops it here
    results = promise_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "promise",
        results,
        command="hypecheck record promise",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, ()


def promise_results(
    plan: PromisePlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : PromisePlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `promise_study`.

    Returns
    -------
    results : dict
        See `promise_study`; with "plan" and "cpu_seconds".
    """
    core = replace(plan, labelled=(0, 0, 0), n_scored=0)  # the models do not depend on the rest
    decided = hashlib.sha256(repr(core).encode()).hexdigest()[:16]
    place = folder / f"plan-{decided}"
    tried = f"{decided} {plan.labelled} {plan.n_scored}"

    def train(kind: str, architecture: str) -> list[dict[str, Any]]:
        names = {seed: f"{kind}-{architecture}-{seed}" for seed in plan.seeds}
        cells = [
            Cell(name, train_cell, (plan, kind, architecture, seed, place), f"{decided} {name}")
            for seed, name in names.items()
        ]
        return run_cells(cells, place, n_jobs=n_jobs, progress=progress)

    def ran(function: Callable[..., dict[str, Any]], names: Iterable[str], *rest: Path) -> Found:
        cells = [
            Cell(f"{function.__name__}-{name}", function, (plan, name, *rest), f"{tried} {name}")
            for name in names
        ]
        found = run_cells(cells, place, n_jobs=n_jobs, progress=progress)
        return dict(zip(names, found, strict=True))

    models = {kind: train(kind, "attention") for kind in KINDS}
    pair = {"attention": models["human"], "convolution": train("human", "convolution")}
    kinds = ran(kind_cell, KINDS)
    transfer, zero = ran(transfer_cell, TASKS, place), ran(zero_shot_cell, ZERO_SHOT, place)
    every = [*transfer.values(), *zero.values(), *pair["convolution"], *chain(*models.values())]
    return {
        "plan": dataclasses.asdict(plan),
        "kinds": {kind: about | {"models": models[kind]} for kind, about in kinds.items()},
        "convolution": {"models": pair},
        "transfer": transfer,
        "zero_shot": zero,
        "cpu_seconds": sum(one["cpu_seconds"] for one in every),
    }


def kind_cell(plan: PromisePlan, kind: str) -> dict[str, Any]:
    """Count, and let the frequencies and the best Markov model pay for the test windows."""
    windows = kind_windows(kind, plan.length, plan.sizes)
    best = language_models.markov_baseline(windows, KINDS[kind][3])
    unigram = MarkovModel(0, windows.alphabet_size).fit(windows.train)
    return {
        "alphabet_size": windows.alphabet_size,
        "n_train": len(windows.train),
        "n_test": len(windows.test),
        "n_dropped": windows.n_dropped,
        "test_block": windows.test_block.tolist(),
        "markov_order": best.order,
        "unigram_bits": _rounded(language_models.markov_bits(unigram, windows.test).mean(axis=1)),
        "markov_bits": _rounded(language_models.markov_bits(best, windows.test).mean(axis=1)),
    }


def train_cell(
    plan: PromisePlan, kind: str, architecture: str, seed: int, folder: Path
) -> dict[str, Any]:
    """Train one model, keep a transformer's weights, and let it pay for the test windows."""
    windows = kind_windows(kind, plan.length, plan.sizes)
    design = language_models.shape(windows.alphabet_size)
    model = {"attention": Transformer, "convolution": ConvolutionalLM}[architecture](
        design, seed=seed
    )
    config = replace(plan.training, seed=seed)
    start = time.process_time()
    history = language_models.learn(model, windows, config)
    seconds = time.process_time() - start
    if architecture == "attention":
        save(model, weights_file(folder, kind, seed))
    unigram = MarkovModel(0, windows.alphabet_size).fit(windows.train)
    best = language_models.markov_baseline(windows, KINDS[kind][3])
    bits = language_models.symbol_bits(model, windows.test).mean(axis=1)
    steps = (config.steps // 4, config.steps // 2, config.steps)
    return {
        "seed": seed,
        "n_parameters": n_parameters(model),
        "cpu_seconds": seconds,
        "validation_bits": float(language_models.symbol_bits(model, windows.validation).mean()),
        "test_bits": _rounded(bits),
        "training_bits": {
            str(step): float(np.mean(history.losses[step // 2 : step])) for step in steps
        },
        "learnable_gap_share": learnable_gap_share(
            float(bits.mean()),
            unigram=float(language_models.markov_bits(unigram, windows.test).mean()),
            best=float(language_models.markov_bits(best, windows.test).mean()),
        ),
    }


def _rounded(values: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), 4) for value in values]


def transfer_cell(plan: PromisePlan, task: str, folder: Path) -> dict[str, Any]:
    """Predict the test part from frozen vectors, trained and untrained, and from word counts."""
    make, kind, longest = TASKS[task]
    parts, start = make(plan.labelled), time.process_time()
    labels = {name: part[1] for name, part in parts.items()}
    alphabet_size = KINDS[kind][1]

    def predicted(features: Callable[[Codes], npt.NDArray[np.float32]]) -> str:
        rows = {name: features(part[0]) for name, part in parts.items()}
        return "".join(map(str, language_models.probe(rows, labels)))

    found: dict[str, list[str]] = {"pretrained": [], "random": []}
    for seed in plan.seeds:
        for name in found:
            model = model_of(folder, kind, seed, trained=name == "pretrained")
            found[name].append(predicted(partial(language_models.vectors, model)))
    for name, longest_word in (("composition", 1), ("words", longest)):
        counted = partial(
            language_models.word_counts, alphabet_size=alphabet_size, longest=longest_word
        )
        found[name] = [predicted(counted)]
    shared = alphabets.sharing(parts["train"][0], parts["test"][0], 32)
    return {
        "predictions": found,
        "truth": "".join(map(str, labels["test"])),
        "n_train": len(labels["train"]),
        "n_test_sharing_a_word": int(shared.sum()),
        "cpu_seconds": time.process_time() - start,
    }
