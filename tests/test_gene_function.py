"""Genes cut by hand, and a made-up task that codon usage solves."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hypecheck.gene_function import (
    WINDOW,
    made_up_functions,
    mean_vectors,
    read_functions,
    score_genes,
)
from hypecheck.sequences import reverse_complement


@pytest.fixture(scope="module")
def task():
    return made_up_functions(240, np.random.default_rng(0))


def genome_and_info():
    genome = np.random.default_rng(1).integers(4, size=3_000_000).astype(np.uint8)
    starts = np.arange(1000, 2_990_000, 30_000)
    info = pd.DataFrame({"start": starts, "stop": starts + 3 * WINDOW + 3, "strand": "+"})
    info.loc[info.index % 2 == 1, "strand"] = "-"
    info["cog"] = np.resize(
        ["Lipid transport and metabolism", "Transcription", "Function unknown"], len(info)
    )
    return genome, info


def test_windows_are_read_in_the_frame_of_the_gene():
    genome, info = genome_and_info()
    found = read_functions(genome, info)
    assert len(found.labels) == (info["cog"] != "Function unknown").sum()
    assert found.labels[:4].tolist() == [1, 0, 1, 0]
    start, stop = info.loc[1, ["start", "stop"]]  # on the other strand
    body = reverse_complement(genome[start:stop])
    np.testing.assert_array_equal(found.windows[found.gene_of == 1][0], body[:WINDOW])
    assert found.codons.sum(axis=1) == pytest.approx(1)


def test_regions_do_not_cross_the_split():
    split = (found := read_functions(*genome_and_info())).split
    parts = [set(found.regions[part]) for part in (split.train, split.validation, split.test)]
    assert parts[0].isdisjoint(parts[2])
    assert parts[1].isdisjoint(parts[2])


def test_a_test_gene_that_shares_a_word_is_dropped():
    genome, info = genome_and_info()
    clean = read_functions(genome, info)
    train, test = clean.split.train[0], clean.split.test[0]
    kept = info[info["cog"] != "Function unknown"].reset_index(drop=True)
    source = clean.windows[clean.gene_of == train][0]
    row = kept.loc[test]
    place = slice(int(row["start"]), int(row["start"]) + WINDOW)
    genome[place] = source if row["strand"] == "+" else reverse_complement(source)
    if row["strand"] == "-":
        return  # the end of the gene, which may not be a window
    assert test not in read_functions(genome, info).split.test


def test_no_gene_is_an_error():
    genome, info = genome_and_info()
    with pytest.raises(ValueError, match="no gene"):
        read_functions(genome, info.assign(cog="Function unknown"))


def test_codon_usage_knows_the_made_up_classes(task):
    truth = task.labels[task.split.test]
    assert roc_auc_score(truth, score_genes(task, task.codons)) > 0.9
    noise = np.random.default_rng(0).normal(size=(len(task.labels), 5))
    assert 0.3 < roc_auc_score(truth, score_genes(task, noise)) < 0.7


def test_vectors_of_windows_are_averaged(task):
    found = mean_vectors(task, lambda windows: (windows == 0).mean(axis=1, keepdims=True))
    assert found[3, 0] == pytest.approx((task.windows[task.gene_of == 3] == 0).mean())
