"""Cells measured twice over: whether a cell is found again, by one measurement or by both.

Design choices

- The score asks for no labels. From one part of a cell's measurements another part is predicted,
  and the prediction is looked up among the cells that were held out: a cell is found again if its
  own measurement lies nearer than those of the others.
- A predictor is a kernel regression with its penalty chosen within the training cells, the same
  for one kind of measurement and for two.
- Counts that add up to the sequencing depth say how deeply a cell was read; the centred log ratio
  takes that out.

References
----------
Liu et al. 2019, WABI (MMD-MA): the fraction of samples closer than the true match (FOSCTTM); here
one minus it, so that more is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist
from sklearn.cross_decomposition import CCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = npt.NDArray[np.float64]
Fold = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
PENALTIES = np.logspace(-3, 2, 6)


def centred_log_ratio(counts: npt.ArrayLike) -> Floats:
    """Take the logarithm of counts plus one, less its mean over the cell.

    Parameters
    ----------
    counts : array_like, shape (N, D)
        Cells by features, not negative.

    Returns
    -------
    ratios : ndarray of float64, shape (N, D)
        Rows add up to zero.

    Raises
    ------
    ValueError
        If a count is negative.

    Examples
    --------
    >>> centred_log_ratio([[0, 0], [9, 99]]).round(2).tolist()
    [[0.0, 0.0], [-1.15, 1.15]]
    """
    array = np.asarray(counts, dtype=np.float64)
    if (array < 0).any():
        raise ValueError("counts are never negative; this matrix has been transformed before")
    logs = np.log1p(array)
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def matching_scores(predicted: npt.ArrayLike, measured: npt.ArrayLike) -> Floats:
    """Say for each cell which share of the other cells its own measurement comes before.

    Parameters
    ----------
    predicted, measured : array_like, shape (N, D)
        Row i of both belongs to cell i; two cells at least.

    Returns
    -------
    scores : ndarray of float64, shape (N,)
        1 if the cell's own partner is the nearest, .5 on average for guessing: one minus the
        fraction of samples closer than the true match, over both directions. Ties count half.

    Raises
    ------
    ValueError
        If the shapes differ or there is a single cell.

    Examples
    --------
    >>> matching_scores([[0.0], [5.0], [9.0]], [[0.1], [9.0], [5.0]]).tolist()
    [1.0, 0.5, 0.5]
    """
    a = np.asarray(predicted, dtype=np.float64)
    b = np.asarray(measured, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or len(a) < 2:
        raise ValueError(f"two cells at least and one shape are needed, got {a.shape}, {b.shape}")
    distance = ((a[:, None] - b[None]) ** 2).sum(axis=2)  # (N, N)
    own = np.diag(distance)
    both = []
    for table in (distance, distance.T):
        nearer = (table < own[:, None]).sum(axis=1)
        equal = (table == own[:, None]).sum(axis=1) - 1  # itself
        both.append(1 - (nearer + 0.5 * equal) / (len(a) - 1))
    return np.asarray(np.mean(both, axis=0))


def cell_folds(n_cells: int, *, seed: int, n_folds: int = 5) -> list[Fold]:
    """Divide cells by chance into folds: pairs of training and held-out rows."""
    folds = KFold(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(np.empty((n_cells, 1))))


def predictor(*, width: float | None = None, n_components: int = 150) -> Any:
    """Make the kernel regression that all comparisons share.

    Parameters
    ----------
    width : float, optional
        Factor of the squared distance in the Gaussian kernel, for features that are to stay on
        their scales, e.g. `common_width`; by default every feature is brought to unit variance
        first, and the factor is one over the number of features.
    n_components : int, default 150
        Landmarks of the kernel's approximation.

    Returns
    -------
    model : sklearn.pipeline.Pipeline
        Kernel, then ridge with one of six penalties, chosen by leave-one-out on the training cells.
    """
    kernel = Nystroem(n_components=n_components, gamma=width, random_state=0)
    return make_pipeline(*([StandardScaler()] if width is None else []), kernel, RidgeCV(PENALTIES))


def common_width(features: npt.ArrayLike) -> float:
    """Give the kernel factor at which two cells at the median distance have kernel exp(-2).

    Parameters
    ----------
    features : array_like, shape (N, D)
        On whatever scales; independent features of unit variance get one over D, nearly.

    Returns
    -------
    width : float

    Examples
    --------
    >>> round(common_width([[0.0], [1.0], [2.0], [3.0]]), 2)
    0.8
    """
    return float(2 / np.median(pdist(np.asarray(features, dtype=np.float64), "sqeuclidean")))


def find_again(
    queries: npt.ArrayLike,
    target: npt.ArrayLike,
    folds: Sequence[Fold],
    *,
    model: Callable[[], Any] = predictor,
) -> Floats:
    """Predict a target for held-out cells, and look each up among them.

    Parameters
    ----------
    queries : array_like, shape (N, D)
        What is known of every cell.
    target : array_like, shape (N, E)
        What is hidden; brought to unit variance by the training cells.
    folds : sequence of pairs of ndarray
        From `cell_folds`.
    model : callable, default `predictor`
        Gives an estimator with ``fit`` and ``predict``.

    Returns
    -------
    scores : ndarray of float64, shape (N,)
        As in `matching_scores`, among the cells of one fold.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> state = rng.normal(size=(200, 2))
    >>> bool(find_again(state, state @ [[1.0], [2.0]], cell_folds(200, seed=0)).mean() > 0.9)
    True
    """
    known, hidden = np.asarray(queries), np.asarray(target)
    scores = np.full(len(known), np.nan)
    for train, test in folds:
        scaler = StandardScaler().fit(hidden[train])
        fitted = model().fit(known[train], scaler.transform(hidden[train]))
        found = np.asarray(fitted.predict(known[test])).reshape(len(test), -1)
        scores[test] = matching_scores(found, scaler.transform(hidden[test]))
    return scores


def halves_found_again(
    own: npt.ArrayLike, other: npt.ArrayLike, *, seeds: Sequence[int]
) -> dict[str, Floats]:
    """Hide half of one modality, and predict it from its other half, the other modality, or both.

    Parameters
    ----------
    own, other : array_like, shape (N, D) and (N, E)
        The modality of which half of the features are hidden, and the other one.
    seeds : sequence of int
        Each chooses a half to hide and the folds.

    Returns
    -------
    scores : dict of str to ndarray, shape (S, N)
        "own", "other" and "both": as in `find_again`, a row for each seed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> state = rng.normal(size=(200, 1))
    >>> first, second = (state + rng.normal(size=(200, 6)) for _ in range(2))
    >>> found = halves_found_again(first, second, seeds=[0, 1])
    >>> bool(found["both"].mean() > found["own"].mean())
    True
    """
    here, there = np.asarray(own), np.asarray(other)
    found: dict[str, list[Floats]] = {"own": [], "other": [], "both": []}
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(here.shape[1])
        hidden, rest = np.split(order, [here.shape[1] // 2])
        folds = cell_folds(len(here), seed=seed)
        views = {"own": here[:, rest], "other": there, "both": np.hstack([here[:, rest], there])}
        for name, known in views.items():
            found[name].append(find_again(known, here[:, hidden], folds))
    return {name: np.stack(scores) for name, scores in found.items()}


def gain_over_better(found: dict[str, Floats]) -> Floats:
    """Subtract the better single view from both together, cell by cell.

    Parameters
    ----------
    found : dict of str to ndarray, shape (S, N)
        From `halves_found_again`.

    Returns
    -------
    gain : ndarray, shape (S, N)
        The better view is the one with the higher mean over all seeds and cells.

    Examples
    --------
    >>> made = {"own": np.zeros((1, 2)), "other": np.ones((1, 2)), "both": np.full((1, 2), 1.5)}
    >>> gain_over_better(made).tolist()
    [[0.5, 0.5]]
    """
    better = max(found["own"], found["other"], key=np.mean)
    return np.asarray(found["both"] - better)


def pairs_found_again(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    folds: Sequence[Fold],
    *,
    groups: npt.ArrayLike | None = None,
    n_components: int = 5,
) -> Floats:
    """Match the two halves of held-out cells in a space learnt by canonical correlation.

    Parameters
    ----------
    first, second : array_like, shape (N, D) and (N, E)
        The two modalities, row by row of the same cells.
    folds : sequence of pairs of ndarray
        From `cell_folds`.
    groups : array_like, shape (N,), optional
        Look a cell up among the held-out cells of its own group only.
    n_components : int, default 5
        Dimensions of the space.

    Returns
    -------
    scores : ndarray of float64, shape (N,)
        As in `matching_scores`; NaN for a cell that is alone in its group and fold.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    among = np.zeros(len(a)) if groups is None else np.asarray(groups)
    scores = np.full(len(a), np.nan)
    for train, test in folds:
        space = CCA(n_components, max_iter=1000).fit(a[train], b[train])
        left, right = (StandardScaler().fit_transform(x) for x in space.transform(a[test], b[test]))
        for group in np.unique(among[test]):
            here = np.flatnonzero(among[test] == group)
            if len(here) > 1:
                scores[test[here]] = matching_scores(left[here], right[here])
    return scores
