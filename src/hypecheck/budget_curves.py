"""What the study "questions" found: which amount of data is enough, which score jumps, what pays.

Design choices

- The smallest useful amount of a seed is where its gain over its own untrained twin, a mean over
  tasks, passes zero for good, read off between the measured amounts on a logarithmic scale. A gain
  that is positive at every amount gives the smallest amount, one that never is the largest.
- A steepest step is chosen on one part of the held-out windows, as a mean over seeds, and read on
  the other: the largest of several noisy steps would look steeper than it is.
- At each budget of computing the protocol is the one with the better mean validation score.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck.ladder_result import unpack
from hypecheck.resampling import Interval
from hypecheck.scores import matthews
from hypecheck.seeds import grid_interval, seed_interval

Floats = npt.NDArray[np.float64]
Results = Mapping[str, Any]

BASES = 102  # of a window
PARTS = ("validation", "test")


def amounts(results: Results, axis: str) -> list[int]:
    """Amounts of windows on an axis, "data" or "computing", increasing."""
    return sorted({one["amount"] for one in results["models"] if one["axis"] == axis})


def scores(
    results: Results, axis: str, amount: int, protocol: str, *, part: str = "test"
) -> Floats:
    """Score the models of one amount.

    Parameters
    ----------
    results : mapping
        ``recorded.read_run("questions").results``, or what `studies.questions` gives.
    axis : {"data", "computing"}
        Which axis.
    amount : int
        Windows.
    protocol : {"frozen", "tuned"}
        Which protocol.
    part : {"test", "validation"}, default "test"
        Which rows.

    Returns
    -------
    matthews : ndarray of float64, shape (S, T)
        Matthews correlation of each seed on each task.
    """
    found = sorted(
        (one for one in results["models"] if (one["axis"], one["amount"]) == (axis, amount)),
        key=lambda one: int(one["seed"]),
    )
    if part == "validation":
        return np.array([[task["validation"] for task in one[protocol].values()] for one in found])
    truth = {name: unpack(task["y_true"]) for name, task in results["tasks"].items()}
    return np.array(
        [
            [matthews(truth[name], unpack(task["test"])) for name, task in one[protocol].items()]
            for one in found
        ]
    )


def twin_gains(results: Results) -> dict[int, Floats]:
    """Frozen score minus that of the untrained twin, (S, T), by number of distinct bases."""
    twin = scores(results, "computing", 0, "frozen")
    return {
        amount * BASES: scores(results, "data", amount, "frozen") - twin
        for amount in amounts(results, "data")
    }


def first_useful(places: npt.ArrayLike, gains: npt.ArrayLike) -> float:
    """Find where a gain passes zero for good.

    Parameters
    ----------
    places : array_like, shape (A,)
        Amounts on a logarithmic scale, increasing.
    gains : array_like, shape (A,)
        Gain at each.

    Returns
    -------
    place : float
        Between two amounts by a straight line; the first if all gains are positive, the last if the
        last one is not.

    Examples
    --------
    >>> first_useful([2, 3, 4], [-0.1, 0.1, 0.2])
    2.5
    >>> first_useful([2, 3, 4], [0.1, 0.1, 0.2]), first_useful([2, 3, 4], [0.1, 0.1, -0.2])
    (2.0, 4.0)
    """
    x, y = np.asarray(places, dtype=np.float64), np.asarray(gains, dtype=np.float64)
    below = np.flatnonzero(y <= 0)
    if not below.size:
        return float(x[0])
    last = int(below[-1])
    if last == len(y) - 1:
        return float(x[-1])
    share = -y[last] / (y[last + 1] - y[last])
    return float(x[last] + share * (x[last + 1] - x[last]))


def minimal_log_bases(results: Results) -> Interval:
    """Log10 of the bases from which on pretraining beats the twin, mean over tasks; over seeds."""
    gains = twin_gains(results)
    places = np.log10(list(gains))
    by_seed = np.stack([one.mean(axis=1) for one in gains.values()], axis=1)  # (S, A)
    return seed_interval([first_useful(places, row) for row in by_seed])


def stretch_marks(results: Results, mark: str, n_blocks: int, part: str) -> Floats:
    """Mark the filled-in stretches of the models on the axis of computing.

    Parameters
    ----------
    results : mapping
        As in `scores`.
    mark : {"right", "all right"}
        Share of bases that are right, or of stretches without a mistake.
    n_blocks : int
        Blocks of three bases in a stretch.
    part : {"validation", "test"}
        Which held-out windows.

    Returns
    -------
    marks : ndarray of float64, shape (S, A)
        By seed and amount; untrained models are left out.
    """
    rows: dict[int, list[float]] = {}
    for one in sorted(results["models"], key=lambda one: (one["seed"], one["amount"])):
        if one["axis"] == "computing" and one["amount"]:
            found = one["stretches"][part][mark][n_blocks - 1]
            rows.setdefault(one["seed"], []).append(found)
    return np.array(list(rows.values()))


def steepest_shares(results: Results, mark: str, n_blocks: int) -> Floats:
    """Share of each seed's whole rise that falls in the steepest tenfold step.

    Parameters
    ----------
    results, mark, n_blocks
        As in `stretch_marks`.

    Returns
    -------
    shares : ndarray of float64, shape (S,)
        On test windows; the step is the steepest on validation windows, as a mean over seeds. A
        seed whose marks do not rise at all has the share of an even rise.
    """
    validation, test = (
        np.diff(stretch_marks(results, mark, n_blocks, part), axis=1) for part in PARTS
    )
    step = int(validation.mean(axis=0).argmax())
    whole = test.sum(axis=1)
    even = np.full(len(test), 1 / test.shape[1])
    return np.divide(test[:, step], whole, out=even, where=whole > 0)


def best_protocols(results: Results) -> dict[int, list[str]]:
    """Protocol with the better mean validation score of each task, by windows read.

    Where no model was fine-tuned there is one protocol.
    """
    chosen = {}
    if not any("tuned" in one for one in results["models"]):
        return {n: ["frozen"] * len(results["tasks"]) for n in amounts(results, "computing")}
    for amount in amounts(results, "computing"):
        both = {
            name: scores(results, "computing", amount, name, part="validation").mean(axis=0)
            for name in ("frozen", "tuned")
        }
        better = both["tuned"] > both["frozen"]
        chosen[amount] = ["tuned" if one else "frozen" for one in better]
    return chosen


def best_scores(results: Results) -> dict[int, Floats]:
    """Test scores of those protocols, shape (S, T), by windows read."""
    found = {}
    for amount, names in best_protocols(results).items():
        both = {name: scores(results, "computing", amount, name) for name in set(names)}
        columns = [both[name][:, column] for column, name in enumerate(names)]
        found[amount] = np.column_stack(columns)
    return found


def gain_per_decade(results: Results) -> Interval:
    """Fit a line to the best protocol's score against the logarithm of the windows read.

    Parameters
    ----------
    results : mapping
        As in `scores`.

    Returns
    -------
    slope : Interval
        Matthews correlation gained for ten times more pretraining; over seeds and tasks. The
        untrained model, which no logarithm can place, is left out.
    """
    found = {amount: one for amount, one in best_scores(results).items() if amount}
    places = np.log10(list(found))
    weights = (places - places.mean()) / ((places - places.mean()) ** 2).sum()
    slopes = np.einsum("a,ast->st", weights, np.stack(list(found.values())))
    return grid_interval(slopes)
