"""The bilinear model of perturbations: its closed form against a plain least-squares solve.

The plain solve writes every entry of the change matrix as one equation in all entries of W; that
both give the same weights is the equality that is checked. Without a penalty, since a ridge on both
sides is not a ridge on W. Three columns on either side: with ten, the plain solve needs gigabytes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from benchmarks.harness import Benchmark
from hypecheck.perturbation import bilinear_weights

GENES, PERTURBATIONS, COLUMNS = 5_000, 1_000, 3


@functools.cache
def data() -> tuple[Any, Any, Any, Any]:
    """Draw two embeddings and a noisy product, and write the plain solve's equations down."""
    rng = np.random.default_rng(0)
    genes, screens = rng.normal(size=(GENES, COLUMNS)), rng.normal(size=(PERTURBATIONS, COLUMNS))
    change = genes @ rng.normal(size=(COLUMNS, COLUMNS)) @ screens.T
    change += rng.normal(size=change.shape)
    return genes, change, screens, np.kron(genes, screens)


def ours() -> Any:
    genes, change, screens, _ = data()
    return bilinear_weights(genes, change, screens, 0.0)


def plain() -> Any:
    _, change, _, equations = data()
    found = np.linalg.lstsq(equations, change.ravel(), rcond=None)[0]
    return found.reshape(COLUMNS, COLUMNS)


def same(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


BENCHMARKS = [
    Benchmark(
        "bilinear fit, 5,000 genes x 1,000 perturbations",
        ours=ours,
        peer=plain,
        must_reach=10.0,
        equal=same,
        setup=data,
    )
]
