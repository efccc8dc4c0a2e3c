"""Read the rendered pages as a reader would: no number without a source, no copied sentence.

- Every digit in the text of a page is a published result, a cited figure, or one of the constants
  that ``prose.toml`` lists with a reason. Code, outputs, mathematics, headings, citations, years
  and names (``DNABERT-2``, ``tf/0``: what begins with a letter) need none.
- No page shares eight words in a row with the documents that the book examines. Their words are
  kept as hashes in ``sources.sha``, so the check needs no copy of them. A short quotation in
  quotation marks is fine where its paragraph names the source.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from bs4 import Tag

from bookkeeping.rendered import GONE, LINKED, article, blocks, is_reference, needs_no_source

CONSTANTS = Path("prose.toml")
HASHES = Path("sources.sha")
RUN = 8  # words in a row
_HASH_BYTES = 6
_LONGEST_QUOTATION = 40  # words


_NAME = re.compile(r"(?<![\w.])[^\W\d_]\w*(?:[-/._]\w+)*")
_DATE = re.compile(
    r"\b\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|"
    r"December)\b|(?<![\w.,])(?:19[5-9]\d|20[0-3]\d)(?:[a-z]|s)?(?![\w%]|[.,]\d|\s?(?:%|(?:bp|kb|Mb)\b))"
)
_NUMBER = re.compile(r"[+−-]?(?:\d[\d.,]*\d|\d|(?<!\w)\.\d+)(?:\s?%|[\w-]*)")
_SENTENCE = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[^a-z])")
_QUOTATION = re.compile(r"“([^“”]*)”|\"([^\"]*)\"")
_SOURCE = re.compile(rf"{LINKED}|\bsources?\b|\bS[0-4]\b", re.I)
_WORD = re.compile(r"[^\W_]+")
_WAYS_OUT = (
    "compute it, publish it and quote {result}`name`; or add it to a table of "
    "src/hypecheck/assets/published and quote {cited}`name`; or, if it is a constant, "
    f"list it in {CONSTANTS} with a reason"
)


def check(site: Path, root: Path) -> list[str]:
    """Read every rendered page.

    Parameters
    ----------
    site : Path
        Folder of the rendered pages.
    root : Path
        The book's top folder.

    Returns
    -------
    complaints : list of str
        One for each sentence at fault: page, sentence, number, and the ways out.
    """
    hashes = frozenset((root / HASHES).read_text("ascii").split())
    complaints = []
    for source in sorted(p for part in ("book", "notebooks") for p in (root / part).rglob("*.md")):
        page = str(source.relative_to(root).with_suffix(""))
        rendered = site / f"{page}.html"
        if not rendered.exists():
            complaints.append(f"{page}: {rendered} is not there; render the pages first")
            continue
        text = article(rendered.read_text("utf-8"))
        faults = [*bare_numbers(text, constants(root, page)), *copied_runs(text, hashes)]
        complaints += [f"{page}: {fault}" for fault in [*faults, *_unsaid_hearsay(text)]]
    return complaints


def constants(root: Path, page: str) -> list[str]:
    """Read the patterns of the numbers that need no source on a page.

    Parameters
    ----------
    root : Path
        The book's top folder.
    page : str
        Its path without ending.

    Returns
    -------
    patterns : list of str
        Regular expressions.

    Raises
    ------
    ValueError
        If one is listed without a reason.
    """
    listed = tomllib.loads((root / CONSTANTS).read_text("utf-8"))["constant"]
    for constant in listed:
        if not constant.get("reason"):
            raise ValueError(f"{CONSTANTS}: {constant['pattern']!r} is listed without a reason")
    return [c["pattern"] for c in listed if page in c.get("pages", [page])]


def bare_numbers(page: Tag, patterns: Iterable[str]) -> Iterator[str]:
    """Find the sentences that hold a number without a source.

    Parameters
    ----------
    page : bs4.Tag
        Its article.
    patterns : iterable of str
        Regular expressions of the constants.

    Yields
    ------
    fault : str
        Sentence, numbers and ways out.
    """
    allowed = re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")
    for block in blocks(page, needs_no_source):
        for sentence in _SENTENCE.split(_unquoted(block)):
            rest = sentence
            for exempt in (allowed, _DATE, _NAME):
                rest = exempt.sub(GONE, rest)
            numbers = [number.rstrip("-") for number in _NUMBER.findall(rest)]
            if numbers:
                yield f"{', '.join(numbers)} in {_quoted(sentence)} has no source: {_WAYS_OUT}"


def copied_runs(page: Tag, hashes: frozenset[str]) -> Iterator[str]:
    """Find the runs of words that a source has as well.

    Parameters
    ----------
    page : bs4.Tag
        Its article.
    hashes : frozenset of str
        Hashes of the sources' runs.

    Yields
    ------
    fault : str
        The whole run, and the way out.
    """
    words: list[str] = []
    for block in blocks(page, is_reference):
        for piece in _unquoted(block).split(GONE):
            words += [*_words(piece), ""]
        words.pop()
    hits = [i for i, run in enumerate(_runs(words)) if run and digest(run) in hashes]
    for first, last in _stretches(hits):
        yield (
            f"{_quoted(' '.join(words[first : last + RUN]))} stands in a source as well: say it in "
            "other words, or quote it briefly, in quotation marks, and name the source beside it"
        )


def _unquoted(block: str) -> str:
    """Leave out the short quotations of a block that names a source."""
    if not _SOURCE.search(block):
        return block
    return _QUOTATION.sub(
        lambda match: GONE if len(_words(match[0])) <= _LONGEST_QUOTATION else match[0], block
    )


def _unsaid_hearsay(page: Tag) -> Iterator[str]:
    for figure in page.select(".second-hand"):
        place = figure.find_parent("section") or page
        if "reported by" not in place.get_text(" "):
            yield (
                f"{figure.get_text()} was read second hand and its section does not say so: "
                "write 'as reported by ...', or leave out the form ':bare'"
            )


def hash_sources(folder: Path, titles: Iterable[str]) -> str:
    """Hash every run of words in the documents of a folder.

    Parameters
    ----------
    folder : Path
        With Markdown files.
    titles : iterable of str
        Of cited works, whose words anybody may print.

    Returns
    -------
    lines : str
        The content of ``sources.sha``.

    Raises
    ------
    FileNotFoundError
        If there are no such files.
    """
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.md"))]
    if not texts:
        raise FileNotFoundError(f"no Markdown files in {folder}: name the folder of the sources")
    plain = (re.sub(r"\]\([^)]*\)", "]", text) for text in texts)
    runs = {run for text in plain for run in _runs(_words(text))}
    runs -= {run for title in titles for run in _runs(_words(title))}
    return "\n".join(sorted(map(digest, runs))) + "\n"


def digest(run: str) -> str:
    """Hash one run of words.

    Examples
    --------
    >>> len(digest("eight words in a row make a run"))
    12
    """
    return hashlib.blake2b(run.encode(), digest_size=_HASH_BYTES).hexdigest()


def _words(text: str) -> list[str]:
    return _WORD.findall(re.sub(r"[’']", "", text).lower())


def _runs(words: list[str]) -> Iterator[str]:
    """Yield each run, or nothing in its place where the text is interrupted."""
    for first in range(len(words) - RUN + 1):
        run = words[first : first + RUN]
        yield " ".join(run) if all(run) else ""


def _stretches(hits: list[int]) -> Iterator[tuple[int, int]]:
    """Join neighbouring hits into one."""
    for position, hit in enumerate(hits):
        if position == 0 or hit > hits[position - 1] + RUN:
            first = hit
        if position + 1 == len(hits) or hits[position + 1] > hit + RUN:
            yield first, hit


def _quoted(text: str, most: int = 160) -> str:
    shown = re.sub(f"{GONE}+", "…", text.replace(LINKED, "")).strip(" |")
    return f"“{shown if len(shown) <= most else shown[:most] + '…'}”"
