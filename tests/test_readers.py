import gzip

import numpy as np
import pandas as pd
import pytest
from Bio.Seq import Seq
from Bio.SeqFeature import SeqFeature, SimpleLocation
from Bio.SeqRecord import SeqRecord

from hypecheck import readers
from hypecheck.registry import DatasetError, entry
from hypecheck.sequences import UNKNOWN, LabelledSequences, decode, encode


def put(folder, texts):
    """Write small files and return them as a reader wants them."""
    files = {}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        files[name] = path
    return files


def test_official_parts_in_order_and_padded(tmp_path):
    files = put(
        tmp_path,
        {
            "dev.csv": "sequence,label\nACGT,1\nAC,0\n",
            "test.csv": "sequence,label\nNNNN,0\n",
            "train.csv": "sequence,label\nacgt,0\nGGGG,1\n",
        },
    )
    parts = readers.read_sequences(files)
    assert list(parts) == ["train", "validation", "test"]
    assert decode(parts["train"].codes) == ["ACGT", "GGGG"]
    assert parts["validation"].codes[1].tolist() == [0, 1, UNKNOWN, UNKNOWN]
    assert parts["validation"].labels.tolist() == [1, 0]


def test_fasta_of_one_class_each(tmp_path):
    files = put(
        tmp_path,
        {
            "test_strong_enhancers.fa": ">1\nAC\nGT\n",
            "train_nonenhancers.fa": ">1\nAAAA\n>2\nCCCC\n",
            "train_weak_enhancers.fa": ">1\nGGGG\n",
        },
    )
    parts = readers.read_sequences(files)
    assert parts["train"].labels.tolist() == [0, 0, 1]
    assert parts["train"].names == ("1", "2", "1")
    assert parts["test"].labels.tolist() == [2]
    assert decode(parts["test"].codes) == ["ACGT"]


def test_fasta_without_parts_and_of_unknown_class(tmp_path):
    files = put(
        tmp_path,
        {
            "negative2860.txt": ">same name\nAC\n>same name\nACGT\n",
            "positive2860.txt": ">x\ntttttt\n",
            "sigma70promoter.txt": ">y\nacgt\n",
        },
    )
    (part, examples), *others = readers.read_sequences(files).items()
    assert (part, others) == ("all", [])
    assert examples.labels.tolist() == [0, 0, 1]
    assert examples.names == ("same name", "same name", "x")
    assert decode(examples.codes) == ["ACNNNN", "ACGTNN", "TTTTTT"]


def test_pool_pads_and_numbers_the_parts():
    short = LabelledSequences(encode(["AC", "GT"]), np.array([0, 1]))
    long = LabelledSequences(encode(["ACGT"]), np.array([1]), ("only",))
    pooled = readers.pool([short, long])
    assert decode(pooled.codes) == ["ACNN", "GTNN", "ACGT"]
    assert pooled.groups.tolist() == [0, 0, 1]
    assert pooled.names is None


def test_genome_with_three_kinds_of_annotation(tmp_path):
    record = SeqRecord(Seq("ACGTACGTACGT"), id="V1", annotations={"molecule_type": "DNA"})
    place = SimpleLocation(1, 7, strand=-1)
    record.features = [SeqFeature(place, type="gene", qualifiers={"gene": ["S"]})]
    files = put(
        tmp_path,
        {
            "a.fna": ">chr1 some words\nACGTN\n",
            "a.gff.gz": "##gff-version 3\nchr1\tX\tgene\t2\t4\t.\t-\t.\tID=g;gene=abc;k=v\n"
            "chr1\tX\tregion\t1\t5\t.\t+\t.\tID=r\n",
            "Scer_transcripts_x.bed": "chrIV\t3\t9\tYFG\t0\t+\nchrM\t0\t2\tQ\t0\t-\n",
            "b.gbk": record.format("genbank"),
            "a.faa": ">protein\nMKV\n",
        },
    )
    records, features = readers.read_genome(files)
    assert {name: decode(codes) for name, codes in records.items()} == {"chr1": "ACGTN"}
    assert list(features.columns) == readers.FEATURE_COLUMNS
    assert features.to_numpy().tolist() == [
        ["chr1", 1, 4, "-", "gene", "abc"],
        ["chr1", 0, 5, "+", "region", ""],
        ["IV", 3, 9, "+", "transcript", "YFG"],
        ["Mito", 0, 2, "-", "transcript", "Q"],
        ["V1", 1, 7, "-", "gene", "S"],
    ]


def test_genome_without_annotation_has_an_empty_table(tmp_path):
    records, features = readers.read_genome(put(tmp_path, {"a.fa": ">x\nACGT\n"}))
    assert list(records) == ["x"]
    assert list(features.columns) == readers.FEATURE_COLUMNS
    assert len(features) == 0


def test_same_record_twice_is_read_once_and_two_of_a_name_are_refused(tmp_path):
    files = put(tmp_path, {"a.fa": ">x\nACGT\n", "b.fa": ">x\nacgt\n"})
    assert list(readers.read_genome(files)[0]) == ["x"]
    with pytest.raises(DatasetError, match="x is another sequence"):
        readers.read_genome(put(tmp_path, {"a.fa": ">x\nACGT\n", "b.fa": ">x\nTTTT\n"}))


def test_text_without_byte_order_mark(tmp_path):
    assert readers.read_text(put(tmp_path, {"a.txt": "\ufeffWell, Prince"})) == "Well, Prince"


def test_tables_by_name_of_file(tmp_path):
    pd.DataFrame({0: ["junk", "", "gene", "A"]}).to_excel(
        tmp_path / "book.xlsx", header=False, index=False
    )
    files = put(
        tmp_path,
        {"a.csv": ",x\nr1,1\n", "b.tsv.gz": "x\ty\n1\t2\n", "README.md": "words"},
    )
    frames = readers.read_tables(files | {"book.xlsx": tmp_path / "book.xlsx"})
    assert list(frames) == ["a", "b", "book"]
    assert frames["a"].loc["r1", "x"] == 1
    assert frames["b"].columns.tolist() == ["x", "y"]
    assert frames["book"]["gene"].tolist() == ["A"]


def test_coordinates_by_part(tmp_path):
    head = "id,region,start,end,strand\n"
    files = put(
        tmp_path,
        {
            "metadata.yaml": "version: 0",
            "test/worm.csv.gz": head + "7,I,10,20,+\n",
            "train/human.csv.gz": head + "1,1,5,9,-\n",
            "train/worm.csv.gz": head + "2,X,1,4,+\n",
        },
    )
    frames = readers.read_coordinates(files)
    assert frames["train"]["label"].tolist() == ["human", "worm"]
    assert frames["train"]["region"].tolist() == ["1", "X"]
    assert frames["test"]["start"].tolist() == [10]


def test_frozen_benchmark_is_tidy(tmp_path):
    head = "Data,MCC,AUC,F1-Score,Accuracy\n"
    files = put(
        tmp_path,
        {
            "final_ntv2.csv": head + "tf_0,.1,.6,.5,.5\n",
            "final_ntv2_meanpool.csv": head + "tf_0,.2,.7,.6,.6\n5mC,.3,.8,.7,.7\n",
            "summary_table.csv": "Data,Train,Test,Max Length,Median Length\ntf_0,8,2,9,9\n",
            "runtime_table.csv": "Data\n",
        },
    )
    frames = readers.read_frozen_benchmark(files)
    assert frames["scores"].to_numpy().tolist() == [
        ["tf_0", "gue/tf/0", "NT-v2", "summary token", 0.1, 0.6, 0.5, 0.5],
        ["tf_0", "gue/tf/0", "NT-v2", "mean", 0.2, 0.7, 0.6, 0.6],
        ["5mC", "", "NT-v2", "mean", 0.3, 0.8, 0.7, 0.7],
    ]
    assert frames["sizes"]["test"].tolist() == [2]


def test_kind_without_reader_says_how_to_reach_the_files():
    with pytest.raises(DatasetError, match=r"datasets\.path\('hic', FILE\).*yeast\.10kb\.cool"):
        readers.read(entry("hic"), {})
