"""k-mer logistic regression: sparse square roots against dense standardised counts.

Both sides use scikit-learn's lbfgs with the same tolerance and choose among six penalties on
validation data; ours must not predict worse on the test part. Twice: the fits alone, with either
matrix at hand, and everything from codes to the chosen model.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef, roc_auc_score
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import Benchmark
from hypecheck.baselines import KmerLogistic, choose_on_validation
from hypecheck.kmers import KmerCounts, count_kmers
from hypecheck.sequences import LabelledSequences, encode

N_TRAIN, N_EVAL, LENGTH, K = 20_000, 5_000, 300, 6
MOTIFS = ("TGACTCAG", "CACGTGAC", "GGGCGGAA", "TATAAAAG", "CCAATCAG")
OUR_PENALTIES = tuple(one["C"] for one in KmerLogistic.configurations())
PEER_PENALTIES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # its best lies within them
NO_LOSS = 0.005  # of AUROC; its standard error on the test part is .008


@functools.cache
def parts() -> dict[str, LabelledSequences]:
    """Plant five motifs, a tenth of their bases mutated, more often in class 1."""
    rng = np.random.default_rng(0)
    n = N_TRAIN + 2 * N_EVAL
    codes = rng.choice(4, (n, LENGTH), p=(0.3, 0.2, 0.2, 0.3)).astype(np.uint8)
    labels = np.arange(n) % 2
    for motif in MOTIFS:
        rows = np.flatnonzero(rng.random(n) < np.where(labels, 0.35, 0.2))
        planted = np.tile(encode(motif), (len(rows), 1))
        mutated = rng.random(planted.shape) < 0.1
        planted[mutated] = rng.integers(0, 4, mutated.sum())
        starts = rng.integers(0, LENGTH - len(motif), len(rows))
        codes[rows[:, None], starts[:, None] + np.arange(len(motif))] = planted
    everything = LabelledSequences(codes, labels)
    ends = {"train": (0, N_TRAIN), "validation": (N_TRAIN, N_TRAIN + N_EVAL), "test": (-N_EVAL, n)}
    return {name: everything.take(slice(*end)) for name, end in ends.items()}


@functools.cache
def square_roots() -> dict[str, Any]:
    return {name: KmerCounts(K).fit_transform(part.codes) for name, part in parts().items()}


@functools.cache
def standardised() -> dict[str, Any]:
    return standardise()


def standardise() -> dict[str, Any]:
    """Count (with our own fast counter), make dense, and standardise by the training part."""
    dense = {name: count_kmers(part.codes, K, sparse=False) for name, part in parts().items()}
    scaler = StandardScaler(copy=False).fit(dense["train"])
    return {name: scaler.transform(matrix) for name, matrix in dense.items()}


def choose(features: dict[str, Any], penalties: tuple[float, ...]) -> float:
    """Fit every penalty, choose on validation data, and return the AUROC on the test part."""
    best, best_score = None, -np.inf
    for C in penalties:
        model = LogisticRegression(C=C, tol=1e-3, max_iter=1000)
        model.fit(features["train"], parts()["train"].labels)
        predicted = model.predict(features["validation"])
        score = matthews_corrcoef(parts()["validation"].labels, predicted)
        if score > best_score:
            best, best_score = model, score
    if best is None:
        raise ValueError("no penalty to choose among")
    return float(roc_auc_score(parts()["test"].labels, best.decision_function(features["test"])))


def whole_of_ours() -> float:
    model, _, _ = choose_on_validation(
        KmerLogistic,
        parts()["train"],
        parts()["validation"],
        matthews_corrcoef,
        [{"C": C, "k": K} for C in OUR_PENALTIES],
    )
    probabilities = model.predict_proba(parts()["test"].codes)[:, 1]
    return float(roc_auc_score(parts()["test"].labels, probabilities))


def no_loss(ours: Any, peer: Any) -> None:
    if ours < peer - NO_LOSS:
        raise ValueError(f"AUROC {ours:.4f} of ours is below the peer's {peer:.4f}")


def prepare() -> None:
    """Make both matrices before the clock starts."""
    square_roots()
    standardised()


BENCHMARKS = [
    Benchmark(
        "k-mer logistic regression, six fits alone",
        ours=lambda: choose(square_roots(), OUR_PENALTIES),
        peer=lambda: choose(standardised(), PEER_PENALTIES),
        must_reach=1.1,
        equal=no_loss,
        setup=prepare,
        packages=("scikit-learn",),
    ),
    Benchmark(
        "k-mer logistic regression, from codes",
        ours=whole_of_ours,
        peer=lambda: choose(standardise(), PEER_PENALTIES),
        must_reach=1.1,
        equal=no_loss,
        packages=("scikit-learn",),
    ),
]
