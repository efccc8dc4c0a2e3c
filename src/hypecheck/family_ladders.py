"""Ladders of the task families as a page climbs them: cheap rungs here, the others from the record.

Design choices

- A specialist stands beside the seven rungs where there is a simple one: a table of bases by
  position for splice sites, two conservation-aware scores for variants, the place in the codon for
  conservation. It gets six configurations or none to choose, like the other cheap rungs.
- On a stand-in, whose test sequences no record knows, all rungs are climbed, with few steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hypecheck.baselines import PositionWeightMatrix
from hypecheck.ladder import RUNGS, LadderResult, Rung, climb
from hypecheck.models import Transformer
from hypecheck.models import load as load_model
from hypecheck.optimisation import TrainingConfig
from hypecheck.pair_rungs import pair_rungs
from hypecheck.recorded import weights_path
from hypecheck.rungs import CNN_TRAINING, TRAINING, baseline_rung, standard_rungs
from hypecheck.sequences import Codes, Task
from hypecheck.task_families import EXON_WINDOW, FAMILIES, brca1_windows, family_task
from hypecheck.tokenizers import KmerTokenizer

CHEAP = ("chance", "composition", "kmer_linear")


@lru_cache
def language_model(seed: int) -> Transformer:
    """Load the model that the ladder study pretrained with one seed on human block 3-mers.

    Parameters
    ----------
    seed : int
        0 to 4.

    Returns
    -------
    model : Transformer
        Not to be changed: it is remembered.

    Raises
    ------
    RecordError
        If there are no such weights.
    """
    model = load_model(weights_path(f"ladder-kmer3-{seed}"))
    if not isinstance(model, Transformer):
        raise TypeError(f"the recorded weights ladder-kmer3-{seed} are no language model")
    return model


def family_rungs(
    name: str, *, training: TrainingConfig, cnn_training: TrainingConfig, **options: Any
) -> tuple[Rung, ...]:
    """Make the rungs for one of the task families.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`.
    training, cnn_training : TrainingConfig
        For fine-tuning and for the CNN.
    **options
        Others of `hypecheck.rungs.standard_rungs`.

    Returns
    -------
    rungs : tuple of Rung
        From the bottom up.

    Examples
    --------
    >>> steps = TrainingConfig(steps=10)
    >>> [rung.name for rung in family_rungs("coding", training=steps, cnn_training=steps)][:2]
    ['chance', 'composition']
    """
    tokenizer = KmerTokenizer(3, 3)
    rungs = standard_rungs(
        language_model, tokenizer, training=training, cnn_training=cnn_training, **options
    )
    if FAMILIES[name].family == "variant effect":
        return pair_rungs(rungs, language_model, tokenizer)
    return rungs


def specialists(name: str) -> tuple[Rung, ...]:
    """Give the simple methods that know what a task is about.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`.

    Returns
    -------
    rungs : tuple of Rung
        Often none.

    Examples
    --------
    >>> [rung.name for rung in specialists("brca1-variants")]
    ['phylop', 'cadd']
    """
    family = FAMILIES[name].family
    if family == "splicing":
        grid = PositionWeightMatrix.configurations()
        return (baseline_rung("position_table", PositionWeightMatrix, grid),)
    if family == "variant effect":
        return tuple(_known(column, column) for column in ("phylop", "cadd"))
    if family == "conservation":
        return (_known("codon_place", "codon"),)
    return ()


def _known(name: str, column: str) -> Rung:
    """Fit a logistic regression on one column of `brca1_windows`, looked up by the sequence."""
    found = brca1_windows()
    both = np.concatenate(
        [np.stack(found["reference"].tolist()), np.stack(found["altered"].tolist())], axis=1
    )
    values = {row.tobytes(): value for row, value in zip(both, found[column], strict=True)}
    values |= {row[:EXON_WINDOW].tobytes(): values[row.tobytes()] for row in both}
    scale = OneHotEncoder(handle_unknown="ignore") if column == "codon" else StandardScaler()
    return baseline_rung(name, partial(_LookedUp, values, scale), [{}])


class _LookedUp:
    """Logistic regression on a value that belongs to each sequence."""

    def __init__(self, values: Mapping[bytes, float], scale: Any) -> None:
        self._values = values
        self._model = make_pipeline(scale, LogisticRegression())

    def _features(self, codes: Codes) -> npt.NDArray[np.float64]:
        return np.array([[self._values[row.tobytes()]] for row in codes], dtype=np.float64)

    def fit(self, codes: Codes, labels: npt.NDArray[np.int64]) -> _LookedUp:
        self._model.fit(self._features(codes), labels)
        return self

    def predict(self, codes: Codes) -> npt.NDArray[np.int64]:
        predicted: npt.NDArray[np.int64] = self._model.predict(self._features(codes))
        return predicted


def live_family(
    name: str, recorded: LadderResult, *, seeds: Sequence[int] = (0, 1, 2), steps: int = 100
) -> LadderResult:
    """Climb the rungs that take no minutes, and take the networks from the record.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`.
    recorded : LadderResult
        From `hypecheck.ladder_study.recorded_ladder` on the record "families".
    seeds : sequence of int, default (0, 1, 2)
        Used on a stand-in only, where networks are trained here.
    steps : int, default 100
        Likewise.

    Returns
    -------
    result : LadderResult
        All seven rungs, and the `specialists` of the task.

    Raises
    ------
    ValueError
        If the record was made on other test sequences.
    """
    task = family_task(name)
    chosen = recorded.chosen_configurations()
    rungs = family_rungs(
        name,
        training=_steps(TRAINING, steps),
        cnn_training=_steps(CNN_TRAINING, steps),
        chosen={rung: chosen[rung] for rung in RUNGS if rung not in CHEAP},
    )
    groups = task.test.groups
    if task.stand_in:
        return climb(task, (*rungs, *specialists(name)), seeds=seeds, groups=groups)
    cheap = [rung for rung in rungs if rung.name in CHEAP]
    return climb(task, (*cheap, *specialists(name)), seeds=seeds, recorded=recorded, groups=groups)


def _steps(config: TrainingConfig, steps: int) -> TrainingConfig:
    return replace(config, steps=steps, evaluate_every=max(1, steps // 10))


def one_specialist(result: LadderResult) -> LadderResult:
    """Keep the seven rungs and the first specialist, under the name "specialist".

    Parameters
    ----------
    result : LadderResult
        From `live_family`.

    Returns
    -------
    result : LadderResult
        Differences are as they were: corrected among all rungs of `result`.
    """
    names = {name: name for name in RUNGS}
    names |= {rung.name: "specialist" for rung in specialists(result.task)[:1]}
    return replace(
        result,
        rungs=tuple(replace(r, name=names[r.name]) for r in result.rungs if r.name in names),
        differences=tuple(
            replace(gap, rung=names[gap.rung]) for gap in result.differences if gap.rung in names
        ),
    )


def window_task(task: Task, width: int, *, shift: npt.ArrayLike = 0) -> Task:
    """Cut a task to a narrower window, moved off the centre if asked.

    Parameters
    ----------
    task : Task
        All sequences of one length.
    width : int
        Bases to keep.
    shift : int or array_like of int, default 0
        Bases by which the window moves to the right; an array gives one for each sequence of the
        training, the validation and the test part, in this order.

    Returns
    -------
    task : Task
        The same rows and labels.

    Raises
    ------
    ValueError
        If a window leaves the sequence.

    Examples
    --------
    >>> window_task(family_task("coding"), 30).test.codes.shape[1]
    30
    """
    parts = {"train": task.train, "validation": task.validation, "test": task.test}
    length, sizes = task.train.codes.shape[1], [len(part) for part in parts.values()]
    starts = (length - width) // 2 + np.broadcast_to(np.asarray(shift), sum(sizes))
    if starts.min() < 0 or starts.max() + width > length:
        raise ValueError(f"windows of {width} bp, moved so far, leave sequences of {length} bp")
    moved = np.split(starts, np.cumsum(sizes)[:-1])
    train, validation, test = (
        replace(
            part, codes=part.codes[np.arange(len(part))[:, None], at[:, None] + np.arange(width)]
        )
        for part, at in zip(parts.values(), moved, strict=True)
    )
    return replace(task, train=train, validation=validation, test=test)
