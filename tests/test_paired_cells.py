"""Cells found again: hand-worked matches, known worlds, and what must not help."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from hypecheck import datasets
from hypecheck import paired_cells as pc
from hypecheck.paired_worlds import made_up_pairs, paired_world


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_matching_is_what_a_loop_counts(rng):
    a, b = rng.normal(size=(2, 30, 3))
    expected = np.empty(30)
    for i in range(30):
        own = np.sum((a[i] - b[i]) ** 2)
        closer_b = sum(np.sum((a[i] - b[j]) ** 2) < own for j in range(30)) / 29
        closer_a = sum(np.sum((a[j] - b[i]) ** 2) < own for j in range(30)) / 29
        expected[i] = 1 - (closer_a + closer_b) / 2
    np.testing.assert_allclose(pc.matching_scores(a, b), expected)


def test_guessing_earns_a_half_and_ties_too(rng):
    assert pc.matching_scores(np.zeros((9, 2)), np.zeros((9, 2))).tolist() == [0.5] * 9
    assert abs(pc.matching_scores(*rng.normal(size=(2, 800, 2))).mean() - 0.5) < 0.03


def test_matching_needs_the_same_cells():
    with pytest.raises(ValueError, match="two cells at least"):
        pc.matching_scores([[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="one shape"):
        pc.matching_scores([[1.0], [2.0]], [[1.0, 2.0], [2.0, 3.0]])


def test_log_ratio_knows_no_depth(rng):
    counts = rng.integers(1_000_000, 2_000_000, (5, 4))
    shallow = pc.centred_log_ratio(counts)
    np.testing.assert_allclose(pc.centred_log_ratio(7 * counts), shallow, atol=1e-5)
    np.testing.assert_allclose(shallow.sum(axis=1), 0, atol=1e-9)
    with pytest.raises(ValueError, match="never negative"):
        pc.centred_log_ratio([[-1.0, 2.0]])


def test_both_views_beat_either_where_noise_is_independent(rng):
    state = rng.normal(size=(300, 2))
    first, second = (
        state @ rng.normal(size=(2, 8)) + rng.normal(0, 2.5, (300, 8)) for _ in range(2)
    )
    found = pc.halves_found_again(first, second, seeds=[0, 1])
    assert found["both"].shape == (2, 300)
    assert pc.gain_over_better(found).mean() > 0.01


def test_a_view_of_noise_adds_nothing(rng):
    state = rng.normal(size=(300, 1))
    first = state @ rng.normal(size=(1, 8)) + rng.normal(0, 0.5, (300, 8))
    found = pc.halves_found_again(first, rng.normal(size=(300, 8)), seeds=[0])
    assert abs(found["other"].mean() - 0.5) < 0.05
    assert pc.gain_over_better(found).mean() < 0.01


def test_stand_in_shares_the_type_and_nothing_else(rng):
    frames = made_up_pairs(rng)
    rna = frames["rna"].to_numpy()
    atac = StandardScaler().fit_transform(pc.centred_log_ratio(frames["atac"]))
    types, folds = frames["types"]["type"].to_numpy(), pc.cell_folds(len(rna), seed=0)
    across = pc.pairs_found_again(rna, atac, folds, n_components=3)
    within = pc.pairs_found_again(rna, atac, folds, groups=types, n_components=3)
    assert across.mean() > 0.75
    assert abs(np.nanmean(within) - 0.5) < 0.04


def test_a_cell_alone_in_its_group_has_no_score(rng):
    x = rng.normal(size=(40, 4))
    groups = np.zeros(40)
    groups[3] = 1
    scores = pc.pairs_found_again(x, x, pc.cell_folds(40, seed=0), groups=groups, n_components=2)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [3]


def test_common_width_ignores_the_unit(rng):
    x = rng.normal(size=(200, 10))
    assert pc.common_width(1000 * x) == pytest.approx(pc.common_width(x) / 1e6)
    assert pc.common_width(x) == pytest.approx(0.1, rel=0.15)


def test_world_ties_what_it_says(rng):
    world = paired_world(4000, rng, private=0.0, noise=(0.5, 0.5))
    for modality, tied in zip(
        (world.first, pc.centred_log_ratio(world.second)), world.tied, strict=True
    ):
        strength = np.abs(np.corrcoef(modality.T, world.state.T)[: len(tied), -2:]).max(axis=1)
        assert strength[tied].mean() > 0.5
    free = np.abs(np.corrcoef(world.first.T, world.state.T)[:30, -2:])[~world.tied[0]]
    assert free.max() < 0.1
    with pytest.raises(ValueError, match="tied features"):
        paired_world(5, rng, n_features=3, n_tied=4)


def test_paired_tables_load_with_their_shapes():
    cells = datasets.load("multiome_small")
    rows = {len(frame) for frame in cells.frames.values()}
    assert len(rows) == 1
    assert [cells.frames[name].shape[1] for name in ("rna", "atac", "types")] == [10, 19, 1]
    if not cells.provenance.is_stand_in:
        assert np.bincount(cells.frames["types"]["type"]).tolist() == [0, 379, 324, 201, 143]
