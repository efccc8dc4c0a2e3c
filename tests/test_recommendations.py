"""The numbers behind advice: by hand, and read off the record."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck import recorded
from hypecheck.decision_map import SIMPLE, Case, Method
from hypecheck.studies import recommendations_parts as parts
from hypecheck.studies import recommendations_practices as practices
from hypecheck.studies import recommendations_result as result
from hypecheck.studies.recommendations_cases import NEEDED, all_cases
from hypecheck.task_families import shares_word

TRUTH = np.tile([0, 1], 100)


def method(n_wrong, validation, seconds, n_seeds=2, pretraining=0.0):
    rows = np.tile(TRUTH, (n_seeds, 1))
    rows[:, :n_wrong] = 1 - rows[:, :n_wrong]
    return Method(rows, validation, seconds, pretraining)


@pytest.fixture
def case():
    return Case("a", "a", "a", 100, TRUTH, {
        "chance": method(100, 0.0, 0.0),
        "kmer_linear": method(20, 0.8, 1.0, 1),
        "cnn": method(10, 0.7, 40.0),
        "pretrained_frozen": method(30, 0.6, 2.0, pretraining=20.0),
        "fine_tuned": method(8, 0.9, 300.0, pretraining=20.0),
    })  # fmt: skip


@pytest.fixture(scope="module")
def records():
    return {name: recorded.read_run(name) for name in NEEDED}


def test_mean_gap_by_hand(case):
    other = replace(
        case, name="b", task="b", methods=case.methods | {"fine_tuned": method(28, 0.9, 1)}
    )
    gap = result.mean_gap([case, other], result.against(SIMPLE))
    assert gap.estimate == pytest.approx(((0.92 - 0.80) + (0.72 - 0.80)) / 2)
    assert gap.n == 2


def test_cases_of_one_task_count_once(case):
    gap = result.mean_gap(
        [case, replace(case, name="again"), replace(case, task="b")], result.against(SIMPLE)
    )
    assert gap.n == 2


def test_budgets_choose_the_side(case):
    gap = result.budget_gap([case, replace(case, task="b")])  # fine-tuned against words
    assert gap.estimate == pytest.approx(2 * (20 - 8) / 200)
    small = result.small_budget_gap([case, replace(case, task="b")])  # frozen against words
    assert small.estimate == pytest.approx(2 * (20 - 30) / 200)


def test_a_cheap_twin_in_quality_changes_the_choice(case):
    near = replace(case, methods=case.methods | {"kmer_linear": method(9, 0.8, 1.0, 1)})
    share, n_cells = practices.choices_changed([case, near])
    assert (share.estimate, n_cells) == (0.5, 2)
    share, _ = practices.choices_changed([near], share=0.001)
    assert share.estimate == 0


def test_losses_are_counted_by_task(case):
    behind = {"fine_tuned": method(90, 0.9, 300.0, 5), "kmer_linear": method(5, 0.8, 1.0, 1)}
    lost = replace(case, methods=case.methods | behind)
    assert result.clear_losses([lost, replace(lost, name="again")], result.against(SIMPLE)) == 1
    assert result.clear_losses([case], result.against(SIMPLE)) == 0


def test_halves_of_a_board_that_agrees_change_nothing_and_of_noise_much():
    rng = np.random.default_rng(0)
    assert practices.rank_change(np.tile(np.arange(9.0)[:, None], 6), rng).high == 0
    assert practices.rank_change(rng.random((30, 10)), rng).low > 5


def test_latency_is_a_ratio_of_medians_block_by_block():
    ratio, seconds = practices.latency({"frozen": [0.02, 0.04], "kmer_linear": [0.01, 0.02]})
    assert ratio.estimate == pytest.approx(2)
    assert seconds.estimate == pytest.approx(0.03)


def test_the_record_gives_every_case_once(records):
    cases = all_cases(records)
    names = [one.name for one in cases]
    assert len(set(names)) == len(names)
    assert all(one.best(SIMPLE) for one in cases)
    assert {len(m.predictions) for one in cases for m in one.methods.values()} <= {1, 5}


def test_recorded_scores_are_those_of_the_ladders(records):
    ladder = parts.study_ladder("coding")
    case = next(one for one in all_cases(records) if one.task == "coding")
    for rung in ("kmer_linear", "fine_tuned"):
        assert np.allclose(case.scores(rung), ladder[rung].scores)


def test_the_other_source_shares_no_long_word():
    task, other = parts.sources("enhancers", 300)
    seen = np.concatenate([task.train.codes, task.validation.codes])
    assert not shares_word(other.codes, seen, k=24).any()
    assert other.codes.shape[1] == task.train.codes.shape[1]
    assert set(np.unique(other.labels)) == {0, 1}
