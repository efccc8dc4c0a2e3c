"""A catalogue of published models: who resembles whom, who was compared with whom, who gained what.

Design choices

- Everything is computed from tables that name their sources; nothing is known by heart here.
- A field that nobody verified is empty, and a model with an empty field is left out of a comparison
  that needs it: it neither has a twin nor lacks one.
- A gain is set against the larger of the two spreads that the table prints for the two models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

DESIGN = ("architecture", "objective", "tokeniser", "corpus_keys")


def sequence_models(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the models that learn from DNA or RNA without labels.

    Parameters
    ----------
    frame : DataFrame
        With columns ``modality`` and ``objective``, as in the published table "models".

    Returns
    -------
    models : DataFrame
        Without models of cells and without those trained on measured tracks.

    Examples
    --------
    >>> frame = pd.DataFrame({"modality": ["DNA", "cells"], "objective": ["masked", "masked"]})
    >>> len(sequence_models(frame))
    1
    """
    kept = (frame["modality"] != "cells") & (frame["objective"] != "supervised tracks")
    return frame[kept].reset_index(drop=True)


def described(frame: pd.DataFrame, fields: Sequence[str] = DESIGN) -> pd.DataFrame:
    """Keep the models of which every field is known.

    Parameters
    ----------
    frame : DataFrame
        One row a model.
    fields : sequence of str
        Columns that must not be empty.

    Returns
    -------
    models : DataFrame

    Examples
    --------
    >>> frame = pd.DataFrame({"architecture": ["encoder", None], "tokeniser": ["BPE", "BPE"]})
    >>> len(described(frame, ["architecture", "tokeniser"]))
    1
    """
    return frame.dropna(subset=list(fields)).reset_index(drop=True)


def resembles(frame: pd.DataFrame, *, corpus: str = "equal") -> Bools:
    """Tell for every pair of models whether they agree in all four fields of their design.

    Parameters
    ----------
    frame : DataFrame
        With the columns of `DESIGN`, none empty; ``corpus_keys`` holds keys between semicolons.
    corpus : {"equal", "shared"}
        Whether the corpora must have the same keys, or one key in common.

    Returns
    -------
    same : ndarray of bool, shape (N, N)
        False on the diagonal.

    Raises
    ------
    ValueError
        If a field is empty, or `corpus` is neither.

    Examples
    --------
    >>> frame = pd.DataFrame({"architecture": ["encoder"] * 2, "objective": ["masked"] * 2,
    ...                       "tokeniser": ["BPE"] * 2, "corpus_keys": ["human", "human;mouse"]})
    >>> resembles(frame).any(), resembles(frame, corpus="shared").any()
    (np.False_, np.True_)
    """
    if corpus not in ("equal", "shared"):
        raise ValueError(f"corpus must be 'equal' or 'shared', got {corpus!r}")
    if frame[list(DESIGN)].isna().to_numpy().any():
        raise ValueError("a field is empty; keep the described models first, with described(frame)")
    same = ~np.eye(len(frame), dtype=bool)
    for field in DESIGN[:-1]:
        values = frame[field].to_numpy()
        same &= values[:, None] == values[None, :]
    keys = [set(text.split(";")) for text in frame["corpus_keys"]]
    agree = [[a == b if corpus == "equal" else bool(a & b) for b in keys] for a in keys]
    return same & np.array(agree, dtype=bool)


def pairs_within(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Compare some models two by two, field by field.

    Parameters
    ----------
    frame : DataFrame
        With a column ``name`` and the columns of `DESIGN`.
    names : sequence of str
        The models.

    Returns
    -------
    pairs : list of (str, str, list of str)
        Two names, and the fields in which the two agree.

    Raises
    ------
    ValueError
        If a model is not in the table.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": ["A", "B"], "architecture": ["encoder"] * 2,
    ...     "objective": ["masked", "next"], "tokeniser": ["BPE"] * 2, "corpus_keys": ["x", "y"]})
    >>> pairs_within(frame, ["A", "B"])
    [('A', 'B', ['architecture', 'tokeniser'])]
    """
    table = {str(row["name"]): row for row in frame.to_dict("records")}
    missing = sorted(set(names) - table.keys())
    if missing:
        raise ValueError(f"not in the table: {', '.join(missing)}")
    return [
        (a, b, [field for field in DESIGN if table[a][field] == table[b][field]])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]


def comparison_density(frame: pd.DataFrame, made: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Count, for each paper, the older models it could have compared with and those it did.

    Parameters
    ----------
    frame : DataFrame
        With ``name``, ``year`` and ``month``; a model without a month counts from December.
    made : mapping of str to sequence of str
        By model of the paper: the models it was compared with.

    Returns
    -------
    density : DataFrame
        Columns ``possible``, ``made`` and ``share``, a row for each paper that had predecessors.

    Raises
    ------
    ValueError
        If a model is not in the table, or a paper compared with a model that is not older.

    Examples
    --------
    >>> frame = pd.DataFrame({"name": list("ABC"), "year": [2020, 2021, 2022], "month": [1, 1, 1]})
    >>> comparison_density(frame, {"C": ["A"]})["share"].tolist()
    [0.5]
    """
    when = (frame["year"] * 12 + frame["month"].fillna(12)).set_axis(frame["name"])
    unknown = sorted(
        {*made, *(other for others in made.values() for other in others)} - {*when.index}
    )
    if unknown:
        raise ValueError(f"not in the table: {', '.join(unknown)}")
    rows = {}
    for paper, others in made.items():
        older = set(when.index[when < when[paper]])
        if not set(others) <= older:
            raise ValueError(f"{paper} was compared with models that are not older: {others}")
        if older:
            rows[paper] = (len(older), len(others), len(others) / len(older))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["possible", "made", "share"])


@dataclass(frozen=True, eq=False)
class Gains:
    """What a new model gained over the best one before, task by task.

    Parameters
    ----------
    gain : ndarray of float64, shape (tasks,)
        Score of the new model minus that of the best older one.
    spread : ndarray of float64, shape (tasks,)
        The larger of the spreads printed for the two.
    """

    gain: Floats
    spread: Floats

    @property
    def within(self) -> Bools:
        """Tasks on which the gain is no larger than the spread; a loss is among them."""
        found: Bools = np.round(self.gain - self.spread, 9) <= 0
        return found


def gains_over_best(frame: pd.DataFrame, new: Sequence[str], old: Sequence[str]) -> Gains:
    """Set the best of some new models against the best of some older ones, for each task.

    Parameters
    ----------
    frame : DataFrame
        A row for each task; for each model a column of scores, and one called ``{model}_spread``.
    new, old : sequence of str
        Columns; the variants of one paper go together.

    Returns
    -------
    gains : Gains
        Taking the best variant of each task favours the new paper and the old ones alike.

    Raises
    ------
    KeyError
        If a column is absent.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [70.0], "a_spread": [2.0], "b": [71.0], "b_spread": [0.5]})
    >>> gains_over_best(frame, ["b"], ["a"]).within
    array([ True])
    """
    (score, spread), (before, its_spread) = (_best(frame, names) for names in (new, old))
    return Gains(gain=score - before, spread=np.maximum(spread, its_spread))


def _best(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Floats, Floats]:
    scores = frame[list(names)].to_numpy(dtype=np.float64)
    spreads = frame[[f"{name}_spread" for name in names]].to_numpy(dtype=np.float64)
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    return scores[rows, best], spreads[rows, best]
