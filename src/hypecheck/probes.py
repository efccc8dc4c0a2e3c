"""What does a frozen model know? Linear probes for known patterns, each with its control task.

Design choices

- A probe may learn a task by itself. Its control task gives every kind of row (here: the three
  bases in the middle) a random label that is the same everywhere, which can only be memorised.
  Score minus control score is the selectivity.
- Whatever composition alone gives, an untrained network's vectors give too. What training added is
  the selectivity of the trained model minus that of its random twin.
- Windows of the parts of one pattern come from different stretches of the genome.

References
----------
Hewitt and Liang 2019, Designing and interpreting probes with control tasks, EMNLP,
https://doi.org/10.18653/v1/D19-1275, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.embeddings import control_labels, embed_sequences, linear_probe
from hypecheck.models import Transformer
from hypecheck.resampling import Interval, seeds_and_items_interval
from hypecheck.sequences import UNKNOWN, Codes, LabelledSequences, encode
from hypecheck.tokenizers import Tokenizer

Floats = npt.NDArray[np.float64]
SHARES = (0.0, 0.6, 0.7, 1.0)  # where train, validation and test lie along a record
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Windows that differ in one known thing.

    Parameters
    ----------
    name : str
        What they differ in.
    parts : tuple of LabelledSequences
        Train, validation and test.
    """

    name: str
    parts: tuple[LabelledSequences, LabelledSequences, LabelledSequences]


def composition_pattern(
    record: Codes, sizes: Sequence[int], rng: np.random.Generator, *, length: int = 102
) -> Pattern:
    """Windows above and below the median share of G and C.

    Parameters
    ----------
    record : ndarray of uint8, shape (L,)
        A chromosome, or a piece of one.
    sizes : sequence of int, length 3
        Windows in each part.
    rng : numpy.random.Generator
        Source of randomness.
    length : int, default 102
        Bases of a window.

    Returns
    -------
    pattern : Pattern
        "composition".

    Examples
    --------
    >>> record = np.random.default_rng(0).integers(0, 4, 20_000).astype(np.uint8)
    >>> pattern = composition_pattern(record, (20, 10, 10), np.random.default_rng(0))
    >>> [len(part) for part in pattern.parts]
    [20, 10, 10]
    """
    rows = []
    for size, places in zip(sizes, _stretches(record, length), strict=True):
        codes = _cut(record, rng.permutation(places)[:size], length)
        rows.append((codes, np.isin(codes, (1, 2)).mean(axis=1)))
    half = float(np.median(rows[0][1]))
    first, second, third = (LabelledSequences(c, (gc > half).astype(np.int64)) for c, gc in rows)
    return Pattern("composition", (first, second, third))


def codon_pattern(
    record: Codes,
    features: pd.DataFrame,
    sizes: Sequence[int],
    rng: np.random.Generator,
    *,
    length: int = 102,
) -> Pattern:
    """Windows inside genes of the given strand, by the codon position at which they begin.

    Parameters
    ----------
    record : ndarray of uint8, shape (L,)
        A chromosome.
    features : pandas.DataFrame
        Its features: start, end, strand, kind.
    sizes, rng, length
        As in `composition_pattern`; one window of a gene at most.

    Returns
    -------
    pattern : Pattern
        "codon position", three classes.

    Raises
    ------
    ValueError
        If there is no gene that holds a window.
    """
    genes = features[(features["kind"] == "CDS") & (features["strand"] == "+")]
    genes = genes[genes["end"] - genes["start"] >= length + 3]
    if genes.empty:
        raise ValueError(f"no coding region of {length + 3} bases on the given strand")
    genes = genes.drop_duplicates("start").sort_values("start")
    edges = [round(share * len(genes)) for share in SHARES]
    parts = []
    for size, (low, high) in zip(sizes, pairwise(edges), strict=True):
        here = genes.iloc[rng.permutation(np.arange(low, high))[:size]]
        phase = np.arange(len(here)) % 3
        room = ((here["end"] - here["start"] - length - 3).to_numpy() // 3).astype(np.int64)
        starts = here["start"].to_numpy() + 3 * rng.integers(0, room + 1) + phase
        parts.append(LabelledSequences(_cut(record, starts, length), phase))
    return Pattern("codon position", (parts[0], parts[1], parts[2]))


def word_pattern(
    record: Codes,
    words: tuple[str, str],
    sizes: Sequence[int],
    rng: np.random.Generator,
    *,
    length: int = 102,
) -> Pattern:
    """Windows that hold a known word, against windows that hold its letters in another order.

    Parameters
    ----------
    record : ndarray of uint8, shape (L,)
        A chromosome, or a piece of one.
    words : (str, str)
        The word, and its rival; a window holds one of the two, anywhere.
    sizes, rng, length
        As in `composition_pattern`; fewer where the words are rare, as many of each class.

    Returns
    -------
    pattern : Pattern
        "motif": class 1 holds the word.

    Raises
    ------
    ValueError
        If the words differ in their letters, or one is never found.
    """
    if sorted(words[0]) != sorted(words[1]):
        raise ValueError(f"{words[0]} and {words[1]} must have the same letters")
    found = [_find(record, encode(word)) for word in words]
    span = (length, len(words[0]))
    parts = []
    for size, places in zip(sizes, _stretches(record, length), strict=True):
        rows = []
        for here in found:
            inside = here[(here >= places[0]) & (here < places[-1])]
            starts = inside - rng.integers(0, length - len(words[0]) + 1, len(inside))
            rows.append(rng.permutation(_alone(record, starts, found, span))[: size // 2])
        n = min(map(len, rows))
        if n == 0:
            raise ValueError(f"{words[0]} or {words[1]} is too rare in this record")
        starts = np.concatenate([rows[0][:n], rows[1][:n]])
        labels = np.repeat([1, 0], n)
        parts.append(LabelledSequences(_cut(record, starts, length), labels))
    return Pattern("motif", (parts[0], parts[1], parts[2]))


def probe(
    model: Transformer, tokenizer: Tokenizer, pattern: Pattern, *, seed: int
) -> dict[str, Floats]:
    """Fit a probe for a pattern and one for its control task.

    Parameters
    ----------
    model : Transformer
        Frozen.
    tokenizer : Tokenizer
        Its tokenizer.
    pattern : Pattern
        What to look for.
    seed : int
        Draws the control labels.

    Returns
    -------
    right : dict of str to ndarray of float64, shape (N,)
        For "pattern" and "control": 1 where the probe is right on a test window.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> from hypecheck.tokenizers import CharTokenizer
    >>> record = np.random.default_rng(0).integers(0, 4, 30_000).astype(np.uint8)
    >>> pattern = composition_pattern(record, (80, 40, 40), np.random.default_rng(0))
    >>> model = Transformer(TransformerConfig(7, d_model=8))
    >>> right = probe(model, CharTokenizer(), pattern, seed=0)
    >>> bool(right["pattern"].mean() > 0.5)
    True
    """
    vectors = [embed_sequences(model, tokenizer, part.codes) for part in pattern.parts]
    true = [part.labels.astype(np.int64) for part in pattern.parts]
    kinds = [_middle_words(part.codes) for part in pattern.parts]
    random = control_labels(kinds, true[0], rng=np.random.default_rng([seed, 5]))
    right = {}
    for name, labels in (("pattern", true), ("control", random)):
        fitted = linear_probe(vectors[0], labels[0], vectors[1], labels[1], penalties=PENALTIES)
        right[name] = (fitted.predict(vectors[2]) == labels[2]).astype(np.float64)
    return right


def selectivity(right: Sequence[dict[str, Floats]]) -> Floats:
    """Give each seed's and window's part of the selectivity, shape (S, N)."""
    return np.stack([one["pattern"] - one["control"] for one in right])


def mean_over_seeds_and_windows(parts: npt.ArrayLike, *, n_resamples: int = 500) -> Interval:
    """Give the mean of parts with its interval over seeds and windows.

    Parameters
    ----------
    parts : array_like, shape (S, N)
        E.g. of `selectivity`, or a difference of two such.
    n_resamples : int, default 500
        Bootstrap draws of windows.

    Returns
    -------
    interval : Interval

    Examples
    --------
    >>> print(mean_over_seeds_and_windows([[0.0, 1.0], [0.0, 1.0]]).estimate)
    0.5
    """
    array = np.asarray(parts, dtype=np.float64)
    return seeds_and_items_interval(
        _mean,
        np.zeros(array.shape[1]),
        array,
        rng=np.random.default_rng(0),
        n_resamples=n_resamples,
    )


def mean_over_patterns(parts: Sequence[Floats]) -> Interval:
    """Give the mean of several patterns' means, each pattern counting the same.

    Parameters
    ----------
    parts : sequence of ndarray, shapes (S, N_1), (S, N_2), …
        As for `mean_over_seeds_and_windows`, by pattern; the same seeds.

    Returns
    -------
    interval : Interval
        Over seeds and all windows.

    Examples
    --------
    >>> float(mean_over_patterns([np.ones((2, 3)), np.zeros((2, 1))]).estimate)
    0.5
    """
    total = sum(one.shape[1] for one in parts)
    weighted = [one * (total / (len(parts) * one.shape[1])) for one in parts]
    return mean_over_seeds_and_windows(np.concatenate(weighted, axis=1))


def _mean(_: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> float:
    return float(np.mean(values))


def _stretches(record: Codes, length: int) -> list[npt.NDArray[np.int64]]:
    """Give starts of windows that touch, without unknown bases, for three stretches."""
    edges = [round(share * len(record)) for share in SHARES]
    found = []
    for low, high in pairwise(edges):
        starts = np.arange(low, high - length + 1, length, dtype=np.int64)
        found.append(starts[(_cut(record, starts, length) != UNKNOWN).all(axis=1)])
    return found


def _cut(record: Codes, starts: npt.NDArray[np.int64], length: int) -> Codes:
    rows: Codes = record[starts[:, None] + np.arange(length)]
    return rows


def _find(record: Codes, word: Codes) -> npt.NDArray[np.int64]:
    windows = np.lib.stride_tricks.sliding_window_view(record, len(word))
    return np.flatnonzero((windows == word).all(axis=1))


def _alone(
    record: Codes,
    starts: npt.NDArray[np.int64],
    found: Sequence[npt.NDArray[np.int64]],
    span: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """Keep windows of known bases that hold one of the two words, once, and not the other."""
    length, width = span
    inside = starts[(starts >= 0) & (starts + length <= len(record))]
    inside = inside[(_cut(record, inside, length) != UNKNOWN).all(axis=1)]
    both = np.sort(np.concatenate(found))
    ends = np.searchsorted(both, inside + length - width + 1)
    once: npt.NDArray[np.int64] = inside[ends - np.searchsorted(both, inside) == 1]
    return once


def _middle_words(codes: Codes, k: int = 3) -> npt.NDArray[np.int64]:
    start = (codes.shape[1] - k) // 2
    places = 5 ** np.arange(k - 1, -1, -1, dtype=np.int64)
    kinds: npt.NDArray[np.int64] = codes[:, start : start + k].astype(np.int64) @ places
    return kinds
