from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from benchmarks import coverage
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from hypecheck import resamples, resampling
from hypecheck.resampling import (
    Interval,
    bootstrap_interval,
    compare,
    holm,
    paired_difference,
    paired_seeds_and_items,
    permutation_test,
    rank_stability,
    seeds_and_items_interval,
    tost,
)
from hypecheck.scores import accuracy, auroc, matthews


def rng(seed=0):
    return np.random.default_rng(seed)


def predict(truth, skill, seed, shape=()):
    generator = rng(seed)
    right = generator.random((*shape, len(truth))) < skill
    return np.where(right, truth, 1 - truth)


def t_interval(estimate, error, freedom, level=0.95, **rest):
    return Interval(
        estimate, 0, 0, standard_error=error, degrees_of_freedom=freedom, **rest
    ).at_level(level)


# --- worked by hand -------------------------------------------------------------------------------


def test_an_interval_answers_simple_questions():
    interval = Interval(0.5, 0.4, 0.6)
    assert interval.excludes(0.39)
    assert not interval.excludes(0.4)
    assert interval.overlaps(Interval(0.7, 0.6, 0.8))
    assert not interval.overlaps(Interval(0.7, 0.61, 0.8))


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.531, 0.493, 0.569), ".531 [.493, .569]"),
        (Interval(-0.0271, -0.1, 0.0), "-.027 [-.100, .000]"),
        (Interval(10.5, 9.9999, 20.25), "10.500 [10.000, 20.250]"),
        (Interval(-0.0001, -1.0, 1.0), ".000 [-1.000, 1.000]"),
    ],
)
def test_an_interval_prints_as_in_a_results_sentence(interval, text):
    assert str(interval) == text


def test_seeds_alone_give_a_t_interval_with_one_degree_of_freedom():
    # one seed is right everywhere and one nowhere: no item matters, and the seed SD is sqrt(1/2)
    truth = np.tile([0, 1], 10)
    interval = seeds_and_items_interval(accuracy, truth, [truth, 1 - truth], rng=rng())
    assert interval.estimate == 0.5
    assert interval.standard_error == pytest.approx(0.5)
    assert interval.high - 0.5 == pytest.approx(0.5 * 12.7062, rel=1e-4)
    assert (interval.n_seeds, interval.degrees_of_freedom, interval.n) == (2, 1, 20)


def test_items_alone_give_the_textbook_error_of_a_mean():
    truth = np.tile([0, 1], 200)
    predicted = truth.copy()
    predicted[:100] = 1 - truth[:100]
    interval = seeds_and_items_interval(
        accuracy, truth, predicted[None], rng=rng(), n_resamples=20_000
    )
    assert interval.standard_error == pytest.approx(np.sqrt(0.75 * 0.25 / 399), rel=0.02)
    assert interval.n_seeds is None
    assert interval.degrees_of_freedom == 399


def test_both_variances_add_up():
    truth = np.tile([0, 1], 150)
    runs = predict(truth, 0.8, seed=1, shape=(5,))
    scores = [accuracy(truth, run) for run in runs]
    items = (runs == truth).mean(axis=0)  # the seed mean is a mean over items
    expected = np.var(scores, ddof=1) / 5 + items.var(ddof=1) / len(items)
    interval = seeds_and_items_interval(accuracy, truth, runs, rng=rng(), n_resamples=20_000)
    assert interval.standard_error**2 == pytest.approx(expected, rel=0.03)
    half = scipy.stats.t.ppf(0.975, 4) * interval.standard_error
    assert interval.high == pytest.approx(interval.estimate + half)
    assert interval.low == pytest.approx(interval.estimate - half)


def test_equal_numbers_of_seeds_are_paired():
    truth = np.tile([0, 1], 100)
    a = predict(truth, 0.8, seed=1, shape=(5,))
    b = a.copy()
    b[:, :10] = 1 - b[:, :10]  # the same ten items change in every run
    difference = paired_seeds_and_items(accuracy, truth, a, b, rng=rng())
    gains = [accuracy(truth, x) - accuracy(truth, y) for x, y in zip(a, b, strict=True)]
    change = ((a == truth).astype(float) - (b == truth)).mean(axis=0)
    expected = np.var(gains, ddof=1) / 5 + change.var(ddof=1) / 200
    assert difference.standard_error**2 == pytest.approx(expected, rel=0.15)
    assert (difference.n_seeds, difference.degrees_of_freedom) == (5, 4)


@pytest.mark.parametrize(
    ("n_a", "n_b", "n_seeds", "freedom"), [(5, 1, 5, 4), (1, 7, 7, 6), (3, 9, 3, 2)]
)
def test_the_method_with_fewer_seeds_sets_the_degrees_of_freedom(n_a, n_b, n_seeds, freedom):
    truth = np.tile([0, 1], 100)
    a = predict(truth, 0.8, seed=1, shape=(n_a,))
    b = predict(truth, 0.7, seed=2, shape=(n_b,))
    difference = paired_seeds_and_items(accuracy, truth, a, b, rng=rng(), n_resamples=2000)
    assert (difference.n_seeds, difference.degrees_of_freedom) == (n_seeds, freedom)
    seeds = sum(
        np.var([accuracy(truth, run) for run in runs], ddof=1) / len(runs)
        for runs in (a, b)
        if len(runs) > 1
    )
    change = (a == truth).mean(axis=0) - (b == truth).mean(axis=0)
    expected = seeds + change.var(ddof=1) / 200
    assert difference.standard_error**2 == pytest.approx(expected, rel=0.15)


def test_two_methods_without_chance_are_compared_over_items_alone():
    truth = np.tile([0, 1], 100)
    difference = paired_seeds_and_items(
        accuracy,
        truth,
        predict(truth, 0.8, seed=1)[None],
        predict(truth, 0.7, seed=2)[None],
        rng=rng(),
    )
    assert difference.n_seeds is None
    assert difference.degrees_of_freedom == 199


@pytest.mark.parametrize(
    ("estimate", "error", "verdict"),
    [
        (0.10, 0.02, "beats"),
        (-0.10, 0.02, "loses"),
        (0.01, 0.002, "beats"),  # sure and small: said as it is
        (0.00, 0.010, "matches"),
        (0.02, 0.020, "not worse"),
        (0.00, 0.050, "not resolved"),
        (-0.02, 0.020, "not resolved"),
    ],
)
def test_verdicts_follow_the_rules(estimate, error, verdict):
    difference = t_interval(estimate, error, 30, n_seeds=5)
    assert compare(difference, difference.at_level(0.9), 0.03) == verdict


@pytest.mark.parametrize("estimate", [0.1, -0.1, 0.0])
def test_fewer_than_five_seeds_resolve_nothing(estimate):
    difference = t_interval(estimate, 0.001, 30, n_seeds=4)
    assert compare(difference, difference.at_level(0.9), 0.03) == "not resolved"


def test_a_win_must_survive_holm():
    difference = t_interval(0.05, 0.02, 30, n_seeds=5)
    both = difference, difference.at_level(0.9)
    assert compare(*both, 0.03, p_adjusted=0.04) == "beats"
    assert compare(*both, 0.03, p_adjusted=0.06) == "not worse"


def test_holm_steps_down():
    adjusted = holm([0.005, 0.011, 0.02, 0.04, 0.13])
    assert adjusted == pytest.approx([0.025, 0.044, 0.06, 0.08, 0.13])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0


def test_ranks_of_a_small_table():
    table = np.array([[0.9, 0.9, 0.9], [0.5, 0.5, 0.1], [0.1, 0.1, 0.5]])
    stability = rank_stability(table, rng=rng())
    assert stability.rank.tolist() == [1, 2, 3]
    assert stability.p_best.tolist() == [1, 0, 0]
    assert stability.swing.tolist() == [0, 1, 1]
    # model 1 leads model 2 unless the third task is drawn twice or thrice: 7 of 27
    assert (stability.low[0], stability.high[0]) == (1, 1)
    assert (stability.low[1], stability.high[1]) == (2, 3)


def test_equal_models_share_rank_and_victory():
    stability = rank_stability([[0.3, 0.6], [0.6, 0.3], [0.3, 0.6]], rng=rng())
    assert stability.rank.tolist() == [2, 2, 2]
    assert stability.p_best.sum() == pytest.approx(1)
    assert stability.p_best[0] == stability.p_best[2]


# --- equal to a reference -------------------------------------------------------------------------


def our_resamples(statistic, values, n_resamples, seed):
    """Our own resamples, so that SciPy's interval can be made of the same."""
    units = resamples.make_units(len(values), None)
    counts = np.concatenate(list(units.draws(n_resamples, rng(seed))))
    return resamples.evaluate(statistic, [values], counts)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std])
def test_intervals_are_scipys_at_the_expanded_level(method, statistic):
    values = rng(3).exponential(size=40)
    ours = bootstrap_interval(statistic, values, rng=rng(4), n_resamples=999, method=method)
    tail = scipy.stats.norm.cdf(scipy.stats.t.ppf(0.025, 39) * np.sqrt(40 / 39))
    with_ours = SimpleNamespace(
        bootstrap_distribution=our_resamples(statistic, values, 999, seed=4), standard_error=np.nan
    )
    theirs = scipy.stats.bootstrap(
        (values,),
        statistic,
        n_resamples=0,
        bootstrap_result=with_ours,
        confidence_level=1 - 2 * tail,
        method=method,
        vectorized=False,
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_our_resamples_are_as_good_as_scipys(method):
    values = rng(3).normal(size=400)
    ours = bootstrap_interval(coverage.MEAN, values, rng=rng(), n_resamples=20_000, method=method)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method=method, rng=rng(1)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(30), 4)])
@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_fast_path_is_the_slow_path(groups, method):
    truth = np.tile([0, 1, 2], 40)
    a = np.where(rng(1).random(120) < 0.7, truth, 0)
    b = np.where(rng(2).random(120) < 0.6, truth, 1)
    how = {"n_resamples": 200, "method": method, "groups": groups}
    fast = paired_difference(matthews, truth, a, b, rng=rng(5), **how)
    slow = paired_difference(matthews_corrcoef, truth, a, b, rng=rng(5), **how)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx(
        (slow.estimate, slow.low, slow.high), abs=1e-12
    )


def test_seeds_and_items_take_any_metric():
    truth = np.tile([0, 1], 60)
    runs = predict(truth, 0.7, seed=1, shape=(3,))
    fast = seeds_and_items_interval(matthews, truth, runs, rng=rng(5), n_resamples=100)
    slow = seeds_and_items_interval(matthews_corrcoef, truth, runs, rng=rng(5), n_resamples=100)
    assert fast.standard_error == pytest.approx(slow.standard_error)


def test_predictions_may_have_classes_as_a_last_axis():
    truth = np.tile([0, 1, 2], 20)
    logits = rng(1).normal(size=(2, 60, 3)) + 2 * np.eye(3)[truth]

    def top_one(y_true, scores):
        return float(np.mean(scores.argmax(axis=1) == y_true))

    by_scores = seeds_and_items_interval(top_one, truth, logits, rng=rng(), n_resamples=100)
    by_class = seeds_and_items_interval(
        accuracy, truth, logits.argmax(axis=2), rng=rng(), n_resamples=100
    )
    assert by_scores.standard_error == pytest.approx(by_class.standard_error)


def test_whole_groups_are_drawn():
    groups = np.array([0, 0, 0, 1, 2, 2])
    units = resamples.make_units(6, groups)
    counts = np.concatenate(list(units.draws(500, rng())))
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 4] == counts[:, 5]).all()
    assert (counts[:, [0, 3, 4]].sum(axis=1) == 3).all()
    left_out = np.concatenate(list(units.leave_one_out()))
    assert left_out.tolist() == [[0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 1, 1], [1, 1, 1, 1, 0, 0]]


def test_blocks_do_not_change_what_is_drawn(monkeypatch):
    values = rng(1).normal(size=50)
    whole = bootstrap_interval(coverage.MEAN, values, rng=rng(2), method="bca")
    monkeypatch.setattr(resamples, "_BLOCK", 1000)
    in_blocks = bootstrap_interval(coverage.MEAN, values, rng=rng(2), method="bca")
    assert (whole.low, whole.high) == pytest.approx((in_blocks.low, in_blocks.high))


@pytest.mark.parametrize(("paired", "kind"), [(False, "independent"), (True, "samples")])
def test_permutation_p_is_scipys(paired, kind):
    a, b = rng(1).normal(0.6, 1, size=8), rng(2).normal(size=8)

    def shift(x, y):
        return np.mean(x) - np.mean(y)

    ours = permutation_test(shift, a, b, rng=rng(), n_permutations=4000, paired=paired)
    exact = scipy.stats.permutation_test(
        (a, b), shift, permutation_type=kind, n_resamples=np.inf, vectorized=False
    ).pvalue
    assert ours == pytest.approx(exact, abs=0.03)


def test_tost_is_two_t_tests():
    result = tost(t_interval(0.01, 0.02, 9), 0.03)
    assert result.p_not_worse == pytest.approx(scipy.stats.t.sf(0.04 / 0.02, 9))
    assert result.p_equivalent == pytest.approx(scipy.stats.t.sf(0.02 / 0.02, 9))
    assert t_interval(0.01, 0.02, 9).p_value() == pytest.approx(2 * scipy.stats.t.sf(0.5, 9))


# --- properties -----------------------------------------------------------------------------------

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(probabilities)
def test_holm_only_raises_and_keeps_order(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert np.isclose(adjusted.min(), min(1, min(p) * len(p)))


@given(st.floats(-0.1, 0.1), st.floats(0.001, 0.05), st.integers(1, 40), st.floats(0.005, 0.1))
def test_tost_says_what_the_90_percent_interval_says(estimate, error, freedom, margin):
    interval = t_interval(estimate, error, freedom, level=0.9)
    result = tost(interval, margin)
    if abs(result.p_equivalent - 0.05) > 1e-9:
        within = -margin < interval.low and interval.high < margin
        assert (result.p_equivalent < 0.05) == within
    if abs(result.p_not_worse - 0.05) > 1e-9:
        assert (result.p_not_worse < 0.05) == (interval.low > -margin)


@given(st.floats(-1, 1), st.floats(0.001, 1), st.integers(1, 40))
def test_p_and_interval_agree_on_zero(estimate, error, freedom):
    interval = t_interval(estimate, error, freedom)
    if abs(interval.p_value() - 0.05) > 1e-9:
        assert (interval.p_value() < 0.05) == interval.excludes(0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_exchanging_the_methods_mirrors_the_interval(seed):
    truth = np.tile([0, 1], 30)
    a, b = predict(truth, 0.8, seed), predict(truth, 0.7, seed + 1)
    one = paired_difference(matthews, truth, a, b, rng=rng(seed), n_resamples=60)
    other = paired_difference(matthews, truth, b, a, rng=rng(seed), n_resamples=60)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_model_equals_itself():
    truth = np.tile([0, 1], 30)
    runs = predict(truth, 0.8, 1, shape=(5,))
    same = paired_seeds_and_items(matthews, truth, runs, runs, rng=rng())
    assert (same.low, same.high, same.p_value()) == (0, 0, 1)
    assert compare(same, same.at_level(0.9), 0.03) == "matches"
    assert tost(same, 0.03).p_equivalent == 0


def test_the_same_seed_gives_the_same_interval():
    values = np.arange(40.0)
    assert bootstrap_interval(np.mean, values, rng=rng(1)) == bootstrap_interval(
        np.mean, values, rng=rng(1)
    )


def test_a_perfect_score_has_an_interval_too():
    truth = np.tile([0, 1], 30)
    interval = bootstrap_interval(accuracy, truth, truth, rng=rng(), method="bca")
    assert (interval.low, interval.estimate, interval.high) == (1, 1, 1)


# --- known truth ----------------------------------------------------------------------------------

TRIALS = 1000
FEW = {"n_resamples": 400}
WORLDS = {
    "mean": coverage.mean_world(300, skewed=False, method="percentile", **FEW),
    "mean, bca": coverage.mean_world(300, skewed=True, method="bca", **FEW),
    "MCC": coverage.matthews_world(300, method="percentile", **FEW),
    "MCC difference": coverage.difference_world(300, method="percentile", **FEW),
    "60 clusters": coverage.cluster_world(60, method="percentile", **FEW),
    "60 clusters, bca": coverage.cluster_world(60, method="bca", **FEW),
    "5 seeds": coverage.seeds_world(5, 300, seed_sd=0.6, n_resamples=100),
    "5 seeds, difference": coverage.seeds_world(5, 300, seed_sd=0.6, paired=True, n_resamples=100),
}


@pytest.mark.parametrize("name", WORLDS)
def test_95_percent_covers_93_to_97(name):
    share, _ = coverage.coverage(WORLDS[name], n_trials=TRIALS, seed=20)
    assert 0.93 <= share <= 0.97


def test_forgetting_the_clusters_covers_too_little():
    world = coverage.cluster_world(60, method="percentile", aware=False, n_resamples=200)
    share, _ = coverage.coverage(world, n_trials=200, seed=20)
    assert share < 0.90


def test_an_interval_over_items_alone_misses_the_seed():
    world = coverage.seeds_world(1, 300, seed_sd=0.6, n_resamples=100)
    share, _ = coverage.coverage(world, n_trials=200, seed=20)
    assert share < 0.5


def test_permutation_p_is_uniform_where_nothing_differs():
    generator = rng(9)
    p = [
        permutation_test(
            lambda x, y: x.mean() - y.mean(),
            *generator.normal(size=(2, 10)),
            rng=generator,
            n_permutations=99,
        )
        for _ in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.10
    assert min(p) >= 0.02


# --- errors that help -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bootstrap_interval(np.mean, [1.0, 2.0], [1.0], rng=rng()), "same items"),
        (lambda: bootstrap_interval(np.mean, 1.0, rng=rng()), "first axis"),
        (lambda: bootstrap_interval(np.mean, rng=rng()), "at least one array"),
        (lambda: bootstrap_interval(np.mean, [1.0], rng=rng()), "1 item cannot"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2], rng=rng(), groups=[1, 1]), "1 group"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2], rng=rng(), groups=[1]), "one for each"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2], rng=rng(), level=95), "use .95"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2], rng=rng(), n_resamples=10), "1,000"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2], rng=rng(), method="basic"), "'bca'"),
        (lambda: bootstrap_interval(np.mean, [1.0, np.nan], rng=rng()), "NaN"),
        (lambda: bootstrap_interval(auroc, [0, 0, 0, 1], [1, 2, 3, 4], rng=rng()), "one class"),
        (lambda: seeds_and_items_interval(accuracy, [0, 1], [0, 1], rng=rng()), "leading axis"),
        (lambda: seeds_and_items_interval(accuracy, [0, 1], [[0, 1, 1]], rng=rng()), "seeds, 2"),
        (lambda: seeds_and_items_interval(auroc, [0, 0], [[0, 1]], rng=rng()), "classes"),
        (lambda: holm([0.5, 1.5]), "between 0 and 1"),
        (lambda: holm([0.5, np.nan]), "between 0 and 1"),
        (lambda: tost(Interval(0, -1, 1), 0.03), "standard error"),
        (lambda: tost(t_interval(0, 1, 3), 0), "margin must be positive"),
        (lambda: Interval(0, -1, 1).at_level(0.9), "bootstrap again"),
        (lambda: Interval(0, -1, 1).p_value(), "permutation_test"),
        (lambda: compare(Interval(0, -1, 1), Interval(0, -1, 1), 0.03), "90 % interval"),
        (lambda: permutation_test(np.dot, [1, 2], [1], rng=rng(), paired=True), "one shape"),
        (lambda: permutation_test(np.dot, [1], [1], rng=rng(), n_permutations=0), "at least 1"),
        (lambda: rank_stability([[1.0, np.nan], [1, 2]], rng=rng()), "1 missing"),
        (lambda: rank_stability([1.0, 2.0], rng=rng()), "2 models by 2 tasks"),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_few_undefined_resamples_are_left_out():
    truth = np.array([0] * 26 + [1] * 4)  # one resample in seventy has no positive
    scores = rng(1).normal(size=30) + truth
    interval = bootstrap_interval(auroc, truth, scores, rng=rng(2))
    assert interval.estimate == pytest.approx(roc_auc_score(truth, scores))
    assert interval.low < interval.estimate < interval.high


def test_wilsons_interval_is_scipys_and_has_width_where_all_agree():
    found = resampling.share_interval([True] * 8 + [False] * 2)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Wilson, by hand
    assert resampling.share_interval([False] * 5).high > 0.3
    with pytest.raises(ValueError, match="no items"):
        resampling.share_interval([])


def test_overlap_is_one_for_equal_sets_and_zero_for_strangers():
    rng = np.random.default_rng(0)
    same = resampling.mean_overlap({"a": {"x"}, "b": {"x"}, "c": {"x"}}, rng=rng)
    assert (same.estimate, same.low, same.high) == (1, 1, 1)
    apart = resampling.mean_overlap({"a": {"x"}, "b": {"y"}, "c": {"z"}}, rng=rng)
    assert apart.high == 0
    with pytest.raises(ValueError, match="two owners"):
        resampling.mean_overlap({"a": {"x"}}, rng=rng)
