"""Figures that any chapter may use: they show what they were given, and say it in words."""

from __future__ import annotations

import pytest

from hypecheck.figures import curves, number_map, scatter
from hypecheck.intervals import Interval

FOUND = {
    "k-mers": {50: Interval(0.2, 0.1, 0.3), 500: Interval(0.4, 0.3, 0.5)},
    "CNN": {50: Interval(0.1, 0, 0.2)},
}


def test_curves_show_every_estimate():
    figure = curves(
        FOUND, xlabel="labels", ylabel="MCC", alt_text="It rises.", reference=0, log_x=True
    )
    shown = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert shown["k-mers"] == [0.2, 0.4]
    assert shown["CNN"] == [0.1]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["50", "500"]
    assert figure.alt_text == "It rises."


def test_scatter_groups_differ_in_shape():
    figure = scatter(
        {"a": ([0, 1], [0, 1]), "b": ([1], [0])},
        xlabel="x",
        ylabel="y",
        alt_text="t",
        diagonal=True,
    )
    markers = [line.get_marker() for line in figure.axes[0].get_lines()[:2]]
    assert len(set(markers)) == 2


def test_a_map_prints_its_numbers_and_says_what_was_not_run():
    figure = number_map([[0.1, float("nan")]], ["tf/0"], ["50", "500"], xlabel="gain", alt_text="t")
    assert [text.get_text() for text in figure.axes[0].texts] == ["+0.10", "not run"]
    with pytest.raises(ValueError, match="1 rows and 1 columns"):
        number_map([[0.1, 0.2]], ["tf/0"], ["50"], xlabel="gain", alt_text="t")
