"""Zero-shot tasks: what a language model says of DNA without having seen a label.

Design choices

- The direction of every score was fixed before it was computed: what works or matters is supposed
  to be likelier, a variant that does harm unlikelier.
- Each score is also taken from the untrained twin and from a Markov model of the same windows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck import language_models
from hypecheck.datasets import load
from hypecheck.markov import MarkovModel
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.recorded import weights_path
from hypecheck.resampling import Interval, paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import auroc
from hypecheck.sequences import UNKNOWN, Codes, encode, reverse_complement
from hypecheck.studies.kinds import (
    ECOLI_READ,
    KINDS,
    PROMOTERS,
    PromisePlan,
    kind_windows,
    model_of,
)
from hypecheck.tokenizers import CharTokenizer
from hypecheck.variants import Variants, log_likelihood_ratio

Scored = tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[Any], npt.NDArray[Any]]
ELEMENTS = ("LDLR", "TERT-GBM")


def zero_shot_cell(plan: PromisePlan, task: str, folder: Path) -> dict[str, Any]:
    """Score one task with five trained models, their untrained twins and a Markov model."""
    start = time.process_time()
    scores, labels, groups = ZERO_SHOT[task](plan, folder)
    rng = np.random.default_rng(0)
    found = {
        name: _as_dict(
            seeds_and_items_interval(auroc, labels, runs, rng=rng, groups=groups, n_resamples=500)
        )
        for name, runs in scores.items()
    }
    ours = scores["pretrained"]
    for twin in ("random", "markov"):
        gap = paired_seeds_and_items(
            auroc, labels, ours, scores[twin], rng=rng, groups=groups, n_resamples=500
        )
        found[f"pretrained minus {twin}"] = _as_dict(gap)
    return {
        "auroc": found,
        "n": len(labels),
        "n_positive": int(labels.sum()),
        "n_groups": len(np.unique(groups)),
        "cpu_seconds": time.process_time() - start,
    }


def _as_dict(interval: Interval) -> dict[str, float]:
    narrow = interval.at_level(0.90)
    ends = {"low": interval.low, "high": interval.high, "low90": narrow.low, "high90": narrow.high}
    return {"estimate": interval.estimate} | ends


def brca1_scores(plan: PromisePlan, _folder: Path) -> Scored:
    """Ask whether a variant of BRCA1 that loses function looks unlikelier than one that works."""
    frame = load("brca1_sge").frame
    frame = frame[frame["func.class"].isin(["FUNC", "LOF"])]
    places = frame["position (hg19)"].to_numpy(np.int64)
    is_lost = (frame["func.class"] == "LOF").to_numpy()
    return _variant_scores(plan, places, frame["reference"], frame["alt"], is_lost)


def reporter_scores(plan: PromisePlan, _folder: Path) -> Scored:
    """Ask whether a variant that changes a reporter's activity looks unlikelier than others."""
    frame = load("satmut_mpra_kircher").frame
    wanted = frame["Element"].isin(ELEMENTS) & (frame["Release"] == "GRCh38")
    frame = frame[wanted & (frame["Barcodes"] >= 10) & frame["Alt"].isin(list("ACGT"))]
    clear = (frame["pValue"] < 1e-5) | (frame["pValue"] > 0.1)
    frame = frame[clear & frame["Ref"].isin(list("ACGT"))]
    shift = frame["Element"].map({name: n for n, name in enumerate(ELEMENTS)}) * 10**10
    places = (frame["Pos"] + shift).to_numpy(np.int64)
    return _variant_scores(
        plan, places, frame["Ref"], frame["Alt"], (frame["pValue"] < 1e-5).to_numpy()
    )


def _variant_scores(
    plan: PromisePlan,
    places: npt.NDArray[np.int64],
    ref: pd.Series,
    alt: pd.Series,
    is_positive: npt.NDArray[np.bool_],
) -> Scored:
    """Score variants by minus the log-likelihood ratio, on both strands, stretch by stretch."""
    windows = kind_windows("human", plan.length, plan.sizes)
    table = language_models.markov_baseline(windows, KINDS["human"][3])
    models: dict[str, list[Transformer]] = {"pretrained": [], "random": []}
    for seed in plan.seeds:
        model = load_model(weights_path(f"ladder-char-{seed}"))
        if not isinstance(model, Transformer):
            raise TypeError(f"ladder-char-{seed} is no language model")
        models["pretrained"].append(model)
        models["random"].append(Transformer(model.config, seed=seed))
    order = np.argsort(places, kind="stable")
    stretches = np.split(order, np.flatnonzero(np.diff(places[order]) > 3) + 1)
    scores: dict[str, list[Any]] = {"pretrained": [], "random": [], "markov": []}
    kept = []
    for rows in (one for one in stretches if np.ptp(places[one]) >= 20):
        start = places[rows].min()
        codes = np.full(np.ptp(places[rows]) + 1, UNKNOWN, dtype=np.uint8)
        codes[places[rows] - start] = encode("".join(ref.iloc[rows]))
        variants = Variants(
            places[rows] - start, encode("".join(ref.iloc[rows])), encode("".join(alt.iloc[rows]))
        )
        for name, some in models.items():
            ratios = [
                log_likelihood_ratio(
                    m, CharTokenizer(), codes, variants, context=101, both_strands=True
                )
                for m in some
            ]
            scores[name].append(-np.stack(ratios))
        scores["markov"].append(-_markov_ratio(table, codes, variants)[None])
        kept.append(rows)
    rows = np.concatenate(kept)
    joined = {name: np.concatenate(some, axis=1) for name, some in scores.items()}
    return joined, is_positive[rows].astype(np.int64), places[rows]


def _markov_ratio(table: MarkovModel, codes: Codes, variants: Variants) -> npt.NDArray[np.float64]:
    """Give the log-likelihood of mutated neighbourhoods minus that of the reference."""
    padded = np.pad(codes, 8, constant_values=UNKNOWN)
    windows = padded[variants.positions[:, None] + np.arange(17)]
    mutants = windows.copy()
    mutants[:, 8] = variants.alt
    costs = []
    for rows in (mutants, windows):
        both = (rows, reverse_complement(rows))
        costs.append(sum(np.nansum(table.log2_probabilities(one), axis=1) for one in both))
    return np.asarray(costs[0] - costs[1])


def coding_scores(plan: PromisePlan, folder: Path) -> Scored:
    """Ask whether unread windows inside genes of E. coli are likelier than those between genes."""
    codes, features = _unread()
    inside, anything = np.zeros(len(codes), dtype=bool), np.zeros(len(codes), dtype=bool)
    for start, end, kind in zip(features["start"], features["end"], features["kind"], strict=True):
        anything[max(start, 0) : max(end, 0)] |= kind != "region"
        inside[max(start, 0) : max(end, 0)] |= kind == "CDS"
    starts = np.arange(0, len(codes) - plan.length, plan.length // 2)
    rows = starts[:, None] + np.arange(plan.length)
    coding, between = inside[rows].all(axis=1), ~anything[rows].any(axis=1)
    rng = np.random.default_rng(0)
    chosen = [rng.permutation(np.flatnonzero(one))[: plan.n_scored] for one in (between, coding)]
    picked = np.concatenate(chosen)
    labels = np.repeat([0, 1], [len(one) for one in chosen])
    return _likelihoods(plan, folder, "ecoli", codes[rows[picked]]), labels, starts[picked] // 1024


def start_scores(plan: PromisePlan, folder: Path) -> Scored:
    """Ask whether ATG is likelier, after what stands before it, where a gene of E. coli begins."""
    codes, features = _unread()
    genes = features[(features["kind"] == "CDS") & (features["start"] >= 0)]
    other, size = reverse_complement(codes), len(codes)
    firsts = [
        genes.loc[genes["strand"] == "+", "start"].to_numpy(),
        size - genes.loc[genes["strand"] == "-", "end"].to_numpy(),
    ]
    rng, windows, labels, places = np.random.default_rng(0), [], [], []
    for strand, first in zip((codes, other), firsts, strict=True):
        is_atg = (strand[:-2] == 0) & (strand[1:-1] == 3) & (strand[2:] == 2)
        spots = np.flatnonzero(is_atg)
        spots = spots[spots >= 60]
        is_start = np.isin(spots, first)
        for label in (0, 1):
            some = rng.permutation(spots[is_start == label])[: plan.n_scored // 2]
            windows.append(strand[some[:, None] + np.arange(-60, 3)])
            labels.append(np.full(len(some), label))
            places.append(some if strand is codes else size - some)
    rows = np.concatenate(windows)
    scores = _likelihoods(plan, folder, "ecoli", rows, last=3)
    return scores, np.concatenate(labels), np.concatenate(places) // 1024


def promoter_scores(plan: PromisePlan, folder: Path) -> Scored:
    """Ask whether core promoters are likelier than other human DNA."""
    test = load(PROMOTERS).test
    rng = np.random.default_rng(0)
    picked = np.concatenate(
        [rng.permutation(np.flatnonzero(test.labels == one))[: plan.n_scored] for one in (0, 1)]
    )
    scores = _likelihoods(plan, folder, "human", test.codes[picked])
    return scores, test.labels[picked].astype(np.int64), picked


def _unread() -> tuple[Codes, pd.DataFrame]:
    """Give the stretch of E. coli that no model read, and what lies on it."""
    genome = load("genome_ecoli_k12")
    codes = next(iter(genome.records.values()))[ECOLI_READ:]
    shift = {
        "start": genome.features["start"] - ECOLI_READ,
        "end": genome.features["end"] - ECOLI_READ,
    }
    return codes, genome.features.assign(**shift)


def _likelihoods(
    plan: PromisePlan, folder: Path, kind: str, codes: Codes, *, last: int | None = None
) -> dict[str, npt.NDArray[np.float64]]:
    """Give the mean log-likelihood of windows, or of their last symbols, by models and twins."""
    table = language_models.markov_baseline(
        kind_windows(kind, plan.length, plan.sizes), KINDS[kind][3]
    )
    part = slice(None) if last is None else slice(-last, None)
    scores = {"markov": -language_models.markov_bits(table, codes)[:, part].mean(axis=1)[None]}
    for name in ("pretrained", "random"):
        models = [model_of(folder, kind, seed, trained=name == "pretrained") for seed in plan.seeds]
        scores[name] = -np.stack(
            [language_models.symbol_bits(m, codes)[:, part].mean(axis=1) for m in models]
        )
    return scores


ZERO_SHOT: dict[str, Callable[[PromisePlan, Path], Scored]] = {
    "brca1": brca1_scores,
    "reporter": reporter_scores,
    "coding": coding_scores,
    "start": start_scores,
    "promoter": promoter_scores,
}
