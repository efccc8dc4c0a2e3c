"""Figures tell what the result tells, refuse what it lacks, and can be read."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from hypecheck import plots
from hypecheck.ladder import RUNGS, ReportedScore, Rung, climb
from hypecheck.leaderboards import rank_stability
from hypecheck.resampling import Interval
from hypecheck.sequences import LabelledSequences, Task, encode
from hypecheck.splits import audit

REPORTED = (
    ReportedScore("DNABERT-2", "frozen", 0.6, "a paper", "READ"),
    ReportedScore("DNABERT-2", "fine-tuned", 0.72, "a paper", "READ"),
)


def guess(accuracy):
    def fit(_task, configuration, seed):
        rng = np.random.default_rng([seed, int(100 * accuracy)])
        share = accuracy - configuration["worse"]
        return lambda codes: np.where(rng.random(len(codes)) < share, codes[:, 0], 1 - codes[:, 0])

    return fit


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)

    def part(n):
        codes = rng.integers(2, size=(n, 1)).astype(np.uint8)
        return LabelledSequences(codes, codes[:, 0].astype(np.int64))

    grid = [{"worse": 0.0}, {"worse": 0.05}, {"worse": 0.1}]
    rungs = [
        Rung(name, grid, guess(accuracy), deterministic=name in RUNGS[:3])
        for name, accuracy in zip(RUNGS, (0.5, 0.6, 0.8, 0.82, 0.7, 0.9, 0.95), strict=True)
    ]
    task = Task("toy", part(100), part(100), part(400))
    climbed = climb(task, rungs, seeds=range(5), reported=REPORTED)
    return replace(climbed, rungs=tuple(map(with_fixed_seconds, climbed.rungs)))


def with_fixed_seconds(rung):
    """Give each trial the same seconds: what a figure shows must not depend on the machine."""
    trials = (replace(one, cpu_seconds=0.6 + 0.1 * i) for i, one in enumerate(rung.trials))
    return replace(rung, trials=tuple(trials))


def texts(figure):
    """Every piece of text that the figure shows (ticks beyond the axes are not shown)."""
    figure.draw_without_rendering()
    hidden = {
        text
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not low <= tick.get_loc() <= high
        for text in (tick.label1, tick.label2)
    }
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [text for text in found if text not in hidden]


def words(figure):
    return " ".join(text.get_text() for text in texts(figure)).replace("\n", " ")


def contrast_with_white(colour):
    """WCAG 2.2, contrast ratio."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (float(np.dot([0.2126, 0.7152, 0.0722], linear)) + 0.05)


def leaderboard(names=("first-model-of-a-family", "b", "c")):
    rng = np.random.default_rng(0)
    stability = rank_stability([[0.9, 0.8, 0.2], [0.5, 0.9, 0.4], [0.1, 0.2, 0.3]], rng=rng)
    return plots.rank_figure(names, stability, n_tasks=3)


FIGURES = {
    "ladder": plots.ladder_figure,
    "panels": lambda result: plots.ladder_panels([result, replace(result, task="other")]),
    "difference": plots.difference_figure,
    "expected best": plots.expected_best_figure,
    "expected best, seconds": lambda result: plots.expected_best_figure(result, against="seconds"),
    "ranks": lambda _result: leaderboard(),
}


@pytest.fixture(params=FIGURES)
def figure(request, result):
    return FIGURES[request.param](result)


# --- every figure -------------------------------------------------------------------------------


def test_every_figure_tells_its_finding_in_numbers(figure):
    assert len(figure.alt_text) >= 40
    assert any(character.isdigit() for character in figure.alt_text)


def test_every_text_is_legible_on_a_phone(figure):
    assert figure.get_figwidth() == 5.0  # 360 points: one point is one pixel at 360 pixels
    assert min(text.get_fontsize() for text in texts(figure)) >= 9.9


def test_every_text_has_contrast_and_lies_inside(figure):
    box = figure.bbox
    for text in texts(figure):
        assert contrast_with_white(text.get_color()) >= 4.5
        extent = text.get_window_extent()
        assert extent.x0 >= box.x0 - 1, text.get_text()
        assert extent.x1 <= box.x1 + 1, text.get_text()
        assert extent.y0 >= box.y0 - 1, text.get_text()
        assert extent.y1 <= box.y1 + 1, text.get_text()


def test_every_figure_is_opaque_white(figure):
    assert to_rgb(figure.get_facecolor()) == (1.0, 1.0, 1.0)
    assert figure.get_facecolor()[3] == 1.0


def test_the_same_result_gives_the_same_bytes(result):
    def svg():
        buffer = io.BytesIO()
        with plots.style():
            plots.ladder_figure(result).savefig(buffer, format="svg", metadata={"Date": None})
        return buffer.getvalue()

    assert svg() == svg()


# --- kinds --------------------------------------------------------------------------------------


def test_kinds_differ_in_colour_shape_and_word():
    marks = list(plots.MARKS.values())
    assert set(plots.MARKS) == {"live", "recorded", "published", "simulated"}
    for what in ("colour", "marker", "word"):
        assert len({getattr(mark, what) for mark in marks}) == len(marks)
    assert not plots.MARKS["published"].filled


@pytest.mark.parametrize("kind", plots.MARKS)
def test_marks_have_contrast(kind):
    assert contrast_with_white(plots.MARKS[kind].colour) >= 3
    assert all(contrast_with_white(look["color"]) >= 3 for look in plots.CURVES)


def test_kinds_stay_apart_for_the_colour_blind():
    """Lightness alone separates no two of them; under deuteranopia hue still does (Viénot 1999)."""
    to_deuteranope = np.array(
        [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1]]
    )
    seen = [to_deuteranope @ np.array(to_rgb(mark.colour)) for mark in plots.MARKS.values()]
    distances = [np.abs(a - b).max() for i, a in enumerate(seen) for b in seen[:i]]
    assert min(distances) > 0.12


# --- the ladder ---------------------------------------------------------------------------------


def test_the_ladder_shows_every_rung_from_the_bottom_up(result):
    axes = plots.ladder_figure(result).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:3] == ["chance", "composition", "k-mer linear"]
    assert labels[-2:] == ["DNABERT-2\nfrozen, reported", "DNABERT-2\nfine-tuned, reported"]


def test_points_and_intervals_are_the_result(result):
    axes = plots.ladder_figure(result).axes[0]
    ends = [tuple(path.vertices[:, 0]) for c in axes.collections for path in c.get_paths()]
    assert ends == [(rung.interval.low, rung.interval.high) for rung in result.rungs]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == [rung.interval.estimate for rung in result.rungs]


def test_recorded_rungs_are_squares_and_the_legend_says_so(result):
    recorded = tuple(
        replace(rung, kind="recorded") if rung.name == "fine_tuned" else rung
        for rung in result.rungs
    )
    figure = plots.ladder_figure(replace(result, rungs=recorded))
    markers = [line.get_marker() for line in figure.axes[0].lines]
    assert markers.count("s") == 1
    assert "recorded run" in words(figure)
    assert "published" in words(figure)
    assert "recorded run" not in words(plots.ladder_figure(result))


def test_a_stand_in_is_written_across_the_figure(result):
    said = "STAND-IN DATA: simulated promoters with a planted box"
    for draw in (plots.ladder_figure, plots.difference_figure, FIGURES["panels"]):
        figure = draw(replace(result, stand_in="simulated promoters with a planted box"))
        assert said in words(figure)


def test_rungs_not_applicable_keep_their_line(result):
    rungs = tuple(rung for rung in result.rungs if rung.name != "cnn")
    figure = plots.ladder_figure(replace(result, rungs=rungs, not_applicable={"cnn": "because"}))
    assert "not applicable" in words(figure)
    assert len(figure.axes[0].get_yticks()) == 9


def test_n_seeds_and_metric_are_on_the_figure(result):
    assert "400 test sequences, 5 seeds" in words(plots.ladder_figure(result))
    assert "MCC" in words(plots.ladder_figure(result))


def test_panel_titles_do_not_touch(result):
    names = (
        "gue/prom/prom_core_tata",
        "gue/prom/prom_core_notata",
        "gue/tf/0",
        "a_name_that_is_too_long",
    )
    figure = plots.ladder_panels([replace(result, task=name) for name in names])
    titles = [axes.get_title("left") for axes in figure.axes]
    shown = {text.get_text(): text for text in texts(figure)}
    boxes = [shown[title].get_window_extent() for title in titles]
    assert not boxes[0].overlaps(boxes[1])
    assert not boxes[2].overlaps(boxes[3])
    assert titles[2] == "tf/0"


def test_panels_share_one_scale(result):
    figure = plots.ladder_panels([result, replace(result, task="b"), replace(result, task="c")])
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    with pytest.raises(ValueError, match="one metric"):
        plots.ladder_panels([result, replace(result, metric="accuracy")])
    with pytest.raises(ValueError, match="one result or more"):
        plots.ladder_panels([])


# --- refusals -----------------------------------------------------------------------------------


def without(result, **change):
    rungs = tuple(replace(rung, **change) if rung.name == "cnn" else rung for rung in result.rungs)
    return replace(result, rungs=rungs)


@pytest.mark.parametrize("draw", [plots.ladder_figure, plots.difference_figure])
def test_no_comparison_without_n_seeds_and_intervals(result, draw):
    with pytest.raises(ValueError, match=r"\(n\)"):
        draw(replace(result, n_test=0))
    with pytest.raises(ValueError, match=r"'cnn'.*seeds"):
        draw(without(result, seeds=()))
    with pytest.raises(ValueError, match=r"'cnn'.*interval"):
        draw(without(result, interval=Interval(0.5, float("nan"), float("nan"))))


def test_other_refusals_say_what_is_missing(result):
    with pytest.raises(ValueError, match="no paired differences"):
        plots.difference_figure(replace(result, differences=()))
    with pytest.raises(ValueError, match="'trials' or 'seconds'"):
        plots.expected_best_figure(result, against="hope")
    one_trial = tuple(replace(rung, trials=rung.trials[:1]) for rung in result.rungs)
    with pytest.raises(ValueError, match="two trials"):
        plots.expected_best_figure(replace(result, rungs=one_trial))


# --- differences and leaks ----------------------------------------------------------------------


def test_the_difference_figure_shows_margin_and_words(result):
    figure = plots.difference_figure(result)
    band = figure.axes[0].patches[0].get_extents()
    low, high = figure.axes[0].transData.inverted().transform([[band.x0, 0], [band.x1, 0]])[:, 0]
    assert (low, high) == pytest.approx((-0.03, 0.03))
    for gap in result.differences:
        assert gap.word in words(figure)


def test_the_leak_figure_counts():
    known = encode(["ACGTTGCATTACGATC", "GGGATCCATAAACCGT"])
    asked = encode(["ACGTTGCATTACGATC", "TTTTTTTTTTTTTTTT"])
    figure = plots.leak_figure(audit(known, asked))
    assert [bar.get_width() for bar in figure.axes[0].patches] == [1, 0, 0, 1]
    assert "1 (50.0%)" in words(figure)
    assert "1 exact copy" in figure.alt_text


def test_style_leaves_settings_as_they_were():
    before = plots.mpl.rcParams["font.size"]
    with plots.style():
        plots.mpl.rcParams["font.size"] = 99
    assert plots.mpl.rcParams["font.size"] == before


def test_the_rank_figure_tells_swings_and_refuses_missing_names():
    figure = leaderboard()
    assert "the median model moves 1 places" in figure.alt_text
    assert "first-model-of-a-family leads" in figure.alt_text
    assert "best to worst category (published)" in words(figure)
    with pytest.raises(ValueError, match="3 ranks need as many names, got 2"):
        leaderboard(names=("a", "b"))
