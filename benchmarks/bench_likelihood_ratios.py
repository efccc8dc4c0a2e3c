"""Masked likelihood ratios of all BRCA1 SNVs: windows in batches against one variant at a time.

One by one is what most scripts do: hide the base, run the model on its window, subtract two log
probabilities, go on. In batches, the three changes of one base share a window as well. The model is
our recorded one of single letters; both ways give the same ratios.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Benchmark
from hypecheck import datasets
from hypecheck.edited_gene import CONTEXT, EditedGene, read_edited_gene
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.recorded import weights_path
from hypecheck.tokenizers import CharTokenizer
from hypecheck.variants import Variants, log_likelihood_ratio

LETTERS = CharTokenizer()


@functools.cache
def data() -> tuple[EditedGene, Transformer]:
    """Read the gene and the recorded model."""
    frames = datasets.load("brca1_sge").frames
    model = load_model(weights_path("ladder-char-0"))
    if not isinstance(model, Transformer):
        raise TypeError("the recorded weights ladder-char-0 are no language model")
    return read_edited_gene(next(iter(frames.values()))), model


def scored(groups: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.float64]:
    """Score the variants of each group in one call."""
    gene, model = data()
    ratios = np.empty(len(gene.lost))
    for rows in groups:
        variants = Variants(gene.offset[rows], gene.ref[rows], gene.alt[rows])
        codes = gene.windows[int(gene.window[rows[0]])]
        ratios[rows] = log_likelihood_ratio(model, LETTERS, codes, variants, context=CONTEXT)
    return ratios


def ours() -> Any:
    gene, _ = data()
    return scored([np.flatnonzero(gene.window == number) for number in np.unique(gene.window)])


def one_by_one() -> Any:
    gene, _ = data()
    return scored([np.array([row]) for row in range(len(gene.lost))])


def same(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


BENCHMARKS = [
    Benchmark(
        "likelihood ratios of all BRCA1 SNVs",
        ours=ours,
        peer=one_by_one,
        must_reach=8.0,
        equal=same,
        setup=data,
    )
]
