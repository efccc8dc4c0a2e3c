"""Ask Crossref and arXiv whether ``identifiers.yml`` is right; needs a network.

A record agrees if the registrar's title, first author and year are those written down, for the
version that is cited or for another that the record names.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from xml.etree import ElementTree

from bookkeeping.identifiers import Record, records, same

CROSSREF = "https://api.crossref.org"
ARXIV = "https://export.arxiv.org"
_ATOM = "{http://www.w3.org/2005/Atom}"
_TIMEOUT_SECONDS = 30


class UnreachableError(OSError):
    """No answer from a registrar: nothing is known, which is neither right nor wrong."""


@dataclass(frozen=True)
class Answer:
    """What a registrar says of an identifier.

    Parameters
    ----------
    title, author : str
        Title and first author.
    years : set of int
        Of print, of publication online, of posting.
    """

    title: str
    author: str
    years: frozenset[int]


def verify(root: Path, *, crossref: str = CROSSREF, arxiv: str = ARXIV) -> list[str]:
    """Compare every DOI and arXiv number with its registrar.

    Parameters
    ----------
    root : Path
        The book's top folder.
    crossref, arxiv : str
        Where the registrars answer.

    Returns
    -------
    disagreements : list of str
        One sentence each; empty if all agree.

    Raises
    ------
    UnreachableError
        If a registrar does not answer.
    """
    works = records(root)
    dois = {name: work for name, work in works.items() if name.startswith("doi:")}
    preprints = {name: work for name, work in works.items() if name.startswith("arXiv:")}
    answers: dict[str, Answer | None] = {name: ask_crossref(name[4:], crossref) for name in dois}
    answers |= ask_arxiv([name[6:] for name in preprints], arxiv)
    return [
        fault
        for name, work in (dois | preprints).items()
        for fault in _disagreements(work, answers.get(name))
    ]


def _get(address: str) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "bookkeeping (citations)"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:
            return bytes(response.read())
    except HTTPError:
        raise
    except OSError as error:
        raise UnreachableError(f"{address} does not answer ({error})") from error


def _strange(address: str, error: Exception) -> UnreachableError:
    return UnreachableError(f"{address} answers something else than a record ({error})")


def ask_crossref(doi: str, server: str = CROSSREF) -> Answer | None:
    """Ask for one DOI.

    Parameters
    ----------
    doi : str
        Without a prefix.
    server : str
        Where Crossref answers.

    Returns
    -------
    answer : Answer or None
        None if Crossref does not know the DOI.

    Raises
    ------
    UnreachableError
        If it does not answer, or refuses to.
    """
    address = f"{server}/works/{urllib.parse.quote(doi, safe='/')}"
    try:
        work: dict[str, Any] = json.loads(_get(address))["message"]
    except HTTPError as error:
        if error.code == 404:
            return None
        raise _strange(address, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _strange(address, error) from error
    dates = ("issued", "published-print", "published-online", "posted")
    years = (work.get(date, {}).get("date-parts", [[None]])[0][0] for date in dates)
    author = (work.get("author") or [{}])[0]
    return Answer(
        title=" ".join(work.get("title", [])),
        author=author.get("family") or author.get("name", ""),
        years=frozenset(year for year in years if year),
    )


def ask_arxiv(numbers: Iterable[str], server: str = ARXIV) -> dict[str, Answer | None]:
    """Ask for several arXiv numbers at once.

    Parameters
    ----------
    numbers : iterable of str
        Without version.
    server : str
        Where arXiv answers.

    Returns
    -------
    answers : dict of str to Answer
        By identifier; a number that arXiv does not know is missing.

    Raises
    ------
    UnreachableError
        If it does not answer, or refuses to.
    """
    wanted = list(numbers)
    query = urllib.parse.urlencode({"id_list": ",".join(wanted), "max_results": len(wanted)})
    address = f"{server}/api/query?{query}"
    try:
        feed = ElementTree.fromstring(_get(address))
    except (HTTPError, ElementTree.ParseError) as error:
        raise _strange(address, error) from error
    answers: dict[str, Answer | None] = {}
    for entry in feed.iter(f"{_ATOM}entry"):
        number = re.search(r"(\d{4}\.\d{4,5})", entry.findtext(f"{_ATOM}id", ""))
        if number:
            answers[f"arXiv:{number[1]}"] = Answer(
                title=" ".join(entry.findtext(f"{_ATOM}title", "").split()),
                author=entry.findtext(f"{_ATOM}author/{_ATOM}name", ""),
                years=frozenset({int(entry.findtext(f"{_ATOM}published", "0")[:4])}),
            )
    return answers


def _disagreements(work: Record, answer: Answer | None) -> list[str]:
    if answer is None:
        return [f"{work.identifier} is not known to its registrar"]
    faults = []
    if not any(same(title, answer.title) for title in (work.title, *work.also_titles)):
        faults.append(f"title {answer.title!r}, not {work.title!r}")
    first = work.families[0].casefold()
    if not answer.author.casefold().endswith(first):
        faults.append(f"first author {answer.author}, not {work.families[0]}")
    if not answer.years & {work.year, *work.also_years}:
        said = ", ".join(map(str, sorted(answer.years)))
        faults.append(f"year {said or 'unknown'}, not {work.year}")
    return [f"{work.identifier}: its registrar says {fault}" for fault in faults]
