"""Load a data set by name, as the same typed object from whichever source serves it.

The first of three tiers answers: the folder ``HYPECHECK_DATA``; the user's cache, filled by
download; and, where there is neither folder nor network, the embedded default, which says that it
is a stand-in. Once real data were asked for (``HYPECHECK_DATA`` is set, or ``offline=False``), a
missing or altered file is an error, never a silent stand-in.

Every object carries ``provenance``. Kinds "sequences" (three official parts: `ServedTask`;
otherwise `SequenceParts`), "genome", "text", "table" and "coordinates" (`Tables`) and "cells" have
a reader; kind "files" is reached by `path`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from hypecheck import downloads, embedded, readers
from hypecheck.registry import DataSet, DatasetError, check_file, entry, select
from hypecheck.sequences import Codes, LabelledSequences, Task

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Provenance:
    """Where data come from, and whether they are the real ones.

    Parameters
    ----------
    name : str
        The data set.
    tier : str
        "folder", "cache" or "embedded".
    is_stand_in : bool
        Whether these are other data in place of the named ones.
    note : str
        One sentence: what stands in and what answer is planted in it; empty for real data.
    files : mapping of str to str
        sha256 of each file by path; empty for embedded data.
    licence, citation : str
        Of the data that are served.
    """

    name: str
    tier: str
    is_stand_in: bool
    note: str
    files: Mapping[str, str]
    licence: str
    citation: str


@dataclass(frozen=True, eq=False)
class ServedTask(Task):
    """A task with its official split, and where it comes from (see `hypecheck.sequences.Task`)."""

    provenance: Provenance = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class SequenceParts:
    """Labelled sequences in parts that make no complete split: draw one before any score.

    Parameters
    ----------
    name : str
        The data set.
    parts : mapping of str to LabelledSequences
        "train", "validation", "test" where the files call them so; "all" for one heap.
    classes : tuple of str
        Names of the classes.
    provenance : Provenance
        Where it comes from.
    """

    name: str
    parts: Mapping[str, LabelledSequences]
    classes: tuple[str, ...]
    provenance: Provenance

    def pooled(self) -> LabelledSequences:
        """Join the parts in their order; ``groups`` numbers the part of each sequence.

        Returns
        -------
        sequences : LabelledSequences
            All sequences, padded to one length.
        """
        return readers.pool(list(self.parts.values()))


@dataclass(frozen=True, eq=False)
class Genome:
    """Chromosomes, and what is annotated on them.

    Parameters
    ----------
    name : str
        The data set.
    records : mapping of str to ndarray of uint8, shape (L,)
        Codes by name of the chromosome.
    features : pandas.DataFrame
        Columns record, start, end (0-based, half-open, bp), strand, kind, name; no rows if nothing
        is annotated.
    provenance : Provenance
        Where it comes from.
    """

    name: str
    records: Mapping[str, Codes]
    features: pd.DataFrame
    provenance: Provenance


@dataclass(frozen=True)
class Text:
    """Plain text.

    Parameters
    ----------
    name, text : str
        The data set and all its letters.
    provenance : Provenance
        Where it comes from.
    """

    name: str
    text: str
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables by the name of their file, without its ending.

    Parameters
    ----------
    name : str
        The data set.
    frames : mapping of str to pandas.DataFrame
        The tables.
    provenance : Provenance
        Where they come from.
    """

    name: str
    frames: Mapping[str, pd.DataFrame]
    provenance: Provenance

    @property
    def frame(self) -> pd.DataFrame:
        """The only table.

        Raises
        ------
        ValueError
            If there are several.
        """
        if len(self.frames) != 1:
            raise ValueError(f"{self.name} has {len(self.frames)} tables: {', '.join(self.frames)}")
        return next(iter(self.frames.values()))


@dataclass(frozen=True, eq=False)
class Cells:
    """Single cells.

    Parameters
    ----------
    name : str
        The data set.
    data : anndata.AnnData
        Cells by genes.
    provenance : Provenance
        Where they come from.
    """

    name: str
    data: AnnData
    provenance: Provenance


Loaded: TypeAlias = ServedTask | SequenceParts | Genome | Text | Tables | Cells


def load(name: str, *, offline: bool | None = None) -> Any:
    """Load a data set.

    Parameters
    ----------
    name : str
        As in the registry, e.g. "gue/tf/0"; ``hypecheck data list`` shows all.
    offline : bool, optional
        False demands the real data, by download if need be; True forbids the network. Not given,
        the network is used if it answers and ``HYPECHECK_OFFLINE`` is not set.

    Returns
    -------
    loaded : ServedTask, SequenceParts, Genome, Text, Tables or Cells
        By the kind of the data set; each with ``provenance``.

    Raises
    ------
    DatasetError
        If the name is unknown, a file is absent or wrong, or there is neither data nor stand-in.

    Examples
    --------
    >>> load("python_help").provenance.tier
    'embedded'
    """
    dataset = entry(name)
    tier = _tier(dataset, offline)
    if tier == "embedded":
        default = embedded.default(dataset)
        content, provenance = (
            default.content,
            Provenance(
                name, tier, default.is_stand_in, default.note, {}, default.licence, default.citation
            ),
        )
    else:
        files = _files(dataset, tier)
        content = readers.read(dataset, files)
        checksums = {file.path: file.sha256 for file in dataset.files}
        provenance = Provenance(name, tier, False, "", checksums, dataset.licence, dataset.citation)
    return _typed(dataset, content, provenance)


def path(name: str, file: str | None = None, *, offline: bool | None = None) -> Path:
    """Find one checked file of a data set.

    Parameters
    ----------
    name : str
        The data set.
    file : str, optional
        Path of the file below the data set; not needed if it is the only one.
    offline : bool, optional
        As in `load`.

    Returns
    -------
    path : Path
        The file, its checksum verified.

    Raises
    ------
    DatasetError
        If there is no such file, or it is absent, wrong or out of reach.
    """
    dataset = entry(name)
    wanted = dataset.file(file)
    folder = data_folder()
    if folder is not None:
        return check_file(folder / wanted.path, wanted)
    cached = downloads.cache_folder() / wanted.path
    if cached.exists():
        return check_file(cached, wanted)
    if _may_download(offline):
        return downloads.download(wanted, downloads.cache_folder())
    raise DatasetError(f"{wanted.path} is not at hand; {GET_DATA.format(name=name)}")


def data_folder() -> Path | None:
    """Say which folder the user named in ``HYPECHECK_DATA``.

    Returns
    -------
    folder : Path or None
        None if the variable is unset or empty.

    Raises
    ------
    DatasetError
        If it names no folder.
    """
    named = os.environ.get("HYPECHECK_DATA")
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise DatasetError(
            f"HYPECHECK_DATA={named} is no folder; correct it, or unset it to use the cache"
        )
    return folder


def identity(names: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
    """Say which tier and which checksum would serve each data set, without downloading.

    Parameters
    ----------
    names : iterable of str, optional
        Data sets or groups of them; all if not given.

    Returns
    -------
    identity : dict of str to dict
        For each data set its "tier" ("folder", "cache", "embedded", or "unusable" if a file is
        wrong, or absent without a stand-in) and "sha256" (of the whole set; empty if embedded or
        unusable).
    """
    return {dataset.name: _identity(dataset) for dataset in select(names)}


def _identity(dataset: DataSet) -> dict[str, str]:
    try:
        tier = _tier(dataset, None)
        if tier == "folder" or (tier == "cache" and _is_cached(dataset)):
            _files(dataset, tier)
    except DatasetError:
        tier = "unusable"
    if tier == "embedded" and not embedded.has_default(dataset):
        tier = "unusable"
    return {"tier": tier, "sha256": dataset.sha256 if tier in ("folder", "cache") else ""}


def verify(names: Iterable[str] | None = None) -> dict[str, str]:
    """Check every file at hand against its registered checksum.

    Parameters
    ----------
    names : iterable of str, optional
        Data sets or groups of them; all if not given.

    Returns
    -------
    problems : dict of str to str
        By path, what is wrong; empty if all is well. A file that was never downloaded is no
        problem of the cache, but one that the named folder lacks is.
    """
    folder = data_folder()
    root = downloads.cache_folder() if folder is None else folder
    problems = {}
    for file in (file for dataset in select(names) for file in dataset.files):
        if folder is None and not (root / file.path).exists():
            continue
        try:
            check_file(root / file.path, file)
        except DatasetError as error:
            problems[file.path] = str(error)
    return problems


def describe_source() -> str:
    """Say in one sentence where `load` looks.

    Returns
    -------
    sentence : str
        Folder, cache or stand-ins.
    """
    named = data_folder()
    if named is not None:
        return f"real data from {named} (HYPECHECK_DATA)"
    cache = downloads.cache_folder()
    n_cached = sum(bool(dataset.files) and _is_cached(dataset) for dataset in select())
    if _may_download(None):
        return f"real data from {cache}: {n_cached} sets are there, others are downloaded at need"
    return f"no network: {n_cached} sets from {cache}, embedded stand-ins for the others"


GET_DATA = (
    "set HYPECHECK_DATA to a folder that holds the registry's files, or run "
    "`hypecheck data fetch {name}` where there is a network"
)


def _may_download(offline: bool | None) -> bool:
    """Decide about the network, asking it only if the answer matters."""
    if offline is False and downloads.offline_forced():
        raise DatasetError(
            "real data were demanded (offline=False) but HYPECHECK_OFFLINE forbids the network; "
            "unset it, or set HYPECHECK_DATA to a folder that holds the data"
        )
    return offline is False or (offline is None and downloads.online())


def _is_cached(dataset: DataSet) -> bool:
    cache = downloads.cache_folder()
    return all((cache / file.path).exists() for file in dataset.files)


def _tier(dataset: DataSet, offline: bool | None) -> str:
    """Choose who serves: what the user named, then what is or can be had, then the default."""
    if dataset.carrier:
        return "embedded"
    if data_folder() is not None:
        return "folder"
    if _is_cached(dataset):
        return "cache"
    has_urls = all(file.url for file in dataset.files)
    if (has_urls or offline is False) and _may_download(offline):
        return "cache"
    return "embedded"


def _files(dataset: DataSet, tier: str) -> dict[str, Path]:
    """Return the checked files of a data set by path, downloading what the cache lacks."""
    if tier == "cache":
        cache = downloads.cache_folder()
        missing = [file for file in dataset.files if not (cache / file.path).exists()]
        for file in missing:
            downloads.download(file, cache)
    root = data_folder() or downloads.cache_folder()
    return {file.path: check_file(root / file.path, file) for file in dataset.files}


def _typed(dataset: DataSet, content: Any, provenance: Provenance) -> Loaded:
    """Dress plain contents in the type of their kind."""
    name = dataset.name
    if dataset.kind == "sequences":
        return _typed_sequences(dataset, content, provenance)
    if dataset.kind == "genome":
        records, features = content
        return Genome(name, records, features, provenance)
    if dataset.kind == "text":
        return Text(name, content, provenance)
    if dataset.kind == "cells":
        return Cells(name, content, provenance)
    return Tables(name, content, provenance)


def _typed_sequences(
    dataset: DataSet, parts: dict[str, LabelledSequences], provenance: Provenance
) -> ServedTask | SequenceParts:
    """Make a task where all three parts are there."""
    n_classes = 1 + max(int(part.labels.max()) for part in parts.values())
    classes = dataset.classes or tuple(str(number) for number in range(n_classes))
    if parts.keys() != {"train", "validation", "test"}:
        return SequenceParts(dataset.name, parts, classes, provenance)
    return ServedTask(
        name=dataset.name,
        classes=classes,
        stand_in=provenance.note or None,
        provenance=provenance,
        **parts,
    )
