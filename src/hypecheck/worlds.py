"""What a simulator returns: data, and the truth behind them, typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import Codes

Data = TypeVar("Data")
Truth = TypeVar("Truth")
Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

ABSENT = -1  # position of a word that was not planted


@dataclass(frozen=True, eq=False)
class World(Generic[Data, Truth]):
    """Data and the truth behind them.

    Parameters
    ----------
    data : LabelledSequences or ndarray
        What a model may see.
    truth : object
        What only the judge knows.
    """

    data: Data
    truth: Truth


@dataclass(frozen=True, eq=False)
class PlantedTruth:
    """Where words were written into the rows.

    Parameters
    ----------
    positions : ndarray of int64, shape (N, M)
        First base of each of M words in each row; -1 where it is absent.
    widths : ndarray of int64, shape (M,)
        Bases of each word.
    length : int
        Bases of a row.
    """

    positions: Ints
    widths: Ints
    length: int

    @property
    def mask(self) -> Bools:
        """Which bases belong to a planted word: ndarray of bool, shape (N, L)."""
        after = np.arange(self.length) - self.positions[:, :, None]  # (N, M, L)
        inside = (after >= 0) & (after < self.widths[:, None])
        planted: Bools = (inside & (self.positions[:, :, None] != ABSENT)).any(axis=1)  # (N, L)
        return planted


@dataclass(frozen=True, eq=False)
class CompositionTruth:
    """Base composition of each class, and the accuracy that no model can beat on average.

    Parameters
    ----------
    gc : ndarray of float64, shape (C,)
        Probability of G or C in each class.
    best_accuracy : float
        Expected accuracy of the Bayes classifier.
    """

    gc: Floats
    best_accuracy: float


@dataclass(frozen=True, eq=False)
class FamilyTruth:
    """Descent of each row; its family's number is ``data.groups``.

    Parameters
    ----------
    ancestors : ndarray of uint8, shape (F, L)
        One per family.
    mutated : ndarray of bool, shape (N, L)
        Bases that differ from the ancestor's.
    """

    ancestors: Codes
    mutated: Bools


@dataclass(frozen=True, eq=False)
class NoiseTruth:
    """Labels before the noise.

    Parameters
    ----------
    clean : ndarray of int64, shape (N,)
        The labels that were given.
    flipped : ndarray of bool, shape (N,)
        Where they were replaced; a perfect model is right elsewhere alone.
    """

    clean: Ints
    flipped: Bools


@dataclass(frozen=True, eq=False)
class ContactTruth:
    """What made a contact map.

    Parameters
    ----------
    expected : ndarray of float64, shape (B, B)
        Mean of each bin pair's count.
    domains : ndarray of int64, shape (B,)
        Number of each bin's domain, counted from the left.
    compartments : ndarray of int64, shape (B,)
        +1 or -1; neighbouring domains alternate.
    loops : ndarray of int64, shape (K, 2)
        Bin pairs, first < second, whose contacts were raised.
    """

    expected: Floats
    domains: Ints
    compartments: Ints
    loops: Ints
