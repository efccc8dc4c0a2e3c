"""DNA as small integers: codes, one-hot, shuffles, labelled examples, and FASTA in and out.

Design choices

- One code per base, ``uint8``: A = 0, C = 1, G = 2, T = 3, so that a k-mer is a number in base 4
  and the complement of a base is 3 minus its code.
- Everything that is not one known base is ``UNKNOWN`` = 4: the IUPAC ambiguity letters, and the
  padding to the right of a short sequence. Counting skips it, one-hot shows zeros.
- Lower case (soft-masked repeats) is read as upper case; U is read as T.
- Data holders are frozen dataclasses that check themselves once, when they are made.
"""

from __future__ import annotations

import gzip
import io
import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

ALPHABET = "ACGT"
UNKNOWN = 4

Codes: TypeAlias = npt.NDArray[np.uint8]
Index: TypeAlias = npt.NDArray[np.integer[Any]] | npt.NDArray[np.bool_] | Sequence[int] | slice

_INVALID = 255
_CODE_OF = np.full(256, _INVALID, dtype=np.uint8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu", "RYSWKMBDHVNryswkmbdhvn")):
    _CODE_OF[np.frombuffer(_letters.encode(), dtype=np.uint8)] = _code
_LETTER_OF = np.frombuffer((ALPHABET + "N").encode(), dtype=np.uint8)


class SequenceFileError(ValueError):
    """A sequence file that cannot be used as it is; the message names the file and the fix."""


def check_codes(codes: npt.ArrayLike, *, ndim: int | None = None) -> Codes:
    """Return `codes` as a ``uint8`` array, or say why they are not codes.

    Parameters
    ----------
    codes : array_like of int
        Codes 0–3 for A, C, G, T and 4 for an unknown base or padding.
    ndim : int, optional
        The number of axes that is needed, e.g. 2 for ``(N, L)``.

    Returns
    -------
    codes : ndarray of uint8
        The same numbers, copied only if the type had to change.

    Raises
    ------
    ValueError
        If the numbers are no integers in 0–4, or the number of axes is another one.

    Examples
    --------
    >>> check_codes([[0, 3]], ndim=2)
    array([[0, 3]], dtype=uint8)
    """
    array = np.asarray(codes)
    if array.size == 0:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "ui":
        raise ValueError(
            f"codes must be integers 0-4, got dtype {array.dtype}; pass letters through encode()"
        )
    if array.size and (array.min() < 0 or array.max() > UNKNOWN):
        raise ValueError(
            f"codes must lie in 0-{UNKNOWN} (A, C, G, T, unknown), "
            f"got values from {array.min()} to {array.max()}"
        )
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"codes must have {ndim} axes, got shape {array.shape}; "
            "encode(list) gives (N, L), encode(str) gives (L,)"
        )
    return array.astype(np.uint8, copy=False)


def encode(sequences: str | Sequence[str], *, pad: bool = False) -> Codes:
    """Turn letters into codes.

    Parameters
    ----------
    sequences : str or sequence of str
        DNA letters, either case; IUPAC ambiguity letters become ``UNKNOWN``, U is read as T.
    pad : bool, default False
        Whether shorter sequences are filled with ``UNKNOWN`` on the right.

    Returns
    -------
    codes : ndarray of uint8, shape (L,) for a str and (N, L) for a sequence of str
        A = 0, C = 1, G = 2, T = 3, unknown = 4.

    Raises
    ------
    ValueError
        If a letter is no nucleotide letter, or lengths differ and `pad` is false.

    Examples
    --------
    >>> encode("ACGTn")
    array([0, 1, 2, 3, 4], dtype=uint8)
    >>> encode(["ACG", "T"], pad=True)
    array([[0, 1, 2],
           [3, 4, 4]], dtype=uint8)
    """
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    letters = "".join(rows).encode("latin-1", "replace")
    flat = _CODE_OF[np.frombuffer(letters, dtype=np.uint8)]
    if flat.size and flat.max() == _INVALID:
        _raise_for_letter(rows)
    if isinstance(sequences, str):
        return flat
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    longest = int(lengths.max(initial=0))
    if (lengths == longest).all():
        return flat.reshape(len(rows), longest)  # (N, L)
    if not pad:
        other = int(np.argmax(lengths != lengths[0]))
        raise ValueError(
            f"sequences differ in length: number 0 has {lengths[0]} letters, "
            f"number {other} has {lengths[other]}; cut them to one length or pass pad=True"
        )
    codes = np.full((len(rows), longest), UNKNOWN, dtype=np.uint8)
    codes[np.arange(longest) < lengths[:, None]] = flat
    return codes


def _raise_for_letter(rows: Sequence[str]) -> None:
    """Name the first letter that is no nucleotide letter, and where it stands."""
    for number, row in enumerate(rows):
        values = _CODE_OF[np.frombuffer(row.encode("latin-1", "replace"), dtype=np.uint8)]
        bad = np.flatnonzero(values == _INVALID)
        if bad.size:
            raise ValueError(
                f"letter {row[bad[0]]!r} in sequence {number} at position {bad[0]} is no IUPAC "
                "nucleotide letter; remove gaps and headers, and give DNA, not protein"
            )


def decode(codes: npt.ArrayLike) -> str | list[str]:
    """Turn codes back into letters.

    Parameters
    ----------
    codes : array_like of int, shape (L,) or (N, L)
        Codes 0–4.

    Returns
    -------
    letters : str or list of str
        One str for one sequence, a list for many; ``UNKNOWN`` becomes N.

    Raises
    ------
    ValueError
        If the codes are not in 0–4 or have more than two axes.

    Examples
    --------
    >>> decode([0, 1, 2, 3, 4])
    'ACGTN'
    >>> decode([[0, 1], [2, 3]])
    ['AC', 'GT']
    """
    checked = check_codes(codes)
    if checked.ndim == 1:
        return _LETTER_OF[checked].tobytes().decode()
    return [_LETTER_OF[row].tobytes().decode() for row in check_codes(checked, ndim=2)]


def one_hot(codes: npt.ArrayLike, *, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
    """Spread codes over four channels A, C, G, T.

    Parameters
    ----------
    codes : array_like of int, shape (..., L)
        Codes 0–4.
    dtype : dtype, default float32
        Type of the result.

    Returns
    -------
    one_hot : ndarray, shape (..., L, 4)
        One at the base's channel; ``UNKNOWN`` is all zeros.

    Examples
    --------
    >>> one_hot(encode("AN"))
    array([[1., 0., 0., 0.],
           [0., 0., 0., 0.]], dtype=float32)
    """
    return np.eye(UNKNOWN + 1, len(ALPHABET), dtype=dtype)[check_codes(codes)]  # (..., L, 4)


def reverse_complement(codes: npt.ArrayLike) -> Codes:
    """Read the other strand: the last axis reversed, each base complemented.

    Parameters
    ----------
    codes : array_like of int, shape (..., L)
        Codes 0–4.

    Returns
    -------
    codes : ndarray of uint8, shape (..., L)
        The reverse complement; ``UNKNOWN`` stays ``UNKNOWN``.

    Examples
    --------
    >>> decode(reverse_complement(encode("AACGN")))
    'NCGTT'
    """
    complement = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
    return complement[check_codes(codes)[..., ::-1]]


def gc_content(codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Share of G and C among the known bases.

    Parameters
    ----------
    codes : array_like of int, shape (..., L)
        Codes 0–4.

    Returns
    -------
    share : ndarray of float64, shape (...)
        Between 0 and 1; NaN where no base is known.

    Examples
    --------
    >>> gc_content(encode(["GGCA", "ATNN"])).tolist()
    [0.75, 0.0]
    """
    checked = check_codes(codes)
    n_gc = ((checked == 1) | (checked == 2)).sum(axis=-1)
    n_known = (checked != UNKNOWN).sum(axis=-1)
    share = np.full(n_known.shape, np.nan)
    return np.divide(n_gc, n_known, out=share, where=n_known > 0)


def dinucleotide_shuffle(codes: npt.ArrayLike, rng: np.random.Generator) -> Codes:
    """Shuffle a sequence, keeping the count of every dinucleotide exactly.

    Every sequence with the same dinucleotide counts, first and last base is equally likely.

    Parameters
    ----------
    codes : array_like of int, shape (L,)
        Codes 0–3, no unknown base.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    codes : ndarray of uint8, shape (L,)
        The shuffled sequence; its first and last base stay.

    Raises
    ------
    ValueError
        If there is an unknown base, or more than one sequence.

    References
    ----------
    Altschul and Erickson (1985), "Significance of nucleotide sequence alignments", Molecular
    Biology and Evolution 2, 526–538. The tree of last edges, which they draw by rejection, is here
    drawn from the list of all trees (at most 16 on four letters) by its number of edge choices.

    Examples
    --------
    >>> decode(dinucleotide_shuffle(encode("ACGATTACAGG"), np.random.default_rng(0)))
    'ACGACATTAGG'
    """
    checked = check_codes(codes, ndim=1)
    if (checked == UNKNOWN).any():
        raise ValueError(
            f"{int((checked == UNKNOWN).sum())} unknown bases cannot be shuffled: "
            "cut the sequence at N or drop it"
        )
    if len(checked) < 3:
        return checked.copy()
    last_edge = _draw_last_edges(checked, rng)
    exits: list[list[int]] = []
    for base in range(len(ALPHABET)):
        targets = rng.permutation(checked[1:][checked[:-1] == base]).tolist()
        if base in last_edge:
            targets.remove(last_edge[base])
            targets.append(last_edge[base])
        exits.append(targets[::-1])  # popped from the end
    walk = [int(checked[0])]
    for _ in range(len(checked) - 1):
        walk.append(exits[walk[-1]].pop())
    return np.array(walk, dtype=np.uint8)


def _draw_last_edges(codes: Codes, rng: np.random.Generator) -> dict[int, int]:
    """Draw, for every base but the final one, the edge by which it is left for the last time."""
    final = int(codes[-1])
    pairs = np.bincount(codes[:-1] * np.uint8(4) + codes[1:], minlength=16).reshape(4, 4)
    sources = [base for base in range(4) if base != final and pairs[base].any()]
    trees: list[dict[int, int]] = []
    for targets in itertools.product(range(4), repeat=len(sources)):
        tree = dict(zip(sources, targets, strict=True))
        if all(_reaches(tree, base, final) for base in sources):
            trees.append(tree)
    weights = np.array([np.prod([float(pairs[edge]) for edge in tree.items()]) for tree in trees])
    return trees[rng.choice(len(trees), p=weights / weights.sum())]


def _reaches(tree: dict[int, int], base: int, final: int) -> bool:
    """Whether following the edges from `base` ends at `final` (four steps always suffice)."""
    for _ in ALPHABET:
        base = tree.get(base, base)
    return base == final


def read_fasta(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a FASTA file, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    records : dict of str to str
        Sequence by name, the first word of the header; letters as they stand in the file.

    Raises
    ------
    SequenceFileError
        If the file is empty, is no FASTA, or has a nameless, empty or repeated record.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_fasta({"lac": "TTTACA"}, folder + "/promoters.fa")
    ...     read_fasta(folder + "/promoters.fa")
    {'lac': 'TTTACA'}
    """
    from Bio.SeqIO.FastaIO import SimpleFastaParser  # slow to import, and seldom needed

    path = Path(path)
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as handle:
            text = handle.read()
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError) as error:
        raise SequenceFileError(
            f"{path} cannot be read as text ({error}); is it compressed or cut short? "
            "Download it again, and name it .gz if and only if it is gzipped"
        ) from error
    if not text.strip():
        raise SequenceFileError(f"{path} is empty; download or write it again")
    if not text.lstrip().startswith(">"):
        raise SequenceFileError(
            f"{path} is no FASTA: it begins with {text.lstrip()[:20]!r}, not with '>'; "
            "convert it to FASTA first"
        )
    records: dict[str, str] = {}
    parser = SimpleFastaParser(io.StringIO(text))  # type: ignore[no-untyped-call]
    for header, sequence in parser:
        name = header.split()[0] if header.split() else ""
        problem = "has no name" if not name else "has no sequence" if not sequence else ""
        if problem or name in records:
            raise SequenceFileError(
                f"{path}: record {len(records) + 1} ({name!r}) {problem or 'is there twice'}; "
                "correct or remove it"
            )
        records[name] = sequence
    return records


def write_fasta(records: Mapping[str, str], path: str | os.PathLike[str]) -> None:
    """Write a FASTA file whole or not at all, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    records : mapping of str to str
        Sequence by name; names without white space.
    path : path-like
        Where to write; an older file there is replaced.

    Raises
    ------
    SequenceFileError
        If there is no record, or a name or sequence would not come back as it is.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_fasta({"lac": "TTTACA", "ara": "GACGCT"}, folder + "/promoters.fa.gz")
    ...     len(read_fasta(folder + "/promoters.fa.gz"))
    2
    """
    path = Path(path)
    if not records:
        raise SequenceFileError(f"no record to write to {path}; pass at least one")
    for name, sequence in records.items():
        if not name or name.split() != [name] or not sequence or sequence.split() != [sequence]:
            raise SequenceFileError(
                f"record {name!r} cannot be written to {path}: name and sequence must be non-empty "
                "and free of white space"
            )
    lines = [
        line
        for name, sequence in records.items()
        for line in (f">{name}", *(sequence[i : i + 80] for i in range(0, len(sequence), 80)))
    ]
    content = ("\n".join(lines) + "\n").encode()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)  # the same bytes on every run
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as handle:
        handle.write(content)
    Path(handle.name).replace(path)


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """Sequences of one length with a label each.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Codes 0–4.
    labels : ndarray of int64 or float64, shape (N,)
        Class numbers, or measured values.
    names : tuple of str, optional
        N names.
    groups : ndarray of int64, shape (N,), optional
        Group of each sequence (homology cluster, region, species); a group is never split.

    Raises
    ------
    ValueError
        If lengths disagree, or labels are missing, not finite or no numbers.

    Examples
    --------
    >>> examples = LabelledSequences(encode(["ACGT", "TTTT", "GGGG"]), np.array([0, 1, 1]))
    >>> len(examples), examples.take([0, 2]).labels.tolist()
    (3, [0, 1])
    """

    codes: Codes
    labels: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    names: tuple[str, ...] | None = None
    groups: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        codes = check_codes(self.codes, ndim=2)
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "labels", _check_labels(self.labels))
        if self.names is not None:
            object.__setattr__(self, "names", tuple(self.names))
        if self.groups is not None:
            object.__setattr__(self, "groups", _check_groups(self.groups))
        for what, values in (
            ("labels", self.labels),
            ("names", self.names),
            ("groups", self.groups),
        ):
            if values is not None and len(values) != len(codes):
                raise ValueError(
                    f"{len(codes)} sequences but {len(values)} {what}; give one for each sequence"
                )

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, index: Index) -> LabelledSequences:
        """Select sequences with everything that belongs to them.

        Parameters
        ----------
        index : array of int, array of bool, or slice
            Which sequences, as in numpy.

        Returns
        -------
        selection : LabelledSequences
            Copies of the selected rows.
        """
        rows = np.arange(len(self))[index]
        return LabelledSequences(
            codes=self.codes[rows],
            labels=self.labels[rows],
            names=None if self.names is None else tuple(self.names[row] for row in rows),
            groups=None if self.groups is None else self.groups[rows],
        )


def _check_labels(labels: npt.ArrayLike) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"labels must have one axis, got shape {array.shape}; pass labels.ravel()")
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind != "f":
        raise ValueError(
            f"labels must be numbers, got dtype {array.dtype}; "
            "number the classes with numpy.unique(labels, return_inverse=True)"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{int((~np.isfinite(array)).sum())} of {array.size} labels are NaN or infinite; "
            "drop those sequences before making LabelledSequences"
        )
    return array.astype(np.float64, copy=False)


def _check_groups(groups: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = np.asarray(groups)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"groups must be integers with one axis, got {array.dtype} of shape {array.shape}; "
            "number them with numpy.unique(groups, return_inverse=True)"
        )
    return array.astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False)
class Task:
    """A prediction task with one fixed split.

    Parameters
    ----------
    name : str
        What the task is called.
    train, validation, test : LabelledSequences
        The three parts, of one sequence length and one kind of label.
    classes : tuple of str, default ("0", "1")
        Names of the classes, in the order of their numbers; not used if labels are measured values.
    stand_in : str, optional
        What these data stand in for, if they are not the real ones.

    Raises
    ------
    ValueError
        If the parts do not fit together, or the training part lacks a class.

    Examples
    --------
    >>> part = LabelledSequences(encode(["ACGT", "TTTT"]), np.array([0, 1]))
    >>> Task("toy", part, part, part).classes
    ('0', '1')
    """

    name: str
    train: LabelledSequences
    validation: LabelledSequences
    test: LabelledSequences
    classes: tuple[str, ...] = ("0", "1")
    stand_in: str | None = None

    def __post_init__(self) -> None:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        lengths = {part: data.codes.shape[1] for part, data in parts.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"task {self.name!r}: sequence lengths differ between parts, {lengths}; "
                "encode all parts together with pad=True"
            )
        kinds = {part: str(data.labels.dtype) for part, data in parts.items()}
        if len(set(kinds.values())) > 1:
            raise ValueError(
                f"task {self.name!r}: labels differ in type, {kinds}; use class numbers in all "
                "parts or measured values in all parts"
            )
        if self.train.labels.dtype.kind == "i":
            self._check_classes(parts)

    def _check_classes(self, parts: dict[str, LabelledSequences]) -> None:
        known = set(range(len(self.classes)))
        for part, data in parts.items():
            strangers = set(np.unique(data.labels).tolist()) - known
            if strangers:
                raise ValueError(
                    f"task {self.name!r}: {part} has class numbers {sorted(strangers)}, but "
                    f"classes names only 0-{len(known) - 1}; name every class"
                )
        missing = known - set(np.unique(self.train.labels).tolist())
        if missing:
            raise ValueError(
                f"task {self.name!r}: train has no example of class {sorted(missing)}, so no model "
                "can learn it; split again, stratified by label, or drop the class"
            )
