"""What the study of reach says: by hand, on planted slopes, and one small training."""

import numpy as np
import pytest

from hypecheck.ladder_result import pack
from hypecheck.optimisation import TrainingConfig
from hypecheck.reach_results import (
    by_size,
    context_gain,
    loss_curve,
    score_curve,
    score_per_decade,
    solved_distance,
    steepest_share,
)
from hypecheck.studies.reach import fit_recall, planted_rows


def test_steepest_share_by_hand():
    share = steepest_share([[4.0, 3.0, 1.0, 0.0], [8.0, 6.0, 2.0, 0.0]])
    assert share.estimate == pytest.approx(0.5)


def test_solved_distance_needs_every_seed_and_every_shorter_one():
    def cells(*rows):
        return {"planted": [{"distance": d, "accuracy": a} for d, a in rows]}

    assert solved_distance(cells((10, 1.0), (10, 1.0), (100, 1.0), (100, 0.3))) == 10
    assert solved_distance(cells((10, 0.5), (100, 1.0))) == 0


def test_slope_finds_the_planted_one():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=1500)

    def runs(share):
        return np.where(rng.random((5, 1500)) < share, truth, 1 - truth).astype(np.uint8)

    slope = score_per_decade(truth, {10: runs(0.6), 100: runs(0.7), 1000: runs(0.8)})
    assert slope.low < 0.2 < slope.high
    assert slope.excludes(0)


def test_record_is_read_by_size_and_context():
    truth = np.array([0, 1] * 50, dtype=np.uint8)
    results = {
        "sizes": [
            {
                "bases": b,
                "seed": s,
                "bits_per_base": 2.0 - b / 100,
                "probability": pack(truth * 255),
            }
            for b in (10, 100)
            for s in (0, 1)
        ],
        "context": [
            {"context": c, "seed": s, "bits_per_base": [bits, bits + 0.01 * s]}
            for c, bits in ((100, 1.9), (10, 2.0))
            for s in (0, 1)
        ],
        "y_true": pack(truth),
        "groups": pack(np.arange(100)),
    }
    assert list(by_size(results, "bits_per_base")) == [10, 100]
    assert loss_curve(results)[100].estimate == pytest.approx(1.0)
    assert score_curve(results)[10].estimate == 1.0
    assert context_gain(results).estimate == pytest.approx(0.1)


def test_planted_rows_repeat_their_first_token():
    rows = planted_rows(8, 30, np.random.default_rng(1))
    assert rows.shape == (8, 11)
    assert bool((rows[:, 0] == rows[:, -1]).all())


def test_a_short_dependency_is_learnt():
    config = TrainingConfig(steps=80, batch_size=32, learning_rate=6e-3)
    assert fit_recall(48, 0, config, curriculum=False) > 0.5
