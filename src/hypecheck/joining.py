"""Ways to make one vector of two measurements of a cell, and what the vector is worth.

Design choices

- Every way is fitted on training cells and applied to held-out ones; both modalities come with
  features of unit variance.
- A way's number of dimensions is chosen on draws of the world that are not used again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.cross_decomposition import CCA
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.preprocessing import StandardScaler

from hypecheck.joint_autoencoder import fit_autoencoder
from hypecheck.paired_cells import centred_log_ratio
from hypecheck.paired_worlds import PairedWorld
from hypecheck.scores import auroc

Floats = npt.NDArray[np.float64]
Parts = Sequence[npt.ArrayLike]
SINGLE = ("first", "second")
JOINED = ("concatenation", "canonical", "autoencoder")
DIMENSIONS: dict[str, tuple[int, ...]] = {
    "first": (2, 5, 8),
    "second": (2, 5, 8),
    "concatenation": (2, 5, 8),
    "canonical": (2, 3, 5),
    "autoencoder": (5, 8),
}
PENALTIES = np.logspace(-2, 3, 6)


def vectors(
    way: str, dimensions: int, train: Parts, test: Parts, *, seed: int = 0
) -> tuple[Floats, Floats]:
    """Give one vector a cell.

    Parameters
    ----------
    way : str
        "first" or "second" (principal components of one modality), "concatenation" (of both side
        by side), "canonical" (canonical correlation, the mean of both sides), "autoencoder".
    dimensions : int
        Of the vectors.
    train, test : pair of array_like, shape (N, D_m)
        The two modalities of training and of held-out cells.
    seed : int, default 0
        Of the autoencoder.

    Returns
    -------
    train, test : ndarray of float64, shape (N, dimensions)

    Raises
    ------
    ValueError
        If there is no such way.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(60, 6))
    >>> vectors("canonical", 2, (x[:40], x[:40] ** 3), (x[40:], x[40:] ** 3))[1].shape
    (20, 2)
    """
    if way == "canonical":
        space = CCA(dimensions, max_iter=1000).fit(*train)
        scalers = [StandardScaler().fit(side) for side in space.transform(*train)]
        told = [
            np.mean(
                [s.transform(x) for s, x in zip(scalers, space.transform(*part), strict=True)], 0
            )
            for part in (train, test)
        ]
        return told[0], told[1]
    if way == "autoencoder":
        fitted = fit_autoencoder(train, latent=dimensions, seed=seed)
        return fitted.embed(train), fitted.embed(test)
    chosen = {"first": (0,), "second": (1,), "concatenation": (0, 1)}.get(way)
    if chosen is None:
        raise ValueError(f"no way is called {way!r}; there are {', '.join((*SINGLE, *JOINED))}")
    both = [np.hstack([np.asarray(part[i]) for i in chosen]) for part in (train, test)]
    axes = PCA(dimensions, random_state=0).fit(both[0])
    return axes.transform(both[0]), axes.transform(both[1])


def prepared(world: PairedWorld) -> tuple[Floats, Floats]:
    """Bring both modalities of a world to features of unit variance, counts by their log ratio."""
    scaled = [
        StandardScaler().fit_transform(x) for x in (world.first, centred_log_ratio(world.second))
    ]
    return scaled[0], scaled[1]


def halves(n_cells: int) -> tuple[slice, slice]:
    """Training and held-out cells of a simulated world, which come in no order."""
    return slice(0, n_cells // 2), slice(n_cells // 2, n_cells)


def recovery(
    world: PairedWorld,
    way: str,
    dimensions: int,
    *,
    seed: int = 0,
    parts: tuple[Floats, Floats] | None = None,
) -> float:
    """Say how much of the known state can be read off the vectors of held-out cells.

    Parameters
    ----------
    world : PairedWorld
        With its truth; the vectors are made without it.
    way, dimensions, seed
        As in `vectors`.
    parts : pair of ndarray, optional
        The modalities, if they are not to be those of `prepared`.

    Returns
    -------
    r2 : float
        Of a linear reading that is learnt on the training half.
    """
    whole = prepared(world) if parts is None else parts
    train, test = halves(len(world.state))
    known, new = vectors(
        way, dimensions, [x[train] for x in whole], [x[test] for x in whole], seed=seed
    )
    reading = LinearRegression().fit(known, world.state[train])
    return float(reading.score(new, world.state[test]))


def tuned_dimensions(
    make: Callable[[int], PairedWorld], ways: Sequence[str], draws: Sequence[int]
) -> tuple[dict[str, int], str]:
    """Choose the number of dimensions of every way, and the best way to join.

    Parameters
    ----------
    make : callable
        ``make(draw)`` gives a world.
    ways : sequence of str
        As in `vectors`, among them one of `JOINED`.
    draws : sequence of int
        Draws that no result uses.

    Returns
    -------
    dimensions : dict of str to int
        By way.
    best : str
        The way of `JOINED` with the highest recovery on these draws.
    """
    worlds = {draw: make(draw) for draw in draws}
    scores = {
        (way, d): float(np.mean([recovery(worlds[i], way, d, seed=i) for i in draws]))
        for way in ways
        for d in DIMENSIONS[way]
    }
    dimensions = {way: max(DIMENSIONS[way], key=lambda d: scores[way, d]) for way in ways}
    joined = [way for way in ways if way in JOINED]
    return dimensions, max(joined, key=lambda way: scores[way, dimensions[way]])


def recoveries(
    make: Callable[[int], PairedWorld], dimensions: Mapping[str, int], draws: Sequence[int]
) -> dict[str, Floats]:
    """Read the state off the vectors of every way, on each draw of a world.

    Parameters
    ----------
    make : callable
        ``make(draw)`` gives a world.
    dimensions : mapping of str to int
        By way, e.g. from `tuned_dimensions`.
    draws : sequence of int
        Draws.

    Returns
    -------
    r2 : dict of str to ndarray, shape (n_draws,)
    """
    worlds = {draw: make(draw) for draw in draws}
    return {
        way: np.array([recovery(worlds[draw], way, size, seed=draw) for draw in draws])
        for way, size in dimensions.items()
    }


def with_missing(
    parts: tuple[Floats, Floats], rng: np.random.Generator, *, share: float = 0.5
) -> tuple[Floats, Floats]:
    """Lose the second modality in a share of the cells, and fill it in from the first.

    Parameters
    ----------
    parts : pair of ndarray, shape (N, D_m)
        Both modalities, complete.
    rng : numpy.random.Generator
        Chooses the cells.
    share : float, default .5
        Of the cells that lose it, among training and held-out cells alike.

    Returns
    -------
    parts : pair of ndarray
        The lost rows hold what a ridge regression tells, learnt on complete training cells.

    Raises
    ------
    ValueError
        If the share is not at least 0 and below 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"a share of the cells lies between 0 and 1, got {share}")
    first, second = parts
    lost = np.zeros(len(first), dtype=bool)
    lost[rng.permutation(len(first))[: round(share * len(first))]] = True
    train, _ = halves(len(first))
    complete = np.flatnonzero(~lost[train])
    told = RidgeCV(PENALTIES).fit(first[complete], second[complete]).predict(first)
    return first, np.where(lost[:, None], told, second)


def driver_recovery(world: PairedWorld, modalities: Sequence[int], *, n_cells: int = 150) -> float:
    """Say whether the weights of a linear model point to the features that follow the state.

    Parameters
    ----------
    world : PairedWorld
        With its truth.
    modalities : sequence of int
        Which the model reads, 0 and 1.
    n_cells : int, default 150
        Cells that it learns from.

    Returns
    -------
    auroc : float
        Absolute weights against the truth, over all features that the model reads.
    """
    whole = prepared(world)
    features = np.hstack([whole[m] for m in modalities])[:n_cells]
    fitted = RidgeCV(PENALTIES).fit(features, world.state[:n_cells])
    weights = np.sqrt((np.atleast_2d(fitted.coef_) ** 2).sum(axis=0))
    return float(auroc(np.concatenate([world.tied[m] for m in modalities]), weights))


def predicted_types(
    way: str,
    dimensions: int,
    parts: tuple[Floats, Floats],
    types: npt.ArrayLike,
    folds: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    classifier: Callable[[], Any],
) -> npt.NDArray[np.int64]:
    """Name the type of every held-out cell from its vector.

    Parameters
    ----------
    way, dimensions
        As in `vectors`; with 0 dimensions the features themselves are read.
    parts : pair of ndarray, shape (N, D_m)
        Both modalities.
    types : array_like of int, shape (N,)
        Labels.
    folds : sequence of pairs of ndarray
        From `paired_cells.cell_folds`.
    classifier : callable
        Gives an estimator with ``fit`` and ``predict``.

    Returns
    -------
    predicted : ndarray of int64, shape (N,)
    """
    labels = np.asarray(types, dtype=np.int64)
    found = np.zeros_like(labels)
    chosen = {"first": (0,), "second": (1,)}.get(way, (0, 1))
    for number, (train, test) in enumerate(folds):
        if dimensions:
            sides = [[x[rows] for x in parts] for rows in (train, test)]
            known, new = vectors(way, dimensions, *sides, seed=number)
        else:
            known, new = (np.hstack([parts[i][rows] for i in chosen]) for rows in (train, test))
        found[test] = classifier().fit(known, labels[train]).predict(new)
    return found
