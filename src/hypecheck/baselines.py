"""Baselines that a foundation model has to beat, as scikit-learn estimators over codes.

Design choices

- Every estimator takes codes ``(N, L)`` and class labels, so that all rungs read the same input.
- Every learned baseline offers six configurations. An untuned baseline sells false wins: on one
  promoter task the choice of one constant moved the score by a quarter.
- k-mer features are square roots of counts in sparse float32: their spread is alike for rare and
  frequent words, so nothing is centred and the matrix stays sparse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.validation import check_is_fitted

from hypecheck.kmers import KmerCounts
from hypecheck.markov import MarkovModel
from hypecheck.sequences import UNKNOWN, LabelledSequences, check_codes

Labels = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Configuration = dict[str, Any]


class OneClassError(ValueError):
    """Training labels that hold a single class, so that there is nothing to tell apart."""


def check_labels(codes: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Any, Labels]:
    """Return codes and labels that a classifier can be trained on, or say why they are not.

    Parameters
    ----------
    codes : array_like of int, shape (N, L)
        Codes 0–4.
    labels : array_like, shape (N,)
        One class for each sequence.

    Returns
    -------
    codes : ndarray of uint8, shape (N, L)
    labels : ndarray, shape (N,)

    Raises
    ------
    OneClassError
        If all labels are the same.
    ValueError
        If the numbers differ, a label is NaN, or there is nothing.

    Examples
    --------
    >>> check_labels([[0, 1], [2, 3]], [1, 1])
    Traceback (most recent call last):
    ...
    hypecheck.baselines.OneClassError: all 2 labels are 1; a classifier needs two classes or more
    """
    checked, classes = check_codes(codes, ndim=2), np.asarray(labels)
    if len(checked) != len(classes) or classes.ndim != 1:
        raise ValueError(
            f"{len(checked)} sequences and labels of shape {classes.shape}; give one label each"
        )
    if classes.dtype.kind == "f" and np.isnan(classes).any():
        raise ValueError(f"{int(np.isnan(classes).sum())} labels are NaN; remove those sequences")
    if len(np.unique(classes)) < 2:
        first = classes[0] if len(classes) else "none"
        raise OneClassError(
            f"all {len(classes)} labels are {first}; a classifier needs two classes or more"
        )
    return checked, classes


class _Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The common part: predict the class whose score is largest."""

    classes_: Labels

    def predict(self, X: npt.ArrayLike) -> Labels:
        """Predict the class of each sequence.

        Parameters
        ----------
        X : array_like of int, shape (N, L)
            Codes 0–4.

        Returns
        -------
        classes : ndarray, shape (N,)
        """
        best = np.argmax(self.predict_proba(X), axis=1)
        chosen: Labels = self.classes_[best]
        return chosen

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return class probabilities, shape (N, n_classes)."""
        raise NotImplementedError


class Majority(_Classifier):
    """Chance: always say the most frequent class of the training part.

    Examples
    --------
    >>> Majority().fit([[0], [1], [2]], [0, 1, 1]).predict([[3], [3]])
    array([1, 1])
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Majority:
        """Count the classes of ``y``."""
        _, labels = check_labels(X, y)
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return the shares of the classes for every sequence, shape (N, n_classes)."""
        check_is_fitted(self)
        return np.tile(self.shares_, (len(check_codes(X, ndim=2)), 1))


class _Linear(_Classifier):
    """The common part of logistic regressions: features first, then the fit."""

    C: float
    _tolerance = 1e-3  # of the gradient; k-mer scores do not change below it, seconds do

    def _features(self, codes: Any) -> Any:
        raise NotImplementedError

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Any:
        """Compute the features and fit the weights.

        Parameters
        ----------
        X : array_like of int, shape (N, L)
            Codes 0–4.
        y : array_like, shape (N,)
            Classes.

        Returns
        -------
        self : estimator

        Raises
        ------
        OneClassError, ValueError
            As :func:`check_labels`.
        """
        codes, labels = check_labels(X, y)
        self.model_ = LogisticRegression(C=self.C, max_iter=1000, tol=self._tolerance)
        self.model_.fit(self._features(codes), labels)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return class probabilities, shape (N, n_classes)."""
        check_is_fitted(self)
        features = self._features(check_codes(X, ndim=2))
        return np.asarray(self.model_.predict_proba(features), dtype=np.float64)


class Composition(_Linear):
    """Logistic regression on the shares of A, C and G: what base content alone can tell.

    Parameters
    ----------
    C : float, default 1
        Inverse strength of the penalty.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = Composition(C=100).fit(encode(["GCGC", "GGCA", "ATTA", "AATC"]), [1, 1, 0, 0])
    >>> model.predict(encode(["GGGG", "TTTT"]))
    array([1, 0])
    """

    _tolerance = 1e-7  # shares differ by hundredths, and so gradients are small from the start

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    @classmethod
    def configurations(cls) -> list[Configuration]:
        """Return the six configurations to choose among."""
        return [{"C": C} for C in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)]

    def _features(self, codes: Any) -> Floats:
        known = np.maximum((codes != UNKNOWN).sum(axis=1), 1)
        counts = [(codes == base).sum(axis=1) for base in range(3)]
        shares: Floats = np.stack(counts, axis=1) / known[:, None]
        return shares


class KmerLogistic(_Linear):
    """Logistic regression on square roots of k-mer counts.

    Parameters
    ----------
    C : float, default .01
        Inverse strength of the penalty.
    k : int or (int, int), default (1, 6)
        Word length, or the shortest and the longest.
    canonical : bool, default False
        Whether a word and its reverse complement are one feature.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["AAGATA", "GATACC", "ACCTAA", "CCATTC"])
    >>> KmerLogistic(C=10, k=(1, 4)).fit(codes, [1, 1, 0, 0]).predict(encode(["TTGATA"]))
    array([1])
    """

    def __init__(
        self, C: float = 0.01, k: int | tuple[int, int] = (1, 6), canonical: bool = False
    ) -> None:
        self.C = C
        self.k = k
        self.canonical = canonical

    @classmethod
    def configurations(cls) -> list[Configuration]:
        """Return the six configurations to choose among."""
        return [{"C": C} for C in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)]

    def _features(self, codes: Any) -> Any:
        return KmerCounts(self.k, self.canonical).fit_transform(codes)

    def weights(self) -> dict[str, float]:
        """Return the weight of each word, heaviest first.

        Returns
        -------
        weights : dict of str to float
            Positive weights speak for the second class.

        Raises
        ------
        ValueError
            If there are more than two classes.
        """
        check_is_fitted(self)
        if len(self.classes_) != 2:
            raise ValueError(
                f"weights of {len(self.classes_)} classes have no one sign; "
                "fit two classes, or read model_.coef_, one row for each class"
            )
        names = KmerCounts(self.k, self.canonical).get_feature_names_out()
        order = np.argsort(-np.abs(self.model_.coef_[0]), kind="stable")
        return {str(names[i]): float(self.model_.coef_[0, i]) for i in order}


class KmerRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression of a number on square roots of k-mer counts.

    Parameters
    ----------
    alpha : float, default 100
        Strength of the penalty.
    k : int or (int, int), default (1, 5)
        Word length, or the shortest and the longest.
    canonical : bool, default False
        Whether a word and its reverse complement are one feature.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = KmerRidge(alpha=.1, k=1).fit(encode(["AAAA", "AACC", "CCCC"]), [0.0, 1.0, 2.0])
    >>> model.predict(encode(["AAAC"])).round(1)
    array([0.6])
    """

    def __init__(
        self, alpha: float = 100.0, k: int | tuple[int, int] = (1, 5), canonical: bool = False
    ) -> None:
        self.alpha = alpha
        self.k = k
        self.canonical = canonical

    @classmethod
    def configurations(cls) -> list[Configuration]:
        """Return the six configurations to choose among."""
        return [{"alpha": alpha} for alpha in (1.0, 10.0, 30.0, 100.0, 300.0, 1000.0)]

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> KmerRidge:
        """Fit the weights to the numbers ``y``; NaN is refused."""
        codes, target = check_codes(X, ndim=2), np.asarray(y, dtype=np.float64)
        if np.isnan(target).any():
            raise ValueError(
                f"{int(np.isnan(target).sum())} values to predict are NaN; remove those sequences"
            )
        features = KmerCounts(self.k, self.canonical).fit_transform(codes)
        self.model_ = Ridge(alpha=self.alpha).fit(features, target)
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Predict one number for each sequence, shape (N,)."""
        check_is_fitted(self)
        features = KmerCounts(self.k, self.canonical).fit_transform(check_codes(X, ndim=2))
        return np.asarray(self.model_.predict(features), dtype=np.float64)


class MarkovClassifier(_Classifier):
    """One Markov model a class; the class under which a sequence is likeliest wins.

    Parameters
    ----------
    order : int, default 3
        Bases of context.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["ACACACAC", "CACACACA", "AGAGAGAG", "GAGAGAGA"])
    >>> MarkovClassifier(order=1).fit(codes, [0, 0, 1, 1]).predict(encode(["GAGAGA"]))
    array([1])
    """

    def __init__(self, order: int = 3) -> None:
        self.order = order

    @classmethod
    def configurations(cls) -> list[Configuration]:
        """Return the six configurations to choose among."""
        return [{"order": order} for order in range(6)]

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> MarkovClassifier:
        """Fit one model to the sequences of each class."""
        codes, labels = check_labels(X, y)
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.log2_prior_ = np.log2(counts / counts.sum())
        self.models_ = [MarkovModel(self.order).fit(codes[labels == c]) for c in self.classes_]
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return posterior class probabilities, shape (N, n_classes)."""
        check_is_fitted(self)
        codes = check_codes(X, ndim=2)
        columns = [np.nansum(model.log2_probabilities(codes), axis=1) for model in self.models_]
        return _posterior(np.stack(columns, axis=1) + self.log2_prior_)


class PositionWeightMatrix(_Classifier):
    """One table of base probabilities a class and position; position is all that it knows.

    Parameters
    ----------
    order : {0, 1}, default 0
        Bases before the position that its probabilities depend on.
    pseudocount : float, default 1
        Added to every count.

    References
    ----------
    Stormo et al. (1982), "Use of the 'Perceptron' algorithm to distinguish translational
    initiation sites in E. coli", Nucleic Acids Research 10, 2997–3011.
    Zhang and Marr (1993), "A weight array method for splicing signal analysis", CABIOS 9, 499–509
    (order 1).

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> codes = encode(["CAGGTAAG", "AAGGTGAG", "TTCCATCA", "GACTTACT"])
    >>> PositionWeightMatrix().fit(codes, [1, 1, 0, 0]).predict(encode(["CAGGTGAG"]))
    array([1])
    """

    def __init__(self, order: int = 0, pseudocount: float = 1.0) -> None:
        self.order = order
        self.pseudocount = pseudocount

    @classmethod
    def configurations(cls) -> list[Configuration]:
        """Return the six configurations to choose among."""
        return [{"order": o, "pseudocount": p} for o in (0, 1) for p in (0.3, 1.0, 3.0)]

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> PositionWeightMatrix:
        """Count bases (or pairs of neighbours) at every position of every class."""
        if self.order not in (0, 1):
            raise ValueError(f"order must be 0 or 1, got {self.order}; use MarkovClassifier beyond")
        codes, labels = check_labels(X, y)
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.log2_prior_ = np.log2(counts / counts.sum())
        self.tables_ = np.stack([self._table(codes[labels == c]) for c in self.classes_])
        return self

    def _table(self, codes: Any) -> Floats:
        """Return log2 probabilities, shape (L, 5, 5): position, base before, base."""
        before = self._before(codes)
        counts = np.zeros((codes.shape[1], 5, 5))
        for position in range(codes.shape[1]):
            np.add.at(counts[position], (before[:, position], codes[:, position]), 1)
        smoothed = counts[:, :, :4] + self.pseudocount
        table = np.zeros((codes.shape[1], 5, 5))  # an unknown base says nothing: log2 of 1
        table[:, :, :4] = np.log2(smoothed / smoothed.sum(axis=2, keepdims=True))
        return table

    def _before(self, codes: Any) -> Any:
        before = np.full_like(codes, UNKNOWN)
        if self.order == 1:
            before[:, 1:] = codes[:, :-1]
        return before

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Return posterior class probabilities, shape (N, n_classes)."""
        check_is_fitted(self)
        codes = check_codes(X, ndim=2)
        if codes.shape[1] != self.tables_.shape[1]:
            raise ValueError(
                f"sequences of {codes.shape[1]} bases and a matrix of {self.tables_.shape[1]}; "
                "position matters here: align and cut them to one length"
            )
        positions = np.arange(codes.shape[1])
        scores = self.tables_[:, positions, self._before(codes), codes].sum(axis=2).T
        return _posterior(scores + self.log2_prior_)


def _posterior(log2_scores: Floats) -> Floats:
    """Turn log2 joint probabilities into posterior ones, row by row."""
    shifted = np.exp2(log2_scores - log2_scores.max(axis=1, keepdims=True))
    posterior: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return posterior


def choose_on_validation(
    estimator_class: Any,
    train: LabelledSequences,
    validation: LabelledSequences,
    metric: Callable[[Any, Any], float],
    configurations: Sequence[Configuration] | None = None,
) -> tuple[Any, Configuration, Floats]:
    """Fit every configuration and keep the one that scores best on the validation part.

    Parameters
    ----------
    estimator_class : class of this module, or alike
        ``estimator_class(**configuration)`` gives an estimator.
    train, validation : LabelledSequences
        To fit on, and to choose on.
    metric : callable
        ``metric(y_true, y_pred)``, more is better.
    configurations : sequence of dict, optional
        By default those of the class.

    Returns
    -------
    estimator : object
        The best, fitted; the first of equals.
    configuration : dict
        Its parameters.
    scores : ndarray, shape (n_configurations,)
        Validation scores of all trials.

    Raises
    ------
    ValueError
        If the validation part is empty, or the metric gives no number for a configuration.

    Examples
    --------
    >>> from sklearn.metrics import matthews_corrcoef
    >>> from hypecheck.sequences import encode
    >>> part = LabelledSequences(encode(["GCGC", "GGCA", "ATTA", "AATC"]), np.array([1, 1, 0, 0]))
    >>> _, chosen, scores = choose_on_validation(Composition, part, part, matthews_corrcoef)
    >>> chosen, len(scores)
    ({'C': 0.01}, 6)
    """
    if not len(validation):
        raise ValueError(
            "the validation part is empty, so nothing can be chosen on it; split again"
        )
    grid = list(configurations or estimator_class.configurations())
    fitted = [estimator_class(**one).fit(train.codes, train.labels) for one in grid]
    scores = np.array(
        [metric(validation.labels, one.predict(validation.codes)) for one in fitted], dtype=float
    )
    if np.isnan(scores).any():
        raise ValueError(
            f"the metric is NaN for {grid[int(np.argmax(np.isnan(scores)))]}; "
            "does the validation part hold every class? Split it by class"
        )
    best = int(np.argmax(scores))
    return fitted[best], dict(grid[best]), scores
