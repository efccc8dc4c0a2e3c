"""A recall task with known distances: a marked base early in the row, asked for again and again.

Design choices

- A row is random bases. Four sites near its beginning are tokens that say a marker and a base;
  later every fourth token is a question that names a marker. The base of that site is the answer.
- The answer does not stand in the row, so that it cannot be copied from an earlier question.
- Which site is meant is told by the marker and not by the place, so that a fixed look back of so
  many tokens does not help. Short and long distances share one training.

References
----------
Arora et al. 2023, Zoology, arXiv:2312.04927 (associative recall with many questions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

N_MARKERS = 4
VOCABULARY = 4 + 4 * N_MARKERS + N_MARKERS  # bases, sites (marker and base), questions
SPACING = 2  # tokens from question to question
REGION = 16  # tokens at the beginning in which the sites stand
EDGES = (4, 16, 32, 64, 128, 256, 512)  # of the classes of distance, in tokens


@dataclass(frozen=True)
class RecallRows:
    """Rows with sites and questions.

    Parameters
    ----------
    token_ids : Tensor of int64, shape (B, T)
        Bases 0–3, sites 4–19, questions 20–23.
    places : Tensor of int64, shape (Q,)
        Where the questions stand, in every row.
    answers : Tensor of int64, shape (B, Q)
        Bases 0–3.
    distances : Tensor of int64, shape (B, Q)
        Tokens from the site to the question.
    """

    token_ids: Tensor
    places: Tensor
    answers: Tensor
    distances: Tensor


def recall_rows(n_rows: int, length: int, rng: np.random.Generator) -> RecallRows:
    """Draw rows with four sites in their first sixteen tokens and a question in every second.

    Parameters
    ----------
    n_rows, length : int
        Rows, and tokens in each.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    rows : RecallRows

    Raises
    ------
    ValueError
        If the rows leave no room for a question.

    Examples
    --------
    >>> rows = recall_rows(2, 24, np.random.default_rng(0))
    >>> question, distance = rows.token_ids[0, 20], rows.distances[0, 2]
    >>> site = rows.token_ids[0, 20 - distance]
    >>> bool(site == 4 + 4 * (question - 20) + rows.answers[0, 2])
    True
    """
    if length <= REGION:
        raise ValueError(f"rows of {length} tokens have no room for questions; take {REGION + 1}")
    tokens = rng.integers(0, 4, (n_rows, length))
    bases = rng.integers(0, 4, (n_rows, N_MARKERS))
    sites = rng.permuted(np.tile(np.arange(REGION), (n_rows, 1)), axis=1)[:, :N_MARKERS]
    row = np.arange(n_rows)[:, None]
    tokens[row, sites] = 4 + 4 * np.arange(N_MARKERS) + bases
    places = np.arange(REGION, length, SPACING)
    marker = rng.integers(0, N_MARKERS, (n_rows, len(places)))
    tokens[:, places] = 4 + 4 * N_MARKERS + marker
    found = (tokens, places, bases[row, marker], places - sites[row, marker])
    return RecallRows(*(torch.from_numpy(np.ascontiguousarray(part)) for part in found))


def answer_logits(model: nn.Module, rows: RecallRows) -> Tensor:
    """Give the logits of the four bases at the questions.

    Parameters
    ----------
    model : nn.Module
        From ``(B, T)`` to logits ``(B, T, V)``.
    rows : RecallRows
        Rows.

    Returns
    -------
    logits : Tensor, shape (B, Q, 4)
    """
    logits: Tensor = model(rows.token_ids)[:, rows.places, :4]
    return logits


def recall_loss(model: nn.Module, rows: RecallRows) -> Tensor:
    """Give the mean loss at the questions, in nats."""
    return F.cross_entropy(answer_logits(model, rows).flatten(0, 1), rows.answers.flatten())


def recall_accuracy(model: nn.Module, rows: RecallRows) -> npt.NDArray[np.float64]:
    """Score the answers by class of distance.

    Parameters
    ----------
    model : nn.Module
        From ``(B, T)`` to logits ``(B, T, V)``.
    rows : RecallRows
        Rows.

    Returns
    -------
    accuracy : ndarray of float64, shape (number of classes that the rows reach,)
        Shares of right answers, chance 1/4, for distances of ``EDGES[i]`` up to ``EDGES[i + 1]``.
    """
    with torch.inference_mode():
        right = (answer_logits(model, rows).argmax(-1) == rows.answers).numpy()
    kind = np.searchsorted(EDGES, rows.distances.numpy(), side="right") - 1
    return np.array(
        [right[kind == number].mean() for number in range(len(EDGES)) if (kind == number).any()]
    )
