import subprocess
import sys

import pytest

from hypecheck import downloads
from hypecheck.__main__ import main


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")


def test_list_says_size_licence_and_citation(capsys):
    assert main(["data", "list", "gue/tf/0", "python_help"]) == 0
    out = capsys.readouterr().out
    assert "gue/tf/0  [sequences, 3.6 MB, tier A]" in out
    assert "train.csv 32,378" in out
    assert "Cite: Zhou et al. 2024" in out
    assert "python_help  [text, with cpython, tier A]" in out
    assert "https://" not in out


def test_list_of_all_sets_with_files(capsys):
    assert main(["data", "list", "--files"]) == 0
    out = capsys.readouterr().out
    assert out.count("raw.githubusercontent.com") == 204
    assert out.count("no public address") == 3


def test_where_names_the_tier(capsys):
    assert main(["data", "where", "gue/tf/0"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["embedded", "gue/tf/0"]


def test_verify_reports_problems(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPECHECK_DATA", str(tmp_path))
    assert main(["data", "verify", "gue/tf/0"]) == 1
    out = capsys.readouterr().out
    assert out.count("is absent") == 3
    assert out.splitlines()[-1].startswith("3 problems")
    monkeypatch.delenv("HYPECHECK_DATA")
    assert main(["data", "verify", "gue/tf/0"]) == 0


def test_fetch_passes_names_on(capsys, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(downloads, "fetch", lambda names: asked.append(names) or [tmp_path])
    assert main(["data", "fetch", "hic"]) == 0
    assert main(["data", "fetch"]) == 0
    assert asked == [["hic"], None]
    assert f"1 files are in {tmp_path / 'cache'}" in capsys.readouterr().out


def test_errors_are_one_line_and_status_one(capsys):
    assert main(["data", "where", "gue/tf/7"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("hypecheck: no data set is called 'gue/tf/7'")
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["data"], ["data", "burn"]])
def test_incomplete_command(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: hypecheck" in capsys.readouterr().err


def test_help_names_actions_and_environment(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["data", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    for word in ("list", "fetch", "verify", "where", "HYPECHECK_DATA", "HYPECHECK_CACHE"):
        assert word in out


def test_command_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "hypecheck", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "hypecheck 0.1.0\n"


def test_record_lists_the_studies_and_names_a_wrong_one(capsys):
    assert main(["record"]) == 0
    assert capsys.readouterr().out.startswith("ladder  the full ladder on GUE tasks")
    assert main(["record", "nothing"]) == 1
    assert "no study is called 'nothing'" in capsys.readouterr().err


def test_record_runs_a_study(capsys, monkeypatch, tmp_path):
    from hypecheck import studies

    asked = []
    monkeypatch.setattr(
        studies, "record", lambda name, n_jobs: asked.append((name, n_jobs)) or [tmp_path]
    )
    assert main(["record", "ladder", "--jobs", "2"]) == 0
    assert asked == [("ladder", 2)]
    assert str(tmp_path) in capsys.readouterr().out
