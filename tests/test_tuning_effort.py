"""Gains by effort: choices by hand, a planted catch-up, and the study's own bookkeeping."""

import numpy as np
import pytest

from hypecheck import tuning_effort as te
from hypecheck.ladder_result import pack
from hypecheck.scores import matthews
from hypecheck.studies.pretraining import PretrainingPlan, reading_plan, successive_halving

RATES = (0.001, 0.002, 0.004, 0.008)


def run(rate, steps, validation, truth, wrong, rng):
    """One run whose predictions have a given share of errors."""
    flipped = rng.random(len(truth)) < wrong
    predicted = np.where(flipped, 1 - truth, truth)
    return {
        "configuration": {"learning_rate": rate},
        "steps": steps,
        "validation": [[steps // 2, validation - 0.1], [steps, validation]],
        "predicted": pack(np.packbits(predicted == 1)),
    }


@pytest.fixture
def results():
    """The pretrained arm errs on one item in ten whatever its tuning; its twin catches up."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=1203)  # no multiple of eight
    wrong = {
        "pretrained": {60: (0.1, 0.1, 0.1, 0.1), 240: (0.1, 0.1)},
        "random": {60: (0.35, 0.2, 0.25, 0.3), 240: (0.1, 0.15)},
    }
    arms = {
        arm: [
            [
                run(rate, steps, 1 - w, truth, w, rng)
                for steps, ws in by_steps.items()
                for rate, w in zip(RATES, ws, strict=False)
            ]
            for _ in range(5)
        ]
        for arm, by_steps in wrong.items()
    }
    plan = {
        "stages": [[4, 60], [2, 240]],
        "first_rate": RATES[0],
        "cnn_rates": [RATES[1]],
    }
    return {
        "plan": plan,
        "truth": pack(truth.astype(np.uint8)),
        "groups": pack(np.arange(len(truth), dtype=np.uint16)),
        "arms": {"char": arms},
        "cnn": arms["random"],
    }


def test_bits_come_back_as_they_were(results):
    truth = te.unpack(results["truth"])
    found = te.classes(results, "char", "random", "one rate")
    assert found.shape == (5, 1203)
    assert np.mean(found != truth) == pytest.approx(0.35, abs=0.03)


def test_gain_shrinks_as_the_twin_is_tuned(results):
    gains = [te.gain(results, "char", te.EFFORTS[-1], effort) for effort in te.EFFORTS]
    assert gains[0].estimate > gains[1].estimate > gains[2].estimate
    assert gains[0].low > 0.3
    assert gains[2].low < 0 < gains[2].high


def test_difference_agrees_with_a_plain_mean(results):
    truth = te.unpack(results["truth"])
    means = [
        np.mean([matthews(truth, row) for row in te.classes(results, "char", arm, "four rates")])
        for arm in te.ARMS
    ]
    gap = te.gain(results, "char", "four rates", "four rates")
    assert gap.estimate == pytest.approx(means[0] - means[1])
    assert te.score(results, "char", "random", "four rates").estimate == pytest.approx(means[1])


def test_network_is_read_by_its_own_first_rate(results):
    found = te.classes(results, te.CNN, "", "one rate")
    np.testing.assert_array_equal(found, te.classes(results, "char", "random", "four rates"))


def test_validation_alone_chooses(results):
    runs = results["arms"]["char"]["random"][0]
    kept = te.chosen_run(runs, te.EFFORTS[-1], first_rate=RATES[0], short=60)
    assert (kept["steps"], kept["configuration"]["learning_rate"]) == (240, RATES[0])


def test_rising_share_looks_at_the_last_look(results):
    assert te.rising_share(results, "char", "random") == 1.0


def test_unknown_arms_and_efforts_are_named(results):
    with pytest.raises(ValueError, match="no runs of 'kmer3'"):
        te.classes(results, "kmer3", "random", "one rate")
    with pytest.raises(ValueError, match="no effort is called 'much'"):
        te.classes(results, "char", "random", "much")


def test_halving_takes_the_best_further_and_shows_no_test_labels():
    class Fitted:
        def __init__(self, score, n):
            self.history = type("History", (), {"validation": [(n, score)]})()

        def predict(self, codes):
            return np.zeros(len(codes), dtype=np.int64)

    tried = []

    def fit(configuration, config):
        tried.append((config.learning_rate, config.steps))
        return Fitted(-abs(config.learning_rate - 0.002), config.steps)

    test = type("Part", (), {"codes": np.zeros((9, 4), dtype=np.uint8)})()  # it has no labels
    task = type("Task", (), {"test": test})()
    plan = PretrainingPlan(stages=((4, 6), (2, 24)))
    grid = [{"learning_rate": rate} for rate in (0.0005, 0.001, 0.002, 0.004)]
    runs = successive_halving(fit, grid, plan, task, seed=0)
    assert tried[:4] == [(rate["learning_rate"], 6) for rate in grid]
    assert tried[4:] == [(0.002, 24), (0.001, 24)]
    assert len(runs) == 6


def test_study_reads_what_the_ladder_read():
    assert reading_plan(1500).pretraining.steps == 1500
    assert reading_plan(1500).corpus == reading_plan(3000).corpus
    assert reading_plan(3000).tasks == ()
