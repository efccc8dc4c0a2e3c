"""Budget curves: crossings, steepest steps and slopes on results made by hand."""

import numpy as np
import pytest

from hypecheck import budget_curves as budgets
from hypecheck.ladder_result import pack

TRUTH = np.array([0, 1] * 50, dtype=np.uint8)


def answers(n_wrong):
    found = TRUTH.copy()
    found[:n_wrong] = 1 - found[:n_wrong]
    return {"validation": 1 - n_wrong / 50, "test": pack(found)}


def model(axis, amount, seed, n_wrong, marks):
    stretches = {part: {"right": [marks], "all right": [marks**2]} for part in budgets.PARTS}
    found = {"axis": axis, "amount": amount, "seed": seed, "stretches": stretches}
    return found | {"frozen": {"a": answers(n_wrong), "b": answers(n_wrong)}}


@pytest.fixture
def results():
    wrong = {0: 20, 10: 20, 100: 15, 1000: 10}
    models = [
        model("computing", n, seed, wrong[n], 0.1 * (1 + np.log10(max(n, 1))))
        for seed in (0, 1)
        for n in wrong
    ] + [model("data", n, seed, wrong[n], 0.1) for seed in (0, 1) for n in (10, 100, 1000)]
    facts = {"n_test": 100, "y_true": pack(TRUTH), "groups": pack(np.arange(100, dtype=np.uint16))}
    return {"models": models, "tasks": {"a": facts, "b": facts}}


def test_scores_are_those_of_the_answers(results):
    assert budgets.scores(results, "data", 1000, "frozen") == pytest.approx(0.8)
    assert budgets.twin_gains(results)[10 * budgets.BASES] == pytest.approx(0)


def test_least_amount_lies_where_the_gain_leaves_zero(results):
    assert budgets.minimal_log_bases(results).estimate == pytest.approx(np.log10(1020))


def test_an_even_rise_has_even_steps_and_a_squared_one_has_not(results):
    assert budgets.steepest_shares(results, "right", 1) == pytest.approx(0.5)
    assert budgets.steepest_shares(results, "all right", 1) == pytest.approx(7 / 12)


def test_slope_is_the_gain_of_ten_times_more(results):
    assert budgets.gain_per_decade(results).estimate == pytest.approx(0.1)
    assert set(map(tuple, budgets.best_protocols(results).values())) == {("frozen", "frozen")}


def test_recorded_study_is_whole():
    from hypecheck import recorded

    run = recorded.read_run("questions")
    assert len(run.results["models"]) == 50
    assert budgets.stretch_marks(run.results, "right", 2, "test").shape == (5, 4)
