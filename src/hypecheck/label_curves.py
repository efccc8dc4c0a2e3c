"""Curves of score against number of labels, read from a record of the study "labels".

Design choices

- Every interval is over seeds (models and draws of labels at once) and test items; look-alikes
  among the test items are resampled together.
- "The best pretrained protocol" is chosen on the validation part, never on the test part.
- Labels needed for a score are read off a curve that is made to rise, linear in the logarithm of
  the number of labels. Where a curve does not reach the score, its last number stands in, which
  moves a ratio towards 1, never away from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import isotonic_regression

from hypecheck.ladder_result import RESAMPLING_SEED, unpack
from hypecheck.resampling import Interval, paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import matthews
from hypecheck.seeds import seed_interval

CLASS_ONE = 128  # a stored probability of 128 / 256 and more
Results = Mapping[str, Any]


def label_predictions(
    results: Results, task: str, rung: str, count: int, *, noisy: bool = False
) -> npt.NDArray[np.uint8]:
    """Give the predicted classes on the test part, one row for each seed.

    Parameters
    ----------
    results : mapping
        ``recorded.read_run("labels").results``, or what `studies.labels.label_results` gives.
    task, rung : str
        E.g. "gue/tf/0" and "kmer_linear".
    count : int
        Number of labels.
    noisy : bool, default False
        On the copy of the test part with simulated sequencing errors.

    Returns
    -------
    classes : ndarray of uint8, shape (S, N)

    Raises
    ------
    ValueError
        If the record has no such rung, number or copy.
    """
    rungs = results["tasks"].get(task, {}).get("rungs", {})
    cell = rungs.get(rung, {}).get(str(count))
    packed = cell and cell["probability_noisy" if noisy else "probability"]
    if not packed:
        there = "; ".join(f"{name}: {', '.join(found)}" for name, found in rungs.items())
        what = f"{task!r}, {rung!r} with {count} labels" + (", noisy" if noisy else "")
        raise ValueError(f"no predictions for {what}; there are {there or 'none of that task'}")
    return (unpack(packed) >= CLASS_ONE).astype(np.uint8)


def label_counts(results: Results, task: str, rung: str) -> list[int]:
    """Numbers of labels at which a rung was climbed, increasing."""
    return sorted(int(count) for count in results["tasks"][task]["rungs"][rung])


def label_curve(results: Results, task: str, rung: str) -> dict[int, Interval]:
    """Score one rung at each number of labels.

    Parameters
    ----------
    results, task, rung
        As in `label_predictions`.

    Returns
    -------
    curve : dict of int to Interval
        Matthews correlation by number of labels.
    """
    truth, groups = _truth(results, task)
    return {
        count: seeds_and_items_interval(
            matthews,
            truth,
            label_predictions(results, task, rung, count),
            rng=np.random.default_rng(RESAMPLING_SEED),
            groups=groups,
            n_resamples=500,
        )
        for count in label_counts(results, task, rung)
    }


def label_gain(results: Results, task: str, count: int, rung: str, over: str) -> Interval:
    """Compare two rungs with the same labels.

    Parameters
    ----------
    results, task
        As in `label_predictions`.
    count : int
        Number of labels.
    rung, over : str
        The difference is the score of `rung` minus that of `over`.

    Returns
    -------
    difference : Interval
        Of Matthews correlations, paired over seeds and items.
    """
    truth, groups = _truth(results, task)
    return paired_seeds_and_items(
        matthews,
        truth,
        label_predictions(results, task, rung, count),
        label_predictions(results, task, over, count),
        rng=np.random.default_rng(RESAMPLING_SEED),
        groups=groups,
    )


def robustness_gain(results: Results, task: str, count: int, rung: str, over: str) -> Interval:
    """Say how much less a rung loses to sequencing errors than another.

    Parameters
    ----------
    results, task, count, rung, over
        As in `label_gain`; the record must hold the noisy copy for that number of labels.

    Returns
    -------
    difference : Interval
        Loss of `over` minus loss of `rung`, each the Matthews correlation on the clean test part
        minus that on the noisy one; positive where `rung` is the more robust.
    """
    truth, groups = _truth(results, task)
    pairs = [
        np.stack(
            [label_predictions(results, task, one, count, noisy=noisy) for noisy in (False, True)],
            axis=-1,
        )  # (S, N, 2)
        for one in (over, rung)
    ]
    return paired_seeds_and_items(
        _loss, truth, *pairs, rng=np.random.default_rng(0), groups=groups, n_resamples=300
    )


def _loss(truth: npt.NDArray[Any], both: npt.NDArray[Any]) -> float:
    return float(matthews(truth, both[:, 0]) - matthews(truth, both[:, 1]))


def best_rung(results: Results, task: str, count: int, rungs: Sequence[str]) -> str:
    """Choose a rung by its mean score on the validation part.

    Parameters
    ----------
    results, task, count
        As in `label_gain`.
    rungs : sequence of str
        Among which; those that were not climbed with so many labels are passed over.

    Returns
    -------
    rung : str
        The best.
    """
    cells = results["tasks"][task]["rungs"]
    climbed = [rung for rung in rungs if str(count) in cells.get(rung, {})]
    return max(climbed, key=lambda rung: float(np.mean(cells[rung][str(count)]["validation"])))


def labels_needed(counts: Sequence[int], scores: npt.ArrayLike, target: float) -> float:
    """Read off a rising curve how many labels a score takes.

    Parameters
    ----------
    counts : sequence of int
        Numbers of labels, increasing.
    scores : array_like, shape (n_counts,)
        Score with each.
    target : float
        The score asked for.

    Returns
    -------
    n : float
        Between the smallest and the largest number: a score below or above the curve is answered
        with its end.

    Examples
    --------
    >>> labels_needed([100, 1000], [0.2, 0.4], 0.3).__round__()
    316
    >>> labels_needed([100, 1000], [0.2, 0.4], 0.5).__round__()
    1000
    """
    rising = isotonic_regression(np.asarray(scores, dtype=np.float64))
    strict = rising + 1e-9 * np.arange(len(rising))  # so that a flat part has one answer
    return float(np.exp(np.interp(target, strict, np.log(counts))))


def label_ratio(
    results: Results,
    task: str,
    *,
    at: int,
    simple: str = "kmer_linear",
    pretrained: Sequence[str] = ("pretrained_frozen", "fine_tuned"),
) -> Interval:
    """Divide the labels that a simple model needs by those that a pretrained one needs.

    Parameters
    ----------
    results, task
        As in `label_predictions`.
    at : int
        The score aimed at is what the simple model reaches with so many labels, seed by seed.
    simple : str, default "kmer_linear"
        The simple model.
    pretrained : sequence of str
        Protocols, of which the best on the validation part is taken at each number of labels.

    Returns
    -------
    ratio : Interval
        Above 1 where pretraining saves labels: the mean of the logarithms over seeds, Student's
        interval, brought back. Test items are taken as fixed.
    """
    counts = label_counts(results, task, simple)
    chosen = {count: best_rung(results, task, count, pretrained) for count in counts}
    plain = _scores(results, task, dict.fromkeys(counts, simple))  # (S, n_counts)
    trained = _scores(results, task, chosen)
    column = counts.index(at)
    logs = [
        np.log(at / labels_needed(counts, ours, theirs[column]))
        for theirs, ours in zip(plain, trained, strict=True)
    ]
    found = seed_interval(logs)
    low, high = np.exp(found.low), np.exp(found.high)
    return Interval(
        float(np.exp(found.estimate)), float(low), float(high), 0.95, found.method, 0, found.n_seeds
    )


def _scores(results: Results, task: str, rungs: Mapping[int, str]) -> npt.NDArray[np.float64]:
    truth, _ = _truth(results, task)
    rows = [
        [matthews(truth, run) for run in label_predictions(results, task, rung, count)]
        for count, rung in rungs.items()
    ]
    return np.array(rows).T  # (S, n_counts)


def _truth(results: Results, task: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    part = results["tasks"][task]
    return unpack(part["y_true"]), unpack(part["groups"])
