"""Pools of real measurements to choose experiments from: promoters, and variants of an element.

Design choices

- Promoters are described by square roots of counts of short words, as in `baselines.KmerLogistic`.
- A variant is described by where it lies, by which letter becomes which, and by the words that it
  makes and breaks. Test variants lie at positions of which no change is in the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.active_learning import Pool
from hypecheck.kmers import KmerCounts
from hypecheck.reporter_variants import (
    WIDTH,
    ReporterVariants,
    changed_words,
    read_reporter_variants,
)
from hypecheck.sequences import Codes, LabelledSequences

Floats = npt.NDArray[np.float64]
LONGEST = 4  # letters of a word
STEP = 8  # bp between the marks along an element
WEIGHTS = (2.0, 0.5)  # of nearness to a mark, and of words; chosen on other elements


def word_features(codes: Codes) -> Floats:
    """Describe sequences by square roots of the counts of their words of one to four letters.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Sequences.

    Returns
    -------
    features : ndarray of float64, shape (N, 340)

    Examples
    --------
    >>> word_features(np.zeros((2, 9), np.uint8)).shape
    (2, 340)
    """
    counts = KmerCounts((1, LONGEST)).fit_transform(codes)
    dense = counts if isinstance(counts, np.ndarray) else counts.toarray()
    return np.asarray(dense, dtype=np.float64)


def promoter_pool(
    train: LabelledSequences,
    test: LabelledSequences,
    *,
    size: int,
    seed: int,
    rare: float | None = None,
) -> Pool:
    """Draw a pool of sequences from a training part.

    Parameters
    ----------
    train, test : LabelledSequences
        With classes 0 and 1.
    size : int
        Sequences in the pool.
    seed : int
        Of the draw.
    rare : float, optional
        Share of class 1 in the pool; as it comes if not given.

    Returns
    -------
    pool : Pool
        The test part is whole.

    Examples
    --------
    >>> part = LabelledSequences(np.zeros((40, 8), np.uint8), np.array([0, 1] * 20))
    >>> promoter_pool(part, part, size=20, seed=0, rare=0.1).labels.sum()
    np.int64(2)
    """
    order = np.random.default_rng(seed).permutation(len(train))
    if rare is not None:
        few = round(size * rare)
        positive = train.labels[order] == 1
        order = np.concatenate([order[positive][:few], order[~positive][: size - few]])
    rows = order[:size]
    return Pool(
        word_features(train.codes[rows]),
        np.asarray(train.labels[rows]),
        _whole(test.codes.tobytes(), test.codes.shape),
        np.asarray(test.labels),
    )


@lru_cache(maxsize=4)
def _whole(codes: bytes, shape: tuple[int, ...]) -> Floats:
    return word_features(np.frombuffer(codes, dtype=np.uint8).reshape(shape))


def variant_features(variants: ReporterVariants) -> Floats:
    """Describe variants of one element by place, change of letter, and changed words.

    Parameters
    ----------
    variants : ReporterVariants
        Of one element.

    Returns
    -------
    features : ndarray of float64, shape (V, F)
    """
    middle = WIDTH // 2
    change = 4 * variants.ref[:, middle].astype(np.int64) + variants.alt[:, middle]
    place, words = WEIGHTS
    return np.hstack(
        [
            place * neighbourhoods(variants.position, step=STEP),
            np.eye(16)[change],
            words * changed_words(variants, LONGEST),
        ]
    )


def variant_pools(
    frame: pd.DataFrame, elements: Sequence[str], *, seed: int, test_share: float = 0.25
) -> list[Pool]:
    """Cut each element into a pool and test positions.

    Parameters
    ----------
    frame : DataFrame
        The table of saturation mutagenesis; see `read_reporter_variants`.
    elements : sequence of str
        One pool each.
    seed : int
        Of the cut.
    test_share : float, default .25
        Share of the positions that are tested.

    Returns
    -------
    pools : list of Pool
    """
    pools = []
    for number, element in enumerate(elements):
        variants = read_reporter_variants(frame, [element])
        features, groups = variant_features(variants), variants.groups("position")
        rng = np.random.default_rng([seed, number])
        some = rng.permutation(groups.max() + 1)[: round(test_share * (groups.max() + 1))]
        test = np.isin(groups, some)
        pools.append(
            Pool(features[~test], variants.effect[~test], features[test], variants.effect[test])
        )
    return pools


def neighbourhoods(positions: npt.ArrayLike, *, step: int = 10) -> Floats:
    """Describe places along a sequence by their nearness to marks set at equal steps.

    Parameters
    ----------
    positions : array_like of int, shape (N,)
        Places in bp, from 0.
    step : int, default 10
        Between marks in bp; nearness is a bell curve of that width.

    Returns
    -------
    features : ndarray of float64, shape (N, marks)
        Between 0 and 1.

    Examples
    --------
    >>> neighbourhoods([0, 10], step=10).round(1).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    """
    place = np.asarray(positions, dtype=np.float64)
    marks = np.arange(0, place.max() + step, step)
    marks = marks[marks <= place.max()]
    nearness: Floats = np.exp(-0.5 * ((place[:, None] - marks) / step) ** 2)
    return nearness


def correlation(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Give Pearson's correlation, 0 where one side does not vary: a model that knows nothing yet.

    Parameters
    ----------
    truth, predicted : array_like, shape (N,)
        Measured and predicted values.

    Returns
    -------
    r : float

    Examples
    --------
    >>> correlation([0.0, 1.0], [3.0, 3.0]), round(correlation([0.0, 1.0], [0.0, 2.0]), 6)
    (0.0, 1.0)
    """
    one, other = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if min(float(np.ptp(one)), float(np.ptp(other))) <= 1e-12:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
