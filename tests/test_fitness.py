"""The study of fitness: least squares by hand, planted truths, and no leak from held-out genes."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from hypecheck.studies import fitness
from hypecheck.studies.fitness import Block, FitnessPlan

SMALL = FitnessPlan(seeds=(0,), n_folds=3, ranks=(1, 2), penalties=(0.1,), epochs=5)


def planted(*, n=30, strength=0.0, noise=0.01, seed=0):
    """Pairs that add up, and on top a pattern that the single fitness decides."""
    rng = np.random.default_rng(seed)
    singles = rng.normal(size=n)
    pattern = strength * np.outer(singles**2, singles**2)
    noisy = rng.normal(0, noise, (n, n))
    return singles[:, None] + singles + pattern + (noisy + noisy.T) / 2, singles


def test_effects_equal_least_squares():
    pairs, singles = planted(noise=0.5)
    first, second = np.triu_indices(len(singles), 1)
    equations = np.zeros((len(first), len(singles)))
    equations[np.arange(len(first)), first] = equations[np.arange(len(first)), second] = 1
    peer = np.linalg.lstsq(equations, pairs[first, second], rcond=None)[0]
    assert_allclose(Block(pairs, singles).effects(), peer)


def test_additive_truth_is_found():
    pairs, singles = planted(noise=0.0)
    block = fitness.block_of(pairs, singles, np.arange(20))
    assert_allclose(block.additive(singles[20:]), pairs[20:, :20], atol=1e-9)


def test_low_rank_finds_a_planted_pattern():
    pairs, singles = planted(n=60, strength=0.5)
    block = fitness.block_of(pairs, singles, np.arange(40))
    truth = pairs[40:, :40]
    additive = fitness.row_correlations(block.additive(singles[40:]), truth).mean()
    assert fitness.row_correlations(block.low_rank(singles[40:], 2), truth).mean() > additive + 0.02


def test_held_out_pairs_are_never_read():
    pairs, singles = planted()
    out, rest = np.arange(8), np.arange(8, 30)
    altered = pairs.copy()
    altered[:8] = altered[:, :8] = 99.0
    made = [
        fitness.predict_fold(SMALL, table, singles, out, rest, np.random.default_rng(1))[0]
        for table in (pairs, altered)
    ]
    for method in fitness.METHODS:
        assert_allclose(made[0][method], made[1][method])


def test_cell_scores_every_gene():
    found = fitness.fitness_cell(SMALL, *planted(n=24), 0)
    assert all(len(one) == 24 for one in found["r"].values())
    assert min(found["r"]["sum of singles"]) > 0.99
    assert len(found["chosen"]) == 3


def test_matrix_must_be_symmetric():
    pairs = pd.DataFrame({"gene": ["A", "B"], "A": [1.0, 2.0], "B": [3.0, 1.0]})
    alone = pd.DataFrame({"guide_target": ["A", "B"], "average_fitness": [0.1, 0.2]})
    with pytest.raises(ValueError, match="symmetric"):
        fitness.read_fitness({"processed_fitnesses": pairs, "single_fitnesses": alone})
