"""Eight families of sequence models under one budget: bits on DNA, recall by distance, cost.

Design choices

- Parameters (within one part in fifty), steps, rows and their order are the same for all families.
  The one thing chosen per family is the learning rate, of two, by a short run on other windows.
- DNA is that of *E. coli*. The first 4.2 million bases train; test windows come from bases 4.3 to
  4.5 million, and every word of 24 bases that they hold is blanked in the training part.
- The recall task holds all distances in every row (`hypecheck.recall`). It gets fewer steps.
- Nothing is stopped early, and the last weights are scored: test windows are read once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from hypecheck.cells import Cell, run_cells
from hypecheck.corpus import draw_windows, make_corpus
from hypecheck.costs import peak_mebibytes, seconds_by_length, train_step
from hypecheck.datasets import load
from hypecheck.markov import MarkovModel
from hypecheck.models import n_parameters
from hypecheck.optimisation import TrainingConfig
from hypecheck.recall import VOCABULARY, recall_accuracy, recall_rows
from hypecheck.recorded import RecordedRun, describe_study
from hypecheck.sequence_families import FAMILIES, SequenceModel, next_token_nats
from hypecheck.side_by_side import train_side_by_side

Floats = npt.NDArray[np.float64]
GENOME = "genome_ecoli_k12"
EIGHT = tuple(name for name in FAMILIES if name != "attention_short")


@dataclass(frozen=True)
class FamiliesPlan:
    """Everything that decides the numbers.

    Parameters
    ----------
    families : tuple of str
        Keys of `sequence_families.FAMILIES`.
    seeds : tuple of int
        Of weights and rows.
    budget : int
        Parameters of a model.
    steps, rows : int
        Of one training on DNA, and in a batch.
    recall_steps, recall_rows : int
        The same on the recall task.
    window, recall_length : int
        Tokens of a row of DNA and of the recall task.
    rates, choice_steps : tuple of float and int
        Learning rates to choose from, and steps of the runs that choose.
    n_test : int
        Test windows, and rows of the recall test.
    lengths, rounds : tuple of int and int
        Of the cost measurement.
    memory_lengths : tuple of int
        Where memory is measured.
    n_bases : int, optional
        Bases of the training part to draw windows from; all by default.
    """

    families: tuple[str, ...] = EIGHT
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    budget: int = 20_000
    steps: int = 1000
    rows: int = 1
    recall_steps: int = 600
    recall_rows: int = 2
    window: int = 256
    recall_length: int = 128
    rates: tuple[float, ...] = (2e-3, 6e-3)
    choice_steps: int = 100
    n_test: int = 256
    lengths: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)
    rounds: int = 5
    memory_lengths: tuple[int, ...] = (1024, 8192)
    n_bases: int | None = None


def architectures_study(
    folder: Path, *, n_jobs: int = 1, progress: bool = True
) -> tuple[RecordedRun, tuple[Path, ...]]:
    """Train and time every family.

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
        Results "families", "rates", "dna", "recall", "cost", "floors" and "cpu_seconds".
    weights : tuple
        Empty.

    Raises
    ------
    DatasetError
        If the genome is not at hand and cannot be downloaded.
    """
    plan = FamiliesPlan()
    loaded = [load(GENOME, offline=False)]  # a stand-in stops it here
    results = architectures_results(plan, folder, n_jobs=n_jobs, progress=progress)
    return describe_study("architectures", plan, results, loaded), ()


def architectures_results(
    plan: FamiliesPlan, folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> dict[str, Any]:
    """Run every cell that is not there yet, and put the results together.

    Parameters
    ----------
    plan : FamiliesPlan
        What to run.
    folder : Path
        Where cells are kept.
    n_jobs, progress
        As in `architectures_study`.

    Returns
    -------
    results : dict
        See `architectures_study`.
    """
    common = (
        plan.budget,
        plan.rows,
        plan.window,
        plan.recall_rows,
        plan.recall_length,
        plan.n_test,
    )
    measured = (plan.families, plan.budget, plan.lengths, plan.rounds, plan.memory_lengths)
    cost = run_cells(
        [Cell("cost", cost_cell, (plan,), f"{measured}")], folder, n_jobs=n_jobs, progress=progress
    )[0]
    asked = [(family, rate) for family in plan.families for rate in plan.rates]
    cells = [
        Cell(
            f"rate-{family}-{rate}",
            rate_cell,
            (plan, family, rate),
            f"{common} {plan.choice_steps} {family} {rate}",
        )
        for family, rate in asked
    ]
    tried = dict(
        zip(asked, run_cells(cells, folder, n_jobs=n_jobs, progress=progress), strict=True)
    )
    rates = {
        family: min(plan.rates, key=lambda rate: tried[family, rate]["bits"])
        for family in plan.families
    }
    asked_of = {"dna": (dna_cell, plan.steps), "recall": (recall_cell, plan.recall_steps)}
    found = {}
    for kind, (function, steps) in asked_of.items():
        jobs = [
            Cell(
                f"{kind}-{family}",
                function,
                (plan, family, rates[family]),
                f"{common} {plan.seeds} {steps} {family} {rates[family]}",
            )
            for family in plan.families
        ]
        done = run_cells(jobs, folder, n_jobs=n_jobs, progress=progress)
        found[kind] = dict(zip(plan.families, done, strict=True))
    spent = [cost, *tried.values(), *found["dna"].values(), *found["recall"].values()]
    return {
        "families": {name: describe_family(name, plan.budget) for name in plan.families},
        "rates": rates,
        "tried": {name: [tried[name, rate]["bits"] for rate in plan.rates] for name in rates},
        **found,
        "cost": cost,
        "floors": floors(plan),
        "cpu_seconds": sum(one["cpu_seconds"] for one in spent),
    }


def describe_family(name: str, budget: int) -> dict[str, Any]:
    """Say what a family is: title, parameters, width, layers and reach."""
    model = SequenceModel(name, budget=budget)
    return {
        "title": model.family.title,
        "parameters": n_parameters(model),
        "width": model.family.d_model,
        "layers": len(model.family.mixers),
        "reach": model.family.reach,
    }


# --- DNA ------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def dna_windows(
    window: int, n_test: int, n_train: int, n_bases: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw windows to train on, to choose by and to test on.

    Parameters
    ----------
    window, n_test, n_train : int
        Length, and numbers of windows.
    n_bases : int, optional
        Bases of the training part to draw from; all by default.

    Returns
    -------
    train, choice, test : Tensor of int64, shape (N, window)
    """
    codes = max(load(GENOME).records.values(), key=len)
    cut = [round(share * len(codes)) for share in (0.905, 0.926, 0.97)]  # 4.2, 4.3 and 4.5 Mb
    rng = np.random.default_rng(0)
    test = draw_windows([codes[cut[1] : cut[2]]], window, n_test, rng)
    corpus = make_corpus(
        [codes[: cut[0]][:n_bases]], {"test": test}, length=window, n_windows=n_train, rng=rng
    )
    parts = (corpus.train, corpus.held_out[:64], test)
    train, choice, asked = (torch.from_numpy(part.astype(np.int64)) for part in parts)
    return train, choice, asked


def windows_of(plan: FamiliesPlan) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the windows of a plan, see `dna_windows`."""
    return dna_windows(plan.window, plan.n_test, plan.steps * plan.rows, plan.n_bases)


def floors(plan: FamiliesPlan) -> dict[str, float]:
    """Score Markov models of the training part on the test windows, in bits per base.

    Parameters
    ----------
    plan : FamiliesPlan
        The plan.

    Returns
    -------
    bits : dict of str to float
        "order 0" to "order 9", fit on the windows that the models read.
    """
    train, _, test = windows_of(plan)
    known, asked = (list(part.numpy().astype(np.uint8)) for part in (train, test))
    return {
        f"order {order}": MarkovModel(order).fit(known).score(asked) for order in (0, 1, 2, 3, 5, 7)
    }


def fit_dna(
    plan: FamiliesPlan, family: str, rate: float, seeds: Sequence[int], steps: int
) -> tuple[list[SequenceModel], Floats]:
    """Train one family on windows of DNA; every family sees the same ones in the same order.

    Parameters
    ----------
    plan : FamiliesPlan
        Budget, window and rows.
    family : str
        A key of `FAMILIES`.
    rate : float
        Peak learning rate.
    seeds : sequence of int
        Of weights and of the order of the windows, one a model.
    steps : int
        Of training.

    Returns
    -------
    models : list of SequenceModel
    losses : ndarray of float64, shape (number of seeds, steps)
        In bits per base.
    """
    train, _, _ = windows_of(plan)
    models = [SequenceModel(family, budget=plan.budget, seed=seed) for seed in seeds]
    orders = np.stack([np.random.default_rng(seed).permutation(len(train)) for seed in seeds])

    def batch(step: int) -> tuple[Tensor, ...]:
        chosen = orders[:, step * plan.rows : (step + 1) * plan.rows]
        return (train[torch.from_numpy(chosen)],)  # (S, rows, T)

    config = TrainingConfig(steps=steps, learning_rate=rate)
    return models, train_side_by_side(models, batch, dna_loss, config)


def dna_loss(model: Callable[[Tensor], Tensor], token_ids: Tensor) -> Tensor:
    """Give the mean loss of all tokens but the first, in nats."""
    return next_token_nats(model, token_ids).mean()


def window_bits(model: SequenceModel, windows: Tensor) -> Floats:
    """Give the mean loss of every window, in bits per base.

    Parameters
    ----------
    model : SequenceModel
        A model of DNA.
    windows : Tensor of int64, shape (N, T)
        Bases.

    Returns
    -------
    bits : ndarray of float64, shape (N,)
        Over all bases but the first.
    """
    with torch.inference_mode():
        parts = [next_token_nats(model, part).double().mean(1) for part in windows.split(32)]
    return (torch.cat(parts) / np.log(2)).numpy()


def rate_cell(plan: FamiliesPlan, family: str, rate: float) -> dict[str, Any]:
    """Try one learning rate for a while, on windows that are not the test's."""
    start = time.process_time()
    models, _ = fit_dna(plan, family, rate, (1000,), plan.choice_steps)
    _, choice, _ = windows_of(plan)
    bits = float(np.mean([window_bits(model, choice) for model in models]))
    return {"bits": bits, "cpu_seconds": time.process_time() - start}


def dna_cell(plan: FamiliesPlan, family: str, rate: float) -> dict[str, Any]:
    """Train one family with every seed and score every test window."""
    start = time.process_time()
    models, losses = fit_dna(plan, family, rate, plan.seeds, plan.steps)
    _, _, test = windows_of(plan)
    return {
        "bits": [" ".join(f"{one:.4f}" for one in window_bits(model, test)) for model in models],
        "losses": smoothed(losses),
        "cpu_seconds": time.process_time() - start,
    }


def smoothed(losses: Floats, n: int = 20) -> list[list[float]]:
    """Give the mean training loss of so many equal parts of every run, in bits."""
    parts = np.array_split(losses, min(n, losses.shape[1]), axis=1)
    rows: list[list[float]] = np.stack([part.mean(1) for part in parts], 1).round(4).tolist()
    return rows


# --- recall ---------------------------------------------------------------------------------------


def recall_cell(plan: FamiliesPlan, family: str, rate: float) -> dict[str, Any]:
    """Train one family with every seed on the recall task and score it by distance."""
    start = time.process_time()
    models, losses = fit_recall(plan, family, rate, plan.seeds, plan.recall_steps)
    test = recall_rows(plan.n_test, plan.recall_length, np.random.default_rng(10**6))
    return {
        "accuracy": [recall_accuracy(model, test).round(4).tolist() for model in models],
        "losses": smoothed(losses),
        "cpu_seconds": time.process_time() - start,
    }


def fit_recall(
    plan: FamiliesPlan, family: str, rate: float, seeds: Sequence[int], steps: int
) -> tuple[list[SequenceModel], Floats]:
    """Train one family on fresh rows of the recall task.

    Parameters
    ----------
    plan, family, rate, seeds, steps
        As in `fit_dna`.

    Returns
    -------
    models, losses
        As from `fit_dna`; losses are bits per answer.
    """
    models = [
        SequenceModel(family, vocab_size=VOCABULARY, budget=plan.budget, seed=seed)
        for seed in seeds
    ]

    def batch(step: int) -> tuple[Tensor, ...]:
        drawn = [
            recall_rows(plan.recall_rows, plan.recall_length, np.random.default_rng([seed, step]))
            for seed in seeds
        ]
        return (
            torch.stack([one.token_ids for one in drawn]),
            torch.stack([one.answers for one in drawn]),
        )

    places = recall_rows(1, plan.recall_length, np.random.default_rng(0)).places

    def loss(model: Callable[[Tensor], Tensor], token_ids: Tensor, answers: Tensor) -> Tensor:
        logits = model(token_ids)[:, places, :4]
        return F.cross_entropy(logits.flatten(0, 1), answers.flatten())

    config = TrainingConfig(steps=steps, learning_rate=rate)
    return models, train_side_by_side(models, batch, loss, config)


# --- cost -----------------------------------------------------------------------------------------


def cost_cell(plan: FamiliesPlan) -> dict[str, Any]:
    """Time one training step of one sequence at every length, and measure memory."""
    start = time.process_time()
    torch.set_num_threads(1)
    models = {name: SequenceModel(name, budget=plan.budget) for name in plan.families}
    memory = {
        name: {
            str(length): round(peak_mebibytes(lambda m=model, n=length: train_step(m, n)), 1)  # type: ignore[misc]
            for length in plan.memory_lengths
        }
        for name, model in models.items()
    }
    seconds = seconds_by_length(models, plan.lengths, rounds=plan.rounds)
    return {
        "lengths": list(plan.lengths),
        "seconds": {name: rows.round(6).tolist() for name, rows in seconds.items()},
        "peak_mebibytes": memory,
        "cpu_seconds": time.process_time() - start,
    }
