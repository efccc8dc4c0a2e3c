"""What the study of better pretraining tasks found, and the same comparison in small, for a page.

Design choices

- A difference is the mean over the three marks of differences of Matthews correlations, paired over
  seeds and over blocks of the genome, which are resampled whole across marks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import scores
from hypecheck.intervals import Interval
from hypecheck.models import Transformer
from hypecheck.optimisation import TrainingConfig
from hypecheck.resampling import paired_seeds_and_items, seeds_and_items_interval
from hypecheck.scores import WeightedScore
from hypecheck.sequences import Task
from hypecheck.studies.emerging import best_fit, pretrain, rung_of
from hypecheck.studies.emerging_data import EmergingPlan, mark_task

Results = Mapping[str, Any]
Classes = npt.NDArray[np.int64]
NAMES = {
    "masked": "masked",
    "auxiliary": "with codons",
    "shuffled": "with shuffled codons",
    "synthetic": "made up",
    "coin": "coin tosses",
    "random": "not pretrained",
}
MARK = 10  # item codes are mark * MARK + class, so that one row holds the items of all marks


def _mean_matthews(y_true: Any, y_pred: Any, counts: Any) -> npt.NDArray[np.float64]:
    per_mark = []
    for mark in np.unique(y_true // MARK):
        here = y_true // MARK == mark
        weighted = scores.matthews.weighted
        per_mark.append(weighted(y_true[here] % MARK, y_pred[here] % MARK, counts[:, here]))
    return np.asarray(np.mean(per_mark, axis=0))


mean_matthews = WeightedScore("mean Matthews correlation over marks", _mean_matthews)
"""Matthews correlation of each mark, averaged; items are coded as mark * 10 + class."""


def facts(results: Results, arm: str, name: str) -> list[float]:
    """Give one number of the pretraining of an arm, for every seed.

    Parameters
    ----------
    results : mapping
        Of the record.
    arm, name : str
        One of `PRETRAINED`, and what `pretrain` tells.

    Returns
    -------
    values : list of float
        In the order of the seeds.

    Examples
    --------
    >>> facts({"pretraining": [{"arm": "coin", "bits_per_base": 2.0}]}, "coin", "bits_per_base")
    [2.0]
    """
    return [float(one[name]) for one in results["pretraining"] if one["arm"] == arm]


def truth(results: Results, marks: Sequence[str]) -> tuple[Classes, Classes]:
    """Give the coded classes of all test items of some marks, and their places on the genome.

    Parameters
    ----------
    results : mapping
        Of the record "emerging".
    marks : sequence of str
        Which.

    Returns
    -------
    classes, groups : ndarray of int64, shape (N,)
    """
    classes = _coded([results["marks"][mark]["truth"] for mark in marks])
    groups = " ".join(results["marks"][mark]["groups"] for mark in marks)
    return classes, np.array(groups.split(), dtype=np.int64)


def predictions(results: Results, arm: str, marks: Sequence[str], protocol: str) -> Classes:
    """Give the coded predictions of an arm, shape (S, N); no rows if it was not run.

    Parameters
    ----------
    results : mapping
        Of the record.
    arm : str
        "random", "masked", "auxiliary", "shuffled", "synthetic", "coin", "kmer_linear" or
        "composition".
    marks : sequence of str
        Which.
    protocol : {"frozen", "fine_tuned"}
        How the body is used; of the last two arms, which have none, it is not asked.
    """
    if arm in results["marks"][marks[0]]["baselines"]:
        return _coded([results["marks"][mark]["baselines"][arm] for mark in marks])[None]
    found = {
        (one["mark"], one["seed"]): one["found"][protocol]["predicted"]
        for one in results["runs"]
        if one["arm"] == arm and protocol in one["found"]
    }
    seeds = sorted({seed for _, seed in found})
    rows = [_coded([found[mark, seed] for mark in marks]) for seed in seeds]
    return np.array(rows, dtype=np.int64)


def marks_of(results: Results, protocol: str) -> list[str]:
    """Name the marks on which a protocol was tried."""
    plan = results["plan"]
    return list(plan["marks"] if protocol == "frozen" else plan["tuned_marks"])


def score(results: Results, arm: str, protocol: str = "frozen") -> Interval:
    """Give the mean Matthews correlation of an arm over marks.

    Parameters
    ----------
    results : mapping
        Of the record.
    arm, protocol : str
        As in `predictions`.

    Returns
    -------
    score : Interval
        Over seeds, if it has some, and places on the genome.
    """
    marks = marks_of(results, protocol)
    classes, groups = truth(results, marks)
    found = predictions(results, arm, marks, protocol)
    rng = np.random.default_rng(0)
    return seeds_and_items_interval(mean_matthews, classes, found, rng=rng, groups=groups)


def difference(results: Results, arm: str, other: str, protocol: str = "frozen") -> Interval:
    """Compare two arms, over the seeds that both have.

    Parameters
    ----------
    results : mapping
        Of the record.
    arm, other, protocol : str
        As in `predictions`.

    Returns
    -------
    difference : Interval
        Of the mean Matthews correlation over marks.
    """
    marks = marks_of(results, protocol)
    classes, groups = truth(results, marks)
    both = [predictions(results, name, marks, protocol) for name in (arm, other)]
    n = min(len(one) for one in both if len(one) > 1)
    a, b = (one[:n] if len(one) > 1 else one for one in both)
    rng = np.random.default_rng(0)
    return paired_seeds_and_items(mean_matthews, classes, a, b, rng=rng, groups=groups)


def live_difference(
    *, mark: str, seeds: Sequence[int], steps: int, n_windows: int, sizes: tuple[int, int, int]
) -> tuple[Interval, dict[str, dict[str, float]]]:
    """Make the comparison of the study in small: one mark, few seeds, fewer steps, frozen vectors.

    Parameters
    ----------
    mark : str
        E.g. "H3K36me3".
    seeds : sequence of int
        Two or more.
    steps, n_windows : int
        Of pretraining, on one chromosome.
    sizes : (int, int, int)
        Training, validation and test rows.

    Returns
    -------
    difference : Interval
        Matthews correlation after masking with the codon objective, minus masking alone.
    learnt : dict of str to dict of str to float
        What the model of the first seed learnt, by arm; see `emerging.pretrain`.
    """
    plan = replace(
        EmergingPlan(),
        marks=(mark,),
        records=("IV",),
        n_windows=n_windows,
        sizes=sizes,
        pretraining=TrainingConfig(steps=steps, batch_size=32, learning_rate=3e-3),
    )
    task = mark_task(plan, mark)
    found: dict[str, list[Classes]] = {"auxiliary": [], "masked": []}
    learnt: dict[str, dict[str, float]] = {}
    for arm, rows in found.items():
        for seed in seeds:
            model, told = pretrain(plan, arm, seed)
            fit = rung_of(plan, "frozen", model, ()).fit
            rows.append(fit(task, {"pool": "mean+max", "C": 0.1}, seed)(task.test.codes))
            learnt.setdefault(arm, told)
    gap = paired_seeds_and_items(
        scores.matthews,
        task.test.labels,
        np.array(found["auxiliary"]),
        np.array(found["masked"]),
        rng=np.random.default_rng(0),
        groups=task.test.groups,
    )
    return gap, learnt


def own_minus_foreign(
    results: Results, mark: str, foreign: Callable[[int], Transformer], *, seeds: Sequence[int]
) -> Interval:
    """Compare recorded models that read yeast with models that read something else.

    Parameters
    ----------
    results : mapping
        Of the record; its predictions belong to the real windows, never to a stand-in.
    mark : str
        Which mark.
    foreign : callable
        ``foreign(seed)`` gives a model that reads blocks of three bases.
    seeds : sequence of int
        Two or more.

    Returns
    -------
    difference : Interval
        Matthews correlation of frozen vectors, masked on yeast minus foreign; the configuration of
        each is chosen on validation data.

    Raises
    ------
    ValueError
        If the record belongs to other test windows.
    """
    task = mark_task(EmergingPlan(), mark)
    classes, groups = truth(results, [mark])
    if not np.array_equal(classes, task.test.labels):
        raise ValueError(f"the record of {mark} belongs to other test windows; load the real data")
    own = predictions(results, "masked", [mark], "frozen")[: len(seeds)]
    rows = []
    for seed in seeds:
        rung = rung_of(EmergingPlan(), "frozen", foreign(seed), ())
        rows.append(best_fit(rung, task, seed)[0](task.test.codes))
    rng = np.random.default_rng(0)
    return paired_seeds_and_items(
        scores.matthews, classes, own, np.array(rows), rng=rng, groups=groups
    )


def sharing(parts: Task) -> float:
    """Give the share of the test sequences of a task that are exact copies of a training sequence.

    Parameters
    ----------
    parts : Task
        With training and test part.

    Returns
    -------
    share : float

    Examples
    --------
    >>> from hypecheck.sequences import LabelledSequences
    >>> part = LabelledSequences(np.array([[0, 1], [2, 3]], np.uint8), np.array([0, 1]))
    >>> sharing(Task("toy", part, part, part))
    1.0
    """
    known = {row.tobytes() for row in parts.train.codes}
    return float(np.mean([row.tobytes() in known for row in parts.test.codes]))


def _mean(_: Any, bits: Any, counts: Any) -> Any:
    return counts @ bits / counts.sum(axis=1)


_MEAN = WeightedScore("mean", _mean)


def _coded(texts: Sequence[str]) -> Classes:
    return np.concatenate(
        [
            MARK * place + np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64) - ord("0")
            for place, text in enumerate(texts)
        ]
    )
