"""What context saves: by hand, and against sequences whose answer is known."""

import numpy as np
import pandas as pd

from hypecheck.context_share import NO_RESIDUE, RESIDUES, coding_saving, context_shares, proteome
from hypecheck.datasets import Genome, load
from hypecheck.sequences import encode


def genome(letters, features):
    columns = ["record", "start", "end", "strand", "kind", "name"]
    provenance = load("genome_ecoli_k12", offline=True).provenance
    return Genome(
        "toy", {"one": encode(letters)}, pd.DataFrame(features, columns=columns), provenance
    )


def test_proteome_reads_both_strands():
    toy = genome(
        "ATGGCCTAATTAGGCCAT", [("one", 0, 9, "+", "CDS", "a"), ("one", 9, 18, "-", "CDS", "b")]
    )
    letters = "".join((RESIDUES + "*")[code] for code in proteome(toy))
    assert letters == "MA**MA**"
    assert NO_RESIDUE == 20


def test_random_symbols_save_nothing_and_a_chain_much():
    rng = np.random.default_rng(0)
    noise = rng.integers(4, size=40_000).astype(np.uint8)
    assert abs(context_shares(noise, 4, [1, 2], block=1000)[0].mean()) < 0.01
    chain = np.cumsum(rng.random(40_000) < 0.1).astype(np.uint8) % 4
    shares, order = context_shares(chain, 4, [1], block=1000)
    assert order == 1
    assert shares.mean() > 0.5


def test_regular_coding_sequence_is_cheaper():
    rng = np.random.default_rng(0)
    letters = "".join("ACG" * 200 + "".join(rng.choice(list("ACGT"), 600)) for _ in range(20))
    features = [("one", 1200 * i, 1200 * i + 600, "+", "CDS", str(i)) for i in range(20)]
    assert coding_saving(genome(letters, features), order=2, block=2400).min() > 0.5
