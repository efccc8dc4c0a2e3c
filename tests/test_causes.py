"""Causes and bystanders: the label follows the cause, whatever is set by hand."""

import numpy as np
import pytest

from hypecheck.causes import cause_and_bystander, intervene


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    return cause_and_bystander(rng.integers(0, 4, (2000, 50), dtype=np.uint8), rng, agreement=0.8)


def test_bystander_agrees_as_often_as_asked(world):
    cause, bystander = world.truth.present.T
    assert np.mean(cause == bystander) == pytest.approx(0.8, abs=0.03)
    assert (world.data.labels == cause).all()
    assert np.mean(cause) == 0.5


def test_words_never_overlap_and_stand_where_the_mask_says(world):
    masks = [world.truth.mask(column) for column in (0, 1)]
    assert not (masks[0] & masks[1]).any()
    for column, mask in enumerate(masks):
        widths = mask.sum(axis=1)
        assert set(np.unique(widths)) == {0, world.truth.words[column].shape[1]}
    changed = world.data.codes != world.truth.background
    assert not (changed & ~(masks[0] | masks[1])).any()


def test_setting_the_bystander_leaves_cause_and_label(world):
    changed = intervene(world, bystander=np.ones(2000, bool))
    assert (changed.data.labels == world.data.labels).all()
    mask = world.truth.mask(0)
    assert (changed.data.codes[mask] == world.data.codes[mask]).all()
    assert changed.truth.present[:, 1].all()


def test_setting_the_cause_moves_the_label(world):
    changed = intervene(world, cause=np.zeros(2000, bool))
    assert not changed.data.labels.any()
    assert (changed.truth.present[:, 1] == world.truth.present[:, 1]).all()


def test_a_row_must_hold_both_words():
    with pytest.raises(ValueError, match="both words need"):
        cause_and_bystander(np.zeros((2, 10), np.uint8), np.random.default_rng(0))
