"""What a chapter leaves in its outputs, through a live IPython shell."""

from dataclasses import dataclass

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from bookkeeping import page
from bookkeeping.results import ResultError


@dataclass(frozen=True)
class Source:
    name: str = "gue/tf/0"
    tier: str = "folder"
    is_stand_in: bool = False
    note: str = ""


@dataclass(frozen=True)
class Data:
    provenance: Source


@dataclass(frozen=True)
class Estimate:
    estimate: float = 0.5
    low: float = 0.4
    high: float = 0.6


@pytest.fixture
def shown():
    """Return a function that calls something and gives its outputs."""
    InteractiveShell.instance()

    def call(function, *arguments, **named):
        with capture_output() as captured:
            function(*arguments, **named)
        return captured.outputs

    return call


def test_publish_leaves_a_record_and_nothing_visible(shown):
    (output,) = shown(page.publish, "ch.tf-0.mcc", Estimate(), n=9, seeds=5)
    record = output.metadata["hypecheck"]
    assert record["type"] == "result"
    assert (record["value"], record["low"], record["high"]) == (0.5, 0.4, 0.6)
    assert output.data["text/html"] == '<span id="result-ch-tf-0-mcc"></span>'


def test_a_stand_in_travels_with_the_number(shown):
    data = Data(Source(is_stand_in=True, note="a simulated motif world"))
    (output,) = shown(page.publish, "ch.tf-0.mcc", 0.5, data=data)
    assert output.metadata["hypecheck"]["stand_in"] == "a simulated motif world"
    (line,) = shown(page.uses, data)
    assert "stand-in: a simulated motif world" in line.data["text/plain"]


def test_bad_names_fail_at_once():
    with pytest.raises(ResultError, match="lower case"):
        page.publish("Nonsense", 1.0)


def test_a_figure_needs_a_text_that_tells_its_finding(shown):
    figure = Figure(figsize=(2, 1))
    with pytest.raises(ValueError, match="40 characters"):
        page.show(figure)
    figure.alt_text = "K-mers reach .683 and the small network .701 on one thousand test windows."
    (output,) = shown(page.show, figure, name="hero")
    assert 'alt="K-mers reach .683' in output.data["text/html"]
    assert 'id="figure-hero"' in output.data["text/html"]


def test_fast_builds_shrink_sizes(monkeypatch):
    monkeypatch.setenv("HYPECHECK_FAST", "1")
    assert page.is_fast()
    assert (page.quick(1000), page.quick(5), page.quick(5, least=3)) == (100, 1, 3)
    monkeypatch.setenv("HYPECHECK_FAST", "0")
    assert page.quick(1000) == 1000


def test_a_table_stands_whole_and_names_its_filters(shown):
    rows = [
        {"Model": "A & B", "Reads": ["DNA", "RNA"], "Size": ("2 M", 2e6)},
        {"Model": "C", "Reads": ["DNA"], "Size": None},
    ]
    [output] = shown(page.table, rows, caption="Two models", filters=["Reads"])
    markup = output.data["text/html"]
    assert markup.count("<tr") == 3
    assert '<th scope="row">A &amp; B</th>' in markup
    assert 'data-f0="DNA|RNA"' in markup
    assert '<option value="DNA">DNA (2)</option>' in markup
    assert '<td data-sort="2000000.0">2 M</td>' in markup
    assert "<td>–</td>" in markup
    with pytest.raises(ValueError, match="must be columns"):
        page.table(rows, caption="Two models", filters=["Colour"])
