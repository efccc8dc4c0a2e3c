"""All measures of one ensemble at once, as plain numbers that a record can hold.

Design choices

- Pairs stay matrices and members stay lists, so that a page can leave members out.
- Loss and disagreement are read from the same predictions of the same hidden tokens.
- Letters are asked as well as tokens where a token is a block of letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from hypecheck import disagreement, embedding_stability
from hypecheck.fisher import fisher_information, group_sizes
from hypecheck.models import Transformer
from hypecheck.objectives import FIRST_ORDINARY_ID

Floats = npt.NDArray[np.float64]
Measures = dict[str, Any]
TOP_P = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
NEIGHBOURS = (1, 3, 5, 10, 20)
LOCAL = 10  # neighbours whose order is compared
N_GROUPS = 24  # stretches of neighbouring windows


def measure_predictions(probabilities: npt.ArrayLike, targets: npt.ArrayLike) -> Measures:
    """Measure what members say of the same positions.

    Parameters
    ----------
    probabilities : array_like, shape (S, N, P, V)
        Members, windows, positions, tokens.
    targets : array_like of int, shape (N, P)
        The true tokens.

    Returns
    -------
    measures : dict
        "loss", "entropy", "kl_from_uniform", "accuracy" (a list over members, bits where there is a
        unit), "entropy_groups" (S, G), "js" (a matrix for each top-p share), "top1" (a matrix),
        "mean_entropy", "information" and "information_without" (a list over members left out).

    Examples
    --------
    >>> p = np.full((3, 24, 1, 4), 0.25)
    >>> measures = measure_predictions(p, np.zeros((24, 1), int))
    >>> measures["loss"], measures["information"]
    ([2.0, 2.0, 2.0], 0.0)
    """
    p, true = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    flat = p.reshape(len(p), -1, p.shape[-1])  # (S, N P, V)
    chosen = np.take_along_axis(flat, true.reshape(1, -1, 1), axis=-1)[..., 0]
    entropies = disagreement.entropy_bits(p).mean(axis=2)  # (S, N)
    groups = np.array_split(entropies, min(N_GROUPS, entropies.shape[1]), axis=1)
    mean_entropy, information = disagreement.split_entropy(flat)
    return {
        "loss": _list(-np.log2(np.maximum(chosen, disagreement.TINY)).mean(axis=1)),
        "entropy": _list(entropies.mean(axis=1)),
        "entropy_groups": _list(np.stack([g.mean(axis=1) for g in groups], axis=1)),
        "kl_from_uniform": _list(disagreement.kl_from_uniform(flat).mean(axis=1)),
        "accuracy": _list((flat.argmax(axis=-1) == true.ravel()).mean(axis=1)),
        "js": {str(s): _list(disagreement.js_distances(flat, share=s)) for s in TOP_P},
        "top1": _list(disagreement.top1_disagreement(flat)),
        "mean_entropy": round(mean_entropy, 6),
        "information": round(information, 6),
        "information_without": [
            round(disagreement.split_entropy(one)[1], 6) for one in disagreement.without_each(flat)
        ],
    }


def measure_letters(probabilities: npt.ArrayLike, alphabet_size: int, width: int) -> Measures:
    """Measure the disagreement about single letters of blocks, averaged over their places.

    Parameters
    ----------
    probabilities : array_like, shape (S, N, P, A ** width)
        Predictions of whole blocks.
    alphabet_size, width : int
        Letters A, and letters of a block.

    Returns
    -------
    measures : dict
        "entropy" (a list over members, bits per letter), "js" and "top1" (matrices),
        "information" and "information_without".

    Examples
    --------
    >>> measure_letters(np.full((3, 2, 1, 16), 1 / 16), 4, 2)["entropy"]
    [2.0, 2.0, 2.0]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    places = [
        disagreement.base_marginals(p, alphabet_size, place).reshape(len(p), -1, alphabet_size)
        for place in range(width)
    ]

    def mean(measure: Any) -> Floats:
        return np.asarray(np.mean([measure(one) for one in places], axis=0))

    without = zip(*(disagreement.without_each(one) for one in places), strict=True)
    return {
        "entropy": _list(mean(lambda one: disagreement.entropy_bits(one).mean(axis=1))),
        "js": _list(mean(disagreement.js_distances)),
        "top1": _list(mean(disagreement.top1_disagreement)),
        "information": round(float(mean(lambda one: disagreement.split_entropy(one)[1])), 6),
        "information_without": [
            round(float(np.mean([disagreement.split_entropy(one)[1] for one in some])), 6)
            for some in without
        ],
    }


def measure_embeddings(tables: Sequence[npt.ArrayLike]) -> Measures:
    """Compare the members' tables of token vectors, pair by pair.

    Parameters
    ----------
    tables : sequence of array_like, shape (V, D)
        One for each member.

    Returns
    -------
    measures : dict
        Matrices (S, S): "neighbours" for each k, "local_spearman", "procrustes", "cka".

    Examples
    --------
    >>> tables = [np.random.default_rng(0).normal(size=(30, 4))] * 3
    >>> measure_embeddings(tables)["cka"][0][1]
    1.0
    """
    ways = {
        "local_spearman": lambda a, b: embedding_stability.local_spearman(a, b, LOCAL),
        "procrustes": embedding_stability.procrustes_disparity,
        "cka": embedding_stability.linear_cka,
    }
    found: Measures = {name: _pairs(tables, way) for name, way in ways.items()}
    found["neighbours"] = {
        str(k): _pairs(tables, lambda a, b, k=k: embedding_stability.neighbour_overlap(a, b, k))
        for k in NEIGHBOURS
    }
    return found


def token_tables(members: Sequence[Transformer], *, decoder: bool = False) -> list[Floats]:
    """Read the vectors of the ordinary tokens.

    Parameters
    ----------
    members : sequence of Transformer
        The members.
    decoder : bool, default False
        Read the output table of untied models instead.

    Returns
    -------
    tables : list of ndarray of float64, shape (V, D)
        One for each member.

    Raises
    ------
    ValueError
        If the output table is asked of a model whose weights are tied.
    """
    tables = []
    for member in members:
        layer = member.decoder if decoder else member.token_embedding
        if layer is None:
            raise ValueError("the weights are tied: there is one table; leave decoder out")
        tables.append(layer.weight.detach().double().numpy()[FIRST_ORDINARY_ID:])
    return tables


def measure_fisher(members: Sequence[Transformer], windows: npt.ArrayLike, place: int) -> Measures:
    """Fisher information of every member by group.

    Parameters
    ----------
    members : sequence of Transformer
        Masked models.
    windows : array_like of int64, shape (N, T)
        Token ids.
    place : int
        Which token is hidden.

    Returns
    -------
    measures : dict
        "empirical" and "true", a list over members of a dict by group; "sizes" of the groups.
    """
    return {
        "empirical": [fisher_information(one, windows, place) for one in members],
        "true": [fisher_information(one, windows, place, labels="true") for one in members],
        "sizes": group_sizes(members[0]),
    }


def _pairs(tables: Sequence[npt.ArrayLike], measure: Any) -> list[Any]:
    found = np.eye(len(tables))
    for a, b in combinations(range(len(tables)), 2):
        found[a, b] = found[b, a] = measure(tables[a], tables[b])
    return _list(found)


def _list(values: npt.ArrayLike) -> list[Any]:
    rounded: list[Any] = np.asarray(values).round(5).tolist()
    return rounded
