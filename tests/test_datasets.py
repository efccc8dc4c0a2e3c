import hashlib
import os
from dataclasses import replace

import numpy as np
import pytest

from hypecheck import datasets, downloads
from hypecheck import registry as registry_module
from hypecheck.datasets import SequenceParts, ServedTask
from hypecheck.registry import DataFile, DatasetError, entry, registry
from hypecheck.sequences import Task, decode, gc_content

CONTENTS = {
    "toy/train.csv": b"sequence,label\nACGT,0\nTTTT,1\n",
    "toy/dev.csv": b"sequence,label\nACGT,1\n",
    "toy/test.csv": b"sequence,label\nGGGG,0\n",
}


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A registry of one small task, with nothing at hand and no network."""
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.delenv("HYPECHECK_OFFLINE", raising=False)
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_online", lambda: False)
    files = tuple(
        DataFile(path, "https://x/" + path, len(text), hashlib.sha256(text).hexdigest())
        for path, text in CONTENTS.items()
    )
    real = entry("gue/tf/0")
    sets = {"toy": replace(real, name="toy", files=files), "gue/tf/0": real}
    monkeypatch.setattr(registry_module, "registry", lambda: sets)
    return sets["toy"]


def put(root):
    for path, text in CONTENTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
    return root


@pytest.fixture
def folder(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPECHECK_DATA", str(tmp_path / "data"))
    return put(tmp_path / "data")


@pytest.fixture
def network(toy, monkeypatch):
    """A network that gives the right files, and a list of those that were asked for."""
    asked = []

    def download(file, root):
        asked.append(file.path)
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(CONTENTS[file.path])
        return root / file.path

    monkeypatch.setattr(downloads, "_online", lambda: True)
    monkeypatch.setattr(downloads, "download", download)
    return asked


def test_folder_serves_first(folder):
    put(downloads.cache_folder())
    task = datasets.load("toy")
    assert isinstance(task, ServedTask)
    assert isinstance(task, Task)
    assert decode(task.train.codes) == ["ACGT", "TTTT"]
    assert task.validation.labels.tolist() == [1]
    assert task.classes == ("not bound", "bound")
    assert task.stand_in is None
    source = task.provenance
    assert (source.name, source.tier, source.is_stand_in) == ("toy", "folder", False)
    assert source.files["toy/test.csv"] == hashlib.sha256(CONTENTS["toy/test.csv"]).hexdigest()


def test_cache_serves_second(toy):
    put(downloads.cache_folder())
    assert datasets.load("toy").provenance.tier == "cache"


def test_network_fills_the_cache(toy, network):
    assert datasets.load("toy").provenance.tier == "cache"
    assert datasets.load("toy", offline=False).provenance.tier == "cache"
    assert sorted(network) == sorted(CONTENTS)


def test_only_what_is_missing_is_downloaded(toy, network):
    put(downloads.cache_folder())
    (downloads.cache_folder() / "toy/dev.csv").unlink()
    datasets.load("toy")
    assert network == ["toy/dev.csv"]


def test_stand_in_serves_last_and_says_so(toy):
    task = datasets.load("gue/tf/0")
    source = task.provenance
    assert (source.tier, source.is_stand_in, source.files) == ("embedded", True, {})
    assert task.stand_in == source.note
    assert source.note.startswith("simulated: ")
    assert task.train.codes.shape == (3000, 101)


@pytest.mark.parametrize("content", [None, b"sequence,label\n", b"sequence,label\nGGGG,1\n"])
def test_absent_truncated_or_altered_file_in_the_folder(folder, content):
    place = folder / "toy/test.csv"
    problem = {None: "is absent", b"sequence,label\n": "is cut short"}.get(content, "was altered")
    place.unlink() if content is None else place.write_bytes(content)
    expected = hashlib.sha256(CONTENTS["toy/test.csv"]).hexdigest()
    with pytest.raises(DatasetError, match=rf"test\.csv {problem}.*{expected}"):
        datasets.load("toy")
    with pytest.raises(DatasetError, match=problem):
        datasets.path("toy", "test.csv")
    assert datasets.identity(["toy"]) == {"toy": {"tier": "unusable", "sha256": ""}}
    assert list(datasets.verify(["toy"])) == ["toy/test.csv"]


def test_file_altered_after_it_was_verified(folder):
    datasets.load("toy")
    place = folder / "toy/train.csv"
    state = place.stat()
    place.write_bytes(CONTENTS["toy/train.csv"].replace(b"ACGT", b"AAAA"))
    os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(DatasetError, match="was altered"):
        datasets.load("toy")


def test_altered_file_in_the_cache_is_no_reason_for_a_stand_in(toy):
    put(downloads.cache_folder())
    (downloads.cache_folder() / "toy/test.csv").write_bytes(b"sequence,label\nGGGG,1\n")
    with pytest.raises(DatasetError, match="was altered"):
        datasets.load("toy")


def test_folder_that_is_none(toy, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPECHECK_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match=r"HYPECHECK_DATA=.*nowhere is no folder"):
        datasets.load("toy")
    monkeypatch.setenv("HYPECHECK_DATA", "")
    assert datasets.data_folder() is None


def test_data_demanded_without_network(toy, monkeypatch):
    def fail(file, _root):
        raise DatasetError(f"{file.path} could not be downloaded")

    monkeypatch.setattr(downloads, "download", fail)
    with pytest.raises(DatasetError, match="could not be downloaded"):
        datasets.load("gue/tf/0", offline=False)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    with pytest.raises(DatasetError, match="HYPECHECK_OFFLINE forbids"):
        datasets.load("gue/tf/0", offline=False)


def test_download_that_fails_midway_is_no_reason_for_a_stand_in(network, monkeypatch):
    def fail(file, _root):
        raise DatasetError(f"{file.path} could not be downloaded")

    monkeypatch.setattr(downloads, "download", fail)
    with pytest.raises(DatasetError, match="could not be downloaded"):
        datasets.load("gue/tf/0")


def test_offline_asks_no_network(toy, network, monkeypatch):
    assert datasets.load("gue/tf/0", offline=True).provenance.is_stand_in
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    assert datasets.load("gue/tf/0").provenance.is_stand_in
    assert network == []


def test_unwritable_cache_is_an_error_once_data_are_demanded(toy, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="cannot be written"):
        datasets.load("toy", offline=False)
    assert datasets.load("gue/tf/0", offline=True).provenance.is_stand_in


def test_path_gives_checked_files_of_every_tier(toy, network, folder, monkeypatch):
    assert datasets.path("toy", "test.csv") == folder / "toy/test.csv"
    monkeypatch.delenv("HYPECHECK_DATA")
    cached = downloads.cache_folder() / "toy/test.csv"
    assert datasets.path("toy", "test.csv") == cached
    assert datasets.path("toy", "test.csv") == cached
    assert network == ["toy/test.csv"]


def test_path_has_no_stand_in(toy):
    with pytest.raises(DatasetError, match=r"not at hand.*hypecheck data fetch toy"):
        datasets.path("toy", "test.csv")


def test_identity_says_what_would_serve(toy, network, monkeypatch):
    will_be = {"toy": {"tier": "cache", "sha256": toy.sha256}}
    assert datasets.identity(["toy"]) == will_be
    datasets.load("toy")
    assert datasets.identity(["toy"]) == will_be
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    assert datasets.identity() == {
        "toy": {"tier": "cache", "sha256": toy.sha256},
        "gue/tf/0": {"tier": "embedded", "sha256": ""},
    }


def test_identity_of_a_set_that_nothing_serves(monkeypatch, tmp_path):
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path))
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    tiers = {name: served["tier"] for name, served in datasets.identity().items()}
    assert tiers["hic"] == tiers["geneb_category_mcc"] == "unusable"
    assert tiers["crp_sites"] == tiers["text/war_and_peace"] == tiers["gue/EMP/H4"] == "embedded"


def test_describe_source_for_every_tier(toy, network, folder, monkeypatch):
    assert str(folder) in datasets.describe_source()
    monkeypatch.delenv("HYPECHECK_DATA")
    assert "downloaded at need" in datasets.describe_source()
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    assert datasets.describe_source().startswith("no network: 0 sets")


def test_verify_ignores_what_was_never_downloaded(toy):
    assert datasets.verify() == {}


def test_parts_without_training_half(toy, monkeypatch, tmp_path):
    monkeypatch.setattr(
        registry_module, "registry", lambda: {"toy": replace(toy, files=toy.files[1:])}
    )
    monkeypatch.setenv("HYPECHECK_DATA", str(put(tmp_path)))
    parts = datasets.load("toy")
    assert isinstance(parts, SequenceParts)
    assert list(parts.parts) == ["validation", "test"]
    pooled = parts.pooled()
    assert decode(pooled.codes) == ["ACGT", "GGGG"]
    assert pooled.groups.tolist() == [0, 1]


def test_every_set_has_a_reader_a_stand_in_or_says_what_to_do(monkeypatch, tmp_path):
    """Without data and network: nothing hangs, nothing is served silently."""
    monkeypatch.delenv("HYPECHECK_DATA", raising=False)
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path))
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    served, refused = set(), {}
    for name, dataset in registry().items():
        if dataset.kind == "sequences" and "/" in name and name not in ONE_OF_EACH:
            continue
        try:
            source = datasets.load(name).provenance
        except DatasetError as error:
            refused[name] = str(error)
            continue
        served.add(name)
        assert source.tier == "embedded"
        assert bool(source.note) == source.is_stand_in
    for name, message in refused.items():
        assert f"hypecheck data fetch {name}" in message
    assert served >= ONE_OF_EACH
    assert {"brca1_sge", "pbmc68k_reduced", "text/tinyshakespeare", "genome_yeast"} <= served
    assert {"hic", "geneb_category_mcc"} <= refused.keys()


ONE_OF_EACH = {
    *("gue/tf/0", "gue/tf/1", "gue/prom/prom_core_tata", "gue/prom/prom_300_all", "gue/EMP/H3"),
    *("gue/splice/reconstructed", "genomic_benchmarks_seq/regulatory_ensembl"),
}


needs_data = pytest.mark.skipif(
    not os.environ.get("HYPECHECK_DATA"), reason="HYPECHECK_DATA is not set"
)


@needs_data
def test_all_files_at_hand_are_right():
    assert datasets.verify() == {}
    tiers = {served["tier"] for served in datasets.identity().values()}
    assert tiers == {"folder", "embedded"}


@needs_data
@pytest.mark.parametrize(
    ("name", "sizes", "length"),
    [
        ("gue/tf/0", (32_378, 1_000, 1_000), 101),
        ("gue/prom/prom_core_tata", (4_904, 613, 613), 70),
        ("gue/prom/prom_300_tata", (4_904, 613, 613), 300),
    ],
)
def test_official_tasks(name, sizes, length):
    task = datasets.load(name)
    assert (len(task.train), len(task.validation), len(task.test)) == sizes
    assert task.test.codes.shape[1] == length


@needs_data
def test_flaws_are_as_registered():
    """The traps that the registry names are there: copies across the split, a leaked test part."""
    task = datasets.load("gue/prom/prom_core_tata")
    known = set(decode(task.train.codes))
    assert sum(letters in known for letters in decode(task.test.codes)) == 16
    parts = datasets.load("ienhancer_liu2016").parts
    strong = parts["test"].take(parts["test"].labels == 2)
    assert set(decode(strong.codes)) <= set(decode(parts["train"].codes))
    assert len(strong) == 100


@needs_data
def test_real_genome_and_its_features():
    genome = datasets.load("genome_ecoli_k12")
    (codes,) = genome.records.values()
    assert len(codes) == 4_641_652
    assert round(float(gc_content(codes)), 3) == 0.508
    genes = genome.features.query("kind in ('gene', 'pseudogene')")
    start, end = genes.query("name == 'thrA'")[["start", "end"]].iloc[0]
    assert decode(codes[start : start + 3]) == "ATG"
    assert decode(codes[end - 3 : end]) == "TGA"


@needs_data
def test_real_tables_texts_and_intervals():
    sge = datasets.load("brca1_sge").frame
    assert sge["func.class"].value_counts().to_dict() == {"FUNC": 2821, "LOF": 823, "INT": 249}
    assert len(datasets.load("codon_usage").frames) == 9
    with pytest.raises(ValueError, match="codon_usage has 9 tables"):
        _ = datasets.load("codon_usage").frame
    assert datasets.load("text/war_and_peace").text.startswith('"Well, Prince')
    frames = datasets.load("genomic_benchmarks_coords/human_nontata_promoters").frames
    assert (len(frames["train"]), len(frames["test"])) == (27_097, 9_034)
    yeast = datasets.load("genome_yeast")
    assert set(yeast.features["record"]) <= set(yeast.records)


@needs_data
def test_carried_cells_are_the_registered_ones(monkeypatch, tmp_path):
    real = datasets.load("pbmc68k_reduced").data
    monkeypatch.delenv("HYPECHECK_DATA")
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path))
    carried = datasets.load("pbmc68k_reduced", offline=True)
    assert not carried.provenance.is_stand_in
    np.testing.assert_array_equal(carried.data.X, real.X)
    assert (carried.data.raw.X != real.raw.X).nnz == 0
    assert (carried.data.obs["bulk_labels"] == real.obs["bulk_labels"]).all()
