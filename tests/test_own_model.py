"""A reader's model is scored as the book scores its own."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck import recorded
from hypecheck.baselines import KmerLogistic
from hypecheck.ladder_study import recorded_ladder
from hypecheck.own_model import best_pretrained, run_own_model
from hypecheck.scores import matthews
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.simulate import planted_motifs


def part(n, seed):
    rng = np.random.default_rng(seed)
    background = rng.integers(0, 4, (n, 30), dtype=np.uint8)
    return planted_motifs(background, ["GATTACA"], rng).data


@pytest.fixture(scope="module")
def task():
    return Task("planted", part(200, 0), part(80, 1), part(150, 2))


def words(train, validation, seed):
    return KmerLogistic(C=0.1).fit(train.codes, train.labels).predict


def test_score_is_that_of_the_predictions(task):
    report = run_own_model(words, {"planted": task}, name="words", seeds=(0,))
    predicted = words(task.train, task.validation, 0)(task.test.codes)
    assert report.results[0].score.estimate == matthews(task.test.labels, predicted)


def test_the_same_model_differs_from_itself_by_nothing(task):
    def tuned(train, validation, seed):
        tried = [
            KmerLogistic(**c).fit(train.codes, train.labels) for c in KmerLogistic.configurations()
        ]
        scored = [matthews(validation.labels, m.predict(validation.codes)) for m in tried]
        return tried[int(np.argmax(scored))].predict

    gap = run_own_model(tuned, {"t": task}, name="the same", seeds=(0,)).results[0].minus_words
    assert (gap.estimate, gap.low, gap.high) == (0, 0, 0)


def test_copies_in_the_test_part_are_counted(task):
    leaky = LabelledSequences(
        np.concatenate([task.test.codes, task.train.codes[:7]]),
        np.concatenate([task.test.labels, task.train.labels[:7]]),
    )
    report = run_own_model(words, {"t": replace(task, test=leaky)}, name="words", seeds=(0,))
    assert report.results[0].n_known >= 7


def test_few_seeds_are_told_and_missing_fields_stay_missing(task):
    report = run_own_model(words, {"t": task}, name="mine", seeds=(0, 1))
    assert "2 of 5 seeds" in report.sentence()
    card = {row["field"]: row for row in report.card(reads="words")}
    assert card["reads"]["measured"] == "stated by the author"
    assert card["not for"]["measured"] == "missing"
    assert card["seeds"] == {"field": "seeds", "entry": "2", "measured": "here"}
    assert "against a tiny pretrained model" not in card
    assert sum(report.counts()) == 1


def test_a_record_of_another_test_part_is_not_used(task):
    other = recorded_ladder(recorded.read_run("families"), "coding", "kmer3")
    report = run_own_model(words, {"t": task}, name="w", seeds=(0,), ladders={"t": other})
    assert report.results[0].minus_pretrained is None
    assert best_pretrained(other) in ("pretrained_frozen", "fine_tuned")


def test_a_wrong_number_of_predictions_is_refused(task):
    with pytest.raises(ValueError, match="one class number each"):
        run_own_model(lambda *_: lambda codes: codes, {"t": task}, name="broken", seeds=(0,))
