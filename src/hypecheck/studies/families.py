"""The full ladder on eight more tasks without an official split: recorded once, five seeds.

Design choices

- The language models are those of the ladder study (human DNA, block 3-mers), not trained again.
- Short training: 300 steps for transformers, 500 for the CNN. Learning rates are chosen.
- What can be said of a task without any score is recorded beside its ladder: how far its DNA is
  from what the models were pretrained on, and how well they predict it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import count_sharing
from hypecheck.datasets import load
from hypecheck.family_ladders import language_model
from hypecheck.kmers import KmerCounts
from hypecheck.ladder import RUNGS, assemble, run_rung
from hypecheck.ladder_result import rung_from_dict, rung_to_dict
from hypecheck.ladder_study import PRETRAINED
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.pair_rungs import pair_rungs
from hypecheck.recorded import RecordedRun, describe_run, read_run
from hypecheck.rungs import standard_rungs
from hypecheck.scores import jensen_shannon_distance
from hypecheck.sequences import Codes, Task
from hypecheck.splits import audit
from hypecheck.task_families import FAMILIES, family_task
from hypecheck.tokenizers import KmerTokenizer
from hypecheck.training import evaluate_language_model, tokenise

CORPUS = "genome_human_pieces"
CORPUS_RECORDS = ("z", "chr8:11496144-11627216", "MT_human")
TRAINING = TrainingConfig(steps=300, batch_size=32, evaluate_every=50)
CNN_TRAINING = TrainingConfig(steps=500, batch_size=64, evaluate_every=50)


@dataclass(frozen=True)
class FamiliesPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    seeds : tuple of int
        Seeds of every trained rung; seed s stands on the model that was pretrained with seed s.
    training, cnn_training : TrainingConfig
        How to fine-tune and how to train the CNN; learning rates are chosen.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    training: TrainingConfig = TRAINING
    cnn_training: TrainingConfig = CNN_TRAINING


def families_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Climb the ladder on every task of `FAMILIES`.

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
        Its results: "ladders" by task and tokenizer, as `hypecheck.ladder_study.recorded_ladder`
        reads them, "audits" and "families" by task, "plan", "cpu_seconds".
    weights : tuple of Path
        None; the models are those of the ladder study.

    Raises
    ------
    DatasetError
        If a data set is not at hand.
    """
    plan = FamiliesPlan()
    names = dict.fromkeys((CORPUS, *(family.data for family in FAMILIES.values())))
    loaded = [load(name, offline=False) for name in names]
    wanted = [(task, rung) for task in FAMILIES for rung in RUNGS]
    cells = [
        Cell("-".join(key), rung_cell, (plan, *key), f"{plan} {_digest(family_task(key[0]))}")
        for key in wanted
    ]
    rungs = run_cells(cells, folder, n_jobs=n_jobs, progress=progress)
    results = family_results(plan, dict(zip(wanted, rungs, strict=True)))
    run = describe_run(
        "families",
        results,
        command="hypecheck record families",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, ()


def family_results(
    plan: FamiliesPlan, rungs: Mapping[tuple[str, str], dict[str, Any]]
) -> dict[str, Any]:
    """Put ladders, audits and facts together.

    Parameters
    ----------
    plan : FamiliesPlan
        What was run.
    rungs : mapping of (str, str) to dict
        From `rung_cell`, by task and rung.

    Returns
    -------
    results : dict
        As in `families_study`.
    """
    tasks = list(dict.fromkeys(task for task, _ in rungs))
    trained = read_run("ladder").results["pretraining"]
    spent = sum(model["cpu_seconds"] for model in trained if model["tokenizer"] == "kmer3")
    costs = {rung: {"pretraining_seconds": spent} for rung in PRETRAINED}
    ladders = {}
    for name in tasks:
        found = [
            rung_from_dict(rungs[key] | costs.get(key[1], {})) for key in rungs if key[0] == name
        ]
        task = family_task(name)
        ladder = assemble(task, found, groups=task.test.groups)
        ladders[name] = {"kmer3": json.loads(ladder.to_json())}
    return {
        "plan": dataclasses.asdict(plan),
        "ladders": ladders,
        "audits": {name: _audit(family_task(name)) for name in tasks},
        "families": {name: family_facts(name) for name in tasks},
        "cpu_seconds": sum(rung["cpu_seconds"] for rung in rungs.values()),
    }


def rung_cell(plan: FamiliesPlan, name: str, rung: str) -> dict[str, Any]:
    """Choose, train and score one rung on one task."""
    tokenizer = KmerTokenizer(3, 3)
    rungs = standard_rungs(
        language_model,
        tokenizer,
        training=plan.training,
        cnn_training=plan.cnn_training,
        from_scratch=True,
    )
    if FAMILIES[name].family == "variant effect":
        rungs = pair_rungs(rungs, language_model, tokenizer)
    task = family_task(name)
    chosen = next(one for one in rungs if one.name == rung)
    return rung_to_dict(run_rung(chosen, task, seeds=plan.seeds, groups=task.test.groups))


def family_facts(name: str) -> dict[str, Any]:
    """Say what a task is and how far it lies from the pretraining, without any score.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`.

    Returns
    -------
    facts : dict
        "data", "family", "question", "species", "level", "length", "split"; "same_species" (as the
        pretraining corpus); "js_distance_3mers" (Jensen-Shannon distance between the 3-mer
        frequencies of corpus and training part, 0 to 1); "test_sharing_a_word" (test sequences
        with 24 bases in common with the genome that the corpus was drawn from, repeats included);
        and, in bits per base on the test sequences, "masked_bits" (one number for each pretraining
        seed) and "unigram_bits" (a table of the corpus' block 3-mer frequencies).
    """
    family, task = FAMILIES[name], family_task(name)
    genome = load(CORPUS).records
    records = [genome[record] for record in CORPUS_RECORDS]
    reader = KmerTokenizer(3, 3)
    tokens = tokenise(reader, task.test.codes)
    counts = (
        np.bincount(
            np.concatenate([tokenise(reader, codes[None])[0].numpy() for codes in records]),
            minlength=reader.vocab_size,
        )
        + 1.0
    )
    masked = [
        evaluate_language_model(language_model(seed), tokens, MaskedObjective()) / 3
        for seed in FamiliesPlan().seeds
    ]
    described = {
        key: getattr(family, key)
        for key in ("data", "family", "question", "species", "level", "length", "split")
    }
    return described | {
        "same_species": family.species == "human",
        "js_distance_3mers": float(
            jensen_shannon_distance(_spectrum(records), _spectrum(list(task.train.codes)))
        ),
        "test_sharing_a_word": count_sharing(records, task.test.codes),
        "masked_bits": masked,
        "unigram_bits": -float(np.log2(counts / counts.sum())[tokens[tokens > 0]].mean()) / 3,
    }


def _spectrum(sequences: list[Codes]) -> Any:
    counts = sum(
        np.asarray(KmerCounts(3, scaling="count").fit_transform(codes[None]).sum(axis=0)).ravel()
        for codes in sequences
    )
    return counts / np.sum(counts)


def _audit(task: Task) -> dict[str, Any]:
    found = audit(task.train, task.test)
    counts = ("n_test", "n_exact", "n_reverse_complement", "n_near")
    return {key: getattr(found, key) for key in counts} | {"sentence": found.sentence()}


def _digest(task: Task) -> str:
    parts = (task.train, task.validation, task.test)
    arrays = [array for part in parts for array in (part.codes, part.labels)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
