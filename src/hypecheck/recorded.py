"""Our own longer runs, kept with their provenance, and figures published by others.

Design choices

- A recorded run is one JSON file that says how it was made: command, commit, versions, seeds, CPU
  hours, and the checksum of every data set it read. If the registry has other checksums now, the
  run is stale and cannot be read: nothing old is shown as new.
- Weights are safetensors in float16, and their metadata name the run that trained them.
- What others published is a CSV file plus an entry in ``published.toml`` that says whom to cite and
  how sure the transcription is.
- Size limits keep the repository small: 2 MB a file, 25 MB in all.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.registry import entry

if TYPE_CHECKING:
    from hypecheck.datasets import Loaded

ASSETS = Path(__file__).parent / "assets"
RECORDED = ASSETS / "recorded"
PUBLISHED = ASSETS / "published"
MAX_FILE_BYTES = 2_000_000
MAX_ALL_BYTES = 25_000_000

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_PACKAGES = ("hypecheck", "numpy", "scipy", "scikit-learn", "torch")


class RecordError(ValueError):
    """A recorded run or published table that is absent, malformed or too large."""


class StaleRecordedRunError(RecordError):
    """A recorded run whose data have changed since."""


@dataclass(frozen=True)
class RecordedRun:
    """A run of ours, with all that is needed to make it again.

    Parameters
    ----------
    name : str
        Lower-case letters, digits, dots, dashes and underscores.
    command : str
        What was typed.
    commit : str
        State of the code, ``-dirty`` if it had uncommitted changes.
    versions : mapping of str to str
        Of Python and of the packages that decide numbers.
    data : mapping of str to str
        sha256 of each data set that was read (`hypecheck.registry.DataSet.sha256`); empty for a
        purely simulated run.
    seeds : tuple of int
        All of them.
    cpu_hours : float
        What it cost.
    results : mapping of str to object
        Anything that JSON can hold; no NaN.
    """

    name: str
    command: str
    commit: str
    versions: Mapping[str, str]
    data: Mapping[str, str]
    seeds: tuple[int, ...]
    cpu_hours: float
    results: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PublishedTable:
    """Figures from a paper or its repository.

    Parameters
    ----------
    name : str
        The file.
    frame : pandas.DataFrame
        The figures.
    what, citation, identifier, licence : str
        What they are, whom to cite, DOI or arXiv number, terms of use.
    confidence : str
        "READ" seen in the primary source; "READ-2nd" seen in somebody's summary, to be quoted only
        as such; "DIGITISED" measured from the authors' own figure.
    note : str
        What to know before comparing anything with them.
    where, via : str
        Table or file that holds them there; whose summary it was if they were read second hand.
    row : str
        Column that alone names a row, for a table of many sources with empty fields.
    """

    name: str
    frame: pd.DataFrame
    what: str
    citation: str
    identifier: str
    licence: str
    confidence: str
    note: str
    where: str
    via: str = ""
    row: str = ""


def describe_run(
    name: str,
    results: Mapping[str, Any],
    *,
    command: str,
    data: Sequence[Loaded],
    seeds: Sequence[int],
    cpu_hours: float,
) -> RecordedRun:
    """Gather what belongs to a run: results given, commit and versions looked up.

    Parameters
    ----------
    name : str
        Name of the run.
    results : mapping
        What it found.
    command : str
        What was typed.
    data : sequence of loaded data sets
        As `hypecheck.datasets.load` gave them.
    seeds : sequence of int
        All seeds used.
    cpu_hours : float
        What it cost.

    Returns
    -------
    run : RecordedRun
        Ready to be written.

    Raises
    ------
    RecordError
        If a data set is a stand-in: such a run must not be shown beside real ones.
    """
    for loaded in data:
        if loaded.provenance.is_stand_in:
            raise RecordError(
                f"run {name!r} used a stand-in for {loaded.provenance.name}; set HYPECHECK_DATA or "
                "load with offline=False before recording"
            )
    checksums = {loaded.provenance.name: entry(loaded.provenance.name).sha256 for loaded in data}
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return RecordedRun(
        name=name,
        command=command,
        commit=_commit(),
        versions={"python": platform.python_version()} | versions,
        data=checksums,
        seeds=tuple(int(seed) for seed in seeds),
        cpu_hours=float(cpu_hours),
        results=results,
    )


def describe_study(
    name: str, plan: Any, results: Mapping[str, Any], data: Sequence[Loaded]
) -> RecordedRun:
    """Describe a study by its plan: what `describe_run` asks for is read off it.

    Parameters
    ----------
    name : str
        Name of the study, as in ``hypecheck record NAME``.
    plan : dataclass instance
        Everything that decides the numbers, with a field ``seeds``; kept as "plan".
    results : mapping
        What it found, with "cpu_seconds".
    data : sequence of loaded data sets
        As `hypecheck.datasets.load` gave them with ``offline=False``.

    Returns
    -------
    run : RecordedRun
        Ready to be written.

    Raises
    ------
    RecordError
        If a data set is a stand-in.
    """
    return describe_run(
        name,
        {"plan": asdict(plan)} | dict(results),
        command=f"hypecheck record {name}",
        data=data,
        seeds=plan.seeds,
        cpu_hours=results["cpu_seconds"] / 3600,
    )


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=ASSETS, capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RecordError(
            f"the commit cannot be found out ({error}); record runs from a git checkout"
        ) from error
    return done.stdout.strip()


def write_run(run: RecordedRun, *, folder: Path = RECORDED) -> Path:
    """Write a run, whole or not at all.

    Parameters
    ----------
    run : RecordedRun
        What to write.
    folder : Path
        Where to.

    Returns
    -------
    path : Path
        The JSON file.

    Raises
    ------
    RecordError
        If the name is malformed, a result is no JSON or not finite, or a size limit is broken.
    """
    try:
        text = json.dumps(asdict(run), indent=1, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecordError(
            f"run {run.name!r} cannot be written as JSON ({error}); convert arrays with .tolist(), "
            "numpy numbers with float(), and leave NaN out"
        ) from error
    return _keep(run.name + ".json", (text + "\n").encode(), folder)


def read_run(name: str, *, folder: Path = RECORDED) -> RecordedRun:
    """Read a run, and make sure that its data are still the registered ones.

    Parameters
    ----------
    name : str
        Name of the run.
    folder : Path
        Where it lies.

    Returns
    -------
    run : RecordedRun
        As written.

    Raises
    ------
    RecordError
        If it is absent or malformed.
    StaleRecordedRunError
        If a data set has another checksum in the registry now.
    """
    path = folder / f"{name}.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none yet"
        raise RecordError(f"no recorded run is called {name!r}; there are: {known}") from None
    except json.JSONDecodeError as error:
        raise RecordError(f"{path} is no JSON ({error}); write it again from its run") from error
    wanted = {field.name for field in fields(RecordedRun)}
    if not isinstance(record, dict) or record.keys() != wanted:
        raise RecordError(f"{path} must hold exactly {sorted(wanted)}; write it with write_run")
    run = RecordedRun(**{**record, "seeds": tuple(record["seeds"])})
    for dataset, sha256 in run.data.items():
        registered = entry(dataset).sha256
        if registered != sha256:
            raise StaleRecordedRunError(
                f"recorded run {name!r} read {dataset} with sha256 {sha256 or 'none'}, but the "
                f"registry has {registered or 'none'} now; run again: {run.command}"
            )
    return run


def keep_weights(source: Path, run: RecordedRun, *, folder: Path = RECORDED) -> Path:
    """Keep a trained model's weights as float16, bound to the run that made them.

    Parameters
    ----------
    source : Path
        A safetensors file, as `hypecheck.models.save` writes it; its metadata are kept.
    run : RecordedRun
        The run, already written to `folder`.
    folder : Path
        Where to.

    Returns
    -------
    path : Path
        The new file, of the same name; `hypecheck.models.load` reads it.

    Raises
    ------
    RecordError
        If the run was not written, a weight does not fit float16, or a size limit is broken.
    """
    from safetensors import safe_open
    from safetensors.numpy import save

    read_run(run.name, folder=folder)
    with safe_open(source, framework="np") as file:
        metadata = (file.metadata() or {}) | {"run": run.name}
        tensors = {key: _halve(key, file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
    return _keep(source.name, save(tensors, metadata), folder)


def _halve(key: str, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Round to float16 unless the numbers are integers or would overflow."""
    if tensor.dtype.kind != "f":
        return tensor
    if np.abs(tensor).max(initial=0.0) > np.finfo(np.float16).max:
        raise RecordError(f"weight {key!r} exceeds float16; train with a smaller learning rate")
    return tensor.astype(np.float16)


def weights_path(name: str, *, folder: Path = RECORDED) -> Path:
    """Find kept weights whose run is still valid.

    Parameters
    ----------
    name : str
        Name of the file, with or without ``.safetensors``.
    folder : Path
        Where it lies.

    Returns
    -------
    path : Path
        For `hypecheck.models.load`.

    Raises
    ------
    RecordError
        If there is no such file, or it names no run.
    StaleRecordedRunError
        If the data of its run have changed.
    """
    from safetensors import safe_open

    path = folder / (name.removesuffix(".safetensors") + ".safetensors")
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.safetensors"))) or "none yet"
        raise RecordError(f"no recorded weights are called {name!r}; there are: {known}")
    with safe_open(path, framework="np") as file:
        run = (file.metadata() or {}).get("run")
    if run is None:
        raise RecordError(f"{path} does not say which run made it; keep weights with keep_weights")
    read_run(run, folder=folder)
    return path


def _keep(name: str, content: bytes, folder: Path) -> Path:
    """Write one file of the record atomically, within its limits."""
    path = folder / name
    if not _NAME.fullmatch(name):
        raise RecordError(
            f"{name!r} is no name for a record; use lower-case letters, digits and ._- only"
        )
    if len(content) > MAX_FILE_BYTES:
        raise RecordError(
            f"{name} has {len(content):,} bytes, the limit is {MAX_FILE_BYTES:,}; keep less"
        )
    folder.mkdir(parents=True, exist_ok=True)
    others = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p != path)
    if others + len(content) > MAX_ALL_BYTES:
        raise RecordError(
            f"{folder} would hold {others + len(content):,} bytes, the limit is "
            f"{MAX_ALL_BYTES:,}; remove what no page reads"
        )
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as handle:
        handle.write(content)
    Path(handle.name).chmod(0o644)
    return Path(handle.name).replace(path)


def published(name: str) -> PublishedTable:
    """Read a published table with its citation.

    Parameters
    ----------
    name : str
        A file in ``assets/published``, e.g. "gue_finetuned".

    Returns
    -------
    table : PublishedTable
        Figures and source.

    Raises
    ------
    RecordError
        If there is none of that name.

    Examples
    --------
    >>> table = published("gue_finetuned")
    >>> table.confidence, table.frame.shape
    ('READ-2nd', (16, 3))
    """
    entries = _published_entries()
    if name not in entries:
        raise RecordError(
            f"no published table is called {name!r}; there are: {', '.join(sorted(entries))}"
        )
    frame = pd.read_csv(PUBLISHED / f"{name}.csv")
    return PublishedTable(name=name, frame=frame, **entries[name])


@functools.cache
def _published_entries() -> dict[str, dict[str, str]]:
    with (PUBLISHED / "published.toml").open("rb") as handle:
        return tomllib.load(handle)
