"""What context saves: proteins against DNA, coding sequence against the rest.

Design choices

- Markov models are the measure: they see a few symbols to the left, and need no training to speak
  of. What they cannot see (homology, structure, distance) is not measured here.
- The order is chosen on half of the held-out blocks, and the saving told of the other half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from Bio.Seq import Seq

from hypecheck.datasets import Genome
from hypecheck.markov import MarkovModel
from hypecheck.sequences import decode

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
NO_RESIDUE = len(RESIDUES)
HELD_OUT = 5  # one block in
Floats = npt.NDArray[np.float64]


def proteome(genome: Genome, *, n_genes: int | None = None) -> npt.NDArray[np.uint8]:
    """Translate the coding sequences of a bacterial genome into one row of residues.

    Parameters
    ----------
    genome : Genome
        With features of kind "CDS".
    n_genes : int, optional
        Take the first so many only.

    Returns
    -------
    residues : ndarray of uint8
        0 to 19; 20 stands between two proteins and for anything else.
    """
    genes = genome.features[genome.features["kind"] == "CDS"].drop_duplicates(["start", "end"])
    table = np.full(256, NO_RESIDUE, dtype=np.uint8)
    for number, letter in enumerate(RESIDUES):
        table[ord(letter)] = number
    proteins = []
    columns = ("record", "start", "end", "strand")
    for record, start, end, strand in genes[list(columns)].iloc[:n_genes].itertuples(index=False):
        letters = Seq(str(decode(genome.records[record][start : end - (end - start) % 3])))
        coding = letters if strand == "+" else letters.reverse_complement()
        proteins.append(str(coding.translate()))
    text = "*".join(proteins) + "*"
    return table[np.frombuffer(text.encode(), dtype=np.uint8)]


def context_shares(
    symbols: npt.NDArray[np.uint8], alphabet_size: int, orders: Sequence[int], *, block: int = 5000
) -> tuple[Floats, int]:
    """Say which share of the unigram loss the best Markov order saves, block by block.

    Parameters
    ----------
    symbols : ndarray of uint8, shape (L,)
        Symbols below `alphabet_size`; others are unknown.
    alphabet_size : int
        Number of symbols.
    orders : sequence of int
        Orders to choose among, 0 not needed.
    block : int, default 5000
        Symbols of a block; every fifth is held out.

    Returns
    -------
    shares : ndarray of float64
        One for every second held-out block.
    order : int
        The best on the other held-out blocks.

    Examples
    --------
    >>> symbols = np.tile(np.array([0, 1], dtype=np.uint8), 500)
    >>> shares, order = context_shares(symbols, 2, [1], block=50)
    >>> order, bool((shares > 0.9).all())
    (1, True)
    """
    rows = symbols[: len(symbols) // block * block].reshape(-1, block)
    held_out = np.arange(len(rows)) % HELD_OUT == HELD_OUT // 2
    train = np.where(held_out[:, None], np.uint8(alphabet_size), rows).ravel()
    bits = {
        order: -np.nanmean(
            MarkovModel(order, alphabet_size).fit(train).log2_probabilities(rows[held_out]), axis=1
        )
        for order in (0, *orders)
    }
    best = min(bits, key=lambda order: float(bits[order][::2].mean()))
    told = slice(1, None, 2)
    return 1 - bits[best][told] / bits[0][told], best


def coding_saving(genome: Genome, *, order: int = 5, block: int = 20_000) -> Floats:
    """Bits per base that a Markov model saves on coding against non-coding sequence.

    Parameters
    ----------
    genome : Genome
        With features of kind "CDS".
    order : int, default 5
        Bases of context.
    block : int, default 20000
        Bases; the model is fitted to every second block, and measured on the others.

    Returns
    -------
    saved : ndarray of float64
        Loss of the non-coding bases minus loss of the coding ones, one number for each block that
        holds at least 200 of both.
    """
    record, codes = max(genome.records.items(), key=lambda item: len(item[1]))
    genes = genome.features[
        (genome.features["kind"] == "CDS") & (genome.features["record"] == record)
    ]
    coding = np.zeros(len(codes), dtype=np.bool_)
    for start, end in zip(genes["start"], genes["end"], strict=True):
        coding[start:end] = True
    rows = codes[: len(codes) // block * block].reshape(-1, block)
    inside = coding[: rows.size].reshape(-1, block)
    bits = -MarkovModel(order).fit(rows[::2]).log2_probabilities(rows[1::2])
    saved = [
        np.nanmean(row[~mask]) - np.nanmean(row[mask])
        for row, mask in zip(bits, inside[1::2], strict=True)
        if min(mask.sum(), (~mask).sum()) >= 200
    ]
    return np.array(saved)
