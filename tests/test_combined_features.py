"""Vectors beside word counts help where they hold what words do not."""

import numpy as np
import pytest

from hypecheck.combined_features import combined_predictions
from hypecheck.scores import matthews
from hypecheck.sequences import LabelledSequences, Task


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    parts = [
        LabelledSequences(rng.integers(4, size=(n, 30)).astype(np.uint8), np.arange(n) % 2)
        for n in (120, 60, 100)
    ]
    return Task("coin", *parts)


def told(part, *, noise, rng):
    return part.labels[:, None] + noise * rng.normal(size=(len(part), 4))


def test_words_alone_cannot_guess_a_coin(task):
    found = combined_predictions(task, k=(1, 2))
    assert abs(float(matthews(task.test.labels, found))) < 0.3


def test_vectors_that_know_are_used(task):
    rng = np.random.default_rng(1)
    parts = (task.train, task.validation, task.test)
    vectors = tuple(told(part, noise=0.1, rng=rng) for part in parts)
    found = combined_predictions(task, vectors, k=(1, 2))
    assert float(matthews(task.test.labels, found)) > 0.95


def test_vectors_must_fit_the_parts(task):
    vectors = (np.zeros((3, 2)),) * 3
    with pytest.raises(ValueError, match="embed each part"):
        combined_predictions(task, vectors)
