"""A made-up cell of two layers in which the second one lags behind the first.

Design choices

- Hidden drivers wander. The first layer (say, open chromatin) shows two of them now; the second
  (say, transcripts) shows two of them as they were some steps ago. The fate of the cell is the sum
  of all three now.
- A model of both layers learns where they march in step, and is asked where one lags. The one that
  is aware of the lag sees a short history instead of a snapshot, and learns where lags vary.

References
----------
Hamilton 1994, Time Series Analysis, chapter 3 (autoregressive processes).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeCV

Floats = npt.NDArray[np.float64]
PENALTIES = np.logspace(-2, 3, 6)


def two_layers(
    n_cells: int,
    lag: int,
    rng: np.random.Generator,
    *,
    memory: float = 0.9,
    noise: float = 0.5,
    n_features: int = 10,
    history: int = 8,
) -> tuple[Floats, Floats, Floats]:
    """Draw cells with two layers of features and one outcome.

    Parameters
    ----------
    n_cells, lag : int
        Cells, and steps by which the second layer is behind.
    rng : numpy.random.Generator
        Source of randomness.
    memory : float, default .9
        Correlation of the driver with itself a step before.
    noise : float, default .5
        Standard deviation of the measurements; that of the drivers is one.
    n_features : int, default 10
        Of each layer; each is a known mixture of three drivers and noise.
    history : int, default 8
        Snapshots of both layers, the last one now.

    Returns
    -------
    first, second : ndarray of float64, shape (n_cells, history, n_features)
        Layers, oldest snapshot first.
    outcome : ndarray of float64, shape (n_cells,)
        Sum of the three drivers as they are now, and noise.

    Examples
    --------
    >>> first, second, outcome = two_layers(5, 2, np.random.default_rng(0))
    >>> first.shape, second.shape, outcome.shape
    ((5, 8, 10), (5, 8, 10), (5,))
    """
    length, fresh = history + lag, np.sqrt(1 - memory**2)
    drivers = np.empty((n_cells, length, 3))
    drivers[:, 0] = rng.normal(size=(n_cells, 3))
    for step in range(1, length):
        drivers[:, step] = memory * drivers[:, step - 1] + fresh * rng.normal(size=(n_cells, 3))
    mixing = np.random.default_rng(0).normal(size=(2, 3, n_features))  # the same cell biology
    mixing[0, 2] = mixing[1, 0] = 0.0  # each layer is blind to one driver
    shape = (n_cells, history, n_features)
    first = drivers[:, lag:] @ mixing[0] + noise * rng.normal(size=shape)
    second = drivers[:, :history] @ mixing[1] + noise * rng.normal(size=shape)
    return first, second, drivers[:, -1].sum(axis=1) + noise * rng.normal(size=n_cells)


def lag_scores(lag: int, rng: np.random.Generator, *, n_cells: int = 2000) -> dict[str, float]:
    """Score models of both layers when the second one lags.

    Parameters
    ----------
    lag : int
        Steps behind, in the cells that are asked about.
    rng : numpy.random.Generator
        Source of randomness.
    n_cells : int, default 2000
        To train on, and to ask about.

    Returns
    -------
    scores : dict of str to float
        Pearson correlations: "in step" (snapshot model, no lag), "lagging" (the same model, lag),
        "retrained" (a snapshot model trained on lagging cells), "aware" (trained on lagging cells,
        sees the history of both layers) and "first layer" alone.

    Examples
    --------
    >>> found = lag_scores(4, np.random.default_rng(0), n_cells=300)
    >>> found["in step"] > found["lagging"]
    True
    """

    def snapshot(cells: tuple[Floats, Floats, Floats]) -> Floats:
        return np.hstack([cells[0][:, -1], cells[1][:, -1]])

    def whole(cells: tuple[Floats, Floats, Floats]) -> Floats:
        return np.hstack([one.reshape(len(one), -1) for one in cells[:2]])

    def score(see, train, test) -> float:  # type: ignore[no-untyped-def]
        predicted = RidgeCV(PENALTIES).fit(see(train), train[2]).predict(see(test))
        return float(np.corrcoef(predicted, test[2])[0, 1])

    together = [two_layers(n_cells, 0, rng) for _ in range(2)]
    apart = [two_layers(n_cells, lag, rng) for _ in range(2)]
    return {
        "in step": score(snapshot, *together),
        "lagging": score(snapshot, together[0], apart[1]),
        "retrained": score(snapshot, *apart),
        "aware": score(whole, *apart),
        "first layer": score(lambda cells: cells[0][:, -1], together[0], apart[1]),
    }
