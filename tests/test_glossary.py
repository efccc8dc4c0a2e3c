"""Every word of the glossary is linked from a page that needs it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def terms() -> list[str]:
    return re.findall(r"^(\S[^\n`]*)\n  \S", (ROOT / "book/glossary.md").read_text("utf-8"), re.M)


def linked() -> set[str]:
    pages = [p for folder in ("book", "notebooks") for p in (ROOT / folder).glob("*.md")]
    roles = re.findall(r"\{term\}`([^`]+)`", "\n".join(p.read_text("utf-8") for p in pages))
    return {re.sub(r".*<(.+)>$", r"\1", role) for role in roles}


def test_no_word_is_explained_twice():
    assert len(terms()) > 90
    assert len(set(terms())) == len(terms())


def test_every_word_is_linked():
    assert set(terms()) - linked() == set()


def test_every_link_has_its_word():
    assert linked() <= set(terms())
