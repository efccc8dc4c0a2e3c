"""Predict a number for pairs of places, from distances alone or with vectors of both places.

Design choices

- Whole groups (chromosomes, blocks of a genome) are held out in turn, and the penalty is chosen
  on groups inside the training part.
- A pair is described symmetrically: sums, products and absolute differences of two vectors.
- A linear model with a ridge penalty: adding features costs nothing but what they carry, and a
  fit takes milliseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


def principal_parts(vectors: npt.ArrayLike, n_parts: int = 10) -> Floats:
    """Reduce vectors to their first principal components, each with standard deviation 1.

    Parameters
    ----------
    vectors : array_like of float, shape (N, D)
        One a place. No label is used, so all places may take part.
    n_parts : int, default 10
        Components to keep; fewer if there are fewer.

    Returns
    -------
    parts : ndarray of float64, shape (N, min(n_parts, D))

    Examples
    --------
    >>> principal_parts([[0.0, 0.0], [2.0, 2.0]], 1).round(3).tolist()
    [[-1.0], [1.0]]
    """
    values = np.asarray(vectors, dtype=np.float64)
    spread = values.std(axis=0)
    centred = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    left, size, right = np.linalg.svd(centred, full_matrices=False)
    parts = (left * size)[:, :n_parts] * np.sign(right[:n_parts].sum(axis=1))
    scale = parts.std(axis=0)
    return np.asarray(parts / np.where(scale > 0, scale, 1.0))


def pair_features(parts: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    """Describe pairs of places by the sums, products and absolute differences of their vectors.

    Parameters
    ----------
    parts : array_like of float, shape (N, K)
        Vectors of the places.
    first, second : array_like of int, shape (P,)
        Rows of `parts`.

    Returns
    -------
    features : ndarray of float64, shape (P, 3 K)
        The same for (i, j) and (j, i).

    Examples
    --------
    >>> pair_features([[1.0], [3.0]], [0], [1]).tolist()
    [[4.0, 3.0, 2.0]]
    """
    rows = np.asarray(parts, dtype=np.float64)
    a, b = rows[np.asarray(first)], rows[np.asarray(second)]
    return np.hstack([a + b, a * b, np.abs(a - b)])


def held_out_ridge(
    features: npt.ArrayLike,
    target: npt.ArrayLike,
    folds: npt.ArrayLike,
    *,
    penalties: tuple[float, ...] = PENALTIES,
) -> Floats:
    """Predict every pair by a ridge regression that was fit without its fold.

    Parameters
    ----------
    features : array_like of float, shape (P, F)
        Standardised on the training part; a constant is added.
    target : array_like of float, shape (P,)
        What to predict.
    folds : array_like of int, shape (P,)
        Group of every pair; three or more groups.
    penalties : tuple of float
        Per item; the best on one fold inside the training part is taken.

    Returns
    -------
    predicted : ndarray of float64, shape (P,)

    Raises
    ------
    ValueError
        If there are fewer than three folds: one is tested, one chooses, one trains.

    Examples
    --------
    >>> x = np.arange(9.0)[:, None]
    >>> held_out_ridge(x, 2 * x[:, 0] + 1, np.arange(9) % 3).round(2).tolist()
    [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0]
    """
    x, y, group = np.asarray(features, float), np.asarray(target, float), np.asarray(folds)
    names = np.unique(group)
    if len(names) < 3:
        raise ValueError(f"three folds or more are needed, got {len(names)}")
    predicted = np.empty(len(y))
    for number, name in enumerate(names):
        inner = names[(number + 1) % len(names)]
        tested, chooses = group == name, group == inner
        tried = _ridge(x, y, ~(tested | chooses), chooses, penalties)
        best = int(np.argmin([np.mean((y[chooses] - one) ** 2) for one in tried]))
        predicted[tested] = _ridge(x, y, ~tested, tested, penalties[best : best + 1])[0]
    return predicted


def _ridge(
    x: Floats,
    y: Floats,
    train: npt.NDArray[np.bool_],
    test: npt.NDArray[np.bool_],
    penalties: tuple[float, ...],
) -> list[Floats]:
    """Fit on one part and predict another, with every penalty."""
    middle, spread = x[train].mean(axis=0), x[train].std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    known, asked = (x[train] - middle) / spread, (x[test] - middle) / spread
    level = y[train].mean()
    gram, slope = known.T @ known / len(known), known.T @ (y[train] - level) / len(known)
    eye = np.eye(len(gram))
    return [asked @ np.linalg.solve(gram + one * eye, slope) + level for one in penalties]
