"""Cross-validation that keeps relatives together: for sets of which only one half is at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from hypecheck import scores
from hypecheck.resampling import Interval, bootstrap_interval
from hypecheck.sequences import LabelledSequences
from hypecheck.splits import homology_clusters


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What a model scores on sequences none of whose relatives it was trained on.

    Attributes
    ----------
    accuracy, mcc : Interval
        Pooled over the folds, with cluster-bootstrap intervals over the groups.
    n, n_groups, n_copies : int
        Sequences scored, groups of relatives, and exact copies removed beforehand.
    n_folds : int
        Folds.
    predictions : ndarray, shape (n,)
        Each by the model that did not see the group.
    """

    accuracy: Interval
    mcc: Interval
    n: int
    n_groups: int
    n_copies: int
    n_folds: int
    predictions: npt.NDArray[Any]

    def sentence(self) -> str:
        """Say it in one sentence."""
        return (
            f"Without {self.n_copies:,} copies, {self.n:,} sequences form {self.n_groups:,} groups "
            f"of relatives; cross-validated over {self.n_folds} folds that keep groups together, "
            f"accuracy is {self.accuracy} and MCC {self.mcc}."
        )


def grouped(
    sequences: LabelledSequences,
    estimator: Any,
    *,
    rng: np.random.Generator,
    n_folds: int = 5,
    groups: npt.ArrayLike | None = None,
) -> CrossValidation:
    """Cross-validate an estimator with homologous sequences on one side of every split.

    Parameters
    ----------
    sequences : LabelledSequences
        Of one heap; exact copies after the first are left out.
    estimator : object
        With ``fit(codes, labels)`` and ``predict(codes)``; it is cloned for every fold.
    rng : numpy.random.Generator
        Shuffles the folds and draws the resamples.
    n_folds : int, default 5
        Folds.
    groups : array_like of int, shape (N,), optional
        Groups to keep together; by default homology clusters.

    Returns
    -------
    result : CrossValidation

    Raises
    ------
    ValueError
        If there are fewer groups than folds.

    Examples
    --------
    >>> from hypecheck.baselines import KmerLogistic
    >>> rng = np.random.default_rng(0)
    >>> codes, labels = rng.integers(0, 4, (60, 30)).astype(np.uint8), np.arange(60) % 2
    >>> codes[labels == 1, 5:11] = [2, 0, 3, 0, 1, 0]
    >>> result = grouped(LabelledSequences(codes, labels), KmerLogistic(C=1, k=(1, 4)), rng=rng)
    >>> result.n, result.n_groups, result.accuracy.estimate > 0.8
    (60, 60, True)
    """
    first = np.sort(np.unique(sequences.codes, axis=0, return_index=True)[1])
    kept = sequences.take(first)
    together = homology_clusters(kept.codes) if groups is None else np.asarray(groups)[first]
    n_groups = len(np.unique(together))
    if n_groups < n_folds:
        raise ValueError(
            f"{n_groups} groups of relatives cannot fill {n_folds} folds; "
            "ask for fewer folds, or bring more unrelated sequences"
        )
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=int(rng.integers(2**31)))
    predictions = np.empty_like(kept.labels)
    for train, test in folds.split(kept.codes, kept.labels, together):
        fitted = clone(estimator).fit(kept.codes[train], kept.labels[train])
        predictions[test] = fitted.predict(kept.codes[test])
    accuracy, mcc = (
        bootstrap_interval(metric, kept.labels, predictions, rng=rng, groups=together)
        for metric in (scores.accuracy, scores.matthews)
    )
    n_copies = len(sequences) - len(kept)
    return CrossValidation(accuracy, mcc, len(kept), n_groups, n_copies, n_folds, predictions)
