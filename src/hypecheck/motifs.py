"""Words and motifs: base probabilities, drawing from them, writing into rows, mutating."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import UNKNOWN, Codes, encode
from hypecheck.worlds import Bools, Floats, Ints

Motif: TypeAlias = str | npt.NDArray[np.floating[Any]]


def consensus_matrix(consensus: str, *, noise: float = 0.0) -> Floats:
    """Turn a word into base probabilities.

    Parameters
    ----------
    consensus : str
        The word; an ambiguous letter stands for any base.
    noise : float, default 0
        Probability that a base is another one, each of three alike.

    Returns
    -------
    matrix : ndarray of float64, shape (W, 4)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If the word is empty, or `noise` no probability.

    Examples
    --------
    >>> consensus_matrix("AC", noise=0.3).round(1).tolist()
    [[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]]
    """
    check_probability("noise", noise)
    rows = np.full((UNKNOWN + 1, 4), noise / 3)
    np.fill_diagonal(rows, 1 - noise)
    rows[UNKNOWN] = 0.25
    return _check_matrix(rows[encode(consensus)])


def motif_matrix(motif: Motif) -> Floats:
    """Read base probabilities from a word or a matrix.

    Parameters
    ----------
    motif : str or ndarray of shape (W, 4)
        A word without noise, or probabilities of A, C, G, T at each of W places.

    Returns
    -------
    matrix : ndarray of float64, shape (W, 4)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If the shape is another one, or rows are no probabilities.

    Examples
    --------
    >>> motif_matrix("G").tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    """
    return consensus_matrix(motif) if isinstance(motif, str) else _check_matrix(motif)


def draw_words(matrix: Floats, n: int, rng: np.random.Generator) -> Codes:
    """Draw words from base probabilities, each base by itself.

    Parameters
    ----------
    matrix : ndarray of float64, shape (W, 4)
        Rows sum to 1.
    n : int
        Number of words.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    words : ndarray of uint8, shape (n, W)
        Codes 0–3.

    Examples
    --------
    >>> draw_words(motif_matrix("GAT"), 1, np.random.default_rng(0))
    array([[2, 0, 3]], dtype=uint8)
    """
    steps = matrix.cumsum(axis=1)[:, :-1]  # (W, 3)
    words: Codes = (rng.random((n, len(matrix), 1)) >= steps).sum(axis=2).astype(np.uint8)
    return words


def write_words(codes: Codes, rows: Ints, starts: Ints, words: Codes) -> None:
    """Overwrite one word per row, in place.

    Parameters
    ----------
    codes : ndarray of uint8, shape (N, L)
        Changed.
    rows, starts : ndarray of int64, shape (n,)
        Where each word begins.
    words : ndarray of uint8, shape (n, W)
        What is written.

    Examples
    --------
    >>> codes = np.zeros((1, 4), dtype=np.uint8)
    >>> write_words(codes, np.array([0]), np.array([1]), encode(["GT"]))
    >>> codes
    array([[0, 2, 3, 0]], dtype=uint8)
    """
    codes[rows[:, None], starts[:, None] + np.arange(words.shape[1])] = words


def mutate(codes: Codes, rate: float, rng: np.random.Generator) -> tuple[Codes, Bools]:
    """Replace known bases by one of the three others.

    Parameters
    ----------
    codes : ndarray of uint8
        Codes 0–4, any shape.
    rate : float
        Probability that a base is replaced.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    codes : ndarray of uint8
        A changed copy.
    mutated : ndarray of bool
        Where it differs.

    Raises
    ------
    ValueError
        If `rate` is no probability.

    Examples
    --------
    >>> mutate(encode("AAN"), 1.0, np.random.default_rng(0))[1].tolist()
    [True, True, False]
    """
    check_probability("mutation rate or noise", rate)
    hit = (rng.random(codes.shape) < rate) & (codes != UNKNOWN)
    other = (codes + rng.integers(1, 4, codes.shape, dtype=np.uint8)) % 4
    return np.where(hit, other, codes).astype(np.uint8), hit


def check_probability(name: str, value: float) -> None:
    """Raise unless a number is a probability.

    Parameters
    ----------
    name : str
        What the message calls it.
    value : float
        The number.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.

    Examples
    --------
    >>> check_probability("share", 0.5)
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")


def _check_matrix(matrix: npt.ArrayLike) -> Floats:
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows):
        raise ValueError(
            f"a motif needs shape (W, 4) with W at least 1, got {rows.shape}; columns: A, C, G, T"
        )
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1):
        raise ValueError(
            f"rows of a motif must be probabilities, got sums {rows.sum(axis=1).round(3).tolist()};"
            " divide counts by their row sums"
        )
    return rows
