"""One species against many: windows, words that are shared, slopes, and the record."""

import numpy as np
import pytest

from hypecheck.recorded import published, read_run
from hypecheck.sequences import UNKNOWN, reverse_complement
from hypecheck.similarity import canonical_words
from hypecheck.studies import scale as study


@pytest.fixture
def genome():
    return np.random.default_rng(0).integers(0, 4, 200_000).astype(np.uint8)


def test_the_held_out_part_is_never_trained_on(genome):
    part = study.training_part(genome)
    assert (part == UNKNOWN).mean() == pytest.approx(1 / 20)
    windows = study.training_windows([part], 50, 40, seed=0)
    assert windows.max() < UNKNOWN


def test_parts_give_equally_many_windows():
    parts = [np.full(500, base, np.uint8) for base in (0, 1)]
    windows = study.training_windows(parts, 40, 20, seed=3)
    first_strand = np.isin(windows[:, 0], (0, 3))
    assert first_strand.sum() == 20


def test_few_bases_give_few_words(genome):
    part = study.training_part(genome)
    windows = study.training_windows([part], 400, 96, seed=0, n_bases=1000)
    assert len(np.unique(canonical_words(windows, 24))) <= 1000


@pytest.mark.parametrize("whole", [True, False])
def test_windows_that_share_a_word_are_not_asked_about(genome, whole):
    cut = {"length": 50, "n_test": 60, "whole": whole}
    free, blocks = study.held_out_windows(genome, [], **cut)
    assert len(free) == len(blocks) == 60
    seen = canonical_words(reverse_complement(free[3])[None], 24)[0]
    kept, _ = study.held_out_windows(genome, [seen], **cut)
    assert not any(np.array_equal(row, free[3]) for row in kept)
    with pytest.raises(ValueError, match="none is left"):
        study.held_out_windows(genome, [canonical_words(genome[None], 24)[0]], **cut)


def test_shared_words_by_hand_and_by_sets(genome):
    assert study.shared_words(genome[:500], genome[:500]) == 1
    assert study.shared_words(genome[:500], reverse_complement(genome[:500])) == 1
    other = np.random.default_rng(1).integers(0, 4, 500).astype(np.uint8)
    sets = [set(canonical_words(one[None], 4)[0].tolist()) for one in (genome[:300], other)]
    expected = len(sets[0] & sets[1]) / len(sets[0])
    assert study.shared_words(genome[:300], other, k=4) == pytest.approx(expected)


def test_slope_of_a_line_is_found():
    sizes = np.array([1e3, 1e4, 1e6])
    bits = 2 - 0.05 * np.log10(sizes) + np.array([[0.0], [0.01], [0.02]])
    slope = study.per_decade(sizes, bits)
    assert slope.estimate == pytest.approx(0.05)
    assert slope.high - slope.low < 1e-9


def test_saved_bits_pair_seeds_and_windows():
    hard = np.linspace(1, 3, 40)
    gap = study.saved_bits([hard, hard + 1], [hard - 0.1, hard + 0.9], np.arange(40) // 4)
    assert gap.estimate == pytest.approx(0.1)
    assert gap.low == pytest.approx(0.1)
    assert gap.n_seeds == 2


def test_record_has_five_seeds_of_the_comparison():
    runs = read_run("scale").results["runs"]
    for run in ("one", "many"):
        assert study.bits_of(runs, run, study.UNSEEN).shape[0] == 5
    assert len({one["n_parameters"] for one in runs if not one["run"].startswith("width")}) == 1


def test_published_models_are_found_in_the_evaluations():
    models = published("scale_models").frame.replace("unknown", None)
    geneb = set(published("geneb_category_mcc").frame["model"])
    twins = set(published("vishniakov2024_gain").frame["model"])
    assert set(models["geneb"].dropna()) <= geneb
    assert set(models["twin"].dropna()) <= twins
    assert models["model"].is_unique
    assert models["identifier"].notna().all()
    assert set(models["called"].dropna()) == {"own", "others"}
