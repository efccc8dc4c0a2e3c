"""Active choice: the parts by hand, against references, and where the truth is known."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct

from hypecheck import active_learning as al
from hypecheck.assay_pools import (
    correlation,
    neighbourhoods,
    promoter_pool,
    variant_features,
    variant_pools,
)
from hypecheck.datasets import load
from hypecheck.doubt import GaussianRidge, Logistic
from hypecheck.reporter_variants import read_reporter_variants
from hypecheck.scores import matthews
from hypecheck.sequences import LabelledSequences


def test_doubt_is_that_of_a_gaussian_process():
    rng = np.random.default_rng(0)
    known, asked, y = rng.normal(size=(12, 4)), rng.normal(size=(30, 4)), rng.normal(size=12)
    y = y - y.mean()
    model = GaussianRidge(penalty=0.5)
    model.fit(known, y)
    reference = GaussianProcessRegressor(DotProduct(0.0, "fixed"), alpha=0.5, optimizer=None)
    reference.fit(known, y)
    mean, sd = reference.predict(asked, return_std=True)
    np.testing.assert_allclose(model.predict(asked), mean, atol=1e-6)
    assert model.most_unsure(asked, 1)[0] == sd.argmax()


def test_a_batch_is_chosen_one_after_the_other():
    rng = np.random.default_rng(1)
    known, asked = rng.normal(size=(5, 6)), rng.normal(size=(20, 6))
    model = GaussianRidge(penalty=0.3)
    model.fit(known, np.zeros(5))
    batch = model.most_unsure(asked, 4).tolist()
    one_by_one, seen = [], known
    for _ in range(4):
        again = GaussianRidge(penalty=0.3)
        again.fit(seen, np.zeros(len(seen)))
        order = again.most_unsure(asked, 20).tolist()
        best = next(row for row in order if row not in one_by_one)
        one_by_one.append(best)
        seen = np.vstack([seen, asked[best]])
    assert batch == one_by_one


def test_logistic_with_one_class_only_says_that_class():
    model = Logistic()
    model.fit(np.zeros((3, 2)), np.ones(3, dtype=int))
    assert model.predict(np.zeros((2, 2))).tolist() == [1, 1]
    assert len(model.most_unsure(np.zeros((5, 2)), 2)) == 2


def test_balanced_logistic_finds_the_rare_class():
    x = np.r_[np.zeros(95), np.ones(5)][:, None]
    y = (x[:, 0] > 0).astype(int)
    found = {}
    for balanced in (False, True):
        model = Logistic(C=0.1, balanced=balanced)
        model.fit(x, y)
        found[balanced] = int(model.predict(x).sum())
    assert found == {False: 0, True: 5}


def test_farthest_first_is_the_greedy_rule():
    rng = np.random.default_rng(2)
    asked, known = rng.normal(size=(25, 3)), rng.normal(size=(2, 3))
    centres, slow = known, []
    for _ in range(6):
        nearest = cdist(asked, centres).min(axis=1)
        nearest[slow] = -1
        slow.append(int(nearest.argmax()))
        centres = np.vstack([centres, asked[slow[-1]]])
    assert al.farthest_first(asked, known, 6).tolist() == slow


@pytest.mark.parametrize("strategy", ["random", "uncertainty", "diversity", "largest"])
def test_rounds_label_each_item_once_and_begin_alike(strategy):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 5))
    pool = al.Pool(x, x[:, 0], x, x[:, 0])
    scores, rows = al.label_in_rounds(
        pool, strategy, GaussianRidge, correlation, budgets=(6, 12, 20), seed=5
    )
    assert scores.shape == (3,)
    assert len(set(rows.tolist())) == 20
    start = np.random.default_rng(5).permutation(60)[:6]
    assert rows[:6].tolist() == start.tolist()


def test_labels_of_the_rest_are_never_read():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    for strategy in ("uncertainty", "diversity", "largest"):
        run = [GaussianRidge, correlation]
        _, rows = al.label_in_rounds(
            al.Pool(x, y, x, y), strategy, *run, budgets=(5, 10, 15), seed=0
        )
        other = y.copy()
        other[np.setdiff1d(np.arange(50), rows)] = 99.0
        _, again = al.label_in_rounds(
            al.Pool(x, other, x, y), strategy, *run, budgets=(5, 10, 15), seed=0
        )
        assert rows.tolist() == again.tolist()


def test_faults_are_told():
    x = np.zeros((4, 1))
    pool = al.Pool(x, x[:, 0], x, x[:, 0])
    run = [GaussianRidge, correlation]
    for message, strategy, budgets in (
        ("no strategy", "luck", (1, 2)),
        ("must increase", "random", (2, 2)),
        ("from a pool of 4", "random", (2, 9)),
    ):
        with pytest.raises(ValueError, match=message):
            al.label_in_rounds(pool, strategy, *run, budgets=budgets, seed=0)


def test_uncertainty_wins_where_it_must():
    """Nine of ten items are copies: lots keep asking for them, doubt asks for the others."""

    def pools(draw):
        rng = np.random.default_rng(draw)
        x = rng.normal(size=(300, 12))
        x[30:] = x[0]
        weights = rng.normal(size=12)
        test = rng.normal(size=(200, 12))
        return [al.Pool(x, x @ weights, test, test @ weights)]

    found = al.compare(
        pools, ("random", "uncertainty"), lambda: GaussianRidge(0.1), correlation,
        budgets=(3, 8, 16), draws=range(5),
    )  # fmt: skip
    assert found.gain("uncertainty").low > 0.05
    assert found.saved("uncertainty", at=16).estimate > 0


def test_the_hunter_finds_strong_effects():
    def pools(draw):
        x = np.random.default_rng(draw).normal(size=(200, 3))
        return [al.Pool(x, x[:, 0] ** 3, x, x[:, 0] ** 3)]

    found = al.compare(
        pools, ("random", "largest"), GaussianRidge, correlation, budgets=(10, 40), draws=range(12)
    )
    more = found.more_hits("largest", at=40)
    assert more.low > 0
    assert more.estimate == pytest.approx(
        found.curves("largest", "hits")[40.0].estimate
        - found.curves("random", "hits")[40.0].estimate
    )


def test_saved_experiments_by_hand():
    slow, fast = [[0.0, 0.1, 0.2, 0.3]] * 2, [[0.0, 0.2, 0.4, 0.6]] * 2
    saved = al.experiments_saved((10, 20, 30, 40), fast, slow, at=30)
    assert saved.estimate == 10
    assert al.experiments_saved((10, 20, 30, 40), slow, fast, at=20).estimate == -10


def test_rare_promoters_are_as_rare_as_asked():
    part = LabelledSequences(
        np.random.default_rng(0).integers(4, size=(400, 20)).astype(np.uint8),
        np.arange(400) % 2,
    )
    pool = promoter_pool(part, part, size=100, seed=1, rare=0.2)
    assert pool.labels.sum() == 20
    assert promoter_pool(part, part, size=100, seed=1).features.shape == (100, 340)


def test_variant_pools_keep_positions_apart():
    frame = load("satmut_mpra_kircher").frame
    variants = read_reporter_variants(frame, ["LDLR"])
    (pool,) = variant_pools(frame, ["LDLR"], seed=0)
    assert len(pool.labels) + len(pool.test_labels) == len(variants)
    marks = neighbourhoods(variants.position, step=8).shape[1]
    here, there = (
        {tuple(row[:marks].round(6)) for row in part}
        for part in (pool.features, pool.test_features)
    )
    assert not here & there
    assert variant_features(variants).shape[1] == marks + 16 + 180


def test_matthews_of_one_class_is_no_error():
    x = np.zeros((30, 2))
    pool = al.Pool(x, np.zeros(30, int), x, np.arange(30) % 2)
    scores, _ = al.label_in_rounds(pool, "uncertainty", Logistic, matthews, budgets=(4, 8), seed=0)
    assert scores.tolist() == [0.0, 0.0]
