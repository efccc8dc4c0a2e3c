"""Two made-up batches of real cells, what they do to a model, and what correction wins back.

Design choices

- The cells are real, the batch is not: one batch is moved, genes that vary together by and large
  together, so that the truth is known and the same cells can be asked with and without the batch.
  Shifts drawn for each gene alone would cancel out in a model of hundreds of genes.
- The correction is the plainest one that is standard: centre every gene within its batch.
- How far batch and class go together in training is a dial; at one half they do not.

References
----------
Leek et al. 2010, Tackling the widespread and critical impact of batch effects in high-throughput
data, https://doi.org/10.1038/nrg2825.
Johnson, Li and Rabinovic 2007, https://doi.org/10.1093/biostatistics/kxj037 (ComBat; its location
part without shrinkage is the centring used here).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import matthews_corrcoef
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def gene_shifts(values: Floats, rng: np.random.Generator, *, size: float = 1.0) -> Floats:
    """Draw by how much the second batch moves every gene, genes that vary together as one.

    Parameters
    ----------
    values : ndarray of float64, shape (N, G)
        Cells by genes.
    rng : numpy.random.Generator
        Draws.
    size : float, default 1
        Standard deviation of the shift of a gene, in standard deviations of that gene.

    Returns
    -------
    shifts : ndarray of float64, shape (G,)
        A random mixture of the cells' deviations from their mean: normal, with the covariance of
        the genes among cells.

    Examples
    --------
    >>> gene_shifts(np.eye(3), np.random.default_rng(0), size=0.0).tolist()
    [0.0, 0.0, 0.0]
    """
    deviations = values - values.mean(axis=0)
    return np.asarray(size / np.sqrt(len(values)) * rng.normal(size=len(values)) @ deviations)


def centre_batches(values: Floats, batch: npt.ArrayLike) -> Floats:
    """Take each gene's mean within a batch away.

    Parameters
    ----------
    values : ndarray of float64, shape (N, G)
        Cells by genes.
    batch : array_like of int, shape (N,)
        The batch of each cell.

    Returns
    -------
    centred : ndarray of float64, shape (N, G)

    Examples
    --------
    >>> centre_batches(np.array([[1.0], [3.0], [10.0]]), [0, 0, 1]).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    centred, labels = values.copy(), np.asarray(batch)
    for one in np.unique(labels):
        centred[labels == one] -= values[labels == one].mean(axis=0)
    return centred


def confound(labels: Ints, share: float, rng: np.random.Generator) -> Ints:
    """Deal cells to two batches so that class and batch go together.

    Parameters
    ----------
    labels : ndarray of int64, shape (N,)
        Classes 0 and 1.
    share : float
        Chance that the batch of a cell is its class: one half for no tie, one for a full one.
    rng : numpy.random.Generator
        Deals.

    Returns
    -------
    batch : ndarray of int64, shape (N,)

    Examples
    --------
    >>> confound(np.array([0, 1, 1]), 1.0, np.random.default_rng(0)).tolist()
    [0, 1, 1]
    """
    return np.where(rng.random(len(labels)) < share, labels, 1 - labels)


def batch_scores(
    values: Floats,
    labels: Ints,
    rng: np.random.Generator,
    *,
    size: float = 1.0,
    share: float = 0.5,
    n_train: int = 150,
) -> dict[str, float]:
    """Train in one batch, or in two that go with the class, and ask across batches.

    Parameters
    ----------
    values : ndarray of float64, shape (N, G)
        Real cells by genes.
    labels : ndarray of int64, shape (N,)
        Two classes.
    rng : numpy.random.Generator
        Draws cells and batches.
    size : float, default 1
        As in `gene_shifts`.
    share : float, default .5
        .5: all training cells are of batch 0, and the question is asked of batch 1. More: the
        training cells are of both, tied to the class; the question is asked with the tie turned.
    n_train : int, default 150
        Training cells.

    Returns
    -------
    scores : dict of str to float
        Matthews correlations of the same test cells: "within" (the batch, or the tie, of training),
        "across" (the other), and "corrected" (across, all batches centred).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(200) % 2
    >>> cells = rng.normal(size=(200, 30)) + labels[:, None]
    >>> sorted(batch_scores(cells, labels, rng))
    ['across', 'corrected', 'within']
    """
    order = rng.permutation(len(labels))
    train, test = order[:n_train], order[n_train:]
    known, same = (
        np.zeros(len(part), np.int64) if share == 0.5 else confound(labels[part], share, rng)
        for part in (train, test)
    )
    other = 1 - same
    shift = gene_shifts(values, rng, size=size)

    def seen(part: Ints, batch: Ints) -> Floats:
        return values[part] + batch[:, None] * shift

    model = _fit(seen(train, known), labels[train])
    fixed = _fit(centre_batches(seen(train, known), known), labels[train])
    asked = {"within": seen(test, same), "across": seen(test, other)}
    found = {name: _score(model, one, labels[test]) for name, one in asked.items()}
    found["corrected"] = _score(fixed, centre_batches(asked["across"], other), labels[test])
    return found


def _fit(values: Floats, labels: Ints):  # type: ignore[no-untyped-def]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    return model.fit(values, labels)


def _score(model, values: Floats, labels: Ints) -> float:  # type: ignore[no-untyped-def]
    return float(matthews_corrcoef(labels, model.predict(values)))
