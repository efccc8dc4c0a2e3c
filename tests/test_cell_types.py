"""Folds, macro-F1 against scikit-learn, and simple methods on a planted truth."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from numpy.testing import assert_allclose
from sklearn.metrics import f1_score

from hypecheck import cell_types as ct


def planted(*, n=40, n_genes=12, seed=0):
    """Three types, each with genes of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], n)
    cells = rng.exponential(0.3, (3 * n, n_genes))
    for c in range(3):
        cells[labels == c, 4 * c : 4 * c + 4] += 2
    return cells, labels


def annotated():
    cells, labels = planted()
    obs = pd.DataFrame({"bulk_labels": np.array(["b", "a", "c"])[labels]})
    obs = obs.assign(n_counts=cells.sum(axis=1), n_genes=12.0, percent_mito=0.0)
    obs.index = obs.index.astype(str)
    made = AnnData(cells, obs=obs)
    made.raw = made
    return made


def test_macro_f1_by_hand():
    # class 0: 2 right, none missed, one too many: 4/5; class 1: one right of two: 2/3
    assert ct.macro_f1([0, 0, 1, 1], [0, 0, 0, 1]) == pytest.approx((0.8 + 2 / 3) / 2)


@pytest.mark.parametrize("seed", range(3))
def test_macro_f1_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, guess = rng.integers(4, size=(2, 50))
    assert ct.macro_f1(truth, guess) == pytest.approx(f1_score(truth, guess, average="macro"))
    each = ct.class_f1(truth, [guess, guess], 4)
    assert_allclose(each, f1_score(truth, guess, average=None))


def test_weights_are_repeated_items():
    rng = np.random.default_rng(1)
    truth, guess, counts = *rng.integers(3, size=(2, 30)), rng.integers(1, 4, 30)
    repeated = ct.macro_f1(np.repeat(truth, counts), np.repeat(guess, counts))
    assert ct.macro_f1.weighted(truth, guess, counts[None])[0] == pytest.approx(repeated)


def test_a_class_that_is_not_there_does_not_count():
    truth, guess = np.array([0, 0, 1]), np.array([0, 0, 1])
    assert ct.macro_f1.weighted(truth, guess, np.array([[1, 1, 0]]))[0] == 1


def test_every_cell_is_a_test_cell_once():
    labels = planted()[1]
    splits = ct.deal_cells(labels, 3, seed=4)
    assert sorted(np.concatenate([s.test for s in splits])) == list(range(len(labels)))
    for split in splits:
        parts = [split.train, split.validation, split.test]
        assert len(np.unique(np.concatenate(parts))) == len(labels)
        assert all(len(np.unique(labels[part])) == 3 for part in parts)


@pytest.mark.parametrize("method", [ct.logistic, ct.neighbours])
def test_planted_types_are_found_without_reading_test_labels(method):
    cells, labels = planted()
    split = ct.deal_cells(labels, 3, seed=0)[0]
    found = method(cells, labels, split)
    assert np.mean(found[split.test] == labels[split.test]) > 0.9
    altered = labels.copy()
    altered[split.test] = 0
    assert (method(cells, altered, split) == found).all()


def test_components_do_not_see_test_cells():
    cells, labels = planted()
    split = ct.deal_cells(labels, 3, seed=0)[0]
    altered = cells.copy()
    altered[split.test] += 100
    seen = ct.components(cells, split.train, n=3)[split.train]
    assert_allclose(ct.components(altered, split.train, n=3)[split.train], seen)


def test_fewer_labels_keep_every_type():
    labels = planted()[1]
    split = ct.deal_cells(labels, 3, seed=0)[0]
    few = ct.fewer_labels(split, labels, 5, seed=0)
    assert len(few.train) == 5
    assert set(labels[few.train]) == {0, 1, 2}
    assert set(few.train) <= set(split.train)
    assert ct.fewer_labels(split, labels, 10_000, seed=0) is split


def test_types_are_read_by_size_and_scaled_values_refused():
    made = annotated()
    typed = ct.read_types(made)
    assert typed.names == ("a", "b", "c")
    assert typed.expression.shape == (120, 12)
    made.raw = AnnData(made.X - 5, obs=made.obs)
    with pytest.raises(ValueError, match="scaled"):
        ct.read_types(made)
    made.raw = None
    with pytest.raises(ValueError, match="no raw values"):
        ct.read_types(made)
