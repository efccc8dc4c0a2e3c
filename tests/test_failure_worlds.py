"""The small worlds of the chapter on failures: overfitting, batches, lags, rounds, pairs."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.preprocessing import StandardScaler

from hypecheck import batch_effects, lagged_worlds, measured_rounds, nonadditivity, overfitting


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def classes(rng, n=160, p=60, effect=1.0):
    labels = np.arange(n) % 2
    return rng.normal(size=(n, p)) + effect * labels[:, None] / np.sqrt(p), labels


def test_useless_features_widen_the_gap_and_useful_ones_do_not(rng):
    values, labels = classes(rng, effect=6.0)
    junk = overfitting.shuffle_columns(values, rng, first=6)
    ends = [
        overfitting.gap_by_features(one, labels, (6, 60), rng, n_train=60, in_order=True)
        for one in (values, junk)
    ]
    gap = [one[:, 0] - one[:, 1] for one in ends]
    assert gap[1][1] - gap[1][0] > 0.1
    assert gap[0][1] < gap[1][1] - 0.1


def test_scores_equal_a_fit_by_hand(rng):
    values, labels = classes(rng)
    train = np.arange(80)
    scaler = StandardScaler().fit(values[train])
    model = LogisticRegression(C=1e6, max_iter=100).fit(
        scaler.transform(values[train]), labels[:80]
    )
    expected = matthews_corrcoef(labels[80:], model.predict(scaler.transform(values[80:])))
    assert overfitting.train_and_test(values, labels, train)[1] == pytest.approx(expected)


def test_shuffled_columns_keep_their_values(rng):
    values = rng.normal(size=(20, 4))
    shuffled = overfitting.shuffle_columns(values, rng, first=2)
    sums = np.sort(values.sum(axis=0))
    np.testing.assert_allclose(np.sort(shuffled.sum(axis=0)), sums)


def test_shifts_vary_as_genes_do(rng):
    values = rng.normal(size=(200, 3)) * [1, 5, 0]
    values[:, 2] = 2 * values[:, 0]
    shifts = np.array([batch_effects.gene_shifts(values, rng) for _ in range(800)])
    np.testing.assert_allclose(shifts.std(axis=0), values.std(axis=0), rtol=0.1)
    np.testing.assert_allclose(shifts[:, 2], 2 * shifts[:, 0])


def test_centring_undoes_a_batch_and_a_tie_undoes_centring(rng):
    values, labels = classes(rng, n=300, effect=4.0)

    def means(share):
        rows = [
            batch_effects.batch_scores(
                values, labels, np.random.default_rng(d), size=3, share=share
            )
            for d in range(8)
        ]
        return {name: np.mean([row[name] for row in rows]) for name in rows[0]}

    free, tied = means(0.5), means(0.95)
    assert free["across"] < free["within"] - 0.1
    assert free["corrected"] > free["within"] - 0.1
    assert tied["across"] < 0 < tied["within"]
    assert tied["corrected"] < tied["within"] - 0.5


def test_batches_are_tied_as_asked(rng):
    labels = np.arange(4000) % 2
    assert (batch_effects.confound(labels, 0.8, rng) == labels).mean() == pytest.approx(
        0.8, abs=0.03
    )


def test_no_lag_no_loss_and_a_history_helps(rng):
    none = [lagged_worlds.lag_scores(0, np.random.default_rng(d), n_cells=400) for d in range(4)]
    some = [lagged_worlds.lag_scores(5, np.random.default_rng(d), n_cells=800) for d in range(4)]
    mean = {name: np.mean([one[name] for one in some]) for name in some[0]}
    assert np.mean([one["in step"] - one["lagging"] for one in none]) == pytest.approx(0, abs=0.03)
    assert mean["in step"] > mean["aware"] > mean["lagging"]


def test_more_measurements_score_better_and_the_pool_has_an_end(rng):
    x = rng.normal(size=(400, 10))
    y = x @ rng.normal(size=10) + rng.normal(size=400)
    scores = measured_rounds.round_scores(x, y, np.arange(100), (2, 20), rng)
    assert scores[1, -1] > scores[0, 1]
    assert scores[1, -1] > 0.9
    with pytest.raises(ValueError, match="smaller budgets"):
        measured_rounds.round_scores(x, y, np.arange(100), (50,), rng)


def test_an_additive_table_has_no_rest_and_noise_is_not_confirmed(rng):
    effects = rng.normal(size=40)
    pairs = effects[:, None] + effects
    assert nonadditivity.missed_share(pairs) == pytest.approx(0, abs=1e-12)
    noise = np.triu(rng.normal(size=(40, 40)), 1)
    all_of_it, confirmed = nonadditivity.nonadditive_shares(pairs + noise + noise.T, rng)
    assert all_of_it > 0.2
    assert confirmed < 0.05


def test_the_jackknife_of_a_mean_is_its_standard_error(rng):
    values = rng.normal(size=30)
    without = [np.delete(values, i).mean() for i in range(30)]
    found = nonadditivity.jackknife_interval(values.mean(), without)
    assert found.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(30))
