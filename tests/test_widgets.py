import nbclient
import nbformat
import pytest
from matplotlib.figure import Figure

from hypecheck.widgets import dial, figure_html

CELL = """
from matplotlib.figure import Figure
from hypecheck.widgets import dial

def draw(k, strand):
    figure = Figure((2, 1))
    figure.alt_text = f"Words of {k} bases, read on the {strand} strand, counted <twice>."
    return figure

words = dial(draw, k=[3, 6], strand=["forward", "both"])
words
"""
TURN = """
words.controls["k"].value = 6
words.controls["strand"].value = "both"
print("Words of 6 bases, read on the both strand" in words.view.value)
"""


def drawing(calls):
    def draw(k):
        calls.append(k)
        figure = Figure((2, 1))
        figure.alt_text = f"An empty figure of k = {k}, long enough to tell."
        return figure

    return draw


@pytest.fixture(scope="module")
def executed():
    """A tiny notebook, run by a real kernel."""
    cells = [nbformat.v4.new_code_cell(source) for source in (CELL, TURN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    return notebook


@pytest.mark.filterwarnings("ignore")  # of the kernel's client, not of ours
def test_a_live_kernel_gives_both_forms(executed):
    data = executed.cells[0].outputs[0].data
    assert "model_id" in data["application/vnd.jupyter.widget-view+json"]
    assert 'alt="Words of 3 bases' in data["text/html"]
    assert "&lt;twice&gt;" in data["text/html"]
    assert data["text/plain"].startswith("Words of 3 bases")


@pytest.mark.filterwarnings("ignore")
def test_turning_a_dial_in_a_live_kernel_redraws(executed):
    assert executed.cells[1].outputs[0].text == "True\n"


@pytest.mark.filterwarnings("ignore")
def test_the_kernel_knows_every_widget_of_the_view(executed):
    state = executed.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    models = [widget["model_name"] for widget in state.values()]
    assert models.count("DropdownModel") == 2
    labels = [w["state"]["description"] for w in state.values() if "Dropdown" in w["model_name"]]
    assert labels == ["k", "strand"]


def test_each_setting_is_drawn_once():
    calls = []
    one = dial(drawing(calls), k=[3, 6])
    for value in (6, 3, 6):
        one.controls["k"].value = value
    one._repr_mimebundle_()
    assert calls == [3, 6]


def test_the_static_form_names_what_is_shown_and_what_could_be():
    text = dial(drawing([]), k=[3, 6]).static_html()
    assert "Shown: k 3." in text
    assert "k: 3, 6" in text
    assert "<script" not in text


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match="needs an option"):
        dial(drawing([]))
    with pytest.raises(ValueError, match="two values or more"):
        dial(drawing([]), k=[3])
    with pytest.raises(ValueError, match="alt_text"):
        figure_html(Figure((1, 1)))


def test_the_same_figure_gives_the_same_bytes():
    assert figure_html(drawing([])(3)) == figure_html(drawing([])(3))
