"""The study of pretraining tasks in small: resumed, audited, and read back."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck import recorded, scores
from hypecheck.optimisation import TrainingConfig
from hypecheck.studies import emerging_result as result
from hypecheck.studies.emerging import PRETRAINED, emerging_results
from hypecheck.studies.emerging_data import EmergingPlan, corpus, mark_task
from hypecheck.task_families import shares_word

SMALL = replace(
    EmergingPlan(),
    marks=("H3K36me3",),
    records=("I",),
    seeds=(0, 1),
    n_windows=80,
    sizes=(60, 20, 40),
    order=1,
    pretraining=TrainingConfig(steps=2, batch_size=4),
    tuning=TrainingConfig(steps=2, batch_size=4, evaluate_every=1),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return emerging_results(SMALL, tmp_path_factory.mktemp("cells"))


def test_every_way_is_tried_with_every_seed(study):
    found = {(one["arm"], one["seed"]) for one in study["runs"]}
    assert found == {(arm, seed) for arm in ("random", *PRETRAINED) for seed in (0, 1)}
    assert result.score(study, "auxiliary").n_seeds == 2
    assert result.score(study, "kmer_linear").n_seeds is None


def test_no_window_for_pretraining_shares_a_word_with_a_test_window():
    test = mark_task(SMALL, "H3K36me3").test.codes
    assert not shares_word(corpus(SMALL)[0][2], test, k=24).any()


def test_no_training_row_shares_a_long_word_with_the_test_part():
    task = mark_task(SMALL, "H3K36me3")
    assert not shares_word(task.train.codes, task.test.codes).any()


def test_the_mean_over_marks_is_the_mean_of_each():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(2, size=(2, 3, 50))
    place = 10 * np.arange(3)[:, None]
    coded = result.mean_matthews((truth + place).ravel(), (guess + place).ravel())
    each = [scores.matthews(a, b) for a, b in zip(truth, guess, strict=True)]
    assert coded == pytest.approx(np.mean(each))


def test_an_arm_against_itself_differs_by_nothing(study):
    gap = result.difference(study, "masked", "masked")
    assert (gap.estimate, gap.low, gap.high) == (0, 0, 0)


def test_the_record_has_five_seeds_of_what_decides():
    kept = recorded.read_run("emerging").results
    assert result.difference(kept, "auxiliary", "masked").n_seeds == 5
    assert result.difference(kept, "synthetic", "random").n_seeds == 5
    audits = [facts["audit"] for facts in kept["marks"].values()]
    assert all("no exact copies" in one for one in audits)
