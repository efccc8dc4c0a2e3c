"""Which tasks tell rungs apart: by hand, and one correction over all."""

import numpy as np
import pytest

from hypecheck.ladder import assemble, run_rung
from hypecheck.ladder_result import RUNGS
from hypecheck.rungs import baseline_rung
from hypecheck.separation import Separation, separations
from hypecheck.sequences import LabelledSequences, Task

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 400)
CODES = RNG.integers(0, 4, (400, 8)).astype(np.uint8)


class Says:
    """Predicts the label with a chance, whatever the seed."""

    def __init__(self, right):
        self.right = right

    def fit(self, _codes, _labels):
        return self

    def predict(self, codes):
        rng, truth = np.random.default_rng(1), LABELS[: len(codes)]
        return np.where(rng.random(len(codes)) < self.right, truth, 1 - truth)


def ladder(rights):
    part = LabelledSequences(CODES, LABELS)
    task = Task("toy", part, part, part)
    results = [
        run_rung(baseline_rung(name, Says, [{"right": right}]), task, seeds=(0, 1))
        for name, right in rights.items()
    ]
    return assemble(task, results)


@pytest.fixture(scope="module")
def told():
    good = dict.fromkeys(RUNGS, 0.9) | {"chance": 0.5, "cnn": 0.7}
    return separations({"good": ladder(good), "flat": ladder(dict.fromkeys(RUNGS, 0.5))})


def test_a_good_task_tells_the_weak_rung_from_the_others(told):
    assert told["good"].tells_apart
    assert set(told["good"].above_chance) == set(RUNGS) - {"chance"}
    assert told["good"].above_chance[-1] == "cnn"
    assert {worse for _, worse in told["good"].differ} == {"cnn"}
    assert len(told["good"].differ) == len(RUNGS) - 2


def test_a_flat_task_tells_nothing(told):
    assert told["flat"] == Separation((), ())
    assert not told["flat"].tells_apart


def test_above_chance_alone_is_not_enough():
    same = dict.fromkeys(RUNGS, 0.9) | {"chance": 0.5}
    (found,) = separations({"same": ladder(same)}).values()
    assert found.above_chance
    assert not found.tells_apart


def test_a_strict_level_finds_nothing(told):
    good = dict.fromkeys(RUNGS, 0.6) | {"chance": 0.5}
    assert separations({"good": ladder(good)}, alpha=1e-12)["good"].above_chance == ()
