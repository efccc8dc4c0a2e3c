"""Genes, regions and the linear and convolutional ways to their expression."""

import numpy as np
import pandas as pd
import pytest

from hypecheck.expression import UPSTREAM, fit_cnn, fit_ridge, read_genes, read_reporters
from hypecheck.optimisation import TrainingConfig
from hypecheck.scores import pearson
from hypecheck.sequences import encode, reverse_complement
from hypecheck.splits import Split


def small_genome():
    """Two genes of one operon on the plus strand, one gene on the minus strand."""
    rng = np.random.default_rng(0)
    genome = rng.choice([0, 1, 2], size=3000).astype(np.uint8)  # no T: no stop codon by chance
    first, second, third = (400, 700), (710, 1010), (1600, 1900)
    for _, end in (first, second):
        genome[end - 3 : end] = encode("TAA")
    genome[third[0] : third[1]] = np.where(np.arange(300) % 3 == 0, 3, 1)  # reversed: A, G
    genome[third[0] : third[0] + 3] = encode("TTA")  # reversed: TAA
    info = pd.DataFrame(
        [(*first, "+", "ab"), (*second, "+", "ab"), (*third, "-", "c")],
        index=["a", "b", "c"], columns=["start", "stop", "strand", "operon"],
    )  # fmt: skip
    tpm = pd.DataFrame({"Geneid": ["a", "b", "c"], "one": [1.0, 2, 3], "two": [3.0, 2, 3]})
    return genome, info, tpm


def test_genes_are_read_on_their_strand_with_their_operons_promoter():
    genome, info, tpm = small_genome()
    genes = read_genes(genome, info, tpm)
    assert genes.names.tolist() == ["a", "b", "c"]
    assert genes.expression.tolist() == [2, 2, 3]
    assert np.array_equal(genes.promoters[0], genome[400 - UPSTREAM : 400])
    assert np.array_equal(genes.promoters[1], genes.promoters[0])
    assert np.array_equal(genes.promoters[2], reverse_complement(genome[1900 : 1900 + UPSTREAM]))
    assert genes.operon[:, :2].tolist() == [[2, 0], [2, 1], [1, 0]]
    assert genes.codons.sum(axis=1) == pytest.approx(1)
    assert genes.windows.shape == (3, 450)
    assert genes.classical.shape == (3, 64 + 3 + 340)


def test_ridge_finds_a_planted_line_and_never_sees_the_test_part():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 5))
    y = x @ [1.0, -2, 0, 0, 0] + rng.normal(size=120) * 0.1
    split = Split(np.arange(60), np.arange(60, 80), np.arange(80, 120))
    changed = y.copy()
    changed[split.test] = 99.0
    first, second = fit_ridge(x, y, split), fit_ridge(x, changed, split)
    assert np.array_equal(first, second)
    assert pearson(y[split.test], first[split.test]) > 0.98


def test_network_finds_a_planted_motif():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(300, 60)).astype(np.uint8)
    strong = rng.random(300) < 0.5
    codes[strong, 20:28] = encode("GATTACAG")
    split = Split(np.arange(180), np.arange(180, 230), np.arange(230, 300))
    config = TrainingConfig(steps=60, batch_size=32, learning_rate=1e-2, evaluate_every=20)
    predicted, validation = fit_cnn(
        codes, strong + rng.normal(size=300) * 0.1, split, config, seed=0
    )
    assert pearson(strong[split.test].astype(float), predicted[split.test]) > 0.8
    assert validation > 0.8


def test_reporters_have_one_length_and_finite_activity():
    frame = pd.DataFrame(
        {
            "sequence": ["A" * 150, "A" * 150, "C" * 150, "G" * 20],
            "tss_position": [10, 20, 250_000, 30],
            "activity": [-4.0, 1, 7.5, 2],
        }
    )
    read = read_reporters(frame, most=10, rng=np.random.default_rng(0))
    assert read.activity.tolist() == [-1.0, 3.0]
    assert read.regions.tolist() == [0, 2]
