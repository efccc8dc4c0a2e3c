"""How models are judged: loss against downstream score, frozen vectors and their controls, costs.

Design choices

- A run is one model of one variant and seed. Before training and at each of its stops we measure
  its loss on held-out windows, and the score of a linear probe on its frozen vectors.
- Held-out windows lie where the ladder's corpus has its held-out blocks, so that its models can be
  measured on them, too; every second block is for validation, the others are for the test.
- The official test part of the labels is small; rows of the training part that no model learns
  from, and that share no long word with the corpus, are tested on as well.
- The pair of models for the existence claim is chosen by `checkpoints.choose_pair` on validation
  windows and validation labels; the test parts are read afterwards.
- Repetitive and unique windows are told apart by their own words: how often the words of a window
  occur in all windows. No annotation is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import BLOCK, HELD_OUT, draw_windows, purge
from hypecheck.datasets import load
from hypecheck.embeddings import control_labels, embed_sequences, linear_probe
from hypecheck.heads import neural_probe
from hypecheck.ladder_study import LadderPlan, study_tokenizer
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer, TransformerConfig, random_twin
from hypecheck.models import load as load_model
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun, describe_run, weights_path
from hypecheck.rungs import TRAINING
from hypecheck.scores import matthews
from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, Task
from hypecheck.similarity import canonical_words
from hypecheck.splits import audit
from hypecheck.tokenizers import Tokenizer
from hypecheck.training import fit_classifier, fit_language_model, tokenise

Floats = npt.NDArray[np.float64]

WORD = 12  # bases of the words that tell repetitive windows from unique ones
MASKS = 4  # times that each held-out window is masked
LEAST_GAIN = (
    0.01  # bits per base by which the first model of a pair must lead on validation windows
)


@dataclass(frozen=True)
class Variant:
    """One way to pretrain.

    Parameters
    ----------
    name : str
        What it is called.
    tokenizer : str
        "char", or "kmer3" for blocks of three.
    d_model : int
        Width of the transformer.
    stops : tuple of int
        Steps after which it is measured.
    windows : {"all", "repetitive", "unique", "ladder"}, default "all"
        Which training windows it reads; "ladder": the finished models of that study.
    """

    name: str
    tokenizer: str
    d_model: int
    stops: tuple[int, ...]
    windows: str = "all"


@dataclass(frozen=True)
class EvaluationPlan:
    """Everything that decides the numbers of the study.

    Parameters
    ----------
    variants : tuple of Variant
        What is pretrained.
    task, corpus, records : str, str, tuple of str
        Labelled sequences, and the genome pieces for pretraining.
    seeds : tuple of int
        One model of each variant for each.
    n_train, n_aside, n_windows, length : int
        Labels, further test rows from the training part, training windows, and their bases.
    n_layers, batch_size, learning_rate : int, int, float
        Of the transformer and its pretraining.
    """

    variants: tuple[Variant, ...] = (
        Variant("blocks, width 8", "kmer3", 8, (40, 160, 480)),
        Variant("blocks, width 128", "kmer3", 128, (40,)),
        Variant("blocks, ladder", "kmer3", 64, (1500,), "ladder"),
        Variant("blocks, width 64", "kmer3", 64, (40, 160)),
        Variant("letters, ladder", "char", 64, (1500,), "ladder"),
        Variant("blocks, width 64, repetitive", "kmer3", 64, (40, 160), "repetitive"),
        Variant("blocks, width 64, unique", "kmer3", 64, (40, 160), "unique"),
    )
    task: str = "gue/tf/0"
    corpus: str = "genome_human_pieces"
    records: tuple[str, ...] = ("z", "chr8:11496144-11627216")
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    n_train: int = 2000
    n_aside: int = 3000
    n_windows: int = 20_000
    length: int = 102
    n_layers: int = 2
    batch_size: int = 32
    learning_rate: float = 3e-3


def evaluation_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Measure what the chapter on evaluation records.

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
        Its results are those of `evaluation_results`.
    weights : tuple of Path
        None: pages load the models of the ladder.

    Raises
    ------
    DatasetError
        If a data set is not at hand and cannot be downloaded.
    """
    plan = EvaluationPlan()
    loaded = [load(name, offline=False) for name in (plan.corpus, plan.task)]
    results = evaluation_results(plan, folder, n_jobs=n_jobs, progress=progress)
    run = describe_run(
        "evaluation",
        results,
        command="hypecheck record evaluation",
        data=loaded,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )
    return run, ()


def evaluation_results(
    plan: EvaluationPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell of the study that is not there yet, and put the results together.

    Parameters
    ----------
    plan : EvaluationPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `evaluation_study`.

    Returns
    -------
    results : dict
        "plan", "truth" (classes of the test part), "audit", "bars" (losses to compare with, by
        tokenizer), "runs", "probes" and "costs" (dicts), and "cpu_seconds" in all.
    """
    shared = repr(dataclasses.replace(plan, variants=(), seeds=()))
    runs = [
        Cell(f"run-{variant.name}-{seed}", run_cell, (plan, variant, seed), f"{shared}{variant}")
        for variant in plan.variants
        for seed in plan.seeds
    ]
    probes = [Cell(f"probe-{seed}", probe_cell, (plan, seed), shared) for seed in plan.seeds]
    costs = [Cell(f"cost-{seed}", cost_cell, (plan, seed), plan.task) for seed in plan.seeds]
    found_runs = run_cells(runs, folder, n_jobs=n_jobs, progress=progress)
    found_probes = run_cells(probes, folder, n_jobs=n_jobs, progress=progress)
    found_costs = run_cells(costs, folder, n_jobs=1, progress=progress)
    everything = (*found_runs, *found_probes, *found_costs)
    task = study_parts(plan)
    return {
        "plan": dataclasses.asdict(plan),
        "truth": "".join(map(str, task.test.labels)),
        "audit": audit(task.train, task.test).sentence(),
        "bars": {name: loss_bars(plan, name) for name in ("kmer3", "char")},
        "runs": found_runs,
        "probes": found_probes,
        "costs": found_costs,
        "cpu_seconds": sum(result["cpu_seconds"] for result in everything),
    }


# --- data ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of genome: to train on, by kind, and two held-out parts.

    Attributes
    ----------
    train : dict of str to ndarray of uint8, shape (N, length)
        "all", and its more "repetitive" and more "unique" half.
    held_out : dict of str to ndarray of uint8, shape (M, length)
        "validation" and "test", of different blocks of the genome.
    """

    train: dict[str, Codes]
    held_out: dict[str, Codes]


@lru_cache(maxsize=2)
def study_windows(plan: EvaluationPlan) -> Windows:
    """Cut the genome pieces into training windows and held-out ones.

    Parameters
    ----------
    plan : EvaluationPlan
        Which pieces, and how many windows.

    Returns
    -------
    windows : Windows
        No training window shares a word of 24 bases with a labelled validation or test sequence.
    """
    pieces, task = genome_pieces(plan), study_parts(plan)
    tests = {"validation": task.validation.codes, "test": task.test.codes}
    size = min(BLOCK, sum(map(len, pieces)) // (4 * HELD_OUT))  # a stand-in genome is small
    inner: list[Codes] = []
    outer: dict[str, list[Codes]] = {"validation": [], "test": []}
    for piece in pieces:
        clean = purge(piece, tests)
        block = np.arange(len(clean)) // size
        is_out = block % HELD_OUT == HELD_OUT // 2
        inner.append(np.where(is_out, np.uint8(UNKNOWN), clean))
        for parity, part in enumerate(outer):
            here = is_out & (block // HELD_OUT % 2 == parity)
            outer[part].append(np.where(here, clean, np.uint8(UNKNOWN)))
    rng = np.random.default_rng(0)
    train = draw_windows(inner, plan.length, plan.n_windows, rng)
    order = np.argsort(repetitiveness(train), kind="stable")
    halves = {
        "unique": train[order[: len(train) // 2]],
        "repetitive": train[order[len(train) // 2 :]],
    }
    held_out = {name: side_by_side(codes, plan.length) for name, codes in outer.items()}
    return Windows({"all": train} | halves, held_out)


def side_by_side(records: Sequence[Codes], length: int) -> Codes:
    """Cut records into windows that touch, and keep those without unknown bases.

    Parameters
    ----------
    records : sequence of ndarray of uint8, shape (L,)
        Stretches of genome.
    length : int
        Of a window in bp.

    Returns
    -------
    windows : ndarray of uint8, shape (N, length)
        In the order of the genome.

    Examples
    --------
    >>> side_by_side([np.array([0, 1, 4, 2, 3, 3, 1], dtype=np.uint8)], 2).tolist()
    [[0, 1], [3, 3]]
    """
    rows = [codes[: len(codes) // length * length].reshape(-1, length) for codes in records]
    windows: Codes = np.concatenate(rows)
    return windows[(windows != UNKNOWN).all(axis=1)]


def repetitiveness(windows: Codes, *, k: int = WORD) -> Floats:
    """Say how often the words of each window occur in all windows, on a logarithmic scale.

    Parameters
    ----------
    windows : ndarray of uint8, shape (N, length)
        Windows without unknown bases.
    k : int, default 12
        Bases of a word; a word and its reverse complement are one.

    Returns
    -------
    mean_log_count : ndarray of float64, shape (N,)
        0 where every word of a window occurs there once and nowhere else.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> repetitiveness(encode(["AAAAA", "ACGGT", "CATTG"]), k=4).argmax()
    np.int64(0)
    """
    words = canonical_words(windows, k)  # (N, W)
    _, number, counts = np.unique(words, return_inverse=True, return_counts=True)
    return np.asarray(np.log(counts[number].reshape(words.shape)).mean(axis=1), dtype=np.float64)


@lru_cache(maxsize=2)
def study_parts(plan: EvaluationPlan) -> Task:
    """Load the labelled task, with as many training rows as the plan says and a larger test part.

    Parameters
    ----------
    plan : EvaluationPlan
        Which task, and how many rows.

    Returns
    -------
    task : Task
        The validation part is the official one; the test part is the official one and rows of the
        training part that share no word of 24 bases with the genome pieces.
    """
    task, pieces = load(plan.task), genome_pieces(plan)
    rows = task.train.take(np.random.default_rng(0).permutation(len(task.train)))
    known = np.unique(np.concatenate([canonical_words(codes[None], 24)[0] for codes in pieces]))
    later = rows.take(np.arange(plan.n_train, min(len(rows), plan.n_train + 2 * plan.n_aside)))
    fresh = ~(np.isin(canonical_words(later.codes, 24), known)).any(axis=1)
    aside = later.take(np.flatnonzero(fresh)[: plan.n_aside])
    test = LabelledSequences(
        np.concatenate([task.test.codes, aside.codes]),
        np.concatenate([task.test.labels, aside.labels]),
    )
    return dataclasses.replace(task, train=rows.take(np.arange(plan.n_train)), test=test)


def genome_pieces(plan: EvaluationPlan) -> list[Codes]:
    """Load the genome pieces for pretraining; of a stand-in, which has other names, all."""
    genome = load(plan.corpus)
    names = genome.records if genome.provenance.is_stand_in else plan.records
    return [genome.records[name] for name in names]


def class_numbers(part: LabelledSequences) -> npt.NDArray[np.int64]:
    """Give the labels of a part as whole numbers."""
    return part.labels.astype(np.int64)


def reader(name: str) -> Tokenizer:
    """Make the tokenizer of a variant: "char" or "kmer3"."""
    return study_tokenizer(name, LadderPlan())


# --- measurements -------------------------------------------------------------------------------


def window_losses(model: Transformer, tokenizer: Tokenizer, windows: Codes) -> Floats:
    """Measure the loss on every held-out window, in bits per base.

    Parameters
    ----------
    model : Transformer
        A masked language model.
    tokenizer : Tokenizer
        Its tokenizer.
    windows : ndarray of uint8, shape (N, length)
        Held-out windows.

    Returns
    -------
    bits : ndarray of float64, shape (N,)
        Mean over the tokens that were hidden in a window, four masks together; models with the
        same tokens have the same ones hidden.

    Examples
    --------
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> model = Transformer(TransformerConfig(vocab_size=7, d_model=8))
    >>> windows = np.random.default_rng(0).integers(0, 4, (3, 60)).astype(np.uint8)
    >>> window_losses(model, CharTokenizer(), windows).shape
    (3,)
    """
    token_ids, objective = tokenise(tokenizer, windows), MaskedObjective().for_evaluation()
    bases = windows.shape[1] / token_ids.shape[1]
    total, count = np.zeros(len(windows)), np.zeros(len(windows))
    torch.set_num_threads(1)
    with torch.inference_mode():
        for draw in range(MASKS):
            rng = np.random.default_rng([draw, len(windows)])
            shown, chosen = objective.corrupt(token_ids, model.config.vocab_size, rng)
            logits = model.decode(model.embed(shown)[chosen])
            losses = nn.functional.cross_entropy(logits, token_ids[chosen], reduction="none")
            rows = chosen.nonzero()[:, 0].numpy()
            total += np.bincount(rows, losses.double().numpy(), minlength=len(windows))
            count += np.bincount(rows, minlength=len(windows))
    average = total.sum() / count.sum()  # for a window in which nothing was hidden
    bits = np.divide(total, count, out=np.full(len(windows), average), where=count > 0)
    return np.asarray(bits / bases / math.log(2))


def loss_bars(plan: EvaluationPlan, tokenizer: str) -> dict[str, float]:
    """Give the losses that a model's loss is compared with, on the test windows.

    Parameters
    ----------
    plan : EvaluationPlan
        Which windows.
    tokenizer : str
        "char" or "kmer3".

    Returns
    -------
    bars : dict of str to float
        Bits per base of "unigram", a table of token frequencies, and of "markov", the best Markov
        model of orders 0 to 8 that reads from left to right.
    """
    windows, cut = study_windows(plan), reader(tokenizer)
    train, test = (
        tokenise(cut, part).numpy() for part in (windows.train["all"], windows.held_out["test"])
    )
    counts = np.bincount(train.ravel(), minlength=cut.vocab_size) + 1.0
    bases = plan.length / test.shape[1]
    unigram = -np.log2(counts / counts.sum())[test].mean() / bases
    models = (MarkovModel(order).fit(windows.train["all"]) for order in range(9))
    markov = min(float(model.score(windows.held_out["test"])) for model in models)
    return {"unigram": float(unigram), "markov": markov}


def run_cell(plan: EvaluationPlan, variant: Variant, seed: int) -> dict[str, Any]:
    """Pretrain one model and measure it before, and at each stop.

    Parameters
    ----------
    plan : EvaluationPlan
        How to train and what to measure.
    variant : Variant
        What to train.
    seed : int
        Of weights, batches and masks.

    Returns
    -------
    run : dict
        "variant", "seed", "cpu_seconds", and "stops": one dict for each, with step, losses and
        scores on both held-out parts, window losses and predictions of the test part.
    """
    cut, started = reader(variant.tokenizer), time.process_time()
    if variant.windows == "ladder":
        finished = ladder_model(variant.tokenizer, seed)
        models = [(0, random_twin(finished, seed)), (variant.stops[-1], finished)]
        stops = [measure(plan, model, cut, step) for step, model in models]
        spent = time.process_time() - started
        return {"variant": variant.name, "seed": seed, "cpu_seconds": spent, "stops": stops}
    shape = TransformerConfig(cut.vocab_size, d_model=variant.d_model, n_layers=plan.n_layers)
    model, done = Transformer(shape, seed=seed), 0
    token_ids = tokenise(cut, study_windows(plan).train[variant.windows])
    stops = [measure(plan, model, cut, 0)]
    for stop in variant.stops:
        config = TrainingConfig(
            steps=stop - done,
            batch_size=plan.batch_size,
            learning_rate=plan.learning_rate,
            seed=1000 * seed + done,
        )
        fit_language_model(model, token_ids, config, MaskedObjective())
        stops.append(measure(plan, model, cut, stop))
        done = stop
    spent = time.process_time() - started
    return {"variant": variant.name, "seed": seed, "cpu_seconds": spent, "stops": stops}


def ladder_model(tokenizer: str, seed: int) -> Transformer:
    """Load a language model that the ladder pretrained, e.g. `ladder_model("kmer3", 0)`."""
    model = load_model(weights_path(f"ladder-{tokenizer}-{seed}"))
    if not isinstance(model, Transformer):
        raise TypeError(f"the recorded weights ladder-{tokenizer}-{seed} are no language model")
    return model


def measure(plan: EvaluationPlan, model: Transformer, cut: Tokenizer, step: int) -> dict[str, Any]:
    """Measure a model's held-out loss, and the score of a linear probe on its frozen vectors.

    Parameters
    ----------
    plan : EvaluationPlan
        On what.
    model : Transformer
        The model as it stands.
    cut : Tokenizer
        Its tokenizer.
    step : int
        Steps behind it.

    Returns
    -------
    stop : dict
        Losses in bits per base, Matthews correlations, and the details of the test part.
    """
    task, held_out = study_parts(plan), study_windows(plan).held_out
    losses = {part: window_losses(model, cut, codes) for part, codes in held_out.items()}
    parts = (task.train, task.validation, task.test)
    train, validation, test = (embed_sequences(model, cut, part.codes) for part in parts)
    labels = class_numbers(task.train), class_numbers(task.validation)
    probe = linear_probe(train, labels[0], validation, labels[1])
    predicted = probe.predict(test)
    return {
        "step": step,
        "loss": {part: float(bits.mean()) for part, bits in losses.items()},
        "score": {
            "validation": probe.validation_score,
            "test": float(matthews(task.test.labels, predicted)),
        },
        "millibits": np.rint(1000 * losses["test"]).astype(int).tolist(),
        "predicted": "".join(map(str, predicted)),
    }


def probe_cell(plan: EvaluationPlan, seed: int) -> dict[str, Any]:
    """Probe the frozen vectors of one model of the ladder: two heads, and a control task.

    Parameters
    ----------
    plan : EvaluationPlan
        On what.
    seed : int
        Of the model, and of what is drawn here.

    Returns
    -------
    found : dict
        Predictions for the test part of a "linear" and a "neural" head and of a probe for "control"
        labels, the control labels of the test part, and what was chosen.
    """
    task, cut, started = study_parts(plan), reader("kmer3"), time.process_time()
    model = ladder_model("kmer3", seed)
    parts = (task.train, task.validation, task.test)
    train, validation, test = (embed_sequences(model, cut, part.codes) for part in parts)
    labels = class_numbers(task.train), class_numbers(task.validation)
    heads = {
        "linear": linear_probe(train, labels[0], validation, labels[1]),
        "neural": neural_probe(train, labels[0], validation, labels[1], seed=seed),
    }
    kinds = [central_words(part.codes) for part in parts]
    random = control_labels(kinds, labels[0], rng=np.random.default_rng([seed, 1]))
    heads["control"] = linear_probe(train, random[0], validation, random[1])
    return {
        "seed": seed,
        "predicted": {name: "".join(map(str, one.predict(test))) for name, one in heads.items()},
        "chosen": {name: one.penalty for name, one in heads.items()},
        "control_labels": "".join(map(str, random[2])),
        "control_train": float(matthews(random[0], heads["control"].predict(train))),
        "cpu_seconds": time.process_time() - started,
    }


def central_words(codes: Codes, k: int = 3) -> npt.NDArray[np.int64]:
    """Give the word in the middle of each sequence a number: the kinds of the control task.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Sequences.
    k : int, default 3
        Bases of the word.

    Returns
    -------
    kinds : ndarray of int64, shape (N,)
        The same number for the same word.

    Examples
    --------
    >>> central_words(np.array([[0, 1, 1, 1, 0], [3, 1, 1, 1, 2]], dtype=np.uint8)).tolist()
    [31, 31]
    """
    start = (codes.shape[1] - k) // 2
    places = 5 ** np.arange(k - 1, -1, -1, dtype=np.int64)
    kinds: npt.NDArray[np.int64] = codes[:, start : start + k].astype(np.int64) @ places
    return kinds


def cost_cell(plan: EvaluationPlan, seed: int) -> dict[str, Any]:
    """Time one training of two protocols on all labels, with what the ladder chose.

    Embedding is timed on a tenth of the sequences, and fine-tuning on a tenth of its steps, without
    its validations; both cost the same for each, and are multiplied by ten.

    Parameters
    ----------
    plan : EvaluationPlan
        Which task.
    seed : int
        Of the pretrained model of the ladder, and of fine-tuning.

    Returns
    -------
    seconds : dict
        Processor seconds of "embed" (training and test part), "head" and "fine_tune".
    """
    task, cut, model = load(plan.task), reader("kmer3"), ladder_model("kmer3", seed)
    n = len(task.train)
    clock = [time.process_time()]
    tenth = embed_sequences(model, cut, task.train.codes[: (n + len(task.test)) // 10])
    clock.append(time.process_time())
    vectors = np.resize(tenth, (n, tenth.shape[1]))
    clock.append(time.process_time())
    labels = class_numbers(task.train)
    linear_probe(vectors, labels, vectors[:1000], labels[:1000], penalties=[1.0])
    clock.append(time.process_time())
    config = dataclasses.replace(
        TRAINING, steps=TRAINING.steps // 10, learning_rate=1e-3, seed=seed, evaluate_every=0
    )
    fit_classifier(model, task.train, None, config, tokenizer=cut)
    clock.append(time.process_time())
    embed, _, head, tune = (float(later - one) for one, later in itertools.pairwise(clock))
    return {
        "seed": seed,
        "embed": 10 * embed,
        "head": head,
        "fine_tune": 10 * tune,
        "cpu_seconds": clock[-1] - clock[0],
    }
