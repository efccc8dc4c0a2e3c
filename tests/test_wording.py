"""The checklist on planted sentences: what it must mark, what it must leave, and what it costs."""

import pandas as pd
import pytest

from hypecheck import wording


def names(text):
    return {mark.rule.name for mark in wording.read(text).marks}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Our model outperforms existing methods.", {"no number", "no baseline"}),
        ("Our model outperforms DNABERT-2.", {"no number"}),
        ("Our model outperforms DNABERT-2 by 3 points.", {"no interval"}),
        ("Our model outperforms DNABERT-2 by 3 ± 1 points.", set()),
        ("It sets the state of the art.", {"superlative"}),
        ("It is consistently accurate.", {"universal"}),
        ("It does not outperform existing methods.", set()),
        ("We ask whether size improves accuracy.", set()),
        ("Sequences of 251 bases were used.", set()),
    ],
)
def test_planted_sentences(text, wanted):
    assert names(text) == wanted


def test_marks_are_the_words_of_the_text():
    text = "We trained a model. It surpasses CADD on all tasks, a breakthrough."
    reading = wording.read(text)
    assert [text[m.start : m.end] for m in reading.marks] == [m.words for m in reading.marks]
    assert [m.words for m in reading.marks] == ["surpasses", "all tasks", "breakthrough"]
    assert reading.n_sentences == 2
    assert reading.is_strong


def test_rules_look_at_one_sentence_at_a_time():
    apart = "It outperforms DNABERT-2. The gain is 3 ± 1 points."
    assert names(apart) == {"no number"}
    assert names("It outperforms DNABERT-2, by 3 ± 1 points.") == set()


def test_credits_are_found():
    reading = wording.read("However, gains are modest and the model fails on promoters.")
    assert reading.credits == ("However", "modest", "fails")
    assert not reading.is_strong


@pytest.mark.parametrize("text", ["", "   ", "?", "no full stop", "Ends in et al. and goes on."])
def test_odd_texts_are_read(text):
    reading = wording.read(text)
    assert reading.marks == ()
    assert reading.n_sentences == (1 if text.strip() else 0)


def test_sentences_cover_the_text():
    text = 'It gains 0.3 points, e.g. on splice sites. "Why?" she asked. Nobody knows'
    spans = wording.sentences(text)
    assert "".join(text[a:b] for a, b in spans).replace(" ", "") == text.replace(" ", "")
    assert all(a < b for a, b in spans)


def test_reading_two_texts_is_reading_each():
    first, second = "It beats CADD.", "It is a breakthrough."
    both = wording.read(f"{first} {second}")
    single = wording.read(first).marks + wording.read(second).marks
    assert [m.words for m in both.marks] == [m.words for m in single]


def test_every_rule_says_what_it_asks_and_why():
    assert all(rule.asks.endswith("?") and rule.reason.endswith(".") for rule in wording.RULES)


def test_counts_add_up_to_the_sentences():
    table = wording.labelled_sentences()
    counts = wording.error_counts(table)
    assert (counts.sum(axis=1) == len(table)).all()
    assert set(table.columns) == {"part", "sentence", *(rule.name for rule in wording.RULES)}
    assert table["sentence"].is_unique


def test_error_counts_of_a_planted_table():
    rows = {rule.name: [0, 0] for rule in wording.RULES}
    rows |= {"sentence": ["It is a breakthrough.", "It is a marvel."], "superlative": [1, 1]}
    counts = wording.error_counts(pd.DataFrame(rows))
    assert counts.loc["superlative"].tolist() == [1, 1, 0, 0]
    assert counts.loc["universal"].tolist() == [0, 0, 0, 2]
