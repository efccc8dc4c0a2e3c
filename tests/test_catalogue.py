"""Resemblance, comparisons and gains, worked by hand and on the published table."""

import numpy as np
import pandas as pd
import pytest

from hypecheck import catalogue
from hypecheck.recorded import published


def make(*designs):
    return pd.DataFrame(designs, columns=list(catalogue.DESIGN))


def test_twins_agree_in_all_four_fields():
    frame = make(
        ("encoder", "masked", "BPE", "human"),
        ("encoder", "masked", "BPE", "human"),
        ("encoder", "masked", "letters", "human"),
        ("encoder", "masked", "BPE", "human;mouse"),
    )
    assert catalogue.resembles(frame).any(axis=1).tolist() == [True, True, False, False]
    shared = catalogue.resembles(frame, corpus="shared")
    assert shared.any(axis=1).tolist() == [True, True, False, True]
    assert np.array_equal(shared, shared.T)
    assert not shared.diagonal().any()


def test_equal_corpora_are_shared_corpora():
    frame = catalogue.described(catalogue.sequence_models(published("models").frame))
    assert not (catalogue.resembles(frame) & ~catalogue.resembles(frame, corpus="shared")).any()


def test_an_empty_field_is_refused():
    frame = make(("encoder", None, "BPE", "human"))
    with pytest.raises(ValueError, match="a field is empty"):
        catalogue.resembles(frame)
    assert catalogue.described(frame).empty
    with pytest.raises(ValueError, match="'equal' or 'shared'"):
        catalogue.resembles(frame, corpus="alike")


def test_pairs_name_the_fields_that_agree():
    frame = make(("e", "m", "b", "h"), ("e", "n", "b", "h")).assign(name=["A", "B"])
    [(first, second, fields)] = catalogue.pairs_within(frame, ["A", "B"])
    assert (first, second, fields) == ("A", "B", ["architecture", "tokeniser", "corpus_keys"])
    with pytest.raises(ValueError, match="not in the table: C"):
        catalogue.pairs_within(frame, ["A", "C"])


def test_only_older_models_can_be_compared_with():
    frame = pd.DataFrame(
        {"name": list("ABCD"), "year": [2020, 2021, 2021, 2022], "month": [5, 3, np.nan, 1]}
    )
    found = catalogue.comparison_density(frame, {"D": ["A", "B"], "B": ["A"], "A": []})
    assert found.index.tolist() == ["D", "B"]
    assert found["possible"].tolist() == [3, 1]
    assert found["share"].tolist() == [2 / 3, 1]
    with pytest.raises(ValueError, match="not older"):
        catalogue.comparison_density(frame, {"B": ["C"]})
    with pytest.raises(ValueError, match="not in the table: Z"):
        catalogue.comparison_density(frame, {"D": ["Z"]})


def test_gain_is_best_minus_best_and_spread_the_larger_one():
    frame = pd.DataFrame(
        {"a": [70.0, 60.0], "a_spread": [3.0, 0.1], "b": [69.0, 61.0], "b_spread": [9.0, 0.2],
         "c": [72.0, 61.3], "c_spread": [0.5, 0.1]}
    )  # fmt: skip
    gains = catalogue.gains_over_best(frame, ["c"], ["a", "b"])
    assert gains.gain == pytest.approx([2.0, 0.3])
    assert gains.spread.tolist() == [3.0, 0.2]
    assert gains.within.tolist() == [True, False]


def test_a_gain_as_large_as_the_spread_is_within_it():
    frame = pd.DataFrame({"a": [0.1], "a_spread": [0.2], "b": [0.3], "b_spread": [0.0]})
    assert catalogue.gains_over_best(frame, ["b"], ["a"]).within.tolist() == [True]


def test_every_row_of_the_table_says_where_it_was_read():
    frame = published("models").frame
    assert frame["name"].is_unique
    assert frame["read"].notna().all()
    assert set(frame["confidence"]) <= {"READ", "READ-2nd"}
    assert frame["year"].between(2017, 2026).all()
    known = frame["parameters"].dropna()
    assert (known > 1e5).all()
    assert (frame["context"].notna() == frame["context_of"].notna()).all()
    assert (frame["amount"].notna() == frame["amount_of"].notna()).all()
