"""A world in which one word causes the label and another only tends to stand beside it.

In data that were merely observed the two are seen together, so a model may lean on either. Only an
intervention tells: set one word by hand, leave the other, and look again. The label always
follows the cause.

References
----------
Pearl 2009, Causality, 2nd edition, chapter 3 (what it means to set a variable by hand).
Sasse et al. 2023, Benchmarking of deep neural networks for predicting personal gene expression
from DNA sequence highlights shortcomings, https://doi.org/10.1038/s41588-023-01524-6 (where models
of sequence had learnt what goes together).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.motifs import (
    check_probability,
    consensus_matrix,
    draw_words,
    motif_matrix,
    write_words,
)
from hypecheck.sequences import Codes, LabelledSequences, check_codes
from hypecheck.worlds import Bools, Ints, World

CAUSE, BYSTANDER = "TGACTCAT", "GGGCGGGG"


@dataclass(frozen=True, eq=False)
class CauseTruth:
    """What made the rows, enough to make them again with one thing changed.

    Parameters
    ----------
    background : ndarray of uint8, shape (N, L)
        Rows without either word.
    starts : ndarray of int64, shape (N, 2)
        Where the cause and the bystander stand, or would.
    words : tuple of ndarray of uint8, shapes (N, W)
        The cause's and the bystander's letters in each row.
    present : ndarray of bool, shape (N, 2)
        Whether they stand there.
    """

    background: Codes
    starts: Ints
    words: tuple[Codes, Codes]
    present: Bools

    def mask(self, column: int) -> Bools:
        """Which bases belong to the cause (0) or to the bystander (1): shape (N, L)."""
        width = self.words[column].shape[1]
        after = np.arange(self.background.shape[1]) - self.starts[:, [column]]
        inside: Bools = (after >= 0) & (after < width) & self.present[:, [column]]
        return inside


def cause_and_bystander(
    background: Codes,
    rng: np.random.Generator,
    *,
    agreement: float = 0.9,
    noise: float = 0.1,
    cause: str = CAUSE,
    bystander: str = BYSTANDER,
) -> World[LabelledSequences, CauseTruth]:
    """Plant a cause in the rows of class 1, and a bystander that usually agrees with it.

    Parameters
    ----------
    background : ndarray of uint8, shape (N, L)
        Rows to plant into; they are copied.
    rng : numpy.random.Generator
        Source of randomness.
    agreement : float, default 0.9
        Share of rows in which the bystander is there exactly if the cause is; .5 makes it
        worthless.
    noise : float, default 0.1
        Share of the cause's letters that are replaced by others. The bystander is always spelt in
        full.
    cause, bystander : str
        The two words.

    Returns
    -------
    world : World
        Half of the rows in each class.

    Raises
    ------
    ValueError
        If the words do not fit into a row, or a share is none.

    Examples
    --------
    >>> background = np.zeros((4, 30), np.uint8)
    >>> world = cause_and_bystander(background, np.random.default_rng(0), agreement=1.0)
    >>> bool((world.truth.present[:, 0] == world.truth.present[:, 1]).all())
    True
    """
    codes = check_codes(background, ndim=2)
    check_probability("agreement", agreement)
    n, length = codes.shape
    widths = len(cause), len(bystander)
    free = length - sum(widths)
    if free < 0:
        raise ValueError(f"both words need {sum(widths)} bases, a row has {length}")
    cuts = np.sort(rng.integers(0, free + 1, (n, 2)), axis=1)  # bases before the first, the second
    first: Bools = np.asarray(rng.random(n) < 0.5)  # whether the cause stands on the left
    left, right = cuts[:, 0], cuts[:, 1]
    starts = np.where(
        first[:, None],
        np.column_stack([left, right + widths[0]]),
        np.column_stack([right + widths[1], left]),
    )
    words = (
        draw_words(consensus_matrix(cause, noise=noise), n, rng),
        draw_words(motif_matrix(bystander), n, rng),
    )
    labels = rng.permutation(np.arange(n) % 2).astype(bool)
    agrees = rng.random(n) < agreement
    present = np.column_stack([labels, labels == agrees])
    return _write(CauseTruth(codes, starts, words, present))


def intervene(
    world: World[LabelledSequences, CauseTruth],
    *,
    cause: npt.ArrayLike | None = None,
    bystander: npt.ArrayLike | None = None,
) -> World[LabelledSequences, CauseTruth]:
    """Set one word by hand and leave everything else; the label follows the cause.

    Parameters
    ----------
    world : World
        From `cause_and_bystander`.
    cause, bystander : array_like of bool, shape (N,), optional
        Whether the word is to stand in each row; as it was if not given.

    Returns
    -------
    world : World
        The same rows, with that word set.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> world = cause_and_bystander(rng.integers(0, 4, (6, 40), dtype=np.uint8), rng)
    >>> without = intervene(world, bystander=np.zeros(6, bool))
    >>> bool((without.data.labels == world.data.labels).all())
    True
    """
    present = world.truth.present.copy()
    for column, wish in enumerate((cause, bystander)):
        if wish is not None:
            present[:, column] = np.asarray(wish, dtype=bool)
    truth = world.truth
    return _write(CauseTruth(truth.background, truth.starts, truth.words, present))


def _write(truth: CauseTruth) -> World[LabelledSequences, CauseTruth]:
    codes = truth.background.copy()
    for column, words in enumerate(truth.words):
        rows = np.flatnonzero(truth.present[:, column])
        write_words(codes, rows, truth.starts[rows, column], words[rows])
    return World(LabelledSequences(codes, truth.present[:, 0].astype(np.int64)), truth)
