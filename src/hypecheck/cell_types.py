"""Tell the type of a cell from its expression: folds, scores of unlike classes, simple methods.

Design choices

- Whatever is fitted, the principal components too, sees training cells alone.
- A method chooses among six configurations by macro-F1 on validation cells; test cells are read
  once.
- Macro-F1 gives every type the same weight, however few cells it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hypecheck.scores import WeightedScore
from hypecheck.splits import Split

if TYPE_CHECKING:
    from anndata import AnnData

Floats: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.int64]

N_COMPONENTS = 30
PENALTIES = tuple((c, weight) for c in (0.01, 0.1, 1.0) for weight in (None, "balanced"))
NEIGHBOURS = (1, 3, 5, 10, 15, 30)


@dataclass(frozen=True, eq=False)
class TypedCells:
    """Cells with the types that they were given.

    Parameters
    ----------
    expression : ndarray, shape (N, G)
        Log-normalised.
    labels : ndarray of int, shape (N,)
        Index into `names`.
    names : tuple of str
        Types, the most frequent first.
    genes : tuple of str
        Columns.
    quality : ndarray, shape (N, 3)
        Counts, genes found and mitochondrial share: what says nothing of single genes.
    """

    expression: Floats
    labels: Labels
    names: tuple[str, ...]
    genes: tuple[str, ...]
    quality: Floats


def read_types(cells: AnnData, *, column: str = "bulk_labels") -> TypedCells:
    """Take log-normalised expression and types out of annotated cells.

    Parameters
    ----------
    cells : anndata.AnnData
        With the log-normalised values in ``raw``.
    column : str
        Of ``obs`` with the types.

    Returns
    -------
    typed : TypedCells
        All cells.

    Raises
    ------
    ValueError
        If there are no raw values, or they are negative, as scaled ones are.
    """
    if cells.raw is None:
        raise ValueError("the cells have no raw values; scaled ones have seen all cells")
    values = cells.raw.X
    matrix = np.asarray(values.toarray() if hasattr(values, "toarray") else values, np.float64)
    if matrix.min() < 0:
        raise ValueError("negative expression: these values are scaled, not log-normalised")
    counts = cells.obs[column].astype(str).value_counts()
    names = tuple(sorted(counts.index, key=lambda name: (-counts[name], name)))
    labels = np.array([names.index(name) for name in cells.obs[column].astype(str)])
    quality = cells.obs[["n_counts", "n_genes", "percent_mito"]].to_numpy(np.float64)
    return TypedCells(matrix, labels, names, tuple(cells.raw.var_names), quality)


def deal_cells(labels: Labels, n_folds: int, seed: int) -> list[Split]:
    """Deal cells into folds that hold every type in proportion.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        Types.
    n_folds : int
        Each cell is a test cell in one of them.
    seed : int
        Decides which.

    Returns
    -------
    splits : list of Split
        A fifth of the cells that are not test cells is for validation.

    Examples
    --------
    >>> split = deal_cells(np.repeat([0, 1], 30), 3, seed=0)[0]
    >>> len(split.train), len(split.validation), len(split.test)
    (32, 8, 20)
    """
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    splits = []
    for rest, test in folds.split(np.zeros(len(labels)), labels):
        train, validation = train_test_split(
            rest, test_size=0.2, random_state=seed, stratify=labels[rest]
        )
        splits.append(Split(np.sort(train), np.sort(validation), np.sort(test)))
    return splits


def _class_f1(y_true: npt.NDArray[Any], y_pred: npt.NDArray[Any], counts: Floats) -> Floats:
    """F1 of each class, shape (B, C); NaN where a class neither occurs nor is predicted."""
    weights = np.asarray(counts, dtype=np.float64)
    classes = np.unique(np.concatenate([y_true, y_pred]))
    true, predicted = (one[:, None] == classes for one in (y_true, y_pred))
    both = weights @ (true & predicted)
    total = weights @ true + weights @ predicted
    return np.divide(2 * both, total, out=np.full(total.shape, np.nan), where=total > 0)


def _macro_f1(y_true: npt.NDArray[Any], y_pred: npt.NDArray[Any], counts: Floats) -> Floats:
    return np.asarray(np.nanmean(_class_f1(y_true, y_pred, counts), axis=1))


#: Mean of the F1 of all classes, each weighing the same; as in scikit-learn.
macro_f1 = WeightedScore("macro-F1", _macro_f1)


def class_f1(truth: Labels, predicted: npt.ArrayLike, n_classes: int) -> Floats:
    """Give the F1 of each class, averaged over runs.

    Parameters
    ----------
    truth : ndarray of int, shape (N,)
        Types.
    predicted : array_like of int, shape (S, N)
        By run.
    n_classes : int
        All of which occur in `truth`.

    Returns
    -------
    scores : ndarray, shape (n_classes,)

    Examples
    --------
    >>> class_f1(np.array([0, 0, 1]), [[0, 0, 0]], 2).tolist()
    [0.8, 0.0]
    """
    ones = np.ones((1, len(truth)))
    runs = [_class_f1(truth, one, ones)[0, :n_classes] for one in np.asarray(predicted)]
    return np.asarray(np.mean(runs, axis=0))


def components(cells: Floats, train: Labels, *, n: int = N_COMPONENTS) -> Floats:
    """Project all cells on principal components of the standardised training cells.

    Parameters
    ----------
    cells : ndarray, shape (N, G)
        Expression.
    train : ndarray of int
        Rows that means, scales and components are made from.
    n : int
        Components, at most as many as there are training cells or genes.

    Returns
    -------
    scores : ndarray, shape (N, n)
        Each with unit variance over the training cells.
    """
    most = min(n, len(train), cells.shape[1])
    steps = make_pipeline(StandardScaler(), PCA(most, svd_solver="full", whiten=True))
    return np.asarray(steps.fit(cells[train]).transform(cells))


def logistic(features: Floats, labels: Labels, split: Split) -> Labels:
    """Predict types by logistic regression, its penalty and class weights chosen on validation.

    Parameters
    ----------
    features : ndarray, shape (N, D)
        Standardised with the training cells here.
    labels : ndarray of int, shape (N,)
        Types; those of test cells are not read.
    split : Split
        Who learns, and who chooses.

    Returns
    -------
    predicted : ndarray of int, shape (N,)
        For every cell.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 30)
    >>> split = deal_cells(labels, 3, seed=0)[0]
    >>> bool((logistic(labels[:, None] + 0.0, labels, split) == labels).all())
    True
    """
    scaled = StandardScaler().fit(features[split.train]).transform(features)
    models = [LogisticRegression(C=c, class_weight=weight, max_iter=200) for c, weight in PENALTIES]
    return _best(models, scaled, labels, split)


def neighbours(features: Floats, labels: Labels, split: Split) -> Labels:
    """Predict types by vote of the nearest training cells, their number chosen on validation.

    Parameters
    ----------
    features, labels, split
        As in `logistic`, but not standardised.

    Returns
    -------
    predicted : ndarray of int, shape (N,)
        For every cell.
    """
    usable = [k for k in NEIGHBOURS if k <= len(split.train)]
    return _best([KNeighborsClassifier(k) for k in usable], features, labels, split)


def _best(models: list[Any], features: Floats, labels: Labels, split: Split) -> Labels:
    best, kept = -1.0, labels
    for model in models:
        guess = model.fit(features[split.train], labels[split.train]).predict(features)
        score = macro_f1(labels[split.validation], guess[split.validation])
        if score > best:
            best, kept = score, guess
    return np.asarray(kept, dtype=np.int64)


def fewer_labels(split: Split, labels: Labels, n: int, *, seed: int) -> Split:
    """Keep the labels of so many training cells, one at least of each type.

    Parameters
    ----------
    split : Split
        To thin out; validation and test stay as they are.
    labels : ndarray of int, shape (N,)
        Types.
    n : int
        Labels to keep.
    seed : int
        Decides which.

    Returns
    -------
    split : Split
        With a smaller training part; all of it where `n` is no smaller.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 30)
    >>> split = deal_cells(labels, 3, seed=0)[0]
    >>> few = fewer_labels(split, labels, 4, seed=0)
    >>> len(few.train), len(set(labels[few.train].tolist()))
    (4, 2)
    """
    if n >= len(split.train):
        return split
    order = np.random.default_rng(seed).permutation(split.train)
    first = np.unique(labels[order], return_index=True)[1]
    rest = np.delete(order, first)[: max(n - len(first), 0)]
    kept = np.sort(np.concatenate([order[first], rest]))
    return Split(kept, split.validation, split.test)
