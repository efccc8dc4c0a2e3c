"""What the book cites, held against what the identifiers really are.

``identifiers.yml`` says of each DOI or arXiv number which work it is and where that was read.
``references.bib`` holds the works that pages cite, as they are printed.
:func:`check` fails where the two disagree, where a key does not resolve or an entry is not used,
and where a page attributes a work to somebody else: all seven citations of the book's longest
source name the wrong authors, so a link that resolves proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pybtex.database import Entry, parse_file
from pybtex.exceptions import PybtexError

from bookkeeping.identifiers import IDENTIFIERS, Record, family, records, same
from bookkeeping.published import PublishedError, find

REFERENCES = Path("references.bib")
_ROLE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_FIGURE = re.compile(r"\{cited\}`([^`:]+)")
_ATTRIBUTION = re.compile(r"([^\W\d_][\w'’-]*) et al\.?,?\s*\{cite(?::\w+)?\}`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")
_FENCE = re.compile(r"\s*(`{3,}|~{3,}|:{3,})\s*([^`]*)$")
_ADDRESSES = (
    (re.compile(r"doi\.org/(10\.[^?#]+)"), "doi:{}"),
    (re.compile(r"nature\.com/articles/(s\d[\w-]+)"), "doi:10.1038/{}"),
    (re.compile(r"biorxiv\.org/content/(10\.\d+/[\d.]+\d)"), "doi:{}"),
    (re.compile(r"arxiv\.org/(?:abs|pdf|html)/(\d{4}\.\d{4,5})"), "arXiv:{}"),
)


def check(root: Path) -> list[str]:
    """Hold entries, identifiers and pages against one another.

    Parameters
    ----------
    root : Path
        The book's top folder.

    Returns
    -------
    complaints : list of str
        One sentence for each fault, with the place and the fix; empty if all is well.
    """
    try:
        works = records(root)
        entries = parse_file(str(root / REFERENCES), "bibtex").entries
    except (OSError, TypeError, yaml.YAMLError, PybtexError) as error:
        return [f"the citations cannot be read: {error}"]
    complaints = [fault for work in works.values() for fault in _faults_of_record(work)]
    complaints += [fault for entry in entries.values() for fault in _faults_of_entry(entry, works)]
    used: set[str] = set()
    for path in _sources(root):
        text = _without_code(path.read_text("utf-8"))
        page = str(path.relative_to(root).with_suffix(""))
        keys, faults = _uses(text, works)
        used |= keys
        faults += [
            f"{key} is cited and not in {REFERENCES}; "
            f"`bookkeeping citations entry {key}` writes an entry from {IDENTIFIERS}"
            for key in sorted(keys - entries.keys())
        ]
        faults += [*_wrong_attributions(text, entries), *_wrong_links(text, works)]
        complaints += [f"{page}: {fault}" for fault in faults]
    complaints += [
        f"{REFERENCES}: no page cites {key}; cite it or take it out"
        for key in entries
        if key not in used
    ]
    return complaints


def _without_code(text: str) -> str:
    """Drop code blocks and keep what stands in directives, however they are nested."""
    kept, opened, code = [], [""], ""
    for line in text.splitlines():
        marks, words = fence.groups() if (fence := _FENCE.match(line)) else ("", "")
        if code:
            code = "" if marks.startswith(code) and not words else code
        elif not marks:
            kept.append(line)
        elif not words and opened[-1] and marks.startswith(opened[-1]):
            opened.pop()
        elif words.startswith("{") and not words.startswith("{code-cell}"):
            opened.append(marks)
        else:
            code = marks
    return "\n".join(kept)


def _sources(root: Path) -> list[Path]:
    return sorted(p for folder in ("book", "notebooks") for p in (root / folder).rglob("*.md"))


def _faults_of_record(work: Record) -> Iterator[str]:
    if work.mark not in ("READ", "READ-2nd", "MEM"):
        yield f"{work.identifier}: mark {work.mark!r} is none of READ, READ-2nd, MEM"
    if work.mark == "READ-2nd" and not work.via:
        yield f"{work.identifier}: READ-2nd needs `via`, whose summary it was"
    number = re.fullmatch(r"arXiv:(\d\d)\d\d\.\d+", work.identifier)
    if number and work.year < 2000 + int(number[1]):
        yield f"{work.identifier} cannot be of {work.year}: its number is of 20{number[1]}"


def _identifier(entry: Entry) -> str:
    fields = entry.fields
    if "doi" in fields:
        return f"doi:{fields['doi']}"
    return f"arXiv:{fields['eprint']}" if "eprint" in fields else fields.get("url", "")


def _faults_of_entry(entry: Entry, works: Mapping[str, Record]) -> Iterator[str]:
    place = f"{REFERENCES}: {entry.key}"
    work = works.get(_identifier(entry))
    if work is None:
        yield f"{place} has no doi, eprint or url that {IDENTIFIERS} knows"
        return
    printed = [family(person) for person in entry.persons.get("author", [])]
    facts = {
        "authors": (", ".join(printed), ", ".join(work.families)),
        "year": (entry.fields.get("year", "none"), str(work.year)),
        "key": (entry.key, work.key),
    }
    for what, (ours, theirs) in facts.items():
        if ours != theirs:
            yield f"{place}: {what} {ours}, but {work.identifier} has {theirs}"
    if not same(entry.fields.get("title", ""), work.title):
        yield f"{place}: another title than {work.identifier}, which is {work.title!r}"
    if work.mark == "MEM":
        yield f"{place} rests on memory alone: read the work, then mark {work.identifier} READ"
    if work.mark == "READ-2nd" and not entry.fields.get("note", "").startswith("as reported by"):
        yield f"{place} was read second hand: it needs note = {{as reported by {work.via}}}"


def _keys(role: str) -> list[str]:
    return [re.sub(r"\{[^}]*\}", "", key).strip() for key in role.split(",")]


def _uses(text: str, works: Mapping[str, Record]) -> tuple[set[str], list[str]]:
    keys = {key for role in _ROLE.findall(text) for key in _keys(role)}
    faults = []
    for name in _FIGURE.findall(text):
        try:
            identifier = find(name).table.identifier
            keys.add(works[identifier].key)
        except PublishedError as error:
            faults.append(str(error))
        except KeyError:
            faults.append(f"{name} comes from {identifier}, which {IDENTIFIERS} does not know")
    return keys, faults


def _wrong_attributions(text: str, entries: Mapping[str, Entry]) -> Iterator[str]:
    for name, role in _ATTRIBUTION.findall(text):
        works = [entries[key] for key in _keys(role) if key in entries]
        firsts = [family(work.persons["author"][0]) for work in works if work.persons]
        if firsts and not any(name in first.split() or name == first for first in firsts):
            yield f"'{name} et al.' stands before {role}, which is by {', '.join(firsts)}"


def _wrong_links(text: str, works: Mapping[str, Record]) -> Iterator[str]:
    for words, address in _LINK.findall(text):
        matches = ((pattern.search(address), form) for pattern, form in _ADDRESSES)
        found = next((form.format(m[1].removesuffix(".pdf")) for m, form in matches if m), None)
        if found is None:
            continue
        if found not in works:
            yield f"a link to {found}, which {IDENTIFIERS} does not know: add what it is"
            continue
        work, years = works[found], set(map(int, re.findall(r"\b(?:19|20)\d\d\b", words)))
        wrong_year = years - {work.year, *work.also_years}
        if ("et al" in words and work.families[0] not in words) or wrong_year:
            yield f"'{words}' links to {found}, which is {work.families[0]} {work.year}"
