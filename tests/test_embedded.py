import numpy as np
import pytest

from hypecheck import embedded
from hypecheck.registry import DatasetError, entry
from hypecheck.sequences import encode


@pytest.mark.parametrize(
    ("name", "n_rows", "letters"),
    [("human_5ss", 10_227, "ACGU"), ("crp_sites", 358, "ACGT"), ("ww_domain", 4_025, None)],
)
def test_carried_sequences(name, n_rows, letters):
    made = embedded.default(entry(name))
    frame = made.content[name]
    assert not made.is_stand_in
    assert made.note == ""
    assert len(frame) == n_rows
    assert f"{n_rows:,}" in entry(name).rows
    assert frame["sequence"].str.len().nunique() == 1
    if letters:
        assert set("".join(frame["sequence"])) <= set(letters)


def test_donor_sites_read_gt_or_gc():
    frame = embedded.read_example("ss_sequences.txt")
    codes = encode(list(frame["sequence"]))
    assert (codes[:, 3] == 2).all()
    assert set(np.unique(codes[:, 4])) == {1, 3}
    assert frame["count"].min() >= 1


def test_help_topics_are_long_and_the_same_each_time():
    assert len(embedded.help_topics()) > 300_000
    assert embedded.help_topics() == embedded.help_topics()


def test_text_stands_in_for_text():
    made = embedded.default(entry("text/tinyshakespeare"))
    assert made.is_stand_in
    assert made.licence == "PSF-2.0"
    assert "help topics of Python" in made.note


def test_stand_in_is_the_same_each_time_and_differs_by_name():
    first, again, other = (
        embedded.default(entry(name)).content["train"].codes
        for name in ("gue/tf/0", "gue/tf/0", "gue/tf/2")
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_stand_in_says_where_to_turn():
    with pytest.raises(DatasetError, match=r"recorded\.published\('dnafm_benchmark'\)"):
        embedded.default(entry("results_dnafm_benchmark"))
    with pytest.raises(DatasetError, match=r"no stand-in.*hypecheck data fetch hic"):
        embedded.default(entry("hic"))


def test_without_logomaker(monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DatasetError, match="logomaker"):
        embedded.read_example("crp_sites.fa")
