"""What is planted can be read off, and the summary pairs what belongs together."""

import numpy as np
import pytest

from hypecheck.reading import per_row, read_planted, recovery, simple_minus_pretrained


@pytest.fixture(scope="module")
def run():
    return read_planted(0, n_train=400, n_read=4, steps=20)


def test_every_way_is_asked_of_every_row(run):
    ways = [name for name in run if ": " in name]
    assert len(ways) == 5
    assert all(run[way].shape == (4,) for way in ways)
    assert all(((run[way] >= 0) & (run[way] <= 1)).all() for way in ways)


def test_words_are_learnt_and_read(run):
    assert run["words"][0] > 0.3
    assert run["words: exchange"].mean() > 0.7


def test_rows_are_scored_one_by_one():
    truth = np.array([[True, False, False], [False, True, False]])
    assert per_row([[3.0, 1, 2], [3.0, 1, 2]], truth).tolist() == [1.0, 0.0]


def test_the_way_is_chosen_on_other_rows_than_it_is_scored_on():
    good, bad = np.array([1.0, 0.2, 1.0, 0.2]), np.array([0.5, 0.9, 0.5, 0.9])
    runs = [
        {"words: a": good + s, "words: b": bad, "pretrained: c": np.full(4, 0.1 + s)}
        for s in (0.0, 0.01)
    ]
    gap, simple, pretrained = simple_minus_pretrained(runs)
    assert (simple, pretrained) == ("words: a", "pretrained: c")
    assert gap.estimate == pytest.approx(0.1)
    assert recovery(runs, "words: b").estimate == pytest.approx(0.7)
