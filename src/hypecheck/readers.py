"""Turn the files of a data set into arrays and tables, one reader for each kind.

Design choices

- A reader gets checked files and gives plain contents; `hypecheck.datasets` adds the provenance.
- Official names become ours here and nowhere else: the "dev" part is "validation", BED chromosome
  "chrI" is "I" as in the yeast genome, intervals are 0-based and half-open.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from hypecheck.registry import DataSet, DatasetError
from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, encode, read_fasta

if TYPE_CHECKING:
    from anndata import AnnData

Files: TypeAlias = Mapping[str, Path]

FEATURE_COLUMNS = ["record", "start", "end", "strand", "kind", "name"]

#: Class numbers of FASTA files that hold one class each, by the end of their name.
_FASTA_CLASSES = {
    "nonenhancers": 0,
    "weak_enhancers": 1,
    "strong_enhancers": 2,
    "negative2860": 0,
    "positive2860": 1,
}
_BED_KINDS = {"Scer_nondubious_ORFs": "ORF", "Scer_transcripts": "transcript"}
_MODELS = {"dnabert2": "DNABERT-2", "ntv2": "NT-v2", "hyena": "HyenaDNA"}


def read(dataset: DataSet, files: Files) -> Any:
    """Read a data set by its kind.

    Parameters
    ----------
    dataset : DataSet
        Its entry in the registry.
    files : mapping of str to Path
        Where its files lie, by registered path.

    Returns
    -------
    content : object
        Parts, (records, features), str, frames or cells.

    Raises
    ------
    DatasetError
        If its kind has no reader.
    """
    reader = _READERS.get(dataset.kind)
    if dataset.name == "results_dnafm_benchmark":
        reader = read_frozen_benchmark
    if dataset.name == "multiome_small":
        reader = read_paired_cells
    if reader is None:
        names = ", ".join(file.path.removeprefix(dataset.name + "/") for file in dataset.files)
        raise DatasetError(
            f"{dataset.name} is served as files; use datasets.path({dataset.name!r}, FILE) with "
            f"one of: {names}"
        )
    return reader(files)


def read_sequences(files: Files) -> dict[str, LabelledSequences]:
    """Read labelled sequences by part.

    Parameters
    ----------
    files : mapping of str to Path
        Tables with columns sequence (or seq) and label, or FASTA files of one class each; a FASTA
        file of unknown class is left out.

    Returns
    -------
    parts : dict of str to LabelledSequences
        "train", "validation", "test" as far as there are such files, or "all". Shorter sequences
        are padded on the right.
    """
    parts: dict[str, list[LabelledSequences]] = {}
    for path in files.values():
        if path.suffix in (".csv", ".tsv"):
            frame = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
            sequence_column = "sequence" if "sequence" in frame else "seq"
            labels = frame["label"].to_numpy(np.int64)
            examples = LabelledSequences(encode(list(frame[sequence_column]), pad=True), labels)
            parts.setdefault({"dev": "validation"}.get(path.stem, path.stem), []).append(examples)
            continue
        head, _, tail = path.stem.partition("_")
        part, class_name = (head, tail) if head in ("train", "test") else ("all", path.stem)
        if class_name in _FASTA_CLASSES:
            parts.setdefault(part, []).append(_read_class(path, _FASTA_CLASSES[class_name]))
    order = [part for part in ("train", "validation", "test", "all") if part in parts]
    return {part: _join(parts[part]) for part in order}


def _read_class(path: Path, label: int) -> LabelledSequences:
    """Read a FASTA file whose names may repeat."""
    from Bio.SeqIO.FastaIO import SimpleFastaParser  # slow to import, and seldom needed

    with path.open() as handle:
        parser = SimpleFastaParser(handle)
        headers, sequences = zip(*parser, strict=True)
    return LabelledSequences(encode(sequences, pad=True), np.full(len(headers), label), headers)


def _join(parts: Sequence[LabelledSequences]) -> LabelledSequences:
    """Join parts under one another, padded to one length."""
    if len(parts) == 1:
        return parts[0]
    length = max(part.codes.shape[1] for part in parts)
    codes = [
        np.pad(part.codes, [(0, 0), (0, length - part.codes.shape[1])], constant_values=UNKNOWN)
        for part in parts
    ]
    named = all(part.names is not None for part in parts)
    names = tuple(name for part in parts for name in part.names or ()) if named else None
    labels = np.concatenate([part.labels for part in parts])
    return LabelledSequences(np.concatenate(codes), labels, names)


def pool(parts: Sequence[LabelledSequences]) -> LabelledSequences:
    """Join parts, and number in ``groups`` the part of each sequence.

    Parameters
    ----------
    parts : sequence of LabelledSequences
        At least one.

    Returns
    -------
    sequences : LabelledSequences
        All sequences, padded to one length.

    Examples
    --------
    >>> one = LabelledSequences(encode(["ACGT"]), np.array([0]))
    >>> pool([one, one]).groups.tolist()
    [0, 1]
    """
    joined = _join(parts)
    groups = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return LabelledSequences(joined.codes, joined.labels, joined.names, groups)


def read_genome(files: Files) -> tuple[dict[str, Codes], pd.DataFrame]:
    """Read chromosomes and what is annotated on them.

    Parameters
    ----------
    files : mapping of str to Path
        FASTA of DNA, and GFF, BED or GenBank annotation; protein FASTA is left out.

    Returns
    -------
    records : dict of str to ndarray of uint8, shape (L,)
        Codes by name.
    features : pandas.DataFrame
        Columns record, start, end (0-based, half-open), strand, kind, name.

    Raises
    ------
    DatasetError
        If two files hold different records of the same name.
    """
    records: dict[str, Codes] = {}
    tables = [pd.DataFrame(columns=FEATURE_COLUMNS)]
    for path in files.values():
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        if suffix in (".fa", ".fna", ".fasta"):
            found = {name: encode(letters) for name, letters in read_fasta(path).items()}
            for name in found.keys() & records.keys():
                if not np.array_equal(found[name], records[name]):
                    raise DatasetError(f"{path}: {name} is another sequence than in a file before")
            records |= found
        elif suffix in _ANNOTATION_READERS:
            tables.append(_ANNOTATION_READERS[suffix](path))
    filled = [table for table in tables if len(table)] or tables
    return records, pd.concat(filled, ignore_index=True)


def _read_gff(path: Path) -> pd.DataFrame:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    rows = "\n".join(line for line in lines if line and not line.startswith("#"))
    columns = ["record", "source", "kind", "start", "end", "score", "strand", "phase", "notes"]
    frame = pd.read_csv(io.StringIO(rows), sep="\t", header=None, names=columns, quoting=3)
    frame["start"] -= 1
    named = frame["notes"].str.extract(r"(?:^|;)gene=([^;]*)")[0]
    frame["name"] = named.fillna("")
    return frame[FEATURE_COLUMNS]


def _read_bed(path: Path) -> pd.DataFrame:
    columns = ["record", "start", "end", "name", "score", "strand"]
    frame = pd.read_csv(path, sep="\t", header=None, names=columns)
    frame["record"] = frame["record"].str.removeprefix("chr").replace({"M": "Mito"})
    kinds = [kind for start, kind in _BED_KINDS.items() if path.name.startswith(start)]
    return frame.assign(kind=kinds[0] if kinds else "interval")[FEATURE_COLUMNS]


def _read_genbank(path: Path) -> pd.DataFrame:
    from Bio import SeqIO  # slow to import, and seldom needed

    with path.open() as handle:
        parsed = list(SeqIO.parse(handle, "genbank"))
    rows = [
        (
            record.id,
            int(feature.location.start),
            int(feature.location.end),
            "-" if feature.location.strand == -1 else "+",
            feature.type,
            feature.qualifiers.get("gene", [""])[0],
        )
        for record in parsed
        for feature in record.features
    ]
    return pd.DataFrame(rows, columns=FEATURE_COLUMNS)


_ANNOTATION_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".gff": _read_gff,
    ".bed": _read_bed,
    ".gbk": _read_genbank,
}


def read_text(files: Files) -> str:
    """Read the only file as UTF-8 text, without a byte-order mark.

    Parameters
    ----------
    files : mapping of str to Path
        One text file.

    Returns
    -------
    text : str
        All its letters.
    """
    (path,) = files.values()
    return path.read_text(encoding="utf-8-sig")


def read_tables(files: Files) -> dict[str, pd.DataFrame]:
    """Read tables by the name of their file.

    Parameters
    ----------
    files : mapping of str to Path
        CSV, TSV (also gzipped) or XLSX; other files are left out.

    Returns
    -------
    frames : dict of str to pandas.DataFrame
        A first column without a name becomes the index.
    """
    frames = {}
    for path in files.values():
        name = path.name.split(".")[0]
        if path.suffix == ".xlsx":  # the one workbook has two rows above its header
            frames[name] = pd.read_excel(path, header=2)
        elif ".csv" in path.suffixes or ".tsv" in path.suffixes:
            separator = "\t" if ".tsv" in path.suffixes else ","
            frame = pd.read_csv(path, sep=separator, low_memory=False)
            first = str(frame.columns[0])
            if first.startswith("Unnamed:"):
                frame = frame.set_index(first).rename_axis(None)
            frames[name] = frame
    return frames


def read_coordinates(files: Files) -> dict[str, pd.DataFrame]:
    """Read intervals by part.

    Parameters
    ----------
    files : mapping of str to Path
        ``train/CLASS.csv.gz`` and ``test/CLASS.csv.gz``.

    Returns
    -------
    frames : dict of str to pandas.DataFrame
        "train" and "test" with columns id, region, start, end, strand, label (the class's name).
    """
    parts: dict[str, list[pd.DataFrame]] = {"train": [], "test": []}
    for path in files.values():
        if path.suffix == ".gz":
            frame = pd.read_csv(path, dtype={"id": str, "region": str})
            parts[path.parent.name].append(frame.assign(label=path.name.removesuffix(".csv.gz")))
    return {part: pd.concat(frames, ignore_index=True) for part, frames in parts.items()}


def read_frozen_benchmark(files: Files) -> dict[str, pd.DataFrame]:
    """Read the scores of frozen models by Feng et al. (2025) as one tidy table.

    Parameters
    ----------
    files : mapping of str to Path
        The authors' files; ``final_MODEL[_meanpool].csv`` holds the scores of all 57 tasks.

    Returns
    -------
    frames : dict of str to pandas.DataFrame
        "scores": task, gue (the GUE folder of the task, empty if it is another benchmark's),
        model, pooling ("mean" or "summary token"), mcc, auc, f1, accuracy. "sizes": task, train,
        test, max_length, median_length.
    """
    renamed = {"Data": "task", "MCC": "mcc", "AUC": "auc", "F1-Score": "f1", "Accuracy": "accuracy"}
    scores = []
    for path in files.values():
        if path.name.startswith("final_"):
            model, _, pooled = path.stem.removeprefix("final_").partition("_")
            frame = pd.read_csv(path).rename(columns=renamed)
            frame.insert(1, "gue", frame["task"].map(gue_folder))
            frame.insert(2, "model", _MODELS[model])
            frame.insert(3, "pooling", "mean" if pooled else "summary token")
            scores.append(frame)
        elif path.name == "summary_table.csv":
            sizes = pd.read_csv(path)
    sizes.columns = pd.Index(["task", "train", "test", "max_length", "median_length"])
    return {"scores": pd.concat(scores, ignore_index=True), "sizes": sizes}


def gue_folder(task: str) -> str:
    """Translate a task's name in Feng et al. (2025) to its folder in GUE.

    The sizes of training and test part and the length of the sequences agree for every task at
    hand; those of GUE's mouse, virus and other sets are named by the same scheme.

    Parameters
    ----------
    task : str
        E.g. "tf_0".

    Returns
    -------
    folder : str
        E.g. "gue/tf/0"; empty for a task of another benchmark.

    Examples
    --------
    >>> [gue_folder(task) for task in ("tf_0", "prom_core_tata", "H3K9ac", "reconstructed", "5mC")]
    ['gue/tf/0', 'gue/prom/prom_core_tata', 'gue/EMP/H3K9ac', 'gue/splice/reconstructed', '']
    """
    family, _, number = task.partition("_")
    if family in ("tf", "mouse"):
        return f"gue/{family}/{number}"
    if family == "prom":
        return f"gue/prom/{task}"
    if task in _HISTONE_MARKS:
        return f"gue/EMP/{task}"
    return {"reconstructed": "gue/splice/reconstructed", "covid": "gue/virus/covid"}.get(task, "")


_HISTONE_MARKS = {
    *("H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2"),
    *("H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac"),
}


def read_cells(files: Files) -> AnnData:
    """Read the only file as annotated cells.

    Parameters
    ----------
    files : mapping of str to Path
        One h5ad file.

    Returns
    -------
    cells : anndata.AnnData
        Cells by genes.
    """
    import anndata  # slow to import, and seldom needed

    (path,) = files.values()
    return anndata.read_h5ad(path)


def read_paired_cells(files: Files) -> dict[str, pd.DataFrame]:
    """Read the SNARE-seq half of the small multiome: expression, accessibility, types.

    Parameters
    ----------
    files : mapping of str to Path
        By registered path.

    Returns
    -------
    frames : dict of str to DataFrame
        "rna" (10 components) and "atac" (19 topics, counts), a row for each cell, and "types" with
        a column "type", made from the expression.
    """
    folder = "multiome_small/SNAREseq_"
    rna, atac = (np.load(files[f"{folder}{name}_feat.npy"]) for name in ("rna", "atac"))
    types = np.loadtxt(files[f"{folder}rna_types.txt"]).astype(np.int64)
    return {
        "rna": pd.DataFrame(rna).add_prefix("r"),
        "atac": pd.DataFrame(atac).add_prefix("a"),
        "types": pd.DataFrame({"type": types}),
    }


_READERS: dict[str, Callable[[Files], Any]] = {
    "sequences": read_sequences,
    "genome": read_genome,
    "text": read_text,
    "table": read_tables,
    "coordinates": read_coordinates,
    "cells": read_cells,
}
