import itertools

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, matthews_corrcoef, roc_auc_score

from hypecheck.scores import (
    accuracy,
    auroc,
    bits_per_base,
    discrimination_rank,
    expected_best,
    jensen_shannon_distance,
    learnable_gap_share,
    matthews,
    pearson,
    pearson_delta,
)


def draw(seed, n_classes, n=80, n_weightings=6):
    """Labels, predictions with ties, and counts of which some rows lack a class."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n)
    predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(n_classes, size=n))
    score = np.round(truth + rng.normal(size=n), 1)
    return truth, predicted, score, rng.poisson(0.8, size=(n_weightings, n))


# --- worked by hand -------------------------------------------------------------------------------


def test_matthews_of_a_table():
    # 4 true positives, 1 false negative, 2 false positives, 3 true negatives
    truth = [1] * 5 + [0] * 5
    predicted = [1] * 4 + [0] + [1] * 2 + [0] * 3
    assert matthews(truth, predicted) == pytest.approx((4 * 3 - 2 * 1) / np.sqrt(6 * 5 * 5 * 4))


def test_auroc_counts_pairs():
    assert auroc([0, 0, 1, 1], [1, 3, 2, 4]) == 0.75
    assert auroc([0, 0, 1, 1], [1, 1, 1, 1]) == 0.5
    assert np.isnan(auroc([1, 1], [1, 2]))


def test_no_change_has_no_correlation_of_change():
    observed = [[2.0, 3.0, 4.0], [1.0, 1.0, 5.0]]
    control = [1.0, 2.0, 2.0]
    assert np.isnan(pearson_delta([control, control], observed, control)).all()
    assert np.corrcoef(control, observed[0])[0, 1] > 0.8  # raw correlation praises it


def test_discrimination_ranks_by_hand():
    observed = np.array([[0.0, 0], [4, 0], [0, 9]])
    predicted = np.array([[1.0, 0], [0, 0], [0, 6]])
    # row 0 is nearest to its own; row 1 is nearer to truth 0, ahead of 2; row 2 to its own
    assert discrimination_rank(predicted, observed).tolist() == [1, 0.5, 1]


def test_one_prediction_for_all_ranks_at_chance():
    observed = np.random.default_rng(0).normal(size=(20, 5))
    same = np.zeros_like(observed)
    assert discrimination_rank(same, observed).mean() == pytest.approx(0.5)
    tied = discrimination_rank(np.zeros((20, 20)), np.eye(20))
    assert (tied == 0.5).all()


def test_units_of_loss():
    assert bits_per_base(np.log(4)) == pytest.approx(2)
    assert bits_per_base([np.log(2), np.log(16)], bases_per_token=2).tolist() == [0.5, 2]
    assert learnable_gap_share(4.0, unigram=5.0, best=3.0) == 0.5
    assert learnable_gap_share(5.5, unigram=5.0, best=3.0) == -0.25


# --- equal to a reference -------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 15])
@pytest.mark.parametrize("seed", range(3))
def test_batched_matthews_and_accuracy_are_scikit_learns(n_classes, seed):
    truth, predicted, _, counts = draw(seed, n_classes)
    for mine, theirs in ((matthews, matthews_corrcoef), (accuracy, accuracy_score)):
        expected = [theirs(truth, predicted, sample_weight=row) for row in counts]
        assert mine.weighted(truth, predicted, counts) == pytest.approx(expected, abs=1e-12)
        assert mine(truth, predicted) == pytest.approx(theirs(truth, predicted), abs=1e-12)


@pytest.mark.parametrize(("truth", "predicted"), [([0, 1, 1], [1, 1, 1]), ([1, 1, 1], [0, 1, 2])])
def test_matthews_is_zero_where_it_is_undefined(truth, predicted):
    assert matthews(truth, predicted) == 0
    assert matthews_corrcoef(truth, predicted) == 0


def test_classes_may_have_names():
    assert matthews(["a", "b", "b"], ["a", "b", "b"]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_batched_auroc_is_scikit_learns(seed):
    truth, _, score, counts = draw(seed, 2)
    expected = [roc_auc_score(truth, score, sample_weight=row) for row in counts]
    assert auroc.weighted(truth, score, counts) == pytest.approx(expected, abs=1e-12)
    assert auroc(truth, score) == pytest.approx(roc_auc_score(truth, score))


@pytest.mark.parametrize("seed", range(3))
def test_batched_pearson_is_scipys_on_repeated_items(seed):
    truth, _, score, counts = draw(seed, 5)
    truth = truth * 1e-3 + 1e3  # a large mean must not cost digits
    expected = [
        scipy.stats.pearsonr(np.repeat(truth, row), np.repeat(score, row)).statistic
        for row in counts
    ]
    assert pearson.weighted(truth, score, counts) == pytest.approx(expected, abs=1e-9)
    assert np.isnan(pearson(np.ones(4), np.arange(4.0)))


def test_pearson_delta_is_scipys():
    rng = np.random.default_rng(0)
    predicted, observed, control = (
        rng.normal(size=(4, 30)),
        rng.normal(size=(4, 30)),
        rng.random(30),
    )
    expected = [
        scipy.stats.pearsonr(p - control, o - control).statistic
        for p, o in zip(predicted, observed, strict=True)
    ]
    assert pearson_delta(predicted, observed, control) == pytest.approx(expected)


@pytest.mark.parametrize(("distance", "name"), [("l1", "cityblock"), ("l2", "euclidean")])
def test_discrimination_rank_is_a_count_over_all_distances(distance, name):
    rng = np.random.default_rng(1)
    observed = rng.normal(size=(12, 6))
    predicted = observed + rng.normal(size=(12, 6))
    gaps = scipy.spatial.distance.cdist(predicted, observed, name)
    expected = (gaps > np.diag(gaps)[:, None]).sum(axis=1) / 11
    assert discrimination_rank(predicted, observed, distance=distance) == pytest.approx(expected)


def test_jensen_shannon_is_scipys_for_all_pairs():
    p = np.random.default_rng(0).dirichlet(np.ones(6), size=5)
    mine = jensen_shannon_distance(p[:, None], p[None])
    assert mine.shape == (5, 5)
    for i, j in itertools.product(range(5), repeat=2):
        expected = scipy.spatial.distance.jensenshannon(p[i], p[j], base=2)
        assert mine[i, j] == pytest.approx(expected, abs=1e-7)


def test_expected_best_is_the_mean_over_all_choices():
    scores = np.array([0.3, 0.1, 0.9, 0.4, 0.4, 0.2])
    expected = [
        np.mean([max(chosen) for chosen in itertools.combinations(scores, n)]) for n in range(1, 7)
    ]
    assert expected_best(scores) == pytest.approx(expected)
    assert expected_best([0.5]).tolist() == [0.5]


# --- properties -----------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_matthews_does_not_care_how_classes_are_called(seed, n_classes):
    truth, predicted, _, counts = draw(seed, n_classes)
    names = np.random.default_rng(seed).permutation(n_classes) + 7
    renamed = matthews.weighted(names[truth], names[predicted], counts)
    assert renamed == pytest.approx(matthews.weighted(truth, predicted, counts))
    assert (np.abs(renamed) <= 1 + 1e-12).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_auroc_depends_on_the_order_alone(seed):
    truth, _, score, counts = draw(seed, 2)
    assert auroc.weighted(truth, np.exp(score), counts) == pytest.approx(
        auroc.weighted(truth, score, counts)
    )
    assert auroc.weighted(truth, -score, counts) == pytest.approx(
        1 - auroc.weighted(truth, score, counts)
    )


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_expected_best_rises_from_mean_to_maximum(scores):
    best = expected_best(scores)
    assert best[0] == pytest.approx(np.mean(scores), abs=1e-9)
    assert best[-1] == pytest.approx(max(scores), abs=1e-9)
    assert (np.diff(best) >= -1e-9).all()


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_jensen_shannon_is_a_distance(seed):
    p, q, r = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), size=3)
    assert jensen_shannon_distance(p, p) == 0
    assert jensen_shannon_distance(p, q) == pytest.approx(jensen_shannon_distance(q, p))
    detour = jensen_shannon_distance(p, r) + jensen_shannon_distance(r, q)
    assert 0 <= jensen_shannon_distance(p, q) <= min(1, detour + 1e-9)


# --- known truth ----------------------------------------------------------------------------------


def test_a_noisy_copy_correlates_as_planted():
    rng = np.random.default_rng(0)
    control = rng.normal(5, 2, size=20_000)
    change = rng.normal(size=20_000)
    noisy = change + rng.normal(size=20_000)  # correlation 1 / sqrt(2)
    assert pearson_delta(control + noisy, control + change, control) == pytest.approx(
        0.707, abs=0.01
    )


def test_expected_best_of_uniform_scores_is_known():
    scores = np.random.default_rng(0).random(1000)
    assert expected_best(scores)[9] == pytest.approx(10 / 11, abs=0.01)


# --- errors that help -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matthews([0, 1], [0]), "two rows of one length"),
        (lambda: matthews([], []), "two rows of one length"),
        (lambda: auroc([0, 2], [0.1, 0.2]), "classes 0 and 1"),
        (lambda: pearson_delta([1.0, 2.0], [1.0, 2.0, 3.0], 0.0), "last axis"),
        (lambda: discrimination_rank([[1.0]], [[1.0]]), "one shape"),
        (lambda: discrimination_rank(np.eye(2), np.eye(2), distance="cosine"), "'l2'"),
        (lambda: jensen_shannon_distance([2.0, 3.0], [0.5, 0.5]), "softmax"),
        (lambda: jensen_shannon_distance([1.5, -0.5], [0.5, 0.5]), "softmax"),
        (lambda: bits_per_base(1.0, bases_per_token=0), "positive"),
        (lambda: learnable_gap_share(1.0, unigram=2.0, best=2.0), "lower than unigram"),
        (lambda: expected_best([]), "finite numbers"),
        (lambda: expected_best([1.0, np.nan]), "failed trials"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()
