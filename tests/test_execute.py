"""Execution: the pages and the disk, the key, the budgets, one small chapter in a real kernel."""

from pathlib import Path

import nbformat
import pytest

from bookkeeping import execute as ex
from bookkeeping.execute import (
    BookError,
    Execution,
    judge,
    over_budget,
    pages,
    run_chapter,
    state_key,
)

CHAPTER = """---
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---
# Toy

```{{code-cell}} ipython3
{code}
```
"""


@pytest.fixture
def book(tmp_path):
    for page in ("book/intro", "notebooks/one"):
        path = tmp_path / f"{page}.md"
        path.parent.mkdir()
        path.write_text("# page\n")
    toc = "root: book/intro\nparts:\n  - chapters:\n      - file: notebooks/one\n"
    (tmp_path / "_toc.yml").write_text(toc)
    return tmp_path


def test_pages_are_listed_in_order(book):
    assert pages(book) == ["book/intro", "notebooks/one"]


def test_pages_and_disk_must_agree(book):
    (book / "notebooks/two.md").write_text("# two\n")
    with pytest.raises(BookError, match=r"notebooks/two: on disk, not in _toc\.yml"):
        pages(book)
    (book / "notebooks/two.md").unlink()
    (book / "notebooks/one.md").unlink()
    with pytest.raises(BookError, match=r"notebooks/one: in _toc\.yml, not on disk"):
        pages(book)


def test_key_follows_code_settings_and_data(book, monkeypatch):
    served = {"toy": {"tier": "folder", "sha256": "1"}}
    monkeypatch.setattr(ex.datasets, "identity", lambda: served)
    monkeypatch.delenv("HYPECHECK_FAST", raising=False)
    keys = [state_key(book)]
    module = book / "src/hypecheck/toy.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    keys.append(state_key(book))
    monkeypatch.setenv("HYPECHECK_FAST", "1")
    keys.append(state_key(book))
    served["toy"] = {"tier": "embedded", "sha256": ""}
    keys.append(state_key(book))
    assert len(set(keys)) == 4
    (book / "book/intro.md").write_text("# other prose\n")
    assert state_key(book) == keys[-1]


def test_a_chapter_runs_in_its_own_kernel_and_is_measured(tmp_path):
    code = "import os\nblock = bytearray(80 * 2**20)\nprint(os.environ['OMP_NUM_THREADS'])"
    path = tmp_path / "toy.md"
    path.write_text(CHAPTER.format(code=code))
    outcome = run_chapter(path)
    assert isinstance(outcome, Execution)
    assert outcome.notebook.cells[-1].outputs[0].text == "1\n"
    assert outcome.peak_mb > 80
    assert outcome.cpu_seconds > 0


def test_a_raising_cell_is_returned_with_its_traceback(tmp_path):
    path = tmp_path / "toy.md"
    path.write_text(CHAPTER.format(code="1 / 0"))
    assert "ZeroDivisionError" in run_chapter(path)


def execution(peak_mb=10.0, cpu_seconds=1.0, stderr=""):
    outputs = [nbformat.v4.new_output("stream", name="stderr", text=stderr)] if stderr else []
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])
    return Execution("toy", notebook, 1.0, cpu_seconds, peak_mb, cached=False)


def test_budgets_of_memory_fail_and_of_time_warn(book, monkeypatch):
    monkeypatch.setattr(ex.datasets, "identity", dict)
    with pytest.raises(BookError, match="3000 MB"):
        judge(book, [execution(peak_mb=3000.0)], strict=False)
    results = judge(book, [execution(cpu_seconds=200.0)], strict=False)
    assert over_budget(results) == ["toy took 200 s of CPU, over the budget of 90 s"]
    assert over_budget(judge(book, [execution()], strict=False)) == []
    assert (book / "_build/results.json").exists()


def test_warnings_fail_only_the_strict_build(book, monkeypatch):
    monkeypatch.setattr(ex.datasets, "identity", dict)
    judge(book, [execution(stderr="careful")], strict=False)
    with pytest.raises(BookError, match="careful"):
        judge(book, [execution(stderr="careful")], strict=True)


def test_the_book_lists_what_it_has():
    root = Path(__file__).resolve().parents[1]
    assert pages(root)[0] == "book/intro"
