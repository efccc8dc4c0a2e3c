"""How much of what a model may read does it use? Scramble what is far, and watch the prediction.

Design choices

- The middle token is hidden and predicted. Everything farther away than a distance is replaced by
  the same stretch of another sequence: it still looks like DNA, and knows nothing of this place.
- What is kept is measured in bits that the true token gains; a change that costs no bits is not
  counted as use of context.
- The effective context is the shortest window that keeps a stated share of the gain of the whole
  window, by linear interpolation between the distances tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hypecheck.intervals import Interval
from hypecheck.models import Transformer
from hypecheck.seeds import seeds_and_items_interval
from hypecheck.tokenizers import MASK

Tokens = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Predict = Callable[[Tokens], Floats]


def swap_far(tokens: npt.ArrayLike, middle: int, distance: int, donors: npt.ArrayLike) -> Tokens:
    """Replace all tokens farther than a distance from the middle by those of other sequences.

    Parameters
    ----------
    tokens : array_like of int, shape (N, T)
        Token ids.
    middle : int
        Place of the predicted token.
    distance : int
        Tokens up to this far from it are kept.
    donors : array_like of int, shape (N,)
        For every row, the row from which the far tokens come.

    Returns
    -------
    swapped : ndarray of int64, shape (N, T)

    Examples
    --------
    >>> swap_far([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], 2, 1, [1, 0])
    array([[ 6,  2,  3,  4, 10],
           [ 1,  7,  8,  9,  5]])
    """
    rows = np.asarray(tokens, dtype=np.int64)
    far = np.abs(np.arange(rows.shape[1]) - middle) > distance
    return np.where(far, rows[np.asarray(donors)], rows)


def hidden_token_bits(model: Transformer, middle: int, *, batch_size: int = 500) -> Predict:
    """Make a predictor of the hidden middle token.

    Parameters
    ----------
    model : Transformer
        A masked language model.
    middle : int
        Place of the token.
    batch_size : int, default 500
        Sequences at a time.

    Returns
    -------
    predict : callable
        ``predict(tokens)`` gives log2 probabilities, shape (N, V), of all tokens at that place.

    Examples
    --------
    >>> from hypecheck.models import TransformerConfig
    >>> model = Transformer(TransformerConfig(vocab_size=7, d_model=8))
    >>> hidden_token_bits(model, 1)(np.array([[3, 4, 5]])).shape
    (1, 7)
    """

    def predict(tokens: Tokens) -> Floats:
        shown = torch.from_numpy(np.asarray(tokens, dtype=np.int64)).clone()
        shown[:, middle] = MASK
        torch.set_num_threads(1)
        with torch.inference_mode():
            parts = [
                model.decode(model.embed(ids)[:, middle]).log_softmax(-1)
                for ids in torch.split(shown, batch_size)
            ]
        return torch.cat(parts).double().numpy() / float(np.log(2))

    return predict


def bits_kept(
    predict: Predict,
    tokens: npt.ArrayLike,
    middle: int,
    distances: Sequence[int],
    rng: np.random.Generator,
) -> Floats:
    """Measure how well the middle token is predicted when only its neighbourhood is true.

    Parameters
    ----------
    predict : callable
        As `hidden_token_bits` makes it.
    tokens : array_like of int, shape (N, T)
        Sequences, at least two.
    middle : int
        Place of the predicted token.
    distances : sequence of int
        Tokens up to this far away are kept; the largest should reach the ends.
    rng : numpy.random.Generator
        Pairs every sequence with another one, the same for all distances.

    Returns
    -------
    bits : ndarray of float64, shape (N, len(distances))
        log2 probability of the true token; larger is better.

    Raises
    ------
    ValueError
        If there is only one sequence, which has no other to swap with.

    Examples
    --------
    >>> def copies_left(tokens):  # predicts what stands one place to the left of place 2
    ...     return np.log2(np.where(np.arange(4) == tokens[:, [1]], 0.97, 0.01))
    >>> tokens = np.repeat([[0], [1], [2], [3]], 5, axis=1)
    >>> bits_kept(copies_left, tokens, 2, [0, 1], np.random.default_rng(0)).mean(0).round(2)
    array([-6.64, -0.04])
    """
    rows = np.asarray(tokens, dtype=np.int64)
    if len(rows) < 2:
        raise ValueError("one sequence has no other to swap its far parts with; give at least two")
    order = rng.permutation(len(rows))
    donors = np.empty_like(order)
    donors[order] = np.roll(order, 1)  # a cycle: nobody is its own donor
    truth = rows[:, middle]
    return np.stack(
        [
            predict(swap_far(rows, middle, distance, donors))[np.arange(len(rows)), truth]
            for distance in distances
        ],
        axis=1,
    )


def effective_share(
    bits: npt.ArrayLike, distances: Sequence[int], *, n_tokens: int, keep: float = 0.9
) -> float:
    """Give the share of the window that keeps most of what the window is worth.

    Parameters
    ----------
    bits : array_like of float, shape (N, D)
        From `bits_kept`, the first distance 0 and the last one the whole window.
    distances : sequence of int, length D
        Ascending.
    n_tokens : int
        Length T of the whole window.
    keep : float, default .9
        Share of the gain of the whole window over no window that must be kept.

    Returns
    -------
    share : float
        (2 d + 1) / T at the distance d from which on the share is kept; at most 1. It is 0 where
        the whole window gains nothing, since then no context is used.

    Examples
    --------
    >>> effective_share([[0.0, 0.5, 1.0, 1.0]], [0, 1, 2, 5], n_tokens=11, keep=0.75)
    0.36363636363636365
    """
    means = np.asarray(bits, dtype=np.float64).mean(axis=0)
    gain = means - means[0]
    if gain[-1] <= 0:
        return 0.0
    short = np.flatnonzero(gain < keep * gain[-1])
    last = int(short[-1])  # from the next distance on, enough is kept
    step = (keep * gain[-1] - gain[last]) / (gain[last + 1] - gain[last])
    distance = distances[last] + step * (distances[last + 1] - distances[last])
    return float(min(1.0, (2 * distance + 1) / n_tokens))


def effective_share_interval(
    bits: npt.ArrayLike,
    distances: Sequence[int],
    *,
    n_tokens: int,
    rng: np.random.Generator,
    keep: float = 0.9,
    n_resamples: int = 300,
) -> Interval:
    """Give the effective share with its interval over seeds and windows.

    Parameters
    ----------
    bits : array_like of float, shape (S, N, D)
        Of S trained models on the same N windows.
    distances, n_tokens, keep
        As in `effective_share`.
    rng, n_resamples
        As in `hypecheck.seeds.seeds_and_items_interval`.

    Returns
    -------
    share : Interval

    Examples
    --------
    >>> bits = np.zeros((2, 9, 3)) + [0.0, 1.0, 1.0]
    >>> rng = np.random.default_rng(0)
    >>> print(effective_share_interval(bits, [0, 1, 4], n_tokens=9, rng=rng))
    .311 [.311, .311]
    """

    def share(_truth: Any, one: Any) -> float:
        return effective_share(one, distances, n_tokens=n_tokens, keep=keep)

    runs = np.asarray(bits, dtype=np.float64)
    truth = np.zeros(runs.shape[1])
    return seeds_and_items_interval(share, truth, runs, rng=rng, n_resamples=n_resamples)
