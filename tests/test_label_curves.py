"""Label curves: a hand-made record, a known truth, and the study whole on a tiny world."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck import label_curves
from hypecheck.label_curves import (
    best_rung,
    label_curve,
    label_gain,
    label_predictions,
    label_ratio,
    labels_needed,
    robustness_gain,
)
from hypecheck.ladder_result import pack
from hypecheck.studies import labels
from hypecheck.studies.labels import LabelPlan, label_results, learner, quantised


def record(right):
    """Make a record of one task; `right[rung][count]` is the share of right answers."""
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=600).astype(np.uint8)

    def cell(share):
        hits = rng.random((5, 600)) < share
        noisy = hits & (rng.random((5, 600)) < 0.9)
        as_byte = [np.where(h, truth, 1 - truth).astype(np.uint8) * 255 for h in (hits, noisy)]
        return {
            "validation": [share] * 5,
            "probability": pack(as_byte[0]),
            "probability_noisy": pack(as_byte[1]),
        }

    rungs = {r: {str(c): cell(s) for c, s in one.items()} for r, one in right.items()}
    task = {"y_true": pack(truth), "groups": pack(np.arange(600)), "rungs": rungs}
    return {"tasks": {"toy": task}}


GOOD = {50: 0.8, 200: 0.85, 1000: 0.9}
FAIR = {50: 0.6, 200: 0.7, 1000: 0.8}
RECORD = record({"kmer_linear": FAIR, "pretrained_frozen": GOOD, "fine_tuned": {50: 0.7}})


def test_curve_and_gain_find_the_planted_skill():
    curve = label_curve(RECORD, "toy", "kmer_linear")
    assert list(curve) == [50, 200, 1000]
    assert curve[1000].low < 0.6 < curve[1000].high
    gap = label_gain(RECORD, "toy", 50, "pretrained_frozen", "kmer_linear")
    assert gap.low > 0.2
    assert gap.n_seeds == 5


def test_equal_rungs_differ_by_nothing():
    gap = label_gain(RECORD, "toy", 50, "kmer_linear", "kmer_linear")
    assert gap.estimate == gap.low == gap.high == 0.0


def test_labels_needed_by_hand():
    assert labels_needed([10, 100], [0.0, 1.0], 0.5) == pytest.approx(np.sqrt(1000))
    assert labels_needed([10, 100], [0.0, 1.0], -1.0) == pytest.approx(10)
    assert labels_needed([10, 100, 1000], [0.5, 0.1, 0.9], 2.0) == pytest.approx(1000)


def test_ratio_says_who_needs_more():
    ratio = label_ratio(RECORD, "toy", at=1000)
    assert ratio.low > 1  # the better rung reaches with 50 what the other needs 1,000 for
    assert ratio.estimate == pytest.approx(20, rel=0.5)
    same = label_ratio(RECORD, "toy", at=1000, pretrained=("kmer_linear",))
    assert same.estimate == pytest.approx(1)


def test_best_rung_looks_at_validation_and_at_what_is_there():
    rungs = ("fine_tuned", "pretrained_frozen")
    assert best_rung(RECORD, "toy", 50, rungs) == "pretrained_frozen"
    assert best_rung(RECORD, "toy", 200, rungs) == "pretrained_frozen"


def test_robustness_is_zero_against_itself():
    gap = robustness_gain(RECORD, "toy", 50, "kmer_linear", "kmer_linear")
    assert gap.estimate == 0.0


def test_unknown_cells_are_refused():
    with pytest.raises(ValueError, match="fine_tuned: 50"):
        label_predictions(RECORD, "toy", "fine_tuned", 200)
    assert label_curves.CLASS_ONE == 128


def test_a_byte_keeps_the_class():
    assert quantised(np.array([0.0, 0.499, 0.5, 1.0])).tolist() == [0, 127, 128, 255]


def test_an_unknown_rung_is_refused():
    with pytest.raises(ValueError, match="kmer_linear"):
        learner("oracle", LabelPlan())


def test_the_study_runs_whole_and_once(tmp_path, monkeypatch):
    """On a stand-in task, with the recorded models; a second call computes nothing."""
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    monkeypatch.setattr(labels, "PRETRAINED", labels.PRETRAINED)
    labels.label_task.cache_clear()
    steps = replace(labels.TRAINING, steps=2, evaluate_every=1)
    plan = LabelPlan(
        tasks=(("gue/prom/prom_core_tata", (40,)),),
        counts=(40,),
        seeds=(0, 1),
        n_validation=40,
        n_test=60,
        error_count=40,
        training=steps,
        cnn_training=steps,
    )
    results = label_results(plan, tmp_path)
    curve = label_curve(results, "gue/prom/prom_core_tata", "fine_tuned")
    assert list(curve) == [40]
    monkeypatch.setattr(labels, "learner", None)
    assert label_results(plan, tmp_path) == results
    labels.label_task.cache_clear()
