"""Run the chapters in parallel, once for every state of code and data.

jupyter-cache answers for a chapter whose code cells have not changed; it sees neither the packages
that the cells import nor the data, so the whole cache is keyed on those as well
(:func:`state_key`). One process a chapter, one thread a process.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import jupytext
import nbformat
import psutil
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from bookkeeping.results import Chapter, Result, ResultError, Results, collect, is_fast
from hypecheck import datasets

CACHE = Path("_build/.jupyter_cache")
RESULTS = Path("_build/results.json")
TIMEOUT_SECONDS = 900
CPU_BUDGET_SECONDS = 90.0
CPU_MEAN_SECONDS = 55.0
MEMORY_BUDGET_MB = 2048.0
_ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")
}
# The kernel talks to this process alone; its start-up note on plain TCP is no news to a reader.
_KERNEL_ARGUMENTS = ["--log-level=ERROR"]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_KEYED_FILES = (
    "src/hypecheck/**/*",
    "src/bookkeeping/page.py",
    "src/bookkeeping/results.py",
    "requirements.lock",
)


class BookError(RuntimeError):
    """The book cannot be built, and the message says why and what to do."""


@dataclass(frozen=True)
class Execution:
    """One chapter, executed or answered by the cache.

    Parameters
    ----------
    name : str
        File name without its ending.
    notebook : nbformat.NotebookNode
        With outputs.
    seconds, cpu_seconds, peak_mb : float
        Cost of the run that made the outputs.
    cached : bool
        Whether the cache answered.
    """

    name: str
    notebook: nbformat.NotebookNode
    seconds: float
    cpu_seconds: float
    peak_mb: float
    cached: bool


def state_key(root: Path) -> str:
    """Hash everything besides its own cells that a chapter's outputs depend on.

    Parameters
    ----------
    root : Path
        The book's top folder.

    Returns
    -------
    key : str
        Changes with the package, the lock, the registry, ``HYPECHECK_FAST``, and with the tier
        and checksum that serve any data set.
    """
    digest = hashlib.sha256()
    for pattern in _KEYED_FILES:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(os.environ.get("HYPECHECK_FAST", "").encode() + b"\0")
    for name, served in sorted(datasets.identity().items()):
        digest.update(f"{name}\0{served['tier']}\0{served['sha256']}\0".encode())
    return digest.hexdigest()


def pages(root: Path) -> list[str]:
    """List the pages of ``_toc.yml`` and check them against the disk.

    Returns
    -------
    pages : list of str
        Paths without ending, relative to ``root``.

    Raises
    ------
    BookError
        If a page is listed and absent, listed twice, or present and not listed.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    listed = [toc["root"], *_files(toc)]
    on_disk = {
        str(p.relative_to(root).with_suffix(""))
        for folder in ("book", "notebooks")
        for p in (root / folder).rglob("*.md")
    }
    complaints = [f"{page}: in _toc.yml, not on disk" for page in listed if page not in on_disk]
    complaints += [f"{page}: on disk, not in _toc.yml" for page in sorted(on_disk - set(listed))]
    complaints += [f"{page}: twice in _toc.yml" for page in set(listed) if listed.count(page) > 1]
    if complaints:
        raise BookError("pages and table of contents disagree:\n  " + "\n  ".join(complaints))
    return listed


def page_names(root: Path) -> set[str]:
    """Name the pages of the table of contents as the ledger does: without folder and ending."""
    return {page.rsplit("/", 1)[-1] for page in pages(root)}


def _files(node: Mapping[str, Any]) -> Iterable[str]:
    for part in node.get("parts", []):
        yield from _files(part)
    for chapter in [*node.get("chapters", []), *node.get("sections", [])]:
        yield chapter["file"]
        yield from _files(chapter)


def execute(root: Path, *, workers: int | None = None) -> list[Execution]:
    """Execute every chapter that the cache does not answer.

    Parameters
    ----------
    root : Path
        The book's top folder.
    workers : int, optional
        Processes at once; the processors at hand by default.

    Returns
    -------
    executions : list of Execution
        In the order of the table of contents.

    Raises
    ------
    BookError
        If a cell raises; every failing chapter is named with its traceback.
    """
    chapters = [root / f"{page}.md" for page in pages(root) if page.startswith("notebooks/")]
    cache = _open_cache(root)
    done = {path: _from_cache(cache, path) for path in chapters}
    todo = [path for path in chapters if done[path] is None]
    failures = []
    if todo:
        context = multiprocessing.get_context("spawn")
        count = min(len(todo), workers or joblib.cpu_count())
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            futures = {pool.submit(run_chapter, path): path for path in todo}
            for number, future in enumerate(as_completed(futures), 1):
                outcome, path = future.result(), futures[future]
                if isinstance(outcome, str):
                    failures.append(f"{path.name}:\n{outcome}")
                    print(f"  [{number}/{len(todo)}] {path.stem}: FAILED", flush=True)
                    continue
                _store(cache, path, outcome)
                done[path] = outcome
                print(
                    f"  [{number}/{len(todo)}] {path.stem}: {outcome.seconds:.0f} s, "
                    f"{outcome.cpu_seconds:.0f} s of CPU, {outcome.peak_mb:.0f} MB",
                    flush=True,
                )
    if failures:
        raise BookError("a cell raised in\n" + "\n".join(failures))
    return [execution for execution in done.values() if execution is not None]


def _open_cache(root: Path) -> Any:
    """Return the cache, emptied first if code, data or settings have changed since."""
    folder, key = root / CACHE, state_key(root)
    stamp = folder / "state.sha256"
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stamp.write_text(key)
    return get_cache(folder)


def _from_cache(cache: Any, path: Path) -> Execution | None:
    try:
        record = cache.match_cache_notebook(_read(path))
    except KeyError:
        return None
    notebook = cache.get_cache_bundle(record.pk).nb
    return Execution(path.stem, notebook, **record.data, cached=True)


def _store(cache: Any, path: Path, execution: Execution) -> None:
    costs = {key: getattr(execution, key) for key in ("seconds", "cpu_seconds", "peak_mb")}
    cache.cache_notebook_bundle(
        CacheBundleIn(execution.notebook, str(path), data=costs),
        check_validity=False,
        overwrite=True,
    )


def _read(path: Path) -> nbformat.NotebookNode:
    return jupytext.read(path, fmt="md:myst")


def run_chapter(path: Path) -> Execution | str:
    """Execute one chapter in a fresh kernel.

    Parameters
    ----------
    path : Path
        A MyST Markdown notebook.

    Returns
    -------
    outcome : Execution or str
        The executed chapter, or the traceback of the cell that raised.
    """
    os.environ.update(_ONE_THREAD)
    notebook = _read(path)
    meter = _Meter()
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        extra_arguments=_KERNEL_ARGUMENTS,
        record_timing=False,  # timings would enter the cells, and the cache would not know them
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.on_notebook_start = lambda **_: meter.start(_kernel_pid(client))
    client.on_cell_executed = lambda **_: meter.sample()
    started = time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, TimeoutError) as error:
        return _COLOUR.sub("", str(error))
    finally:
        meter.stop()
    seconds = time.perf_counter() - started
    return Execution(path.stem, notebook, seconds, meter.cpu_seconds, meter.peak_mb, cached=False)


def _kernel_pid(client: NotebookClient) -> int:
    manager: Any = client.km
    return int(manager.provisioner.pid)


class _Meter:
    """Samples processor time and resident memory of a kernel and its children."""

    def __init__(self) -> None:
        self.cpu_seconds = 0.0
        self.peak_mb = 0.0
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: psutil.Process | None = None

    def start(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.sample()

    def sample(self) -> None:
        if self._process is None:
            return
        try:
            tree = [self._process, *self._process.children(recursive=True)]
            times = self._process.cpu_times()
            memory = sum(p.memory_info().rss for p in tree)
            live_children = sum(sum(p.cpu_times()[:2]) for p in tree[1:])
        except psutil.NoSuchProcess:  # a child ended between two looks; the next sample counts
            return
        own = times.user + times.system + times.children_user + times.children_system
        self.cpu_seconds = max(self.cpu_seconds, own + live_children)
        self.peak_mb = max(self.peak_mb, memory / 2**20)


def judge(root: Path, executions: Iterable[Execution], *, strict: bool) -> Results:
    """Collect what the chapters published and hold it against the budgets.

    Parameters
    ----------
    root : Path
        The book's top folder.
    executions : iterable of Execution
    strict : bool
        Also fail when a cell wrote to standard error.

    Returns
    -------
    results : Results
        As written to ``_build/results.json``.

    Raises
    ------
    BookError
        If a name is published twice, a chapter passes its memory budget, or (strict) a cell warns.
    """
    chapters: dict[str, Chapter] = {}
    results: dict[str, Result] = {}
    complaints = []
    for run in executions:
        try:
            published, data = collect(run.name, run.notebook)
        except ResultError as error:
            complaints.append(str(error))
            continue
        costs = (round(run.seconds, 1), round(run.cpu_seconds, 1), round(run.peak_mb))
        chapters[run.name] = Chapter(run.name, *costs, data=tuple(data))
        results |= {result.name: result for result in published}
        if strict:
            complaints += [f"{run.name}: a cell wrote to stderr: {text}" for text in _stderr(run)]
        if run.peak_mb > MEMORY_BUDGET_MB:
            complaints.append(f"{run.name}: {run.peak_mb:.0f} MB, over {MEMORY_BUDGET_MB:.0f} MB")
    if complaints:
        raise BookError("the chapters ran, but\n  " + "\n  ".join(complaints))
    collected = Results(state_key(root), is_fast(), machine(), chapters, results)
    collected.save(root / RESULTS)
    return collected


def over_budget(results: Results) -> list[str]:
    """Name every chapter that took more processor time than a page may, and the mean if it did.

    Parameters
    ----------
    results : Results
        Of one build.

    Returns
    -------
    lines : list of str
        Empty if all is well.
    """
    seconds = {name: chapter.cpu_seconds for name, chapter in results.chapters.items()}
    lines = [
        f"{name} took {spent:.0f} s of CPU, over the budget of {CPU_BUDGET_SECONDS:.0f} s"
        for name, spent in seconds.items()
        if spent > CPU_BUDGET_SECONDS
    ]
    mean = sum(seconds.values()) / max(len(seconds), 1)
    if len(seconds) > 1 and mean > CPU_MEAN_SECONDS:
        lines.append(f"chapters take {mean:.0f} s on average, over {CPU_MEAN_SECONDS:.0f} s")
    return lines


def _stderr(run: Execution) -> Iterable[str]:
    for cell in run.notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                yield output.text.strip()[:400]


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that a build's numbers depend on."""
    packages = ("numpy", "scikit-learn", "torch", "jupyter-book")
    return {
        "processors": joblib.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {package: version(package) for package in packages},
    }
