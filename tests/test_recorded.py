import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from hypecheck import datasets, recorded
from hypecheck.recorded import RecordedRun, RecordError, StaleRecordedRunError
from hypecheck.registry import entry, registry


@pytest.fixture
def run():
    return RecordedRun(
        name="limited-gains.ladder",
        command="python -m hypecheck.studies ladder",
        commit="0" * 40,
        versions={"python": "3.11.7"},
        data={"gue/tf/0": entry("gue/tf/0").sha256},
        seeds=(0, 1, 2, 3, 4),
        cpu_hours=1.5,
        results={"mcc": [0.61, 0.62], "rung": "cnn"},
    )


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "source" / "tiny.safetensors"
    path.parent.mkdir()
    tensors = {"w": np.array([0.5, -1.25, 1e-3], np.float32), "n": np.array([3], np.int64)}
    save_file(tensors, path, {"config": "{}"})
    return path


def test_run_comes_back_as_it_was(run, tmp_path):
    path = recorded.write_run(run, folder=tmp_path)
    assert path == tmp_path / "limited-gains.ladder.json"
    assert recorded.read_run(run.name, folder=tmp_path) == run
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_run_on_changed_data_is_stale(run, tmp_path):
    old = replace(run, data={"gue/tf/0": "f" * 64})
    recorded.write_run(old, folder=tmp_path)
    with pytest.raises(StaleRecordedRunError, match=r"f{64}.*run again: python -m hypecheck"):
        recorded.read_run(run.name, folder=tmp_path)


def test_absent_run_names_those_that_exist(run, tmp_path):
    recorded.write_run(run, folder=tmp_path)
    with pytest.raises(RecordError, match=r"'other'; there are: limited-gains\.ladder"):
        recorded.read_run("other", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is no JSON"), ("[]", "must hold exactly"), ('{"name": "x"}', "must hold exactly")],
)
def test_malformed_run(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RecordError, match=message):
        recorded.read_run("x", folder=tmp_path)


@pytest.mark.parametrize("value", [float("nan"), np.zeros(2), {1, 2}])
def test_results_must_be_json(run, tmp_path, value):
    with pytest.raises(RecordError, match=r"cannot be written as JSON.*tolist"):
        recorded.write_run(replace(run, results={"x": value}), folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "../x", "Run", "a b", ".x"])
def test_malformed_name(run, tmp_path, name):
    with pytest.raises(RecordError, match="is no name"):
        recorded.write_run(replace(run, name=name), folder=tmp_path)


def test_limits_of_size(run, tmp_path, monkeypatch):
    with pytest.raises(RecordError, match="the limit is 2,000,000"):
        recorded.write_run(replace(run, results={"x": "y" * 2_000_000}), folder=tmp_path)
    path = recorded.write_run(run, folder=tmp_path)
    monkeypatch.setattr(recorded, "MAX_ALL_BYTES", path.stat().st_size + 10)
    recorded.write_run(run, folder=tmp_path)  # in place of itself
    with pytest.raises(RecordError, match="would hold"):
        recorded.write_run(replace(run, name="second"), folder=tmp_path)


def test_what_is_committed_obeys_the_limits():
    sizes = [p.stat().st_size for p in recorded.RECORDED.rglob("*") if p.is_file()]
    assert sum(sizes) <= recorded.MAX_ALL_BYTES
    assert max(sizes, default=0) <= recorded.MAX_FILE_BYTES


def test_what_is_committed_can_be_read():
    for path in recorded.RECORDED.glob("*.json"):
        recorded.read_run(path.stem)
    for path in recorded.RECORDED.glob("*.safetensors"):
        recorded.weights_path(path.stem)


def test_weights_are_halved_and_bound_to_their_run(run, weights, tmp_path):
    recorded.write_run(run, folder=tmp_path)
    kept = recorded.keep_weights(weights, run, folder=tmp_path)
    assert recorded.weights_path("tiny", folder=tmp_path) == kept
    tensors = load_file(kept)
    assert tensors["w"].dtype == np.float16
    np.testing.assert_array_equal(tensors["w"], np.array([0.5, -1.25, 1e-3], np.float16))
    assert tensors["n"].dtype == np.int64


def test_weights_of_a_model_can_be_loaded_again(run, tmp_path):
    torch = pytest.importorskip("torch")
    models = pytest.importorskip("hypecheck.models")
    model = models.ConvNet(models.ConvNetConfig(), seed=1)
    models.save(model, tmp_path / "cnn.safetensors")
    recorded.write_run(run, folder=tmp_path / "kept")
    recorded.keep_weights(tmp_path / "cnn.safetensors", run, folder=tmp_path / "kept")
    twin = models.load(recorded.weights_path("cnn", folder=tmp_path / "kept"))
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_weights_need_a_valid_run(run, weights, tmp_path):
    with pytest.raises(RecordError, match="no recorded run"):
        recorded.keep_weights(weights, run, folder=tmp_path)
    recorded.write_run(run, folder=tmp_path)
    recorded.keep_weights(weights, run, folder=tmp_path)
    stale = replace(run, data={"hic": "0" * 64})
    recorded.write_run(stale, folder=tmp_path)
    with pytest.raises(StaleRecordedRunError):
        recorded.weights_path("tiny.safetensors", folder=tmp_path)
    with pytest.raises(RecordError, match="does not say which run"):
        recorded.weights_path("tiny", folder=weights.parent)
    with pytest.raises(RecordError, match=r"'large'; there are: tiny"):
        recorded.weights_path("large", folder=tmp_path)


def test_weights_beyond_float16(run, tmp_path):
    recorded.write_run(run, folder=tmp_path)
    save_file({"w": np.array([1e6], np.float32)}, tmp_path / "wide.safetensors")
    with pytest.raises(RecordError, match=r"'w' exceeds float16"):
        recorded.keep_weights(tmp_path / "wide.safetensors", run, folder=tmp_path)


def test_run_describes_itself(tmp_path):
    loaded = datasets.load("python_help")
    run = recorded.describe_run(
        "text", {"bits": 1.0}, command="python x", data=[loaded], seeds=[np.int64(3)], cpu_hours=0
    )
    assert len(run.commit.removesuffix("-dirty")) == 40
    assert {"python", "numpy", "torch"} <= run.versions.keys()
    assert run.data == {"python_help": ""}
    recorded.write_run(run, folder=tmp_path)
    assert recorded.read_run("text", folder=tmp_path) == run


def test_study_is_described_by_its_plan():
    @dataclass(frozen=True)
    class Plan:
        seeds: tuple[int, ...] = (0, 1)
        steps: int = 5

    run = recorded.describe_study("text", Plan(), {"bits": 1.0, "cpu_seconds": 1800}, [])
    assert run.command == "hypecheck record text"
    assert run.seeds == (0, 1)
    assert run.cpu_hours == 0.5
    assert run.results["plan"]["steps"] == 5
    assert run.results["bits"] == 1.0


def test_run_on_a_stand_in_is_refused():
    loaded = SimpleNamespace(provenance=SimpleNamespace(name="gue/tf/0", is_stand_in=True))
    with pytest.raises(RecordError, match=r"stand-in for gue/tf/0.*HYPECHECK_DATA"):
        recorded.describe_run("x", {}, command="x", data=[loaded], seeds=[], cpu_hours=0)


def test_run_outside_git_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "ASSETS", tmp_path)
    with pytest.raises(RecordError, match="from a git checkout"):
        recorded.describe_run("x", {}, command="x", data=[], seeds=[], cpu_hours=0)


def test_every_published_table_has_a_source():
    names = {path.stem for path in recorded.PUBLISHED.glob("*.csv")}
    assert names == recorded._published_entries().keys()
    for name in names:
        table = recorded.published(name)
        assert table.confidence in {"READ", "READ-2nd", "DIGITISED"}
        assert (table.confidence == "READ-2nd") == bool(table.via)
        assert table.where
        assert table.citation
        assert table.identifier
        if not table.row:  # a table of many sources may have empty fields, and names its rows
            assert not table.frame.isna().to_numpy().any()
    with pytest.raises(RecordError, match=r"there are: .*dnafm_benchmark, "):
        recorded.published("other")


def test_geneb_macro_average_is_the_mean_of_its_categories():
    frame = recorded.published("geneb_category_mcc").frame
    assert frame.shape == (41, 18)
    assert frame["official"].sum() == 40
    categories = frame.loc[:, "histone":"chrom_acc"]
    assert categories.shape[1] == 13
    np.testing.assert_allclose(categories.mean(axis=1), frame["macro_MCC"], atol=1.1e-4)


def test_fine_tuned_figures_are_those_reported():
    frame = recorded.published("gue_finetuned").frame.pivot(
        index="gue", columns="model", values="mcc"
    )
    assert frame.loc["gue/tf/0"].tolist() == [0.7199, 0.6631]
    assert frame.loc["gue/prom/prom_core_tata", "DNABERT-2"] == 0.7417
    assert frame.shape == (8, 2)


def test_frozen_figures_fit_the_official_test_parts():
    """Sizes printed beside the scores are those of the GUE folders they are matched to."""
    frame = recorded.published("dnafm_benchmark").frame
    n_matched = 0
    for row in frame.drop_duplicates("gue").itertuples():
        if row.gue in registry():
            for part, n_rows in (("test.csv", row.n_test), ("train.csv", row.n_train)):
                described = dict(
                    text.rsplit(" ", 1) for text in entry(row.gue).rows.replace(",", "").split("; ")
                )
                if part in described:
                    assert int(described[part]) == n_rows
                    n_matched += 1
    assert n_matched == 20 + 7


def test_frozen_figures_equal_the_data_file():
    if datasets.data_folder() is None:
        pytest.skip("HYPECHECK_DATA is not set")
    frames = datasets.load("results_dnafm_benchmark").frames
    scores = frames["scores"].query("pooling == 'mean' and gue != ''")
    ours = recorded.published("dnafm_benchmark").frame
    both = ours.merge(scores, on=["gue", "model"], suffixes=("", "_file"))
    assert len(both) == len(ours) == len(scores)
    np.testing.assert_allclose(both["mcc"], both["mcc_file"], atol=5.1e-5)
    np.testing.assert_allclose(both["auc"], both["auc_file"], atol=5.1e-5)
    sized = both.merge(frames["sizes"], on="task")
    n_right = sized["accuracy"] * sized["test"]
    np.testing.assert_allclose(n_right, n_right.round(), atol=1e-6)
    pd.testing.assert_series_equal(sized["n_test"], sized["test"], check_names=False)


def test_geneb_equals_the_data_file():
    if datasets.data_folder() is None:
        pytest.skip("HYPECHECK_DATA is not set")
    theirs = datasets.load("geneb_category_mcc").frame
    pd.testing.assert_frame_equal(recorded.published("geneb_category_mcc").frame, theirs)


def test_json_is_stable(run, tmp_path):
    path = recorded.write_run(run, folder=tmp_path)
    first = path.read_bytes()
    recorded.write_run(run, folder=tmp_path)
    assert path.read_bytes() == first
    assert json.loads(first)["seeds"] == [0, 1, 2, 3, 4]
