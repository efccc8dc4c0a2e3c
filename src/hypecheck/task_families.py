"""Eight tasks of one shape, made of data sets that have no official split in three parts.

Design choices

- One protocol: at most 2,000 rows to train on, 500 to choose with and 1,000 to test, the middle of
  each sequence, at most 150 bp of it.
- What belongs together stays together: homology clusters where rows have no coordinates, blocks of
  genome or whole exons where they have. An official test part stays the test part.
- A training or validation row that shares a word of 31 bases with the test part is left out,
  except where windows of one gene must overlap, and parts are exons.
- Everything here was fixed before any test score was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.datasets import SequenceParts, load
from hypecheck.sequences import (
    UNKNOWN,
    Codes,
    LabelledSequences,
    Task,
    encode,
    reverse_complement,
)
from hypecheck.similarity import NO_WORD, canonical_words
from hypecheck.splits import Regions, Split, group_split, homology_clusters, region_split

MOST = {"train": 2000, "validation": 500, "test": 1000}
FRACTIONS = (0.55, 0.15, 0.30)
BLOCK = 20_000  # bp of genome that stay together
WORD = 31  # bases; no training row shares so long a word with the test part
EXON_WINDOW = 36  # bp around a position of BRCA1; longer ones would leave the sequenced stretch

Made = tuple[LabelledSequences, Split]


@dataclass(frozen=True)
class TaskFamily:
    """What can be said of a task without looking at any score.

    Parameters
    ----------
    data : str
        Name of the data set.
    family : str
        One of the six kinds of task of this book, or "sequence" for what is none of them.
    question : str
        What is asked, in plain words.
    species : str
        Whose DNA it is.
    level : str
        "regulatory" (what the cell does with the DNA), "sequence" (what kind of DNA it is), or
        "single base".
    length : int
        Length of the window in bp.
    split : str
        How the parts were kept apart.
    make : callable
        Gives all rows, named and grouped, and their parts; rows are not drawn yet.
    classes : tuple of str
        Names of the classes.
    """

    data: str
    family: str
    question: str
    species: str
    level: str
    length: int
    split: str
    make: Callable[[str, int], Made]
    classes: tuple[str, ...]


@lru_cache(maxsize=4)
def family_task(name: str) -> Task:
    """Make one of the tasks of `FAMILIES`, always the same rows.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`, e.g. "splice-sites".

    Returns
    -------
    task : Task
        Its parts drawn; ``groups`` are those that the split kept together.

    Raises
    ------
    ValueError
        If there is no such task.
    DatasetError
        If the data are not at hand.

    Examples
    --------
    >>> family_task("weather")
    Traceback (most recent call last):
    ValueError: no task is called 'weather'; there are: splice-sites, enhancers, ...
    """
    if name not in FAMILIES:
        raise ValueError(f"no task is called {name!r}; there are: {', '.join(FAMILIES)}")
    family = FAMILIES[name]
    loaded = _loaded(family.data)
    rows, split = family.make(family.data, family.length)
    rng = np.random.default_rng(0)
    chosen = {
        part: np.sort(rng.permutation(getattr(split, part))[:most]) for part, most in MOST.items()
    }
    if family.level != "single base":
        codes, test = rows.codes, rows.codes[chosen["test"]]
        for part in ("train", "validation"):
            chosen[part] = chosen[part][~shares_word(codes[chosen[part]], test)]
    parts = {part: rows.take(index) for part, index in chosen.items()}
    stand_in = loaded.provenance.note if loaded.provenance.is_stand_in else None
    return Task(name, **parts, classes=family.classes, stand_in=stand_in)


@lru_cache(maxsize=2)
def _loaded(data: str) -> Any:
    """Read once what two tasks share."""
    return load(data)


def shares_word(codes: Codes, others: Codes, *, k: int = WORD) -> npt.NDArray[np.bool_]:
    """Say which sequences share a word with any of the others, on either strand.

    Parameters
    ----------
    codes, others : ndarray of uint8, shape (N, L) and (M, l)
        Two sets of sequences.
    k : int, default 31
        Length of a word in bases.

    Returns
    -------
    shares : ndarray of bool, shape (N,)

    Examples
    --------
    >>> shares_word(encode(["AACCG", "TTTTT"]), encode(["CCGGTT"]), k=4).tolist()
    [True, False]
    """
    words = canonical_words(codes, k)
    known = np.unique(canonical_words(others, k))
    shared: npt.NDArray[np.bool_] = (np.isin(words, known) & (words != NO_WORD)).any(axis=1)
    return shared


def centre(codes: Codes, length: int) -> tuple[Codes, npt.NDArray[np.bool_]]:
    """Cut the middle out of each sequence; padding at the right end does not count.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Sequences.
    length : int
        Length of the middle in bp.

    Returns
    -------
    middle : ndarray of uint8, shape (M, length)
        Of the sequences that are long enough.
    is_long : ndarray of bool, shape (N,)
        Which ones they are.

    Examples
    --------
    >>> middle, is_long = centre(encode(["AACCGG", "TT"], pad=True), 4)
    >>> middle.tolist(), is_long.tolist()
    ([[0, 1, 1, 2]], [True, False])
    """
    known = codes.shape[1] - np.argmax(codes[:, ::-1] != UNKNOWN, axis=1)  # length of each
    is_long = (known >= length) & (codes != UNKNOWN).any(axis=1)
    starts = ((known - length) // 2)[is_long]
    return codes[is_long][
        np.arange(is_long.sum())[:, None], starts[:, None] + np.arange(length)
    ], is_long


def _official_test(data: str, length: int) -> Made:
    """Keep the official test part; train on what is left of the validation part."""
    parts = _loaded(data).parts
    dev, test = parts["validation"], parts["test"]
    dev = dev.take(~shares_word(dev.codes, test.codes))
    clusters = [homology_clusters(part.codes) for part in (dev, test)]
    split = group_split(clusters[0], rng=np.random.default_rng(0), fractions=(0.8, 0.2, 0.0))
    codes, _ = centre(np.concatenate([dev.codes, test.codes]), length)
    groups = np.concatenate([clusters[0], clusters[1] + clusters[0].max() + 1])
    rows = LabelledSequences(codes, np.concatenate([dev.labels, test.labels]), groups=groups)
    return rows, replace(split, test=len(dev) + np.arange(len(test)))


def _by_homology(data: str, length: int) -> Made:
    """Pool all parts and split them by homology clusters of the whole sequences."""
    loaded: SequenceParts = _loaded(data)
    pooled = loaded.pooled()
    codes, is_long = centre(pooled.codes, length)
    clusters = homology_clusters(pooled.codes[is_long])
    rows = LabelledSequences(codes, pooled.labels[is_long], groups=clusters)
    return rows, group_split(clusters, rng=np.random.default_rng(0), fractions=FRACTIONS)


def _reporter(data: str, length: int) -> Made:
    """Promoters of the highest and of the lowest third of activity, split along the genome."""
    frame: pd.DataFrame = _loaded(data).frames["TSS_characterization"]
    frame = frame.dropna(subset=["sequence", "tss_position", "activity"])
    frame = frame[frame["sequence"].str.len() == length]
    low, high = frame["activity"].quantile([1 / 3, 2 / 3])
    frame = frame[(frame["activity"] <= low) | (frame["activity"] >= high)]
    starts = frame["tss_position"].to_numpy(np.int64)
    first = np.maximum(starts - length, 0)  # either strand's window lies within
    regions = Regions(np.repeat("chromosome", len(frame)), first, starts + length)
    rows = LabelledSequences(
        encode(frame["sequence"].tolist()),
        np.asarray(frame["activity"] >= high, dtype=np.int64),
        groups=starts // 1000,
    )
    return rows, _along(regions)


def _coding(data: str, length: int) -> Made:
    """Draw a window of every gene, on its strand, and of every gap between genes, on either."""
    genome = _loaded(data)
    (codes,), features = genome.records.values(), genome.features
    rng = np.random.default_rng(0)
    genes = features[(features["kind"] == "CDS") & (features["end"] - features["start"] >= length)]
    covered = np.zeros(len(codes), dtype=np.bool_)
    for start, end in features.loc[features["kind"] != "region", ["start", "end"]].to_numpy():
        covered[start:end] = True
    edges = np.flatnonzero(np.diff(np.r_[True, covered, True].astype(np.int8)))
    gaps = edges.reshape(-1, 2)  # start, end
    gaps = gaps[gaps[:, 1] - gaps[:, 0] >= length]
    genes = genes.sample(min(len(genes), len(gaps)), random_state=0)
    spans = np.concatenate([genes[["start", "end"]].to_numpy(np.int64), gaps])
    labels = np.repeat([1, 0], [len(genes), len(gaps)])
    starts = spans[:, 0] + rng.integers(0, spans[:, 1] - spans[:, 0] - length + 1)
    windows = codes[starts[:, None] + np.arange(length)]
    turned = np.r_[(genes["strand"] == "-").to_numpy(), rng.random(len(gaps)) < 0.5]
    windows[turned] = reverse_complement(windows[turned])
    rows = LabelledSequences(windows, labels, groups=starts // 1000)
    return rows, _along(Regions(np.repeat("chromosome", len(rows)), starts, starts + length))


def _along(regions: Regions) -> Split:
    return region_split(
        regions, block_size=BLOCK, rng=np.random.default_rng(0), fractions=FRACTIONS
    )


@lru_cache(maxsize=1)
def brca1_windows(data: str = "brca1_sge") -> pd.DataFrame:
    """Rebuild the stretches around BRCA1's edited exons, one row for each substitution.

    Parameters
    ----------
    data : str, default "brca1_sge"
        The saturation editing data set.

    Returns
    -------
    variants : pandas.DataFrame
        Columns position (hg19), exon, reference and altered (windows of `EXON_WINDOW` bases on the
        gene's strand, whose base number ``EXON_WINDOW // 2`` is the edited one), consequence,
        function (FUNC, INT or LOF), phylop, cadd, codon (place in the codon, 1 to 3; 0 outside
        the coding sequence). Bases that were not edited read N; positions too
        near the end of a stretch are left out.
    """
    frame = _loaded(data).frame
    half, found = EXON_WINDOW // 2, []
    for exon, unsorted in frame.groupby("experiment", sort=True):
        rows = unsorted.sort_values(["position (hg19)", "transcript_alt"])
        turn = 1 if (rows["reference"] == rows["transcript_ref"]).all() else -1
        place = turn * rows["position (hg19)"].to_numpy(np.int64)  # along the gene's strand
        first = place.min()
        stretch = np.full(place.max() - first + 1, UNKNOWN, dtype=np.uint8)
        stretch[place - first] = encode("".join(rows["transcript_ref"]))
        offset = place - first
        fits = (offset >= half) & (offset + half <= len(stretch))
        columns = offset[fits, None] - half + np.arange(EXON_WINDOW)
        reference = stretch[columns]
        altered = reference.copy()
        altered[:, half] = encode("".join(rows["transcript_alt"][fits]))
        found.append(
            pd.DataFrame(
                {
                    "position": turn * place[fits],
                    "exon": exon,
                    "reference": list(reference),
                    "altered": list(altered),
                    "consequence": rows["consequence"][fits].to_numpy(),
                    "function": rows["func.class"][fits].to_numpy(),
                    "phylop": rows["phyloP (mammalian)"][fits].to_numpy(np.float64),
                    "codon": _codon_place(rows[fits]),
                    "cadd": rows["CADD.score"][fits].to_numpy(np.float64),
                }
            )
        )
    return pd.concat(found, ignore_index=True)


def _codon_place(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Place in the codon: what stays of the transcript's position when codons are counted off."""
    place = rows["transcript_position"].astype(str).str.extract(r"^(\d+)$")[0].astype(float)
    coding = place.notna() & rows["aa_pos"].notna()
    return np.where(coding, (place.fillna(1) - 1) % 3 + 1, 0).astype(np.int64)


def _by_exon(rows: pd.DataFrame) -> Split:
    return group_split(rows["exon"], rng=np.random.default_rng(0), fractions=FRACTIONS)


def _variants(data: str, _length: int) -> Made:
    """Put reference window before altered window; lost function or not; whole exons held out."""
    found = brca1_windows(data)
    labels = np.asarray(found["function"] == "LOF", dtype=np.int64)
    codes = np.concatenate(
        [np.stack(found["reference"].tolist()), np.stack(found["altered"].tolist())], axis=1
    )
    rows = LabelledSequences(
        codes,
        labels,
        names=tuple(found.index.astype(str)),
        groups=found["position"].to_numpy(np.int64),
    )
    split = _by_exon(found)
    train, validation = (_balanced(part, labels) for part in (split.train, split.validation))
    return rows, replace(split, train=train, validation=validation)


def _balanced(part: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As many rows of either class; the test part keeps the share that it has."""
    rng = np.random.default_rng(0)
    rows = [rng.permutation(part[labels[part] == label]) for label in (0, 1)]
    size = min(map(len, rows))
    return np.sort(np.concatenate([one[:size] for one in rows]))


def _conserved(data: str, _length: int) -> Made:
    """Windows around every position: conserved above the median or not; whole exons held out."""
    found = brca1_windows(data).drop_duplicates("position")
    rows = LabelledSequences(
        np.stack(found["reference"].tolist()),
        np.asarray(found["phylop"] > found["phylop"].median(), dtype=np.int64),
        names=tuple(found.index.astype(str)),
        groups=found["position"].to_numpy(np.int64),
    )
    return rows, _by_exon(found)


FAMILIES: dict[str, TaskFamily] = {
    "splice-sites": TaskFamily(
        "gue/splice/reconstructed", "splicing",
        "is the middle an acceptor, a donor, or a decoy?",
        "human", "regulatory", 120,
        "official test part; training rows that share a word with it left out",
        _official_test, ("acceptor", "donor", "neither"),
    ),
    "enhancers": TaskFamily(
        "genomic_benchmarks_seq/enhancers_cohn", "regulatory elements",
        "is it an enhancer?",
        "human", "regulatory", 120, "homology clusters", _by_homology, ("other", "enhancer"),
    ),
    "reporter-activity": TaskFamily(
        "ecoli_tss_mpra", "expression",
        "does this promoter drive its reporter in the highest or the lowest third?",
        "E. coli", "regulatory", 150, "blocks of 20 kb", _reporter,
        ("lowest third", "highest third"),
    ),
    "histone-h3": TaskFamily(
        "gue/EMP/H3", "chromatin",
        "is histone H3 found here?",
        "yeast", "regulatory", 120, "homology clusters", _by_homology, ("not marked", "marked"),
    ),
    "brca1-conservation": TaskFamily(
        "brca1_sge", "conservation",
        "is the middle base conserved above the median?",
        "human", "single base", EXON_WINDOW, "whole exons", _conserved, ("less", "more"),
    ),
    "brca1-variants": TaskFamily(
        "brca1_sge", "variant effect",
        "does the substitution destroy the protein's function?",
        "human", "single base", 2 * EXON_WINDOW, "whole exons", _variants,
        ("functional or between", "loss of function"),
    ),
    "coding": TaskFamily(
        "genome_ecoli_k12", "sequence",
        "is it a piece of a gene, or of a gap between genes?",
        "E. coli", "sequence", 120, "blocks of 20 kb", _coding, ("between genes", "coding"),
    ),
    "ecoli-promoters": TaskFamily(
        "ecoli_promoters_2860", "regulatory elements",
        "is it a sigma-70 promoter, or a piece of a gene?",
        "E. coli", "regulatory", 81, "homology clusters", _by_homology,
        ("coding window", "promoter"),
    ),
}  # fmt: skip
