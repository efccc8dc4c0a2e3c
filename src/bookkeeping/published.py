"""Every number of the published tables under a name that a page can cite.

The tables are CSV files of the science package; a number's name is made of its table, the words of
its row and its column (none if that is called "value"), in lower case with dashes:
``gue-finetuned.gue-tf-0.dnabert-2.mcc``. An empty field is no figure.
"""

from __future__ import annotations

import csv
import difflib
import functools
import re
from dataclasses import dataclass

from hypecheck.recorded import PUBLISHED, PublishedTable, published


class PublishedError(ValueError):
    """A figure that nobody transcribed, or a form that it cannot take."""


@dataclass(frozen=True)
class Figure:
    """One published number.

    Parameters
    ----------
    name : str
        Table, row and column.
    printed : str
        The number as it is printed there.
    table : PublishedTable
        Where it comes from.
    """

    name: str
    printed: str
    table: PublishedTable

    @property
    def is_second_hand(self) -> bool:
        """Whether it was read in somebody else's summary only."""
        return self.table.confidence == "READ-2nd"

    @property
    def source(self) -> str:
        """Who reported it, where, and how it was read."""
        place = f"{self.table.citation}; {self.table.where}"
        if self.table.confidence == "DIGITISED":
            return f"measured from the authors' figure: {place}"
        return f"{place}; as reported by {self.table.via}" if self.is_second_hand else place

    def text(self, form: str = "") -> str:
        """Write the number as it stands in prose.

        Parameters
        ----------
        form : str
            A format specification such as ``.2f``; as printed there if empty.

        Returns
        -------
        text : str
            The number; one that was measured from a drawing is marked as approximate.

        Raises
        ------
        PublishedError
            If the form is no format specification.
        """
        try:
            number = format(float(self.printed), form) if form else self.printed
        except ValueError as error:
            raise PublishedError(
                f"published figure {self.name}: unknown form {form!r}; use one such as '.2f'"
            ) from error
        return f"≈{number}" if self.table.confidence == "DIGITISED" else number


def slug(text: str) -> str:
    """Write a name with lower-case letters, digits and dashes alone.

    Examples
    --------
    >>> slug("Promoter All 70 bps"), slug("gue/tf/0")
    ('promoter-all-70-bps', 'gue-tf-0')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


@functools.cache
def figures() -> dict[str, Figure]:
    """Name every number of every published table.

    Returns
    -------
    figures : dict of str to Figure

    Raises
    ------
    PublishedError
        If two numbers would have the same name.
    """
    found: dict[str, Figure] = {}
    for path in sorted(PUBLISHED.glob("*.csv")):
        table = published(path.stem)
        numeric = set(table.frame.select_dtypes("number").columns)
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                named = [table.row] if table.row else [c for c in row if c not in numeric]
                words = [path.stem, *(row[column] for column in named)]
                for column in [c for c in row if c in numeric and row[c]]:
                    parts = words if column == "value" else [*words, column]
                    name = ".".join(map(slug, parts))
                    if name in found:
                        raise PublishedError(f"{path.name} has two figures called {name}")
                    found[name] = Figure(name, row[column], table)
    return found


def find(name: str) -> Figure:
    """Look one published number up.

    Parameters
    ----------
    name : str
        As made by `figures`; underscores count as dashes.

    Returns
    -------
    figure : Figure

    Raises
    ------
    PublishedError
        If there is none of that name; the message says what comes near.

    Examples
    --------
    >>> find("gue_finetuned.gue-tf-0.dnabert-2.mcc").printed
    '0.7199'
    """
    wanted = name.strip().lower().replace("_", "-")
    if wanted not in figures():
        near = difflib.get_close_matches(wanted, figures(), n=3, cutoff=0.5)
        raise PublishedError(
            f"no published figure is called {name!r}; near it: {', '.join(near) or 'none'}; "
            "a new one is a row of a table in src/hypecheck/assets/published"
        )
    return figures()[wanted]
