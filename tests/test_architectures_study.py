"""The study of the families on a stand-in, and what is read off it."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck.recorded import RecordedRun
from hypecheck.studies.architectures import FamiliesPlan, architectures_results
from hypecheck.studies.architectures_read import FamilyRecord, exponent_gap


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    plan = replace(
        FamiliesPlan(),
        families=("attention", "convolution"),
        seeds=(0, 1),
        steps=3,
        recall_steps=2,
        choice_steps=2,
        n_test=8,
        window=64,
        lengths=(32, 64),
        rounds=2,
        memory_lengths=(32,),
        n_bases=120_000,
    )
    results = architectures_results(plan, tmp_path_factory.mktemp("cells"))
    run = RecordedRun(
        name="architectures", command="", commit="", versions={}, data={}, seeds=(0, 1),
        cpu_hours=0.0, results=results,
    )  # fmt: skip
    return FamilyRecord(run)


def test_bits_are_near_two_at_the_start(record):
    assert record.bits("attention").estimate == pytest.approx(2.0, abs=0.3)
    assert record.saved("attention").estimate == 0.0


def test_saved_is_the_difference_of_bits(record):
    gap = record.bits("attention").estimate - record.bits("convolution").estimate
    assert record.saved("convolution").estimate == pytest.approx(gap, abs=1e-9)


def test_recall_is_told_by_distance(record):
    assert len(record.recall_by_distance("attention")) == 4
    assert 0 <= record.recall("convolution").estimate <= 1


def test_exponents_are_paired_by_round():
    seconds = {"a": np.array([[1.0, 2.0], [3.0, 6.0]]), "b": np.array([[1.0, 4.0], [2.0, 8.0]])}
    gap = exponent_gap(seconds, [1, 2], "a", "b")
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((1.0, 1.0, 1.0))
