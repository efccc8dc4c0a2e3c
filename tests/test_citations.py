"""Citations agree with their identifiers, on paper and, asked at a local double, on line."""

import http.server
import json
import threading
from pathlib import Path

import pytest

from bookkeeping import citations, lookup
from bookkeeping.__main__ import main
from bookkeeping.identifiers import Record, entry_text, family, records, same

IDENTIFIERS = """
doi:10.1038/s42256-025-01007-9:
  key: consens2025
  title: Transformers and genome language models
  authors: Consens, Micaela E. and Dufault and others
  year: 2025
  venue: Nature Machine Intelligence
  mark: READ
  read: the article's page
arXiv:2306.15006:
  key: zhou2024
  title: "DNABERT-2: Efficient Foundation Model"
  also_titles: ["DNABERT-2, a preprint"]
  authors: Zhou, Zhihan and Ji, Yanrong
  year: 2024
  also_years: [2023]
  venue: ICLR
  mark: READ-2nd
  via: a summary
  read: a summary
"""
PAGE = "It is so {cite}`consens2025`, and so {cite:t}`{see}zhou2024{p. 3}`.\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "book").mkdir()
    (tmp_path / "book/page.md").write_text(PAGE)
    (tmp_path / "identifiers.yml").write_text(IDENTIFIERS)
    entries = [entry_text(work) for work in records(tmp_path).values()]
    (tmp_path / "references.bib").write_text("\n".join(entries))
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_agreeing_book_has_no_complaint(book):
    assert citations.check(book) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("references.bib", "Consens, Micaela E.", "Nguyen, Eric", "authors Nguyen, Dufault"),
        ("references.bib", "Dufault and others", "Dufault", "authors Consens, Dufault, but"),
        ("references.bib", "{2025}", "{2024}", "year 2024, but doi:10.1038"),
        ("references.bib", "genome language", "protein language", "another title than doi"),
        ("references.bib", "{consens2025,", "{consens,", "key consens, but"),
        ("references.bib", "01007-9}", "01007-8}", "has no doi, eprint or url that"),
        ("references.bib", "as reported by a summary", "", "needs note = {as reported by a"),
        ("references.bib", "@article{zhou2024", "@article{", "cannot be read"),
        ("book/page.md", "consens2025", "consens2026", "consens2026 is cited and not in"),
        ("book/page.md", "zhou2024", "consens2025", "no page cites zhou2024"),
        ("book/page.md", "It is so", "Nguyen et al.", "'Nguyen et al.' stands before consens2025"),
        ("book/page.md", "It", "[x](https://arxiv.org/pdf/2410.13956v2)", "to arXiv:2410.13956"),
        ("book/page.md", "It", "[2024](https://doi.org/10.1038/s42256-025-01007-9)", "'2024' l"),
        ("book/page.md", "It", "[A et al.](https://doi.org/10.1038/s42256-025-01007-9)", "Consens"),
        ("book/page.md", "It", "{cited}`feng2025-auc.coding.grover`", "comes from doi:10.1038/s4"),
        ("book/page.md", "It", "{cited}`feng2025-auc.coding.groover`", "no published figure is"),
        ("identifiers.yml", "mark: READ\n", "mark: MEM\n", "rests on memory alone"),
        ("identifiers.yml", "mark: READ\n", "mark: SURE\n", "mark 'SURE' is none of"),
        ("identifiers.yml", "  via: a summary\n", "", "READ-2nd needs `via`"),
        ("identifiers.yml", "arXiv:2306", "arXiv:2512", "cannot be of 2024: its number is of 2025"),
        ("identifiers.yml", "venue", "place", "cannot be read"),
    ],
)  # fmt: skip
def test_a_disagreement_is_named(book, file, old, new, complaint):
    edit(book / file, old, new)
    assert any(complaint in fault for fault in citations.check(book)), citations.check(book)


@pytest.mark.parametrize(
    "words",
    [
        "Consens et al. {cite}`consens2025` hold",
        "Here [Consens et al., 2025](https://doi.org/10.1038/s42256-025-01007-9) say",
        "[DNABERT-2, 2023](https://arxiv.org/abs/2306.15006)",
        "[the journal](https://www.nature.com/natmachintell)",
        "```\n{cite}`nobody`\n```\n",
        "```{code-cell} ipython3\nprint('{cite}`nobody`')\n```\n",
    ],
)
def test_fair_attributions_pass(book, words):
    edit(book / "book/page.md", PAGE, PAGE + "\n" + words + "\n")
    assert citations.check(book) == []


def test_entries_within_directives_count(book):
    edit(book / "book/page.md", PAGE, f"```{{admonition}} Note\n{PAGE}```\n")
    assert citations.check(book) == []


def test_text_between_directives_counts_and_code_does_not(book):
    note, cell = "```{note}\nAside.\n```\n", "```{code-cell} ipython3\nx = 1\n```\n"
    nested = f"::::{{note}}\n{PAGE}\n```\n{{cite}}`nobody`\n```\n::::\n"
    for text in (note + PAGE + note, note + cell + PAGE + note + cell, note + nested + cell):
        (book / "book/page.md").write_text(text)
        assert citations.check(book) == []
    (book / "book/page.md").write_text(note + PAGE + "{cite}`nobody`\n" + note)
    assert any("nobody is cited" in fault for fault in citations.check(book))


def test_titles_agree_up_to_case_and_punctuation():
    assert same("{DNABERT-2}: an {E}fficient model", "DNABERT2 – an efficient model")
    assert not same("DNABERT-2", "DNABERT")


def test_names_of_several_words_are_one_family():
    work = Record(
        "doi:x", "k", "t", "{Babu group} and De Jager, P. and others", 2024, "v", "READ", "r"
    )
    assert work.families == ["Babu group", "De Jager", "others"]
    assert family.__doc__


# --- the registrars -------------------------------------------------------------------------------

CROSSREF = {
    "title": ["Transformers and Genome Language Models"],
    "author": [{"family": "Consens", "given": "Micaela"}],
    "issued": {"date-parts": [[2025, 3, 13]]},
}
ARXIV = """<feed xmlns="http://www.w3.org/2005/Atom"><entry>
<id>http://arxiv.org/abs/2306.15006v2</id><published>2023-06-26T00:00:00Z</published>
<title>DNABERT-2: Efficient
  Foundation Model</title><author><name>Zhihan Zhou</name></author>
</entry></feed>"""


@pytest.fixture
def registrars():
    """Answer as Crossref and arXiv do; the test may change what they say."""
    said = {"crossref": json.dumps({"message": CROSSREF}), "arxiv": ARXIV, "status": 200}

    class Registrar(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path == "/works/10.1038/s42256-025-01007-9"
            is_arxiv = self.path.startswith("/api/query?id_list=2306.15006&")
            self.send_response(said["status"] if known or is_arxiv else 404)
            self.end_headers()
            self.wfile.write(said["arxiv" if is_arxiv else "crossref"].encode())

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registrar) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        said["address"] = f"http://127.0.0.1:{server.server_port}"
        yield said
        server.shutdown()


def ask(book, registrars):
    return lookup.verify(book, crossref=registrars["address"], arxiv=registrars["address"])


def test_agreeing_registrars_are_silent(book, registrars):
    assert ask(book, registrars) == []


@pytest.mark.parametrize(
    ("registrar", "old", "new", "complaint"),
    [
        ("crossref", "Genome Language", "Protein Language", "title 'Transformers and Protein"),
        ("crossref", "Consens", "Nguyen", "first author Nguyen, not Consens"),
        ("crossref", "2025", "2023", "year 2023, not 2025"),
        ("arxiv", "Zhou", "Wu", "first author Zhihan Wu, not Zhou"),
        ("arxiv", "2306.15006v2", "2306.99999v2", "arXiv:2306.15006 is not known"),
    ],
)
def test_a_registrar_that_disagrees_is_heard(book, registrars, registrar, old, new, complaint):
    registrars[registrar] = registrars[registrar].replace(old, new)
    (fault,) = ask(book, registrars)
    assert complaint in fault


def test_an_unknown_doi_is_reported(book, registrars):
    edit(book / "identifiers.yml", "s42256-025-01007-9", "s42256-025-01007-8")
    assert ask(book, registrars) == ["doi:10.1038/s42256-025-01007-8 is not known to its registrar"]


@pytest.mark.parametrize("change", [("status", 500), ("crossref", "<html>"), ("arxiv", "<html>")])
def test_a_registrar_that_talks_nonsense_is_out_of_reach(book, registrars, change):
    registrars[change[0]] = change[1]
    with pytest.raises(lookup.UnreachableError, match="something else than a record"):
        ask(book, registrars)


def test_offline_is_neither_right_nor_wrong(book, monkeypatch, capsys):
    def refuse(*_args, **_options):
        raise lookup.UnreachableError("nobody does not answer")

    monkeypatch.setattr(lookup, "verify", refuse)
    assert main(["--root", str(book), "citations", "verify"]) == 75
    assert "nothing was verified" in capsys.readouterr().err


def test_the_command_reports_and_prints(book, monkeypatch, capsys):
    monkeypatch.setattr(lookup, "verify", lambda _root: ["x is y"])
    assert main(["--root", str(book), "citations", "verify"]) == 1
    assert main(["--root", str(book), "citations", "entry", "zhou2024"]) == 0
    printed = capsys.readouterr().out
    assert "x is y" in printed
    assert "@article{zhou2024" in printed
    assert main(["--root", str(book), "citations", "entry", "nobody"]) == 1


def test_no_port_no_answer(book):
    with pytest.raises(lookup.UnreachableError, match="does not answer"):
        lookup.ask_crossref("10.1/x", "http://127.0.0.1:9")
