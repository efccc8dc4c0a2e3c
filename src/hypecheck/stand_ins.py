"""Simulated stand-ins: each has the question of its chapter planted in it, with a known answer.

Design choices

- A stand-in has the type, parts, classes and sequence length of the data it stands in for, and at
  most 3,000 rows in a part, so that a chapter runs unchanged and fast.
- Its note says what was planted in one sentence: what a fair experiment must find.
- It is never meant to look like biology; no figure on it says anything about a published model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from hypecheck.made_up_screens import made_up_cells, made_up_fitness, made_up_ranks
from hypecheck.motifs import consensus_matrix
from hypecheck.paired_worlds import made_up_pairs
from hypecheck.registry import DataSet
from hypecheck.sequences import (
    Codes,
    LabelledSequences,
    decode,
    encode,
    reverse_complement,
)
from hypecheck.simulate import (
    composition_classes,
    homologous_families,
    label_noise,
    motif_grammar,
    planted_motifs,
)

ROWS = {"train": 3000, "validation": 500, "test": 500}
FEATURES = ["record", "start", "end", "strand", "kind", "name"]
WRONG_LABELS = 0.1
COPIED = 0.04

_SENSE_CODONS = [
    codon
    for codon in (a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT")
    if codon not in ("TAA", "TAG", "TGA")
]
_RECORDS = {  # kbp, share of G and C, kind of its genes
    "genome_ecoli_k12": {"chromosome": (200, 0.51, "CDS")},
    "genome_bacteria": {"near": (60, 0.52, ""), "rich": (60, 0.62, ""), "poor": (60, 0.4, "")},
    "genome_yeast": {"I": (60, 0.38, "ORF"), "II": (60, 0.38, "ORF")},
    "genome_human_pieces": {"z": (100, 0.41, ""), "gata4": (40, 0.45, "")},
}


@dataclass(frozen=True)
class StandIn:
    """Simulated contents, and one sentence that says what was planted.

    Parameters
    ----------
    content : object
        As the reader of the kind gives it.
    note : str
        What a fair experiment must find.
    """

    content: Any
    note: str


Maker: TypeAlias = Callable[[DataSet, np.random.Generator], StandIn]


def make(dataset: DataSet, rng: np.random.Generator) -> StandIn | None:
    """Simulate a stand-in.

    Parameters
    ----------
    dataset : DataSet
        What it stands in for.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    stand_in : StandIn or None
        None if there is no sensible one.

    Examples
    --------
    >>> from hypecheck.registry import entry
    >>> parts = make(entry("gue/tf/0"), np.random.default_rng(0)).content
    >>> parts["train"].codes.shape
    (3000, 101)
    """
    maker = _maker(dataset)
    return maker(dataset, rng) if maker else None


def covers(dataset: DataSet) -> bool:
    """Say whether `make` has a stand-in, without making it.

    Parameters
    ----------
    dataset : DataSet
        What would be stood in for.

    Returns
    -------
    covered : bool
        True if there is one.
    """
    return _maker(dataset) is not None


def _maker(dataset: DataSet) -> Maker | None:
    makers = (maker for start, maker in _MAKERS.items() if dataset.name.startswith(start))
    return next(makers, None)


def binding_sites(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Sites in windows of 101 bp: a word for sets 0 and 2, a grammar of two words for set 1."""
    n_rows = sum(ROWS.values())
    background = rng.integers(0, 4, (n_rows, 101), dtype=np.uint8)
    first = consensus_matrix("TGACGTCA", noise=0.1)  # each base twice: composition tells nothing
    wrong = f"{WRONG_LABELS:.0%} of the labels are wrong, so the best accuracy is near .90"
    if dataset.name.endswith("/1"):
        second = consensus_matrix("CATATGGC", noise=0.1)
        world = motif_grammar(background, first, second, rng, rule="order", gaps=range(7, 20))
        note = (
            "TGACGTCA and CATATGGC are in every window and only their order tells the class, so "
            f"counts of words up to 8 letters are at chance and a model that sees places is not; "
            f"{wrong}"
        )
    else:
        world = planted_motifs(background, [first], rng)
        note = (
            "TGACGTCA (one base in ten mutated) is planted in class 1, so composition is at "
            f"chance and words of letters are not; {wrong}"
        )
    return StandIn(_deal(label_noise(world.data, WRONG_LABELS, rng).data, ROWS), note)


def promoters(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Promoters that differ in composition, and copies of training rows in the test part."""
    length = 300 if "_300_" in dataset.name else 70
    parts, best = _composition(length, 1.0, _official_parts(dataset), rng)
    other = "train" if "train" in parts else "validation"
    parts["test"], n_copied = _copy_into(parts["test"], parts[other], rng)
    note = (
        f"the classes differ in GC content alone (best accuracy {best:.2f}), and {n_copied} of "
        f"{len(parts['test'])} test sequences are exact copies from the {other} part"
    )
    return StandIn(parts, note)


def histone_marks(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Windows of 500 bp that differ in composition."""
    parts, best = _composition(500, 1.3, _official_parts(dataset), rng)
    return StandIn(
        parts,
        f"the classes differ in GC content alone, so nothing beats it (best accuracy {best:.2f})",
    )


def splice_sites(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Windows of 400 bp whose middle is an acceptor, a donor, or a decoy of either."""
    counts = _official_parts(dataset)
    n_rows = sum(counts.values())
    codes = rng.integers(0, 4, (n_rows, 400), dtype=np.uint8)
    labels = rng.choice(3, n_rows, p=[0.25, 0.25, 0.5])
    decoy = rng.integers(0, 2, n_rows)
    for row, (label, twin) in enumerate(zip(labels, decoy, strict=True)):
        if label == 0:
            tract = rng.choice([1, 3], 10).tolist()
            codes[row, 186:200] = [*tract, rng.integers(4), 1, 0, 2]
        elif label == 1:
            codes[row, 197:206] = [*encode("CAGGT"), rng.choice([0, 2]), 0, 2, 3]
        elif twin:
            codes[row, 198:200] = encode("AG")
        else:
            codes[row, 200:202] = encode("GT")
    note = (
        "donors read CAGGTRAGT and acceptors a run of ten C or T before NCAG, while half of the "
        "decoys have the same GT and half the same AG, so the neighbours decide and models of "
        "places win over counts"
    )
    return StandIn(_deal(LabelledSequences(codes, labels), counts), note)


def duplicated(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Sequences of one part with exact duplicates in it."""
    leaf = dataset.name.rpartition("/")[2]
    length = {"enhancers_cohn": 500, "promoters_nontata": 251}.get(leaf, 400)
    n_classes = 3 if leaf == "regulatory_ensembl" else 2
    parts, best = _composition(length, 1.0, _official_parts(dataset), rng, n_classes)
    ((part, data),) = parts.items()
    repeated, n_copied = _copy_into(data, data.take(slice(len(data) // 2)), rng)
    note = (
        f"the classes differ in GC content alone (best accuracy {best:.2f}), and {n_copied} of "
        f"{len(data)} sequences were overwritten by exact copies of others"
    )
    return StandIn({part: repeated}, note)


def leaked_enhancers(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Three classes by composition; every strong test enhancer is a copy of a training one."""
    parts, best = _composition(200, 1.2, {"train": 2968, "test": 400}, rng, 3)
    train, test = parts["train"], parts["test"]
    strong = np.flatnonzero(train.labels == 2)
    codes, places = test.codes.copy(), np.flatnonzero(test.labels == 2)
    codes[places] = train.codes[rng.choice(strong, len(places), replace=False)]
    parts["test"] = LabelledSequences(codes, test.labels)
    note = (
        f"the classes differ in GC content alone (best accuracy {best:.2f}), and all {len(places)} "
        "strong enhancers of the test part are exact copies of training sequences"
    )
    return StandIn(parts, note)


def coding_negatives(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Promoters against windows of another composition."""
    parts, best = _composition(81, 2.0, {"all": 3000}, rng)
    note = (
        "the negatives differ from the promoters in GC content alone, so composition reaches the "
        f"best accuracy, {best:.2f}"
    )
    return StandIn(parts, note)


def overlapping_intervals(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Intervals of 250 bp, 1 kb apart, of which test ones overlap training ones."""
    files = [file.path.rpartition("/")[2] for file in dataset.files]
    names = sorted({file.removesuffix(".csv.gz") for file in files if file.endswith(".gz")})
    n_train, n_test, n_overlapping = 3000, 1000, 400
    starts = 1000 * rng.permutation(n_train + n_test)
    moved = rng.choice(starts[:n_train], n_overlapping, replace=False) + 125
    starts[n_train : n_train + n_overlapping] = moved
    frame = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(starts))],
            "region": "chr1",
            "start": starts,
            "end": starts + 250,
            "strand": "+",
            "label": rng.choice(names, len(starts)),
        }
    )
    frames = {
        "train": frame[:n_train].reset_index(drop=True),
        "test": frame[n_train:].reset_index(drop=True),
    }
    note = f"{n_overlapping} of {n_test} test intervals overlap a training interval, by half"
    return StandIn(frames, note)


def genome(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Chromosomes with codon-biased genes among independent bases, and exact repeats."""
    records, tables = {}, [pd.DataFrame(columns=FEATURES)]
    for name, (kilobases, gc, kind) in _RECORDS[dataset.name].items():
        records[name], features = _chromosome(1000 * kilobases, gc, kind or "gene", rng)
        if kind:
            tables.append(features.assign(record=name)[FEATURES])
    annotated = tables[1:] or tables
    note = (
        "genes have biased codons, all between them are independent bases that no model can "
        "predict, and five exact copies of a 1,200 bp repeat lie across any random split"
    )
    return StandIn((records, pd.concat(annotated, ignore_index=True)), note)


def phages(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Sixteen relatives of one phage."""
    ancestor = rng.integers(0, 4, (1, 5386), dtype=np.uint8)
    world = homologous_families(ancestor, 16, rng, mutation_rate=0.05)
    records = {"ancestor": ancestor[0]}
    records |= {f"relative_{i}": codes for i, codes in enumerate(world.data.codes, start=1)}
    note = "sixteen genomes descend from one random ancestor, each base replaced with chance .05"
    return StandIn((records, pd.DataFrame(columns=FEATURES)), note)


def edited_gene(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Every single-nucleotide variant of a random gene of 300 codons, as in saturation editing."""
    from Bio.Seq import translate

    codons = rng.choice(_SENSE_CODONS, 300)
    variants = [
        (number, place, codon, codon[:place] + alt + codon[place + 1 :], alt)
        for number, codon in enumerate(codons.tolist())
        for place in range(3)
        for alt in "ACGT".replace(codon[place], "")
    ]
    number, place, before, after, alt = map(np.array, zip(*variants, strict=True))
    proteins = [translate("".join(words)) for words in (before, after)]
    residue_before, residue_after = (np.array(list(protein)) for protein in proteins)
    nonsense, synonymous = residue_after == "*", residue_after == residue_before
    needed = (rng.random(len(codons)) < 0.3)[number]  # residues that bear no change
    lost = nonsense | (needed & ~synonymous)
    phylop = rng.normal(3.0 * (needed & (place < 2)), 1.5)
    cadd = 10.0 * ~synonymous + 15.0 * nonsense + 3.0 * phylop + rng.normal(0, 5, len(lost))
    score = rng.normal(-2.0 * lost, 0.4)
    frame = pd.DataFrame(
        {
            "gene": "SIM",
            "position (hg19)": 3 * number + place + 1,
            "reference": [codon[at] for codon, at in zip(before, place, strict=True)],
            "alt": alt,
            "transcript_position": 3 * number + place + 1,
            "transcript_ref": [codon[at] for codon, at in zip(before, place, strict=True)],
            "transcript_alt": alt,
            "experiment": np.char.add("X", (1 + number // 25).astype(str)),  # 75 bp each
            "aa_pos": number + 1,
            "consequence": np.select(
                [nonsense, synonymous], ["Nonsense", "Synonymous"], "Missense"
            ),
            "function.score.mean": score,
            "func.class": np.select([score < -1.33, score > -0.75], ["LOF", "FUNC"], "INT"),
            "CADD.score": cadd,
            "phyloP (mammalian)": phylop,
        }
    )
    note = (
        "stop codons and changes of three residues in ten lose the function, and conservation "
        "knows those residues while the letters around a variant do not, so a sequence model "
        "must be at chance and phyloP must not"
    )
    return StandIn({"simulated_gene": frame}, note)


def edited_gene_with_flanks(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Exons of the edited gene, with twelve edited bases of intron on either side of each."""
    from Bio.Seq import translate

    coding = edited_gene(dataset, rng)
    frame = coding.content["simulated_gene"]
    exon = (frame["aa_pos"] - 1) // 25
    words = frame.drop_duplicates("position (hg19)").groupby("aa_pos")["reference"].agg("".join)
    place_in = (frame["position (hg19)"] - 1) % 3
    before = frame["aa_pos"].map(words)
    after = [w[:k] + a + w[k + 1 :] for w, k, a in zip(before, place_in, frame["alt"], strict=True)]
    inside = frame.assign(
        **{"position (hg19)": frame["position (hg19)"] + 200 * exon},
        aa_ref=[translate(word) for word in before],
        aa_alt=[translate(word) for word in after],
    )
    places = [
        (number, 275 * number + (-step if side else 75 + step - 1) + 1, step)
        for number in range(12)
        for side in (0, 1)
        for step in range(1, 13)
    ]
    number, place, step = np.repeat(np.array(places), 3, axis=0).T
    ref = np.repeat(rng.integers(4, size=len(places)), 3)
    alt = (ref + np.tile([1, 2, 3], len(places))) % 4
    kind = np.select([step <= 2, step <= 8], ["Canonical splice", "Splice region"], "Intronic")
    chance = np.select([step <= 2, step <= 8], [0.9, 0.25], 0.03)
    lost = np.repeat(rng.random(len(places)), 3) < chance  # a place matters, whatever the change
    score = rng.normal(-2.0 * lost, 0.4)
    phylop = rng.normal(2.5 * lost, 1.5)
    flanks = pd.DataFrame(
        {
            "gene": "SIM",
            "position (hg19)": place,
            "reference": np.array(list("ACGT"))[ref],
            "alt": np.array(list("ACGT"))[alt],
            "transcript_ref": np.array(list("ACGT"))[ref],
            "transcript_alt": np.array(list("ACGT"))[alt],
            "experiment": [f"X{one + 1}" for one in number],
            "consequence": kind,
            "function.score.mean": score,
            "func.class": np.select([score < -1.33, score > -0.75], ["LOF", "FUNC"], "INT"),
            "CADD.score": 10.0 * (step <= 2) + 3.0 * phylop + rng.normal(0, 5, len(lost)),
            "phyloP (mammalian)": phylop,
        }
    )
    note = coding.note + (
        "; beside the exons nine in ten changes of the first two bases lose it, and fewer further "
        "out, so that distance alone tells much of the pooled order and nothing within a class"
    )
    return StandIn({"simulated_gene": pd.concat([inside, flanks], ignore_index=True)}, note)


def mutated_elements(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Elements of 240 bp in which only changes inside planted words lower the activity."""
    elements = ("LDLR", "TERT-GBM", "F9", "HBG1", "GP1BA")
    word = np.array([3, 2, 0, 1, 2, 3, 1, 0])
    rows = []
    for name in elements:
        codes = rng.integers(4, size=240)
        starts = rng.permutation(np.arange(10, 220, 20))[:4]
        inside = np.zeros(240, dtype=bool)
        for start in starts:
            codes[start : start + 8] = word
            inside[start : start + 8] = True
        effect = rng.normal(np.where(inside, -1.0, 0.0)[:, None], 0.3, (240, 4))
        rows += [
            (name, 1000 + place, "ACGT"[codes[place]], "ACGT"[alt], effect[place, alt])
            for place in range(240)
            for alt in range(4)
            if alt != codes[place]
        ]
    frame = pd.DataFrame(rows, columns=["Element", "Pos", "Ref", "Alt", "Coefficient"])
    frame = frame.assign(
        Barcodes=30, Release="GRCh38", pValue=np.exp(-30 * frame["Coefficient"] ** 2)
    )
    note = (
        "only changes inside TGACGTCA lower the activity, so words carry over to new elements and "
        "what neighbours measured does not"
    )
    return StandIn({"elements": frame}, note)


def measured_promoters(_dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Promoters of 150 bp whose activity depends on one word, wherever it stands."""
    n_rows = 6000
    background = rng.integers(0, 4, (n_rows, 150), dtype=np.uint8)
    world = planted_motifs(background, [consensus_matrix("TATAATGC", noise=0.05)], rng)
    activity = np.exp(rng.normal(2.0 * world.data.labels, 0.5))
    frame = pd.DataFrame(
        {
            "name": [f"TSS_{row}" for row in range(n_rows)],
            "sequence": decode(world.data.codes),
            "tss_position": 700.0 * rng.permutation(n_rows),
            "strand": "+",
            "activity": activity,
            "category": np.where(activity > 3, "active", "inactive"),
        }
    )
    note = (
        "TATAATGC (one base in twenty mutated) raises the activity wherever it stands, so counts "
        "of words find it and base composition hardly does"
    )
    return StandIn({"TSS_characterization": frame}, note)


def _official_parts(dataset: DataSet) -> dict[str, int]:
    """Rows of the parts that the data set has files for."""
    stems = [file.path.rpartition("/")[2].split(".")[0] for file in dataset.files]
    parts = [{"dev": "validation"}.get(stem, stem) for stem in stems]
    rows = ROWS if "train" in parts and len(parts) > 1 else dict.fromkeys(ROWS, 1500)
    return {part: rows[part] for part in ROWS if part in parts}


def _deal(data: LabelledSequences, counts: Mapping[str, int]) -> dict[str, LabelledSequences]:
    """Deal rows, already in random order, to parts."""
    ends = np.cumsum(list(counts.values()))
    slices = zip(counts, ends - list(counts.values()), ends, strict=True)
    return {part: data.take(slice(start, end)) for part, start, end in slices}


def _composition(
    length: int,
    separation: float,
    counts: Mapping[str, int],
    rng: np.random.Generator,
    n_classes: int = 2,
) -> tuple[dict[str, LabelledSequences], float]:
    """Classes whose GC contents lie `separation` standard deviations of a window apart."""
    step = separation * 0.5 / np.sqrt(length)
    gc = 0.5 + step * (np.arange(n_classes) - (n_classes - 1) / 2)
    world = composition_classes(sum(counts.values()), length, rng, gc=gc.tolist())
    return _deal(world.data, counts), world.truth.best_accuracy


def _copy_into(
    data: LabelledSequences, source: LabelledSequences, rng: np.random.Generator
) -> tuple[LabelledSequences, int]:
    """Overwrite a share of the last rows by copies, label and all."""
    n_copied = round(COPIED * len(data))
    copies = source.take(rng.choice(len(source), n_copied, replace=False))
    codes, labels = data.codes.copy(), data.labels.copy()
    codes[-n_copied:], labels[-n_copied:] = copies.codes, copies.labels
    return LabelledSequences(codes, labels), n_copied


def _chromosome(
    length: int, gc: float, gene: str, rng: np.random.Generator
) -> tuple[Codes, pd.DataFrame]:
    """One chromosome with a gene, or now and then the repeat, every few hundred bases."""
    codes = rng.choice(4, length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]).astype(np.uint8)
    strong = np.array([codon.count("G") + codon.count("C") for codon in _SENSE_CODONS])
    usage = rng.dirichlet(np.full(len(_SENSE_CODONS), 0.5)) * (gc / (1 - gc)) ** strong
    usage /= usage.sum()
    repeat = rng.integers(0, 4, 1200, dtype=np.uint8)
    repeats_from = [share * length // 5 for share in range(5)]
    rows: list[tuple[int, int, str, str, str]] = []
    at = int(rng.integers(50, 300))
    while True:
        if repeats_from and repeats_from[0] <= at:
            repeats_from.pop(0)
            unit, strand, kind = repeat, "+", "repeat"
        else:
            sense = rng.choice(_SENSE_CODONS, int(rng.integers(60, 500)), p=usage)
            unit, strand, kind = encode("ATG" + "".join(sense) + "TAA"), "+", gene
            if rng.random() < 0.5:
                unit, strand = reverse_complement(unit), "-"
        end = at + len(unit)
        if end > length:
            break
        codes[at:end] = unit
        rows.append((at, end, strand, kind, f"{kind}{len(rows) + 1}"))
        at = end + int(rng.integers(50, 300))
    return codes, pd.DataFrame(rows, columns=["start", "end", "strand", "kind", "name"])


def screens(dataset: DataSet, rng: np.random.Generator) -> StandIn:
    """Perturbations whose effects add up: cells, fitness of pairs, or a table of scores."""
    if dataset.name == "norman_gi_fitness":
        return StandIn(made_up_fitness(rng), "fitness of a pair is the sum of two, with noise")
    if dataset.name == "scperturbench_results":
        note = "linear methods lead by three measures of four, deep ones by the last"
        return StandIn(made_up_ranks(rng), note)
    note = "effects of two genes add up in one cell line, and there are none in the other"
    return StandIn(made_up_cells(rng), note)


def paired_cells(_: DataSet, rng: np.random.Generator) -> StandIn:
    """Cells of four types measured twice, which share nothing but the type."""
    note = "both modalities follow the cell type, the first with less noise, and share nothing else"
    return StandIn(made_up_pairs(rng), note)


_MAKERS: dict[str, Maker] = {
    "gue/tf/": binding_sites,
    "gue/prom/": promoters,
    "gue/EMP/": histone_marks,
    "gue/splice/": splice_sites,
    "genomic_benchmarks_seq/": duplicated,
    "genomic_benchmarks_coords/": overlapping_intervals,
    "ienhancer_liu2016": leaked_enhancers,
    "ecoli_promoters_2860": coding_negatives,
    "genome_phage_virus": phages,
    "genome_": genome,
    "brca1_sge": edited_gene_with_flanks,
    "satmut_mpra_kircher": mutated_elements,
    "ecoli_tss_mpra": measured_promoters,
    "perturbseq_": screens,
    "norman_gi_fitness": screens,
    "scperturbench_results": screens,
    "multiome_small": paired_cells,
}
