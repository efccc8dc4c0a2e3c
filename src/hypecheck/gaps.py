"""Hidden bases, told from both sides by a Markov model: the floor under masked language models.

Design choices

- A masked model sees both sides of a gap, so that a Markov model read from left to right is no fair
  floor for it. The same counts also answer the question from both sides, by Bayes' rule.
- Bases are hidden at equal distances, far enough apart that no gap lies in the context of another:
  the network and the Markov model then see the same visible bases.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hypecheck.markov import MarkovModel
from hypecheck.sequences import UNKNOWN, Codes, check_codes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def hidden_places(length: int, *, every: int = 16, first: int = 8) -> Ints:
    """Choose the positions of a window that are hidden.

    Parameters
    ----------
    length : int
        Bases in a window.
    every : int, default 16
        Distance between hidden bases.
    first : int, default 8
        The first hidden position, counted from 0.

    Returns
    -------
    places : ndarray of int64, shape (P,)
        Positions, one at least.

    Raises
    ------
    ValueError
        If no position is hidden.

    Examples
    --------
    >>> hidden_places(48).tolist()
    [8, 24, 40]
    """
    places = np.arange(first, length, every)
    if every < 1 or first < 0 or not places.size:
        raise ValueError(
            f"no position is hidden in {length} bases from {first} on, every {every}; "
            f"take first below {length} and every of 1 or more"
        )
    return places


def gap_bits(model: MarkovModel, codes: Codes, places: npt.ArrayLike) -> Floats:
    """Bits that a Markov model pays for hidden bases, given the bases on both sides.

    Parameters
    ----------
    model : MarkovModel
        Fitted; it uses up to its order of bases on each side.
    codes : ndarray of uint8, shape (N, L)
        Windows of known bases.
    places : array_like of int64, shape (P,)
        Hidden positions, further apart than the order.

    Returns
    -------
    bits : ndarray of float64, shape (N, P)
        -log2 P(base | both sides).

    Raises
    ------
    ValueError
        If a gap lies in the context of another, or a hidden base is unknown.

    Notes
    -----
    With x_b the window with b in the gap, P(b | rest) is proportional to the product of
    P(x_j | x_{j-k} … x_{j-1}) over the gap and the k bases to its right; no other factor holds b.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = MarkovModel(1).fit(encode("ACGT" * 50))
    >>> bool(gap_bits(model, encode(["ACGTACGT"]), [4])[0, 0] < 0.05)
    True
    """
    array, at = check_codes(codes, ndim=2), np.asarray(places, dtype=np.int64)
    order = model.order
    if at.size > 1 and np.diff(np.sort(at)).min() <= order:
        raise ValueError(
            f"hidden places {at.tolist()} are not further apart than the order {order}; "
            "hide fewer bases, or lower the order"
        )
    if (array[:, at] >= UNKNOWN).any():
        raise ValueError("a hidden base is unknown, so there is nothing to tell; drop such windows")
    bits = np.empty((len(array), at.size))
    for number, place in enumerate(at.tolist()):
        logs = _log2_in_gap(model, array, place)
        bits[:, number] = -logs[np.arange(len(array)), array[:, place]]
    return bits


def certainty(model: MarkovModel, codes: Codes) -> Floats:
    """Tell how sure a Markov model is of each base, given the bases on both sides.

    Parameters
    ----------
    model : MarkovModel
        Fitted.
    codes : ndarray of uint8, shape (N, L)
        Windows of known bases.

    Returns
    -------
    certainty : ndarray of float64, shape (N, L)
        2 bits less the entropy of the prediction: 0 for a guess among four, 2 for certainty.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> model = MarkovModel(1).fit(encode("ACGT" * 50))
    >>> bool(certainty(model, encode(["ACGTACGT"])).min() > 1.5)
    True
    """
    array = check_codes(codes, ndim=2)
    sure = np.empty(array.shape)
    for place in range(array.shape[1]):
        logs = _log2_in_gap(model, array, place)
        sure[:, place] = 2 + (np.exp2(logs) * logs).sum(axis=1)
    return sure


def _log2_in_gap(model: MarkovModel, codes: Codes, place: int) -> Floats:
    """Log2 probability of each of the four bases at one place, (N, 4)."""
    left = max(0, place - model.order)
    piece = np.repeat(codes[:, left : place + model.order + 1], 4, axis=0)  # (4 N, W)
    piece[:, place - left] = np.tile(np.arange(4), len(codes))
    logs = np.nansum(model.log2_probabilities(piece)[:, place - left :], axis=1).reshape(-1, 4)
    normalised: Floats = logs - np.logaddexp2.reduce(logs, axis=1, keepdims=True)
    return normalised
