"""Variants of regulatory elements: read, cut, and predicted."""

import numpy as np

from hypecheck.registry import entry
from hypecheck.reporter_variants import (
    WIDTH,
    cross_predict,
    fit_neighbours,
    fit_network,
    fit_words,
    read_reporter_variants,
)
from hypecheck.scores import pearson
from hypecheck.stand_ins import make


def variants(elements=("LDLR", "F9")):
    frame = make(entry("satmut_mpra_kircher"), np.random.default_rng(0)).content["elements"]
    return read_reporter_variants(frame, elements)


def test_windows_hold_the_reference_and_one_change():
    some = variants()
    assert some.ref.shape == (2 * 240 * 3, WIDTH)
    assert ((some.ref != some.alt).sum(axis=1) == 1).all()
    assert (some.ref[0, : WIDTH // 2] == 4).all()
    assert (some.ref[6, WIDTH // 2] == some.ref[9, WIDTH // 2 - 1]).all()


def test_cuts_keep_more_and_more_together():
    some = variants()
    sizes = [some.groups(cut).max() + 1 for cut in ("variant", "position", "block", "element")]
    assert sizes == [1440, 480, 12, 2]


def test_planted_words_carry_over_and_neighbours_do_not():
    some = variants(("LDLR", "TERT-GBM", "F9"))
    words = {cut: cross_predict(some, fit_words, cut, n_folds=3) for cut in ("variant", "element")}
    near = {
        cut: cross_predict(some, fit_neighbours, cut, n_folds=3) for cut in ("variant", "block")
    }
    assert pearson(some.effect, words["variant"]) > 0.4
    assert pearson(some.effect, words["element"]) > 0.3
    assert pearson(some.effect, near["variant"]) > 0.6
    assert pearson(some.effect, near["block"]) < 0.3


def test_network_is_the_same_on_both_strands_and_for_one_seed():
    some = variants(("F9",))
    predict = fit_network(some, steps=3, seed=1)
    assert np.array_equal(predict(some), fit_network(some, steps=3, seed=1)(some))
    same = some.take(np.arange(5))
    assert predict(same).shape == (5,)
