"""What data sets exist, where each file comes from, and whether a file is the right one.

Design choices

- The registry is a file, ``registry.toml``, made by ``tools/make_registry.py``; nothing here knows
  a data set by name.
- A data set is named after its folder, ``"gue/tf/0"``; a file after its path, ``"train.csv"``.
- A file is right if its size and its sha256 are the registered ones. A checksum is computed once
  in a process for each path, size and time of change: all data at hand take .3 s.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


class DatasetError(OSError, ValueError):
    """Data that are absent, wrong or out of reach; the message names the file and the fix."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Parameters
    ----------
    path : str
        Path below the data folder, with forward slashes.
    url : str
        Public address, pinned to a commit; empty if there is none.
    bytes : int
        Size.
    sha256 : str
        Checksum, 64 hexadecimal digits.
    """

    path: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """One entry of the registry.

    Parameters
    ----------
    name : str
        The folder of its files, or the file without its ending.
    kind : str
        "sequences", "coordinates", "genome", "text", "table", "cells", or "files" (no reader).
    what, rows : str
        What it is and how much of it.
    licence, citation : str
        Under what terms, and whom to cite.
    licence_tier : str
        "A" clear permissive or public domain; "B" free data in a copyleft repository; "C" no
        licence file, for use only where nothing else serves.
    classes : tuple of str
        Names of the classes by number, if known.
    flaws : tuple of str
        What to know before quoting a result on these data.
    carrier : str
        The dependency that carries the data; empty if they are files of their own.
    files : tuple of DataFile
        The files, by path.
    """

    name: str
    kind: str
    what: str
    rows: str
    licence: str
    licence_tier: str
    citation: str
    classes: tuple[str, ...]
    flaws: tuple[str, ...]
    carrier: str
    files: tuple[DataFile, ...]

    @property
    def sha256(self) -> str:
        """Checksum of the whole set: of its files' paths and checksums; empty without files."""
        listing = "".join(f"{file.path} {file.sha256}\n" for file in self.files)
        return hashlib.sha256(listing.encode()).hexdigest() if listing else ""

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    def file(self, name: str | None = None) -> DataFile:
        """Find one file.

        Parameters
        ----------
        name : str, optional
            Its path below the data set, or below the data folder; not needed for an only file.

        Returns
        -------
        file : DataFile
            The file.

        Raises
        ------
        DatasetError
            If there is no such file, or there are many and none was named.
        """
        for file in self.files:
            if name in (file.path, file.path.removeprefix(self.name + "/")):
                return file
        if name is None and len(self.files) == 1:
            return self.files[0]
        known = ", ".join(file.path.removeprefix(self.name + "/") for file in self.files)
        asked = "needs the name of a file" if name is None else f"has no file {name!r}"
        raise DatasetError(f"data set {self.name!r} {asked}; choose one of: {known or 'none'}")


@functools.cache
def registry() -> dict[str, DataSet]:
    """Read the registry.

    Returns
    -------
    entries : dict of str to DataSet
        Every data set by its name.

    Examples
    --------
    >>> registry()["gue/tf/0"].rows
    'dev.csv 1,000; test.csv 1,000; train.csv 32,378'
    """
    text = resources.files("hypecheck").joinpath("registry.toml").read_text(encoding="utf-8")
    entries = {}
    for record in tomllib.loads(text)["dataset"]:
        record["files"] = tuple(DataFile(**file) for file in record["files"])
        record["classes"], record["flaws"] = tuple(record["classes"]), tuple(record["flaws"])
        entries[record["name"]] = DataSet(**record)
    return entries


def entry(name: str) -> DataSet:
    """Look one data set up.

    Parameters
    ----------
    name : str
        Its name, e.g. "gue/tf/0".

    Returns
    -------
    dataset : DataSet
        What is registered.

    Raises
    ------
    DatasetError
        If there is none of that name.

    Examples
    --------
    >>> entry("hic").licence_tier
    'A'
    """
    entries = registry()
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=3) or sorted(entries)
        raise DatasetError(
            f"no data set is called {name!r}; did you mean {', '.join(map(repr, near))}? "
            "`hypecheck data list` shows all"
        )
    return entries[name]


def select(names: Iterable[str] | None = None) -> list[DataSet]:
    """Look several data sets up.

    Parameters
    ----------
    names : iterable of str, optional
        Names, or the beginning of names up to a slash ("gue", "gue/tf"); all if not given.

    Returns
    -------
    datasets : list of DataSet
        In the order of the registry, each once.

    Raises
    ------
    DatasetError
        If a name fits nothing.

    Examples
    --------
    >>> [dataset.name for dataset in select(["gue/tf"])]
    ['gue/tf/0', 'gue/tf/1', 'gue/tf/2']
    """
    entries = registry()
    if names is None:
        return list(entries.values())
    chosen: set[str] = set()
    for name in names:
        group = {known for known in entries if known.startswith(name.rstrip("/") + "/")}
        chosen |= group or {entry(name).name}
    return [dataset for dataset in entries.values() if dataset.name in chosen]


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    """Compute a checksum, once for each state of the file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_file(path: Path, file: DataFile) -> Path:
    """Make sure that a file is the registered one.

    Parameters
    ----------
    path : Path
        Where it lies.
    file : DataFile
        What it should be.

    Returns
    -------
    path : Path
        The same path.

    Raises
    ------
    DatasetError
        If it is absent, cannot be read, is cut short, or was altered.
    """
    try:
        state = path.stat()
        found = _sha256(path, state.st_size, state.st_mtime_ns)
    except FileNotFoundError:
        raise DatasetError(
            f"{path} is absent (expected {file.bytes:,} bytes, sha256 {file.sha256}); {_FIX}"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error}); {_FIX}") from error
    if found != file.sha256:
        problem = "is cut short" if state.st_size < file.bytes else "was altered"
        raise DatasetError(
            f"{path} {problem}: expected {file.bytes:,} bytes with sha256 {file.sha256}, "
            f"found {state.st_size:,} bytes with sha256 {found}; {_FIX}"
        )
    return path


_FIX = (
    "put the registered file there (its address is in `hypecheck data list --files`), or unset "
    "HYPECHECK_DATA and run `hypecheck data fetch`"
)
