"""What a leak is worth: training parts of one size, with more or fewer relatives of the test part.

Design choices

- The test items never change; only training rows do. Taking relatives away also makes a training
  part smaller, so as many rows of the same class that are no relatives go when the relatives stay.
- What is left over is the worth of relatives, and not of size or of class balance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import LabelledSequences
from hypecheck.similarity import SIMILARITY, K, near_duplicates

Indices: TypeAlias = npt.NDArray[np.int64]
MakeModel: TypeAlias = Callable[[], Any]


def related_rows(
    train: LabelledSequences,
    test: LabelledSequences,
    *,
    k: int = K,
    similarity: float = SIMILARITY,
) -> Indices:
    """Find the training rows that some test item resembles.

    Parameters
    ----------
    train, test : LabelledSequences
        The two parts.
    k, similarity
        As in `similarity.near_duplicates`; an exact copy is the most alike.

    Returns
    -------
    rows : ndarray of int64
        Rows of `train`, sorted.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> rows = ["ACGTTGCATTACGATC", "GGGATCCATAAACCGT"]
    >>> train = LabelledSequences(encode(rows), np.array([0, 1]))
    >>> related_rows(train, train.take(np.array([1]))).tolist()
    [1]
    """
    pairs, _ = near_duplicates(test.codes, train.codes, k=k, similarity=similarity)
    return np.unique(pairs[:, 1])


def rows_with(
    labels: npt.ArrayLike, related: npt.ArrayLike, share: float, rng: np.random.Generator
) -> Indices:
    """Draw a training part with a given share of the relatives, always of one size.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Class of each training row.
    related : array_like of int
        Rows that some test item resembles.
    share : float
        Share of them to keep, 0 to 1. For each one kept, another row of its class goes.
    rng : numpy.random.Generator
        Which ones.

    Returns
    -------
    rows : ndarray of int64
        Sorted. Of each class, as many as there are rows without relatives.

    Raises
    ------
    ValueError
        If `share` is no share, or a class has more relatives than other rows: then the two cannot
        be exchanged one for one.

    Examples
    --------
    >>> labels, related = [0, 0, 0, 1, 1, 1], [0, 3]
    >>> rng = np.random.default_rng(0)
    >>> rows_with(labels, related, 0.0, rng).tolist()
    [1, 2, 4, 5]
    >>> kept = rows_with(labels, related, 1.0, rng).tolist()
    >>> len(kept), {0, 3} <= set(kept)
    (4, True)
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, got {share}")
    classes, is_related = np.asarray(labels), np.zeros(len(np.asarray(labels)), dtype=np.bool_)
    is_related[np.asarray(related, dtype=np.int64)] = True
    chosen = []
    for label in np.unique(classes):
        relatives = np.flatnonzero((classes == label) & is_related)
        others = np.flatnonzero((classes == label) & ~is_related)
        if len(relatives) > len(others):
            raise ValueError(
                f"class {label} has {len(relatives)} relatives of the test part and only "
                f"{len(others)} other rows; draw a smaller test part or fewer relatives"
            )
        n_kept = round(share * len(relatives))
        chosen.append(rng.permutation(relatives)[:n_kept])
        chosen.append(rng.permutation(others)[: len(others) - n_kept])
    return np.sort(np.concatenate(chosen))


def turn_dial(
    make_model: MakeModel,
    train: LabelledSequences,
    test: LabelledSequences,
    related: npt.ArrayLike,
    shares: Sequence[float],
    *,
    n_draws: int = 5,
    seed: int = 0,
) -> dict[float, npt.NDArray[np.int64]]:
    """Predict the same test items from training parts with more and more relatives.

    Parameters
    ----------
    make_model : callable
        Makes an unfitted classifier with ``fit(codes, y)`` and ``predict(codes)``.
    train, test : LabelledSequences
        The two parts.
    related : array_like of int
        From `related_rows`.
    shares : sequence of float
        Shares of the relatives to keep.
    n_draws : int, default 5
        Draws of the rows at each share; none kept leaves nothing to draw.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    predictions : dict of float to ndarray of int64, shape (draws, N)
        Predicted class of each test item.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from hypecheck.sequences import encode
    >>> train = LabelledSequences(encode(["AAAA", "AAAC", "GGGG", "GGGC"]), np.array([0, 0, 1, 1]))
    >>> found = turn_dial(lambda: KNeighborsClassifier(1), train, train, [0], [0.0, 1.0], n_draws=2)
    >>> {share: rows.shape for share, rows in found.items()}
    {0.0: (1, 4), 1.0: (2, 4)}
    """
    found = {}
    for share in shares:
        draws = []
        for draw in range(n_draws if share else 1):
            rng = np.random.default_rng((seed, draw))
            part = train.take(rows_with(train.labels, related, share, rng))
            model = make_model().fit(part.codes, part.labels)
            draws.append(np.asarray(model.predict(test.codes), dtype=np.int64))
        found[float(share)] = np.stack(draws)
    return found
