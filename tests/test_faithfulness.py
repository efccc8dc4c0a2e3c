"""Planted worlds, and explanations of models that do or do not know them."""

import numpy as np
import pytest

from hypecheck.faithfulness import (
    METHODS,
    WORDS,
    explain,
    log_odds,
    planted_world,
    recovery_of_each,
)
from hypecheck.interpret import motif_recovery
from hypecheck.models import Classifier, ClassifierConfig, TransformerConfig
from hypecheck.sequences import encode


@pytest.fixture
def model():
    return Classifier(ClassifierConfig(TransformerConfig(7, d_model=16, n_layers=1)), seed=1)


def test_the_word_is_where_the_truth_says():
    world = planted_world("motif", 40, np.random.default_rng(0))
    word = encode([WORDS[0]])[0]
    rows = np.flatnonzero(world.data.labels)
    assert len(rows) == 20
    for row in rows:
        assert world.data.codes[row][world.truth.mask[row]].tolist() == word.tolist()
    assert not world.truth.mask[world.data.labels == 0].any()


def test_the_order_is_the_class():
    world = planted_world("grammar", 40, np.random.default_rng(0))
    first, second = world.truth.positions.T
    assert ((first < second) == (world.data.labels == 1)).all()


def test_no_other_world():
    with pytest.raises(ValueError, match="motif or grammar"):
        planted_world("poem", 4, np.random.default_rng(0))


def test_explanations_have_the_shape_of_the_sequences(model):
    codes = planted_world("motif", 4, np.random.default_rng(0)).data.codes
    found = explain(model, codes)
    assert list(found) == list(METHODS)
    assert {one.shape for one in found.values()} == {codes.shape}
    np.testing.assert_allclose(found["attention"].sum(axis=1), 1, rtol=1e-5)


def test_log_odds_do_not_depend_on_the_batch(model):
    codes = planted_world("motif", 9, np.random.default_rng(0)).data.codes
    np.testing.assert_allclose(log_odds(model, codes, batch_size=2), log_odds(model, codes), 1e-4)


def test_recovery_of_each_averages_to_motif_recovery():
    rng = np.random.default_rng(0)
    truth, values = rng.random((6, 20)) < 0.3, rng.normal(size=(6, 20))
    assert recovery_of_each(values, truth).mean() == pytest.approx(motif_recovery(values, truth))
