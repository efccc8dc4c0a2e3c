"""Resamples as counts: how often each item was drawn, one row for each resample.

Design choices

- A bootstrap draws units with replacement: items, or whole groups of items. A jackknife leaves each
  unit out once. Both are tables of counts (B, N), made in blocks that fit the memory.
- A statistic with a method ``weighted(*arrays, counts)`` (those of `hypecheck.scores`) gets a block
  at once; any other callable gets the resampled arrays, one row at a time. Both see the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

FEWEST_RESAMPLES = 50
MOST_UNDEFINED = 0.05  # share of resamples in which a statistic may be undefined
_BLOCK = 1 << 21  # counts held at a time


class Metric(Protocol):
    """Any function of true and predicted values that gives one number for N items."""

    def __call__(self, y_true: Array, y_score: Array, /) -> float:
        """Score the predictions."""


@dataclass(frozen=True)
class Units:
    """What is drawn: single items, or whole groups of them.

    Parameters
    ----------
    n_items, n_units : int
        Number of items, and of what is drawn.
    unit_of_item : ndarray of int, shape (N,), optional
        Group of each item, numbered from 0; None where each item is a unit.
    """

    n_items: int
    n_units: int
    unit_of_item: Array | None

    def spread(self, counts: Array) -> Array:
        """Give each item the count of its unit.

        Parameters
        ----------
        counts : ndarray, shape (B, n_units)
            Counts of units.

        Returns
        -------
        counts : ndarray, shape (B, N)
            Counts of items.
        """
        return counts if self.unit_of_item is None else counts[:, self.unit_of_item]  # (B, N)

    def draws(self, n_resamples: int, rng: np.random.Generator) -> Iterator[Array]:
        """Draw units with replacement, as many as there are.

        Parameters
        ----------
        n_resamples : int
            Number of rows in all.
        rng : numpy.random.Generator
            Source of randomness.

        Yields
        ------
        counts : ndarray of float32, shape (B, N)
            Whole numbers: how often each item was drawn.
        """
        rows = max(1, _BLOCK // self.n_items)
        for start in range(0, n_resamples, rows):
            n_rows = min(rows, n_resamples - start)
            drawn = rng.integers(self.n_units, size=(n_rows, self.n_units))
            drawn += np.arange(n_rows)[:, None] * self.n_units
            counts = np.bincount(drawn.ravel(), minlength=n_rows * self.n_units)
            yield self.spread(counts.reshape(n_rows, self.n_units).astype(np.float32))  # (B, N)

    def leave_one_out(self) -> Iterator[Array]:
        """Leave out each unit once.

        Yields
        ------
        counts : ndarray of float32, shape (B, N)
            0 for the items left out, 1 for the others.
        """
        rows = max(1, _BLOCK // self.n_items)
        for start in range(0, self.n_units, rows):
            left_out = np.arange(start, min(start + rows, self.n_units))
            yield self.spread((left_out[:, None] != np.arange(self.n_units)).astype(np.float32))


def make_units(n_items: int, groups: npt.ArrayLike | None) -> Units:
    """Decide what is drawn.

    Parameters
    ----------
    n_items : int
        Number of items.
    groups : array_like, shape (N,), optional
        Group of each item, numbers or names.

    Returns
    -------
    units : Units
        Items without `groups`, groups with them.

    Raises
    ------
    ValueError
        If there are fewer than two units.

    Examples
    --------
    >>> units = make_units(4, ["a", "a", "b", "b"])
    >>> next(units.leave_one_out()).tolist()
    [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    """
    if groups is None:
        units = Units(n_items, n_items, None)
    else:
        labels = np.asarray(groups)
        if labels.shape != (n_items,):
            raise ValueError(
                f"groups must have shape ({n_items},), one for each item, got {labels.shape}"
            )
        names, unit_of_item = np.unique(labels, return_inverse=True)
        units = Units(n_items, len(names), unit_of_item)
    if units.n_units < 2:
        raise ValueError(
            f"{units.n_units} {'item' if groups is None else 'group'} cannot be resampled; "
            "an interval needs at least 2, and should have 30 or more"
        )
    return units


def evaluate(statistic: Callable[..., Any], arrays: Sequence[Array], counts: Array) -> Floats:
    """Give the statistic for every row of counts.

    Parameters
    ----------
    statistic : callable
        ``statistic(*arrays) -> float``, or an object that also has ``weighted(*arrays, counts)``.
    arrays : sequence of ndarray, each of shape (N, ...)
        The sample.
    counts : ndarray, shape (B, N)
        Whole numbers.

    Returns
    -------
    values : ndarray of float64, shape (B,)
        One for each row.

    Examples
    --------
    >>> evaluate(np.mean, [np.array([1.0, 4.0])], np.array([[1, 1], [2, 0]])).tolist()
    [2.5, 1.0]
    """
    weighted = getattr(statistic, "weighted", None)
    if weighted is not None:
        return np.asarray(weighted(*arrays, counts), dtype=np.float64)  # (B,)
    values = np.empty(len(counts))
    for number, row in enumerate(counts):
        items = np.repeat(np.arange(len(row)), row.astype(np.int64))
        values[number] = statistic(*(array[items] for array in arrays))
    return values  # (B,)


def collect(evaluate_block: Callable[[Array], Floats], blocks: Iterator[Array]) -> Floats:
    """Evaluate all blocks; drop the few undefined values, refuse many.

    Parameters
    ----------
    evaluate_block : callable
        Counts (B, N) to values (B,).
    blocks : iterator of ndarray
        From `Units.draws` or `Units.leave_one_out`.

    Returns
    -------
    values : ndarray of float64
        The finite ones.

    Raises
    ------
    ValueError
        If more than 5 % are NaN or infinite.
    """
    values: Floats = np.concatenate([evaluate_block(counts) for counts in blocks])
    undefined = ~np.isfinite(values)
    if undefined.mean() > MOST_UNDEFINED:
        raise ValueError(
            f"the statistic is NaN or infinite in {int(undefined.sum())} of {values.size} "
            "resamples; there are too few items, or too few of one class, for an interval"
        )
    return np.asarray(values[~undefined])


def once(n_items: int) -> Array:
    """Give the counts of the sample itself: each item once.

    Parameters
    ----------
    n_items : int
        Number of items.

    Returns
    -------
    counts : ndarray of float32, shape (1, N)
        Ones.
    """
    return np.ones((1, n_items), dtype=np.float32)


def aligned(*arrays: npt.ArrayLike) -> list[Array]:
    """Return arrays of one length, or say which are not.

    Parameters
    ----------
    *arrays : array_like, shape (N, ...)
        What is resampled together.

    Returns
    -------
    arrays : list of ndarray
        The same.

    Raises
    ------
    ValueError
        If there is none, or lengths differ.
    """
    checked = [np.asarray(array) for array in arrays]
    if not checked or any(array.ndim == 0 for array in checked):
        raise ValueError("pass at least one array, each with the items along its first axis")
    lengths = [len(array) for array in checked]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"arrays have {lengths} items along their first axis; give the same items, in the same "
            "order, to each"
        )
    return checked


def check_resamples(n_resamples: int) -> None:
    """Refuse so few resamples that their quantiles mean nothing.

    Parameters
    ----------
    n_resamples : int
        Number of resamples.

    Raises
    ------
    ValueError
        If it is below 50.
    """
    if n_resamples < FEWEST_RESAMPLES:
        raise ValueError(
            f"n_resamples must be at least {FEWEST_RESAMPLES}, got {n_resamples}; use 1,000"
        )
