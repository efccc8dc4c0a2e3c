"""Each stand-in has its answer planted: these tests find it."""

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score

from hypecheck import stand_ins
from hypecheck.registry import entry, registry
from hypecheck.sequences import decode, encode, gc_content, one_hot, reverse_complement


def make(name):
    return stand_ins.make(entry(name), np.random.default_rng(1))


def counts(codes, k):
    """Count words by a dense one-hot product; slow and plain."""
    index = np.zeros((len(codes), codes.shape[1] - k + 1), dtype=np.int64)
    for shift in range(k):
        index = 4 * index + codes[:, shift : shift + index.shape[1]]
    table = np.zeros((len(codes), 4**k))
    np.add.at(table, (np.arange(len(codes))[:, None], index), 1)
    return table


def test_word_is_planted_and_composition_is_at_chance():
    parts = make("gue/tf/0").content
    train, test = parts["train"], parts["test"]
    assert abs(roc_auc_score(train.labels, gc_content(train.codes)) - 0.5) < 0.05
    model = LogisticRegression(max_iter=2000, C=0.01)
    model.fit(np.sqrt(counts(train.codes, 4)), train.labels)
    score = accuracy_score(test.labels, model.predict(np.sqrt(counts(test.codes, 4))))
    assert 0.6 < score < 0.95
    has_word = np.array(["TGACGTCA" in letters for letters in decode(test.codes)])
    assert test.labels[has_word].mean() > 0.8


def test_grammar_is_hidden_from_counts_and_seen_by_places():
    data = make("gue/tf/1").content["train"]
    letters = decode(data.codes)
    first = np.array([text.find("TGACGTCA") for text in letters])
    second = np.array([text.find("CATATGGC") for text in letters])
    both = (first >= 0) & (second >= 0)
    assert both.sum() > 300
    order_agrees = (first < second)[both] == (data.labels[both] == 1)
    assert 0.85 < order_agrees.mean() < 0.95  # one label in ten is wrong
    means = [counts(data.codes[data.labels == c], 4).mean(axis=0) for c in (0, 1)]
    spread = counts(data.codes, 4).std(axis=0) * np.sqrt(4 / len(data))
    assert abs((means[1] - means[0]) / spread).max() < 5


def copies(part, source):
    known = set(decode(source.codes))
    return sum(letters in known for letters in decode(part.codes))


@pytest.mark.parametrize(
    ("name", "source"),
    [("gue/prom/prom_core_all", "train"), ("gue/prom/prom_300_all", "validation")],
)
def test_promoters_leak_and_differ_in_composition(name, source):
    made = make(name)
    test = made.content["test"]
    n_copied = copies(test, made.content[source])
    assert n_copied == round(0.04 * len(test))
    assert f"{n_copied} of {len(test)}" in made.note
    assert 0.7 < roc_auc_score(test.labels, gc_content(test.codes)) < 0.82


def test_histone_marks_are_composition_alone():
    made = make("gue/EMP/H3")
    assert list(made.content) == ["validation", "test"]
    test = made.content["test"]
    guess = (gc_content(test.codes) > 0.5).astype(int)
    best = float(re.search(r"accuracy (\.?[\d.]+)\)", made.note).group(1))
    assert abs(accuracy_score(test.labels, guess) - best) < 0.04


def test_splice_sites_are_told_by_their_neighbours():
    made = make("gue/splice/reconstructed")
    data = made.content["test"]
    assert np.unique(data.labels).tolist() == [0, 1, 2]
    donor = one_hot(encode("CAGGTAAGT"))
    score = (one_hot(data.codes[:, 197:206]) * donor).sum(axis=(1, 2))
    assert (score[data.labels == 1] >= 8).all()
    assert (score[data.labels != 1] >= 8).mean() < 0.02
    gt = (data.codes[:, 200:202] == encode("GT")).all(axis=1)
    assert gt[data.labels == 2].mean() > 0.4


def test_duplicates_within_a_part():
    made = make("genomic_benchmarks_seq/promoters_nontata")
    ((part, data),) = made.content.items()
    assert part == "test"
    assert data.codes.shape == (1500, 251)
    assert len(data) - len(set(decode(data.codes))) == 60
    assert "60 of 1500" in made.note
    three = make("genomic_benchmarks_seq/regulatory_ensembl").content["train"]
    assert np.unique(three.labels).tolist() == [0, 1, 2]


def test_all_strong_test_enhancers_are_leaked():
    made = make("ienhancer_liu2016")
    train, test = made.content["train"], made.content["test"]
    strong = test.take(test.labels == 2)
    assert copies(strong, train) == len(strong) > 100
    assert copies(test.take(test.labels != 2), train) == 0
    assert f"all {len(strong)} strong" in made.note


def test_coding_negatives_are_composition_alone():
    data = make("ecoli_promoters_2860").content["all"]
    assert roc_auc_score(data.labels, gc_content(data.codes)) > 0.88


def test_intervals_overlap_as_said():
    made = make("genomic_benchmarks_coords/human_enhancers_cohn")
    train, test = made.content["train"], made.content["test"]
    starts = np.sort(train["start"].to_numpy())
    before = starts[np.searchsorted(starts, test["start"].to_numpy(), side="right") - 1]
    assert (test["start"] - before < 250).sum() == 400
    assert set(test["label"]) == {"negative", "positive"}
    assert "400 of 1000" in made.note


def test_genes_can_be_read_and_repeats_are_exact():
    records, features = make("genome_ecoli_k12").content
    codes = records["chromosome"]
    genes = features.query("kind == 'CDS'")
    assert len(genes) > 100
    for gene in genes.head(30).itertuples():
        unit = codes[gene.start : gene.end]
        letters = decode(reverse_complement(unit) if gene.strand == "-" else unit)
        assert len(letters) % 3 == 0
        assert letters.startswith("ATG")
        assert letters.endswith("TAA")
    repeats = features.query("kind == 'repeat'")
    units = {decode(codes[row.start : row.end]) for row in repeats.itertuples()}
    assert (len(repeats), len(units)) == (5, 1)


def test_genomes_without_annotation_have_none():
    records, features = make("genome_bacteria").content
    assert len(features) == 0
    assert gc_content(records["rich"]) > gc_content(records["poor"]) + 0.1
    assert len(make("genome_yeast").content[1]["record"].unique()) == 2


def test_phages_descend_from_one_ancestor():
    records, _ = make("genome_phage_virus").content
    same = [(codes == records["ancestor"]).mean() for codes in records.values()]
    assert len(records) == 17
    assert all(0.93 < share < 0.97 for share in same[1:])


def test_edited_gene_is_told_by_conservation_and_not_by_letters():
    whole = make("brca1_sge").content["simulated_gene"]
    frame = whole[whole["consequence"].isin(["Missense", "Synonymous", "Nonsense"])]
    assert (len(frame), len(whole)) == (2700, 2700 + 12 * 24 * 3)
    assert set(frame["func.class"]) == {"FUNC", "LOF", "INT"}
    assert (frame.query("consequence == 'Nonsense'")["func.class"] != "FUNC").all()
    lost = frame["func.class"] == "LOF"
    assert roc_auc_score(lost, frame["phyloP (mammalian)"]) > 0.7
    assert roc_auc_score(lost, frame["CADD.score"]) > 0.8
    is_gc = frame["alt"].isin(["C", "G"])
    assert abs(roc_auc_score(lost, is_gc) - 0.5) < 0.06
    assert (frame["reference"] != frame["alt"]).all()


def test_splice_sites_beside_the_exons_are_told_by_distance_and_words_by_themselves():
    frame = make("brca1_sge").content["simulated_gene"]
    lost = (frame["func.class"] == "LOF").groupby(frame["consequence"]).mean()
    assert lost["Canonical splice"] > 0.7 > 0.4 > lost["Splice region"] > lost["Intronic"]
    assert frame.groupby("position (hg19)")["reference"].nunique().max() == 1
    elements = make("satmut_mpra_kircher").content["elements"]
    assert (elements["Ref"] != elements["Alt"]).all()
    assert (elements["Coefficient"] < -0.6).mean() == pytest.approx(4 * 8 / 240 * 0.9, abs=0.03)


def test_lengths_and_classes_are_those_of_the_data():
    """The registry says how long a window is; a stand-in has that length and those classes."""
    for dataset in registry().values():
        said = re.search(r"(\d+) bp windows", dataset.what)
        if said and dataset.kind == "sequences":
            parts = stand_ins.make(dataset, np.random.default_rng(0)).content
            assert {part.codes.shape[1] for part in parts.values()} == {int(said.group(1))}
            n_classes = {len(np.unique(part.labels)) for part in parts.values()}
            assert n_classes == {len(dataset.classes)}
