"""The ladder's protocol on toy rungs, and its verdicts on worlds whose truth is known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from hypecheck.baselines import Composition, KmerLogistic
from hypecheck.ladder import RUNGS, LadderResult, MissingRungError, Rung, assemble, climb, run_rung
from hypecheck.ladder_result import ReportedScore, rung_from_dict, rung_to_dict
from hypecheck.models import Transformer, TransformerConfig, n_parameters
from hypecheck.optimisation import TrainingConfig, TrainingDivergedError
from hypecheck.rungs import baseline_rung, cnn_rung, frozen_rung, standard_rungs
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.simulate import composition_classes, motif_grammar, planted_motifs
from hypecheck.tokenizers import CharTokenizer

SEEDS = range(5)


def toy_task(n=240, seed=0):
    """The first base gives the class away."""
    rng = np.random.default_rng(seed)

    def part(size):
        codes = rng.integers(4, size=(size, 12)).astype(np.uint8)
        return LabelledSequences(codes, codes[:, 0].astype(np.int64) % 2)

    return Task("toy", part(60), part(40), part(n))


def toy_rung(name, accuracy, *, deterministic=False, configurations=({"flip": False},)):
    """A rung that is right with a known probability; `flip` makes a configuration useless."""

    def fit(_task, configuration, seed):
        rng = np.random.default_rng([seed, int(accuracy * 1000)])

        def predict(codes):
            right = rng.random(len(codes)) < (0.5 if configuration["flip"] else accuracy)
            return np.where(right, codes[:, 0] % 2, 1 - codes[:, 0] % 2).astype(np.int64)

        return predict

    return Rung(name, configurations, fit, deterministic=deterministic)


def toy_rungs(accuracies=(0.5, 0.6, 0.8, 0.85, 0.7, 0.95, 0.99)):
    return [
        toy_rung(name, accuracy, deterministic=name in RUNGS[:3])
        for name, accuracy in zip(RUNGS, accuracies, strict=True)
    ]


@pytest.fixture(scope="module")
def toy():
    return climb(toy_task(), toy_rungs(), seeds=SEEDS)


def test_another_reference_turns_the_difference_round(toy):
    there = toy.relative_to("cnn")
    back, forth = there.difference(toy.reference).interval95, toy.difference("cnn").interval95
    assert there.reference == "cnn"
    assert back.estimate == pytest.approx(-forth.estimate)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low), abs=0.02)
    with pytest.raises(ValueError, match="nobody"):
        toy.relative_to("nobody")


@pytest.mark.parametrize(
    ("published", "word"), [(-0.9, "above"), (1.1, "below"), (None, "nothing reported")]
)
def test_an_interval_is_held_against_the_best_published_score(toy, published, word):
    scores = [] if published is None else [published, published - 0.05]
    reported = tuple(ReportedScore(f"model {x}", "frozen", x, "a paper", "READ") for x in scores)
    held = replace(toy, reported=reported)
    assert held.against_reported("frozen") == word
    assert held.against_reported("fine-tuned") == "nothing reported"
    if published is not None:
        assert held.best_reported("frozen") == published


# --- protocol -----------------------------------------------------------------------------------


def test_a_hand_worked_ladder():
    """Four test sequences, two of them wrong in one of two runs."""
    codes = np.array([[0], [1], [0], [1]], dtype=np.uint8)
    part = LabelledSequences(codes, np.array([0, 1, 0, 1]))
    wrong = np.array([1, 0, 0, 1])

    def fit(_task, _configuration, seed):
        return lambda _codes: wrong if seed else part.labels

    result = run_rung(Rung("cnn", [{}], fit), Task("four", part, part, part), seeds=(0, 1))
    assert result.scores == (1.0, 0.0)
    assert result.interval.estimate == 0.5
    assert result.interval.n_seeds == 2
    assert result.predictions.tolist() == [[0, 1, 0, 1], [1, 0, 0, 1]]


def test_scores_are_those_of_scikit_learn(toy):
    for rung in toy.rungs:
        for score, predicted in zip(rung.scores, rung.predictions, strict=True):
            assert score == pytest.approx(matthews_corrcoef(toy.y_true, predicted))


def test_no_rung_sees_the_test_part_before_all_have_chosen():
    calls = []

    def watched(rung):
        def fit(task, configuration, seed):
            assert len(task.test) == 0
            predict = rung.fit(task, configuration, seed)

            def watch(codes):
                calls.append((rung.name, seed, len(codes)))
                return predict(codes)

            return watch

        return replace(rung, fit=fit)

    task = toy_task()
    climb(task, [watched(rung) for rung in toy_rungs()], seeds=(0, 1))
    reads = [(name, seed) for name, seed, size in calls if size == len(task.test)]
    assert len(reads) == len(set(reads)) == 3 + 2 * 4  # once per rung and seed
    sizes = [size for _, _, size in calls]
    assert sizes.index(len(task.test)) == len(calls) - len(reads)  # after every choice


def test_the_validation_score_of_the_first_seed_chooses():
    grid = ({"flip": True}, {"flip": False}, {"flip": True})
    rung = replace(toy_rung("cnn", 0.99), configurations=grid)
    result = run_rung(rung, toy_task(), seeds=(3, 4))
    assert result.chosen == {"flip": False}
    assert len(result.trials) == 3
    assert max(trial.validation for trial in result.trials) == result.trials[1].validation


def test_a_configuration_that_diverges_is_a_trial_without_a_score():
    rung = toy_rung("cnn", 0.99, configurations=[{"flip": True}, {"flip": False}, {"flip": True}])

    def fit(task, configuration, seed):
        if configuration["flip"]:
            raise TrainingDivergedError("the loss exploded")
        return rung.fit(task, configuration, seed)

    result = run_rung(replace(rung, fit=fit), toy_task(), seeds=(0, 1))
    assert [trial.validation is None for trial in result.trials] == [True, False, True]
    assert result.chosen == {"flip": False}
    bad = replace(rung, fit=fit, configurations=[{"flip": True}])
    with pytest.raises(TrainingDivergedError, match="smaller learning rates"):
        run_rung(bad, toy_task(), seeds=(0, 1))


def test_deterministic_rungs_run_once_and_cost_is_counted(toy):
    assert toy["kmer_linear"].seeds == (0,)
    assert toy["cnn"].seeds == (0, 1, 2, 3, 4)
    assert toy["cnn"].cpu_seconds >= sum(trial.cpu_seconds for trial in toy["cnn"].trials)
    assert toy["cnn"].energy_joules == pytest.approx(10 * toy["cnn"].cpu_seconds)


def test_differences_pair_items_and_carry_holm(toy):
    gap = toy.difference("fine_tuned")
    both = toy["fine_tuned"].interval.estimate - toy["kmer_linear"].interval.estimate
    assert gap.interval95.estimate == pytest.approx(both)
    assert gap.word == "beats"
    assert toy.difference("chance").word == "loses"
    assert all(gap.p <= gap.p_holm <= 1 for gap in toy.differences)
    assert len(toy.differences) == 6


def test_too_few_seeds_resolve_nothing():
    result = climb(toy_task(), toy_rungs(), seeds=(0, 1))
    trained = [gap for gap in result.differences if not result[gap.rung].deterministic]
    assert {gap.word for gap in trained} == {"not resolved"}
    assert all(gap.few_seeds for gap in trained)
    assert not result.difference("composition").few_seeds  # nothing random in either
    assert "2 seeds of the 5 needed" in result.sentence()


def test_groups_widen_the_interval():
    task = toy_task()
    twice = replace(task, test=task.test.take(np.repeat(np.arange(120), 2)))
    alone = run_rung(toy_rung("cnn", 0.8), twice, seeds=SEEDS)
    pairs = np.repeat(np.arange(120), 2)
    grouped = run_rung(toy_rung("cnn", 0.8), twice, seeds=SEEDS, groups=pairs)
    assert (alone.interval.n, grouped.interval.n) == (240, 120)


# --- missing rungs ------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", RUNGS)
def test_a_missing_rung_is_an_error_that_names_it(missing):
    rungs = [rung for rung in toy_rungs() if rung.name != missing]
    with pytest.raises(MissingRungError, match=missing):
        climb(toy_task(), rungs, seeds=SEEDS)
    with pytest.raises(MissingRungError, match=missing):
        climb(toy_task(), rungs, seeds=SEEDS, not_applicable={missing: "  "})


def test_a_reason_makes_a_rung_not_applicable():
    rungs = [rung for rung in toy_rungs() if rung.name != "composition"]
    reason = "because every class has the same bases by construction"
    result = climb(toy_task(), rungs, seeds=SEEDS, not_applicable={"composition": reason})
    assert result.table().loc["composition", "word"] == reason


def test_at_most_two_are_not_applicable():
    reasons = dict.fromkeys(RUNGS[3:6], "because")
    rungs = [rung for rung in toy_rungs() if rung.name not in reasons]
    with pytest.raises(MissingRungError, match="at most 2"):
        climb(toy_task(), rungs, seeds=SEEDS, not_applicable=reasons)


def test_other_refusals_say_what_to_do():
    with pytest.raises(ValueError, match="two different seeds"):
        climb(toy_task(), toy_rungs(), seeds=(0,))
    with pytest.raises(ValueError, match="mcc, accuracy"):
        climb(toy_task(), toy_rungs(), seeds=SEEDS, metric="auroc")
    with pytest.raises(ValueError, match="no rungs"):
        climb(toy_task(), toy_rungs(), seeds=SEEDS, not_applicable={"crystal ball": "because"})
    with pytest.raises(ValueError, match="named twice"):
        climb(toy_task(), [*toy_rungs(), toy_rungs()[0]], seeds=SEEDS)
    with pytest.raises(ValueError, match="no rung 'nothing'"):
        climb(toy_task(), toy_rungs(), seeds=SEEDS, reference="nothing")
    with pytest.raises(ValueError, match="at least one"):
        Rung("cnn", [], lambda *_: None)


# --- recorded rungs -----------------------------------------------------------------------------


def test_rungs_come_from_a_recorded_run_and_say_so(toy):
    live = [rung for rung in toy_rungs() if rung.name in RUNGS[:4]]
    result = climb(toy_task(), live, seeds=(0, 1), recorded=toy)
    assert [rung.name for rung in result.rungs] == list(RUNGS)
    kinds = {rung.name: rung.kind for rung in result.rungs}
    assert kinds["cnn"] == "live"
    assert kinds["pretrained_frozen"] == "recorded"
    assert result.difference("fine_tuned").word == "beats"  # five recorded seeds
    assert result.difference("cnn").word == "not resolved"  # two live ones


def test_another_test_part_is_another_experiment(toy):
    live = [rung for rung in toy_rungs() if rung.name in RUNGS[:4]]
    with pytest.raises(ValueError, match="two experiments"):
        climb(toy_task(seed=1), live, seeds=SEEDS, recorded=toy)


def test_chosen_configurations_are_those_of_the_record(toy):
    assert toy.chosen_configurations()["cnn"] == [{"flip": False}]


# --- the result in words, table and JSON --------------------------------------------------------


def test_words_tell_the_finding_with_numbers(toy):
    assert toy.headline() == "fine-tuned beats k-mer linear"
    assert str(toy["fine_tuned"].interval) in toy.sentence()
    assert "(beats)" in toy.sentence()
    for rung in toy.rungs:
        assert f"{rung.label} {rung.interval}" in toy.alt_text()
    assert "240 test sequences, 5 seeds" in toy.alt_text()
    assert "stand-in" in replace(toy, stand_in="simulated").sentence()


def test_a_reference_that_wins_is_said_to():
    result = climb(toy_task(), toy_rungs((0.5, 0.6, 0.99, 0.8, 0.7, 0.8, 0.9)), seeds=SEEDS)
    assert result.headline() == "no rung scores above k-mer linear"
    assert "fine-tuned minus k-mer linear" in result.sentence()


def test_table_has_a_row_for_every_rung(toy):
    table = toy.table()
    assert list(table.index)[2] == "k-mer linear"
    assert math.isnan(table.loc["k-mer linear", "difference"])
    assert (table["configurations"] == 1).all()


def test_json_round_trip(toy):
    text = toy.to_json()
    again = LadderResult.from_json(text)
    assert again.to_json() == text
    assert again.sentence() == toy.sentence()
    assert np.array_equal(again["cnn"].predictions, toy["cnn"].predictions)
    with pytest.raises(ValueError, match="no ladder"):
        LadderResult.from_json(json.dumps({"rungs": []}))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 60), st.integers(1, 6), st.integers(2, 9), st.integers(0, 2**16))
def test_one_rung_round_trips_whatever_its_shape(n, n_seeds, n_classes, seed):
    rng = np.random.default_rng(seed)
    task = toy_task()
    rung = run_rung(toy_rung("cnn", 0.8), task, seeds=(0, 1))
    predictions = rng.integers(n_classes, size=(n_seeds, n)).astype(np.uint8)
    rung = replace(rung, predictions=predictions, chosen={"k": (1, 6)})
    again = rung_from_dict(rung_to_dict(rung))
    assert np.array_equal(again.predictions, predictions)
    assert again.predictions.dtype == np.uint8
    assert again.chosen == {"k": (1, 6)}


def test_assembling_gives_what_climbing_gives(toy):
    again = assemble(toy_task(), list(toy.rungs)[::-1])
    assert again.to_json() == toy.to_json()


def test_expected_best_needs_trials():
    grid = ({"flip": True}, {"flip": False}, {"flip": True})
    rungs = [replace(rung, configurations=grid) for rung in toy_rungs()]
    result = climb(toy_task(), rungs, seeds=(0, 1))
    seconds, best = result.expected_best()["cnn"]
    values = [trial.validation for trial in result["cnn"].trials]
    assert best == pytest.approx([np.mean(values), best[1], max(values)])
    assert (np.diff(best) >= 0).all()
    assert (np.diff(seconds) > 0).all()


# --- planted truth ------------------------------------------------------------------------------


def world_task(data, name):
    cuts = [slice(0, 800), slice(800, 1000), slice(1000, 1500)]
    return Task(name, *(data.take(cut) for cut in cuts))


def world(name):
    rng = np.random.default_rng(0)
    background = rng.integers(0, 4, (1500, 36)).astype(np.uint8)
    if name == "composition":
        return composition_classes(1500, 36, rng, gc=(0.42, 0.58)).data
    if name == "motif":
        return planted_motifs(background, ["TGACTCA"], rng).data
    words = ("TGACTCA", "CCGGAAGT")
    return motif_grammar(background, *words, rng, rule="order", gaps=range(5, 9)).data


@pytest.fixture(scope="module")
def worlds():
    """Composition, k-mers and CNN in three worlds; the other rungs are idle."""
    training = TrainingConfig(steps=100, batch_size=32)
    rungs = [
        baseline_rung("composition", Composition, [{"C": 10.0}]),
        baseline_rung("kmer_linear", KmerLogistic, [{"C": C, "k": (1, 4)} for C in (0.01, 0.1)]),
        replace(cnn_rung(training), configurations=[{"head": "global", "learning_rate": 5e-3}]),
    ]
    idle = [toy_rung(name, 0.5) for name in (RUNGS[0], *RUNGS[4:])]
    return {
        name: climb(world_task(world(name), name), [*rungs, *idle], seeds=SEEDS)
        for name in ("composition", "motif", "grammar")
    }


def test_where_composition_suffices_nothing_beats_it(worlds):
    from_composition = climb_again(worlds["composition"], "composition")
    assert worlds["composition"]["composition"].interval.low > 0.5
    for name in ("kmer_linear", "cnn"):
        assert from_composition.difference(name).word != "beats"


def test_where_a_motif_decides_words_and_filters_beat_composition(worlds):
    result = climb_again(worlds["motif"], "composition")
    assert result.difference("kmer_linear").word == "beats"
    assert result.difference("cnn").word == "beats"
    assert worlds["motif"].difference("cnn").word != "loses"
    assert abs(worlds["motif"].difference("cnn").interval95.estimate) < 0.1


def test_where_order_decides_words_are_at_chance_and_the_cnn_is_not(worlds):
    result = worlds["grammar"]
    assert not result["kmer_linear"].interval.excludes(0.0)
    assert result["cnn"].interval.low > 0.8
    assert result.difference("cnn").word == "beats"


def climb_again(result, reference):
    """The same predictions, compared with another rung."""
    task = world_task(world(result.task), result.task)
    return assemble(task, result.rungs, reference=reference)


# --- the standard rungs -------------------------------------------------------------------------


def language_model(seed):
    return Transformer(TransformerConfig(vocab_size=7, d_model=8, n_heads=2, d_ff=8), seed=seed)


def test_standard_rungs_climb_whole(monkeypatch):
    grid = [{"C": C, "k": (1, 2)} for C in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)]
    monkeypatch.setattr(KmerLogistic, "configurations", lambda: grid)  # quicker
    quick = TrainingConfig(steps=4, batch_size=8)
    rungs = standard_rungs(
        language_model,
        CharTokenizer(),
        training=quick,
        cnn_training=quick,
        from_scratch=True,
        pretraining_seconds=7.0,
    )
    result = climb(toy_task(), rungs, seeds=(0, 1), n_resamples=50)
    assert [rung.name for rung in result.rungs] == [*RUNGS, "from_scratch"]
    assert [len(rung.trials) for rung in result.rungs] == [1, 6, 6, 6, 6, 6, 6, 6]
    assert result["pretrained_frozen"].pretraining_seconds == 14.0
    assert result["from_scratch"].pretraining_seconds == 0.0
    # the twin of an untrained model is that model: pretraining is all that sets the rungs apart
    assert result["random_frozen"].scores == result["pretrained_frozen"].scores
    assert result["from_scratch"].scores == result["fine_tuned"].scores


def test_chosen_configurations_replace_the_grids():
    chosen = {"cnn": [{"head": "global", "learning_rate": 1e-3}]}
    rungs = standard_rungs(language_model, CharTokenizer(), chosen=chosen)
    assert [len(rung.configurations) for rung in rungs] == [1, 6, 6, 1, 6, 6, 6]


def test_a_frozen_body_stays_as_it_was():
    model = language_model(0)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    run_rung(
        frozen_rung("random_frozen", lambda _: model, CharTokenizer()), toy_task(), seeds=(0, 1)
    )
    assert all((weight == before[name]).all() for name, weight in model.state_dict().items())
    assert n_parameters(model) > 0
