"""What the study "reach" found: slopes, steps, distances and gains with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.ladder_result import unpack
from hypecheck.resampling import Interval, seeds_and_items_interval
from hypecheck.scores import matthews
from hypecheck.seeds import seed_interval

Floats = npt.NDArray[np.float64]
Results = Mapping[str, Any]
CLASS_ONE = 128
SOLVED = 0.95


def by_size(results: Results, key: str) -> dict[int, list[Any]]:
    """Gather what the seeds found, by number of bases to pretrain on.

    Parameters
    ----------
    results : mapping
        ``recorded.read_run("reach").results``.
    key : {"bits_per_base", "probability"}
        What to gather.

    Returns
    -------
    found : dict of int to list
        One entry for each seed, in the order of the seeds.
    """
    sizes: dict[int, list[Any]] = {}
    for cell in sorted(results["sizes"], key=lambda cell: (cell["bases"], cell["seed"])):
        sizes.setdefault(cell["bases"], []).append(cell[key])
    return sizes


def loss_curve(results: Results) -> dict[int, Interval]:
    """Held-out masked loss in bits per base, by number of bases; interval over seeds."""
    return {size: seed_interval(found) for size, found in by_size(results, "bits_per_base").items()}


def size_predictions(results: Results) -> dict[int, npt.NDArray[np.uint8]]:
    """Predicted classes of the frozen models, shape (S, N), by number of bases."""
    found = by_size(results, "probability")
    return {
        size: (np.stack([unpack(one) for one in runs]) >= CLASS_ONE).astype(np.uint8)
        for size, runs in found.items()
    }


def score_curve(results: Results) -> dict[int, Interval]:
    """Matthews correlation of the frozen models, by number of bases; over seeds and items."""
    truth, groups = unpack(results["y_true"]), unpack(results["groups"])
    rng = np.random.default_rng(0)
    return {
        size: seeds_and_items_interval(matthews, truth, runs, rng=rng, groups=groups)
        for size, runs in size_predictions(results).items()
    }


def score_per_decade(
    truth: npt.ArrayLike,
    predictions: Mapping[int, npt.NDArray[np.uint8]],
    *,
    groups: npt.ArrayLike | None = None,
) -> Interval:
    """Fit a line to score against the logarithm of the number of bases.

    Parameters
    ----------
    truth : array_like, shape (N,)
        Classes of the test items.
    predictions : mapping of int to ndarray, shape (S, N)
        Predicted classes by number of bases, the same seeds each.
    groups : array_like, shape (N,), optional
        Groups of test items, resampled whole.

    Returns
    -------
    slope : Interval
        Matthews correlation gained for ten times more bases; over seeds and items.
    """
    places = np.log10(list(predictions))
    centred = places - places.mean()
    weights = centred / (centred**2).sum()

    def slope(true: npt.NDArray[Any], columns: npt.NDArray[Any]) -> float:
        scores = [matthews(true, column) for column in columns.T]
        return float(weights @ np.array(scores))

    stacked = np.stack(list(predictions.values()), axis=-1)  # (S, N, n_sizes)
    rng = np.random.default_rng(0)
    return seeds_and_items_interval(slope, truth, stacked, rng=rng, groups=groups, n_resamples=300)


def steepest_share(losses: npt.ArrayLike) -> Interval:
    """Say which share of a whole improvement falls in its steepest step.

    Parameters
    ----------
    losses : array_like, shape (S, n_sizes)
        Loss of each seed, from the fewest bases to the most; less is better.

    Returns
    -------
    share : Interval
        Of the seeds' shares; a smooth improvement over n steps has 1 / n.

    Examples
    --------
    >>> print(steepest_share([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]))
    .500 [.500, .500]
    """
    array = np.asarray(losses, dtype=np.float64)
    steps = -np.diff(array, axis=1)
    return seed_interval(steps.max(axis=1) / (array[:, 0] - array[:, -1]))


def solved_distance(results: Results) -> int:
    """Largest distance in bases that every seed solved, together with all shorter ones; 0: none."""
    worst: dict[int, float] = {}
    for cell in results["planted"]:
        distance = cell["distance"]
        worst[distance] = min(worst.get(distance, 1.0), cell["accuracy"])
    solved = 0
    for distance in sorted(worst):
        if worst[distance] < SOLVED:
            break
        solved = distance
    return solved


def context_gain(results: Results) -> Interval:
    """Bits per base that the longest context saves against the shortest; over seeds and windows."""
    rows = {
        context: np.array(
            [c["bits_per_base"] for c in results["context"] if c["context"] == context]
        )
        for context in sorted({cell["context"] for cell in results["context"]})
    }
    saved = rows[min(rows)] - rows[max(rows)]  # (S, windows)
    return seeds_and_items_interval(
        lambda _, values: float(np.mean(values)),
        np.zeros(saved.shape[1]),
        saved,
        rng=np.random.default_rng(0),
    )
