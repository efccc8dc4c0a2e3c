"""The typed result and the file that carries results between the passes."""

import pytest

from bookkeeping.results import Chapter, Result, ResultError, Results, collect, short


def output(record):
    return {"output_type": "display_data", "metadata": {"hypecheck": record}, "data": {}}


def notebook(*outputs):
    return {
        "cells": [
            {"cell_type": "markdown", "source": ""},
            {"cell_type": "code", "outputs": list(outputs)},
        ]
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.683, ".683"), (-0.05, "-.050"), (0.9996, "1.000"), (5920, "5,920"), (12.34, "12.3")],
)
def test_numbers_are_short(number, text):
    assert short(number) == text


def test_result_writes_itself_in_each_form():
    result = Result("a.b.c", 0.5, 0.4, 0.6)
    assert result.text() == ".500 [.400, .600]"
    assert result.text(".0%") == "50%"
    assert Result("a.b.first-year", 2020).text() == "2020"
    with pytest.raises(ResultError, match="unknown form"):
        result.text("banana")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "no-dots", "value": 1.0}, "chapter.experiment.quantity"),
        ({"name": "a.b.c", "value": 1.0, "kind": "guessed"}, "guessed"),
        ({"name": "a.b.c", "value": float("nan")}, "NaN"),
        ({"name": "a.b.c", "value": 1.0, "low": 0.0}, "both ends"),
    ],
)
def test_malformed_results_are_refused(arguments, message):
    with pytest.raises(ResultError, match=message):
        Result(**arguments)


def test_collect_gathers_results_and_data():
    results, data = collect(
        "ch",
        notebook(
            output({"type": "data", "name": "gue", "tier": "folder", "stand_in": None}),
            output({"type": "figure", "alt": "x"}),
            output({"type": "result", "name": "ch.x.y", "value": 1.0}),
        ),
    )
    assert [(r.name, r.chapter, r.cell) for r in results] == [("ch.x.y", "ch", 0)]
    assert data == [{"name": "gue", "tier": "folder", "stand_in": None}]


@pytest.mark.parametrize(
    ("names", "message"), [(["ch.x.y", "ch.x.y"], "twice"), (["other.x.y"], "another chapter")]
)
def test_collect_refuses_ambiguous_names(names, message):
    outputs = [output({"type": "result", "name": name, "value": 1.0}) for name in names]
    with pytest.raises(ResultError, match=message):
        collect("ch", notebook(*outputs))


def test_file_round_trip_and_missing_names(tmp_path):
    path = tmp_path / "_build" / "results.json"
    saved = Results(
        "key",
        False,
        {"processors": 2},
        {"ch": Chapter("ch", 1.0, 2.0, 3.0, ({"name": "d", "tier": "folder", "stand_in": "toy"},))},
        {"ch.x.y": Result("ch.x.y", 1.0, chapter="ch", cell=0)},
    )
    saved.save(path)
    loaded = Results.load(path)
    assert loaded == saved
    assert loaded.chapters["ch"].stand_ins == ["d"]
    with pytest.raises(ResultError, match=r"ch\.x\.y"):
        loaded["ch.x.z"]
    with pytest.raises(ResultError, match="make book"):
        Results.load(tmp_path / "absent.json")
