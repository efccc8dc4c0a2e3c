"""Scores that scikit-learn and SciPy lack: for many resamples at once, and for biology.

Design choices

- `matthews`, `accuracy`, `auroc` and `pearson` are scikit-learn's and SciPy's numbers, item by item
  the same. What they add is ``weighted(y_true, y_score, counts)``, the score under every row of a
  block of resampling counts in a few matrix products: what `hypecheck.resampling` looks for.
- Nothing here knows of resampling; a score is a function of arrays.
- Losses are in nats going in and bits coming out, and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, rel_entr

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WeightedScore:
    """A score that can be had for many weightings of the same items at once.

    Parameters
    ----------
    name : str
        What the score is called.
    weighted : callable
        ``weighted(y_true, y_score, counts) -> (B,)`` for counts of shape (B, N).

    Examples
    --------
    >>> truth, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> accuracy(truth, predicted)
    0.75
    >>> accuracy.weighted(truth, predicted, np.array([[1, 1, 1, 1], [2, 0, 1, 1]])).tolist()
    [0.75, 1.0]
    """

    name: str
    weighted: Callable[[Array, Array, Array], Floats]

    def __call__(self, y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
        """Score every item once.

        Parameters
        ----------
        y_true, y_score : array_like, shape (N,)
            True and predicted values.

        Returns
        -------
        score : float
            The score.

        Raises
        ------
        ValueError
            If the arrays are empty, or not two rows of one length.
        """
        truth, predicted = np.asarray(y_true), np.asarray(y_score)
        if truth.ndim != 1 or truth.shape != predicted.shape or truth.size == 0:
            raise ValueError(
                f"{self.name} needs two rows of one length, got shapes {truth.shape} and "
                f"{predicted.shape}; pass predicted classes or scores, one for each item"
            )
        return float(self.weighted(truth, predicted, np.ones((1, truth.size)))[0])


def _confusion(y_true: Array, y_pred: Array, counts: Array) -> Floats:
    """Give confusion tables (B, C, C): true class by predicted class."""
    classes, codes = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    n_classes, n_items = len(classes), len(y_true)
    cells = codes[:n_items] * n_classes + codes[n_items:]
    used, column = np.unique(cells, return_inverse=True)
    indicator = np.zeros((n_items, len(used)), dtype=np.float32)
    indicator[np.arange(n_items), column] = 1
    tables = np.zeros((len(counts), n_classes**2))
    tables[:, used] = counts.astype(np.float32, copy=False) @ indicator  # whole below 2**24: exact
    return tables.reshape(len(counts), n_classes, n_classes)


def _accuracy(y_true: Array, y_pred: Array, counts: Array) -> Floats:
    return np.asarray(counts @ (y_true == y_pred) / counts.sum(axis=1), dtype=np.float64)


def _matthews(y_true: Array, y_pred: Array, counts: Array) -> Floats:
    """Gorodkin's R_K from the confusion table; 0 where it is undefined, as in scikit-learn."""
    tables = _confusion(y_true, y_pred, counts)  # (B, C, C)
    total = tables.sum(axis=(1, 2))
    of_true, of_pred = tables.sum(axis=2), tables.sum(axis=1)  # (B, C)
    right = np.trace(tables, axis1=1, axis2=2)
    covariance = right * total - (of_true * of_pred).sum(axis=1)
    variance_true = total**2 - (of_true**2).sum(axis=1)
    variance_pred = total**2 - (of_pred**2).sum(axis=1)
    scale = np.sqrt(variance_true * variance_pred)
    return np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)


def _auroc(y_true: Array, y_score: Array, counts: Array) -> Floats:
    """Weighted Mann–Whitney statistic, ties counting half; NaN where a class is absent."""
    order = np.argsort(y_score, kind="stable")
    _, starts = np.unique(y_score[order], return_index=True)
    ordered = counts[:, order].astype(np.float64)  # (B, N)
    positive = np.add.reduceat(ordered * (y_true[order] == 1), starts, axis=1)  # (B, scores)
    negative = np.add.reduceat(ordered, starts, axis=1) - positive
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (positive * below).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def _checked_auroc(y_true: Array, y_score: Array, counts: Array) -> Floats:
    strangers = np.setdiff1d(y_true, [0, 1])
    if strangers.size:
        raise ValueError(f"auroc needs classes 0 and 1, got {strangers[:3].tolist()} in y_true")
    return _auroc(y_true, y_score, counts)


def _pearson(y_true: Array, y_score: Array, counts: Array) -> Floats:
    """Weighted correlation from sums of squares; NaN where a side does not vary."""
    x = np.asarray(y_true, dtype=np.float64)
    y = np.asarray(y_score, dtype=np.float64)
    x, y = x - x.mean(), y - y.mean()  # keeps the sums of squares small
    x, y = x / (np.abs(x).max() or 1.0), y / (np.abs(y).max() or 1.0)
    sums = counts @ np.stack([x, y, x * x, y * y, x * y], axis=1) / counts.sum(axis=1)[:, None]
    mean_x, mean_y, xx, yy, xy = sums.T  # each (B,)
    variances = np.maximum(xx - mean_x**2, 0) * np.maximum(yy - mean_y**2, 0)
    flat = variances <= 1e-28
    r = np.divide(xy - mean_x * mean_y, np.sqrt(variances), where=~flat, out=np.zeros_like(xx))
    return np.where(flat, np.nan, np.clip(r, -1.0, 1.0))


accuracy = WeightedScore("accuracy", _accuracy)
"""Share of items whose predicted class is the true one."""

matthews = WeightedScore("matthews", _matthews)
"""Matthews correlation of classes, two or more: ``sklearn.metrics.matthews_corrcoef``, batched.

References: Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation
coefficient", Computational Biology and Chemistry 28, 367–374.
"""

auroc = WeightedScore("auroc", _checked_auroc)
"""Area under the ROC curve, classes 0 and 1: ``sklearn.metrics.roc_auc_score``, batched."""

pearson = WeightedScore("pearson", _pearson)
"""Pearson correlation: ``scipy.stats.pearsonr``, batched."""


def pearson_delta(
    predicted: npt.ArrayLike, observed: npt.ArrayLike, control: npt.ArrayLike
) -> Floats:
    """Pearson correlation of predicted and observed change from control.

    Parameters
    ----------
    predicted, observed : array_like, shape (..., genes)
        Expression after a perturbation.
    control : array_like, shape (genes,) or broadcastable
        Expression without it.

    Returns
    -------
    correlation : ndarray of float64, shape (...)
        NaN where nothing changes, as for the prediction "no change".

    Raises
    ------
    ValueError
        If the last axes differ or have fewer than two genes.

    Notes
    -----
    The correlation of raw expression is high for any prediction, since genes differ more from one
    another than conditions do; the change is what a method of perturbation must get right.

    References
    ----------
    Ahlmann-Eltze, Huber and Anders (2025), "Deep-learning-based gene perturbation effect prediction
    does not yet outperform simple linear baselines", Nature Methods 22, 1657–1661.

    Examples
    --------
    >>> control = [5.0, 1.0, 3.0]
    >>> pearson_delta([6.0, 1.0, 3.0], [7.0, 1.0, 3.0], control).item()
    1.0
    """
    base = np.asarray(control, dtype=np.float64)
    change = np.asarray(predicted, dtype=np.float64) - base
    truth = np.asarray(observed, dtype=np.float64) - base
    if change.shape[-1] != truth.shape[-1] or truth.shape[-1] < 2:
        raise ValueError(
            f"predicted and observed must share a last axis of 2 or more genes, got "
            f"{change.shape} and {truth.shape}"
        )
    change = change - change.mean(axis=-1, keepdims=True)
    truth = truth - truth.mean(axis=-1, keepdims=True)
    scale = np.sqrt((change**2).sum(axis=-1) * (truth**2).sum(axis=-1))
    product = (change * truth).sum(axis=-1)
    return np.divide(product, scale, out=np.full(np.shape(scale), np.nan), where=scale > 0)


def discrimination_rank(
    predicted: npt.ArrayLike,
    observed: npt.ArrayLike,
    *,
    distance: Literal["l1", "l2"] = "l1",
) -> Floats:
    """Tell how well each prediction picks its own perturbation out of all.

    Parameters
    ----------
    predicted, observed : array_like, shape (P, genes)
        Row i of both belongs to perturbation i.
    distance : {"l1", "l2"}, default "l1"
        Sum of absolute differences, or Euclidean distance.

    Returns
    -------
    rank : ndarray of float64, shape (P,)
        Share of the other perturbations whose truth is farther from the prediction than its own;
        equal distances count half. 1 is perfect, .5 is chance.

    Raises
    ------
    ValueError
        If shapes differ or there are fewer than two perturbations.

    References
    ----------
    Wu et al. (2024), "PerturBench: benchmarking machine learning models for cellular perturbation
    analysis", arXiv:2408.10609, rank metrics.

    Examples
    --------
    >>> discrimination_rank([[0.0, 1.0], [1.0, 0.2]], [[0.0, 2.0], [3.0, 0.0]]).tolist()
    [1.0, 1.0]
    """
    guess = np.asarray(predicted, dtype=np.float64)
    truth = np.asarray(observed, dtype=np.float64)
    if guess.ndim != 2 or guess.shape != truth.shape or len(guess) < 2:
        raise ValueError(
            f"predicted and observed must have one shape (perturbations >= 2, genes), got "
            f"{guess.shape} and {truth.shape}"
        )
    if distance not in ("l1", "l2"):
        raise ValueError(f"distance must be 'l1' or 'l2', got {distance!r}")
    order = 1 if distance == "l1" else 2
    rank = np.empty(len(guess))
    for number, row in enumerate(guess):
        gaps = np.linalg.norm(truth - row, ord=order, axis=1)  # (P,)
        tied = np.isclose(gaps, gaps[number], rtol=1e-12, atol=0)
        farther = np.sum((gaps > gaps[number]) & ~tied)
        rank[number] = (farther + (tied.sum() - 1) / 2) / (len(guess) - 1)
    return rank


def jensen_shannon_distance(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Square root of the Jensen–Shannon divergence in bits, between 0 and 1.

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Probabilities along the last axis; the other axes broadcast, so that
        ``jensen_shannon_distance(p[:, None], p[None])`` compares all pairs.

    Returns
    -------
    distance : ndarray of float64, shape (...)
        0 for equal distributions, 1 for disjoint ones.

    Raises
    ------
    ValueError
        If a row is no distribution: SciPy's function would silently make it one.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37, 145–151. Endres and Schindelin (2003), "A new metric for probability distributions",
    the same journal 49, 1858–1860.

    Examples
    --------
    >>> jensen_shannon_distance([1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]).tolist()
    [0.0, 1.0]
    """
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    for rows in (left, right):
        if (rows < 0).any() or not np.allclose(rows.sum(axis=-1), 1.0, atol=1e-4):
            raise ValueError(
                "p and q must be probabilities that sum to 1 along the last axis; apply softmax to "
                "logits first"
            )
    middle = (left + right) / 2
    nats = (rel_entr(left, middle) + rel_entr(right, middle)).sum(axis=-1) / 2
    return np.asarray(np.sqrt(np.maximum(nats, 0) / np.log(2)))


def bits_per_base(nats_per_token: npt.ArrayLike, bases_per_token: float = 1.0) -> Floats:
    """Turn a token's loss into bits per base, the footing on which tokenizers compare.

    Parameters
    ----------
    nats_per_token : array_like
        Mean cross-entropy, natural logarithm.
    bases_per_token : float, default 1
        Mean number of bases that a token stands for.

    Returns
    -------
    bits : ndarray of float64
        2 for the uniform guess over four bases.

    Raises
    ------
    ValueError
        If `bases_per_token` is not positive.

    Examples
    --------
    >>> bits_per_base(np.log(4096), bases_per_token=6).item()
    2.0
    """
    if not bases_per_token > 0:
        raise ValueError(f"bases_per_token must be positive, got {bases_per_token}")
    return np.asarray(nats_per_token, dtype=np.float64) / np.log(2) / bases_per_token


def learnable_gap_share(loss: float, *, unigram: float, best: float) -> float:
    """Share of what can be learnt from context that a language model has learnt.

    Parameters
    ----------
    loss : float
        The model's loss on held-out data.
    unigram : float
        Loss of the table of token frequencies, in the same units.
    best : float
        Loss of the best reference known, in the same units.

    Returns
    -------
    share : float
        ``(unigram − loss) / (unigram − best)``: 0 has learnt frequencies only, 1 equals the
        reference; may be negative or exceed 1.

    Raises
    ------
    ValueError
        If the reference is no better than the frequencies: then there is no gap to share.

    Examples
    --------
    >>> learnable_gap_share(1.96, unigram=2.0, best=1.92)
    0.5
    """
    if not best < unigram:
        raise ValueError(
            f"best ({best}) must be lower than unigram ({unigram}); no reference has learnt "
            "anything here, so no share can be told"
        )
    return round((unigram - loss) / (unigram - best), 12)


def expected_best(scores: npt.ArrayLike) -> Floats:
    """Estimate the best validation score to expect after 1, 2, … N of the N trials made.

    Parameters
    ----------
    scores : array_like, shape (N,)
        One validation score for each configuration tried; higher is better.

    Returns
    -------
    best : ndarray of float64, shape (N,)
        ``best[n - 1]``: mean, over all choices of n trials, of the best among them.

    Raises
    ------
    ValueError
        If there is no score, or one is not finite.

    Notes
    -----
    The i-th smallest score is the best of n with probability C(i − 1, n − 1) / C(N, n). Dodge et
    al. draw the n trials with replacement, which is biased downwards.

    References
    ----------
    Dodge et al. (2019), "Show your work: improved reporting of experimental results", EMNLP,
    2185–2194. Tang et al. (2020), "Showing your work doesn't always work", ACL,
    2766–2772 (the unbiased estimator used here).

    Examples
    --------
    >>> expected_best([0.1, 0.3, 0.2]).round(3).tolist()
    [0.2, 0.267, 0.3]
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    if ordered.ndim != 1 or ordered.size == 0 or not np.isfinite(ordered).all():
        raise ValueError(
            f"scores must be one row of finite numbers, got shape {ordered.shape}; leave failed "
            "trials out and say how many there were"
        )
    n_trials = len(ordered)
    i = np.arange(1, n_trials + 1)  # order of the score
    n = i[:, None]  # trials made
    with np.errstate(invalid="ignore"):
        chance = np.exp(_log_choose(i - 1, n - 1) - _log_choose(np.full(1, n_trials), n))
    return np.asarray(np.where(i >= n, chance, 0.0) @ ordered)


def _log_choose(n: npt.NDArray[np.int64], k: npt.NDArray[np.int64]) -> Floats:
    """Logarithm of the binomial coefficient, for 0 <= k <= n."""
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1))
