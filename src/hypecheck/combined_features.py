"""Word counts and a model's vectors side by side in one linear model.

Design choices

- One logistic regression reads both, so that what vectors add is not lost in a vote.
- Vectors are standardised on the training part and then scaled; the scale and the penalty are
  chosen on the validation part, with and without vectors alike.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from hypecheck.kmers import KmerCounts
from hypecheck.scores import matthews
from hypecheck.sequences import Codes, Task

PENALTIES = (0.003, 0.01, 0.03, 0.1)
SCALES = (0.1, 0.3, 1.0)

Vectors = npt.NDArray[np.floating[Any]]


def combined_predictions(
    task: Task,
    vectors: tuple[Vectors, Vectors, Vectors] | None = None,
    *,
    k: tuple[int, int] = (1, 5),
) -> npt.NDArray[np.int64]:
    """Predict the classes of a test part from word counts, and from vectors if there are any.

    Parameters
    ----------
    task : Task
        Two classes.
    vectors : tuple of ndarray, shapes (N, D), optional
        Of the training, validation and test part.
    k : (int, int), default (1, 5)
        Shortest and longest word.

    Returns
    -------
    predictions : ndarray of int, shape (N_test,)
        Classes, from the setting with the best MCC on the validation part; the first of equals.

    Raises
    ------
    ValueError
        If vectors do not fit the parts.

    Examples
    --------
    >>> from hypecheck.sequences import LabelledSequences, encode
    >>> part = LabelledSequences(encode(["GCGC", "GGCA", "ATTA", "AATC"]), np.array([1, 1, 0, 0]))
    >>> combined_predictions(Task("toy", part, part, part), k=(1, 2)).tolist()
    [1, 1, 0, 0]
    """
    parts = (task.train, task.validation, task.test)
    words = [_words(part.codes, k) for part in parts]
    added = _standardised(vectors, [len(part) for part in parts])
    best, found = -np.inf, np.zeros(len(task.test), dtype=np.int64)
    for C, scale in product(PENALTIES, SCALES if vectors is not None else (1.0,)):
        both = [
            sparse.hstack([w, scale * a]).tocsr() if a is not None else w
            for w, a in zip(words, added, strict=True)
        ]
        model = LogisticRegression(C=C, max_iter=2000).fit(both[0], task.train.labels)
        score = float(matthews(task.validation.labels, model.predict(both[1])))
        if score > best:
            best, found = score, model.predict(both[2])
    return found


def _words(codes: Codes, k: tuple[int, int]) -> Any:
    return sparse.csr_matrix(KmerCounts(k).fit_transform(codes))


def _standardised(
    vectors: tuple[Vectors, Vectors, Vectors] | None, lengths: list[int]
) -> list[Vectors] | list[None]:
    if vectors is None:
        return [None] * len(lengths)
    if [len(v) for v in vectors] != lengths:
        raise ValueError(
            f"the parts have {lengths} rows and the vectors {[len(v) for v in vectors]}; "
            "embed each part"
        )
    scaler = StandardScaler().fit(vectors[0])
    return [scaler.transform(v) for v in vectors]
