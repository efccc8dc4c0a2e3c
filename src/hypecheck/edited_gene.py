"""Every single-letter change of a gene with its measured effect, and scores that need no model.

Design choices

- The reference is put together from the bases that the table gives, in windows without a gap of
  ten positions or more; a position that is not in the table is an unknown base.
- Trivial scores have their sign fixed beforehand: more means more likely to lose the function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from hypecheck.models import Transformer
from hypecheck.sequences import UNKNOWN, Codes, encode
from hypecheck.tokenizers import Tokenizer
from hypecheck.variants import Variants, log_likelihood_ratio

Floats = npt.NDArray[np.float64]
GAP = 10
CONTEXT = 110  # bp: no edited exon of BRCA1 has more


@dataclass(frozen=True, eq=False)
class EditedGene:
    """Variants of a gene, where they lie, and what they do.

    Attributes
    ----------
    windows : list of ndarray of uint8
        Reference, one for each stretch that was edited.
    window, offset : ndarray of int64, shape (V,)
        Where each variant lies.
    ref, alt : ndarray of uint8, shape (V,)
        Its bases.
    lost : ndarray of int64, shape (V,)
        1 where the function is lost, 0 otherwise.
    positions : ndarray of int64, shape (V,)
        On the chromosome: the three changes of one base belong together.
    cadd, phylop : ndarray of float64, shape (V,)
        Scores of others, as the table gives them.
    """

    windows: list[Codes]
    window: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    ref: npt.NDArray[np.uint8]
    alt: npt.NDArray[np.uint8]
    lost: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    cadd: Floats
    phylop: Floats

    def llr(self, model: Transformer, tokenizer: Tokenizer) -> Floats:
        """Score each variant by how much less likely it is than the reference, both strands.

        Parameters
        ----------
        model : Transformer
            Masked, reading single letters.
        tokenizer : Tokenizer
            Its tokenizer.

        Returns
        -------
        score : ndarray of float64, shape (V,)
            Minus the log-likelihood ratio: more is more suspicious.
        """
        score = np.empty(len(self.lost))
        for number, codes in enumerate(self.windows):
            rows = self.window == number
            variants = Variants(self.offset[rows], self.ref[rows], self.alt[rows])
            llr = log_likelihood_ratio(
                model, tokenizer, codes, variants, context=CONTEXT, both_strands=True
            )
            score[rows] = -llr
        return score

    def trivial(self) -> dict[str, Floats]:
        """Give scores that need no model.

        Returns
        -------
        scores : dict of str to ndarray of float64, shape (V,)
            Whether the change swaps purine and pyrimidine, whether it breaks a CpG, the share of
            G and C around it, and nearness to the middle of its window.
        """
        pairs = zip(self.window, self.offset, self.ref, strict=True)
        rows = [_surroundings(self.windows[w], int(at), int(base)) for w, at, base in pairs]
        cpg, gc, middle = np.array(rows, dtype=np.float64).T
        transversion = (self.ref % 2 != self.alt % 2).astype(np.float64)  # A, G: 0, 2; C, T: 1, 3
        return {
            "transversion": transversion,
            "CpG broken": cpg,
            "GC around": gc,
            "nearness to the middle": middle,
        }


def read_edited_gene(frame: pd.DataFrame) -> EditedGene:
    """Read a table of saturation editing.

    Parameters
    ----------
    frame : DataFrame
        Columns as in Findlay et al. (2018), Supplementary Table 1.

    Returns
    -------
    gene : EditedGene
        Rows without CADD or phyloP are left out.

    References
    ----------
    Findlay et al. (2018), "Accurate classification of BRCA1 variants with saturation genome
    editing", Nature 562, 217–222.

    Examples
    --------
    >>> frame = pd.DataFrame({"position (hg19)": [5, 5, 7], "reference": list("AAG"),
    ...     "alt": list("CGT"), "func.class": ["LOF", "FUNC", "INT"], "CADD.score": [9, 2, 3],
    ...     "phyloP (mammalian)": [1, 1, 0]})
    >>> gene = read_edited_gene(frame)
    >>> gene.windows[0].tolist(), gene.lost.tolist()
    ([0, 4, 2], [1, 0, 0])
    """
    known = frame.dropna(subset=["CADD.score", "phyloP (mammalian)"])
    places = known["position (hg19)"].to_numpy(dtype=np.int64)
    distinct = np.unique(places)
    number = np.concatenate([[0], np.cumsum(np.diff(distinct) >= GAP)])
    window = number[np.searchsorted(distinct, places)]
    first = np.array([distinct[number == w].min() for w in range(number.max() + 1)])
    last = np.array([distinct[number == w].max() for w in range(number.max() + 1)])
    windows = [
        np.full(b - a + 1, UNKNOWN, dtype=np.uint8) for a, b in zip(first, last, strict=True)
    ]
    ref = encode("".join(known["reference"]))
    offset = places - first[window]
    for w, at, base in zip(window, offset, ref, strict=True):
        windows[w][at] = base
    return EditedGene(
        windows=windows,
        window=window,
        offset=offset,
        ref=ref,
        alt=encode("".join(known["alt"])),
        lost=np.asarray(known["func.class"] == "LOF", dtype=np.int64),
        positions=places,
        cadd=known["CADD.score"].to_numpy(dtype=np.float64),
        phylop=known["phyloP (mammalian)"].to_numpy(dtype=np.float64),
    )


def _surroundings(codes: Codes, at: int, base: int) -> tuple[float, float, float]:
    """Say whether a CpG is broken, the share of G and C around, and nearness to the middle."""
    after = int(codes[at + 1]) if at + 1 < len(codes) else UNKNOWN
    before = int(codes[at - 1]) if at > 0 else UNKNOWN
    cpg = (base == 1 and after == 2) or (base == 2 and before == 1)
    around = codes[max(at - 10, 0) : at + 11]
    gc = float(np.isin(around, (1, 2)).mean())
    return float(cpg), gc, -abs(at - (len(codes) - 1) / 2)
