"""More features than samples: the gap between training and test, with and without a penalty.

Design choices

- Accuracy in training minus accuracy in testing is called the gap, both as Matthews correlations.
  A gap is not a loss: both of its ends are given.
- The tuned model chooses its penalty on inner folds of the training samples alone.

References
----------
Cover 1965, Geometrical and statistical properties of systems of linear inequalities (with as many
features as samples, any labels can be told apart).
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
PENALTIES = tuple(np.logspace(-4, 1, 6))


def train_and_test(
    values: Floats, labels: Ints, train: Ints, *, tuned: bool = False
) -> tuple[float, float]:
    """Fit a linear classifier, and score it where it was trained and elsewhere.

    Parameters
    ----------
    values : ndarray of float64, shape (N, P)
        Samples by features.
    labels : ndarray of int64, shape (N,)
        Two classes.
    train : ndarray of int64
        Rows to train on; all others test.
    tuned : bool, default False
        Choose a penalty on three inner folds; else there is none.

    Returns
    -------
    train_score, test_score : float
        Matthews correlations.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 2
    >>> train_and_test(rng.normal(size=(60, 200)), labels, np.arange(30))[0]
    1.0
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e6, max_iter=100))
    if tuned:
        grid = {"logisticregression__C": PENALTIES}
        model = GridSearchCV(model, grid, cv=3, scoring="matthews_corrcoef")
    with warnings.catch_warnings():  # without a penalty the weights grow for ever; so it is stopped
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values[train], labels[train])
    test = np.setdiff1d(np.arange(len(labels)), train)
    ends = [matthews_corrcoef(labels[part], model.predict(values[part])) for part in (train, test)]
    return float(ends[0]), float(ends[1])


def gap_by_features(
    values: Floats,
    labels: Ints,
    sizes: tuple[int, ...],
    rng: np.random.Generator,
    *,
    n_train: int,
    tuned: bool = False,
    in_order: bool = False,
) -> Floats:
    """Give both scores for growing sets of features, one within the next.

    Parameters
    ----------
    values, labels
        As in `train_and_test`.
    sizes : tuple of int
        Numbers of features.
    rng : numpy.random.Generator
        Draws samples and features.
    n_train : int
        Training samples.
    tuned : bool, default False
        As in `train_and_test`.
    in_order : bool, default False
        Take features in the order of the columns, instead of one drawn at random.

    Returns
    -------
    scores : ndarray of float64, shape (len(sizes), 2)
        In training and in testing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(80) % 2
    >>> values = rng.normal(size=(80, 50)) + labels[:, None]
    >>> gap_by_features(values, labels, (5, 50), rng, n_train=40).shape
    (2, 2)
    """
    train = rng.permutation(len(labels))[:n_train]
    order = np.arange(values.shape[1]) if in_order else rng.permutation(values.shape[1])
    return np.array(
        [train_and_test(values[:, order[:p]], labels, train, tuned=tuned) for p in sizes]
    )


def shuffle_columns(values: Floats, rng: np.random.Generator, *, first: int) -> Floats:
    """Put features in random order, and shuffle all but the first ones between samples.

    Parameters
    ----------
    values : ndarray of float64, shape (N, P)
        Samples by features.
    rng : numpy.random.Generator
        Shuffles.
    first : int
        Features to leave as they are.

    Returns
    -------
    shuffled : ndarray of float64, shape (N, P)
        Every feature keeps its values; those behind the first ones have lost their samples.

    Examples
    --------
    >>> shuffled = shuffle_columns(np.arange(6.0).reshape(3, 2), np.random.default_rng(0), first=1)
    >>> sorted(shuffled.ravel().tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    shuffled = values[:, rng.permutation(values.shape[1])]
    shuffled[:, first:] = rng.permuted(shuffled[:, first:], axis=0)
    return shuffled
