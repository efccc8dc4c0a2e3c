"""Three reasons why models may fail, tried: what they keep, what they show, what they learn.

Design choices

- Privacy: five models on the same members, attacked at several numbers of passes; the passes at
  which the loss on held-out sequences is least are the ones that count, since nobody would publish
  a later model on purpose.
- Black box: five models in two planted worlds, each explained in four ways, untrained twins too.
- Objective and breadth: five models on each of three diets of the same size (promoters, coding
  windows, five genomes), every window read twice at most; what frozen vectors know of a gene's
  function and of promoters. Settings were not tuned, the penalties of the probes excepted.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import purge
from hypecheck.datasets import DatasetError, load
from hypecheck.embeddings import embed_sequences, linear_probe
from hypecheck.faithfulness import METHODS, Kind, explain, planted_world, recovery_of_each
from hypecheck.gene_function import (
    WINDOW,
    FunctionTask,
    made_up_functions,
    mean_vectors,
    read_functions,
    score_genes,
)
from hypecheck.learning import watch_training
from hypecheck.markov import MarkovModel
from hypecheck.membership import Pool, deal_members, exposure, sequence_bits, write_canaries
from hypecheck.models import Classifier, Transformer, TransformerConfig, random_twin
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.sequences import UNKNOWN, Codes
from hypecheck.splits import audit
from hypecheck.studies.scale import MANY, UNSEEN, species_codes, training_part, training_windows
from hypecheck.tokenizers import CharTokenizer, KmerTokenizer
from hypecheck.training import evaluate_language_model, fit_classifier, fit_language_model, tokenise

DIETS = ("promoters", "genes", "broad")
TASK, PROMOTERS = "gue/prom/prom_core_tata", "gue/prom/prom_core_notata"
DATA = (
    "genome_human_pieces", "genome_ecoli_k12", "genome_bacteria", "genome_yeast",
    "ecoli_expression", TASK, PROMOTERS,
)  # fmt: skip
CODONS = KmerTokenizer(k=3, stride=3)


@dataclass(frozen=True)
class WhyPlan:
    """Everything that decides the numbers.

    Parameters
    ----------
    seeds : tuple of int
        Of everything trained.
    n_each, n_decoys : int
        Members (as many others, and as many to stop by), and random sequences beside the canaries.
    passes : tuple of int
        Times that every member was read when the model is attacked.
    copies : tuple of int
        How often canaries were written; five canaries for each.
    length : int
        Bases of a sequence, for privacy and in the planted worlds.
    planted : (int, int, int)
        Training, validation and test sequences of a planted world.
    pretraining_steps, tuning_steps : int
        In the planted worlds.
    diet_steps : int
        Of pretraining on a diet, batches of 32 windows.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    n_each: int = 300
    n_decoys: int = 400
    passes: tuple[int, ...] = (1, 4, 16, 64)
    copies: tuple[int, ...] = (0, 1, 4, 16)
    length: int = 48
    planted: tuple[int, int, int] = (2500, 200, 100)
    pretraining_steps: int = 100
    tuning_steps: int = 300
    diet_steps: int = 600


def why_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Attack, explain and question small models.

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
        Read it with `hypecheck.studies.why_result`.
    weights : tuple of Path
        None are kept.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = WhyPlan()
    loaded = [load(name, offline=False) for name in DATA]
    results = why_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("why", plan, results, loaded), ()


def why_results(
    plan: WhyPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run the cells of the study, or read those that have run.

    Parameters
    ----------
    plan : WhyPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs : int, default 1
        Processes.
    progress : bool, default False
        Show a bar.

    Returns
    -------
    results : dict
        "plan", "membership", "planted", "diets" (lists of dicts), "tasks" and "cpu_seconds".
    """
    asked: list[tuple[str, Any, tuple[Any, ...]]] = [("tasks", tasks_cell, (plan,))]
    asked += [(f"membership-{seed}", membership_cell, (plan, seed)) for seed in plan.seeds]
    asked += [
        (f"{kind}-{seed}", planted_cell, (plan, kind, seed))
        for kind in ("motif", "grammar")
        for seed in plan.seeds
    ]
    asked += [
        (f"{diet}-{seed}", diet_cell, (plan, diet, seed)) for diet in DIETS for seed in plan.seeds
    ]
    cells = [Cell(label, function, given, repr(plan)) for label, function, given in asked]
    tasks, *found = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    n = len(plan.seeds)
    return {
        "plan": asdict(plan),
        "tasks": tasks,
        "membership": found[:n],
        "planted": found[n : 3 * n],
        "diets": found[3 * n :],
        "cpu_seconds": sum(one["cpu_seconds"] for one in (tasks, *found)),
    }


# --- privacy ------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def privacy_pool(n_each: int, length: int) -> tuple[Pool, Codes]:
    """Cut human DNA into windows side by side, and deal them.

    Parameters
    ----------
    n_each, length : int
        Members, and bases of a window.

    Returns
    -------
    pool : Pool
        Members and others.
    kept_back : ndarray of uint8, shape (n_each, length)
        Of the same distribution, to stop training by.
    """
    records = load("genome_human_pieces").records.values()
    rows = [codes[: len(codes) // length * length].reshape(-1, length) for codes in records]
    windows = np.concatenate([one[(one < UNKNOWN).all(axis=1)] for one in rows])
    rng = np.random.default_rng(0)
    some = rng.permutation(windows)[: 5 * n_each]
    pool = deal_members(some, 3 * n_each // 2, rng)
    dealt = np.concatenate([pool.members, pool.others])
    parts = np.split(dealt[: 3 * n_each], 3)
    return Pool(parts[0], parts[1], pool.n_dropped), parts[2]


def membership_cell(plan: WhyPlan, seed: int) -> dict[str, Any]:
    """Train on members and canaries, and attack after several numbers of passes."""
    start = time.process_time()
    pool, kept_back = privacy_pool(plan.n_each, plan.length)
    rng = np.random.default_rng(1)  # the same canaries for all seeds
    canaries = rng.integers(4, size=(5 * len(plan.copies), plan.length)).astype(np.uint8)
    decoys = rng.integers(4, size=(plan.n_decoys, plan.length)).astype(np.uint8)
    mixed = write_canaries(pool.members, canaries, np.repeat(plan.copies, 5), rng)
    shuffled = np.random.default_rng([seed, 1])
    order = np.concatenate([shuffled.permutation(len(mixed)) for _ in range(plan.passes[-1])])
    steps = [int(n * len(mixed)) // 32 for n in plan.passes]
    model = Transformer(TransformerConfig(7, d_model=48, n_layers=2, d_ff=96), seed=seed)

    def attack(net: Transformer) -> dict[str, Any]:
        members, others, aside = (
            sequence_bits(net, part) for part in (pool.members, pool.others, kept_back)
        )
        ranks = exposure(sequence_bits(net, canaries), sequence_bits(net, decoys))
        return {
            "members": _digits(members),
            "others": _digits(others),
            "kept_back": float(aside.mean()),
            "exposure": np.round(ranks.reshape(len(plan.copies), 5), 3).tolist(),
        }

    config = TrainingConfig(steps=steps[-1], batch_size=32, learning_rate=3e-3, seed=seed)
    seen = watch_training(model, mixed[order], MaskedObjective(), config, attack, steps)
    reference = MarkovModel(3).fit(kept_back)
    known = [-reference.log2_probabilities(part) for part in (pool.members, pool.others)]
    return {
        "seed": seed,
        "looks": [seen[step] for step in steps],
        "reference": [_digits(np.nanmean(part, axis=1)) for part in known],
        "n_dropped": pool.n_dropped,
        "cpu_seconds": time.process_time() - start,
    }


# --- black box ----------------------------------------------------------------------------------


def planted_cell(plan: WhyPlan, kind: Kind, seed: int) -> dict[str, Any]:
    """Pretrain and fine-tune in a planted world, and explain the model and its twin."""
    start = time.process_time()
    rng = np.random.default_rng(7)  # the same world for all seeds
    train, validation, test = (
        planted_world(kind, n, rng, length=plan.length) for n in plan.planted
    )
    model = Transformer(TransformerConfig(7, d_model=32, n_layers=2, d_ff=64), seed=seed)
    masked = TrainingConfig(plan.pretraining_steps, 32, learning_rate=3e-3, seed=seed)
    fit_language_model(
        model, tokenise(CharTokenizer(), train.data.codes), masked, MaskedObjective()
    )
    tuning = TrainingConfig(
        plan.tuning_steps, 64, learning_rate=3e-3, seed=seed, evaluate_every=plan.tuning_steps // 3
    )
    fitted = fit_classifier(model, train.data, validation.data, tuning, tokenizer=CharTokenizer())
    if not isinstance(fitted.model, Classifier):
        raise TypeError("a fine-tuned transformer is a Classifier")
    recovered = {}
    for name, net in (("trained", fitted.model), ("untrained", random_twin(fitted.model, seed))):
        found, truth = explain(net, test.data.codes), test.truth.mask
        recovered[name] = {
            method: np.round(recovery_of_each(found[method], truth), 3).tolist()
            for method in METHODS
        }
    return {
        "kind": kind,
        "seed": seed,
        "accuracy": float((fitted.predict(test.data.codes) == test.data.labels).mean()),
        "recovered": recovered,
        "cpu_seconds": time.process_time() - start,
    }


# --- objective and breadth ----------------------------------------------------------------------


@lru_cache(maxsize=1)
def function_task() -> FunctionTask:
    """Cut genes of known class out of *E. coli*, or make some up where it is not at hand."""
    try:
        info = load("ecoli_expression").frames["gene_info"]
    except DatasetError:
        return made_up_functions(300, np.random.default_rng(0))
    return read_functions(next(iter(load("genome_ecoli_k12").records.values())), info)


def diet_windows(diet: str, n: int, seed: int) -> tuple[Codes, Codes]:
    """Draw windows to pretrain on, and others to measure the loss on.

    Parameters
    ----------
    diet : {"promoters", "genes", "broad"}
        Human core promoters without a TATA box; coding windows of *E. coli*, test genes left out;
        or five genomes in equal parts, both strands, test genes left out.
    n, seed : int
        Windows, and what draws them.

    Returns
    -------
    windows : ndarray of uint8, shape (n, 69)
        None shares a word of 24 bases with the promoter task.
    held_out : ndarray of uint8, shape (300, 69)
        Of the same kind, and not among the windows.
    """
    rng = np.random.default_rng([seed, 3])
    if diet == "broad":
        parts = [_clean_part(name) for name in (*MANY, UNSEEN)]
        found = training_windows(parts, n + 300, WINDOW, seed=seed)
    elif diet == "genes":
        task = function_task()
        rows = task.windows_of(np.concatenate([task.split.train, task.split.validation]))
        found = rng.permutation(rows)
    else:
        rows = load(PROMOTERS).train
        clean = purge_rows(rows.codes[rows.labels == 1][:, :WINDOW])
        found = rng.permutation(clean)
    held_out, rest = found[:300], found[300:]
    return np.resize(rest, (n, WINDOW)), held_out


def purge_rows(codes: Codes) -> Codes:
    """Drop sequences that share a word of 24 bases with the promoter task."""
    tests = load(TASK)
    asked = {"tata": np.concatenate([tests.train.codes, tests.validation.codes, tests.test.codes])}
    joined = np.concatenate([codes, np.full((len(codes), 1), UNKNOWN, np.uint8)], axis=1)
    clean = purge(joined.ravel(), asked).reshape(joined.shape)[:, :-1]
    return codes[(clean < UNKNOWN).all(axis=1)]


@lru_cache(maxsize=8)
def _clean_part(name: str) -> Codes:
    """Blank the promoter task and the test genes in the training part of a genome."""
    task, tests = load(TASK), function_task()
    asked = {
        "tata": np.concatenate([task.train.codes, task.validation.codes, task.test.codes]),
        "genes": tests.windows_of(tests.split.test),
    }
    return purge(training_part(species_codes(name)), asked)


def diet_cell(plan: WhyPlan, diet: str, seed: int) -> dict[str, Any]:
    """Pretrain on a diet, and ask frozen vectors of the model and of its untrained twin."""
    start = time.process_time()
    windows, held_out = diet_windows(diet, 32 * plan.diet_steps, seed)
    shape = TransformerConfig(CODONS.vocab_size, d_model=64, n_layers=2, d_ff=128)
    model = Transformer(shape, seed=seed)
    config = TrainingConfig(plan.diet_steps, 32, learning_rate=3e-3, seed=seed)
    fit_language_model(model, tokenise(CODONS, windows), config, MaskedObjective())
    asked = {"pretrained": model}
    if diet == DIETS[0]:
        asked["random"] = random_twin(model, seed)
    answers = {name: ask_vectors(net) for name, net in asked.items()}
    loss = evaluate_language_model(model, tokenise(CODONS, held_out), MaskedObjective())
    return {
        "diet": diet,
        "seed": seed,
        "answers": answers,
        "bits": {"masked": loss} | loss_bars(windows, held_out),
        "cpu_seconds": time.process_time() - start,
    }


def ask_vectors(model: Transformer) -> dict[str, str]:
    """Ask frozen vectors of a gene's function (probabilities) and of promoters (classes)."""
    classes = ask_promoters(model)
    return {"function": _digits(ask_function(model)), "promoters": "".join(map(str, classes))}


def ask_function(model: Transformer) -> npt.NDArray[np.float64]:
    """Give the probability that each test gene belongs to metabolism, from frozen vectors."""
    embed = partial(embed_sequences, model, CODONS)
    return score_genes(function_task(), mean_vectors(function_task(), embed))


def ask_promoters(model: Transformer) -> npt.NDArray[np.int64]:
    """Give the class of each test sequence of the promoter task, from frozen vectors."""
    embed, task = partial(embed_sequences, model, CODONS), load(TASK)
    vectors = [embed(part.codes[:, :WINDOW]) for part in (task.train, task.validation, task.test)]
    probe = linear_probe(vectors[0], task.train.labels, vectors[1], task.validation.labels)
    return probe.predict(vectors[2])


def short_model(diet: str, steps: int, seed: int) -> Transformer:
    """Pretrain on a diet for a few steps; none give the untrained twin.

    Parameters
    ----------
    diet : str
        One of `DIETS`.
    steps, seed : int
        Of pretraining.

    Returns
    -------
    model : Transformer
    """
    shape = TransformerConfig(CODONS.vocab_size, d_model=64, n_layers=2, d_ff=128)
    model = Transformer(shape, seed=seed)
    if steps:
        windows, _ = diet_windows(diet, 32 * steps, seed)
        config = TrainingConfig(steps, 32, learning_rate=3e-3, seed=seed)
        fit_language_model(model, tokenise(CODONS, windows), config, MaskedObjective())
    return model


def loss_bars(windows: Codes, held_out: Codes) -> dict[str, float]:
    """Give the losses to compare with: a table of tokens, and the best Markov model.

    Parameters
    ----------
    windows, held_out : ndarray of uint8, shapes (N, 69) and (M, 69)
        To fit on, and to measure on.

    Returns
    -------
    bars : dict of str to float
        Bits per token of three bases: "unigram", and "markov", the best of order 1 over tokens and
        of orders 2 to 6 over letters; these read from left to right.
    """
    tokens = [
        part.reshape(len(part), -1, 3).astype(np.int64) @ np.array([16, 4, 1])
        for part in (windows, held_out)
    ]
    unigram = MarkovModel(0, 64).fit(tokens[0]).score(tokens[1])
    pairs = MarkovModel(1, 64).fit(tokens[0]).score(tokens[1])
    letters = min(MarkovModel(order).fit(windows).score(held_out) for order in range(2, 7))
    return {"unigram": float(unigram), "markov": float(min(pairs, 3 * letters))}


def tasks_cell(_plan: WhyPlan) -> dict[str, Any]:
    """Write down the truth, the audit, and what codon usage knows of function."""
    start = time.process_time()
    task, genes = load(TASK), function_task()
    usage = score_genes(genes, genes.codons)
    return {
        "promoters": "".join(map(str, task.test.labels)),
        "function": "".join(map(str, genes.labels[genes.split.test])),
        "regions": genes.regions[genes.split.test].tolist(),
        "n_genes": [len(genes.split.train), len(genes.split.validation), len(genes.split.test)],
        "codon": _digits(usage),
        "audit": audit(task.train, task.test).sentence(),
        "cpu_seconds": time.process_time() - start,
    }


def _digits(values: npt.ArrayLike) -> str:
    return " ".join(f"{one:.4f}" for one in np.asarray(values).ravel())
