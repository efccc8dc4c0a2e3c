"""Ensembles that differ in one thing: train them, measure them, say how much there was to learn.

Design choices

- The same small transformer for all, with 64 tokens, tied weights unless said otherwise.
- A masked ensemble is judged on tokens hidden at fixed places, with the best counting table that
  sees the same neighbours beside it; an ensemble on a simulated world is judged from left to right,
  where the entropy rate is exactly what the best model would pay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hypecheck.ensemble_measures import (
    measure_embeddings,
    measure_fisher,
    measure_letters,
    measure_predictions,
    token_tables,
)
from hypecheck.ensembles import (
    EnsemblePlan,
    hidden_token_probabilities,
    next_token_probabilities,
    train_ensemble,
)
from hypecheck.fillers import best_filler
from hypecheck.models import TransformerConfig
from hypecheck.objectives import FIRST_ORDINARY_ID, CausalObjective, MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.token_sources import N_TOKENS, EqualRate, TokenSource

World = Literal["copies", "diffuse"]
Folder = str | os.PathLike[str]
SHAPE = TransformerConfig(
    N_TOKENS + FIRST_ORDINARY_ID, d_model=32, n_layers=2, n_heads=4, d_ff=64, max_length=32
)
TRAINING = TrainingConfig(steps=800, length=32)
PLACES = (8, 24)


def small_plan(
    *, steps: int, seeds: Sequence[int] = (0, 1, 2), causal: bool = False, tied: bool = True
) -> EnsemblePlan:
    """Plan a small ensemble of the study's shape, for a live run.

    Parameters
    ----------
    steps : int
        Steps of training.
    seeds : sequence of int, default three
        Initial weights.
    causal, tied : bool
        Reading from left to right; one table for input and output.

    Returns
    -------
    plan : EnsemblePlan
        With the study's shape, batches and learning rate.

    Examples
    --------
    >>> small_plan(steps=10).training.steps
    10
    """
    return EnsemblePlan(
        replace(SHAPE, causal=causal, tied=tied),
        CausalObjective() if causal else MaskedObjective(),
        replace(TRAINING, steps=steps),
        tuple(seeds),
    )


def masked_ensemble(
    source: TokenSource,
    plan: EnsemblePlan,
    *,
    places: Sequence[int] = PLACES,
    n_windows: int = 480,
    n_fisher: int = 256,
    folder: Folder | None = None,
) -> dict[str, Any]:
    """Train an ensemble on a source and measure everything.

    Parameters
    ----------
    source : TokenSource
        What to read.
    plan : EnsemblePlan
        A masked one.
    places : sequence of int
        Hidden tokens of a test window.
    n_windows, n_fisher : int
        Most test windows to score, and windows of the Fisher information.
    folder : path, optional
        Where ensembles are kept.

    Returns
    -------
    measures : dict
        For `hypecheck.ensemble_results.EnsembleResult`.
    """
    ensemble = train_ensemble(plan, source.train + FIRST_ORDINARY_ID, folder=folder)
    members, test = ensemble.members, source.test[:n_windows]
    filler = best_filler(
        source.train, source.validation[:n_windows], test, places, alphabet_size=N_TOKENS
    )
    ids = test + FIRST_ORDINARY_ID
    probabilities = hidden_token_probabilities(members, ids, places)
    found = {
        "letters_per_token": source.letters_per_token,
        "n_dropped": source.n_dropped,
        "n_windows": len(test),
        "order": filler.order,
        "unigram": float(filler.unigram.mean()),
        "reference": float(filler.best.mean()),
        "training": training_course(ensemble.losses),
        "earlier_cpu_seconds": ensemble.earlier_cpu_seconds,
        "tokens": measure_predictions(probabilities, test[:, list(places)]),
        "embedding": measure_embeddings(token_tables(members)),
        "fisher": measure_fisher(members, ids[:n_fisher], places[0]),
    }
    if not plan.model.tied:
        found["decoder"] = measure_embeddings(token_tables(members, decoder=True))
    if source.letters_per_token == 3:
        found["letters"] = measure_letters(probabilities, 4, 3)
    return found


def world_ensemble(
    world: World,
    plan: EnsemblePlan,
    *,
    rate: EqualRate = EqualRate(),  # noqa: B008  (frozen)
    n_rows: int = 9375,
    n_windows: int = 240,
    folder: Folder | None = None,
) -> dict[str, Any]:
    """Train an ensemble on one of the two worlds of equal entropy rate and measure it.

    Parameters
    ----------
    world : {"copies", "diffuse"}
        Which.
    plan : EnsemblePlan
        A causal one.
    rate : EqualRate
        Shape of the rows.
    n_rows, n_windows : int
        Rows to train on, and to score.
    folder : path, optional
        Where ensembles are kept.

    Returns
    -------
    measures : dict
        For `hypecheck.ensemble_results.EnsembleResult`; "last" holds the members' loss on the
        tokens at the end of a row, which are the copies.
    """
    draw = {"copies": rate.copies, "diffuse": rate.diffuse}[world]
    rows = draw(n_rows, np.random.default_rng(1))
    ensemble = train_ensemble(plan, rows + FIRST_ORDINARY_ID, folder=folder)
    test = draw(n_windows, np.random.default_rng(2))
    probabilities = next_token_probabilities(ensemble.members, test + FIRST_ORDINARY_ID)
    last = rate.n_copied
    return {
        "letters_per_token": 1.0,
        "n_windows": len(test),
        "unigram": float(np.log2(N_TOKENS)),
        "reference": rate.rate,
        "training": training_course(ensemble.losses),
        "earlier_cpu_seconds": ensemble.earlier_cpu_seconds,
        "tokens": measure_predictions(probabilities, test[:, 1:]),
        "last": measure_predictions(probabilities[:, :, -last:], test[:, -last:])["loss"],
        "embedding": measure_embeddings(token_tables(ensemble.members)),
    }


def training_course(losses: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    """Training losses of the members after a tenth, a quarter, half and all of the steps.

    Parameters
    ----------
    losses : sequence of sequence of float, shape (steps, S)
        Bits of each step and member.

    Returns
    -------
    course : dict of str to list of float
        By step: the mean over the tenth of the steps before it.

    Examples
    --------
    >>> training_course([[4.0], [2.0]])
    {'1': [4.0], '2': [2.0]}
    """
    array = np.array(losses)
    steps = sorted({max(1, round(len(array) * share)) for share in (0.1, 0.25, 0.5, 1.0)})
    return {
        str(step): array[max(0, step - max(1, step // 10)) : step].mean(axis=0).round(4).tolist()
        for step in steps
    }
