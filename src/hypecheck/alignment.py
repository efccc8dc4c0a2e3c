"""Relatives laid over one reference, base under base: the raw material of conservation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hypecheck.sequences import UNKNOWN, Codes, decode


def columns(reference: Codes, relatives: Sequence[Codes]) -> Codes:
    """Align every relative to the reference, and cut it to the reference's columns.

    Parameters
    ----------
    reference : ndarray of uint8, shape (L,)
        Codes 0–4.
    relatives : sequence of ndarray of uint8
        Sequences so similar that few bases are inserted or lost.

    Returns
    -------
    rows : ndarray of uint8, shape (1 + N, L)
        The reference first; ``UNKNOWN`` where a relative has no base for a column.

    References
    ----------
    Needleman and Wunsch (1970), "A general method applicable to the search for similarities in the
    amino acid sequence of two proteins", Journal of Molecular Biology 48, 443–453.

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> columns(encode("ACGTACGT"), [encode("ACGACGT")]).tolist()
    [[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 4, 0, 1, 2, 3]]
    """
    from Bio.Align import PairwiseAligner  # slow to import, and seldom needed

    aligner = PairwiseAligner(
        mode="global", match_score=2, mismatch_score=-1, open_gap_score=-6, extend_gap_score=-1
    )
    rows = np.full((1 + len(relatives), len(reference)), UNKNOWN, dtype=np.uint8)
    rows[0] = reference
    for row, relative in zip(rows[1:], relatives, strict=True):
        if len(relative) == len(reference):  # the same columns already
            row[:] = relative
            continue
        for here, there in zip(
            *aligner.align(decode(reference), decode(relative))[0].aligned, strict=True
        ):
            row[slice(*here)] = relative[slice(*there)]
    return rows


def variable(rows: Codes) -> npt.NDArray[np.bool_]:
    """Say which columns hold two different known bases or more.

    Parameters
    ----------
    rows : ndarray of uint8, shape (N, L)
        From `columns`.

    Returns
    -------
    variable : ndarray of bool, shape (L,)

    Examples
    --------
    >>> from hypecheck.sequences import encode
    >>> variable(encode(["ACG", "ATN"])).tolist()
    [False, True, False]
    """
    kinds = np.stack([(rows == base).any(axis=0) for base in range(UNKNOWN)]).sum(axis=0)
    different: npt.NDArray[np.bool_] = kinds > 1
    return different
