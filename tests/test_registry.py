import hashlib
import os

import pytest

from hypecheck.registry import DataFile, DatasetError, check_file, entry, registry, select

CONTENT = b"sequence,label\nACGT,1\n"
FILE = DataFile("toy/a.csv", "", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    return path


def test_every_entry_says_what_it_is():
    entries = registry()
    assert len(entries) == 67
    assert sum(len(dataset.files) for dataset in entries.values()) == 207
    for dataset in entries.values():
        assert dataset.what
        assert dataset.rows
        assert dataset.citation
        assert dataset.licence
        assert dataset.licence_tier in {"A", "B", "C"}
        assert bool(dataset.files) != bool(dataset.carrier)
        for file in dataset.files:
            assert len(file.sha256) == 64
            assert file.bytes > 0
            assert file.path.startswith((dataset.name + "/", dataset.name + "."))


def test_addresses_are_pinned_to_a_commit():
    files = [file for dataset in registry().values() for file in dataset.files]
    without = {file.path for file in files if not file.url}
    assert without == {
        "geneb_category_mcc.csv",
        "results_leakage_audit/gue_census.csv",
        "results_leakage_audit/leakage_report_card.csv",
    }
    for file in files:
        if file.url:
            scheme, _, host, _, _, commit, *_ = file.url.split("/")
            assert (scheme, host) == ("https:", "raw.githubusercontent.com")
            assert len(commit) == 40


def test_checksum_of_a_set_follows_its_files():
    dataset = entry("hic")
    listing = "".join(f"{file.path} {file.sha256}\n" for file in dataset.files)
    assert dataset.sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert entry("python_help").sha256 == ""
    assert len({d.sha256 for d in registry().values() if d.files}) == 63


def test_unknown_name_suggests_near_ones():
    with pytest.raises(DatasetError, match=r"'gue/tf/9'.*'gue/tf/"):
        entry("gue/tf/9")


def test_select_groups_and_single_sets():
    assert len(select()) == len(registry())
    assert [d.name for d in select(["hic", "gue/tf", "gue/tf/1"])] == [
        "gue/tf/0",
        "gue/tf/1",
        "gue/tf/2",
        "hic",
    ]
    with pytest.raises(DatasetError, match="no data set"):
        select(["gu"])


def test_file_is_found_by_short_or_long_name():
    dataset = entry("gue/tf/0")
    assert dataset.file("test.csv") == dataset.file("gue/tf/0/test.csv")
    assert entry("geneb_category_mcc").file().path == "geneb_category_mcc.csv"
    with pytest.raises(DatasetError, match=r"has no file 'tst.csv'; choose one of: dev.csv"):
        dataset.file("tst.csv")
    with pytest.raises(DatasetError, match="needs the name"):
        dataset.file()


def test_right_file_passes(place):
    assert check_file(place, FILE) == place


def test_absent_file(tmp_path):
    with pytest.raises(DatasetError, match=rf"absent.*{FILE.sha256}.*hypecheck data fetch"):
        check_file(tmp_path / "b.csv", FILE)


def test_truncated_file(place):
    check_file(place, FILE)
    place.write_bytes(CONTENT[:-3])
    found = hashlib.sha256(CONTENT[:-3]).hexdigest()
    with pytest.raises(DatasetError, match=rf"cut short.*{FILE.sha256}.*19 bytes.*{found}"):
        check_file(place, FILE)


def test_altered_file_of_the_same_size(place):
    check_file(place, FILE)
    state = place.stat()
    place.write_bytes(CONTENT.replace(b"1", b"0"))
    os.utime(place, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(DatasetError, match="was altered"):
        check_file(place, FILE)


def test_unreadable_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        check_file(tmp_path, FILE)


def test_checksum_is_computed_once_for_each_state(place, monkeypatch):
    check_file(place, FILE)
    monkeypatch.setattr(hashlib, "file_digest", None)  # a second computation would fail
    check_file(place, FILE)


def test_error_is_both_a_value_and_a_system_error():
    assert issubclass(DatasetError, ValueError)
    assert issubclass(DatasetError, OSError)
