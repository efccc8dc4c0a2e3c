"""Ranks, winners and noise of tables whose answers are known."""

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from hypecheck import leaderboards


def rng(seed=0):
    return np.random.default_rng(seed)


def one_ability(noise, *, seed=0, models=20, tasks=10):
    ability = np.linspace(0.3, 0.7, models)[:, None]
    return ability + noise * rng(seed).normal(size=(models, tasks))


# --- ability and noise ----------------------------------------------------------------------------


def test_the_noise_that_was_planted_is_found():
    table = one_ability(0.05, models=200, tasks=12)
    pairs = [str(number // 2) for number in range(200)]
    for families in (pairs, None):
        noise = leaderboards.common_ability(table, families).noise
        assert noise == pytest.approx(np.full(12, 0.05), rel=0.2)


def test_specialities_of_families_are_no_noise():
    speciality = np.repeat(rng().normal(scale=0.2, size=(20, 10)), 2, axis=0)
    table = one_ability(0.02, models=40) + speciality
    families = [str(number // 2) for number in range(40)]
    relatives = leaderboards.common_ability(table, families)
    everything = leaderboards.common_ability(table)
    assert relatives.noise.mean() < 0.03
    assert everything.noise.mean() > 0.15
    null = relatives.draw(50, rng(1))
    assert leaderboards.swing_beyond(table, null).low > 0
    assert leaderboards.swing_beyond(table, everything.draw(50, rng(1))).low < 0


def test_noise_alone_swings_no_more_than_its_null():
    """The interval holds zero in nearly all tables that the null itself made."""
    families = [str(number // 4) for number in range(20)]
    clear = 0
    for seed in range(20):
        table = one_ability(0.08, seed=seed)
        null = leaderboards.common_ability(table, families).draw(50, rng(seed))
        clear += leaderboards.swing_beyond(table, null).excludes(0)
    assert clear <= 3


@pytest.mark.parametrize("families", [["a", "b", "c"], ["a", "a"]])
def test_noise_needs_relatives(families):
    with pytest.raises(ValueError, match="family"):
        leaderboards.common_ability([[0.1, 0.2], [0.3, 0.4], [0.5, 0.9]], families)


def test_equal_models_have_no_ability():
    with pytest.raises(ValueError, match="same mean"):
        leaderboards.common_ability([[0.5, 0.5], [0.5, 0.5]])


def test_leaving_out_too_many_is_refused():
    table = one_ability(0.1)
    with pytest.raises(ValueError, match="between 1 and 8, got 9"):
        leaderboards.swing_beyond(table, table[None], n_out=9)


def test_the_jackknife_of_a_mean_has_the_textbook_error():
    values = rng().normal(size=9)
    interval = leaderboards._leave_some_out(lambda chosen: values[list(chosen)].mean(), 9, 3)
    assert interval.standard_error == pytest.approx(values.std(ddof=1) / 3)


# --- who wins -------------------------------------------------------------------------------------


def test_a_clear_leader_stays_and_a_close_one_may_not():
    clear = leaderboards.leader_share([[0.9] * 6, [0.1] * 6], rng=rng(), n_resamples=60)
    assert (clear.estimate, clear.low, clear.high) == (1, 1, 1)
    close = leaderboards.leader_share(
        [[0.9, 0.1, 0.9, 0.1, 0.6], [0.1, 0.9, 0.1, 0.9, 0.5]], rng=rng(), n_resamples=60
    )
    assert 0.4 < close.estimate < 0.7
    assert close.low < close.estimate < close.high


def test_leader_share_agrees_with_rank_stability():
    table = one_ability(0.1, seed=3)
    stability = leaderboards.rank_stability(table, rng=rng(), n_resamples=8000)
    share = leaderboards.leader_share(table, rng=rng(1))
    assert share.estimate == pytest.approx(stability.p_best[np.argmin(stability.rank)], abs=0.03)


def test_winners_of_subsets_are_counted_by_hand():
    table = [[0.6, 0.2, 0.2], [0.5, 0.6, 0.4], [0.1, 0.2, 0.5]]
    winners = leaderboards.winners_of_subsets(table)
    assert winners.n_winners.tolist() == [3, 1, 1]  # pairs and all: the second model
    assert winners.leader_wins == pytest.approx([1 / 3, 1, 1])


def test_too_many_tasks_for_all_subsets():
    with pytest.raises(ValueError, match="17 tasks have too many sets"):
        leaderboards.winners_of_subsets(rng().normal(size=(3, 17)))


def test_regret_of_the_pick_and_of_a_blind_choice():
    found = leaderboards.regret([[0.9, 0.8, 0.2], [0.1, 0.1, 0.6]])
    assert found.pick.tolist() == [0, 0, 0]
    assert found.rank.tolist() == [1, 1, 2]
    assert found.blind == pytest.approx([0.4, 0.35, 0.2])


def test_critical_difference_is_demsars():
    table = one_ability(0.1, models=10, tasks=12)
    found = leaderboards.critical_difference(table)
    assert found.statistic == pytest.approx(friedmanchisquare(*table).statistic)
    assert found.distance == pytest.approx(3.164 * np.sqrt(10 * 11 / (6 * 12)), rel=1e-3)
    assert found.with_the_best[np.argmin(found.mean_rank)]
    assert not found.with_the_best.all()


# --- size and family ------------------------------------------------------------------------------

MODELS = {
    "scores": [0.5, 0.7, 0.4, 0.45, 0.6],
    "sizes": [100, 1000, 120, 900, 5000],
    "families": ["a", "a", "b", "b", "c"],
}


def test_spread_and_gain_by_hand():
    # alike in size: 100 and 120, 1000 and 900; one gains .2, the other .05
    assert leaderboards.spread_between(**MODELS) == pytest.approx((0.1 + 0.25) / 2)
    assert leaderboards.gain_within(**MODELS) == pytest.approx(0.125)
    assert leaderboards.between_minus_within(**MODELS) == pytest.approx(0.05)


def test_copies_of_a_family_are_not_compared_with_one_another():
    twice = {name: values * 2 for name, values in MODELS.items()}
    assert leaderboards.between_minus_within(**twice) == pytest.approx(0.05)


def test_nothing_to_compare_is_nan():
    assert np.isnan(leaderboards.spread_between([0.1, 0.2], [1, 10], ["a", "b"]))
    assert np.isnan(leaderboards.gain_within([0.1, 0.2], [1, 10], ["a", "b"]))
