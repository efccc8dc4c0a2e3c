"""The best filler of gaps that counting can make: the reference for what a masked model learnt.

Design choices

- As `hypecheck.gaps`, for tokens instead of bases: counts read from left to right answer from both
  sides by Bayes' rule, so that the reference sees what a masked model sees.
- The order is chosen on validation windows, and the bits told of the test windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypecheck.markov import MarkovModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Filler:
    """What counting pays for the hidden tokens.

    Attributes
    ----------
    order : int
        Of the best Markov model on the validation windows; 0 if no context helped.
    unigram, best : ndarray of float64, shape (N, P)
        Bits of the table of frequencies and of the best model, on the test windows.
    """

    order: int
    unigram: Floats
    best: Floats


def fill_bits(model: MarkovModel, windows: npt.ArrayLike, places: Sequence[int]) -> Floats:
    """Bits that a Markov model pays for hidden tokens, given the tokens on both sides.

    Parameters
    ----------
    model : MarkovModel
        Fitted, over any alphabet.
    windows : array_like of int, shape (N, T)
        Known tokens.
    places : sequence of int
        Hidden positions, further apart than the order.

    Returns
    -------
    bits : ndarray of float64, shape (N, P)
        -log2 P(token | both sides).

    Raises
    ------
    ValueError
        If a gap lies in the context of another.

    Notes
    -----
    P(v | rest) is proportional to the product of P(x_j | x_{j-k} … x_{j-1}), with v in the gap,
    over the gap and the k tokens to its right.

    Examples
    --------
    >>> model = MarkovModel(1, 3).fit([0, 1, 2] * 50)
    >>> bool(fill_bits(model, [[0, 1, 2, 0, 1, 2]], [4])[0, 0] < 0.05)
    True
    """
    array, order = np.asarray(windows), model.order
    if len(places) > 1 and np.diff(np.sort(places)).min() <= order:
        raise ValueError(f"hidden places {list(places)} are not further apart than order {order}")
    size = model.alphabet_size
    bits = np.empty((len(array), len(places)))
    for number, place in enumerate(places):
        left = max(0, place - order)
        piece = np.repeat(array[:, left : place + order + 1], size, axis=0)  # (N V, W)
        piece[:, place - left] = np.tile(np.arange(size), len(array))
        logs = model.log2_probabilities(piece)[:, place - left :].sum(axis=1).reshape(-1, size)
        chosen = logs[np.arange(len(array)), array[:, place]]
        bits[:, number] = np.logaddexp2.reduce(logs, axis=1) - chosen
    return bits


def best_filler(
    train: npt.ArrayLike,
    validation: npt.ArrayLike,
    test: npt.ArrayLike,
    places: Sequence[int],
    *,
    alphabet_size: int,
    orders: Sequence[int] = (1, 2, 3),
) -> Filler:
    """Choose the order on validation windows and pay for the test windows.

    Parameters
    ----------
    train : array_like of int, shape (n_tokens,)
        To count in.
    validation, test : array_like of int, shape (N, T)
        Windows.
    places : sequence of int
        Hidden positions.
    alphabet_size : int
        Number of tokens.
    orders : sequence of int, default 1 to 3
        To choose among; 0 is always one of them.

    Returns
    -------
    filler : Filler
        Its choice and its bits.

    Examples
    --------
    >>> rows = np.tile([0, 1, 2], 20)
    >>> best_filler(rows, rows[None], rows[None], [9, 30], alphabet_size=3).order > 0
    True
    """
    codes = np.asarray(train).astype(np.uint8)
    models = {order: MarkovModel(order, alphabet_size).fit(codes) for order in (0, *orders)}
    losses = {order: fill_bits(m, validation, places).mean() for order, m in models.items()}
    order = min(losses, key=lambda one: float(losses[one]))
    return Filler(order, fill_bits(models[0], test, places), fill_bits(models[order], test, places))
