"""How sure the members of an ensemble are, and how far they disagree.

Design choices

- Everything is computed from one array of probabilities, members first, so that no measure can
  look at other positions than its neighbour.
- Two directions of the divergence from uniform are told apart. KL(P‖U) is log2 V less the entropy
  of P and cannot exceed log2 V. KL(U‖P), which the paper's code computes, weighs the tail: it has
  no bound, and one token that is thought impossible can dominate it.
- Pairs are kept as a matrix, so that members can be left out (`hypecheck.jackknife`).

References
----------
Rochkoulets, Vrček and Šikić 2026, arXiv:2604.04287 (the measures, as in the authors' code).
Lin 1991, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37, 145–151.
Depeweg et al. 2018, Decomposition of uncertainty in Bayesian deep learning, arXiv:1710.07283
(total entropy = mean entropy + mutual information).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt

from hypecheck.scores import jensen_shannon_distance

Floats = npt.NDArray[np.float64]
TINY = 1e-10  # the paper's code clamps probabilities here


def entropy_bits(probabilities: npt.ArrayLike) -> Floats:
    """Entropy of each distribution.

    Parameters
    ----------
    probabilities : array_like, shape (..., V)
        Rows sum to 1.

    Returns
    -------
    bits : ndarray of float64, shape (...)
        0 for certainty, log2 V for a uniform guess.

    Examples
    --------
    >>> entropy_bits([[0.5, 0.5], [1.0, 0.0]]).tolist()
    [1.0, 0.0]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    logs = np.log2(p, where=p > 0, out=np.zeros_like(p))
    return np.asarray(-(p * logs).sum(axis=-1) + 0.0)


def kl_from_uniform(probabilities: npt.ArrayLike) -> Floats:
    """Divergence KL(U‖P) of each distribution from the uniform one, the uniform one first.

    Parameters
    ----------
    probabilities : array_like, shape (..., V)
        Rows sum to 1; below 1e-10 they count as 1e-10.

    Returns
    -------
    bits : ndarray of float64, shape (...)
        0 for a uniform guess; no bound above.

    See Also
    --------
    entropy_bits : log2 V less the entropy is the divergence the other way round.

    Examples
    --------
    >>> kl_from_uniform([[0.5, 0.5], [0.125, 0.875]]).round(3).tolist()
    [0.0, 0.596]
    """
    p = np.maximum(np.asarray(probabilities, dtype=np.float64), TINY)
    return np.asarray(-np.log2(p).mean(axis=-1) - np.log2(p.shape[-1]) + 0.0)


def top_p(probabilities: npt.ArrayLike, share: float) -> Floats:
    """Keep the likeliest tokens that together reach a share, and let them sum to 1 again.

    Parameters
    ----------
    probabilities : array_like, shape (..., V)
        Rows sum to 1.
    share : float
        Above 0, at most 1; a small share leaves the one token that is preferred.

    Returns
    -------
    reweighted : ndarray of float64, shape (..., V)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If the share is out of range.

    Examples
    --------
    >>> top_p([0.5, 0.3, 0.2], 0.7).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie above 0 and at most 1, got {share}")
    p = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-p, axis=-1, kind="stable")
    falling = np.take_along_axis(p, order, axis=-1)
    before = np.cumsum(falling, axis=-1) - falling
    kept = np.where(before < share - 1e-12, falling, 0.0)
    found = np.empty_like(p)
    np.put_along_axis(found, order, kept, axis=-1)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def js_distances(probabilities: npt.ArrayLike, *, share: float = 1.0) -> Floats:
    """Mean Jensen–Shannon distance between every two members.

    Parameters
    ----------
    probabilities : array_like, shape (S, N, V)
        Members, positions, tokens.
    share : float, default 1
        Top-p reweighting before the comparison; 1 for none.

    Returns
    -------
    distances : ndarray of float64, shape (S, S)
        Symmetric, zero on the diagonal.

    Examples
    --------
    >>> js_distances([[[1.0, 0.0]], [[0.0, 1.0]]]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    p = p / p.sum(axis=-1, keepdims=True)
    p = top_p(p, share) if share < 1 else p
    return _pairs(len(p), lambda a, b: float(jensen_shannon_distance(p[a], p[b]).mean()))


def top1_disagreement(probabilities: npt.ArrayLike) -> Floats:
    """Share of positions at which two members prefer different tokens.

    Parameters
    ----------
    probabilities : array_like, shape (S, N, V)
        Members, positions, tokens.

    Returns
    -------
    shares : ndarray of float64, shape (S, S)
        Symmetric, zero on the diagonal.

    Examples
    --------
    >>> top1_disagreement([[[0.6, 0.4]] * 2, [[0.6, 0.4], [0.4, 0.6]]]).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    first = np.asarray(probabilities).argmax(axis=-1)
    return _pairs(len(first), lambda a, b: float((first[a] != first[b]).mean()))


def split_entropy(probabilities: npt.ArrayLike) -> tuple[float, float]:
    """Split the ensemble's entropy into what members agree on not knowing, and their disagreement.

    Parameters
    ----------
    probabilities : array_like, shape (S, N, V)
        Members, positions, tokens.

    Returns
    -------
    mean_entropy : float
        Mean entropy of the members, in bits.
    information : float
        Mutual information of prediction and member, in bits: the entropy of the members' mean less
        their mean entropy; the Jensen–Shannon divergence of all members at once.

    Examples
    --------
    >>> split_entropy([[[1.0, 0.0]], [[0.0, 1.0]]])
    (0.0, 1.0)
    """
    p = np.asarray(probabilities, dtype=np.float64)
    mean_entropy = float(entropy_bits(p).mean())
    return mean_entropy, float(entropy_bits(p.mean(axis=0)).mean()) - mean_entropy


def without_each(probabilities: npt.ArrayLike) -> list[Floats]:
    """Give the ensembles that lack one member.

    Parameters
    ----------
    probabilities : array_like, shape (S, ...)
        Members first.

    Returns
    -------
    smaller : list of ndarray, shape (S - 1, ...)
        One for each member.

    Examples
    --------
    >>> [one.tolist() for one in without_each([1.0, 2.0, 3.0])]
    [[2.0, 3.0], [1.0, 3.0], [1.0, 2.0]]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    return [np.delete(p, one, axis=0) for one in range(len(p))]


def base_marginals(probabilities: npt.ArrayLike, alphabet_size: int, place: int) -> Floats:
    """Turn predictions of whole blocks into predictions of one letter of the block.

    Parameters
    ----------
    probabilities : array_like, shape (..., A ** k)
        Blocks of k letters, numbered with the first letter counting most.
    alphabet_size : int
        Number of letters A.
    place : int
        Which letter of the block, from 0.

    Returns
    -------
    marginals : ndarray of float64, shape (..., A)
        Of that letter.

    Raises
    ------
    ValueError
        If the number of blocks is no power of the alphabet, or there is no such place.

    Examples
    --------
    >>> base_marginals([0.1, 0.2, 0.3, 0.4], 2, 0).round(3).tolist()
    [0.3, 0.7]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    length = round(np.log(p.shape[-1]) / np.log(alphabet_size))
    if alphabet_size**length != p.shape[-1] or not 0 <= place < length:
        raise ValueError(
            f"{p.shape[-1]} tokens are not all blocks over {alphabet_size} letters with a place "
            f"{place}; use it for block k-mers only"
        )
    blocks = p.reshape(*p.shape[:-1], *[alphabet_size] * length)
    kept = p.ndim - 1 + place
    others = tuple(axis for axis in range(p.ndim - 1, blocks.ndim) if axis != kept)
    return np.asarray(blocks.sum(axis=others))


def _pairs(n_members: int, measure: Callable[[int, int], float]) -> Floats:
    found = np.zeros((n_members, n_members))
    for a, b in combinations(range(n_members), 2):
        found[a, b] = found[b, a] = measure(a, b)
    return found
