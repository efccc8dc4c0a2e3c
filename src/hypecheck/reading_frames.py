"""Where genes lie, base by base: codon positions, and what lies between genes.

Design choices

- Positions count along the gene, so that 3 is the position that often wobbles, on either strand.
- A base that several coding regions claim, or that belongs to a gene without a protein, has no
  clean label: it is `UNCLEAR`, and no comparison uses it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

BETWEEN, UNCLEAR = 0, -1


def codon_positions(
    features: pd.DataFrame, length: int, *, coding: tuple[str, ...] = ("CDS", "ORF")
) -> npt.NDArray[np.int8]:
    """Label every base of a sequence by its place in a codon.

    Parameters
    ----------
    features : pandas.DataFrame
        Rows of one record with columns start and end (0-based, half-open), strand and kind.
    length : int
        Bases in the record.
    coding : tuple of str, default ("CDS", "ORF")
        Kinds of feature that are read in codons.

    Returns
    -------
    labels : ndarray of int8, shape (length,)
        1, 2 or 3 in exactly one coding region, 0 outside every feature, -1 where it is unclear.

    Raises
    ------
    ValueError
        If a feature reaches beyond the sequence.

    Examples
    --------
    >>> genes = pd.DataFrame({"start": [1], "end": [7], "strand": ["-"], "kind": ["CDS"]})
    >>> codon_positions(genes, 9).tolist()
    [0, 3, 2, 1, 3, 2, 1, 0, 0]
    """
    rows = features[features["kind"] != "region"]
    if len(rows) and (rows["start"].min() < 0 or rows["end"].max() > length):
        raise ValueError(
            f"features reach from {rows['start'].min()} to {rows['end'].max()}, the sequence has "
            f"{length} bases; give the features of this record only"
        )
    labels = np.zeros(length, dtype=np.int8)
    claims = np.zeros(length, dtype=np.int16)
    for start, end, strand, kind in rows[["start", "end", "strand", "kind"]].itertuples(
        index=False
    ):
        if kind not in coding:
            labels[start:end] = np.where(labels[start:end] > 0, labels[start:end], UNCLEAR)
            continue
        codons = (np.arange(end - start) % 3 + 1).astype(np.int8)
        labels[start:end] = codons if strand == "+" else codons[::-1]
        claims[start:end] += 1
    labels[claims > 1] = UNCLEAR
    return labels
