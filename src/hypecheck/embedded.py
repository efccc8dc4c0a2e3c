"""What serves where there are neither files nor network.

Some data our dependencies carry: CPython its help topics, scanpy 700 blood cells, logomaker splice
sites, binding sites and a protein family. For the other data sets a simulated stand-in answers,
with the question of its chapter planted in it (`hypecheck.stand_ins`).
"""

from __future__ import annotations

import importlib.util
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hypecheck.registry import DataSet, DatasetError, entry

if TYPE_CHECKING:
    from anndata import AnnData

#: What says instead of a stand-in where the figures are.
_ELSEWHERE = {
    "geneb_category_mcc": "hypecheck.recorded.published('geneb_category_mcc') holds its figures",
    "results_dnafm_benchmark": "hypecheck.recorded.published('dnafm_benchmark') holds its figures "
    "on GUE",
}


@dataclass(frozen=True)
class Embedded:
    """Contents that need no download.

    Parameters
    ----------
    content : object
        As the reader of the data set's kind gives it.
    is_stand_in : bool
        Whether these are other data in place of the named ones.
    note : str
        One sentence: what stands in, and the answer planted in it; empty for the data themselves.
    licence, citation : str
        Of these contents.
    """

    content: Any
    is_stand_in: bool
    note: str
    licence: str
    citation: str


def default(dataset: DataSet) -> Embedded:
    """Find what serves a data set without files and network.

    Parameters
    ----------
    dataset : DataSet
        Its entry in the registry.

    Returns
    -------
    embedded : Embedded
        The carried data, or a stand-in; the same on every call.

    Raises
    ------
    DatasetError
        If there is none.

    Examples
    --------
    >>> default(entry("gue/tf/0")).note
    'simulated: TGACGTCA (one base in ten mutated) is planted in class 1, ...'
    """
    if dataset.carrier:
        return Embedded(_carried(dataset), False, "", dataset.licence, dataset.citation)
    if dataset.name == "pbmc68k_reduced":
        return Embedded(_carried_cells(), False, "", dataset.licence, dataset.citation)
    if dataset.kind == "text":
        other = entry("python_help")
        note = f"the help topics of Python stand in for {dataset.name}; both are English prose"
        return Embedded(help_topics(), True, note, other.licence, other.citation)
    from hypecheck import stand_ins  # brings SciPy, and is not needed where data are at hand

    seed = np.random.SeedSequence(zlib.crc32(dataset.name.encode()))
    made = stand_ins.make(dataset, np.random.default_rng(seed))
    if made is None:
        elsewhere = _ELSEWHERE.get(dataset.name, "there is no stand-in for it")
        raise DatasetError(
            f"{dataset.name} is not at hand, and {elsewhere}; set HYPECHECK_DATA to a folder that "
            f"holds the registry's files, or run `hypecheck data fetch {dataset.name}` where there "
            "is a network"
        )
    return Embedded(made.content, True, "simulated: " + made.note, "BSD-3-Clause", "hypecheck")


def has_default(dataset: DataSet) -> bool:
    """Say whether `default` has something to give, without making it.

    Parameters
    ----------
    dataset : DataSet
        Its entry in the registry.

    Returns
    -------
    served : bool
        False if only the files themselves will do.

    Examples
    --------
    >>> has_default(entry("genome_yeast")), has_default(entry("hic"))
    (True, False)
    """
    if dataset.carrier or dataset.name == "pbmc68k_reduced" or dataset.kind == "text":
        return True
    from hypecheck import stand_ins

    return stand_ins.covers(dataset)


def _carried(dataset: DataSet) -> str | dict[str, pd.DataFrame]:
    if dataset.carrier == "cpython":
        return help_topics()
    file = {
        "human_5ss": "ss_sequences.txt",
        "crp_sites": "crp_sites.fa",
        "ww_domain": "ww_sequences.fa",
    }[dataset.name]
    return {dataset.name: read_example(file)}


def help_topics() -> str:
    """Join the help topics that Python itself carries.

    Returns
    -------
    text : str
        All topics in alphabetical order; the letters depend on the Python version.

    Examples
    --------
    >>> "assignment" in help_topics()
    True
    """
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))


def read_example(file: str) -> pd.DataFrame:
    """Read sequences that logomaker carries as examples, without importing it.

    Parameters
    ----------
    file : str
        "ss_sequences.txt" (columns sequence, count), "crp_sites.fa" or "ww_sequences.fa"
        (columns name, sequence).

    Returns
    -------
    frame : pandas.DataFrame
        One row for each sequence.

    Examples
    --------
    >>> read_example("crp_sites.fa").iloc[0].tolist()
    ['caiFp', 'ATAAGCAGGATTTAGCTCACACTTAT']
    """
    spec = importlib.util.find_spec("logomaker")
    if spec is None or spec.origin is None:
        raise DatasetError("logomaker, which carries the example sequences, is not installed")
    path = Path(spec.origin).parent / "examples" / "datafiles" / file
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if file.endswith(".txt"):
        rows = [line.split() for line in lines[1:]]
        frame = pd.DataFrame(rows, columns=lines[0].split())
        return frame.astype({"count": np.int64})
    headers = [line[1:].split("\t") for line in lines[::2]]  # number, name, place; or name alone
    names = [fields[1] if len(fields) > 1 else fields[0] for fields in headers]
    return pd.DataFrame({"name": names, "sequence": lines[1::2]})


def _carried_cells() -> AnnData:
    """Read the same cells as in the registered file, from an older file format."""
    import scanpy  # slow to import, and seldom needed

    return scanpy.datasets.pbmc68k_reduced()
