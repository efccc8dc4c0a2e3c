"""Checkpoints: pairs chosen on validation data, paired differences, correlation by run."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from hypecheck import checkpoints as ck
from hypecheck.scores import matthews

N = 600


def run(variant, seed, stops):
    """Make a run of which each stop has a validation loss, a share of right answers, a shift."""
    made = []
    for step, loss, right in stops:
        rng = np.random.default_rng([seed, step])
        truth = np.arange(N) % 2
        predicted = np.where(rng.random(N) < right, truth, 1 - truth)
        noise = 0.003 * seed
        made.append(
            {
                "step": step,
                "loss": {"validation": loss + noise, "test": loss + noise},
                "score": {"validation": right, "test": float(matthews(truth, predicted))},
                "millibits": (1000 * (loss + noise) + rng.normal(0, 10, 80)).astype(int).tolist(),
                "predicted": "".join(map(str, predicted)),
            }
        )
    return {"variant": variant, "seed": seed, "cpu_seconds": 1.0, "stops": made}


@pytest.fixture(scope="module")
def runs():
    shapes = {
        "narrow": [(0, 2.2, 0.55), (40, 1.96, 0.6), (160, 1.92, 0.62)],
        "wide": [(0, 2.3, 0.7), (40, 1.95, 0.75)],
        "letters": [(0, 2.1, 0.9), (40, 1.99, 0.95)],
    }
    return [run(name, seed, stops) for name, stops in shapes.items() for seed in range(5)]


CUTS = {"narrow": "blocks", "wide": "blocks", "letters": "letters"}
TRUTH = np.arange(N) % 2


def test_runs_are_gathered_by_variant_and_stop(runs):
    found = ck.checkpoints(runs)
    assert [one.label for one in found[:3]] == [
        "narrow, untrained",
        "narrow, 40 steps",
        "narrow, 160 steps",
    ]
    assert found[0].predictions.shape == (5, N)
    assert found[0].window_losses.shape == (5, 80)
    assert found[1].score["test"][3] == pytest.approx(matthews(TRUTH, found[1].predictions[3]))


def test_the_pair_is_the_worst_contradiction_among_equals(runs):
    first, second = ck.choose_pair(ck.checkpoints(runs), alike=CUTS)
    assert (first.label, second.label) == ("narrow, 160 steps", "wide, 40 steps")


def test_a_pair_needs_its_lead(runs):
    with pytest.raises(ValueError, match="no model leads"):
        ck.choose_pair(ck.checkpoints(runs), alike=CUTS, least=0.5)


def test_untrained_models_and_other_tokens_are_no_pair(runs):
    with pytest.raises(ValueError, match="no model leads"):
        ck.choose_pair(ck.checkpoints(runs), alike={"wide": "blocks", "letters": "letters"})


def test_differences_have_the_signs_of_the_claim(runs):
    rng = np.random.default_rng(0)
    first, second = ck.choose_pair(ck.checkpoints(runs), alike=CUTS)
    gain = ck.loss_gain(first, second, rng=rng)
    assert gain.estimate == pytest.approx(0.03, abs=0.003)
    assert gain.low > 0
    gap = ck.score_gap(first, second, TRUTH, rng=rng)
    assert gap.high < 0
    assert gap.estimate == pytest.approx(first.score["test"].mean() - second.score["test"].mean())


def test_control_gap_is_the_difference_of_two_correlations():
    rng = np.random.default_rng(1)
    control = rng.integers(0, 2, (5, N))
    predictions = np.where(rng.random((5, N)) < 0.8, TRUTH, 1 - TRUTH)
    guesses = np.where(rng.random((5, N)) < 0.6, control, 1 - control)
    gap = ck.control_gap(TRUTH, predictions, control, guesses, rng=rng)
    expected = np.mean([matthews(TRUTH, p) for p in predictions]) - np.mean(
        [matthews(c, g) for c, g in zip(control, guesses, strict=True)]
    )
    assert gap.estimate == pytest.approx(expected)
    assert gap.n_seeds == 5
    assert gap.low > 0


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlation_is_spearmans(seed):
    x, y = np.random.default_rng(seed).integers(0, 9, (2, 40))
    assert ck.rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)


def test_rank_correlation_of_a_constant_is_undefined():
    assert np.isnan(ck.rank_correlation([1, 1], [1, 2]))


def test_correlation_counts_runs_and_leaves_untrained_models_out(runs):
    rho = ck.loss_score_correlation(runs, rng=np.random.default_rng(0), n_resamples=200)
    points = [
        (s["loss"]["test"], s["score"]["test"]) for r in runs for s in r["stops"] if s["step"]
    ]
    assert rho.estimate == pytest.approx(spearmanr(*np.array(points).T).statistic)
    assert rho.n == len(runs)


def test_mean_value_weighs_by_counts():
    values, counts = np.array([1.0, 5.0]), np.array([[1, 1], [0, 2]])
    assert ck.mean_value(None, values) == 3.0
    assert ck.mean_value.weighted(None, values, counts).tolist() == [3.0, 5.0]
