"""The map gives back what was put into it, and says so where it holds nothing."""

from dataclasses import replace

import numpy as np
import pytest

from hypecheck.decision_aid import aid_figure, answers, ask, counted, overview, reading_clause
from hypecheck.decision_map import RIVALS, Case, DecisionMap, Method, advice, judged, rows
from hypecheck.intervals import Interval

TRUTH = np.tile([0, 1], 200)


def guesses(share_wrong, seed, n_seeds=5):
    """Predictions of which a share is wrong, other items for each seed."""
    rng = np.random.default_rng(seed)
    wrong = rng.random((n_seeds, len(TRUTH))) < share_wrong
    return np.where(wrong, 1 - TRUTH, TRUTH)


@pytest.fixture
def case():
    methods = {
        "kmer_linear": Method(guesses(0.10, 1, 1), validation=0.80, seconds=1.0),
        "cnn": Method(guesses(0.20, 2), validation=0.60, seconds=30.0),
        "pretrained_frozen": Method(guesses(0.30, 3), 0.40, seconds=2.0, pretraining=20.0),
        "random_frozen": Method(guesses(0.45, 4), 0.10, seconds=2.0),
        "fine_tuned": Method(guesses(0.25, 5), 0.50, seconds=100.0, pretraining=20.0),
        "table": Method(guesses(0.05, 6, 1)),
    }
    return Case("a, 100 labels", "a", "a", 100, TRUTH, methods, established="table")


def test_choice_is_made_by_validation_within_the_budget(case):
    assert case.best(("pretrained_frozen", "fine_tuned")) == "fine_tuned"
    assert case.best(("pretrained_frozen", "fine_tuned"), budget=10) == "pretrained_frozen"
    assert case.best(("pretrained_frozen",), budget=10, own_pretraining=True) == ""
    assert case.best(("table", "kmer_linear"), budget=10) == "kmer_linear"  # no price, no budget
    assert case.best(("never run",)) == ""


def test_cost_adds_pretraining_if_it_is_ones_own(case):
    assert case.cost("fine_tuned") == 120
    assert case.cost("fine_tuned", own_pretraining=False) == 100
    assert np.isnan(case.cost("table"))


def test_gap_is_the_difference_of_mean_scores(case):
    gap = case.gap("fine_tuned", "kmer_linear")
    assert gap.estimate == pytest.approx(case.seed_gaps("fine_tuned", "kmer_linear").mean())
    assert gap.high < 0
    assert gap.n_seeds == 5


@pytest.mark.parametrize(
    ("rival", "pretrained", "chosen", "word"),
    [
        (RIVALS[0], "fine_tuned", "kmer_linear", "loses"),
        (RIVALS[1], "fine_tuned", "kmer_linear", "loses"),
        (RIVALS[2], "pretrained_frozen", "random_frozen", "beats"),
        (RIVALS[3], "fine_tuned", "table", "loses"),
    ],
)
def test_each_rival_gets_its_own_opponent(case, rival, pretrained, chosen, word):
    (cell,) = DecisionMap([case]).select(rival=rival)
    assert (cell.pretrained, cell.rival, cell.word) == (pretrained, chosen, word)


def test_questions_leave_out_what_does_not_answer_them(case):
    far = replace(case, name="far", is_divergent=True, labels=6000)
    found = DecisionMap([case, far])
    assert [c.case.name for c in found.select(divergent=True)] == ["far"]
    assert [c.case.name for c in found.select(labels="at most 200")] == ["a, 100 labels"]
    assert found.select(long=True) == []
    assert found.select(labels="at most 200", budget=0.5) == []


def test_an_unknown_question_names_the_known_ones(case):
    with pytest.raises(ValueError, match="the established method"):
        DecisionMap([case]).select(rival="my uncle")
    with pytest.raises(KeyError):
        DecisionMap([case]).select(labels="a few")


def test_correction_never_makes_a_cell_clearer(case):
    cases = [replace(case, name=str(number)) for number in range(20)]
    cells = DecisionMap(cases).select(rival=RIVALS[2])
    clear = [cell.word in ("beats", "loses") for cell in cells]
    strict = [cell.word in ("beats", "loses") for cell in judged(cells, corrected=True)]
    assert all(before or not after for before, after in zip(clear, strict, strict=True))


def test_few_seeds_are_never_clear(case):
    methods = {n: replace(m, predictions=m.predictions[:2]) for n, m in case.methods.items()}
    (cell,) = DecisionMap([replace(case, methods=methods)]).select()
    assert cell.word == "not resolved"


def test_advice_counts_what_it_was_given(case):
    cells = DecisionMap([case]).select()
    text = advice(cells)
    assert "1 case on 1 task" in text
    assert "clearly lost 1" in text
    assert text.startswith("Start with the rival")
    assert advice(DecisionMap([case]).select(rival=RIVALS[2])).startswith("Try the pretrained one")
    assert counted(cells) == "0, 1, 0, 0"


def test_an_empty_selection_advises_nothing(case):
    figure = aid_figure([])
    assert "not measured" in figure.alt_text
    assert advice([]).startswith("We have not measured this")
    assert rows([]) == {}


def test_the_aid_draws_at_most_sixteen_rows_and_says_so(case):
    many = [replace(case, name=f"case {number}") for number in range(20)]
    cells = ask(DecisionMap(many), labels="at most 200")
    figure = aid_figure(cells, also="And more.")
    assert len(figure.axes[0].get_yticks()) == 16
    assert any("of 20" in text.get_text() for text in figure.texts)
    assert "And more." in figure.alt_text


def test_every_combination_is_answered_once(case):
    table = answers(DecisionMap([case]))
    assert len({(r["labels"], r["test data"], r["context"]) for r in table}) == len(table) == 12
    measured = [row for row in table if row["counsel"] != "We have not measured this"]
    assert [row["labels"] for row in measured] == ["at most 200"]


def test_the_overview_prints_won_and_lost(case):
    assert "0 : 1 of 1" in overview(DecisionMap([case])).alt_text


@pytest.mark.parametrize(
    ("low", "high", "word"), [(0.1, 0.2, "simple"), (-0.2, -0.1, "pretrained"), (-1, 1, "no diff")]
)
def test_reading_names_the_side_that_is_read_better(low, high, word):
    assert word in reading_clause(Interval((low + high) / 2, low, high))
