"""Cells: function calls whose results are kept on finishing, so that a long run can be resumed.

Design choices

- A cell's file name holds a hash of the function's source, of the settings that decide its numbers,
  and of its data: a changed cell runs again, an unchanged one never does. The source is read once,
  when a cell is made: editing the file of a study that runs does not change what runs.
- A file is there whole or not at all.
- Cells run in `n_jobs` processes of one thread each.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm


@dataclass(frozen=True)
class Cell:
    """One function call, to be made once.

    Parameters
    ----------
    label : str
        Readable part of the file's name.
    function : callable
        ``function(*arguments)`` gives a dict that JSON can hold.
    arguments : tuple
        What it is called with.
    identity : str
        All settings and hashes of data that decide the result.
    """

    label: str
    function: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]
    identity: str
    key: str = field(init=False)

    def __post_init__(self) -> None:
        whole = f"{_source(self.function)}\n{self.identity}"
        object.__setattr__(self, "key", hashlib.sha256(whole.encode()).hexdigest()[:16])

    def path(self, folder: Path) -> Path:
        """Where the result is kept."""
        return folder / f"{self.label.replace('/', '-')}-{self.key}.json"


@lru_cache
def _source(function: Callable[..., dict[str, Any]]) -> str:
    return inspect.getsource(function)


def run_cell(cell: Cell, folder: Path) -> dict[str, Any]:
    """Give a cell's result: from its file if that is there, else by running and keeping it.

    Parameters
    ----------
    cell : Cell
        The cell.
    folder : Path
        Where cells are kept.

    Returns
    -------
    result : dict
        What the function gave, by way of JSON.
    """
    path = cell.path(folder)
    if not path.exists():
        result = cell.function(*cell.arguments)
        part = path.with_suffix(f".{os.getpid()}.part")  # two studies may share a folder
        part.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
        part.replace(path)
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def run_cells(
    cells: Sequence[Cell], folder: Path, *, n_jobs: int = 1, progress: bool = False
) -> list[dict[str, Any]]:
    """Give the results of many cells.

    Parameters
    ----------
    cells : sequence of Cell
        Independent of one another.
    folder : Path
        Where cells are kept; made if need be.
    n_jobs : int, default 1
        Processes.
    progress : bool, default False
        Show a bar with the cell that finished last.

    Returns
    -------
    results : list of dict
        In the order of the cells.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = (joblib.delayed(run_cell)(cell, folder) for cell in cells)
    done = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    results = []
    with tqdm(total=len(cells), disable=not progress, unit="cell") as bar:
        for cell, result in zip(cells, done, strict=True):
            results.append(result)
            bar.set_postfix_str(cell.label, refresh=False)
            bar.update()
    return results
