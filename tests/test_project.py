"""The files around the code agree with one another."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
CONDA_ONLY = {"python", "pip", "jupyterlab"}


def requirements(*groups: str) -> dict[str, SpecifierSet]:
    optional = PYPROJECT["project"]["optional-dependencies"]
    lines = [*PYPROJECT["project"]["dependencies"], *(r for g in groups for r in optional[g])]
    return {Requirement(line).name: Requirement(line).specifier for line in lines}


def locked() -> dict[str, Version]:
    lines = [x for x in (ROOT / "requirements.lock").read_text().splitlines() if x[:1] not in "# "]
    pairs = (line.split("==") for line in lines)
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(version) for name, version in pairs}


def conda_environment() -> dict[str, SpecifierSet]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *plain, last = environment["dependencies"]
    assert last["pip"][-1] == "--no-deps -e ."
    found = {}
    for line in [*plain, *last["pip"][:-1]]:
        name, _, specifier = line.partition(" ")
        found[CONDA_NAMES.get(name, name)] = SpecifierSet(specifier)
    return found


def test_environment_yml_is_the_readers_group():
    conda = {k: v for k, v in conda_environment().items() if k not in CONDA_ONLY}
    assert conda == requirements("book")


def test_lock_satisfies_every_group():
    lock = locked()
    for name, specifier in requirements("book", "test", "class").items():
        key = re.sub(r"[-_.]+", "-", name).lower()
        assert key in lock, f"{name} is not locked"
        assert lock[key] in specifier, f"{name} {lock[key]} is outside {specifier}"
    assert lock["torch"] == Version("2.13.0")


def test_lock_suits_every_platform():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"nvidia|cuda|triton|\+cpu|@ file|https?:", text)


def test_authors_are_one_setting():
    author = yaml.safe_load((ROOT / "_config.yml").read_text())["author"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert [a["name"] for a in citation["authors"]] == [author]
    assert citation["version"] == PYPROJECT["project"]["version"]


def test_workflow_runs_the_readme_command_weekly_and_on_push():
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    triggers = workflow[True]  # YAML reads the key `on` as true
    assert set(triggers) >= {"push", "schedule"}
    steps = [step.get("run", "") for step in workflow["jobs"]["test"]["steps"]]
    assert any(step.startswith("make test") for step in steps)
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make test" in (ROOT / ".ci/run").read_text()
    uses = [step.get("uses", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert any(use.startswith("actions/deploy-pages") for use in uses)


def test_chapters_carry_no_outputs_and_open_as_notebooks():
    for path in (ROOT / "notebooks").glob("*"):
        assert path.suffix == ".md", f"{path.name}: chapters are MyST Markdown notebooks"
        header = yaml.safe_load(path.read_text().split("---")[1])
        assert header["jupytext"]["text_representation"]["format_name"] == "myst"
        assert header["kernelspec"]["name"] == "python3"


def test_import_is_cheap():
    code = (
        "import time; a = time.process_time(); import hypecheck; b = time.process_time();"
        "import sys; print(b - a, 'numpy' in sys.modules, 'torch' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert printed[1:] == ["False", "False"]


def test_help_names_every_target():
    text = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("book", "test", "bench", "serve", "clean"):
        assert re.search(rf"^{target} ", text, re.MULTILINE)


def test_an_old_python_is_named_with_the_fix(tmp_path):
    old = tmp_path / "oldpython"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    outcome = subprocess.run(
        ["make", "-s", "book", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode != 0
    assert "Python 3.11 or newer is needed" in outcome.stdout
    assert "make PYTHON=" in outcome.stdout


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE-TEXT", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_project_files_are_there(name):
    assert (ROOT / name).stat().st_size > 100
