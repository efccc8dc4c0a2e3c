"""Predictions for pairs of places, from whole groups held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from hypecheck.pair_models import held_out_ridge, pair_features, principal_parts


def test_one_penalty_equals_scikit_learn():
    rng = np.random.default_rng(0)
    x, y, folds = rng.normal(size=(60, 4)), rng.normal(size=60), np.arange(60) % 3
    found = held_out_ridge(x, y, folds, penalties=(0.5,))
    for fold in range(3):
        train = folds != fold
        spread = x[train].std(axis=0)
        model = Ridge(alpha=0.5 * train.sum()).fit((x[train] - x[train].mean(0)) / spread, y[train])
        expected = model.predict((x[~train] - x[train].mean(0)) / spread)
        assert np.allclose(found[~train], expected)


def test_a_signal_is_found_and_noise_is_not():
    rng = np.random.default_rng(1)
    x, folds = rng.normal(size=(400, 3)), np.arange(400) % 5
    y = x[:, 0] + 0.1 * rng.normal(size=400)
    assert np.corrcoef(held_out_ridge(x, y, folds), y)[0, 1] > 0.95
    assert abs(np.corrcoef(held_out_ridge(x, rng.normal(size=400), folds), y)[0, 1]) < 0.3


def test_two_folds_are_too_few():
    with pytest.raises(ValueError, match="three folds"):
        held_out_ridge(np.zeros((4, 1)), np.zeros(4), [0, 0, 1, 1])


@given(st.integers(0, 4), st.integers(0, 4))
def test_a_pair_has_no_order(i, j):
    parts = np.random.default_rng(0).normal(size=(5, 3))
    assert np.allclose(pair_features(parts, [i], [j]), pair_features(parts, [j], [i]))


def test_principal_parts_are_uncorrelated_and_scaled():
    rows = np.random.default_rng(0).normal(size=(50, 6)) @ np.random.default_rng(1).normal(
        size=(6, 6)
    )
    assert np.allclose(np.cov(principal_parts(rows, 3).T, bias=True), np.eye(3))
