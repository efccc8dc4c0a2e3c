import numpy as np
import pytest
import scipy.sparse
from benchmarks.harness import (
    Benchmark,
    check_equality,
    judge,
    median_interval,
    n_bytes,
    peak_memory,
    run,
)
from scipy.stats import binom


def spin(n):
    return lambda: sum(i * i for i in range(n))


def test_a_slower_peer_gives_a_ratio_above_one():
    result = run(Benchmark("spin", spin(2_000), spin(20_000), must_reach=2.0))
    assert result["verdict"] == "reached"
    assert result["low"] <= result["ratio"] <= result["high"]
    assert result["pairs"] == 7
    assert set(result["versions"]) == {"python", "numpy"}


def test_unequal_results_stop_before_any_timing():
    def equal(ours, peer):
        np.testing.assert_array_equal(ours, peer)

    wrong = Benchmark("wrong", lambda: np.ones(2), lambda: np.zeros(2), 1.0, equal=equal)
    with pytest.raises(AssertionError):
        run(wrong)
    with pytest.raises(AssertionError):
        check_equality(wrong)


def test_setup_runs_before_both_sides():
    seen = []
    check_equality(
        Benchmark(
            "order",
            lambda: seen.append("ours"),
            lambda: seen.append("peer"),
            1.0,
            equal=lambda *results: seen.append(len(results)),
            setup=lambda: seen.append("setup"),
        )
    )
    assert seen == ["setup", "ours", "peer", 2]


@pytest.mark.parametrize(
    ("low", "high", "memory", "verdict"),
    [
        (2.0, 3.0, None, "reached"),
        (1.0, 3.0, None, "not resolved"),
        (1.0, 1.9, None, "not reached"),
        (2.0, 3.0, 1.2, "reached"),
        (2.0, 3.0, 1.4, "not reached"),
    ],
)
def test_judge(low, high, memory, verdict):
    promise = Benchmark("x", spin(1), spin(1), must_reach=2.0, memory_below=1.3)
    assert judge(promise, low, high, memory) == verdict


@pytest.mark.parametrize(("n", "dropped"), [(6, 0), (7, 0), (9, 1), (20, 5)])
def test_median_interval_is_the_narrowest_that_covers(n, dropped):
    # n = 20: ranks 6 and 15, as in Conover's tables
    values = np.random.default_rng(0).permutation(n)
    assert median_interval(values) == (dropped, n - 1 - dropped)
    assert 1 - 2 * binom.cdf(dropped, n, 0.5) >= 0.95


def test_median_interval_covers_a_known_median():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(500):
        low, high = median_interval(rng.exponential(size=11))
        hits += low <= np.log(2) <= high
    assert hits / 500 > 0.93


def test_too_few_pairs_give_no_interval():
    with pytest.raises(ValueError, match="measure 6 or more"):
        median_interval([1.0] * 5)


def test_memory_counts_what_is_allocated_besides_the_result():
    assert peak_memory(lambda: np.zeros(1_000_000)) == pytest.approx(1, abs=0.01)
    assert peak_memory(lambda: np.zeros(1_000_000)[::-1].copy()) == pytest.approx(2, abs=0.01)


def test_n_bytes_of_sparse_and_of_the_unknown():
    matrix = scipy.sparse.csr_array(np.eye(3, dtype=np.float32))
    assert n_bytes([matrix, np.zeros(1, dtype=np.uint8)]) == 3 * 4 + 3 * 4 + 4 * 4 + 1
    with pytest.raises(TypeError, match="cannot size a str"):
        n_bytes("text")
