"""The worth of a leak: rows are exchanged one for one, and a known leak is measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from hypecheck.leak_dial import related_rows, rows_with, turn_dial
from hypecheck.sequences import LabelledSequences


@pytest.fixture(scope="module")
def parts():
    """Random sequences with random labels: only the ten copied rows can be known."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (120, 60)).astype(np.uint8)
    labels = np.arange(120) % 2
    train = LabelledSequences(codes[:100], labels[:100])
    test = LabelledSequences(
        np.concatenate([codes[100:], codes[:10]]), np.r_[labels[100:], labels[:10]]
    )
    return train, test


@given(st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_size_and_balance_never_change(share, seed):
    labels, related = np.array([0] * 30 + [1] * 20), np.r_[0:12, 30:35]
    rows = rows_with(labels, related, share, np.random.default_rng(seed))
    assert np.bincount(labels[rows]).tolist() == [18, 15]
    kept = np.isin(related, rows)
    assert kept[:12].sum() == round(share * 12)
    assert len(set(rows.tolist())) == len(rows)


def test_copies_are_the_relatives(parts):
    train, test = parts
    assert related_rows(train, test).tolist() == list(range(10))


def test_the_dial_measures_a_known_leak(parts):
    train, test = parts
    found = turn_dial(
        lambda: KNeighborsClassifier(1), train, test, range(10), [0.0, 1.0], n_draws=3
    )
    copied = slice(20, 30)
    assert (found[1.0][:, copied] == test.labels[copied]).all()
    assert (found[0.0][:, copied] == test.labels[copied]).mean() < 0.9
    again = turn_dial(lambda: KNeighborsClassifier(1), train, test, range(10), [1.0], n_draws=3)
    assert (found[1.0] == again[1.0]).all()


def test_more_relatives_than_others_is_an_error():
    with pytest.raises(ValueError, match="class 1 has 2 relatives of the test part and only 1"):
        rows_with([0, 0, 1, 1, 1], [2, 3], 0.5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="share"):
        rows_with([0, 1], [0], 1.5, np.random.default_rng(0))
