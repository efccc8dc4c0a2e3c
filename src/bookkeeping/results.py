"""The typed result that a chapter publishes, and the file that carries all of them.

A build has three passes.
Chapters execute and leave records in the metadata of their outputs; the records are collected
into ``_build/results.json``; the pages are rendered from that file.
This module knows the records and the file, and nothing of kernels or of Sphinx.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

METADATA_KEY = "hypecheck"
KINDS = ("live", "recorded", "published", "simulated")
_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*){2}")


class ResultError(ValueError):
    """A result that cannot be published, found or shown."""


@dataclass(frozen=True)
class Result:
    """One published number or sentence, with all that is needed to quote it.

    Parameters
    ----------
    name : str
        ``chapter.experiment.quantity``, lower case.
    value : float or str
        The number, or a sentence that the chapter computed.
    low, high : float, optional
        Ends of the interval.
    level : float
        Coverage that the interval claims.
    n : int, optional
        Items that the number rests on.
    seeds : int, optional
        Independent trainings that the number rests on.
    kind : {"live", "recorded", "published", "simulated"}
        Where the number comes from.
    stand_in : str, optional
        What stands in for the real data, if anything does.
    chapter, cell : str, int
        Where it was published; filled in when it is collected.

    Raises
    ------
    ResultError
        If the name, the kind or the interval is malformed.

    Examples
    --------
    >>> r = Result("limited-gains.tf-0.kmer-mcc", .683, .645, .719, n=1000, seeds=1)
    >>> r.text()
    '.683 [.645, .719]'
    >>> r.text("value")
    '.683'
    """

    name: str
    value: float | str
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int | None = None
    seeds: int | None = None
    kind: str = "live"
    stand_in: str | None = None
    chapter: str = ""
    cell: int = -1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ResultError(
                f"result name {self.name!r}: expected chapter.experiment.quantity in lower case, "
                "for example 'limited-gains.tf-0.kmer-mcc'"
            )
        if self.kind not in KINDS:
            raise ResultError(f"result {self.name}: kind {self.kind!r} is not one of {KINDS}")
        if isinstance(self.value, float) and math.isnan(self.value):
            raise ResultError(f"result {self.name} is NaN: publish only numbers that exist")
        if (self.low is None) != (self.high is None):
            raise ResultError(f"result {self.name}: give both ends of the interval or neither")

    def text(self, form: str = "interval") -> str:
        """Write the result as it stands in prose.

        Parameters
        ----------
        form : str
            ``interval``, ``value``, or a format specification such as ``.1f`` or ``.0%``.

        Returns
        -------
        text : str
            The sentence, the number, or the number with its interval.
        """
        if isinstance(self.value, str):
            return self.value
        if self.name.endswith("-year") and form in ("value", "interval"):
            return f"{self.value:.0f}"
        if form == "value":
            return short(self.value)
        if form != "interval":
            return _formatted(self.name, self.value, form)
        if self.low is None or self.high is None:
            return short(self.value)
        return f"{short(self.value)} [{short(self.low)}, {short(self.high)}]"


def is_fast() -> bool:
    """Tell whether this is a test build with its sizes divided (``HYPECHECK_FAST=1``)."""
    return os.environ.get("HYPECHECK_FAST", "") not in ("", "0")


def short(number: float) -> str:
    """Write a number briefly: three decimals below one, no zero before the point.

    Examples
    --------
    >>> short(0.5314), short(-0.02), short(1.5), short(5920), short(0.0), short(23.4567)
    ('.531', '-.020', '1.50', '5,920', '0', '23.5')
    """
    if float(number).is_integer():
        return f"{int(number):,}"
    if abs(number) < 1:
        text = f"{number:.3f}"
        return text.replace("0.", ".", 1) if "0." in text[:3] else text
    return f"{number:.2f}" if abs(number) < 10 else f"{number:,.1f}"


def _formatted(name: str, value: float, form: str) -> str:
    try:
        return format(value, form)
    except ValueError as error:
        raise ResultError(
            f"result {name}: unknown form {form!r}; "
            "use 'interval', 'value' or a format such as '.1f'"
        ) from error


@dataclass(frozen=True)
class Chapter:
    """What one execution of a chapter cost and used.

    Parameters
    ----------
    name : str
        File name without its ending.
    seconds, cpu_seconds : float
        Wall time, and processor time of the kernel with its children.
    peak_mb : float
        Largest resident memory of that process tree, in MiB.
    data : tuple of dict
        Each data set used: ``name``, ``tier``, ``stand_in``.
    """

    name: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    data: tuple[dict[str, Any], ...] = ()

    @property
    def stand_ins(self) -> list[str]:
        """Names of the data sets for which something stood in."""
        return [d["name"] for d in self.data if d["stand_in"]]


@dataclass(frozen=True)
class Results:
    """Everything that one build published.

    Parameters
    ----------
    key : str
        Hash of the code, the data and the settings that the results were computed with.
    fast : bool
        Whether sizes were divided for a test build, which judges nothing.
    machine : dict
        Processor count, platform and versions.
    chapters : dict of str to Chapter
    results : dict of str to Result
    """

    key: str
    fast: bool
    machine: Mapping[str, Any] = field(default_factory=dict)
    chapters: Mapping[str, Chapter] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Result:
        """Return one result, or say which names come near."""
        if name not in self.results:
            near = [n for n in self.results if n.split(".")[0] == name.split(".")[0]]
            raise ResultError(
                f"no chapter published {name!r}; published there: {', '.join(near) or 'nothing'}"
            )
        return self.results[name]

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        payload = json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as handle:
            handle.write(payload + "\n")
        Path(handle.name).replace(path)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read the file that :meth:`save` wrote.

        Raises
        ------
        ResultError
            If it is not there: the chapters have not been executed yet.
        """
        if not path.exists():
            raise ResultError(f"{path} is not there: execute the chapters first (make book)")
        raw = json.loads(path.read_text())
        raw["chapters"] = {
            name: Chapter(**{**c, "data": tuple(c["data"])}) for name, c in raw["chapters"].items()
        }
        raw["results"] = {name: Result(**r) for name, r in raw["results"].items()}
        return cls(**raw)


def records(notebook: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield what a chapter left in the metadata of its outputs.

    Parameters
    ----------
    notebook : mapping
        An executed notebook in nbformat 4.

    Yields
    ------
    cell : int
        Index among the notebook's code cells.
    record : dict
        With a ``type`` of ``result``, ``data`` or ``figure``.
    """
    code_cells = (c for c in notebook["cells"] if c["cell_type"] == "code")
    for index, cell in enumerate(code_cells):
        for output in cell["outputs"]:
            record = output.get("metadata", {}).get(METADATA_KEY)
            if record:
                yield index, dict(record)


def collect(chapter: str, notebook: Mapping[str, Any]) -> tuple[list[Result], list[dict[str, Any]]]:
    """Gather a chapter's results and the data it used.

    Parameters
    ----------
    chapter : str
        The chapter's file name without its ending.
    notebook : mapping
        The chapter, executed.

    Returns
    -------
    results : list of Result
    data : list of dict
        One entry a data set.

    Raises
    ------
    ResultError
        If a name is published twice or under another chapter's name.
    """
    found: dict[str, Result] = {}
    data: dict[str, dict[str, Any]] = {}
    for cell, record in records(notebook):
        kind = record.pop("type")
        if kind == "data":
            data[record["name"]] = record
        elif kind == "result":
            result = Result(**{**record, "chapter": chapter, "cell": cell})
            if result.name in found:
                raise ResultError(f"{chapter} publishes {result.name} twice")
            if not result.name.startswith(f"{chapter}."):
                raise ResultError(f"{chapter} publishes {result.name}, a name of another chapter")
            found[result.name] = result
    return list(found.values()), list(data.values())
