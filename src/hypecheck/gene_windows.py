"""Windows of a genome inside genes and outside them, in parts that never share a stretch.

Design choices

- A part is a set of blocks along the chromosomes: windows of two parts never overlap.
- Half of all windows are read from the other strand, and where in a codon a window begins is left
  to chance: neither strand nor frame tells the label.
- Where nothing is annotated, long open frames stand for genes. That is a weak proxy, and it is
  the caller's duty to say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hypecheck.kmers import count_kmers
from hypecheck.scores import jensen_shannon_distance
from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, reverse_complement

Spans = Sequence[tuple[str, int, int]]
PARTS = ("train", "validation", "test")
STOPS = ((3, 0, 0), (3, 0, 2), (3, 2, 0))  # TAA, TAG, TGA


@dataclass(frozen=True, eq=False)
class GeneWindows:
    """Windows of one genome, labelled 1 inside genes and 0 outside, in three parts.

    Attributes
    ----------
    parts : dict of str to LabelledSequences
        "train", "validation", "test"; ``groups`` numbers the block of each window.
    blind : dict of str to ndarray of uint8
        The genome with the blocks of the test part blanked, for pretraining.
    """

    parts: dict[str, LabelledSequences]
    blind: dict[str, Codes]


def open_frames(codes: Codes, *, least: int) -> list[tuple[int, int]]:
    """Find stretches without a stop codon, in any of the six frames.

    Parameters
    ----------
    codes : ndarray of uint8, shape (L,)
        A genome, or a stretch of one.
    least : int
        Shortest stretch in bp.

    Returns
    -------
    spans : list of (int, int)
        Start and end, half-open, on the given strand.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> open_frames(encode("TAACCCCCCCCCTAA"), least=9)[0]
    (3, 12)
    """
    spans = []
    for strand in (1, -1):
        row = codes if strand == 1 else reverse_complement(codes)
        stop = np.zeros(len(row), dtype=np.bool_)
        for word in STOPS:
            stop[:-2] |= (row[:-2] == word[0]) & (row[1:-1] == word[1]) & (row[2:] == word[2])
        stop |= row == UNKNOWN
        for frame in range(3):
            last = frame + (len(row) - frame) // 3 * 3
            ends = frame + 3 * np.flatnonzero(stop[frame:last:3])
            edges = np.concatenate([[frame - 3], ends, [last]])
            for before, after in pairwise(edges):
                if after - before - 3 >= least:
                    span = (int(before) + 3, int(after))
                    spans.append(span if strand == 1 else (len(row) - span[1], len(row) - span[0]))
    return spans


def gene_windows(
    records: Mapping[str, Codes],
    genes: Spans,
    avoid: Spans,
    *,
    length: int,
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
    block: int = 20_000,
) -> GeneWindows:
    """Draw as many windows inside genes as outside, for three parts that share no block.

    Parameters
    ----------
    records : mapping of str to ndarray of uint8
        Chromosomes.
    genes : sequence of (str, int, int)
        Record, start and end of what counts as coding.
    avoid : sequence of (str, int, int)
        What a window outside must not touch; genes included or not.
    length : int
        Of a window, in bp.
    sizes : (int, int, int)
        Windows in the train, validation and test part, half of each class.
    rng : numpy.random.Generator
        Source of randomness.
    block : int, default 20,000
        Stretch in bp that is in one part as a whole.

    Returns
    -------
    windows : GeneWindows

    Raises
    ------
    ValueError
        If some part has too few places for its windows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> genome = {"c": rng.integers(4, size=9000).astype(np.uint8)}
    >>> genes = [("c", start, start + 200) for start in range(0, 9000, 400)]
    >>> drawn = gene_windows(genome, genes, genes, length=20, sizes=(8, 4, 4), rng=rng, block=500)
    >>> [len(part) for part in drawn.parts.values()]
    [8, 4, 4]
    """
    places: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
    blind, n_blocks = {}, 0
    for name, codes in records.items():
        number = np.arange(-(-len(codes) // block))
        part = rng.choice(3, size=len(number), p=(0.6, 0.15, 0.25))
        covered = np.zeros(len(codes), dtype=np.bool_)
        for record, start, end in avoid:
            if record == name:
                covered[start:end] = True
        inside = [one for one in genes if one[0] == name]
        for label, starts in ((1, _inside(inside, length)), (0, _outside(covered, length))):
            fits = (starts // block == (starts + length - 1) // block) & _known(
                codes, starts, length
            )
            for start in starts[fits].tolist():
                at = start // block
                places.setdefault((int(part[at]), label), []).append((name, start, n_blocks + at))
        hidden = np.repeat(part == 2, block)[: len(codes)]
        blind[name] = np.where(hidden, np.uint8(UNKNOWN), codes)
        n_blocks += len(number)
    parts = {
        name: _draw(records, [places.get((i, c), []) for c in (0, 1)], size // 2, length, rng)
        for i, (name, size) in enumerate(zip(PARTS, sizes, strict=True))
    }
    return GeneWindows(parts, blind)


def spectrum_distance(codes: npt.ArrayLike, others: npt.ArrayLike, *, k: int = 4) -> float:
    """Tell how far apart two sets of sequences are, by the frequencies of their words.

    Parameters
    ----------
    codes, others : array_like of int, shape (N, L) and (M, L)
        Codes 0–4.
    k : int, default 4
        Word length; a word and its reverse complement are one.

    Returns
    -------
    distance : float
        Jensen–Shannon distance, from 0 to 1.

    Examples
    --------
    >>> spectrum_distance([[0, 0, 0, 0]], [[3, 3, 3, 3]], k=2)
    0.0
    """
    spectra = [
        np.asarray(count_kmers(c, k, canonical=True).sum(axis=0)).ravel() for c in (codes, others)
    ]
    first, second = (counts / counts.sum() for counts in spectra)
    return float(jensen_shannon_distance(first, second))


def _inside(genes: Spans, length: int) -> npt.NDArray[np.int64]:
    """Find starts of windows side by side in genes; the first offset differs from gene to gene."""
    rows = [np.arange(start + start % 7, end - length + 1, length) for _, start, end in genes] or [
        np.empty(0, dtype=np.int64)
    ]
    return np.unique(np.concatenate(rows)).astype(np.int64)


def _outside(covered: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.int64]:
    """Find starts of windows side by side in what is not covered."""
    change = np.flatnonzero(np.diff(np.concatenate([[True], covered, [True]]).astype(np.int8)))
    rows = [np.arange(a, b - length + 1, length) for a, b in change.reshape(-1, 2)] or [
        np.empty(0, dtype=np.int64)
    ]
    return np.concatenate(rows).astype(np.int64)


def _known(codes: Codes, starts: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.bool_]:
    unknown = np.concatenate([[0], np.cumsum(codes == UNKNOWN)])
    known: npt.NDArray[np.bool_] = unknown[starts + length] == unknown[starts]
    return known


def _draw(
    records: Mapping[str, Codes],
    places: Sequence[Sequence[tuple[str, int, int]]],
    size: int,
    length: int,
    rng: np.random.Generator,
) -> LabelledSequences:
    """Draw `size` windows of each class, shuffled, half of them from the other strand."""
    if min(map(len, places)) < size:
        raise ValueError(
            f"{[len(one) for one in places]} places outside and inside genes for {size} windows "
            "each; ask for fewer or shorter windows"
        )
    chosen = [(place, c) for c in (0, 1) for place in _sample(places[c], size, rng)]
    chosen = _sample(chosen, len(chosen), rng)
    codes = np.stack([records[name][start : start + length] for (name, start, _), _ in chosen])
    codes[::2] = reverse_complement(codes[::2])
    labels = np.array([label for _, label in chosen], dtype=np.int64)
    return LabelledSequences(codes, labels, groups=np.array([at for (_, _, at), _ in chosen]))


def _sample(items, size, rng):  # type: ignore[no-untyped-def]
    return [items[i] for i in rng.permutation(len(items))[:size].tolist()]
