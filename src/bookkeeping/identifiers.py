"""What each DOI, arXiv number or address in the book really is, as it was read.

The table is ``identifiers.yml``; an entry of ``references.bib`` is printed from one of its records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pybtex.database import Person

IDENTIFIERS = Path("identifiers.yml")


@dataclass(frozen=True)
class Record:
    """One work, as its identifier has it.

    Parameters
    ----------
    identifier : str
        ``doi:...``, ``arXiv:...`` or an address.
    key : str
        Name of its entry in ``references.bib``.
    title, authors, venue : str
        As BibTeX writes them.
    year : int
        Of the version that is cited.
    mark : {"READ", "READ-2nd", "MEM"}
        How surely all this is known; from memory (MEM) alone it is never cited.
    read : str
        Where it was read.
    via : str
        Whose summary it was, if it was read second hand.
    also_titles, also_years : tuple
        Of other versions of the work.
    """

    identifier: str
    key: str
    title: str
    authors: str
    year: int
    venue: str
    mark: str
    read: str
    via: str = ""
    also_titles: tuple[str, ...] = ()
    also_years: tuple[int, ...] = ()

    @property
    def families(self) -> list[str]:
        """Family names in order; the last is "others" where not all were seen."""
        return [family(Person(name)) for name in re.split(r"\s+and\s+(?![^{]*\})", self.authors)]


def family(person: Person) -> str:
    """Return a person's family name without BibTeX's braces."""
    return re.sub(r"[{}]", "", " ".join([*person.prelast_names, *person.last_names]))


def same(one: str, other: str) -> bool:
    """Tell whether two titles agree up to case, punctuation and braces.

    Examples
    --------
    >>> same("{scGPT}: Toward building", "scGPT toward building")
    True
    """
    plain = (re.sub(r"[\W_]+", "", title).casefold() for title in (one, other))
    return next(plain) == next(plain)


def records(root: Path) -> dict[str, Record]:
    """Read ``identifiers.yml``.

    Returns
    -------
    records : dict of str to Record
        By identifier.

    Examples
    --------
    >>> root = Path(__file__).parents[2]
    >>> records(root)["doi:10.1038/s42256-025-01007-9"].families[:2]
    ['Consens', 'Dufault']
    """
    raw: Mapping[str, dict[str, Any]] = yaml.safe_load((root / IDENTIFIERS).read_text("utf-8"))
    found = {}
    for name, work in raw.items():
        fields: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in work.items()}
        found[name] = Record(name, **fields)
    return found


def entry_text(record: Record) -> str:
    """Write the entry of ``references.bib`` that a record asks for.

    Parameters
    ----------
    record : Record

    Returns
    -------
    text : str
        BibTeX.
    """
    scheme, _, number = record.identifier.partition(":")
    fields = {
        "author": record.authors,
        "title": f"{{{record.title}}}",
        "year": str(record.year),
        "journal": record.venue,
    }
    fields |= {
        "doi": {"doi": number},
        "arXiv": {"eprint": number, "archiveprefix": "arXiv"},
    }.get(scheme, {"url": record.identifier})
    if record.mark == "READ-2nd":
        fields["note"] = f"as reported by {record.via}"
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@article{{{record.key},\n{lines}}}\n"
