"""Every chapter has the same bones, in the same order."""

import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.md"))
BONES = [
    "{glance}",
    "## What you will be able to do",
    "## Predict first",
    "### The question",
    "### What each side predicts",
    "### The smallest honest setup",
    "### The run",
    "### The result",
    "### What would change our mind",
    "## Verdict",
    "## Limits of this experiment",
    "## Exercises",
    "## Summary",
    "## References",
]
# What a chapter may still announce as "comes later"; the issue that brings it empties the list.
COMES_LATER: set[str] = set()
CHECKABLE = re.compile(
    r"- (Name|Say|Compute|Compare|Draw|Find|Read|Decide|Explain|Run|Tell|Measure|Count|Predict|"
    r"Build|Choose|Change|Show|Separate|Spot|Judge|Estimate|Place|Train|Write)\b"
)
MOST_LINES = 15


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return request.param.read_text()


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def cells(request):
    notebook = jupytext.read(request.param, fmt="md:myst")
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def section(text: str, heading: str) -> str:
    after = text.split(f"\n{heading}\n", 1)[1]
    return re.split(r"\n## ", after, maxsplit=1)[0]


def test_bones_stand_in_order(chapter):
    places = [chapter.find(bone) for bone in BONES]
    missing = [bone for bone, place in zip(BONES, places, strict=True) if place < 0]
    assert missing == []
    assert places == sorted(places)


def test_tension_is_short(chapter):
    body = chapter.split("---\n", 2)[2]
    tension = re.split(r"^# .*$", body, maxsplit=1, flags=re.MULTILINE)[1].split("```{glance}")[0]
    words = re.sub(r"```.*?```", "", tension, flags=re.DOTALL).split()
    assert 20 <= len(words) <= 120


def test_objectives_can_be_checked(chapter):
    items = re.findall(r"^- .*", section(chapter, "## What you will be able to do"), re.MULTILINE)
    assert len(items) >= 3
    assert [item for item in items if not CHECKABLE.match(item)] == []


def test_three_exercises_with_executed_solutions(chapter):
    part = section(chapter, "## Exercises")
    exercises = re.findall(r"^:label: (\S+)", part, re.MULTILINE)
    solutions = re.findall(r"\{solution-start\} (\S+)", part)
    assert len(exercises) >= 3
    assert solutions == exercises
    for solution in re.split(r"\{solution-start\}", part)[1:]:
        shown = solution.split("{solution-end}")[0]
        assert "{code-cell}" in shown
        assert ":class: dropdown" in shown


def test_what_comes_later_is_on_the_list(chapter):
    promised = set(re.findall(r"comes later: ([a-z ]+)", chapter))
    assert promised <= COMES_LATER


def test_cells_are_short(cells):
    long = [c for c in cells if len([x for x in c.splitlines() if x.strip()]) > MOST_LINES]
    assert long == [], "a cell of more than fifteen lines is a function that is missing"
