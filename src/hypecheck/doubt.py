"""Models that can say how unsure they are: logistic regression and Gaussian ridge regression.

Design choices

- The regression is a Gaussian process with a linear kernel, that is, ridge regression that knows
  how unsure it is. Its doubt does not depend on measured values, so that a batch can be chosen one
  by one: each choice lowers the doubt about its relatives.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class Learner(Protocol):
    """A model that can say how unsure it is."""

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn from labelled items, shape (n, F) and (n,)."""
        ...

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Predict items, shape (N,)."""
        ...

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Choose n of the items."""
        ...


class Logistic:
    """Logistic regression; unsure where the two classes are about as likely.

    Parameters
    ----------
    C : float, default .01
        Inverse strength of the penalty.
    balanced : bool, default False
        Let the two classes weigh the same, however rare one of them is.

    Examples
    --------
    >>> model = Logistic(C=1.0)
    >>> model.fit(np.array([[0.0], [1.0], [3.0], [4.0]]), np.array([0, 0, 1, 1]))
    >>> model.most_unsure(np.array([[0.0], [2.0], [9.0]]), 1).tolist()
    [1]
    """

    def __init__(self, C: float = 0.01, *, balanced: bool = False) -> None:
        weight = "balanced" if balanced else None
        self._model = LogisticRegression(C=C, max_iter=300, tol=1e-3, class_weight=weight)
        self._only: int | None = None

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn; of one class only, remember that class."""
        classes = np.unique(target)
        self._only = int(classes[0]) if len(classes) == 1 else None
        if self._only is None:
            self._model.fit(features, target)

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Most likely class of each item."""
        if self._only is not None:
            return np.full(len(features), self._only)
        return np.asarray(self._model.predict(features))

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Items nearest to the border between the classes."""
        if self._only is not None:
            return np.arange(n)
        margin = np.abs(self._model.decision_function(features))
        return np.argsort(margin, kind="stable")[:n].astype(np.int64)


class GaussianRidge:
    r"""Ridge regression that knows its own doubt.

    Parameters
    ----------
    penalty : float, default 3
        Variance of the noise, if weights have variance 1.

    Notes
    -----
    With labelled features X and penalty λ the doubt about x is
    :math:`x^T x - x^T X^T (X X^T + λ I)^{-1} X x`. `most_unsure` takes the largest, treats it as
    labelled, and goes on (greedy choice of the largest posterior variance).

    References
    ----------
    Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, chapter 2.

    Examples
    --------
    >>> model = GaussianRidge(penalty=0.1)
    >>> model.fit(np.array([[1.0, 0.0]]), np.array([2.0]))
    >>> model.most_unsure(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 2).tolist()
    [1, 0]
    """

    def __init__(self, penalty: float = 3.0) -> None:
        self._penalty = penalty

    def fit(self, features: Floats, target: npt.NDArray[np.generic]) -> None:
        """Learn weights and the mean."""
        self._known = features
        self._factor = cho_factor(features @ features.T + self._penalty * np.eye(len(features)))
        values = np.asarray(target, dtype=np.float64)
        self._mean = float(values.mean())
        self._weights = features.T @ cho_solve(self._factor, values - self._mean)

    def predict(self, features: Floats) -> npt.NDArray[np.generic]:
        """Mean of the posterior."""
        return np.asarray(features @ self._weights + self._mean)

    def most_unsure(self, features: Floats, n: int) -> Rows:
        """Items of the largest posterior variance, one after the other."""
        cross = features @ self._known.T  # (N, n_labelled)
        solved = cho_solve(self._factor, cross.T)  # (n_labelled, N)
        doubt = (features**2).sum(axis=1) - (cross * solved.T).sum(axis=1)
        chosen = np.empty(n, dtype=np.int64)
        lowered = np.empty((n, len(features)))  # its squares are what each choice takes away
        for place in range(n):
            best = int(doubt.argmax())
            column = features @ features[best] - cross @ solved[:, best]
            column -= lowered[:place].T @ lowered[:place, best]
            lowered[place] = column / np.sqrt(column[best] + self._penalty)
            doubt = doubt - lowered[place] ** 2
            chosen[place] = best
            doubt[chosen[: place + 1]] = -np.inf
        return chosen
