"""Codon positions along genes, on both strands, and what has no clean label."""

import numpy as np
import pandas as pd
import pytest

from hypecheck.datasets import load
from hypecheck.reading_frames import UNCLEAR, codon_positions


def features(*rows):
    return pd.DataFrame(rows, columns=["start", "end", "strand", "kind"])


def test_by_hand_on_both_strands():
    found = codon_positions(features((1, 4, "+", "CDS"), (5, 8, "-", "CDS")), 9)
    assert found.tolist() == [0, 1, 2, 3, 0, 3, 2, 1, 0]


def test_overlapping_genes_and_other_genes_are_unclear():
    found = codon_positions(
        features((0, 6, "+", "CDS"), (3, 9, "+", "CDS"), (10, 12, "+", "tRNA")), 13
    )
    assert found.tolist() == [1, 2, 3, UNCLEAR, UNCLEAR, UNCLEAR, 1, 2, 3, 0, UNCLEAR, UNCLEAR, 0]


def test_the_row_of_the_gene_does_not_hide_its_coding_region():
    found = codon_positions(features((0, 3, "+", "gene"), (0, 3, "+", "CDS")), 4)
    assert found.tolist() == [1, 2, 3, 0]
    again = codon_positions(features((0, 3, "+", "CDS"), (0, 3, "+", "gene")), 4)
    assert np.array_equal(found, again)


def test_the_whole_region_is_no_feature():
    assert codon_positions(features((0, 5, "+", "region")), 5).tolist() == [0] * 5


def test_the_three_positions_are_equally_many_in_a_genome():
    genome = load("genome_ecoli_k12", offline=True)
    name, codes = next(iter(genome.records.items()))
    rows = genome.features[genome.features["record"] == name]
    counts = np.bincount(codon_positions(rows, len(codes)).astype(int) + 1)
    assert counts[2] == pytest.approx(counts[4], rel=0.01)


def test_features_beyond_the_sequence_are_refused():
    with pytest.raises(ValueError, match="this record only"):
        codon_positions(features((0, 9, "+", "CDS")), 5)
