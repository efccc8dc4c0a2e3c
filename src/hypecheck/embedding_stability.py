"""Do two trainings give the tokens the same places? Four ways to compare tables of vectors.

Design choices

- Two tables of the same tokens are compared, whatever rotation or scale each has.
- The measures that chance alone would give are told beside them: for neighbours k / (V - 1), for
  the others two random tables of the same size.

References
----------
Kornblith et al. 2019, Similarity of neural network representations revisited, arXiv:1905.00414
(linear CKA).
Schönemann 1966, A generalized solution of the orthogonal Procrustes problem, Psychometrika 31.
Rochkoulets, Vrček and Šikić 2026, arXiv:2604.04287 (overlap at several k, local Spearman).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import procrustes
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]


def cosine_table(vectors: npt.ArrayLike) -> Floats:
    """Cosine of every two vectors, each vector being nobody's neighbour to itself.

    Parameters
    ----------
    vectors : array_like, shape (V, D)
        One row for each token.

    Returns
    -------
    cosines : ndarray of float64, shape (V, V)
        -inf on the diagonal.

    Examples
    --------
    >>> cosine_table([[1.0, 0.0], [2.0, 0.0]]).tolist()
    [[-inf, 1.0], [1.0, -inf]]
    """
    rows = np.asarray(vectors, dtype=np.float64)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosines: Floats = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def neighbour_overlap(a: npt.ArrayLike, b: npt.ArrayLike, k: int) -> float:
    """Mean Jaccard overlap of the k nearest neighbours of every token.

    Parameters
    ----------
    a, b : array_like, shape (V, D)
        Vectors of the same tokens.
    k : int
        Number of neighbours, 1 to V - 1.

    Returns
    -------
    overlap : float
        1 where all neighbours are the same.

    Raises
    ------
    ValueError
        If k is out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = rng.normal(size=(20, 4))
    >>> turned = table @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    >>> neighbour_overlap(table, turned, 3)
    1.0
    """
    first, second = _nearest(a, k), _nearest(b, k)
    shared = (first[:, :, None] == second[:, None, :]).sum(axis=(1, 2))
    return float((shared / (2 * k - shared)).mean())


def local_spearman(a: npt.ArrayLike, b: npt.ArrayLike, k: int) -> float:
    """Mean rank correlation of the cosines of each token's neighbours in a, in a and in b.

    Parameters
    ----------
    a, b : array_like, shape (V, D)
        Vectors of the same tokens.
    k : int
        Neighbours in a, two at least.

    Returns
    -------
    correlation : float
        Averaged over both directions.

    Examples
    --------
    >>> table = np.random.default_rng(0).normal(size=(20, 4))
    >>> round(local_spearman(table, 3 * table, 5), 6)
    1.0
    """
    found = []
    for one, other in ((a, b), (b, a)):
        nearest = _nearest(one, k)
        left, right = (
            rankdata(np.take_along_axis(cosine_table(table), nearest, axis=1), axis=1)
            for table in (one, other)
        )
        left, right = (r - r.mean(axis=1, keepdims=True) for r in (left, right))
        norm = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
        found.append(((left * right).sum(axis=1) / np.maximum(norm, 1e-12)).mean())
    return float(np.mean(found))


def procrustes_disparity(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Squared distance that is left after the best shift, scale and rotation.

    Parameters
    ----------
    a, b : array_like, shape (V, D)
        Vectors of the same tokens.

    Returns
    -------
    disparity : float
        0 for the same shape, 1 for nothing in common.

    Examples
    --------
    >>> table = np.random.default_rng(0).normal(size=(20, 4))
    >>> round(procrustes_disparity(table, 2 * table + 1), 6)
    0.0
    """
    return float(procrustes(np.asarray(a, np.float64), np.asarray(b, np.float64))[2])


def linear_cka(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Linear centred kernel alignment of two tables.

    Parameters
    ----------
    a, b : array_like, shape (V, D) and (V, D')
        Vectors of the same tokens.

    Returns
    -------
    alignment : float
        1 for the same similarities of tokens, up to scale; small tables of noise score well
        above 0.

    Examples
    --------
    >>> table = np.random.default_rng(0).normal(size=(20, 4))
    >>> round(linear_cka(table, 2 * table + 1), 6)
    1.0
    """
    left, right = (np.asarray(x, dtype=np.float64) for x in (a, b))
    left, right = left - left.mean(axis=0), right - right.mean(axis=0)
    cross = np.linalg.norm(left.T @ right) ** 2
    return float(cross / (np.linalg.norm(left.T @ left) * np.linalg.norm(right.T @ right)))


def _nearest(vectors: npt.ArrayLike, k: int) -> npt.NDArray[np.int64]:
    cosines = cosine_table(vectors)
    if not 1 <= k < len(cosines):
        raise ValueError(f"k must lie between 1 and {len(cosines) - 1}, got {k}")
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k]
