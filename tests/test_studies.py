"""Cells are computed once; the ladder study runs whole on a tiny world."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hypecheck import ladder_study, rungs, studies
from hypecheck.cells import Cell, run_cell, run_cells
from hypecheck.checkpoints import checkpoints
from hypecheck.ladder import RUNGS, ReportedScore
from hypecheck.ladder_study import (
    LadderPlan,
    ladder_results,
    live_ladder,
    recorded_ladder,
    study_folder,
)
from hypecheck.optimisation import TrainingConfig
from hypecheck.recorded import RecordedRun
from hypecheck.sequences import LabelledSequences, Task
from hypecheck.similarity import canonical_words
from hypecheck.studies import evaluation as ev

CALLS = []


def square(number):
    CALLS.append(number)
    return {"square": number**2, "cpu_seconds": 0.0}


def cell(number, identity="v1"):
    return Cell(f"squares/{number}", square, (number,), f"{identity} {number}")


# --- cells --------------------------------------------------------------------------------------


def test_a_cell_runs_once(tmp_path):
    CALLS.clear()
    wanted = [cell(2), cell(3)]
    assert [found["square"] for found in run_cells(wanted, tmp_path)] == [4, 9]
    assert [found["square"] for found in run_cells([*wanted, cell(4)], tmp_path)] == [4, 9, 16]
    assert CALLS == [2, 3, 4]
    assert not list(tmp_path.glob("*.part"))


def test_other_settings_or_another_function_are_another_cell(tmp_path):
    def other(number):
        return square(number)

    assert cell(2).path(tmp_path) != cell(2, "v2").path(tmp_path)
    assert cell(2).path(tmp_path) != replace(cell(2), function=other).path(tmp_path)
    assert cell(2).path(tmp_path) == replace(cell(2), arguments=("elsewhere",)).path(tmp_path)


def test_editing_the_file_of_a_running_study_changes_nothing(tmp_path, monkeypatch):
    before = cell(5).path(tmp_path)
    monkeypatch.setattr("inspect.getsource", lambda _: "edited")
    assert cell(5).path(tmp_path) == before


def test_a_broken_cell_leaves_nothing_and_the_others_stay(tmp_path):
    def fails(_number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_cells([cell(2), Cell("fails", fails, (1,), "")], tmp_path)
    assert [path.name[:9] for path in tmp_path.iterdir()] == ["squares-2"]


def test_results_must_be_finite(tmp_path):
    nan = Cell("nan", lambda: {"x": float("nan")}, (), "")
    with pytest.raises(ValueError, match="JSON"):
        run_cell(nan, tmp_path)
    assert not list(tmp_path.glob("*.json"))


# --- the ladder study on a tiny world -----------------------------------------------------------

QUICK = TrainingConfig(steps=4, batch_size=8)
PLAN = LadderPlan(
    tasks=(("toy", ("kmer3", "bpe16")),),
    away_from=("toy",),
    corpus="genome",
    records=("one",),
    seeds=(0, 1),
    n_validation=20,
    length=30,
    n_windows=80,
    d_model=8,
    n_layers=1,
    pretraining=QUICK,
    training=QUICK,
    cnn_training=QUICK,
)


def fake_load(name, **_options):
    rng = np.random.default_rng(0)
    genome = rng.integers(4, size=200_000).astype(np.uint8)
    if name == "genome":
        return SimpleNamespace(records={"one": genome})

    def part(n, start):
        codes = np.stack([genome[start + 40 * i : start + 40 * i + 24] for i in range(n)])
        return LabelledSequences(codes, codes[:, 0].astype(np.int64) % 2)

    return Task(name, part(40, 0), part(30, 50_000), part(50, 100_000))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Results of the study, and the folder that holds its cells."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder_study, "load", fake_load)
        for grid in ("CNN_GRID", "FROZEN_GRID", "FINE_TUNING_GRID"):  # two of six: it is quicker
            patch.setattr(rungs, grid, getattr(rungs, grid)[:2])
        patch.setattr(rungs.KmerLogistic, "configurations", lambda: [{"C": 0.01, "k": (1, 3)}])
        yield ladder_results(PLAN, folder), study_folder(PLAN, folder)


@pytest.fixture
def run(study):
    results = json.loads(json.dumps(study[0], allow_nan=False))
    return RecordedRun("ladder", "", "", {}, {}, (0, 1), 0.0, results)


def test_every_ladder_is_whole_and_recorded(run):
    for tokenizer in ("kmer3", "bpe16"):
        ladder = recorded_ladder(run, "toy", tokenizer)
        assert [rung.name for rung in ladder.rungs] == [*RUNGS, "from_scratch"]
        assert {rung.kind for rung in ladder.rungs} == {"recorded"}
        assert {len(rung.trials) for rung in ladder.rungs} == {1, 2, 6}
        assert ladder["pretrained_frozen"].pretraining_seconds > 0
    assert (ladder.n_train, ladder.n_validation, ladder.n_test) == (40, 20, 50)


def test_rungs_without_a_tokenizer_are_shared(run):
    one, other = (recorded_ladder(run, "toy", name) for name in ("kmer3", "bpe16"))
    for name in ("kmer_linear", "cnn"):
        assert one[name].cpu_seconds == other[name].cpu_seconds  # the same run


def test_the_corpus_stays_away_from_the_test_part(study):
    report = study[0]["corpus"]
    assert report["test_sequences_sharing_a_word"] == {"toy": 50}
    assert report["removed"] == 50 * 24
    assert report["bases"] == 200_000


def test_pretraining_says_how_much_was_learnt(study):
    models = study[0]["pretraining"]
    assert [(model["tokenizer"], model["seed"]) for model in models] == [
        ("kmer3", 0), ("kmer3", 1), ("bpe16", 0), ("bpe16", 1)
    ]  # fmt: skip
    for model in models:
        assert 1.9 < model["unigram_bits_per_base"] < 2.3
        assert set(model["markov_bits_per_base"]) == set("012345678")
    assert models[0]["bases_per_token"] == 3.0


def test_a_finished_study_computes_nothing(study, monkeypatch):
    results, folder = study
    monkeypatch.setattr(ladder_study, "fit_language_model", None)
    monkeypatch.setattr(ladder_study, "run_rung", None)
    assert ladder_results(PLAN, folder.parent) == results


def test_another_plan_never_touches_the_weights_of_this_one(study, monkeypatch):
    _, folder = study
    monkeypatch.setattr(ladder_study, "load", fake_load)
    assert study_folder(replace(PLAN, tasks=()), folder.parent) == folder
    for change in ({"d_model": 16}, {"n_windows": 81}, {"seeds": (0, 2)}):
        assert study_folder(replace(PLAN, **change), folder.parent) != folder


def test_a_task_added_later_reruns_nothing(study, monkeypatch):
    """Pretraining and the first task keep their cells."""
    _, folder = study
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    wider = replace(PLAN, tasks=(("toy", ("kmer3",)), ("other", ("kmer3",))))
    results = ladder_results(wider, folder.parent)
    assert set(results["ladders"]) == {"toy", "other"}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_an_unknown_ladder_is_refused(run):
    with pytest.raises(ValueError, match="toy: kmer3, bpe16"):
        recorded_ladder(run, "toy", "char")


# --- live pages ---------------------------------------------------------------------------------


def test_a_page_takes_the_model_rungs_from_the_record(study, run, monkeypatch):
    reported = (ReportedScore("big", "frozen", 0.5, "a paper", "READ"),)
    record = replace(recorded_ladder(run, "toy", "kmer3"), reported=reported)
    live = live_ladder(fake_load("toy"), record, seeds=(0, 1), cnn_steps=5)
    kinds = {rung.name: rung.kind for rung in live.rungs}
    assert [kinds[name] for name in RUNGS] == ["live"] * 4 + ["recorded"] * 3
    assert len(live["cnn"].trials) == 1
    assert live.reported == reported


def test_a_stand_in_is_climbed_whole_with_the_recorded_weights(study, run, monkeypatch):
    _, folder = study
    monkeypatch.setattr(ladder_study, "weights_path", lambda name: folder / f"{name}.safetensors")
    ladder_study._recorded_model.cache_clear()
    task = replace(fake_load("toy"), stand_in="simulated")
    record = recorded_ladder(run, "toy", "kmer3")
    live = live_ladder(task, record, seeds=(0, 1), cnn_steps=5, stand_in_steps=5)
    ladder_study._recorded_model.cache_clear()
    assert {rung.kind for rung in live.rungs} == {"live"}
    assert live.reported == ()
    assert live.stand_in == "simulated"


# --- records ------------------------------------------------------------------------------------


def test_recording_writes_run_and_weights(study, run, monkeypatch, tmp_path):
    _, folder = study

    def tiny(given, *, n_jobs, progress):
        assert (given, n_jobs, progress) == (folder, 1, False)
        return run, (folder / "ladder-kmer3-0.safetensors",)

    monkeypatch.setitem(studies.STUDIES, "ladder", studies.Study("ladder", "tiny", tiny))
    paths = studies.record("ladder", folder=folder, progress=False, into=tmp_path)
    assert [path.name for path in paths] == ["ladder.json", "ladder-kmer3-0.safetensors"]
    assert paths[1].stat().st_size < (folder / paths[1].name).stat().st_size


def test_the_recorded_plan_is_a_fair_one():
    plan = LadderPlan()
    assert len(plan.seeds) >= 5
    assert {name for _, names in plan.tasks for name in names} >= {"kmer3", "bpe512", "char"}
    purged = set(plan.away_from)
    core = {name for name, _ in plan.tasks if "prom_core" in name}
    assert {name for name, _ in plan.tasks} - core <= purged
    assert not core or "gue/prom/prom_core_all" in purged  # it holds the two others


# --- evaluation ---------------------------------------------------------------------------------

TINY = ev.EvaluationPlan(
    variants=(
        ev.Variant("narrow", "kmer3", 8, (2, 4)),
        ev.Variant("repetitive", "kmer3", 16, (2,), "repetitive"),
    ),
    seeds=(0, 1),
    n_train=40,
    n_aside=30,
    n_windows=60,
)


@pytest.fixture
def tiny_task(monkeypatch):
    """Cut the labelled stand-in down, and draw a genome without any repeats."""
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    whole = ev.load
    drawn = {"z": np.random.default_rng(0).integers(0, 4, 100_000).astype(np.uint8)}

    def load(name, **options):
        if name == TINY.corpus:
            return SimpleNamespace(records=drawn, provenance=SimpleNamespace(is_stand_in=True))
        loaded = whole(name, **options)
        parts = {"train": 200, "validation": 30, "test": 40}
        return replace(
            loaded, **{one: getattr(loaded, one).take(np.arange(n)) for one, n in parts.items()}
        )

    monkeypatch.setattr(ev, "load", load)
    yield
    ev.study_parts.cache_clear()
    ev.study_windows.cache_clear()


def test_held_out_windows_touch_no_training_window(tiny_task):
    windows = ev.study_windows(TINY)
    assert {part.shape[1] for part in (*windows.train.values(), *windows.held_out.values())} == {
        102
    }
    words = {
        name: set(canonical_words(part, 31).ravel()) for name, part in windows.held_out.items()
    }
    assert not words["validation"] & words["test"]
    assert not set(canonical_words(windows.train["all"], 31).ravel()) & words["test"]
    scale = {
        name: ev.repetitiveness(windows.train[name]).mean() for name in ("repetitive", "unique")
    }
    assert scale["repetitive"] >= scale["unique"]


def test_aside_rows_are_tested_on_and_never_trained_on(tiny_task):
    task, official = ev.study_parts(TINY), ev.load(TINY.task)
    assert (len(task.train), len(task.test)) == (40, len(official.test) + 30)
    assert len(ev.study_parts(replace(TINY, n_aside=0)).test) == len(official.test)


def test_evaluation_study_measures_every_stop(tiny_task, tmp_path, monkeypatch):
    costs = {"embed": 1.0, "head": 1.0, "fine_tune": 9.0, "cpu_seconds": 1.0}
    monkeypatch.setattr(ev, "cost_cell", lambda _, seed: costs | {"seed": seed})
    monkeypatch.setattr("hypecheck.cells._source", lambda function: str(function))
    results = ev.evaluation_results(TINY, tmp_path)
    found = checkpoints(results["runs"])
    assert [one.step for one in found] == [0, 2, 4, 0, 2]
    assert found[0].predictions.shape == (2, len(results["truth"]))
    assert found[0].window_losses.mean() == pytest.approx(found[0].loss["test"].mean(), abs=1e-3)
    assert {len(one["predicted"]["control"]) for one in results["probes"]} == {70}
    assert results["bars"]["kmer3"]["markov"] > 1
