"""Five members trained with stacked weights against the same five one by one, CPU, one thread.

Same windows, masks, clipping and optimiser; checked first: all members end with the same losses.
Stacking saves calls, not arithmetic: where a step is small the calls cost most of the time, where
matrices are large there is nothing to gain, and the second row says so.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Benchmark
from hypecheck.ensembles import EnsemblePlan, train_ensemble
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.objectives import MaskedObjective
from hypecheck.optimisation import TrainingConfig
from hypecheck.training import fit_language_model

STEPS = 12


@cache
def corpus() -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(3, 67, 20_000)


def plan(width: int, length: int) -> EnsemblePlan:
    shape = TransformerConfig(67, width, 2, 4, 2 * width, length)
    return EnsemblePlan(shape, MaskedObjective(), TrainingConfig(steps=STEPS, length=length))


def stacked(width: int, length: int) -> npt.NDArray[np.float64]:
    return np.array(train_ensemble(plan(width, length), corpus()).losses)


def one_by_one(width: int, length: int) -> npt.NDArray[np.float64]:
    wanted, found = plan(width, length), []
    for seed in wanted.seeds:
        model = Transformer(wanted.model, seed=seed)
        found.append(fit_language_model(model, corpus(), wanted.training, wanted.objective).losses)
    return np.array(found).T


def same_losses(ours: object, peer: object) -> None:
    np.testing.assert_allclose(cast(npt.NDArray[np.float64], ours), peer, rtol=1e-3)


def against_single(width: int, length: int, must_reach: float) -> Benchmark:
    return Benchmark(
        name=f"ensemble of 5, width {width}, {length} tokens v one by one",
        ours=lambda: stacked(width, length),
        peer=lambda: one_by_one(width, length),
        must_reach=must_reach,
        equal=same_losses,
        packages=("torch",),
    )


BENCHMARKS = [
    against_single(32, 32, must_reach=1.2),
    against_single(64, 64, must_reach=0.7),
]
