"""The build says early and plainly what it lacks."""

from collections import namedtuple

import pytest

from bookkeeping import build as b
from bookkeeping.execute import BookError
from tests import gate

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(b.shutil, "disk_usage", lambda _: Usage(100, 100, 2**28))
    with pytest.raises(BookError, match=r"0\.2 GB free .* needs 1 GB; make room"):
        b.build(tmp_path, strict=False)


def test_a_page_that_is_missing_stops_the_build_before_any_work(tmp_path, monkeypatch, capsys):
    (tmp_path / "_toc.yml").write_text("root: book/intro\n")
    with pytest.raises(BookError, match=r"book/intro: in _toc\.yml, not on disk"):
        b.build(tmp_path, strict=True)
    assert capsys.readouterr().out == ""


def test_only_what_pages_load_is_kept_of_mathjax(tmp_path):
    kept = ["tex-chtml.js", "output/chtml/fonts/woff-v2/a.woff", "input/tex/extensions/all.js"]
    for name in [*kept, "sre/mathmaps/de.json", "a11y/explorer.js"]:
        path = tmp_path / "mathjax" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    b._prune_mathjax(tmp_path)
    left = {str(p.relative_to(tmp_path / "mathjax")) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == set(kept)


def test_a_missing_browser_is_named_with_the_fix(monkeypatch, capsys):
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    monkeypatch.setattr(gate.os, "geteuid", lambda: 1000)
    assert not gate.ensure_browser()
    assert "install Chromium, or set CHROMIUM=" in capsys.readouterr().out


def test_the_named_browser_wins(monkeypatch, tmp_path):
    mine = tmp_path / "mine"
    mine.touch()
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert gate.find_browser() == str(mine)
