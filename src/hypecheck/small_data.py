"""Small data read against a large reference: a few cells, a few perturbations.

Design choices

- The reference brings no labels: cells give a space, another cell line gives its responses.
- The same few examples, the same test cells and the same classifier serve both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from anndata import AnnData

Floats = npt.NDArray[np.float64]


def placed_cells(
    expression: npt.ArrayLike,
    types: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    n_few: int = 30,
    n_components: int = 10,
) -> tuple[float, float]:
    """Name cell types from a few labelled cells, in a space learnt from many cells or from the few.

    Parameters
    ----------
    expression : array_like, shape (N, G)
        Cells by genes, on a logarithmic scale.
    types : array_like, shape (N,)
        Type of each cell.
    rng : numpy.random.Generator
        Draws the few labelled cells; half of the others are the reference, half the test.
    n_few, n_components : int
        Labelled cells, and dimensions of the space.

    Returns
    -------
    with_reference, alone : float
        Macro-F1 on the test cells.

    Raises
    ------
    ValueError
        If there are not four times as many cells as labelled ones.
    """
    cells, labels = np.asarray(expression, dtype=np.float64), np.asarray(types)
    if len(cells) < 4 * n_few:
        raise ValueError(f"{len(cells)} cells are too few for {n_few} labelled ones; take fewer")
    order = rng.permutation(len(cells))
    few, others = order[:n_few], order[n_few:]
    reference, test = np.array_split(others, 2)
    scores = []
    for known in (np.concatenate([few, reference]), few):
        space = PCA(min(n_components, n_few - 1), random_state=0).fit(cells[known])
        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        head.fit(space.transform(cells[few]), labels[few])
        predicted = head.predict(space.transform(cells[test]))
        scores.append(float(f1_score(labels[test], predicted, average="macro", zero_division=0)))
    return scores[0], scores[1]


def mean_shifts(
    expression: npt.ArrayLike, perturbations: npt.ArrayLike, control: str
) -> dict[str, Floats]:
    """Mean expression of each perturbation minus that of the control.

    Parameters
    ----------
    expression : array_like, shape (N, G)
        Cells by genes.
    perturbations : array_like of str, shape (N,)
        Perturbation of each cell.
    control : str
        Name of the control.

    Returns
    -------
    shifts : dict of str to ndarray of float64, shape (G,)

    Examples
    --------
    >>> mean_shifts([[1.0], [3.0], [2.0]], ["c", "a", "c"], "c")
    {'a': array([1.5])}
    """
    cells, names = np.asarray(expression, dtype=np.float64), np.asarray(perturbations)
    base = cells[names == control].mean(axis=0)
    found = [str(name) for name in np.unique(names) if name != control]
    return {name: cells[names == name].mean(axis=0) - base for name in found}


def line_shifts(
    cells: AnnData,
    *,
    own: str = "A172",
    outside: str = "T98G",
    lines: str = "cell_type",
    perturbations: str = "perturbation",
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Mean shifts of the same perturbations in two cell lines.

    Parameters
    ----------
    cells : AnnData
        Cells of several lines, with a "control" in each.
    own, outside : str
        The two lines.
    lines, perturbations : str
        Columns of ``cells.obs``.

    Returns
    -------
    own_shifts, outside_shifts : dict of str to ndarray of float64, shape (G,)
    """
    found = []
    for line in (own, outside):
        part = cells[(cells.obs[lines] == line).to_numpy()]
        dense = part.X.toarray() if hasattr(part.X, "toarray") else np.asarray(part.X)
        found.append(mean_shifts(dense, part.obs[perturbations].astype(str), "control"))
    return found[0], found[1]


def outside_minus_own(own: dict[str, Floats], outside: dict[str, Floats]) -> Floats:
    """Predict each perturbation from the others, with and without another cell line's response.

    Parameters
    ----------
    own, outside : dict of str to ndarray of float64, shape (G,)
        Shifts of the same perturbations in two cell lines.

    Returns
    -------
    difference : ndarray of float64, shape (P,)
        Pearson correlation with the measured shift: mean of the other perturbations plus a
        multiple of what is particular to this one in the other line, minus the mean alone. The
        multiple is fitted to the other perturbations.

    Raises
    ------
    ValueError
        If the two lines share fewer than three perturbations.
    """
    names = sorted(own.keys() & outside.keys())
    if len(names) < 3:
        raise ValueError(f"the two lines share {len(names)} perturbations; three are needed")
    found = []
    for name in names:
        others = [one for one in names if one != name]
        mean, far = (np.mean([shifts[o] for o in others], axis=0) for shifts in (own, outside))
        here = np.concatenate([own[o] - mean for o in others])
        there = np.concatenate([outside[o] - far for o in others])
        multiple = float(here @ there / (there @ there))
        informed = mean + multiple * (outside[name] - far)
        scores = [np.corrcoef(guess, own[name])[0, 1] for guess in (informed, mean)]
        found.append(scores[0] - scores[1])
    return np.array(found)
