"""Scores within strata, groups left out in turn, and thresholds chosen elsewhere."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hypecheck.resampling import paired_difference
from hypecheck.scores import accuracy, auroc
from hypecheck.strata import (
    LikelihoodRatio,
    WithinStrata,
    flag_by_others,
    leave_out_interval,
    published_auroc,
    ratio_curve,
    wider_interval,
)


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    strata = rng.integers(3, size=n)
    truth = (rng.random(n) < np.array([0.1, 0.5, 0.9])[strata]).astype(int)
    return rng, strata, truth


def test_one_stratum_is_the_ordinary_area():
    rng, _, truth = sample()
    score = rng.normal(size=len(truth)) + truth
    found = WithinStrata(np.zeros(len(truth), dtype=int))(truth, score)
    assert found == pytest.approx(roc_auc_score(truth, score))


def test_a_score_that_only_knows_the_stratum_is_at_chance_within():
    _, strata, truth = sample()
    assert auroc(truth, strata) > 0.8
    assert WithinStrata(strata)(truth, strata) == 0.5


def test_within_strata_is_the_mean_weighted_by_pairs():
    rng, strata, truth = sample()
    score = rng.normal(size=len(truth)) + truth
    areas, pairs = [], []
    for stratum in range(3):
        here = strata == stratum
        areas.append(roc_auc_score(truth[here], score[here]))
        pairs.append(truth[here].sum() * (1 - truth[here]).sum())
    assert WithinStrata(strata)(truth, score) == pytest.approx(np.average(areas, weights=pairs))


def test_no_stratum_with_both_classes_is_undefined():
    assert np.isnan(WithinStrata(np.array([0, 1]))([0, 1], [1.0, 2.0]))


def test_metrics_can_be_resampled():
    rng, strata, truth = sample()
    score = rng.normal(size=len(truth)) + truth
    for metric in (WithinStrata(strata), LikelihoodRatio()):
        other = (score > 1).astype(float)
        gap = paired_difference(metric, truth, other, other, rng=rng, n_resamples=50)
        assert (gap.low, gap.high) == (0, 0)


def test_ratio_by_hand():
    thresholds, shares, ratios = ratio_curve([1, 1, 0, 0, 0], [5, 4, 4, 1, 1], least_share=0.6)
    assert thresholds.tolist() == [4, 1]
    assert shares.tolist() == [1, 1]
    assert ratios[0] == pytest.approx((2.5 / 3) / (1.5 / 4))


def test_threshold_is_chosen_on_other_groups():
    rng = np.random.default_rng(1)
    truth, score = rng.integers(2, size=300), rng.normal(size=300)
    group = np.arange(300) // 100
    before = flag_by_others(truth, score, group)
    changed = truth.copy()
    changed[:100] = 1 - changed[:100]
    assert (flag_by_others(changed, score, group)[:100] == before[:100]).all()


def test_leaving_out_equals_the_textbook_formula():
    rng = np.random.default_rng(2)
    truth = rng.integers(2, size=90)
    guess = np.where(rng.random(90) < 0.8, truth, 1 - truth)
    group = np.arange(90) // 10
    without = [accuracy(truth[group != g], guess[group != g]) for g in range(9)]
    error = np.sqrt(8 / 9 * np.sum((np.array(without) - np.mean(without)) ** 2))
    found = leave_out_interval(accuracy, truth, guess[None], groups=group)
    assert found.standard_error == pytest.approx(error)
    assert (found.n, found.degrees_of_freedom, found.n_seeds) == (9, 8, None)


def test_seeds_widen_and_pairs_cancel():
    rng = np.random.default_rng(3)
    truth = rng.integers(2, size=200)
    runs = truth + rng.normal(size=(5, 200))
    group = np.arange(200) // 20
    several = leave_out_interval(auroc, truth, runs, groups=group)
    assert several.n_seeds == 5
    none = leave_out_interval(auroc, truth, runs, groups=group, minus=runs)
    assert (none.estimate, none.standard_error) == (0, 0)


def test_wider_of_two():
    rng = np.random.default_rng(4)
    group = np.arange(300) // 30
    truth = rng.integers(2, size=300)
    score = truth * (group % 2) + 0.1 * rng.normal(size=300)  # a score of half the groups only
    both = wider_interval(auroc, truth, score[None], small=np.arange(300), large=group)
    assert both.method.startswith("each group")


def test_a_group_that_cannot_be_missed_is_refused():
    with pytest.raises(ValueError, match="merge small groups"):
        leave_out_interval(auroc, [1, 0, 0], np.array([[3.0, 2, 1]]), groups=[0, 1, 2])


def test_published_area_has_the_textbook_error():
    found = published_auroc(0.9, 50, 50)
    first, second = 0.9 / 1.1, 2 * 0.81 / 1.9
    by_hand = (0.9 * 0.1 + 49 * (first - 0.81) + 49 * (second - 0.81)) / 2500
    assert found.standard_error == pytest.approx(by_hand**0.5)
    assert found.n == 100
