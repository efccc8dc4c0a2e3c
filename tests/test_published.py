"""Published figures have names, sources and the digits that their tables print."""

import re

import pytest

from bookkeeping import published
from bookkeeping.identifiers import records
from bookkeeping.published import PublishedError, figures, find
from hypecheck import recorded
from tests.test_project import ROOT


def test_figure_is_the_cell_of_its_table():
    figure = find("schiff2024-gb.human-enhancers-cohn.cnn-spread")
    assert figure.printed == "2.1"
    frame = recorded.published("schiff2024_gb").frame.set_index("dataset")
    assert frame.loc["human_enhancers_cohn", "cnn_spread"] == 2.1
    assert figure.source.endswith("; Table 1")


def test_every_cell_of_every_table_has_one_name():
    tables = [recorded.published(path.stem).frame for path in recorded.PUBLISHED.glob("*.csv")]
    assert len(figures()) == sum(int(f.select_dtypes("number").count().sum()) for f in tables)
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+){1,3}", name) for name in figures())
    for figure in figures().values():
        float(figure.printed)


def test_an_empty_field_is_no_figure():
    assert find("models.hyenadna.context").printed == "1000000"
    with pytest.raises(PublishedError):
        find("models.dnabert.parameters")


def test_printed_digits_are_kept():
    assert find("ahlmanneltze2024-singles.linear-scgpt-genes.k562.l2").printed == "4.00"
    assert find("gue_finetuned.gue-tf-0.dnabert-2.mcc").text(".2f") == "0.72"


def test_measured_figures_are_approximate():
    figure = find("ahlmanneltze2024-doubles.additive.l2")
    assert figure.text() == "≈2.77"
    assert figure.source.startswith("measured from the authors' figure")


def test_hearsay_says_whose():
    figure = find("vishniakov2024-gain.caduceus.character")
    assert figure.is_second_hand
    assert figure.source.endswith("as reported by a reader's note on the ICLR version")


def test_unknown_figure_names_its_neighbours():
    with pytest.raises(PublishedError, match=r"near it: .*feng2025-auc\.coding\.grover"):
        find("feng2025-auc.coding.groover")


def test_unknown_form_is_refused():
    with pytest.raises(PublishedError, match=r"unknown form 'shout'; use one such as"):
        find("feng2025-auc.coding.grover").text("shout")


def test_every_table_of_one_work_cites_a_known_identifier():
    known = records(ROOT)
    works = re.compile(r"doi:10\.\d{4,}/\S+|arXiv:\d{4}\.\d{4,5}")
    for path in recorded.PUBLISHED.glob("*.csv"):
        identifiers = recorded.published(path.stem).identifier.split("; ")
        wrong = [one for one in identifiers if not works.fullmatch(one) and "://" not in one]
        assert wrong == [], path.stem
        if len(identifiers) == 1 and works.fullmatch(identifiers[0]):
            assert identifiers[0] in known, path.stem


def test_two_figures_of_one_name_are_refused(tmp_path, monkeypatch):
    table = "gresova2023_accuracy.csv"
    text = (recorded.PUBLISHED / table).read_text()
    (tmp_path / table).write_text(text + "DUMMY mouse enhancers ensembl,1.0,2.0\n")
    (tmp_path / "published.toml").write_text((recorded.PUBLISHED / "published.toml").read_text())
    monkeypatch.setattr(recorded, "PUBLISHED", tmp_path)
    monkeypatch.setattr(published, "PUBLISHED", tmp_path)
    with pytest.raises(PublishedError, match="two figures called gresova2023-accuracy"):
        figures.__wrapped__()
