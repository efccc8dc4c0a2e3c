"""Reading saturation editing, and scores that need no model."""

import numpy as np
import pandas as pd

from hypecheck.edited_gene import read_edited_gene
from hypecheck.models import Transformer, TransformerConfig
from hypecheck.tokenizers import CharTokenizer
from hypecheck.variants import Variants, log_likelihood_ratio


def table(text="ACGTTACG", first=100):
    rows = [
        (first + i, ref, alt, "LOF" if i == 2 else "FUNC", 1.0 * i, 0.5)
        for i, ref in enumerate(text)
        for alt in "ACGT"
        if alt != ref
    ]
    columns = [
        "position (hg19)",
        "reference",
        "alt",
        "func.class",
        "CADD.score",
        "phyloP (mammalian)",
    ]
    return pd.DataFrame(rows, columns=columns)


def test_windows_break_at_gaps():
    gene = read_edited_gene(pd.concat([table(), table("GG", first=150)]))
    assert [len(one) for one in gene.windows] == [8, 2]
    assert gene.windows[0].tolist() == [0, 1, 2, 3, 3, 0, 1, 2]
    assert gene.lost.sum() == 3


def test_rows_without_a_score_are_left_out():
    frame = table()
    frame.loc[0, "CADD.score"] = np.nan
    assert len(read_edited_gene(frame).lost) == len(frame) - 1


def test_trivial_scores_by_hand():
    gene = read_edited_gene(table("ACGT"))
    found = gene.trivial()
    at = {(int(o), int(a)): i for i, (o, a) in enumerate(zip(gene.offset, gene.alt, strict=True))}
    assert found["transversion"][at[0, 2]] == 0  # A to G
    assert found["transversion"][at[0, 1]] == 1  # A to C
    assert found["CpG broken"][at[1, 0]] == found["CpG broken"][at[2, 0]] == 1
    assert found["CpG broken"][at[0, 1]] == 0
    assert found["GC around"].tolist() == [0.5] * 12
    assert found["nearness to the middle"][at[1, 0]] > found["nearness to the middle"][at[0, 1]]


def test_llr_is_minus_that_of_variants():
    gene = read_edited_gene(table())
    model = Transformer(TransformerConfig(vocab_size=7, d_model=16, n_heads=2), seed=0)
    variants = Variants(gene.offset, gene.ref, gene.alt)
    expected = log_likelihood_ratio(
        model, CharTokenizer(), gene.windows[0], variants, both_strands=True
    )
    assert np.allclose(gene.llr(model, CharTokenizer()), -expected)
